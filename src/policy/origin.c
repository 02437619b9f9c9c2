/* Where each setting came from, for messages: no verdict hangs on it. The environment is asked as
 * libpq asks it, in secure-execution mode too: a value is told only where it is the setting's. */
#include "policy/effective.h"

#include "base/file.h"
#include "base/ini.h"
#include "base/paths.h"
#include "base/printable.h"
#include "base/text.h"
#include "policy/secrets.h"

#include <stdlib.h>
#include <string.h>

/* The settings that stand in a connection string, as libpq's own parser finds them; NULL where it
 * is none. */
static PQconninfoOption *parse(const struct pga_libpq *libpq, const char *conninfo)
{
	char *message = NULL;
	PQconninfoOption *options = libpq->PQconninfoParse(conninfo, &message);

	if (message != NULL)
		libpq->PQfreemem(message);
	return options;
}

/* What the caller's own parameters say of this setting, NULL where they say nothing. As in
 * conninfo_array_parse(): the last one counts, an empty value says nothing, and the first dbname
 * stands for the settings that it expands to. */
static const char *said_by_caller(const struct pga_parameters *parameters,
				  const PQconninfoOption *expanded, const char *keyword)
{
	const PQconninfoOption *option = pga_option_find(expanded, keyword);
	const char *said = NULL;

	for (size_t i = 0; parameters->keywords[i] != NULL; i++) {
		const char *value = parameters->values[i];

		if (value == NULL || value[0] == '\0')
			continue;
		if (strcmp(parameters->keywords[i], "dbname") == 0 && expanded != NULL) {
			if (option != NULL && option->val != NULL)
				said = option->val;
			expanded = NULL;
		} else if (strcmp(parameters->keywords[i], keyword) == 0) {
			said = value;
		}
	}
	return said;
}

static PQconninfoOption *expand(const struct pga_libpq *libpq,
				const struct pga_parameters *parameters)
{
	if (parameters->expand_dbname == 0)
		return NULL;
	for (size_t i = 0; parameters->keywords[i] != NULL; i++)
		if (strcmp(parameters->keywords[i], "dbname") == 0 && parameters->values[i] != NULL)
			return parse(libpq, parameters->values[i]);
	return NULL;
}

/* The lines of a service, and the file that they are in. */
struct section {
	struct pga_text file;
	struct pga_ini_reader lines; /* from the first line behind the header on */
	bool found;
};

/* Reads the file, once, for the message alone: what counts has already been read by libpq. */
static void read_section(struct section *section, const char *path, const char *service)
{
	struct pga_error error;
	struct pga_ini_line line;

	memset(section, 0, sizeof *section);
	if (pga_file_read(path, &section->file, NULL, &error) != 0)
		return;
	section->lines =
	    pga_ini_start(pga_text_string(&section->file), section->file.length, PGA_INI_PGSERVICE);
	while (!section->found && pga_ini_next(&section->lines, &line))
		section->found = line.kind == PGA_INI_SECTION && pga_ini_equals(line.name, service);
}

/* Whether the service has the setting. */
static bool section_says(const struct section *section, const char *keyword)
{
	struct pga_ini_reader reader = section->lines;
	struct pga_ini_line line;

	while (section->found && pga_ini_next(&reader, &line)) {
		if (line.kind == PGA_INI_SECTION)
			return false;
		if (line.kind == PGA_INI_SETTING && pga_ini_equals(line.name, keyword))
			return true;
	}
	return false;
}

/* The service files in libpq's order (parseServiceInfo()): PGSERVICEFILE, or else
 * ~/.pg_service.conf, then the machine's. */
static char *user_service_file(void)
{
	const char *named = getenv("PGSERVICEFILE");
	struct pga_text path = PGA_TEXT_EMPTY;
	char *home;

	if (named != NULL)
		return strdup(named);
	home = pga_home();
	if (home == NULL)
		return NULL;
	pga_text_addf(&path, "%s/.pg_service.conf", home);
	free(home);
	return pga_text_take(&path);
}

/* The service's section, and the path of its file. libpq 19 tells the file, the one that
 * "servicefile" or PGSERVICEFILE names or the one that it has found the service in. */
static char *find_section(const struct pga_effective *effective, const char *service,
			  struct section *section)
{
	const char *told = pga_effective_value(effective, "servicefile");
	const char *directory = getenv("PGSYSCONFDIR");
	struct pga_text system = PGA_TEXT_EMPTY;
	char *user = told != NULL && told[0] != '\0' ? strdup(told) : user_service_file();

	if (user != NULL)
		read_section(section, user, service);
	if (section->found)
		return user;
	free(user);
	pga_text_free(&section->file);
	pga_text_addf(&system, "%s/pg_service.conf", directory != NULL ? directory : PG_SYSCONFDIR);
	read_section(section, pga_text_string(&system), service);
	return pga_text_take(&system);
}

/* An old way to say sslmode=require (conninfo_add_defaults()). */
static bool require_ssl(const PQconninfoOption *option)
{
	const char *old = getenv("PGREQUIRESSL");

	return old != NULL && old[0] == '1' && getenv("PGSSLMODE") == NULL &&
	       strcmp(option->val, "require") == 0;
}

static enum pga_origin origin_of(const struct pga_effective *effective,
				 const struct section *section, const PQconninfoOption *option)
{
	const char *variable = option->envvar != NULL ? getenv(option->envvar) : NULL;

	if (option->val == NULL)
		return PGA_FROM_DEFAULT;
	if (section_says(section, option->keyword))
		return PGA_FROM_SERVICE;
	if (variable != NULL && strcmp(variable, option->val) == 0)
		return PGA_FROM_ENVIRONMENT;
	if (strcmp(option->keyword, "sslmode") == 0 && require_ssl(option))
		return PGA_FROM_ENVIRONMENT;
	return effective->service != NULL && effective->service_file == NULL ? PGA_FROM_UNKNOWN
									     : PGA_FROM_DEFAULT;
}

void pga_effective_trace(const struct pga_libpq *libpq, const struct pga_parameters *parameters,
			 struct pga_effective *effective)
{
	const char *service = getenv("PGSERVICE");
	PQconninfoOption *expanded = NULL;
	struct section section = {.found = false};
	size_t count = 0;

	effective->ambiguous = parameters != NULL && pga_is_ambiguous(parameters);
	while (effective->options[count].keyword != NULL)
		count++;
	effective->origins = calloc(count + 1, sizeof *effective->origins);
	if (effective->origins == NULL)
		return;
	if (parameters != NULL) {
		expanded = expand(libpq, parameters);
		if (said_by_caller(parameters, expanded, "service") != NULL)
			service = said_by_caller(parameters, expanded, "service");
	}
	/* PQconninfo() does not tell the service before libpq 18. In secure-execution mode the file
	 * is one of the caller's choice, and what is in it is not for the message to tell. */
	if (service != NULL && service[0] != '\0') {
		effective->service = strdup(service);
		/* Without memory for it, no origin is that service. */
		if (effective->service != NULL && !pga_is_secure_execution())
			effective->service_file = find_section(effective, service, &section);
	}
	for (size_t i = 0; i < count; i++) {
		const PQconninfoOption *option = &effective->options[i];

		if (parameters != NULL &&
		    said_by_caller(parameters, expanded, option->keyword) != NULL)
			effective->origins[i] = PGA_FROM_CONNINFO;
		else
			effective->origins[i] = origin_of(effective, &section, option);
		/* Of a connection that was begun elsewhere, no more can be told. */
		if (parameters == NULL && effective->origins[i] == PGA_FROM_DEFAULT)
			effective->origins[i] = PGA_FROM_UNKNOWN;
	}
	pga_text_free(&section.file);
	if (expanded != NULL)
		libpq->PQconninfoFree(expanded);
}

void pga_effective_origin(const struct pga_effective *effective, const char *keyword,
			  struct pga_text *text)
{
	const PQconninfoOption *option = pga_option_find(effective->options, keyword);
	enum pga_origin origin = PGA_FROM_UNKNOWN;

	if (effective->origins != NULL && option != NULL)
		origin = effective->origins[option - effective->options];
	switch (origin) {
	case PGA_FROM_CONNINFO:
		pga_text_add(text, "conninfo");
		break;
	case PGA_FROM_SERVICE:
		pga_text_add(text, "service ");
		pga_text_add_printable(text, effective->service, "");
		pga_text_add(text, " in ");
		pga_text_add_printable(text, effective->service_file, "");
		break;
	case PGA_FROM_ENVIRONMENT:
		pga_text_addf(text, "environment %s",
			      getenv(option->envvar) != NULL ? option->envvar : "PGREQUIRESSL");
		break;
	case PGA_FROM_DEFAULT:
		pga_text_add(text, "libpq's default");
		break;
	case PGA_FROM_UNKNOWN:
		pga_text_add(text, "the program's, or libpq's default");
		break;
	}
}
