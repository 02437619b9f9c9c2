/* pgAdmin 4's own base: the table "server", of whose passwords nothing is read. Since its version 7
 * the settings for libpq are JSON in connection_params; before, there were columns of them. */
#include "clients/sqlite_file.h"
#include "clients/stores.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { NAME, HOST, PORT, USER, DBNAME, SERVICE, PARAMETERS };

#define COLUMNS "name, host, port, username, maintenance_db, service, "

/* The settings that the verdict goes by. Paths of certificates may be relative to a directory of
 * pgAdmin's: none of them makes a connection weak that is verify-full. */
static const char *const judged[] = {"sslmode",
				     "hostaddr",
				     "gssencmode",
				     "channel_binding",
				     "require_auth",
				     "ssl_min_protocol_version",
				     "ssl_max_protocol_version"};

#define JUDGED (sizeof judged / sizeof judged[0])

static void take_server(void *context, const char *const *columns)
{
	const char *keywords[JUDGED + 6] = {"host", "port", "user", "dbname", "service"};
	const char *values[JUDGED + 6] = {columns[HOST], columns[PORT], columns[USER],
					  columns[DBNAME], columns[SERVICE]};
	json_t *parameters =
	    columns[PARAMETERS] != NULL ? json_loads(columns[PARAMETERS], 0, NULL) : NULL;

	for (size_t i = 0; i < JUDGED; i++) {
		keywords[5 + i] = judged[i];
		values[5 + i] = json_string_value(json_object_get(parameters, judged[i]));
	}
	pga_keep_libpq(context, columns[NAME], keywords, values, false);
	json_decref(parameters);
}

static void take_old_server(void *context, const char *const *columns)
{
	const char *const keywords[] = {"host",    "port",    "user", "dbname",
					"service", "sslmode", NULL};
	const char *const values[] = {
	    columns[HOST],    columns[PORT],       columns[USER], columns[DBNAME],
	    columns[SERVICE], columns[PARAMETERS], NULL};

	pga_keep_libpq(context, columns[NAME], keywords, values, false);
}

void pga_pgadmin_read(const struct pga_store *store)
{
	struct pga_store copy = *store;
	struct pga_error error;

	if (pga_sqlite_ask(store->file, "SELECT " COLUMNS "connection_params FROM server",
			   take_server, &copy, &error) == 0)
		return;
	if (strstr(error.message, "no such column") == NULL ||
	    pga_sqlite_ask(store->file, "SELECT " COLUMNS "ssl_mode FROM server", take_old_server,
			   &copy, &error) != 0)
		pga_keep_unread(store, &error);
}
