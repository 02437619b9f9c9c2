/* A module of NSS that connects by libpq, as libnss-pgsql2 does: one lock for all of its functions,
 * and a connection for each question. Its users are all who are asked for by a number, with the
 * home directory $NSS_HOME; by name it knows nobody. $NSS_LOG gets a line for each connection. */
#include <libpq-fe.h>
#include <nss.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void ask_server(void)
{
	PGconn *conn = PQconnectdb(getenv("NSS_CONNINFO"));
	FILE *log = fopen(getenv("NSS_LOG"), "a");

	if (log != NULL) {
		(void)fprintf(log, "%s\n",
			      PQstatus(conn) == CONNECTION_OK ? "connected" : PQerrorMessage(conn));
		(void)fclose(log);
	}
	PQfinish(conn);
}

enum nss_status _nss_pgtest_getpwnam_r(const char *name, struct passwd *entry, char *buffer,
				       size_t size, int *failed)
{
	(void)name, (void)entry, (void)buffer, (void)size, (void)failed;
	(void)pthread_mutex_lock(&lock);
	ask_server();
	(void)pthread_mutex_unlock(&lock);
	return NSS_STATUS_NOTFOUND;
}

enum nss_status _nss_pgtest_getpwuid_r(uid_t user, struct passwd *entry, char *buffer, size_t size,
				       int *failed)
{
	const char *home = getenv("NSS_HOME");

	(void)failed;
	(void)pthread_mutex_lock(&lock);
	ask_server();
	(void)pthread_mutex_unlock(&lock);
	(void)snprintf(buffer, size, "%s", home);
	*entry = (struct passwd){.pw_name = buffer,
				 .pw_passwd = buffer,
				 .pw_uid = user,
				 .pw_gecos = buffer,
				 .pw_dir = buffer,
				 .pw_shell = buffer};
	return NSS_STATUS_SUCCESS;
}
