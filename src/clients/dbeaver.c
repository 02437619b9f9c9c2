/* DBeaver's data-sources.json: connections of any kind of server, of which those by pgjdbc count.
 * Passwords are in another file. */
#include "clients/jdbc_url.h"
#include "clients/stores.h"

#include "base/file.h"

#include <jansson.h>
#include <string.h>

static const char *text_of(json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static const char *first_of(const char *a, const char *b)
{
	return a != NULL && a[0] != '\0' ? a : b;
}

/* What DBeaver hands to the driver: the settings of its SSL page where that is enabled, which it
 * puts over the driver's properties (PostgreDataSource.initServerSSL). Those of the address are
 * over both (pgjdbc's Driver.connect). */
static void judge(const struct pga_store *store, const char *name, json_t *configuration)
{
	json_t *handler =
	    json_object_get(json_object_get(configuration, "handlers"), "postgre_ssl");
	json_t *page = json_is_true(json_object_get(handler, "enabled"))
			   ? json_object_get(handler, "properties")
			   : NULL;
	json_t *properties = json_object_get(configuration, "properties");
	const char *address = first_of(text_of(configuration, "url"), "jdbc:postgresql:");
	struct pga_driver_settings settings;
	struct pga_jdbc_url url;
	const char *host;

	if (!pga_jdbc_url_read(&url, address)) {
		pga_jdbc_url_free(&url);
		return;
	}
	settings.sslmode = first_of(
	    url.sslmode, first_of(text_of(page, "sslMode"), text_of(properties, "sslmode")));
	settings.ssl = url.ssl != NULL ? url.ssl
		       : json_is_true(json_object_get(handler, "enabled"))
			   ? "true"
			   : text_of(properties, "ssl");
	settings.sslfactory = first_of(url.sslfactory, first_of(text_of(page, "sslFactory"),
								text_of(properties, "sslfactory")));
	host = first_of(text_of(configuration, "host"), url.host);
	if (url.failed)
		store->kept->failed = true;
	else if (!url.by_service)
		pga_keep(store, name, host, pga_pgjdbc_weakness(&settings));
	pga_jdbc_url_free(&url);
}

void pga_dbeaver_read(const struct pga_store *store)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	struct pga_error error;
	json_error_t where;
	json_t *root = NULL;
	json_t *connections;

	if (pga_file_read(store->file, &content, NULL, &error) != 0) {
		pga_keep_unread(store, &error);
		goto done;
	}
	root = json_loadb(pga_text_string(&content), content.length, 0, &where);
	if (root == NULL) {
		(void)pga_fail(&error, NULL, "%s, line %d: it is no JSON", store->file, where.line);
		pga_keep_unread(store, &error);
		goto done;
	}
	connections = json_object_get(root, "connections");
	for (void *at = json_object_iter(connections); at != NULL;
	     at = json_object_iter_next(connections, at)) {
		json_t *connection = json_object_iter_value(at);
		const char *provider = text_of(connection, "provider");

		if (provider != NULL && strcmp(provider, "postgresql") == 0)
			judge(store,
			      first_of(text_of(connection, "name"), json_object_iter_key(at)),
			      json_object_get(connection, "configuration"));
	}
done:
	json_decref(root);
	pga_text_free(&content);
}
