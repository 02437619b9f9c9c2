/* What goes on by itself, and what the policy says for longer than was meant. */
#include "diagnose/doctor_checks.h"

#include "anchor/refresh_timer.h"
#include "anchor/source_records.h"
#include "base/ini.h"
#include "base/subprocess.h"
#include "base/terminal.h"
#include "diagnose/anchor_findings.h"
#include "diagnose/quiet.h"
#include "preload/session.h"
#include "report/moment.h"

#include <stdlib.h>
#include <string.h>

#define ABOUT_TIMERS "timers"

#define SECONDS_A_DAY 86400

/* A source is asked once a week: three missed weeks are no weekend. */
#define LATE_DAYS 21

/* After so many days in audit mode, nobody is looking any more. */
#define AUDIT_DAYS 30

/* How long systemctl may take to tell of one unit. */
#define SYSTEMCTL_SECONDS 3

static int fix_timer(const char *object, bool dry_run, struct pga_text *done,
		     struct pga_error *error)
{
	struct pga_refresh_timer timer;
	char *why = NULL;
	bool started;
	int result = pga_refresh_timer_look(&timer, error);

	(void)object;
	if (result == 0 && (!timer.enabled || !timer.current)) {
		pga_text_addf(done, "enable the timer %s\n", timer.timer);
		if (!dry_run)
			result = pga_refresh_timer_enable(&timer, pga_user_session_runs(), &started,
							  &why, error);
	}
	if (why != NULL)
		pga_print_warning("%s; the timer starts with your next session", why);
	free(why);
	pga_refresh_timer_free(&timer);
	return result;
}

static bool can_be_refreshed(const struct pga_pins *pins)
{
	for (size_t i = 0; i < pins->count; i++)
		if (!pins->pins[i].system && pins->pins[i].source[0] != '\0')
			return true;
	return false;
}

/* Result= of the service that the timer starts, where systemd answers. */
static void judge_last_run(struct pga_findings *findings)
{
	static const char *const argv[] = {"systemctl", "--user",
					   "show",      "--property=Result",
					   "--value",   "pganchor-refresh.service",
					   NULL};
	struct pga_subprocess child;
	struct pga_error ignored;
	size_t length;

	if (pga_subprocess_run_for(SYSTEMCTL_SECONDS, argv, NULL, &child, &ignored) == 0 &&
	    child.status == 0 && child.output.length > 0 &&
	    strncmp(pga_text_string(&child.output), "success\n", strlen("success\n")) != 0) {
		length = strcspn(pga_text_string(&child.output), "\n");
		pga_findings_add(findings, PGA_REFRESH_FAILED, PGA_SEVERITY_WARNING, ABOUT_TIMERS,
				 "the last refresh of the anchors failed (%.*s)", (int)length,
				 pga_text_string(&child.output));
		pga_findings_detail(findings, "roots and CRLs that are renewed do not get here");
		pga_findings_hint(findings, "pganchor anchor refresh: says why");
	}
	pga_subprocess_free(&child);
}

int pga_check_timer(const struct pga_doctor *doctor, struct pga_findings *findings,
		    struct pga_error *error)
{
	struct pga_refresh_timer timer;

	if (!can_be_refreshed(&doctor->pins)) {
		return 0;
	}
	if (pga_refresh_timer_look(&timer, error) != 0) {
		pga_check_failed(findings, ABOUT_TIMERS, PGA_REFRESH_TIMER, error);
	} else if (!timer.installed || !timer.enabled) {
		if (pga_user_session_runs()) {
			pga_findings_add(findings, PGA_REFRESH_TIMER_OFF, PGA_SEVERITY_NOTE,
					 ABOUT_TIMERS, "nothing refreshes the anchors by itself");
			pga_findings_detail(findings, "a CA's next root, and its CRLs, do not get "
						      "here before somebody thinks of it");
			pga_findings_hint(findings, "pganchor anchor timer enable");
			pga_findings_fix(findings, fix_timer);
		}
	} else if (!timer.current) {
		pga_findings_add(findings, PGA_REFRESH_TIMER_CHANGED, PGA_SEVERITY_WARNING,
				 ABOUT_TIMERS,
				 "the timer that refreshes the anchors is another pganchor's, or "
				 "was changed");
		pga_findings_detail(findings, "what it starts may not be there any more: %s",
				    timer.service);
		pga_findings_hint(findings, "pganchor anchor timer enable");
		pga_findings_fix(findings, fix_timer);
	} else if (!doctor->quick && pga_user_session_runs()) {
		judge_last_run(findings);
	}
	pga_refresh_timer_free(&timer);
	return findings->failed ? pga_fail_memory(error) : 0;
}

static time_t moment_of(const char *text)
{
	struct tm parts = {0};
	const char *rest = text != NULL ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parts) : NULL;

	return rest != NULL && *rest == '\0' ? timegm(&parts) : 0;
}

static void judge_record(const struct pga_doctor *doctor, const struct pga_recorded_source *source,
			 bool system, struct pga_findings *findings)
{
	const time_t checked = moment_of(source->is.checked);
	char when[PGA_MOMENT];

	if (checked == 0 || checked > doctor->now - (time_t)LATE_DAYS * SECONDS_A_DAY ||
	    pga_pins_named(&doctor->pins, source->name) == NULL || source->is.kind == NULL ||
	    strcmp(source->is.kind, "stdin") == 0 || strcmp(source->is.kind, "root.crt") == 0)
		return;
	pga_moment(checked, false, when);
	pga_findings_add(findings, PGA_ANCHOR_NOT_CHECKED, PGA_SEVERITY_WARNING, PGA_ABOUT_ANCHORS,
			 "the source of anchor %s was asked last on %s", source->name, when);
	pga_findings_detail(findings, "a root that its CA has moved to since does not get here");
	pga_findings_hint(findings, "pganchor anchor refresh %s%s", source->name,
			  system ? " --system" : "");
	pga_findings_object(findings, "%s", source->name);
}

int pga_check_sources(const struct pga_doctor *doctor, struct pga_findings *findings,
		      struct pga_error *error)
{
	for (int system = 0; system < 2; system++) {
		struct pga_source_records records = {.path = NULL};
		struct pga_error unread;

		if (pga_source_records_load(&records, system == 1, &unread) != 0)
			pga_check_failed(findings, PGA_ABOUT_ANCHORS,
					 system == 1 ? "the system's sources.conf" : "sources.conf",
					 &unread);
		else
			for (size_t i = 0; i < records.count; i++)
				judge_record(doctor, &records.sources[i], system == 1, findings);
		pga_source_records_free(&records);
	}
	return findings->failed ? pga_fail_memory(error) : 0;
}

static time_t last_change(const struct pga_policy *policy)
{
	time_t last = policy->user.stamp.modified.tv_sec;

	for (size_t i = 0; i < policy->systems.count; i++)
		if (policy->systems.places[i].stamp.modified.tv_sec > last)
			last = policy->systems.places[i].stamp.modified.tv_sec;
	return last;
}

/* What the log tells of it: where nothing was weak for long, what ends it. */
static void add_quiet(const struct pga_policy *policy, struct pga_findings *findings)
{
	struct pga_text words = PGA_TEXT_EMPTY;
	struct pga_error error;
	struct pga_quiet quiet;
	bool tells = false;

	if (pga_quiet_look(&quiet, policy, &tells, &error) != 0)
		pga_text_addf(&words, "what it has let through is not known: %s", error.message);
	else
		pga_quiet_add(&words, &quiet);
	pga_findings_detail(findings, "%s", pga_text_string(&words));
	if (quiet.ready && quiet.command != NULL)
		pga_findings_hint(findings, "%s: would refuse nothing of what has been",
				  quiet.command);
	else
		pga_findings_hint(findings, "pganchor log: shows what enforce would refuse");
	findings->failed = findings->failed || words.failed;
	pga_text_free(&words);
	pga_quiet_free(&quiet);
}

static void judge_audit(const struct pga_doctor *doctor, struct pga_findings *findings)
{
	const time_t since = last_change(&doctor->policy);
	char when[PGA_MOMENT];

	if (doctor->policy.mode != PGA_MODE_AUDIT || since == 0 ||
	    since > doctor->now - (time_t)AUDIT_DAYS * SECONDS_A_DAY)
		return;
	pga_moment(since, false, when);
	pga_findings_add(findings, PGA_AUDIT_MODE_LONG, PGA_SEVERITY_WARNING, PGA_ABOUT_POLICY,
			 "mode = audit since %s or longer: nothing is refused", when);
	if (!doctor->quick) {
		add_quiet(&doctor->policy, findings);
		return;
	}
	pga_findings_detail(findings, "audit is for finding out what enforce would refuse");
	pga_findings_hint(findings, "pganchor log: shows that; where it is empty, mode = enforce "
				    "costs nothing");
}

static const char *value_in_force(const struct pga_policy *policy, struct pga_ini_span name)
{
	const char *value;
	const char *key;

	for (size_t i = 0; (key = pga_policy_key(policy, i, &value)) != NULL; i++)
		if (pga_ini_equals(name, key))
			return value;
	return NULL;
}

/* What a line of the user's says, and a stricter one of the system's has overruled. */
static void judge_line(const struct pga_policy *policy, const struct pga_ini_line *line,
		       struct pga_findings *findings)
{
	const char *value = value_in_force(policy, line->name);

	if (value == NULL || pga_ini_equals(line->value, value) ||
	    pga_ini_equals(line->name, "auth"))
		return;
	pga_findings_add(findings, PGA_POLICY_OVERRULED, PGA_SEVERITY_NOTE, PGA_ABOUT_POLICY,
			 "your %.*s = %.*s does not count", (int)line->name.length,
			 line->name.bytes, (int)line->value.length, line->value.bytes);
	pga_findings_detail(findings,
			    "the system's policy says %s, which is stricter: a user's can "
			    "only raise it",
			    value);
	pga_findings_object(findings, "%.*s", (int)line->name.length, line->name.bytes);
}

int pga_check_policy(const struct pga_doctor *doctor, struct pga_findings *findings,
		     struct pga_error *error)
{
	const struct pga_user_file *user = &doctor->policy.user;
	struct pga_ini_reader reader =
	    pga_ini_start(pga_text_string(&user->content), user->content.length, PGA_INI_CONF);
	struct pga_ini_line line;

	if (doctor->broken)
		return 0;
	judge_audit(doctor, findings);
	while (pga_ini_next(&reader, &line))
		if (line.kind == PGA_INI_SETTING)
			judge_line(&doctor->policy, &line, findings);
	if (doctor->policy.user_anchors == PGA_REFUSE) {
		struct pga_pins own = {0};

		if (pga_pins_load(&own, NULL, error) == 0 && own.count > own.system_count) {
			pga_findings_add(findings, PGA_ANCHORS_OVERRULED, PGA_SEVERITY_WARNING,
					 PGA_ABOUT_ANCHORS, "your %zu anchors do not count",
					 own.count - own.system_count);
			pga_findings_detail(findings,
					    "the policy says user-anchors = refuse: those "
					    "of the system count alone");
		}
		pga_pins_free(&own);
	}
	return findings->failed ? pga_fail_memory(error) : 0;
}
