#include "policy/effective.h"

#include "policy/secrets.h"

#include <stdlib.h>
#include <string.h>

#define PROBE PGA_PROBE

const PQconninfoOption *pga_option_find(const PQconninfoOption *options, const char *keyword)
{
	for (; options != NULL && options->keyword != NULL; options++)
		if (options->keyword[0] == keyword[0] && strcmp(options->keyword, keyword) == 0)
			return options;
	return NULL;
}

/* At most this many are put behind the caller's parameters. */
#define ADDED 2

/* The last one of a keyword overrides any before. */
static PGconn *begin(const struct pga_libpq *libpq, const struct pga_parameters *parameters,
		     const char *const added[ADDED][2])
{
	const char **keywords;
	const char **values;
	PGconn *conn = NULL;
	size_t count = 0;

	while (parameters->keywords[count] != NULL)
		count++;
	keywords = calloc(count + ADDED + 1, sizeof *keywords);
	values = calloc(count + ADDED + 1, sizeof *values);
	if (keywords != NULL && values != NULL) {
		memcpy(keywords, parameters->keywords, count * sizeof *keywords);
		memcpy(values, parameters->values, count * sizeof *values);
		for (size_t i = 0; i < ADDED; i++) {
			keywords[count + i] = added[i][0];
			values[count + i] = added[i][1];
		}
		conn = libpq->connectStartParams(keywords, values, parameters->expand_dbname);
	}
	free(keywords);
	free(values);
	return conn;
}

PGconn *pga_effective_stillborn(const struct pga_libpq *libpq,
				const struct pga_parameters *parameters, const char *keyword,
				const char *value)
{
	const char *const added[ADDED][2] = {{keyword, value}, {NULL, NULL}};

	return begin(libpq, parameters, added);
}

/* libpq's words about the parameters, of which it quotes what it could not take: the dbname can be
 * a connection string with a password in it. */
static void fail_with_words(const struct pga_parameters *parameters, const char *said,
			    struct pga_error *error)
{
	const char *given = NULL;
	struct pga_text words = PGA_TEXT_EMPTY;
	const char *line;

	for (size_t i = 0; given == NULL && parameters->keywords[i] != NULL; i++)
		if (parameters->expand_dbname != 0 &&
		    strcmp(parameters->keywords[i], "dbname") == 0)
			given = parameters->values[i];
	/* What it quotes may have line ends, too. */
	pga_text_add_masked_message(&words, said, given);
	line = pga_text_string(&words);
	(void)pga_fail(error, NULL, "%.*s", (int)strcspn(line, "\n"), line);
	pga_text_free(&words);
}

/* The settings of a probe, which is finished; 1 where libpq has refused the parameters themselves.
 */
static int read_probe(const struct pga_libpq *libpq, const struct pga_parameters *parameters,
		      PGconn *probe, struct pga_effective *effective, struct pga_error *error)
{
	const char *said;
	int result;

	memset(effective, 0, sizeof *effective);
	if (probe == NULL)
		return pga_fail_memory(error);
	/* Every translation of the message quotes the value. Any other message is about the
	 * caller's own settings. */
	said = libpq->errorMessage(probe);
	if (strstr(said, PROBE) == NULL) {
		fail_with_words(parameters, said, error);
		result = 1;
	} else {
		result = pga_effective_of(libpq, probe, effective);
		if (result != 0)
			(void)pga_fail_memory(error);
	}
	libpq->finish(probe);
	return result;
}

int pga_effective_ask_quietly(const struct pga_libpq *libpq,
			      const struct pga_parameters *parameters,
			      struct pga_effective *effective, struct pga_error *error)
{
	/* libpq looks for the password file when it has no password (connectOptions2()). */
	static const char *const added[ADDED][2] = {{"target_session_attrs", PROBE},
						    {"password", "-"}};

	return read_probe(libpq, parameters, begin(libpq, parameters, added), effective, error);
}

/* Puts the caller's own target_session_attrs in the place of the probe: asked for in a second
 * attempt, which stops at the sslmode. */
static int restore_probed(const struct pga_libpq *libpq, const struct pga_parameters *parameters,
			  struct pga_effective *effective)
{
	static const char *const added[ADDED][2] = {{"sslmode", PROBE}, {"password", "-"}};
	PGconn *probe = begin(libpq, parameters, added);
	struct pga_effective again = {0};
	const PQconninfoOption *own;
	int result = -1;

	if (probe != NULL && pga_effective_of(libpq, probe, &again) == 0) {
		own = pga_option_find(again.options, "target_session_attrs");
		result = 0;
		for (PQconninfoOption *option = effective->options; option->keyword != NULL;
		     option++) {
			if (own == NULL || strcmp(option->keyword, own->keyword) != 0)
				continue;
			free(option->val);
			option->val = own->val != NULL ? strdup(own->val) : NULL;
			if (own->val != NULL && option->val == NULL)
				result = -1;
		}
	}
	pga_effective_free(libpq, &again);
	if (probe != NULL)
		libpq->finish(probe);
	return result;
}

int pga_effective_ask(const struct pga_libpq *libpq, const struct pga_parameters *parameters,
		      struct pga_effective *effective, struct pga_error *error)
{
	PGconn *probe = pga_effective_stillborn(libpq, parameters, "target_session_attrs", PROBE);
	int result = read_probe(libpq, parameters, probe, effective, error);

	if (result == 0 && restore_probed(libpq, parameters, effective) != 0) {
		pga_effective_free(libpq, effective);
		result = pga_fail_memory(error);
	}
	return result;
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
	effective->options = libpq->conninfo(conn);
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
	const size_t length = sizeof PROBE - 1;

	if (port != NULL && strcmp(port, PROBE) == 0)
		return true;
	if (addresses == NULL || addresses[0] == '\0')
		return false;
	for (;; addresses += length + 1) {
		if (strncmp(addresses, PROBE, length) != 0)
			return false;
		if (addresses[length] != ',')
			return addresses[length] == '\0';
	}
}

void pga_effective_free(const struct pga_libpq *libpq, struct pga_effective *effective)
{
	if (effective->options != NULL)
		libpq->conninfoFree(effective->options);
	free(effective->origins);
	free(effective->service);
	free(effective->service_file);
	memset(effective, 0, sizeof *effective);
}
