#include "policy/linked.h"

#include "policy/effective.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* Looked for once: it does not change while the process lives. */
static const struct pga_own_libpq *own(void)
{
	static struct pga_own_libpq found;

	if (found.PQconnectStartParams == NULL)
		pga_own_libpq(&found);
	return &found;
}

static PGconn *connect_start(const char *const *keywords, const char *const *values,
			     int expand_dbname)
{
	return own()->PQconnectStartParams(keywords, values, expand_dbname);
}

static char *error_message(const PGconn *conn)
{
	return own()->PQerrorMessage(conn);
}

const struct pga_libpq pga_linked_libpq = {
    .PQconnectStartParams = connect_start,
    .PQconninfo = PQconninfo,
    .PQconninfoParse = PQconninfoParse,
    .PQconninfoFree = PQconninfoFree,
    .PQfreemem = PQfreemem,
    .PQfinish = PQfinish,
    .PQerrorMessage = error_message,
    .PQstatus = PQstatus,
};

const char *pga_linked_libpq_path(void)
{
	/* Which the gate does not stand before. */
	PQconninfoOption *(*function)(const char *, char **) = PQconninfoParse;
	void *address;
	Dl_info found;

	memcpy(&address, &function, sizeof address);
	return dladdr(address, &found) != 0 && found.dli_fname != NULL ? found.dli_fname
								       : "libpq.so.5";
}

int pga_linked_libpq_version(void)
{
	return PQlibVersion();
}

bool pga_linked_libpq_knows(const char *keyword)
{
	PQconninfoOption *options = PQconndefaults();
	bool known = false;

	for (PQconninfoOption *option = options;
	     !known && option != NULL && option->keyword != NULL; option++)
		known = strcmp(option->keyword, keyword) == 0;
	PQconninfoFree(options);
	return known;
}

int pga_hide_environment(struct pga_hidden_environment *hidden)
{
	PQconninfoOption *options = PQconndefaults();
	size_t count = 0;

	memset(hidden, 0, sizeof *hidden);
	if (options == NULL)
		return -1;
	while (options[count].keyword != NULL)
		count++;
	/* PGREQUIRESSL has no option of its own: it is an old way to say sslmode=require. */
	hidden->names = calloc(count + 1, sizeof *hidden->names);
	hidden->values = calloc(count + 1, sizeof *hidden->values);
	if (hidden->names == NULL || hidden->values == NULL)
		goto failed;
	for (size_t i = 0; i <= count; i++) {
		const char *name = i < count ? options[i].envvar : "PGREQUIRESSL";
		const char *value = name != NULL ? getenv(name) : NULL;

		if (value == NULL || strcmp(name, "PGSERVICEFILE") == 0)
			continue;
		hidden->names[hidden->count] = strdup(name);
		hidden->values[hidden->count] = strdup(value);
		if (hidden->names[hidden->count] == NULL || hidden->values[hidden->count] == NULL) {
			free(hidden->names[hidden->count]);
			free(hidden->values[hidden->count]);
			goto failed;
		}
		(void)unsetenv(name);
		hidden->count++;
	}
	PQconninfoFree(options);
	return 0;
failed:
	PQconninfoFree(options);
	pga_restore_environment(hidden);
	return -1;
}

void pga_restore_environment(struct pga_hidden_environment *hidden)
{
	for (size_t i = 0; i < hidden->count; i++) {
		(void)setenv(hidden->names[i], hidden->values[i], 1);
		free(hidden->names[i]);
		free(hidden->values[i]);
	}
	free(hidden->names);
	free(hidden->values);
	memset(hidden, 0, sizeof *hidden);
}

char *pga_libpq_home(struct pga_error *error)
{
	/* Without passfile and password, connectOptions2() fills in the default, HOME/.pgpass. */
	static const char *const keywords[] = {"user", NULL};
	/* Any name: with none, libpq looks for the user's, which need not be in the password file.
	 */
	static const char *const values[] = {"pganchor", NULL};
	const struct pga_parameters parameters = {keywords, values, 0};
	struct pga_hidden_environment hidden;
	struct pga_effective effective;
	const char *passfile;
	const char *slash;
	char *home = NULL;
	int asked;

	if (pga_hide_environment(&hidden) != 0) {
		(void)pga_fail_memory(error);
		return NULL;
	}
	asked = pga_effective_ask(&pga_linked_libpq, &parameters, &effective, error);
	pga_restore_environment(&hidden);
	if (asked != 0)
		return NULL;
	passfile = pga_effective_value(&effective, "passfile");
	slash = passfile != NULL ? strrchr(passfile, '/') : NULL;
	if (slash != NULL && slash > passfile)
		home = strndup(passfile, (size_t)(slash - passfile));
	if (home == NULL)
		(void)pga_fail(error, "set HOME", "libpq finds no home directory for this user");
	pga_effective_free(&pga_linked_libpq, &effective);
	return home;
}
