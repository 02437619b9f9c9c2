/* A libpq that notes what it is asked, and answers what a test wants. */
#ifndef PGA_TESTS_PLAYED_H
#define PGA_TESTS_PLAYED_H

#include "base/text.h"
#include "settings.h"

static struct {
	struct pga_text asked; /* "keyword=value ..." of each attempt, a line each */
	const char *message;
	bool no_connection, no_options;
	int freed, finished, messages_freed;
	struct settings answers[2];
	int answer;
	struct settings parsed; /* what the parser finds in a connection string */
	bool parses;
} played;

static PGconn *start(const char *const *keywords, const char *const *values, int expand_dbname)
{
	static char connection;

	for (; *keywords != NULL; keywords++, values++)
		pga_text_addf(&played.asked, "%s=%s ", *keywords,
			      *values != NULL ? *values : "NULL");
	pga_text_addf(&played.asked, "%d\n", expand_dbname);
	return played.no_connection ? NULL : (PGconn *)(void *)&connection;
}

/* As libpq's, in memory of its own. */
static PQconninfoOption *copy_of(const struct settings *settings)
{
	PQconninfoOption *copy = malloc(sizeof settings->options);

	assert_non_null(copy);
	memcpy(copy, settings->options, sizeof settings->options);
	for (PQconninfoOption *option = copy; option->keyword != NULL; option++)
		if (option->val != NULL)
			option->val = strdup(option->val);
	return copy;
}

static PQconninfoOption *options_of(PGconn *conn)
{
	assert_non_null(conn);
	return played.no_options ? NULL : copy_of(&played.answers[played.answer++ % 2]);
}

static PQconninfoOption *parse(const char *conninfo, char **message)
{
	pga_text_addf(&played.asked, "parse %s\n", conninfo);
	*message = played.parses ? NULL : strdup("no");
	return played.parses ? copy_of(&played.parsed) : NULL;
}

static void free_options(PQconninfoOption *options)
{
	for (PQconninfoOption *option = options; option->keyword != NULL; option++)
		free(option->val);
	free(options);
	played.freed++;
}

static void free_message(void *message)
{
	free(message);
	played.messages_freed++;
}

static void finish(PGconn *conn)
{
	assert_non_null(conn);
	played.finished++;
}

static char *error_message(const PGconn *conn)
{
	assert_non_null(conn);
	return (char *)(uintptr_t)played.message;
}

static const struct pga_libpq libpq __attribute__((unused)) = {.PQconnectStartParams = start,
							       .PQconninfo = options_of,
							       .PQconninfoParse = parse,
							       .PQconninfoFree = free_options,
							       .PQfreemem = free_message,
							       .PQfinish = finish,
							       .PQerrorMessage = error_message};

#define SAYS_PROBE "invalid target_session_attrs value: \"" PGA_PROBE "\"\n"

static inline void play(const char *first, const char *second)
{
	pga_text_free(&played.asked);
	memset(&played, 0, sizeof played);
	played.message = SAYS_PROBE;
	make_settings(&played.answers[1], second);
	make_settings(&played.answers[0], first);
}

static inline void check_asked(const char *expected)
{
	assert_string_equal(pga_text_string(&played.asked), expected);
	pga_text_free(&played.asked);
}

#endif
