/* cli/bootstrap_services.h: which services are told of when an anchor leaves root.crt. */
#include "cmocka_start.h"
#include "failing.h"
#include "printed.h"

#include "cli/bootstrap_services.h"
#include "cli/cmd_service.h"

/* ---- the services, and what is found of each, as the test plays them ---- */

enum { MOST = 4, SETTINGS = 4 };

static struct {
	const char *sslrootcert;
	const char *host;
	const char *hostaddr;
	enum pga_entry_state state;
	bool no_tls;
	bool no_option; /* sslrootcert is none of libpq's */
} found[MOST];

static char names[MOST][2];
static struct pga_entry entries[MOST];
static struct {
	size_t user; /* entries; what follows are the machine's */
	size_t system;
	bool no_hiding;
	bool no_services;
	bool no_command; /* memory */
	int begin_fails; /* in which file: 1, the user's; 2 */
	const struct pga_entry *fails;
	/* What is going on: */
	int hidden;
	int begun;
	const struct pga_evaluator *judging;
	int judged;
	int open; /* evaluators and services that are not freed */
} here;

static PQconninfoOption options[MOST][SETTINGS];
static struct pga_error error;

int __wrap_pga_hide_environment_again(struct pga_error *why);
void __wrap_pga_bring_environment_back(void);
int __wrap_pga_find_services(struct pga_found_services *services, struct pga_error *why);
void __wrap_pga_found_services_free(struct pga_found_services *services);
int __wrap_pga_evaluator_begin(struct pga_evaluator *judging, const struct pga_service_file *file,
			       const struct pga_policy *policy, struct pga_error *why);
void __wrap_pga_evaluator_end(struct pga_evaluator *judging);
int __wrap_pga_evaluate_entry(struct pga_evaluator *judging, const struct pga_entry *entry,
			      struct pga_evaluation *evaluation, struct pga_error *why);
void __wrap_pga_evaluation_free(struct pga_evaluation *evaluation);
void __wrap_pga_add_replacing_command(const struct pga_entry *entry,
				      const struct pga_evaluation *evaluation, const char *anchor,
				      struct pga_text *command);
const struct pga_entry *__wrap_pga_service_file_find(const struct pga_service_file *file,
						     const char *wanted);

int __wrap_pga_hide_environment_again(struct pga_error *why)
{
	if (here.no_hiding)
		return pga_fail(why, NULL, "no hiding");
	here.hidden++;
	return 0;
}

void __wrap_pga_bring_environment_back(void)
{
	here.hidden--;
}

int __wrap_pga_find_services(struct pga_found_services *services, struct pga_error *why)
{
	assert_int_equal(here.hidden, 1);
	here.open++;
	services->user.entries = entries;
	services->user.count = here.user;
	services->system.entries = entries + here.user;
	services->system.count = here.system;
	return here.no_services ? pga_fail(why, NULL, "no services") : 0;
}

void __wrap_pga_found_services_free(struct pga_found_services *services)
{
	assert_non_null(services);
	here.open--;
}

int __wrap_pga_evaluator_begin(struct pga_evaluator *judging, const struct pga_service_file *file,
			       const struct pga_policy *policy, struct pga_error *why)
{
	assert_int_equal(here.hidden, 1);
	assert_ptr_equal(file->entries, here.begun == 0 ? entries : entries + here.user);
	assert_non_null(policy);
	here.judging = judging;
	here.open++;
	here.begun++;
	return here.begin_fails == here.begun ? pga_fail(why, NULL, "no beginning") : 0;
}

void __wrap_pga_evaluator_end(struct pga_evaluator *judging)
{
	assert_ptr_equal(judging, here.judging);
	here.open--;
}

static void set(size_t which, size_t number, const char *keyword, const char *value)
{
	options[which][number].keyword = (char *)(uintptr_t)keyword;
	options[which][number].val = (char *)(uintptr_t)value;
}

int __wrap_pga_evaluate_entry(struct pga_evaluator *judging, const struct pga_entry *entry,
			      struct pga_evaluation *evaluation, struct pga_error *why)
{
	const size_t which = (size_t)(entry - entries);

	assert_ptr_equal(judging, here.judging);
	assert_true(which < here.user || here.begun == 2);
	if (entry == here.fails)
		return pga_fail(why, NULL, "no evaluation");
	here.judged++;
	here.open++;
	memset(evaluation, 0, sizeof *evaluation);
	set(which, 0, found[which].no_option ? "x" : "sslrootcert", found[which].sslrootcert);
	set(which, 1, "host", found[which].host);
	set(which, 2, "hostaddr", found[which].hostaddr);
	evaluation->effective.options = options[which];
	evaluation->needs_tls = !found[which].no_tls;
	evaluation->state = found[which].state;
	return 0;
}

void __wrap_pga_evaluation_free(struct pga_evaluation *evaluation)
{
	assert_non_null(evaluation);
	here.open--;
}

void __wrap_pga_add_replacing_command(const struct pga_entry *entry,
				      const struct pga_evaluation *evaluation, const char *anchor,
				      struct pga_text *command)
{
	assert_string_equal(anchor, "company");
	assert_ptr_equal(evaluation->effective.options, options[entry - entries]);
	pga_text_addf(command, "add %s", entry->name);
	command->failed = command->failed || here.no_command;
}

const struct pga_entry *__wrap_pga_service_file_find(const struct pga_service_file *file,
						     const char *wanted)
{
	assert_ptr_equal(file->entries, entries);
	for (size_t i = 0; i < file->count; i++)
		if (file->entries[i].name != NULL && strcmp(file->entries[i].name, wanted) == 0)
			return &file->entries[i];
	return NULL;
}

/* ---- an anchor that has left root.crt ---- */

#define ROOT_CRT "/home/me/.postgresql/root.crt"

static char name[] = "company";
static char hosts[] = "*.example.com 192.0.2.1";
static char path[] = ROOT_CRT;
static struct pga_anchoring done;
static bool dry_run;

static int begin(void **state)
{
	(void)state;
	memset(&here, 0, sizeof here);
	memset(found, 0, sizeof found);
	memset(options, 0, sizeof options);
	memset(&error, 0, sizeof error);
	for (size_t i = 0; i < MOST; i++) {
		found[i].host = "db.example.com";
		names[i][0] = (char)('a' + i);
		entries[i].name = names[i];
	}
	done = (struct pga_anchoring){.name = name,
				      .hosts = hosts,
				      .scoped = true,
				      .root_crt = {.path = path, .change = PGA_CHANGED}};
	dry_run = false;
	return 0;
}

static int warn(void *context)
{
	(void)context;
	return pga_warn_of_services(&done, dry_run, &error);
}

/* Told are these services, in this order. */
static void assert_told(const char *words)
{
	char expected[1000] = "";

	if (words[0] != '\0')
		(void)snprintf(
		    expected, sizeof expected,
		    "pganchor: warning: " ROOT_CRT
		    " %s hold anchor company any more, and these services use that file: libpq "
		    "refuses their\n    servers, where they are of this CA, until they use the "
		    "anchor's own:",
		    dry_run ? "would not" : "does not");
	for (; *words != '\0'; words++)
		(void)snprintf(expected + strlen(expected), sizeof expected - strlen(expected),
			       "\n    add %c", *words);
	if (expected[0] != '\0')
		(void)strcat(expected, "\n");
	here.begun = 0;
	assert_int_equal(prints(warn, NULL), 0);
	assert_string_equal(printed.errors, expected);
	assert_string_equal(printed.output, "");
	assert_int_equal(here.hidden, 0);
	assert_int_equal(here.open, 0);
}

static void all_of_both_files(void **state)
{
	(void)state;
	here.user = here.system = 2;
	assert_told("abcd");
	dry_run = true;
	assert_told("abcd");
	here.user = here.system = 0;
	assert_told("");
}

/* libpq finds the user's first. */
static void names_of_both_files(void **state)
{
	(void)state;
	here.user = here.system = 2;
	entries[2].name[0] = 'a';
	assert_told("abd");
	assert_int_equal(here.judged, 3);
	entries[0].name[0] = 'b';
	assert_told("bbad");
}

/* libpq never finds one whose header is not closed. */
static void entries_without_a_name(void **state)
{
	(void)state;
	here.user = here.system = 2;
	entries[0].name = entries[2].name = NULL;
	assert_told("bd");
	assert_int_equal(here.judged, 2);
}

static void which_of_them(void **state)
{
	static const struct {
		const char *sslrootcert;
		const char *host;
		const char *hostaddr;
		enum pga_entry_state state;
		bool no_tls;
		bool no_option;
		bool told;
	} cases[] = {
	    {NULL, "db.example.com", NULL, PGA_ENTRY_ALLOWED, false, false, true},
	    {"", "db.example.com", NULL, PGA_ENTRY_ALLOWED, false, false, true},
	    {ROOT_CRT, "db.example.com", NULL, PGA_ENTRY_ALLOWED, false, false, true},
	    {ROOT_CRT "s", "db.example.com", NULL, PGA_ENTRY_ALLOWED, false, false, false},
	    {"/a", "db.example.com", NULL, PGA_ENTRY_ALLOWED, false, false, false},
	    {"system", "db.example.com", NULL, PGA_ENTRY_ALLOWED, false, false, false},
	    {NULL, "db.example.com", NULL, PGA_ENTRY_BROKEN, false, false, true},
	    {NULL, "db.example.com", NULL, PGA_ENTRY_WEAK, false, false, false},
	    {NULL, "db.example.com", NULL, PGA_ENTRY_ALLOWED, true, false, false},
	    {NULL, "db.example.com", NULL, PGA_ENTRY_ALLOWED, false, true, true},
	    {NULL, "db.example.org", NULL, PGA_ENTRY_ALLOWED, false, false, false},
	    {NULL, "db.example.org,db.example.com", NULL, PGA_ENTRY_ALLOWED, false, false, true},
	    {NULL, "db.example.com,db.example.org", NULL, PGA_ENTRY_ALLOWED, false, false, true},
	    {NULL, "db.example.org,192.0.2.1", NULL, PGA_ENTRY_ALLOWED, false, false, true},
	    {NULL, NULL, "192.0.2.1", PGA_ENTRY_ALLOWED, false, false, true},
	    {NULL, NULL, "192.0.2.2", PGA_ENTRY_ALLOWED, false, false, false},
	    {NULL, "db.example.org", "192.0.2.1", PGA_ENTRY_ALLOWED, false, false, false},
	    {NULL, "/tmp/db.example.com", NULL, PGA_ENTRY_ALLOWED, false, false, false},
	};

	(void)state;
	here.user = 1;
	for (size_t i = 0; i < COUNT(cases); i++) {
		found[0].sslrootcert = cases[i].sslrootcert;
		found[0].host = cases[i].host;
		found[0].hostaddr = cases[i].hostaddr;
		found[0].state = cases[i].state;
		found[0].no_tls = cases[i].no_tls;
		found[0].no_option = cases[i].no_option;
		assert_told(cases[i].told ? "a" : "");
	}
	/* A socket has no certificate, whatever the anchor is valid for. */
	done.hosts = (char[]){"*"};
	found[0].host = "/tmp";
	found[0].no_tls = found[0].no_option = false;
	assert_told("");
	found[0].host = "/tmp,db";
	assert_told("a");
}

/* ---- when nothing is looked at ---- */

static void nothing_has_changed(void **state)
{
	static const struct {
		bool scoped;
		enum pga_change change;
		bool old_stays;
		bool replaced;
		bool told;
	} cases[] = {
	    {true, PGA_CHANGED, false, false, true},   {true, PGA_REMOVED, false, false, true},
	    {false, PGA_CHANGED, false, false, false}, {true, PGA_UNCHANGED, false, false, false},
	    {true, PGA_CHANGED, true, false, false},   {true, PGA_CHANGED, true, true, true},
	    {true, PGA_CHANGED, false, true, true},
	};

	(void)state;
	here.user = 1;
	for (size_t i = 0; i < COUNT(cases); i++) {
		done.scoped = cases[i].scoped;
		done.root_crt.change = cases[i].change;
		done.old_stays = cases[i].old_stays;
		done.replaced = cases[i].replaced ? (char[]){"pin"} : NULL;
		here.judged = 0;
		assert_told(cases[i].told ? "a" : "");
		assert_int_equal(here.judged, cases[i].told);
	}
}

static void assert_failed(const char *message)
{
	here.begun = 0;
	assert_int_equal(prints(warn, NULL), -1);
	assert_string_equal(error.message, message);
	assert_int_equal(here.hidden, 0);
	assert_int_equal(here.open, 0);
}

static void what_cannot_be_looked_at(void **state)
{
	(void)state;
	here.user = here.system = 2;
	here.no_hiding = true;
	assert_failed("no hiding");
	here.no_hiding = false;
	here.no_services = true;
	assert_failed("no services");
	assert_int_equal(here.begun, 0);
	here.no_services = false;
	for (here.begin_fails = 1; here.begin_fails <= 2; here.begin_fails++) {
		here.judged = 0;
		assert_failed("no beginning");
		assert_int_equal(here.judged, here.begin_fails == 1 ? 0 : 2);
		assert_string_equal(printed.errors, "");
	}
	here.begin_fails = 0;
	for (size_t i = 0; i < MOST; i++) {
		here.fails = &entries[i];
		here.judged = 0;
		assert_failed("no evaluation");
		assert_int_equal(here.judged, i);
		assert_string_equal(printed.errors, "");
	}
	here.fails = NULL;
	here.no_command = true;
	assert_failed("out of memory");
}

static int warn_without(void *context)
{
	int result;

	has_failed = false;
	left = *(long *)context;
	result = warn(NULL);
	left = 0;
	return result;
}

/* It fails, or the warning is whole. */
static void without_memory(void **state)
{
	char whole[sizeof printed.errors];
	long number = 0;
	int failed = 0;

	(void)state;
	here.user = 1;
	here.begun = 0;
	assert_int_equal(prints(warn_without, &number), 0);
	(void)snprintf(whole, sizeof whole, "%s", printed.errors);
	for (number = 1; number == 1 || has_failed; number++) {
		int result;

		here.begun = 0;
		result = prints(warn_without, &number);
		if (result != 0)
			assert_string_equal(error.message, "out of memory");
		else
			assert_string_equal(printed.errors, whole);
		failed += result != 0;
	}
	/* The hosts, and the commands. */
	assert_true(failed > 2);
}

#define EACH_TEST(test) cmocka_unit_test_setup(test, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH_TEST(all_of_both_files),      EACH_TEST(names_of_both_files),
	    EACH_TEST(entries_without_a_name), EACH_TEST(which_of_them),
	    EACH_TEST(nothing_has_changed),    EACH_TEST(what_cannot_be_looked_at),
	    EACH_TEST(without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
