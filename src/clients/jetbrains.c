/* Data sources of DataGrip and the other IDEs of JetBrains': dataSources.xml has the addresses, and
 * the file beside it, dataSources.local.xml, what is this user's own, such as the page on SSL. */
#include "clients/jdbc_url.h"
#include "clients/stores.h"
#include "clients/xml_file.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define MOST_SOURCES 1000

/* What is told of a data source, here or there. */
struct source {
	char *uuid;
	char *name;
	char *url;
	char *sslmode; /* of its properties */
	char *ssl;
	char *sslfactory;
	char *page_mode; /* of the page on SSL: REQUIRE, VERIFY_CA, VERIFY_FULL */
	bool page;       /* which is enabled */
};

struct sources {
	struct source *list;
	size_t count;
	struct source *current; /* the one whose element is open; NULL */
	bool in_page;
	bool failed;
};

static const char *attribute(const char *const *attributes, const char *name)
{
	for (; attributes[0] != NULL; attributes += 2)
		if (strcmp(attributes[0], name) == 0)
			return attributes[1];
	return NULL;
}

static void set(struct sources *sources, char **field, const char *value)
{
	if (value == NULL)
		return;
	free(*field);
	*field = strdup(value);
	sources->failed = sources->failed || *field == NULL;
}

/* The one with this uuid: the local file has it again. NULL for none, and for too many. */
static struct source *source_of(struct sources *sources, const char *uuid)
{
	struct source *grown;

	if (uuid == NULL || sources->count >= MOST_SOURCES)
		return NULL;
	for (size_t i = 0; i < sources->count; i++)
		if (strcmp(sources->list[i].uuid, uuid) == 0)
			return &sources->list[i];
	grown = reallocarray(sources->list, sources->count + 1, sizeof *grown);
	if (grown == NULL) {
		sources->failed = true;
		return NULL;
	}
	sources->list = grown;
	memset(&grown[sources->count], 0, sizeof *grown);
	grown[sources->count].uuid = strdup(uuid);
	if (grown[sources->count].uuid == NULL) {
		sources->failed = true;
		return NULL;
	}
	return &grown[sources->count++];
}

static void take_property(struct sources *sources, const char *const *attributes)
{
	const char *name = attribute(attributes, "name");
	const char *value = attribute(attributes, "value");

	if (name == NULL)
		return;
	if (strcmp(name, "sslmode") == 0)
		set(sources, &sources->current->sslmode, value);
	else if (strcmp(name, "ssl") == 0)
		set(sources, &sources->current->ssl, value);
	else if (strcmp(name, "sslfactory") == 0)
		set(sources, &sources->current->sslfactory, value);
}

static void begins(void *context, const char *name, const char *const *attributes)
{
	struct sources *sources = context;

	if (strcmp(name, "data-source") == 0) {
		sources->current = source_of(sources, attribute(attributes, "uuid"));
		if (sources->current != NULL)
			set(sources, &sources->current->name, attribute(attributes, "name"));
	} else if (strcmp(name, "ssl-config") == 0) {
		sources->in_page = true;
	} else if (sources->current != NULL && strcmp(name, "property") == 0) {
		take_property(sources, attributes);
	}
}

static void ends(void *context, const char *name, const char *text)
{
	struct sources *sources = context;

	if (strcmp(name, "data-source") == 0)
		sources->current = NULL;
	else if (strcmp(name, "ssl-config") == 0)
		sources->in_page = false;
	else if (sources->current == NULL)
		return;
	else if (strcmp(name, "jdbc-url") == 0)
		set(sources, &sources->current->url, text);
	else if (sources->in_page && strcmp(name, "enabled") == 0)
		sources->current->page = strcmp(text, "true") == 0;
	else if (sources->in_page && strcmp(name, "mode") == 0)
		set(sources, &sources->current->page_mode, text);
}

/* The page's modes, by pgjdbc's words. It shows "Require" where nothing was chosen. */
static const char *page_sslmode(const struct source *source)
{
	const char *mode = source->page_mode;

	if (!source->page)
		return NULL;
	if (mode != NULL && strcasecmp(mode, "VERIFY_FULL") == 0)
		return "verify-full";
	return mode != NULL && strcasecmp(mode, "VERIFY_CA") == 0 ? "verify-ca" : "require";
}

static void judge(const struct pga_store *store, const struct source *source)
{
	struct pga_driver_settings settings;
	struct pga_jdbc_url url;

	if (source->url != NULL && pga_jdbc_url_read(&url, source->url)) {
		settings.sslmode = url.sslmode != NULL ? url.sslmode : page_sslmode(source);
		if (settings.sslmode == NULL)
			settings.sslmode = source->sslmode;
		settings.ssl = url.ssl != NULL ? url.ssl : source->ssl;
		settings.sslfactory = url.sslfactory != NULL ? url.sslfactory : source->sslfactory;
		if (url.failed)
			store->kept->failed = true;
		else if (!url.by_service)
			pga_keep(store, source->name, url.host, pga_pgjdbc_weakness(&settings));
		pga_jdbc_url_free(&url);
	}
}

static void free_sources(struct sources *sources)
{
	for (size_t i = 0; i < sources->count; i++) {
		free(sources->list[i].uuid);
		free(sources->list[i].name);
		free(sources->list[i].url);
		free(sources->list[i].sslmode);
		free(sources->list[i].ssl);
		free(sources->list[i].sslfactory);
		free(sources->list[i].page_mode);
	}
	free(sources->list);
}

/* dataSources.local.xml of dataSources.xml. The caller frees it. */
static char *local_of(const char *file)
{
	const size_t length = strlen(file);
	struct pga_text local = PGA_TEXT_EMPTY;

	pga_text_add_bytes(&local, file, length - strlen(".xml"));
	pga_text_add(&local, ".local.xml");
	return pga_text_take(&local);
}

void pga_jetbrains_read(const struct pga_store *store)
{
	static const struct pga_xml_events events = {begins, ends};
	struct sources sources = {.list = NULL};
	char *local = local_of(store->file);
	struct pga_error error;

	if (local == NULL)
		sources.failed = true;
	else if (pga_xml_read(store->file, &events, &sources, &error) != 0)
		pga_keep_unread(store, &error);
	sources.current = NULL;
	sources.in_page = false;
	if (local != NULL && access(local, F_OK) == 0 &&
	    pga_xml_read(local, &events, &sources, &error) != 0) {
		struct pga_store there = *store;

		there.file = local;
		pga_keep_unread(&there, &error);
	}
	if (sources.failed)
		store->kept->failed = true;
	for (size_t i = 0; i < sources.count && !sources.failed; i++)
		judge(store, &sources.list[i]);
	free_sources(&sources);
	free(local);
}

/* ---- the projects ---- */

struct projects {
	const char *home;
	void (*take)(void *context, const char *project);
	void *context;
	bool failed;
};

static void begins_entry(void *context, const char *name, const char *const *attributes)
{
	static const char of_home[] = "$USER_HOME$";
	struct projects *projects = context;
	const char *key = attribute(attributes, "key");
	struct pga_text path = PGA_TEXT_EMPTY;

	if (strcmp(name, "entry") != 0 || key == NULL)
		return;
	if (strncmp(key, of_home, sizeof of_home - 1) == 0) {
		pga_text_add(&path, projects->home);
		key += sizeof of_home - 1;
	}
	pga_text_add(&path, key);
	if (path.failed)
		projects->failed = true;
	else if (pga_text_string(&path)[0] == '/')
		projects->take(projects->context, pga_text_string(&path));
	pga_text_free(&path);
}

static void ends_entry(void *context, const char *name, const char *text)
{
	(void)context;
	(void)name;
	(void)text;
}

int pga_jetbrains_projects(const char *recent, const char *home,
			   void (*take)(void *context, const char *project), void *context,
			   struct pga_error *error)
{
	static const struct pga_xml_events events = {begins_entry, ends_entry};
	struct projects projects = {home, take, context, false};

	if (pga_xml_read(recent, &events, &projects, error) != 0)
		return -1;
	return projects.failed ? pga_fail_memory(error) : 0;
}
