/* Entries of real files, as libpq reads them, which stand as a test wants it; policy, pins and
 * roots are the test's own (--wrap, PLAYED_ENTRIES in units.mk). */
#ifndef PGA_TESTS_UNIT_PLAYED_ENTRIES_H
#define PGA_TESTS_UNIT_PLAYED_ENTRIES_H

#include "service_home.h"
#include "printed.h"

#include "base/terminal.h"
#include "report/table.h"
#include "cli/cli.h"
#include "cli/cmd_service.h"
#include "cli/print_unpinned.h"

#define OF_USER    ".pg_service.conf"
#define OF_MACHINE "pg_service.conf"

/* ---- how entries stand, as the test wants it ---- */

static struct {
	/* Of the entries of these names; all others stand as they do. */
	struct {
		const char *name;
		enum pga_entry_state state;
		const char *why;
		bool no_roots;
	} entries[6];
	int fails_at; /* the number of the entry that cannot be judged; 0: none */
	int judged;
	int pins_read;
	const char *unpinned; /* why the roots cannot be looked at; NULL: they can */
	int looked;
	char roots[100]; /* the file of roots that was looked at; "-" for that of libpq's own */
	bool terminal;
	const char *policy;
} here;

int __real_pga_evaluate_entry(struct pga_evaluator *judging, const struct pga_entry *entry,
			      struct pga_evaluation *evaluation, struct pga_error *why);
int __wrap_pga_evaluate_entry(struct pga_evaluator *judging, const struct pga_entry *entry,
			      struct pga_evaluation *evaluation, struct pga_error *why);
int __wrap_pga_evaluate_entry(struct pga_evaluator *judging, const struct pga_entry *entry,
			      struct pga_evaluation *evaluation, struct pga_error *why)
{
	long before;
	int result;

	assert_int_equal(judging->pins->count, 1);
	if (++here.judged == here.fails_at)
		return pga_fail(why, "", "cannot be judged");
	result = __real_pga_evaluate_entry(judging, entry, evaluation, why);
	before = left;
	left = 0;
	for (size_t i = 0; i < COUNT(here.entries); i++)
		if (result == 0 && here.entries[i].name != NULL && entry->name != NULL &&
		    strcmp(here.entries[i].name, entry->name) == 0) {
			evaluation->state = here.entries[i].state;
			evaluation->no_roots = here.entries[i].no_roots;
			pga_text_free(&evaluation->why);
			pga_text_add(&evaluation->why, here.entries[i].why);
		}
	left = before;
	return result;
}

int __wrap_pga_policy_load(struct pga_policy *loaded, struct pga_error *why);
int __wrap_pga_policy_load(struct pga_policy *loaded, struct pga_error *why)
{
	if (here.policy != NULL)
		return pga_fail(why, "mend it", "%s", here.policy);
	*loaded = policy;
	return 0;
}

int __wrap_pga_pins_load(struct pga_pins *pins, const struct pga_policy *whose,
			 struct pga_error *why);
int __wrap_pga_pins_load(struct pga_pins *pins, const struct pga_policy *whose,
			 struct pga_error *why)
{
	(void)whose;
	static char name[] = "a";
	static struct pga_pin pin = {.name = name};

	(void)why;
	here.pins_read++;
	memset(pins, 0, sizeof *pins);
	pins->pins = &pin;
	pins->count = 1;
	return 0;
}

void __wrap_pga_pins_free(struct pga_pins *pins);
void __wrap_pga_pins_free(struct pga_pins *pins)
{
	here.pins_read -= pins->count > 0;
}

/* What the pins say of a host is not of interest here. */
int __wrap_pga_anchored_look(void);
int __wrap_pga_anchored_look(void)
{
	return 0;
}

int __wrap_pga_warn_of_unpinned(const char *path, const struct pga_policy *of,
				const struct pga_pins *pins, struct pga_error *why);
int __wrap_pga_warn_of_unpinned(const char *path, const struct pga_policy *of,
				const struct pga_pins *pins, struct pga_error *why)
{
	(void)snprintf(here.roots, sizeof here.roots, "%s", path != NULL ? path : "-");
	assert_int_equal(of->min_tls, policy.min_tls);
	assert_int_equal(pins->count, 1);
	here.looked++;
	return here.unpinned != NULL ? pga_fail(why, "", "%s", here.unpinned) : 0;
}

int __wrap_isatty(int file);
int __wrap_isatty(int file)
{
	(void)file;
	return here.terminal ? 1 : 0;
}

/* A table is whole, or there is none. */
void __real_pga_print_table(FILE *stream, const char *const *heading, const char *const *cells,
			    size_t columns, size_t rows, const enum pga_colour *marks);
void __wrap_pga_print_table(FILE *stream, const char *const *heading, const char *const *cells,
			    size_t columns, size_t rows, const enum pga_colour *marks);
void __wrap_pga_print_table(FILE *stream, const char *const *heading, const char *const *cells,
			    size_t columns, size_t rows, const enum pga_colour *marks)
{
	const long before = left;

	left = 0;
	__real_pga_print_table(stream, heading, cells, columns, rows, marks);
	left = before;
}

static int begin(void **state)
{
	memset(&here, 0, sizeof here);
	(void)unsetenv("NO_COLOR");
	(void)setenv("TERM", "xterm", 1);
	return make_home(state);
}

static void play(size_t at, const char *name, enum pga_entry_state as, const char *why,
		 bool no_roots)
{
	here.entries[at].name = name;
	here.entries[at].state = as;
	here.entries[at].why = why;
	here.entries[at].no_roots = no_roots;
}

/* With the test's directory for "@", and five more blanks for "~" where a column is as wide as
 * that. */
static void assert_is(const char *got, const char *wanted)
{
	struct pga_text expected = PGA_TEXT_EMPTY;

	for (; *wanted != '\0'; wanted++)
		if (*wanted == '@')
			pga_text_add(&expected, scratch);
		else if (*wanted == '~')
			pga_text_addf(&expected, "%*s", (int)strlen(scratch), "");
		else
			pga_text_add_bytes(&expected, wanted, 1);
	assert_string_equal(got, pga_text_string(&expected));
	pga_text_free(&expected);
}

#endif
