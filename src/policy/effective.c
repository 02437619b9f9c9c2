#include "policy/effective.h"

#include <stdlib.h>
#include <string.h>

const PQconninfoOption *pga_option_find(const PQconninfoOption *options, const char *keyword)
{
	for (; options != NULL && options->keyword != NULL; options++)
		if (options->keyword[0] == keyword[0] && strcmp(options->keyword, keyword) == 0)
			return options;
	return NULL;
}

/* The last one of a keyword overrides any before. */
PGconn *pga_effective_begin(const struct pga_libpq *libpq, const struct pga_parameters *parameters,
			    const char *const added[PGA_ADDED][2])
{
	const char **keywords;
	const char **values;
	PGconn *conn = NULL;
	size_t count = 0;

	while (parameters->keywords[count] != NULL)
		count++;
	keywords = calloc(count + PGA_ADDED + 1, sizeof *keywords);
	values = calloc(count + PGA_ADDED + 1, sizeof *values);
	if (keywords != NULL && values != NULL) {
		memcpy(keywords, parameters->keywords, count * sizeof *keywords);
		memcpy(values, parameters->values, count * sizeof *values);
		for (size_t i = 0; i < PGA_ADDED; i++) {
			keywords[count + i] = added[i][0];
			values[count + i] = added[i][1];
		}
		conn = libpq->PQconnectStartParams(keywords, values, parameters->expand_dbname);
	}
	free(keywords);
	free(values);
	return conn;
}

PGconn *pga_effective_failed(const struct pga_libpq *libpq, const struct pga_parameters *parameters,
			     const char *keyword, const char *value)
{
	const char *const added[PGA_ADDED][2] = {{keyword, value}, {NULL, NULL}};

	return pga_effective_begin(libpq, parameters, added);
}

/* No option: libpq, from 18 on, asks the environment when it talks to the issuer
 * (oauth_unsafe_debugging_enabled(), and of 19 oauth_parse_debug_flags()). "UNSAFE" is all, and 19
 * takes a list behind it. What would be harmless in the list needs no UNSAFE before it. */
static bool oauth_is_unsafe(const struct pga_effective *effective)
{
	static const char unsafe[] = "UNSAFE";
	const char *said = getenv("PGOAUTHDEBUG");

	if (said == NULL || pga_option_find(effective->options, "oauth_issuer") == NULL)
		return false;
	return strncmp(said, unsafe, strlen(unsafe)) == 0 &&
	       (said[strlen(unsafe)] == '\0' || said[strlen(unsafe)] == ':');
}

int pga_effective_of(const struct pga_libpq *libpq, PGconn *conn, struct pga_effective *effective)
{
	memset(effective, 0, sizeof *effective);
	effective->options = libpq->PQconninfo(conn);
	effective->oauth_unsafe = oauth_is_unsafe(effective);
	return effective->options != NULL ? 0 : -1;
}

const char *pga_effective_value(const struct pga_effective *effective, const char *keyword)
{
	const PQconninfoOption *option = pga_option_find(effective->options, keyword);

	if (option == NULL)
		return NULL;
	return option->val != NULL ? option->val : "";
}

bool pga_effective_is_question(const struct pga_effective *effective)
{
	const char *addresses = pga_effective_value(effective, "hostaddr");
	const char *port = pga_effective_value(effective, "port");
	const size_t length = sizeof PGA_PROBE - 1;

	if (port != NULL && strcmp(port, PGA_PROBE) == 0)
		return true;
	if (addresses == NULL || addresses[0] == '\0')
		return false;
	for (;; addresses += length + 1) {
		if (strncmp(addresses, PGA_PROBE, length) != 0)
			return false;
		if (addresses[length] != ',')
			return addresses[length] == '\0';
	}
}

void pga_effective_free(const struct pga_libpq *libpq, struct pga_effective *effective)
{
	if (effective->options != NULL)
		libpq->PQconninfoFree(effective->options);
	free(effective->origins);
	free(effective->service);
	free(effective->service_file);
	memset(effective, 0, sizeof *effective);
}
