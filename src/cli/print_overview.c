#include "cli/print_overview.h"

#include "base/home_text.h"
#include "base/terminal.h"
#include "cli/print_doctor.h"
#include "cli/print_findings.h"
#include "report/json.h"
#include "report/moment.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS_A_DAY 86400

/* Of the findings so many are shown, in four lines each at the most. */
#define MOST_FINDINGS 3

/* Of a screen; and what is cut is cut to so many bytes. */
#define WIDTH 80

static const char *plural(size_t count)
{
	return count == 1 ? "" : "s";
}

/* Nobody has accepted it, and somebody has to look. */
static bool is_open(const struct pga_doctor *doctor, const struct pga_finding *finding)
{
	return finding->severity > PGA_SEVERITY_NOTE &&
	       pga_accepted_for(&doctor->accepted, finding, doctor->now) == NULL;
}

static void print_open(const struct pga_overview *overview)
{
	const struct pga_doctor *doctor = &overview->doctor;
	const struct pga_findings *findings = &doctor->findings;
	size_t shown = 0;
	size_t open = 0;

	for (size_t i = 0; i < findings->count; i++) {
		if (!is_open(doctor, &findings->list[i]))
			continue;
		if (open++ >= MOST_FINDINGS)
			continue;
		pga_print_finding_briefly(stdout, &findings->list[i], WIDTH);
		shown++;
	}
	if (open > shown)
		(void)printf("and %zu more: pganchor doctor\n", open - shown);
	if (open > 0)
		(void)putchar('\n');
}

/* A row, cut to the screen. */
__attribute__((format(printf, 2, 3))) static void row(const char *name, const char *format, ...)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	struct pga_text home = PGA_TEXT_EMPTY;
	struct pga_text cut = PGA_TEXT_EMPTY;
	char *line = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&line, format, arguments) < 0)
		line = NULL;
	va_end(arguments);
	pga_text_add_home_short(&home, line != NULL ? line : "out of memory");
	pga_text_addf(&text, "%-10s%s", name, pga_text_string(&home));
	pga_text_add_shortened(&cut, pga_text_string(&text),
			       text.length <= WIDTH ? WIDTH : WIDTH - strlen("..."));
	pga_print(stdout, "%s\n", pga_text_string(&cut));
	free(line);
	pga_text_free(&text);
	pga_text_free(&home);
	pga_text_free(&cut);
}

static void print_gate(const struct pga_overview *overview)
{
	const struct pga_status *status = &overview->doctor.status;
	struct pga_text ways = PGA_TEXT_EMPTY;

	for (size_t i = 0; i < status->way_count; i++)
		if (status->ways[i].state == PGA_ON &&
		    strstr(pga_text_string(&ways), pga_way_name(status->ways[i].way)) == NULL)
			pga_text_addf(&ways, "%s%s", ways.length > 0 ? ", " : "",
				      pga_way_name(status->ways[i].way));
	row("gate", "%s; enabled by: %s",
	    !status->active      ? "not active here"
	    : status->dropped_in ? "active here, by the drop-in"
				 : "active here, preloaded",
	    ways.length > 0 ? pga_text_string(&ways) : "nothing");
	pga_text_free(&ways);
}

static void print_programs(const struct pga_overview *overview)
{
	const char *whose = overview->doctor.status.processes.of_all ? "of everybody" : "of yours";

	if (overview->libpqs == 0)
		row("programs", "none %s has a libpq", whose);
	else if (overview->uncovered == 0)
		row("programs", "%zu %s with a libpq or a driver, none without the gate",
		    overview->libpqs, whose);
	else
		row("programs", "%zu of %zu %s without the gate: pganchor status --all",
		    overview->uncovered, overview->libpqs, whose);
}

static void print_anchors(const struct pga_overview *overview)
{
	const struct pga_pins *pins = &overview->doctor.pins;
	char when[PGA_MOMENT];
	const long days = (long)((overview->next_end - overview->doctor.now) / SECONDS_A_DAY);

	if (pins->count == 0) {
		row("anchors", "none: pganchor bootstrap");
		return;
	}
	row("anchors", "%zu of yours, %zu of the system", pins->count - pins->system_count,
	    pins->system_count);
	if (overview->next == NULL)
		return;
	pga_moment(overview->next_end, false, when);
	row("ends next", "%s on %.10s, %s%ld day%s", overview->next, when,
	    days < 0 ? "over for " : "in ", days < 0 ? -days : days, plural((size_t)labs(days)));
}

static void print_services(const struct pga_overview *overview)
{
	const struct pga_service_list *services = &overview->doctor.services;

	if (overview->doctor.services_unread)
		row("services", "could not all be read: pganchor service list");
	else if (services->count == 0)
		row("services", "none: pganchor service add NAME --host HOST");
	else if (services->weak + services->broken == 0)
		row("services", "%zu, none weak", services->count);
	else
		row("services", "%zu: %zu weak, %zu broken: pganchor service list", services->count,
		    services->weak, services->broken);
}

static void print_keyring(const struct pga_overview *overview)
{
	const char *there = overview->keyring ? "can be asked" : "cannot be asked here";

	if (overview->passwords_unread)
		row("keyring", "%s; passwords.conf cannot be read", there);
	else if (overview->passphrases > 0)
		row("keyring", "%s; %zu password%s and %zu passphrase%s in it", there,
		    overview->passwords, plural(overview->passwords), overview->passphrases,
		    plural(overview->passphrases));
	else
		row("keyring", "%s; %zu password%s in it", there, overview->passwords,
		    plural(overview->passwords));
}

static void print_timer(const struct pga_overview *overview)
{
	char last[PGA_MOMENT];
	char next[PGA_MOMENT];

	pga_moment(overview->last_run, false, last);
	pga_moment(overview->next_run, false, next);
	if (overview->timer_unread)
		row("timer", "cannot be told");
	else if (!overview->timer.enabled || !overview->timer.installed)
		row("timer", "off: pganchor anchor timer enable has anchors refreshed");
	else if (overview->next_run == 0)
		row("timer", "on; no systemd of yours runs, which would start it");
	else
		row("timer", "refreshes the anchors; %s%.16s%snext after %.16s",
		    overview->last_run != 0 ? "last on " : "", overview->last_run != 0 ? last : "",
		    overview->last_run != 0 ? ", " : "", next);
}

static void print_policy(const struct pga_overview *overview)
{
	const struct pga_policy *policy = &overview->doctor.policy;
	const bool from_file = policy->user.found;
	bool of_system = false;

	if (overview->doctor.broken) {
		row("policy", "cannot be read: every connection is refused");
		return;
	}
	for (size_t i = 0; i < policy->systems.count; i++) {
		const char *dot = strrchr(policy->systems.places[i].path, '.');

		of_system = of_system || (policy->systems.places[i].stamp.inode != 0 &&
					  dot != NULL && strcmp(dot, ".conf") == 0);
	}
	row("policy", "%s, trust %s; by %s%s",
	    policy->mode == PGA_MODE_AUDIT ? "audit: nothing is refused" : "enforced",
	    policy->trust == PGA_TRUST_PINNED ? "pinned" : "verified",
	    of_system && from_file ? "the system's files and yours"
	    : of_system            ? "the system's files"
	    : from_file            ? "your file"
				   : "default",
	    policy->allow_weak_count > 0 ? "; some exempt" : "");
}

static void print_doctor(const struct pga_overview *overview)
{
	const struct pga_doctor_counts *counts = &overview->counts;
	struct pga_text accepted = PGA_TEXT_EMPTY;
	struct pga_text more = PGA_TEXT_EMPTY;

	if (counts->accepted > 0)
		pga_text_addf(&accepted, ", %zu accepted", counts->accepted);
	row("doctor", "%zu error%s, %zu warning%s, %zu note%s%s: pganchor doctor",
	    counts->of[PGA_SEVERITY_ERROR], plural(counts->of[PGA_SEVERITY_ERROR]),
	    counts->of[PGA_SEVERITY_WARNING], plural(counts->of[PGA_SEVERITY_WARNING]),
	    counts->of[PGA_SEVERITY_NOTE], plural(counts->of[PGA_SEVERITY_NOTE]),
	    pga_text_string(&accepted));
	for (size_t i = 0; i < overview->more_count; i++)
		pga_text_addf(&more, "%s%s", i > 0 ? ", " : "", overview->more[i]);
	row("", "looks at more: %s", pga_text_string(&more));
	pga_text_free(&accepted);
	pga_text_free(&more);
}

void pga_print_overview(const struct pga_overview *overview)
{
	print_open(overview);
	print_gate(overview);
	print_programs(overview);
	print_anchors(overview);
	print_services(overview);
	print_keyring(overview);
	print_timer(overview);
	print_policy(overview);
	print_doctor(overview);
}

static json_t *moment_or_null(time_t when)
{
	char text[PGA_MOMENT];

	pga_moment(when, true, text);
	return when != 0 ? json_string(text) : json_null();
}

/* None is known of a file that could not be read. */
static json_t *services_as_json(const struct pga_overview *overview)
{
	const struct pga_service_list *services = &overview->doctor.services;

	if (overview->doctor.services_unread)
		return json_pack("{s:n, s:n, s:n, s:n}", "count", "allowed", "weak", "broken");
	return json_pack("{s:i, s:i, s:i, s:i}", "count", (int)services->count, "allowed",
			 (int)overview->allowed, "weak", (int)services->weak, "broken",
			 (int)services->broken);
}

static json_t *next_as_json(const struct pga_overview *overview)
{
	if (overview->next == NULL)
		return json_null();
	return json_pack("{s:o, s:o}", "what", pga_json_text(overview->next), "not_after",
			 moment_or_null(overview->next_end));
}

static json_t *timer_as_json(const struct pga_overview *overview)
{
	if (overview->timer_unread)
		return json_null();
	return json_pack("{s:b, s:b, s:b, s:o, s:o}", "installed", (int)overview->timer.installed,
			 "enabled", (int)overview->timer.enabled, "current",
			 (int)overview->timer.current, "last", moment_or_null(overview->last_run),
			 "next", moment_or_null(overview->next_run));
}

static json_t *more_as_json(const struct pga_overview *overview)
{
	json_t *more = json_array();

	for (size_t i = 0; i < overview->more_count; i++)
		pga_json_add(more, json_string(overview->more[i]));
	return more;
}

void pga_overview_as_json(const struct pga_overview *overview, json_t *object)
{
	pga_json_set(object, "ends_next", next_as_json(overview));
	pga_json_set(object, "services", services_as_json(overview));
	pga_json_set(object, "keyring",
		     json_pack("{s:b, s:o, s:o}", "available", (int)overview->keyring, "passwords",
			       overview->passwords_unread
				   ? json_null()
				   : json_integer((json_int_t)overview->passwords),
			       "passphrases",
			       overview->passwords_unread
				   ? json_null()
				   : json_integer((json_int_t)overview->passphrases)));
	pga_json_set(object, "timer", timer_as_json(overview));
	pga_json_set(object, "doctor",
		     json_pack("{s:o, s:i, s:o}", "open",
			       pga_doctor_counts_as_json(&overview->counts), "accepted",
			       (int)overview->counts.accepted, "looks_at_more",
			       more_as_json(overview)));
}
