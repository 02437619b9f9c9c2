/* activate/unit_settings.h: a systemctl that does not answer is not one that knows of no settings.
 */
#include "cmocka_start.h"

#include "activate/unit_settings.h"
#include "base/subprocess.h"

#include <string.h>

/* What the systemctl of a test does. */
static struct {
	int result;
	int status;
	bool late;
} answer;

/* In the place of base/subprocess.c. */
int pga_subprocess_run(const char *const *argv, const char *preload, struct pga_subprocess *child,
		       struct pga_error *error)
{
	(void)preload;
	memset(child, 0, sizeof *child);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_late_is_an_error),
	    cmocka_unit_test(what_is_not_there_knows_nothing),
	};

	return cmocka_run_group_tests_name("unit_settings", tests, NULL, NULL);
}
