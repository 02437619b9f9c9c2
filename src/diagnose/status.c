#include "diagnose/status.h"

#include "diagnose/anchor_findings.h"
#include "diagnose/coverage.h"
#include "diagnose/crl_findings.h"
#include "diagnose/notice_findings.h"
#include "preload/dropin.h"
#include "preload/module.h"
#include "preload/session.h"
#include "report/moment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more; NULL for want of memory. */
static struct pga_activation *grow_ways(struct pga_status *status)
{
	struct pga_activation *grown =
	    reallocarray(status->ways, status->way_count + 1, sizeof *status->ways);

	if (grown == NULL)
		return NULL;
	status->ways = grown;
	return &grown[status->way_count];
}

/* Keeps the last way, where its file can be read. Off is worth telling of the ways that have one
 * file each. */
static void keep_way(struct pga_status *status, struct pga_activation *added, bool has_many)
{
	struct pga_error error;

	if (pga_activation_look(added, &error) != 0) {
		pga_findings_add(&status->findings, PGA_ACTIVATION_UNREADABLE, PGA_SEVERITY_WARNING,
				 PGA_ABOUT_ACTIVATION, "%s", error.message);
		pga_findings_object(&status->findings, "%s", added->path);
		pga_activation_end(added);
	} else if (has_many && added->state == PGA_OFF) {
		pga_activation_end(added);
	} else {
		status->way_count++;
	}
}

/* A way that has no file here is none; one that is not found for want of memory may be. */
static int add_way(struct pga_status *status, enum pga_way way, const char *unit)
{
	struct pga_activation *added = grow_ways(status);
	struct pga_error error;

	if (added == NULL)
		return -1;
	errno = 0;
	if (pga_activation_find(added, way, NULL, unit, &error) == 0)
		keep_way(status, added, unit != NULL);
	else if (errno == ENOMEM)
		return -1;
	return 0;
}

/* A shell that pganchor does not know has nothing of ours. */
static int add_shells(struct pga_status *status)
{
	struct pga_shell_files shells;
	struct pga_error error;
	int result = 0;

	errno = 0;
	if (pga_shell_files(&shells, &error) != 0 && errno == ENOMEM)
		result = -1;
	for (size_t i = 0; i < shells.count && result == 0; i++) {
		struct pga_activation *added = grow_ways(status);

		if (added != NULL && pga_activation_find_shell(added, &shells.list[i], &error) == 0)
			keep_way(status, added, false);
		else if (added == NULL || errno == ENOMEM)
			result = -1;
	}
	pga_shell_files_free(&shells);
	return result;
}

static int add_units(struct pga_status *status, enum pga_way way, struct pga_error *error)
{
	size_t count;
	char **names;
	int result = pga_activation_units(way, NULL, &names, &count, error);

	for (size_t i = 0; i < count; i++) {
		if (result == 0 && add_way(status, way, names[i]) != 0)
			result = pga_fail_memory(error);
		free(names[i]);
	}
	free(names);
	return result;
}

static int look_at_ways(struct pga_status *status, struct pga_error *error)
{
	for (int way = 0; way < PGA_WAY_UNIT; way++)
		if ((way == PGA_WAY_SHELL ? add_shells(status)
					  : add_way(status, (enum pga_way)way, NULL)) != 0)
			return pga_fail_memory(error);
	if (add_units(status, PGA_WAY_UNIT, error) != 0)
		return -1;
	return add_units(status, PGA_WAY_USER_UNIT, error);
}

/* The first file of this way that has this state; NULL where there is none. */
static const struct pga_activation *find_way(const struct pga_status *status, enum pga_way way,
					     enum pga_state state)
{
	for (size_t i = 0; i < status->way_count; i++)
		if (status->ways[i].state == state && status->ways[i].way == way)
			return &status->ways[i];
	return NULL;
}

/* What brings the gate here: only what can. */
static const char *way_out(const struct pga_status *status)
{
	const bool session = find_way(status, PGA_WAY_SESSION, PGA_ON) != NULL ||
			     find_way(status, PGA_WAY_ENVIRONMENT, PGA_ON) != NULL;

	if (find_way(status, PGA_WAY_SHELL, PGA_ON) != NULL)
		return "it is enabled: start a new shell, or log out and in again";
	if (session && pga_user_session_runs())
		return "it is enabled: log out and in again";
	if (find_way(status, PGA_WAY_PROFILE, PGA_ON) != NULL)
		return "it is enabled: log out and in again, or start a login shell";
	if (session)
		return "it is enabled for sessions of systemd, and none of yours runs: pganchor "
		       "enable --shell";
	return "pganchor enable --help lists the ways";
}

#define FOR_ONE_PROGRAM "; pganchor run -- PROGRAM is for one program"

static void judge_missing(struct pga_status *status)
{
	const struct pga_activation *unread = find_way(status, PGA_WAY_SHELL, PGA_OFF);

	pga_findings_add(&status->findings, PGA_GATE_NOT_ACTIVE, PGA_SEVERITY_ERROR, PGA_ABOUT_GATE,
			 "not active here");
	pga_findings_detail(&status->findings, "what this shell starts has no gate");
	if (find_way(status, PGA_WAY_SHELL, PGA_ON) != NULL && unread != NULL)
		pga_findings_hint(
		    &status->findings,
		    "it is enabled, but your shell reads %s, which does not have the lines: "
		    "pganchor enable --shell" FOR_ONE_PROGRAM,
		    unread->path);
	else
		pga_findings_hint(&status->findings, "%s" FOR_ONE_PROGRAM, way_out(status));
}

static void judge_gate(struct pga_status *status)
{
	struct pga_findings *findings = &status->findings;

	if (status->active) {
		pga_findings_add(findings, PGA_GATE_ACTIVE, PGA_SEVERITY_OK, PGA_ABOUT_GATE,
				 "active here");
		pga_findings_detail(findings, "%s",
				    status->dropped_in    ? "the machine's libpq is behind the gate"
				    : status->in_variable ? "LD_PRELOAD has the gate"
							  : "the gate is in every program");
	} else if (status->in_variable) {
		pga_findings_add(findings, PGA_GATE_NOT_LOADED, PGA_SEVERITY_ERROR, PGA_ABOUT_GATE,
				 "not active here");
		pga_findings_detail(findings, "LD_PRELOAD has the gate, and ld.so did not load it");
		pga_findings_hint(findings, "pganchor run -- true says why");
	} else {
		judge_missing(status);
	}
}

/* The setting that lets through what it only tells of; NULL where there is none. */
static const char *telling(const struct pga_policy *policy)
{
	if (policy->mode == PGA_MODE_AUDIT)
		return "mode = audit";
	return policy->continuity == PGA_CONTINUITY_WARN ? "continuity = warn" : NULL;
}

/* What such a setting does, and whether anybody will ever hear of it. */
static void judge_audit(const struct pga_policy *policy, struct pga_findings *findings)
{
	const char *setting = telling(policy);

	if (setting == NULL)
		return;
	if (policy->log == PGA_LOG_OFF) {
		pga_findings_add(findings, PGA_AUDIT_NOT_LOGGED, PGA_SEVERITY_WARNING,
				 PGA_ABOUT_POLICY,
				 "%s refuses nothing, and log = off tells nobody what it would "
				 "have refused",
				 setting);
	} else if (!pga_log_is_heard()) {
		pga_findings_add(findings, PGA_AUDIT_NOT_HEARD, PGA_SEVERITY_WARNING,
				 PGA_ABOUT_POLICY,
				 "%s refuses nothing, and nothing listens at /dev/log", setting);
		pga_findings_detail(findings, "what it would have refused is lost");
		pga_findings_hint(findings, "start a syslog daemon (apt install rsyslog), or "
					    "systemd-journald");
	} else {
		pga_findings_add(findings, PGA_AUDIT_MODE, PGA_SEVERITY_NOTE, PGA_ABOUT_POLICY,
				 "%s refuses nothing; pganchor log shows what it would have",
				 setting);
	}
}

static void refuse_everything(struct pga_status *status, enum pga_finding_id id)
{
	status->broken = true;
	pga_findings_add(&status->findings, id, PGA_SEVERITY_ERROR, PGA_ABOUT_POLICY,
			 "every connection is refused");
	pga_findings_detail(&status->findings, "%s", status->problem.message);
	if (status->problem.hint[0] != '\0')
		pga_findings_hint(&status->findings, "%s", status->problem.hint);
}

static void judge_key(struct pga_findings *findings, const struct pga_known_servers *known,
		      const struct pga_known_key *key, bool refused)
{
	struct pga_text server = PGA_TEXT_EMPTY;
	struct pga_text accept = PGA_TEXT_EMPTY;
	char when[PGA_MOMENT];

	pga_key_add_server(&server, &key->shown);
	pga_key_add_accept(&accept, known, &key->shown, false);
	pga_moment((time_t)key->time, false, when);
	pga_findings_add(findings, PGA_SERVER_KEY_CHANGED, PGA_SEVERITY_WARNING, PGA_ABOUT_POLICY,
			 "%s has shown another key than before", pga_text_string(&server));
	pga_findings_detail(findings, "SHA-256 %s, %s%s%s; continuity %s", key->shown.key, when,
			    key->program[0] != '\0' ? ", to " : "", key->program,
			    refused ? "refuses it" : "lets it through");
	pga_findings_hint(findings,
			  "if who runs the server says that it is its new key: %s; if not: "
			  "pganchor anchor forget %s --key %s",
			  pga_text_string(&accept), pga_text_string(&server), key->shown.key);
	/* With the key: who accepts this one has not accepted the next. */
	pga_findings_object(findings, "%s %s", pga_text_string(&server), key->shown.key);
	findings->failed = findings->failed || server.failed || accept.failed;
	pga_text_free(&server);
	pga_text_free(&accept);
}

static void judge_known_servers(struct pga_status *status)
{
	const bool refused = status->policy.continuity == PGA_CONTINUITY_REQUIRE &&
			     status->policy.mode == PGA_MODE_ENFORCE;
	struct pga_findings *findings = &status->findings;
	struct pga_error error;

	if (status->policy.continuity == PGA_CONTINUITY_OFF)
		return;
	if (pga_known_servers_load(&status->known, &error) != 0) {
		pga_findings_add(
		    findings, PGA_KNOWN_SERVERS_UNREADABLE,
		    refused ? PGA_SEVERITY_ERROR : PGA_SEVERITY_WARNING, PGA_ABOUT_POLICY,
		    refused ? "every connection by TLS is refused" : "no server's key is known");
		pga_findings_detail(findings, "%s", error.message);
		if (error.hint[0] != '\0')
			pga_findings_hint(findings, "%s", error.hint);
		return;
	}
	for (size_t i = 0; i < status->known.count; i++)
		if (pga_key_waits(&status->known, &status->policy, i) &&
		    !pga_policy_exempts(&status->policy, status->known.keys[i].host))
			judge_key(findings, &status->known, &status->known.keys[i], refused);
}

static int look_at_policy(struct pga_status *status, struct pga_error *error)
{
	if (pga_policy_load(&status->policy, &status->problem) != 0)
		refuse_everything(status, PGA_POLICY_UNREADABLE);
	else if (pga_pins_load(&status->pins, &status->policy, &status->problem) != 0)
		refuse_everything(status, PGA_PINS_UNREADABLE);
	else {
		judge_audit(&status->policy, &status->findings);
		judge_known_servers(status);
		pga_notices_judge(&status->pins, &status->findings);
		if (pga_anchors_judge(&status->pins, time(NULL), &status->findings, error) != 0)
			return -1;
	}
	return pga_crls_judge(time(NULL), &status->findings, error);
}

int pga_status_look(struct pga_status *status, struct pga_error *error)
{
	const char *preload = getenv("LD_PRELOAD");

	memset(status, 0, sizeof *status);
	status->dropped_in = pga_dropin_is_loaded(true);
	status->active = pga_module_is_bound(true) || status->dropped_in;
	status->in_variable = preload != NULL && pga_module_is_in(preload);
	if (look_at_ways(status, error) != 0)
		return -1;
	judge_gate(status);
	if (look_at_policy(status, error) != 0)
		return -1;
	if (pga_processes_look(&status->processes, error) != 0)
		return -1;
	pga_coverage_judge(&status->processes, &status->findings);
	return status->findings.failed ? pga_fail_memory(error) : 0;
}

void pga_status_free(struct pga_status *status)
{
	for (size_t i = 0; i < status->way_count; i++)
		pga_activation_end(&status->ways[i]);
	free(status->ways);
	pga_known_servers_free(&status->known);
	pga_pins_free(&status->pins);
	pga_policy_free(&status->policy);
	pga_processes_free(&status->processes);
	pga_findings_free(&status->findings);
}
