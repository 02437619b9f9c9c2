/* policy/effective.h: where each setting came from. libpq itself is played by the test: what the
 * real one does is for tests/e2e. */
#include "failing.h"

#include "base/text.h"
#include "played_libpq.h"
#include "settings.h"

#include <sys/stat.h>
#include <unistd.h>

static char scratch[] = "/tmp/pganchor-test-XXXXXX";

static void put(const char *name, const char *bytes)
{
	char path[128];
	FILE *file;

	(void)snprintf(path, sizeof path, "%s/%s", scratch, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(bytes, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void in_directory(const char *variable, const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof path, "%s/%s", scratch, name);
	(void)setenv(variable, path, 1);
}

/* The origin of each of these, a line each; the directory is written as ~. */
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
		for (const char *at; (at = strstr(said, scratch)) != NULL;
		     said = at + strlen(scratch)) {
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
    {"service=mine@e servicefile=DIRECTORY/other.conf host=h port=5",
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
	in_directory("PGSERVICEFILE", "mine.conf");
	(void)setenv("PGSYSCONFDIR", scratch, 1);
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
		const char *mark = strstr(row->settings, "DIRECTORY");

		play("", row->parsed != NULL ? row->parsed : "");
		make_settings(&played.parsed, row->parsed != NULL ? row->parsed : "");
		played.parses = row->parsed != NULL;
		(void)snprintf(words, sizeof words, "%.*s%s%s",
			       mark != NULL ? (int)(mark - row->settings)
					    : (int)strlen(row->settings),
			       row->settings, mark != NULL ? scratch : "",
			       mark != NULL ? mark + strlen("DIRECTORY") : "");
		in_directory("PGSERVICEFILE", "mine.conf");
		make_settings(&settings, words);
		in_directory("PGSERVICEFILE", "mine.conf");
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

/* The file below the home directory where no variable names one. */
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
	(void)setenv("HOME", scratch, 1);
	settings.effective = (struct pga_effective){.options = settings.options};
	pga_effective_trace(&libpq, &parameters, &settings.effective);
	add_origins(&settings.effective, "host", &text);
	assert_string_equal(pga_text_string(&text), "host: service mine in ~/.pg_service.conf\n");
	settings.effective.options = NULL;
	pga_effective_free(&libpq, &settings.effective);
	pga_text_free(&text);
}

static bool secure;

bool __real_pga_is_secure_execution(void);
bool __wrap_pga_is_secure_execution(void);
bool __wrap_pga_is_secure_execution(void)
{
	return secure || __real_pga_is_secure_execution();
}

/* Settings of a service, which is in the user's file. */
static void make_service(struct settings *settings)
{
	play("", "");
	put("mine.conf", "[mine]\nhost=h\n");
	(void)setenv("PGSYSCONFDIR", scratch, 1);
	make_settings(settings, "host=h service=mine@e sslmode=require@e user=u");
	in_directory("PGSERVICEFILE", "mine.conf");
	settings->effective = (struct pga_effective){.options = settings->options};
}

/* What cannot be read is told as unknown; and what is told is so. */
static void without_memory_less_is_told(void **state)
{
	static const char *const none[] = {NULL};
	const struct pga_parameters parameters = {none, none, 0};
	long number = 0;

	(void)state;
	do {
		struct pga_text text = PGA_TEXT_EMPTY;
		struct settings settings;
		struct pga_effective *effective = &settings.effective;

		make_service(&settings);
		has_failed = false;
		left = ++number;
		pga_effective_trace(&libpq, &parameters, effective);
		left = 0;
		add_origins(effective, "host", &text);
		if (strcmp(pga_text_string(&text), "host: service mine in ~/mine.conf\n") != 0 &&
		    (!has_failed ||
		     (strcmp(pga_text_string(&text), "host: libpq's default\n") != 0 &&
		      strcmp(pga_text_string(&text), "host: the program's, or libpq's default\n") !=
			  0)))
			fail_msg("%ld: %s", number, pga_text_string(&text));
		pga_text_free(&text);
		if (effective->origins != NULL)
			add_origins(effective, "sslmode", &text);
		if (effective->origins != NULL)
			assert_string_equal(pga_text_string(&text),
					    "sslmode: environment PGSSLMODE\n");
		pga_text_free(&text);
		effective->options = NULL;
		pga_effective_free(&libpq, effective);
	} while (has_failed);
	assert_true(number > 3);
}

/* There, the file is one of the caller's choice. */
static void with_more_rights_no_file_is_read(void **state)
{
	static const char *const none[] = {NULL};
	const struct pga_parameters parameters = {none, none, 0};
	struct pga_text text = PGA_TEXT_EMPTY;
	struct settings settings;

	(void)state;
	make_service(&settings);
	secure = true;
	pga_effective_trace(&libpq, &parameters, &settings.effective);
	secure = false;
	assert_string_equal(settings.effective.service, "mine");
	assert_null(settings.effective.service_file);
	add_origins(&settings.effective, "host sslmode", &text);
	assert_string_equal(
	    pga_text_string(&text),
	    "host: the program's, or libpq's default\nsslmode: environment PGSSLMODE\n");
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

static int make_scratch(void **state)
{
	(void)state;
	return mkdtemp(scratch) != NULL ? 0 : -1;
}

static int remove_scratch(void **state)
{
	static const char *const names[] = {"mine.conf", "pg_service.conf", "other.conf",
					    ".pg_service.conf"};
	char path[128];

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", scratch, names[i]);
		(void)unlink(path);
	}
	return rmdir(scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(origins_are_told),
	    cmocka_unit_test(the_users_own_file_is_looked_at),
	    cmocka_unit_test(without_memory_less_is_told),
	    cmocka_unit_test(with_more_rights_no_file_is_read),
	    cmocka_unit_test(without_parameters_less_is_told),
	    cmocka_unit_test(an_ambiguous_uri_is_noted),
	    cmocka_unit_test(requiressl_is_told),
	};

	return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
