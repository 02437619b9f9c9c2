/* An object that opens libpq by itself, wherever it is loaded. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "outer.h"

/* Connects; what came of it. */
const char *outer_connect(const char *conninfo)
{
	static char told[2000];
	void *libpq;
	connect_function *connect;
	message_function *message;
	finish_function *finish;
	void *conn;

	/* What fails is told to whoever asks in here. */
	if (dlopen("/nowhere/libnothing.so", RTLD_NOW) != NULL ||
	    strstr(dlerror(), "/nowhere") == NULL)
		return "dlerror() does not tell";
	libpq = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
	if (libpq == NULL)
		return dlerror();
	*(void **)&connect = dlsym(libpq, "PQconnectdb");
	*(void **)&message = dlsym(libpq, "PQerrorMessage");
	*(void **)&finish = dlsym(libpq, "PQfinish");
	conn = connect(conninfo);
	snprintf(told, sizeof told, "%s", message(conn));
	finish(conn);
	return told[0] != '\0' ? told : "connected\n";
}
