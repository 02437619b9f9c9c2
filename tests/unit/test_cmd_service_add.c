/* cli/cmd_service_add.c: what is asked for, in which order it is looked at, and what is warned of.
 */
#include "service_home.h"
#include "printed.h"

#include "ca/idn.h"
#include "cli/cli.h"
#include "cli/cmd_service.h"
#include "cli/print_service_add.h"
#include "cli/print_unpinned.h"
#include "cli/service_check.h"
#include "service/surroundings.h"

/* ---- the steps, as the test plays them ---- */

static struct {
	const char *fails; /* the step that does */
	enum pga_entry_state state;
	bool needs_tls;
	const char *composed; /* what is warned of by each */
	const char *unpinned;
	const char *around;
	int checked; /* the status of the check */
	bool readable;
	bool unchanged;
	uid_t acting;
	int shown; /* how often the environment was brought back, less how often hidden */
} here;
static char happened[1000];

/* Notes the step. Returns -1 where it fails. */
static int step(const char *name, struct pga_error *why)
{
	(void)strcat(strcat(happened, happened[0] != '\0' ? " " : ""), name);
	if (here.fails == NULL || strcmp(here.fails, name) != 0)
		return 0;
	return pga_fail(why, "", "%s: Permission denied", name);
}

/* What the test itself does has all the memory that it needs. */
static long set_aside;

static void begin_step(void)
{
	set_aside = left;
	left = 0;
}

static int end_step(int result)
{
	left = set_aside;
	return result;
}

char *__wrap_pga_hosts_to_ascii(const char *list, struct pga_error *why);
char *__wrap_pga_hosts_to_ascii(const char *list, struct pga_error *why)
{
	char *ascii = NULL;

	begin_step();
	if (strcmp(list, "bad") == 0)
		(void)pga_fail(why, "", "bad: no host");
	else if (asprintf(&ascii, "xn-%s", list) < 0)
		ascii = NULL;
	(void)end_step(0);
	return ascii;
}

int __wrap_pga_policy_load(struct pga_policy *loaded, struct pga_error *why);
int __wrap_pga_policy_load(struct pga_policy *loaded, struct pga_error *why)
{
	*loaded = policy;
	return step("policy", why);
}

int __wrap_pga_pins_load(struct pga_pins *pins, struct pga_error *why);
int __wrap_pga_pins_load(struct pga_pins *pins, struct pga_error *why)
{
	memset(pins, 0, sizeof *pins);
	return step("pins", why);
}

int __wrap_pga_compose(const struct pga_wish *wish, const struct pga_policy *by,
		       const struct pga_pins *pins, struct pga_composition *composition,
		       struct pga_error *why);
int __wrap_pga_compose(const struct pga_wish *wish, const struct pga_policy *by,
		       const struct pga_pins *pins, struct pga_composition *composition,
		       struct pga_error *why)
{
	int result;

	(void)by;
	(void)pins;
	begin_step();
	memset(composition, 0, sizeof *composition);
	result = step("compose", why);
	for (size_t i = 0; i < wish->settings.count; i++) {
		const struct pga_setting *item = &wish->settings.items[i];

		(void)strcat(strcat(strcat(strcat(happened, " "), item->keyword), "="),
			     item->value);
		assert_int_equal(
		    pga_settings_add(&composition->settings, item->keyword, item->value, why), 0);
	}
	if (wish->anchor != NULL)
		(void)strcat(strcat(happened, " of "), wish->anchor);
	if (wish->place == PGA_SERVICE_SYSTEM)
		(void)strcat(happened, " for all");
	composition->evaluation.state = here.state;
	composition->evaluation.needs_tls = here.needs_tls;
	pga_text_add(&composition->warnings, here.composed);
	return end_step(result);
}

int __wrap_pga_unpinned_tell(const char *path, const struct pga_policy *by,
			     const struct pga_pins *pins, struct pga_text *text,
			     struct pga_error *why);
int __wrap_pga_unpinned_tell(const char *path, const struct pga_policy *by,
			     const struct pga_pins *pins, struct pga_text *text,
			     struct pga_error *why)
{
	(void)by;
	(void)pins;
	assert_null(path);
	begin_step();
	pga_text_add(text, here.unpinned);
	return end_step(step("unpinned", why));
}

void __wrap_pga_service_show_environment(void);
void __wrap_pga_service_show_environment(void)
{
	here.shown++;
}

int __wrap_pga_service_hide_environment(struct pga_error *why);
int __wrap_pga_service_hide_environment(struct pga_error *why)
{
	here.shown--;
	return step("hide", why);
}

int __wrap_pga_evaluate_here(const struct pga_settings *settings, const struct pga_policy *by,
			     struct pga_evaluation *evaluation, struct pga_error *why);
int __wrap_pga_evaluate_here(const struct pga_settings *settings, const struct pga_policy *by,
			     struct pga_evaluation *evaluation, struct pga_error *why)
{
	(void)by;
	(void)evaluation;
	assert_int_equal(here.shown, 1);
	assert_true(settings->count > 0);
	return step("look", why);
}

void __wrap_pga_surroundings_tell(const struct pga_evaluation *evaluation, struct pga_text *text);
void __wrap_pga_surroundings_tell(const struct pga_evaluation *evaluation, struct pga_text *text)
{
	(void)evaluation;
	begin_step();
	pga_text_add(text, here.around);
	(void)end_step(0);
}

int __wrap_pga_addition_check(const struct pga_addition *asked, struct pga_added *added);
int __wrap_pga_addition_check(const struct pga_addition *asked, struct pga_added *added)
{
	struct pga_error why;

	(void)added;
	assert_true(asked->check);
	(void)step("check", &why);
	return here.checked;
}

int __wrap_pga_service_write(const struct pga_change *change, const struct pga_settings *settings,
			     const struct pga_policy *by, struct pga_changed *changed,
			     struct pga_error *why);
int __wrap_pga_service_write(const struct pga_change *change, const struct pga_settings *settings,
			     const struct pga_policy *by, struct pga_changed *changed,
			     struct pga_error *why)
{
	int result;

	(void)by;
	begin_step();
	assert_true(settings->count > 0);
	result = step("write", why);
	(void)strcat(strcat(happened, " "), change->name);
	(void)strcat(happened, change->place == PGA_SERVICE_SYSTEM ? " for all" : "");
	(void)strcat(happened, change->replace ? " anew" : "");
	(void)strcat(happened, change->dry_run ? " dry" : "");
	assert_true(asprintf(&changed->path, "%s", "/f") > 0);
	changed->readable_by_others = here.readable;
	changed->unchanged = here.unchanged;
	return end_step(result);
}

int __wrap_pga_addition_refused(const struct pga_addition *asked, const struct pga_added *added);
int __wrap_pga_addition_refused(const struct pga_addition *asked, const struct pga_added *added)
{
	struct pga_error why;

	(void)asked;
	(void)added;
	(void)step("refused", &why);
	return PGA_EXIT_WEAK;
}

int __wrap_pga_addition_json(const struct pga_addition *asked, const struct pga_added *added,
			     bool written, int status);
int __wrap_pga_addition_json(const struct pga_addition *asked, const struct pga_added *added,
			     bool written, int status)
{
	struct pga_error why;

	(void)added;
	assert_true(asked->json);
	assert_int_equal(status, PGA_EXIT_DONE);
	(void)step(written ? "json-written" : "json", &why);
	return status;
}

void __wrap_pga_addition_written(const struct pga_addition *asked, const struct pga_added *added);
void __wrap_pga_addition_written(const struct pga_addition *asked, const struct pga_added *added)
{
	struct pga_error why;

	(void)added;
	assert_false(asked->json);
	(void)step("written", &why);
}

uid_t __wrap_geteuid(void);
uid_t __wrap_geteuid(void)
{
	return here.acting;
}

static int begin(void **state)
{
	memset(&here, 0, sizeof here);
	here.composed = here.unpinned = here.around = "";
	return make_home(state);
}

static int run(const char *words)
{
	happened[0] = '\0';
	here.shown = 0;
	return command_prints(pga_cmd_service_add.run, words);
}

/* ---- the words ---- */

#define STEPS(settings) "policy pins compose" settings " look hide write"

static void what_is_asked_for(void **state)
{
	static const struct {
		const char *words;
		const char *happened;
	} cases[] = {
	    {"add prod --host h", STEPS(" host=xn-h") " prod written"},
	    {"add prod -H h -p 1 -d d -U u",
	     STEPS(" host=xn-h port=1 dbname=d user=u") " prod written"},
	    {"add --port 1 --dbname d --user u --anchor a prod host=h",
	     STEPS(" port=1 dbname=d user=u host=xn-h of a") " prod written"},
	    {"add prod hostaddr=10.0.0.1 options=-c_x=y",
	     STEPS(" hostaddr=10.0.0.1 options=-c x=y") " prod written"},
	    {"add prod --host h user=", STEPS(" host=xn-h user=") " prod written"},
	    {"add prod --host h --system", STEPS(" host=xn-h for all") " prod for all written"},
	    {"add prod --host h --replace -n", STEPS(" host=xn-h") " prod anew dry written"},
	    {"add prod --host h --dry-run --json", STEPS(" host=xn-h") " prod dry json"},
	    {"add prod --host h -j", STEPS(" host=xn-h") " prod json-written"},
	    {"add prod --host h --check",
	     "policy pins compose host=xn-h look hide check write prod written"},
	    /* Names that look like other things. */
	    {"add a=b --host h", STEPS(" host=xn-h") " a=b written"},
	    {"add host --host h", STEPS(" host=xn-h") " host written"},
	    {"add -H h -- -x", STEPS(" host=xn-h") " -x written"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(run(cases[i].words), PGA_EXIT_DONE);
		assert_string_equal(happened, cases[i].happened);
		assert_string_equal(printed.errors, "");
		assert_string_equal(printed.output, "");
		assert_int_equal(here.shown, 0);
	}
	here.unchanged = true;
	assert_int_equal(run("add prod --host h -j"), PGA_EXIT_DONE);
	assert_string_equal(happened, STEPS(" host=xn-h") " prod json");
}

static void what_is_not_understood(void **state)
{
	static const struct {
		const char *words;
		const char *said;
	} cases[] = {
	    {"add prod", "no --host: whose certificate should be verified?"},
	    {"add prod port=1", "no --host: whose certificate should be verified?"},
	    {"add prod h", "h: not of the form KEYWORD=VALUE; the host is --host h"},
	    {"add prod port=1 h", "h: not of the form KEYWORD=VALUE; the host is --host h"},
	    {"add prod --host h x", "x: not of the form KEYWORD=VALUE"},
	    {"add prod =x", "=x: not of the form KEYWORD=VALUE"},
	    {"add prod --host h =x", "=x: not of the form KEYWORD=VALUE"},
	    {"add host=h", "host=h: the service's name comes first"},
	    {"add host=h prod=x", "host=h: the service's name comes first"},
	    {"add prod --host bad", "bad: no host"},
	    {"add prod host=bad port=1", "bad: no host"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char expected[300];

		assert_int_equal(run(cases[i].words), PGA_EXIT_USAGE);
		(void)snprintf(expected, sizeof expected,
			       "pganchor: service add: %s\n    see pganchor service add --help\n",
			       cases[i].said);
		assert_string_equal(printed.errors, expected);
		assert_string_equal(happened, "");
	}
	for (int form = 0; form < 2; form++) {
		assert_int_equal(
		    run(form == 0 ? "add prod --host h host=i" : "add prod -H h port=1 port=2"),
		    PGA_EXIT_USAGE);
		assert_non_null(strstr(printed.errors, form == 0 ? "host" : "port"));
		assert_string_equal(happened, "");
	}
	assert_int_equal(run("add"), PGA_EXIT_USAGE);
	assert_int_equal(run("add --help"), PGA_EXIT_DONE);
	assert_string_equal(happened, "");
}

/* ---- the steps ---- */

static void the_step_that_fails(void **state)
{
	static const struct {
		const char *step;
		const char *happened;
	} cases[] = {
	    {"policy", "policy"},
	    {"pins", "policy pins"},
	    {"compose", "policy pins compose host=xn-h"},
	    {"unpinned", "policy pins compose host=xn-h unpinned"},
	    {"look", "policy pins compose host=xn-h unpinned look hide"},
	    {"hide", "policy pins compose host=xn-h unpinned look hide"},
	    {"write", "policy pins compose host=xn-h unpinned look hide write prod"},
	};

	(void)state;
	here.needs_tls = true;
	here.unpinned = "not pinned";
	for (size_t i = 0; i < COUNT(cases); i++) {
		char expected[200];

		here.fails = cases[i].step;
		assert_int_equal(run("add prod --host h"), PGA_EXIT_FAILED);
		assert_string_equal(happened, cases[i].happened);
		(void)snprintf(expected, sizeof expected, "pganchor: %s: Permission denied\n",
			       cases[i].step);
		assert_string_equal(printed.errors, expected);
	}
	here.acting = 1000;
	assert_int_equal(run("add prod --host h --system"), PGA_EXIT_FAILED);
	assert_string_equal(printed.errors,
			    "pganchor: write: Permission denied\n    run it as root, such as "
			    "with sudo; nothing was changed\n");
	assert_int_equal(run("add a] --host h"), PGA_EXIT_FAILED);
	assert_string_equal(happened, "");
}

static void what_is_refused(void **state)
{
	(void)state;
	here.state = PGA_ENTRY_WEAK;
	assert_int_equal(run("add prod --host h"), PGA_EXIT_WEAK);
	assert_string_equal(happened, "policy pins compose host=xn-h refused");
	here.state = PGA_ENTRY_ALLOWED;
	here.checked = PGA_EXIT_FAILED;
	assert_int_equal(run("add prod --host h --check"), PGA_EXIT_FAILED);
	assert_string_equal(happened, "policy pins compose host=xn-h look hide check");
}

/* What a new name may not hold, one that is there may. */
static void names_that_are_there(void **state)
{
	(void)state;
	assert_int_equal(run("add a\tb --host h"), PGA_EXIT_FAILED);
	assert_string_equal(happened, "");
	assert_int_equal(run("add a\tb --host h --replace"), PGA_EXIT_DONE);
}

/* ---- warnings ---- */

#define WARNING "pganchor: warning: "

static void what_is_warned_of(void **state)
{
	static const struct {
		const char *composed;
		const char *unpinned;
		const char *around;
		const char *said;
	} cases[] = {
	    {"", "", "", ""},
	    {"c", "", "", WARNING "c\n"},
	    {"c\nd", "", "a", WARNING "c\n" WARNING "d\n" WARNING "a\n"},
	    {"", "u", "a", WARNING "u\n" WARNING "a\n"},
	    {"c", "one:\n    two\n    three", "", WARNING "c\n" WARNING "one: two; three\n"},
	    {"", "one:\n    two\n", "a", WARNING "one: two\n" WARNING "a\n"},
	    {"", "one\n", "", WARNING "one\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		here.needs_tls = true;
		here.composed = cases[i].composed;
		here.unpinned = cases[i].unpinned;
		here.around = cases[i].around;
		assert_int_equal(run("add prod --host h"), PGA_EXIT_DONE);
		assert_string_equal(printed.errors, cases[i].said);
		assert_int_equal(run("add prod --host h -j"), PGA_EXIT_DONE);
		assert_string_equal(printed.errors, cases[i].said);
	}
	/* A check has seen whose the servers are, and without TLS there is no root. */
	here.composed = here.around = "";
	here.unpinned = "u";
	assert_int_equal(run("add prod --host h --check"), PGA_EXIT_DONE);
	assert_string_equal(printed.errors, "");
	here.needs_tls = false;
	for (int check = 0; check < 2; check++) {
		assert_int_equal(
		    run(check == 1 ? "add prod --host h --check" : "add prod --host h"),
		    PGA_EXIT_DONE);
		assert_string_equal(printed.errors, "");
		assert_null(strstr(happened, "unpinned"));
	}
}

#define OTHERS WARNING "/f can be read by others: chmod 600 it, for the password's sake\n"

static void what_the_files_say(void **state)
{
	static const struct {
		const char *words;
		bool readable;
		const char *user;
		const char *system;
		const char *said; /* "@" is the test's directory */
	} cases[] = {
	    {"add prod -H h password=x", true, "", "", OTHERS},
	    {"add prod -H h password=x", false, "", "", ""},
	    {"add prod -H h", true, "", "", ""},
	    {"add prod -H h password=x --system", true, "", "", ""},
	    {"add prod -H h", false, "[prod]\n", "", ""},
	    {"add prod -H h", false, "[prod]\n", "[a]\n[prod]\n",
	     WARNING "@/pg_service.conf, line 2, has a service prod, too: for you, the new entry "
		     "shadows that one\n"},
	    {"add prod -H h --system", false, "[prod]\n", "[a]\n[prod]\n",
	     WARNING "@/.pg_service.conf, line 1, has a service prod, too: for you, that entry "
		     "shadows this one\n"},
	    {"add prod -H h --system", false, "[other]\n", "[prod]\n", ""},
	    {"add prod -H h password=x", true, "", "[prod]\n",
	     OTHERS WARNING "@/pg_service.conf, line 1, has a service prod, too: for you, the new "
			    "entry shadows that one\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pga_text expected = PGA_TEXT_EMPTY;

		put(".pg_service.conf", cases[i].user);
		put("pg_service.conf", cases[i].system);
		here.readable = cases[i].readable;
		assert_int_equal(run(cases[i].words), PGA_EXIT_DONE);
		for (const char *at = cases[i].said; *at != '\0'; at++)
			pga_text_addf(&expected, "%.*s", *at == '@' ? (int)sizeof scratch : 1,
				      *at == '@' ? scratch : at);
		assert_string_equal(printed.errors, pga_text_string(&expected));
		pga_text_free(&expected);
	}
	/* One that cannot be read is not spoken of. */
	assert_int_equal(unlink("pg_service.conf"), 0);
	assert_int_equal(mkdir("pg_service.conf", 0700), 0);
	assert_int_equal(run("add prod -H h"), PGA_EXIT_DONE);
	assert_string_equal(printed.errors, "");
}

static void wherever_memory_runs_out(void **state)
{
	long number = 0;
	long failed = 0;

	(void)state;
	put("pg_service.conf", "[a=b]\n");
	here.needs_tls = true;
	here.unpinned = "one:\n    two";
	do {
		int result;

		has_failed = false;
		left = ++number;
		result = run("add a=b --host h password=x");
		left = 0;
		failed += result != PGA_EXIT_DONE;
		if (result != PGA_EXIT_DONE)
			assert_true(has_failed && is_about_memory(printed.errors));
		else
			assert_true(strstr(printed.errors, "one: two\n") != NULL ||
				    is_about_memory(printed.errors));
	} while (has_failed);
	assert_true(failed > 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(what_is_asked_for, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(what_is_not_understood, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(the_step_that_fails, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(what_is_refused, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(names_that_are_there, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(what_is_warned_of, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(what_the_files_say, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(wherever_memory_runs_out, begin, remove_scratch),
	};

	return cmocka_run_group_tests(tests, make_root_once, free_root);
}
