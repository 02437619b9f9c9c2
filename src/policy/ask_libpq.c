/* Asking libpq for the effective settings, and what it says where it refuses the parameters. */
#include "policy/effective.h"
#include "policy/secrets.h"

#include <stdlib.h>
#include <string.h>

const char *pga_effective_given(const struct pga_parameters *parameters)
{
	const char *given = NULL;

	for (size_t i = 0; given == NULL && parameters->keywords[i] != NULL; i++)
		if (parameters->expand_dbname != 0 &&
		    strcmp(parameters->keywords[i], "dbname") == 0)
			given = parameters->values[i];
	return given;
}

/* libpq's words about the parameters, of which it quotes what it could not take: the dbname can be
 * a connection string with a password in it. */
static void fail_with_words(const struct pga_parameters *parameters, const char *said,
			    struct pga_error *error)
{
	struct pga_text words = PGA_TEXT_EMPTY;
	const char *line;

	/* What it quotes may have line ends, too. */
	pga_text_add_masked_message(&words, said, pga_effective_given(parameters));
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
	said = libpq->PQerrorMessage(probe);
	if (strstr(said, PGA_PROBE) == NULL) {
		fail_with_words(parameters, said, error);
		result = 1;
	} else {
		result = pga_effective_of(libpq, probe, effective);
		if (result != 0)
			(void)pga_fail_memory(error);
	}
	libpq->PQfinish(probe);
	return result;
}

int pga_effective_ask_quietly(const struct pga_libpq *libpq,
			      const struct pga_parameters *parameters,
			      struct pga_effective *effective, struct pga_error *error)
{
	/* libpq looks for the password file when it has no password (connectOptions2()). */
	static const char *const added[PGA_ADDED][2] = {{"target_session_attrs", PGA_PROBE},
							{"password", "-"}};

	return read_probe(libpq, parameters, pga_effective_begin(libpq, parameters, added),
			  effective, error);
}

/* Puts the caller's own target_session_attrs in the place of the probe: asked for in a second
 * attempt, which stops at the sslmode. */
static int restore_probed(const struct pga_libpq *libpq, const struct pga_parameters *parameters,
			  struct pga_effective *effective)
{
	static const char *const added[PGA_ADDED][2] = {{"sslmode", PGA_PROBE}, {"password", "-"}};
	PGconn *probe = pga_effective_begin(libpq, parameters, added);
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
		libpq->PQfinish(probe);
	return result;
}

int pga_effective_ask(const struct pga_libpq *libpq, const struct pga_parameters *parameters,
		      struct pga_effective *effective, struct pga_error *error)
{
	PGconn *probe = pga_effective_failed(libpq, parameters, "target_session_attrs", PGA_PROBE);
	int result = read_probe(libpq, parameters, probe, effective, error);

	if (result == 0 && restore_probed(libpq, parameters, effective) != 0) {
		pga_effective_free(libpq, effective);
		result = pga_fail_memory(error);
	}
	return result;
}
