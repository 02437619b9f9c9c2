/* preload/unit_settings.h: a systemctl that does not answer is not one that knows of no settings.
 */
#include "cmocka_start.h"
#include "failing.h"
#include "directory.h"

#include "preload/unit_settings.h"
#include "base/subprocess.h"

#include <string.h>
#include <sys/stat.h>

/* What the systemctl of a test does. */
static struct {
	int result;
	int status;
	bool late;
	const char *settings;    /* what it says of all but Environment= */
	const char *environment; /* and of that */
} answer;

/* What it was asked last, and the time before. */
static char asked[2][300];

/* In the place of base/subprocess.c. */
int pga_subprocess_run(const char *const *argv, const char *preload, struct pga_subprocess *child,
		       struct pga_error *error)
{
	assert_string_equal(preload, "");
	memset(child, 0, sizeof *child);
	memcpy(asked[0], asked[1], sizeof asked[0]);
	asked[1][0] = '\0';
	for (size_t i = 0; argv[i] != NULL; i++) {
		(void)strcat(asked[1], argv[i]);
		(void)strcat(asked[1], " ");
	}
	pga_text_add(&child->output, strcmp(argv[3], "--property=Environment") == 0
					 ? (answer.environment != NULL ? answer.environment : "")
					 : (answer.settings != NULL ? answer.settings : ""));
	if (child->output.failed)
		return pga_fail_memory(error);
	child->late = answer.late;
	child->status = answer.status;
	return answer.result == 0 ? 0 : pga_fail(error, NULL, "%s has not ended", argv[0]);
}

void pga_subprocess_free(struct pga_subprocess *child)
{
	pga_text_free(&child->output);
	pga_text_free(&child->errors);
}

static void what_is_late_is_an_error(void **state)
{
	struct pga_unit_settings settings;
	struct pga_error error;

	(void)state;
	answer.result = -1;
	answer.late = true;
	assert_int_equal(pga_unit_ask("app.service", false, &settings, &error), -1);
	assert_string_equal(error.message, "systemctl has not ended");
	pga_unit_settings_free(&settings);
}

static void what_is_not_there_knows_nothing(void **state)
{
	struct pga_unit_settings settings;
	struct pga_error error;

	(void)state;
	/* There is no systemctl; or it says that there is no systemd. */
	for (int i = 0; i < 2; i++) {
		answer.result = i == 0 ? -1 : 0;
		answer.status = 1;
		answer.late = false;
		assert_int_equal(pga_unit_ask("app.service", false, &settings, &error), 0);
		assert_false(settings.known);
		assert_string_equal(settings.preload, "");
		assert_string_equal(settings.load_state, "");
		pga_unit_settings_free(&settings);
	}
}

/* ---- what it says ---- */

static void ask(const char *name, bool user, struct pga_unit_settings *settings)
{
	struct pga_error error;

	answer.result = answer.status = 0;
	answer.late = false;
	assert_int_equal(pga_unit_ask(name, user, settings, &error), 0);
	assert_true(settings->known);
}

#define PROPERTIES                                                                      \
	"--property=UnsetEnvironment,RootDirectory,RootImage,Id,LoadState,DropInPaths," \
	"EnvironmentFiles "

static void how_it_is_asked(void **state)
{
	static const struct {
		const char *name;
		bool user;
		const char *first;
		const char *second;
	} cases[] = {
	    {"a.service", false, "systemctl --system show " PROPERTIES "--no-pager -- a.service ",
	     "systemctl --system show --property=Environment --value -- a.service "},
	    {"a@.service", true,
	     "systemctl --user show " PROPERTIES "--no-pager -- a@pganchor.service ",
	     "systemctl --user show --property=Environment --value -- a@pganchor.service "},
	    {"@.service", true, "systemctl --user show " PROPERTIES "--no-pager -- @.service ",
	     "systemctl --user show --property=Environment --value -- @.service "},
	    {"a@b.service", true, "systemctl --user show " PROPERTIES "--no-pager -- a@b.service ",
	     "systemctl --user show --property=Environment --value -- a@b.service "},
	};

	(void)state;
	answer.settings = answer.environment = NULL;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pga_unit_settings settings;

		ask(cases[i].name, cases[i].user, &settings);
		assert_string_equal(asked[0], cases[i].first);
		assert_string_equal(asked[1], cases[i].second);
		pga_unit_settings_free(&settings);
	}
}

static void what_it_says(void **state)
{
	struct pga_unit_settings settings;

	(void)state;
	answer.environment = NULL;
	answer.settings =
	    "XId=no\nId=b.service\nLoadState=loaded\nUnsetEnvironment=A LD_PRELOAD\n"
	    "RootDirectory=/srv\nRootImage=/i.raw\nDropInPaths=/a /b\n"
	    "EnvironmentFiles=/e (ignore_errors=yes)\nEnvironmentFiles=/f (ignore_errors=no)\n";
	ask("a.service", false, &settings);
	assert_string_equal(settings.id, "b.service");
	assert_string_equal(settings.load_state, "loaded");
	assert_string_equal(settings.unset, "A LD_PRELOAD");
	assert_string_equal(settings.root, "/srv");
	assert_string_equal(settings.drop_ins, "/a /b");
	assert_string_equal(settings.environment_files,
			    "/e (ignore_errors=yes)\n/f (ignore_errors=no)\n");
	pga_unit_settings_free(&settings);
	/* A root that is the machine's own is none, and then an image may be. */
	answer.settings = "RootDirectory=/\nRootImage=/i.raw\nId=a@pganchor.service";
	ask("a@.service", false, &settings);
	assert_string_equal(settings.root, "/i.raw");
	/* The instance was made up. */
	assert_string_equal(settings.id, "");
	assert_string_equal(settings.load_state, "");
	assert_string_equal(settings.environment_files, "");
	pga_unit_settings_free(&settings);
	answer.settings = "RootDirectory=\nRootImage=\n";
	ask("a.service", false, &settings);
	assert_string_equal(settings.root, "");
	pga_unit_settings_free(&settings);
}

static void what_is_preloaded(void **state)
{
	static const struct {
		const char *environment;
		const char *preload;
	} cases[] = {
	    {"", ""},
	    {"\n", ""},
	    {"LD_PRELOAD=/a.so\n", "/a.so"},
	    {"A=b LD_PRELOAD=/a.so C=d\n", "/a.so"},
	    {"LD_PRELOAD=\n", ""},
	    {"MY_LD_PRELOAD=/a.so\n", ""},
	    {"A=LD_PRELOAD=/a.so\n", ""},
	    {"\"A=b LD_PRELOAD=/a.so\"\n", ""},
	    {"'A=b LD_PRELOAD=/a.so' LD_PRELOAD=/b.so\n", "/b.so"},
	    {"\"LD_PRELOAD=/a.so /b.so\"\n", "/a.so /b.so\""},
	    {"$'LD_PRELOAD=/a.so\\t'\n", "/a.so\\t'"},
	    {"A=\\\" LD_PRELOAD=/a.so\n", "/a.so"},
	    {"\"A=\\\"b LD_PRELOAD=/a.so\" B=c\n", ""},
	    {"\"A='\" LD_PRELOAD=/a.so\n", "/a.so"},
	    {"LD_PRELOAD=/a.so LD_PRELOAD=/b.so\n", "/b.so"},
	    {"A=b\nLD_PRELOAD=/a.so\n", "/a.so"},
	    {"A=\\", ""},
	};

	(void)state;
	answer.settings = NULL;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pga_unit_settings settings;

		answer.environment = cases[i].environment;
		ask("a.service", false, &settings);
		if (strcmp(settings.preload, cases[i].preload) != 0)
			fail_msg("%s: %s", cases[i].environment, settings.preload);
		pga_unit_settings_free(&settings);
	}
}

/* ---- files ---- */

static void what_mentions_it(void **state)
{
	static const struct {
		const char *text;
		bool mentions;
	} cases[] = {{"LD_PRELOAD=/a", true},
		     {"x\nLD_PRELOAD=/a", true},
		     {"Environment=LD_PRELOAD=", true},
		     {"Environment=\"LD_PRELOAD=", true},
		     {"Environment='LD_PRELOAD=", true},
		     {"A=b LD_PRELOAD=", true},
		     {"A=b\tLD_PRELOAD=", true},
		     {"MY_LD_PRELOAD=", false},
		     {"LD_PRELOAD", false},
		     {"XLD_PRELOAD= LD_PRELOAD=", true},
		     {"", false}};

	(void)state;
	assert_false(pga_unit_file_has_preload("none"));
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		put("file", cases[i].text);
		if (pga_unit_file_has_preload("file") != cases[i].mentions)
			fail_msg("%s", cases[i].text);
	}
}

static void what_wins_over_a_drop_in(void **state)
{
	static const struct {
		const char *drop_ins;
		const char *files;
		const char *found; /* NULL: nothing */
	} cases[] = {
	    {"", "", NULL},
	    {"d/pganchor.conf", "", NULL},
	    {"d/z.conf", "", "d/z.conf"},
	    {"d/a.conf d/pganchor.conf d/z.conf", "", "d/z.conf"},
	    {"d/a.conf", "", NULL},
	    {"d/plain.conf", "", NULL},
	    {"d/z.conf  d/zz.conf", "", "d/z.conf"},
	    {"d/zz-plain.conf d/z.conf", "", "d/z.conf"},
	    {"z.conf", "", NULL},
	    {"", "d/e (ignore_errors=yes)\n", "d/e"},
	    {"", "d/plain.conf (ignore_errors=yes)\nd/e (ignore_errors=no)\n", "d/e"},
	    {"", "d/e\n", "d/e"},
	    {"", "d/plain.conf\nd/e (ignore_errors=no)\n", "d/e"},
	    {"", "d/none\n", NULL},
	    {"d/z.conf", "d/e\n", "d/z.conf"},
	};
	static const char *const with[] = {"d/z.conf",        "d/zz.conf", "d/a.conf",
					   "d/pganchor.conf", "d/e",       "z.conf"};

	(void)state;
	assert_int_equal(mkdir("d", 0755), 0);
	for (size_t i = 0; i < sizeof with / sizeof with[0]; i++)
		put(with[i], "LD_PRELOAD=/a.so\n");
	put("d/plain.conf", "A=b\n");
	put("d/zz-plain.conf", "A=b\n");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pga_unit_settings settings = {.drop_ins = strdup(cases[i].drop_ins),
						     .environment_files = strdup(cases[i].files)};
		char *found = pga_unit_overridden_by(&settings);

		if ((found == NULL) != (cases[i].found == NULL) ||
		    (found != NULL && strcmp(found, cases[i].found) != 0))
			fail_msg("%s, %s: %s", cases[i].drop_ins, cases[i].files, found);
		free(found);
		pga_unit_settings_free(&settings);
	}
}

static void make_below(const char *path)
{
	char copy[200];

	(void)snprintf(copy, sizeof copy, "%s", path);
	for (char *slash = strchr(copy, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(copy, 0755);
		*slash = '/';
	}
	put(copy, "");
}

/* The directories in systemd's order; in each the instance itself goes before its template. */
static void where_the_unit_is(void **state)
{
	static const char *const paths[] = {
	    "lib/systemd/system/a@.service",      "lib/systemd/system/a@b.service",
	    "usr/lib/systemd/system/a@b.service", "usr/local/lib/systemd/system/a@.service",
	    "run/systemd/system/a@b.service",     "etc/systemd/system/a@.service",
	    "etc/systemd/system/a@b.service"};

	(void)state;
	assert_null(pga_unit_file(scratch, "a@b.service"));
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		char *found;

		make_below(paths[i]);
		found = pga_unit_file(scratch, "a@b.service");
		assert_non_null(found);
		assert_memory_equal(found, scratch, strlen(scratch));
		assert_string_equal(found + strlen(scratch) + 1, paths[i]);
		free(found);
	}
	assert_null(pga_unit_file(scratch, "a.service"));
	assert_null(pga_unit_file(scratch, "b@c.service"));
}

/* ---- memory ---- */

static int ask_again(struct pga_error *error)
{
	struct pga_unit_settings settings;
	int result = pga_unit_ask("a@b.service", false, &settings, error);

	/* One that cannot be asked is not known. */
	assert_true(settings.known || result != 0 || has_failed);
	if (result == 0 && settings.known) {
		assert_string_equal(settings.id, "a@c.service");
		assert_string_equal(settings.load_state, "loaded");
		assert_string_equal(settings.root, "/image");
		assert_string_equal(settings.preload, "/a.so");
	}
	pga_unit_settings_free(&settings);
	return result;
}

static void wherever_memory_runs_out(void **state)
{
	(void)state;
	answer.result = answer.status = 0;
	answer.late = false;
	answer.settings = "Id=a@c.service\nLoadState=loaded\nUnsetEnvironment=\nRootDirectory=/\n"
			  "RootImage=/image\nDropInPaths=\nEnvironmentFiles=/a\n";
	answer.environment = "LD_PRELOAD=/a.so\n";
	without_each(ask_again, true);
	answer.settings = answer.environment = NULL;
}

#define IN_A_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_scratch, remove_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_late_is_an_error),
	    cmocka_unit_test(what_is_not_there_knows_nothing),
	    cmocka_unit_test(how_it_is_asked),
	    cmocka_unit_test(what_it_says),
	    cmocka_unit_test(what_is_preloaded),
	    IN_A_DIRECTORY(what_mentions_it),
	    IN_A_DIRECTORY(what_wins_over_a_drop_in),
	    IN_A_DIRECTORY(where_the_unit_is),
	    cmocka_unit_test(wherever_memory_runs_out),
	};

	return cmocka_run_group_tests_name("unit_settings", tests, NULL, NULL);
}
