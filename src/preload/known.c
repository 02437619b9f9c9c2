#include "preload/known.h"

#include "preload/module.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define OWN_SETTINGS "have it verify its servers by its own settings"

static const struct pga_speaker speakers[] = {
    {"odyssey", OWN_SETTINGS},
    {"pg_doorman", OWN_SETTINGS},
    {"pgagroal", OWN_SETTINGS},
    {"pgbouncer",
     "give it server_tls_sslmode = verify-full and server_tls_ca_file in pgbouncer.ini"},
    {"pgcat", OWN_SETTINGS},
    {"pgdog", OWN_SETTINGS},
    {"pgloader", OWN_SETTINGS},
    {"pgpool", OWN_SETTINGS},
    {"proxysql", OWN_SETTINGS},
};

/* Part of the path of a library, as Python and .NET map it. */
static const struct {
	const char *part;
	const char *driver;
} drivers[] = {
    {"/asyncpg/protocol/protocol.", "asyncpg"},
    {"/Npgsql.dll", "Npgsql"},
};

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* Whether the file is called so: NAME.so, NAME.so.5.15, or NAME-0a1b2c.so.5.15 as wheels have it.
 */
static bool is_library(const char *path, const char *name)
{
	const char *base = file_name(path);
	size_t length = strlen(name);

	return strncmp(base, name, length) == 0 && (base[length] == '.' || base[length] == '-') &&
	       strstr(base, ".so") != NULL;
}

bool pga_is_dropin(const char *path)
{
	static const char end[] = "/pganchor/libpq/libpq.so.5";
	const size_t length = strlen(path);

	return length >= sizeof end - 1 && strcmp(path + length - (sizeof end - 1), end) == 0;
}

bool pga_is_libpq(const char *path)
{
	/* What libpq 18 and 19 load for OAuth (libpq-oauth-18.so, libpq-oauth.so) is none. */
	return is_library(path, "libpq") && !is_library(path, "libpq-oauth") &&
	       !pga_is_dropin(path);
}

bool pga_is_gate(const char *path)
{
	return is_library(path, "pganchor-gate") || is_library(path, "libpganchor") ||
	       pga_is_dropin(path);
}

const struct pga_speaker *pga_find_speaker(const char *path)
{
	for (size_t i = 0; i < sizeof speakers / sizeof speakers[0]; i++)
		if (strcmp(file_name(path), speakers[i].name) == 0)
			return &speakers[i];
	return NULL;
}

const char *pga_find_driver(const char *path)
{
	for (size_t i = 0; i < sizeof drivers / sizeof drivers[0]; i++)
		if (strstr(path, drivers[i].part) != NULL)
			return drivers[i].driver;
	return NULL;
}

bool pga_puts_libpq_first(const char *preload)
{
	const char *entry;
	size_t length;
	bool first = false;

	for (; (entry = pga_module_next_entry(preload, &length)) != NULL;
	     preload = entry + length) {
		char *path = strndup(entry, length);

		if (path == NULL || pga_is_gate(path)) {
			free(path);
			return false;
		}
		first = pga_is_libpq(path);
		free(path);
		if (first)
			return true;
	}
	return false;
}
