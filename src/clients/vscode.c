/* settings.json of VS Code, for the extensions that keep connections there: Microsoft's PostgreSQL
 * (pgsql.connections, by libpq) and SQLTools (sqltools.connections, by node-postgres). */
#include "clients/jsonc.h"
#include "clients/stores.h"

#include "base/file.h"

#include <jansson.h>
#include <string.h>
#include <strings.h>

#define TOOLS_MEND                                                                            \
	"in settings.json give the connection \"pgOptions\": {\"ssl\": {\"ca\": \"FILE\"}}, " \
	"or \"ssl\": true for a certificate of a public CA"

static const char *text_of(json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static const char *first_of(const char *a, const char *b)
{
	return a != NULL && a[0] != '\0' ? a : b;
}

static const char *const settings[] = {"host",    "hostaddr", "port",       "user", "database",
				       "sslmode", "service",  "gssencmode", NULL};

static void judge_pgsql(const struct pga_store *store, json_t *connection)
{
	const char *keywords[sizeof settings / sizeof settings[0]] = {NULL};
	const char *values[sizeof settings / sizeof settings[0]] = {NULL};
	const char *server = text_of(connection, "server");

	for (size_t i = 0; settings[i] != NULL; i++) {
		keywords[i] = strcmp(settings[i], "database") == 0 ? "dbname" : settings[i];
		values[i] = text_of(connection, settings[i]);
	}
	/* The port may be a number, too: it says nothing here. */
	values[2] = NULL;
	if (values[0] == NULL)
		values[0] = server;
	pga_keep_libpq(store, first_of(text_of(connection, "profileName"), server), keywords,
		       values, false);
}

/* node-postgres: what "ssl" is. A connection string says it by sslmode (pg-connection-string). */
static const char *node_weakness(json_t *ssl, const char *address)
{
	if (ssl == NULL && address != NULL) {
		if (strstr(address, "sslmode=no-verify") != NULL)
			return "sslmode=no-verify: no certificate is checked";
		if (strstr(address, "sslmode=") != NULL &&
		    strstr(address, "sslmode=disable") == NULL)
			return NULL;
		return "no sslmode in its connection string: node-postgres uses no TLS then";
	}
	if (json_is_object(ssl))
		return json_is_false(json_object_get(ssl, "rejectUnauthorized"))
			   ? "rejectUnauthorized is false: no certificate is checked"
			   : NULL;
	return json_is_true(ssl) ? NULL : "no ssl: node-postgres uses no TLS then";
}

static void judge_tools(const struct pga_store *store, json_t *connection)
{
	const struct pga_store tools = {store->kept, "SQLTools in VS Code", TOOLS_MEND,
					store->file};
	const char *driver = text_of(connection, "driver");
	json_t *ssl = json_object_get(json_object_get(connection, "pgOptions"), "ssl");

	if (driver == NULL)
		driver = text_of(connection, "dialect");
	if (driver == NULL || strcasecmp(driver, "PostgreSQL") != 0)
		return;
	pga_keep(&tools, text_of(connection, "name"), text_of(connection, "server"),
		 node_weakness(ssl, text_of(connection, "connectString")));
}

static void judge_all(const struct pga_store *store, json_t *root)
{
	const json_t *pgsql = json_object_get(root, "pgsql.connections");
	const json_t *tools = json_object_get(root, "sqltools.connections");

	for (size_t i = 0; i < json_array_size(pgsql); i++)
		judge_pgsql(store, json_array_get(pgsql, i));
	for (size_t i = 0; i < json_array_size(tools); i++)
		judge_tools(store, json_array_get(tools, i));
}

void pga_vscode_read(const struct pga_store *store)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	struct pga_text json = PGA_TEXT_EMPTY;
	struct pga_error error;
	json_error_t where;
	json_t *root;

	if (pga_file_read(store->file, &content, NULL, &error) != 0) {
		pga_keep_unread(store, &error);
		goto done;
	}
	pga_jsonc_strip(&json, pga_text_string(&content), content.length);
	if (json.failed) {
		store->kept->failed = true;
		goto done;
	}
	if (json.length == 0)
		goto done;
	root = json_loadb(json.bytes, json.length, 0, &where);
	if (root == NULL) {
		(void)pga_fail(&error, NULL, "%s: it is no JSON, even without its comments",
			       store->file);
		pga_keep_unread(store, &error);
		goto done;
	}
	judge_all(store, root);
	json_decref(root);
done:
	pga_text_free(&json);
	pga_text_free(&content);
}
