/* The entries of pg_service.conf. */
#include "diagnose/doctor_checks.h"

#include "base/shell_word.h"
#include "policy/linked.h"
#include "service/harden.h"

#define ABOUT_SERVICES "services"

/* What would be written, a line a setting. */
static void tell_changes(const struct pga_hardening *item, struct pga_text *done)
{
	for (size_t i = 0; i < item->change_count; i++) {
		const struct pga_harden_change *change = &item->changes[i];

		if (change->after != NULL)
			pga_text_addf(done, "give service %s %s=%s (it has %s)\n", item->name,
				      change->keyword, change->after,
				      change->before != NULL ? change->before : "none");
		else
			pga_text_addf(done, "take %s out of service %s\n", change->keyword,
				      item->name);
	}
}

static int harden(const char *name, enum pga_service_place place, bool dry_run,
		  struct pga_text *done, struct pga_error *error)
{
	const struct pga_harden_wish wish = {&name, 1, place, NULL, NULL};
	struct pga_hidden_environment hidden;
	struct pga_harden plan;
	int result;

	if (pga_hide_environment(&hidden) != 0)
		return pga_fail_memory(error);
	result = pga_harden_begin(&plan, &wish, error);
	/* Whoever has a certificate of the same CA could be what answers: a person has to see the
	 * name. */
	if (result == 0 && plan.items[0].renamed) {
		result = pga_fail(error, "pganchor service harden shows it, and asks",
				  "service %s: its host would be %s", name, plan.items[0].host);
	} else if (result == 0 && plan.items[0].state == PGA_HARDEN_READY) {
		tell_changes(&plan.items[0], done);
		result = pga_harden_write(&plan, dry_run, error);
	} else if (result == 0 && plan.items[0].state != PGA_HARDEN_STRONG) {
		*error = plan.items[0].error;
		result = -1;
	}
	pga_harden_end(&plan);
	pga_restore_environment(&hidden);
	return result;
}

static int fix_user(const char *object, bool dry_run, struct pga_text *done,
		    struct pga_error *error)
{
	return harden(object, PGA_SERVICE_USER, dry_run, done, error);
}

static int fix_system(const char *object, bool dry_run, struct pga_text *done,
		      struct pga_error *error)
{
	return harden(object, PGA_SERVICE_SYSTEM, dry_run, done, error);
}

/* The first of the reasons: they are lines. */
static void add_first_line(struct pga_text *text, const char *lines)
{
	const char *line;
	size_t length;

	if (pga_next_line(&lines, &line, &length))
		pga_text_add_bytes(text, line, length);
}

/* In the file, it goes wherever the file goes: backups, dotfiles. */
static void judge_password(const struct pga_listed *listed, struct pga_findings *findings)
{
	struct pga_text word = PGA_TEXT_EMPTY;

	pga_text_add_shell_word(&word, listed->entry->name);
	pga_findings_add(findings, PGA_SERVICE_PASSWORD, PGA_SEVERITY_WARNING, ABOUT_SERVICES,
			 "the password of service %s stands in %s", listed->entry->name,
			 listed->file->path);
	pga_findings_detail(findings, "who reads the file, or a copy of it, has it");
	pga_findings_hint(findings,
			  "pganchor password set --service %s: keeps it in the keyring; then take "
			  "the line out",
			  pga_text_string(&word));
	pga_findings_object(findings, "%s", listed->entry->name);
	findings->failed = findings->failed || word.failed;
	pga_text_free(&word);
}

static void judge(const struct pga_listed *listed, struct pga_findings *findings)
{
	const bool system = listed->file->place == PGA_SERVICE_SYSTEM;
	const bool weak = listed->evaluation.state == PGA_ENTRY_WEAK;
	struct pga_text word = PGA_TEXT_EMPTY;
	struct pga_text why = PGA_TEXT_EMPTY;

	if (listed->hidden || listed->entry->name == NULL ||
	    (!weak && listed->evaluation.state != PGA_ENTRY_BROKEN))
		return;
	pga_text_add_shell_word(&word, listed->entry->name);
	add_first_line(&why, pga_text_string(&listed->evaluation.why));
	pga_findings_add(findings, weak ? PGA_SERVICE_WEAK : PGA_SERVICE_BROKEN,
			 weak ? PGA_SEVERITY_ERROR : PGA_SEVERITY_WARNING, ABOUT_SERVICES,
			 "service %s%s %s", listed->entry->name, system ? " (of the machine)" : "",
			 weak ? "is weaker than the policy" : "does not work");
	pga_findings_detail(findings, "%s", pga_text_string(&why));
	pga_findings_hint(findings, "pganchor service %s %s%s", weak ? "harden" : "show",
			  system && weak ? "--system " : "", pga_text_string(&word));
	pga_findings_object(findings, "%s", listed->entry->name);
	if (weak)
		pga_findings_fix(findings, system ? fix_system : fix_user);
	findings->failed = findings->failed || word.failed || why.failed;
	pga_text_free(&word);
	pga_text_free(&why);
}

int pga_check_services(const struct pga_doctor *doctor, struct pga_findings *findings,
		       struct pga_error *error)
{
	for (size_t i = 0; i < doctor->services.count; i++) {
		judge(&doctor->services.entries[i], findings);
		if (doctor->entries != NULL && doctor->entries[i].has_password)
			judge_password(&doctor->services.entries[i], findings);
	}
	return findings->failed ? pga_fail_memory(error) : 0;
}
