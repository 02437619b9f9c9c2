/* policy/effective.h: what is asked of libpq and what is read of its answer; where each setting
 * came from. libpq itself is played by the test: what the real one does is for tests/e2e. */
#include "cmocka_start.h"

#include "base/text.h"
#include "policy/secrets.h"
#include "settings.h"

#include <sys/stat.h>
#include <unistd.h>

/* ---- a libpq that notes what it is asked ---- */

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

static const struct pga_libpq libpq = {.connectStartParams = start,
				       .conninfo = options_of,
				       .conninfoParse = parse,
				       .conninfoFree = free_options,
				       .freemem = free_message,
				       .finish = finish,
				       .errorMessage = error_message};

#define SAYS_PROBE "invalid target_session_attrs value: \"" PGA_PROBE "\"\n"

static void play(const char *first, const char *second)
{
	pga_text_free(&played.asked);
	memset(&played, 0, sizeof played);
	played.message = SAYS_PROBE;
	make_settings(&played.answers[1], second);
	make_settings(&played.answers[0], first);
}

static void check_asked(const char *expected)
{
	assert_string_equal(pga_text_string(&played.asked), expected);
	pga_text_free(&played.asked);
}

static const char *const some_keywords[] = {"dbname", "user", NULL};
static const char *const some_values[] = {"host=h password=secret", NULL, NULL};
static const struct pga_parameters some = {some_keywords, some_values, 1};

/* ---- asking ---- */

static void the_tool_asks_twice(void **state)
{
	struct pga_effective effective;
	struct pga_error error;

	(void)state;
	/* The table of options has no target_session_attrs: brand_new stands in its place. */
	play("host=h brand_new=probe", "host=i brand_new=own");
	for (int i = 0; i < 2; i++) {
		const size_t at = option_of(&played.answers[i], "brand_new");
		static char name[] = "target_session_attrs";

		played.answers[i].options[at].keyword = name;
	}
	assert_int_equal(pga_effective_ask(&libpq, &some, &effective, &error), 0);
	check_asked("dbname=host=h password=secret user=NULL target_session_attrs=" PGA_PROBE " 1\n"
		    "dbname=host=h password=secret user=NULL sslmode=" PGA_PROBE " password=- 1\n");
	assert_string_equal(pga_effective_value(&effective, "host"), "h");
	assert_string_equal(pga_effective_value(&effective, "target_session_attrs"), "own");
	assert_int_equal(played.finished, 2);
	pga_effective_free(&libpq, &effective);
	assert_int_equal(played.freed, 2);
}

static void what_was_not_said_is_not_said(void **state)
{
	struct pga_effective effective;
	struct pga_error error;

	(void)state;
	play("host=h brand_new=probe", "host=i");
	for (int i = 0; i < 2; i++) {
		const size_t at = option_of(&played.answers[i], "brand_new");
		static char name[] = "target_session_attrs";

		played.answers[i].options[at].keyword = name;
	}
	assert_int_equal(pga_effective_ask(&libpq, &some, &effective, &error), 0);
	assert_string_equal(pga_effective_value(&effective, "target_session_attrs"), "");
	assert_string_equal(pga_effective_value(&effective, "host"), "h");
	pga_effective_free(&libpq, &effective);
}

static void the_gate_asks_once(void **state)
{
	struct pga_effective effective;
	struct pga_error error;

	(void)state;
	play("host=h", "");
	assert_int_equal(pga_effective_ask_quietly(&libpq, &some, &effective, &error), 0);
	check_asked("dbname=host=h password=secret user=NULL target_session_attrs=" PGA_PROBE
		    " password=- 1\n");
	assert_string_equal(pga_effective_value(&effective, "host"), "h");
	assert_string_equal(pga_effective_value(&effective, "user"), "");
	assert_null(pga_effective_value(&effective, "target_session_attrs"));
	assert_int_equal(played.finished, 1);
	pga_effective_free(&libpq, &effective);
	assert_int_equal(played.freed, 1);
	pga_effective_free(&libpq, &effective);
	assert_int_equal(played.freed, 1);
}

static void what_libpq_refuses_is_said_in_its_words(void **state)
{
	struct pga_effective effective;
	struct pga_error error;

	(void)state;
	play("", "");
	played.message = "cannot take \"secret\" here\nnor this\n";
	assert_int_equal(pga_effective_ask(&libpq, &some, &effective, &error), 1);
	assert_string_equal(error.message, "cannot take \"" PGA_MASK "\" here");
	assert_null(effective.options);
	assert_int_equal(played.finished, 1);
	assert_int_equal(pga_effective_ask_quietly(&libpq, &some, &effective, &error), 1);
	assert_int_equal(played.finished, 2);
	assert_int_equal(played.freed, 0);
}

static void without_memory_nothing_is_known(void **state)
{
	struct pga_effective effective;
	struct pga_error error;

	(void)state;
	play("", "");
	played.no_connection = true;
	assert_int_equal(pga_effective_ask(&libpq, &some, &effective, &error), -1);
	assert_string_equal(error.message, "out of memory");
	assert_int_equal(pga_effective_ask_quietly(&libpq, &some, &effective, &error), -1);
	assert_int_equal(played.finished, 0);
	play("", "");
	played.no_options = true;
	assert_int_equal(pga_effective_ask(&libpq, &some, &effective, &error), -1);
	assert_string_equal(error.message, "out of memory");
	assert_int_equal(played.finished, 1);
}

static void what_is_added_comes_last(void **state)
{
	static const char *const none[] = {NULL};
	const struct pga_parameters empty = {none, none, 0};

	(void)state;
	play("", "");
	assert_non_null(pga_effective_stillborn(&libpq, &some, "port", "x"));
	assert_non_null(pga_effective_stillborn(&libpq, &empty, "port", "x"));
	check_asked("dbname=host=h password=secret user=NULL port=x 1\nport=x 0\n");
}

static void which_string_libpq_may_quote(void **state)
{
	static const char *const keywords[] = {"host", "dbname", "dbname", NULL};
	static const char *const values[] = {"h", "a=b", "c=d", NULL};
	static const char *const without_first[] = {"h", NULL, "c=d", NULL};

	(void)state;
	assert_string_equal(pga_effective_given(&(struct pga_parameters){keywords, values, 1}),
			    "a=b");
	assert_string_equal(
	    pga_effective_given(&(struct pga_parameters){keywords, without_first, 1}), "c=d");
	assert_null(pga_effective_given(&(struct pga_parameters){keywords, values, 0}));
	assert_null(pga_effective_given(&(struct pga_parameters){keywords + 3, values + 3, 1}));
}

static void when_oauth_is_unsafe(void **state)
{
	static const struct {
		const char *value;
		bool expected;
	} rows[] = {{NULL, false},     {"", false},          {"UNSAFE", true},
		    {"UNSAFE:", true}, {"UNSAFE:a,b", true}, {"UNSAFER", false},
		    {"unsafe", false}, {"a,UNSAFE", false},  {"UNSAF", false}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (int knows = 0; knows < 2; knows++) {
			struct pga_effective effective;
			static char conn;

			play(knows != 0 ? "" : "-oauth_issuer", "");
			(void)unsetenv("PGOAUTHDEBUG");
			if (rows[i].value != NULL)
				(void)setenv("PGOAUTHDEBUG", rows[i].value, 1);
			assert_int_equal(
			    pga_effective_of(&libpq, (PGconn *)(void *)&conn, &effective), 0);
			assert_int_equal(effective.oauth_unsafe, knows != 0 && rows[i].expected);
			pga_effective_free(&libpq, &effective);
		}
	}
	(void)unsetenv("PGOAUTHDEBUG");
}

static void what_is_a_question(void **state)
{
	static const struct {
		const char *settings;
		bool expected;
	} rows[] = {
	    {"", false},
	    {"port=" PGA_PROBE, true},
	    {"port=5432", false},
	    {"port=" PGA_PROBE "x", false},
	    {"-port", false},
	    {"-port hostaddr=" PGA_PROBE, true},
	    {"hostaddr=" PGA_PROBE, true},
	    {"hostaddr=" PGA_PROBE "," PGA_PROBE "," PGA_PROBE, true},
	    {"hostaddr=" PGA_PROBE "," PGA_PROBE ",1.2.3.4", false},
	    {"hostaddr=1.2.3.4," PGA_PROBE, false},
	    {"hostaddr=" PGA_PROBE ",", false},
	    {"hostaddr=" PGA_PROBE "x", false},
	    {"hostaddr=", false},
	    {"-hostaddr", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct settings settings;

		make_settings(&settings, rows[i].settings);
		if (pga_effective_is_question(&settings.effective) != rows[i].expected)
			fail_msg("%s", rows[i].settings);
	}
}

static void an_option_is_found_by_its_whole_name(void **state)
{
	struct settings settings;

	(void)state;
	make_settings(&settings, "host=h");
	assert_null(pga_option_find(NULL, "host"));
	assert_null(pga_option_find(settings.options, "hos"));
	assert_null(pga_option_find(settings.options, "hosts"));
	assert_null(pga_option_find(settings.options, ""));
	assert_string_equal(pga_option_find(settings.options, "host")->keyword, "host");
	assert_string_equal(pga_option_find(settings.options, "hostaddr")->keyword, "hostaddr");
	assert_string_equal(pga_option_find(settings.options, "brand_new")->keyword, "brand_new");
}

/* ---- origins ---- */

static char folder[] = "/tmp/pganchor-test-XXXXXX";

static void put(const char *name, const char *bytes)
{
	char path[128];
	FILE *file;

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(bytes, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void in_folder(const char *variable, const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	(void)setenv(variable, path, 1);
}

/* The origin of each of these, a line each; the folder is written as ~. */
static void add_origins(const struct pga_effective *effective, const char *keywords,
			struct pga_text *text)
{
	char copy[LONGEST];
	char *rest = copy;

	(void)snprintf(copy, sizeof copy, "%s", keywords);
	for (char *keyword; (keyword = strsep(&rest, " ")) != NULL;) {
		struct pga_text origin = PGA_TEXT_EMPTY;
		const char *said;

		pga_effective_origin(effective, keyword, &origin);
		said = pga_text_string(&origin);
		pga_text_addf(text, "%s: ", keyword);
		for (const char *at; (at = strstr(said, folder)) != NULL;
		     said = at + strlen(folder)) {
			pga_text_add_bytes(text, said, (size_t)(at - said));
			pga_text_add(text, "~");
		}
		pga_text_addf(text, "%s\n", said);
		pga_text_free(&origin);
	}
}

/* dbname: what the program hands over; parsed: what libpq's parser would find in it, NULL for
 * nothing. */
static const struct origins {
	const char *settings;
	const char *keywords[4];
	const char *values[4];
	const char *parsed;
	const char *told;
	const char *expected;
} origins[] = {
    {"host=h sslmode=require",
     {NULL},
     {NULL},
     NULL,
     "host sslmode user nothing",
     "host: libpq's default\nsslmode: libpq's default\nuser: libpq's default\n"
     "nothing: the program's, or libpq's default\n"},
    {"host=h sslmode=require",
     {"host", "sslmode"},
     {"h", ""},
     NULL,
     "host sslmode",
     "host: conninfo\nsslmode: libpq's default\n"},
    {"host=h sslmode=require",
     {"host", "sslmode"},
     {NULL, "require"},
     NULL,
     "host sslmode",
     "host: libpq's default\nsslmode: conninfo\n"},
    /* The variable says it only where it is what is in force. */
    {"host=h@e sslmode=require@e user=u@e port=5@e",
     {"host"},
     {"h"},
     NULL,
     "host sslmode user port",
     "host: conninfo\nsslmode: environment PGSSLMODE\nuser: environment PGUSER\n"
     "port: environment PGPORT\n"},
    {"host=h sslmode=require",
     {"dbname"},
     {"host=h"},
     "host=h",
     "host sslmode dbname",
     "host: conninfo\nsslmode: libpq's default\ndbname: libpq's default\n"},
    {"dbname=d",
     {"dbname"},
     {"d"},
     NULL,
     "dbname host",
     "dbname: conninfo\nhost: libpq's default\n"},
    {"dbname=d",
     {"dbname", "dbname"},
     {"host=h", "d"},
     "host=h",
     "dbname host",
     "dbname: conninfo\nhost: conninfo\n"},
    {"dbname=d",
     {"dbname"},
     {"dbname=d"},
     "dbname=d",
     "dbname host",
     "dbname: conninfo\nhost: libpq's default\n"},
    /* A service of the user's file. */
    {"service=mine host=h port=5 user=me",
     {"service"},
     {"mine"},
     NULL,
     "service host port user sslmode",
     "service: conninfo\nhost: service mine in ~/mine.conf\nport: service mine in ~/mine.conf\n"
     "user: libpq's default\nsslmode: libpq's default\n"},
    {"service=mine host=h",
     {"dbname"},
     {"service=mine"},
     "service=mine",
     "service host",
     "service: conninfo\nhost: service mine in ~/mine.conf\n"},
    {"service=mine@e host=h",
     {NULL},
     {NULL},
     NULL,
     "service host",
     "service: environment PGSERVICE\nhost: service mine in ~/mine.conf\n"},
    {"service=mine host=h", {"host"}, {"h"}, NULL, "host", "host: conninfo\n"},
    {"service=mine@e host=h port=6",
     {"service"},
     {"other"},
     NULL,
     "service host port",
     "service: conninfo\nhost: libpq's default\nport: service other in ~/mine.conf\n"},
    {"service=system@e host=h user=u",
     {NULL},
     {NULL},
     NULL,
     "host user",
     "host: service system in ~/pg_service.conf\nuser: libpq's default\n"},
    {"service=both@e host=h user=u",
     {NULL},
     {NULL},
     NULL,
     "host user",
     "host: service both in ~/mine.conf\nuser: libpq's default\n"},
    {"service=nowhere@e host=h sslmode=require@e",
     {NULL},
     {NULL},
     NULL,
     "host sslmode",
     "host: libpq's default\nsslmode: environment PGSSLMODE\n"},
    {"service=@e host=h", {NULL}, {NULL}, NULL, "host", "host: libpq's default\n"},
    /* libpq 19 says the file itself. */
    {"service=mine@e servicefile=FOLDER/other.conf host=h port=5",
     {NULL},
     {NULL},
     NULL,
     "host port",
     "host: libpq's default\nport: service mine in ~/other.conf\n"},
    {"service=mine@e servicefile= host=h",
     {NULL},
     {NULL},
     NULL,
     "host",
     "host: service mine in ~/mine.conf\n"},
};

static void origins_are_told(void **state)
{
	(void)state;
	in_folder("PGSERVICEFILE", "mine.conf");
	(void)setenv("PGSYSCONFDIR", folder, 1);
	put("mine.conf", "host=before\n[mine]\n# port=1\nhost=h\nport=5\n[other]\nport=6\nuser=u\n"
			 "[both]\nhost=h\n");
	put("pg_service.conf", "[system]\nhost=h\n[both]\nhost=h\nuser=u\n");
	put("other.conf", "[mine]\nport=5\n");
	for (size_t i = 0; i < sizeof origins / sizeof origins[0]; i++) {
		const struct origins *row = &origins[i];
		const struct pga_parameters parameters = {row->keywords, row->values, 1};
		struct pga_text text = PGA_TEXT_EMPTY;
		struct settings settings;
		struct settings copy;
		char words[LONGEST];
		const char *mark = strstr(row->settings, "FOLDER");

		play("", row->parsed != NULL ? row->parsed : "");
		make_settings(&played.parsed, row->parsed != NULL ? row->parsed : "");
		played.parses = row->parsed != NULL;
		(void)snprintf(words, sizeof words, "%.*s%s%s",
			       mark != NULL ? (int)(mark - row->settings)
					    : (int)strlen(row->settings),
			       row->settings, mark != NULL ? folder : "",
			       mark != NULL ? mark + strlen("FOLDER") : "");
		in_folder("PGSERVICEFILE", "mine.conf");
		make_settings(&settings, words);
		in_folder("PGSERVICEFILE", "mine.conf");
		copy = settings;
		copy.effective = (struct pga_effective){.options = settings.options};
		pga_effective_trace(&libpq, &parameters, &copy.effective);
		add_origins(&copy.effective, row->told, &text);
		if (strcmp(pga_text_string(&text), row->expected) != 0)
			fail_msg("%s\n%s", row->settings, pga_text_string(&text));
		assert_int_equal(played.freed + played.messages_freed,
				 row->keywords[0] != NULL &&
				     strcmp(row->keywords[0], "dbname") == 0);
		copy.effective.options = NULL;
		pga_effective_free(&libpq, &copy.effective);
		pga_text_free(&text);
	}
}

/* The file below the home folder where no variable names one. */
static void the_users_own_file_is_looked_at(void **state)
{
	static const char *const none[] = {NULL};
	const struct pga_parameters parameters = {none, none, 0};
	struct pga_text text = PGA_TEXT_EMPTY;
	struct settings settings;

	(void)state;
	play("", "");
	put(".pg_service.conf", "[mine]\nhost=h\n");
	make_settings(&settings, "host=h service=mine@e");
	(void)unsetenv("PGSERVICEFILE");
	(void)unsetenv("PGSYSCONFDIR");
	(void)setenv("HOME", folder, 1);
	settings.effective = (struct pga_effective){.options = settings.options};
	pga_effective_trace(&libpq, &parameters, &settings.effective);
	add_origins(&settings.effective, "host", &text);
	assert_string_equal(pga_text_string(&text), "host: service mine in ~/.pg_service.conf\n");
	settings.effective.options = NULL;
	pga_effective_free(&libpq, &settings.effective);
	pga_text_free(&text);
}

static void without_parameters_less_is_told(void **state)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	struct settings settings;
	struct pga_effective *effective = &settings.effective;

	(void)state;
	play("", "");
	make_settings(&settings, "host=h@e sslmode=require");
	*effective = (struct pga_effective){.options = settings.options};
	pga_effective_trace(&libpq, NULL, effective);
	add_origins(effective, "host sslmode", &text);
	assert_string_equal(
	    pga_text_string(&text),
	    "host: environment PGHOST\nsslmode: the program's, or libpq's default\n");
	assert_false(effective->ambiguous);
	effective->options = NULL;
	pga_effective_free(&libpq, effective);
	pga_text_free(&text);
}

static void an_ambiguous_uri_is_noted(void **state)
{
	static const char *const keywords[] = {"dbname", NULL};
	static const char *const values[] = {"postgres://u:p@q@h", NULL};
	const struct pga_parameters parameters = {keywords, values, 0};
	struct settings settings;

	(void)state;
	play("", "");
	make_settings(&settings, "");
	settings.effective = (struct pga_effective){.options = settings.options};
	pga_effective_trace(&libpq, &parameters, &settings.effective);
	assert_true(settings.effective.ambiguous);
	/* It is not expanded, and so not parsed. */
	assert_string_equal(pga_text_string(&played.asked), "");
	settings.effective.options = NULL;
	pga_effective_free(&libpq, &settings.effective);
}

static void requiressl_is_told(void **state)
{
	static const struct {
		const char *value;
		const char *mode;
		const char *sslmode;
		const char *expected;
	} rows[] = {
	    {"1", NULL, "require", "sslmode: environment PGREQUIRESSL\nhost: libpq's default\n"},
	    {"0", NULL, "require", "sslmode: libpq's default\nhost: libpq's default\n"},
	    {NULL, NULL, "require", "sslmode: libpq's default\nhost: libpq's default\n"},
	    {"1", "prefer", "require", "sslmode: libpq's default\nhost: libpq's default\n"},
	    {"1", NULL, "prefer", "sslmode: libpq's default\nhost: libpq's default\n"},
	    {"10", NULL, "require", "sslmode: environment PGREQUIRESSL\nhost: libpq's default\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		static const char *const none[] = {NULL};
		const struct pga_parameters parameters = {none, none, 0};
		struct pga_text text = PGA_TEXT_EMPTY;
		struct settings settings;
		char words[LONGEST];

		play("", "");
		(void)snprintf(words, sizeof words, "host=require sslmode=%s", rows[i].sslmode);
		make_settings(&settings, words);
		(void)unsetenv("PGREQUIRESSL");
		if (rows[i].value != NULL)
			(void)setenv("PGREQUIRESSL", rows[i].value, 1);
		if (rows[i].mode != NULL)
			(void)setenv("PGSSLMODE", rows[i].mode, 1);
		settings.effective = (struct pga_effective){.options = settings.options};
		pga_effective_trace(&libpq, &parameters, &settings.effective);
		add_origins(&settings.effective, "sslmode host", &text);
		assert_string_equal(pga_text_string(&text), rows[i].expected);
		settings.effective.options = NULL;
		pga_effective_free(&libpq, &settings.effective);
		pga_text_free(&text);
	}
	(void)unsetenv("PGREQUIRESSL");
	(void)unsetenv("PGSSLMODE");
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
	static const char *const names[] = {"mine.conf", "pg_service.conf", "other.conf",
					    ".pg_service.conf"};
	char path[128];

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		(void)unlink(path);
	}
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_tool_asks_twice),
	    cmocka_unit_test(what_was_not_said_is_not_said),
	    cmocka_unit_test(the_gate_asks_once),
	    cmocka_unit_test(what_libpq_refuses_is_said_in_its_words),
	    cmocka_unit_test(without_memory_nothing_is_known),
	    cmocka_unit_test(what_is_added_comes_last),
	    cmocka_unit_test(which_string_libpq_may_quote),
	    cmocka_unit_test(when_oauth_is_unsafe),
	    cmocka_unit_test(what_is_a_question),
	    cmocka_unit_test(an_option_is_found_by_its_whole_name),
	    cmocka_unit_test(origins_are_told),
	    cmocka_unit_test(the_users_own_file_is_looked_at),
	    cmocka_unit_test(without_parameters_less_is_told),
	    cmocka_unit_test(an_ambiguous_uri_is_noted),
	    cmocka_unit_test(requiressl_is_told),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
