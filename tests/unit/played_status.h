/* A machine of which pganchor status is asked, as the test plays it: all but the running programs'
 * own table. */
#ifndef PGA_TESTS_UNIT_PLAYED_STATUS_H
#define PGA_TESTS_UNIT_PLAYED_STATUS_H

#include "cmocka_start.h"
#include "printed.h"

#include "diagnose/anchor_findings.h"
#include "diagnose/crl_findings.h"
#include "diagnose/notice_findings.h"
#include "diagnose/coverage.h"
#include "diagnose/status.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "preload/dropin.h"
#include "preload/enable.h"
#include "preload/module.h"
#include "preload/session.h"
#include "preload/shells.h"

static struct {
	bool bound;
	bool dropped_in;
	bool session;
	bool heard;
	bool weak; /* a program is */
	/* Files that have lines of ours, and one that cannot be read. */
	struct {
		const char *path;
		enum pga_state state;
	} files[8];
	const char *unreadable;
	enum pga_way nowhere; /* a way whose file cannot be found; PGA_WAYS: none */
	const char *units[2][3];
	bool no_units;
	const char *policy; /* why it cannot be read; NULL: it can */
	const char *policy_hint;
	const char *pins;
	const char *processes;
	enum pga_mode mode;
	enum pga_log log;
	enum pga_consent user_anchors;
	const char *exempt[2]; /* allow-weak of two files, NULL: no such key */
	struct pga_system_place *places;
	size_t place_count;
	struct pga_user_file user;
} here;
static unsigned grown;   /* how often a list was, in a run */
static unsigned no_room; /* the number of the time that fails; 0: none does */
static int held;         /* switches, and what else is to be freed */

void *__real_reallocarray(void *block, size_t count, size_t size);
void *__wrap_reallocarray(void *block, size_t count, size_t size);
void *__wrap_reallocarray(void *block, size_t count, size_t size)
{
	return ++grown == no_room ? NULL : __real_reallocarray(block, count, size);
}

bool pga_module_is_bound(bool any)
{
	assert_true(any);
	return here.bound;
}

bool pga_dropin_is_loaded(bool any)
{
	assert_true(any);
	return here.dropped_in;
}

bool pga_module_is_in(const char *preload)
{
	return strstr(preload, "gate") != NULL;
}

bool pga_user_session_runs(void)
{
	return here.session;
}

bool pga_log_is_heard(void)
{
	return here.heard;
}

static const char *const way_names[] = {
    [PGA_WAY_MACHINE] = "dropin",  [PGA_WAY_SESSION] = "session",
    [PGA_WAY_SHELL] = "shell",     [PGA_WAY_ENVIRONMENT] = "machine",
    [PGA_WAY_PROFILE] = "profile", [PGA_WAY_PRELOAD] = "preload",
    [PGA_WAY_UNIT] = "unit",       [PGA_WAY_USER_UNIT] = "user unit"};

const char *pga_way_name(enum pga_way way)
{
	return way_names[way];
}

static void begin_switch(struct pga_activation *file, enum pga_way way, const char *path)
{
	memset(file, 0, sizeof *file);
	file->way = way;
	file->path = strdup(path);
	assert_non_null(file->path);
	held++;
}

int pga_activation_find(struct pga_activation *file, enum pga_way way, const char *root,
			const char *unit, struct pga_error *error)
{
	char path[100];

	assert_null(root);
	assert_int_equal(unit != NULL, way >= PGA_WAY_UNIT);
	if (way == here.nowhere)
		return pga_fail(error, "", "nowhere");
	(void)snprintf(path, sizeof path, "/%s%s%s", way_names[way], unit != NULL ? "/" : "",
		       unit != NULL ? unit : "");
	begin_switch(file, way, path);
	return 0;
}

int pga_activation_find_shell(struct pga_activation *file, const struct pga_shell_file *at,
			      struct pga_error *error)
{
	(void)error;
	begin_switch(file, PGA_WAY_SHELL, at->path);
	return 0;
}

int pga_activation_look(struct pga_activation *file, struct pga_error *error)
{
	if (here.unreadable != NULL && strcmp(file->path, here.unreadable) == 0)
		return pga_fail(error, "", "could not read %s", file->path);
	for (size_t i = 0; i < COUNT(here.files) && here.files[i].path != NULL; i++)
		if (strcmp(here.files[i].path, file->path) == 0)
			file->state = here.files[i].state;
	return 0;
}

int pga_activation_units(enum pga_way way, const char *root, char ***names, size_t *count,
			 struct pga_error *error)
{
	const char *const *units = here.units[way == PGA_WAY_UNIT ? 0 : 1];

	assert_null(root);
	assert_true(way == PGA_WAY_UNIT || way == PGA_WAY_USER_UNIT);
	*names = calloc(3, sizeof **names);
	assert_non_null(*names);
	for (*count = 0; *count < 3 && units[*count] != NULL; (*count)++)
		(*names)[*count] = strdup(units[*count]);
	return here.no_units && way == PGA_WAY_USER_UNIT ? pga_fail(error, "", "no units") : 0;
}

void pga_activation_end(struct pga_activation *file)
{
	free(file->path);
	held--;
}

int pga_shell_files(struct pga_shell_files *files, struct pga_error *error)
{
	static char first[] = "/.bashrc";
	static char second[] = "/.profile";

	files->count = 2;
	files->list[0].path = first;
	files->list[1].path = second;
	held++;
	/* One that is not known has none; here, it has some all the same. */
	return pga_fail(error, "", "not known");
}

void pga_shell_files_free(struct pga_shell_files *files)
{
	assert_int_equal(files->count, 2);
	held--;
}

static struct pga_host_set sets[2];

int pga_policy_load(struct pga_policy *policy, struct pga_error *error)
{
	memset(policy, 0, sizeof *policy);
	held++;
	policy->mode = here.mode;
	policy->continuity = PGA_CONTINUITY_OFF;
	policy->log = here.log;
	policy->user_anchors = here.user_anchors;
	policy->systems.places = here.places;
	policy->systems.count = here.place_count;
	policy->user = here.user;
	policy->allow_weak = sets;
	for (size_t i = 0; i < 2 && here.exempt[i] != NULL; i++) {
		assert_int_equal(
		    pga_host_set_make(&sets[i], here.exempt[i], strlen(here.exempt[i])), 0);
		policy->allow_weak_count++;
	}
	return here.policy != NULL ? pga_fail(error, here.policy_hint, "%s", here.policy) : 0;
}

const char *pga_policy_key(const struct pga_policy *policy, size_t index, const char **value)
{
	*value = policy->mode == PGA_MODE_AUDIT ? "audit" : "enforce";
	return index == 0 ? "mode" : index == 1 ? "other" : NULL;
}

bool pga_policy_exempts(const struct pga_policy *policy, const char *host)
{
	(void)policy;
	(void)host;
	return false;
}

void pga_policy_free(struct pga_policy *policy)
{
	for (size_t i = 0; i < policy->allow_weak_count; i++)
		pga_host_set_free(&policy->allow_weak[i]);
	held--;
}

int pga_pins_load(struct pga_pins *pins, const struct pga_policy *policy, struct pga_error *error)
{
	(void)policy;
	pins->count = 3;
	pins->system_count = 1;
	return here.pins != NULL ? pga_fail(error, "mend it", "%s", here.pins) : 0;
}

void pga_pins_free(struct pga_pins *pins)
{
	pins->count = 0;
	held--;
}

int pga_anchors_judge(const struct pga_pins *pins, time_t now, struct pga_findings *findings,
		      struct pga_error *error)
{
	(void)now;
	(void)findings;
	(void)error;
	assert_int_equal(pins->count, 3);
	return 0;
}

int pga_crls_judge(time_t now, struct pga_findings *findings, struct pga_error *error)
{
	(void)now;
	(void)findings;
	(void)error;
	return 0;
}

void pga_notices_judge(const struct pga_pins *pins, struct pga_findings *findings)
{
	(void)findings;
	assert_int_equal(pins->count, 3);
}

int pga_processes_look(struct pga_processes *processes, struct pga_error *error)
{
	static struct pga_process list[2] = {{.pid = 11}, {.pid = 12}};

	processes->list = list;
	processes->count = 2;
	processes->unreadable = 4;
	return here.processes != NULL ? pga_fail(error, "mount it", "%s", here.processes) : 0;
}

void pga_processes_free(struct pga_processes *processes)
{
	processes->count = 0;
	held--;
}

void pga_coverage_judge(const struct pga_processes *processes, struct pga_findings *findings)
{
	assert_int_equal(processes->count, 2);
	if (here.weak)
		pga_findings_add(findings, PGA_PROGRAMS_WITHOUT_GATE, PGA_SEVERITY_ERROR,
				 PGA_ABOUT_PROGRAMS, "2 are weak");
}

static int begin(void **state)
{
	(void)state;
	memset(&here, 0, sizeof here);
	here.nowhere = PGA_WAYS;
	here.policy_hint = "mend it";
	here.bound = true;
	here.log = PGA_LOG_SYSLOG;
	here.user_anchors = PGA_ALLOW;
	no_room = 0;
	return unsetenv("LD_PRELOAD");
}

#endif
