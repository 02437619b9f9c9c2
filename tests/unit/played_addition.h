/* The steps of `service add`, as a test plays them, each noted in its order. */
#ifndef PGA_TESTS_PLAYED_ADDITION_H
#define PGA_TESTS_PLAYED_ADDITION_H

#include "service_home.h"
#include "printed.h"

#include "ca/idn.h"
#include "cli/cli.h"
#include "cli/cmd_service.h"
#include "cli/print_service_add.h"
#include "cli/print_unpinned.h"
#include "cli/service_check.h"
#include "service/surroundings.h"

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

int __wrap_pga_pins_load(struct pga_pins *pins, const struct pga_policy *whose,
			 struct pga_error *why);
int __wrap_pga_pins_load(struct pga_pins *pins, const struct pga_policy *whose,
			 struct pga_error *why)
{
	(void)whose;
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

int __wrap_pga_tell_unpinned(const char *path, const struct pga_policy *by,
			     const struct pga_pins *pins, struct pga_text *text,
			     struct pga_error *why);
int __wrap_pga_tell_unpinned(const char *path, const struct pga_policy *by,
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

void __wrap_pga_bring_environment_back(void);
void __wrap_pga_bring_environment_back(void)
{
	here.shown++;
}

int __wrap_pga_hide_environment_again(struct pga_error *why);
int __wrap_pga_hide_environment_again(struct pga_error *why)
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

#endif
