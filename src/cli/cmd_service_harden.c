/* pganchor service harden: weak entries become verify-full. */
#include "cli/cmd_service.h"

#include "base/terminal.h"
#include "ca/idn.h"
#include "cli/cli.h"
#include "cli/harden_questions.h"
#include "cli/print_harden.h"
#include "cli/question.h"
#include "diagnose/quiet_libpq.h"
#include "service/surroundings.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct hardening {
	struct pga_harden_wish wish; /* the first: it is what some options are for */
	bool all;
	bool system;
	bool undo;
	bool dry_run;
	bool yes;
	bool json;

	struct pga_harden harden;
};

/* What is weak still says more than what libpq refuses. */
static int status_of(const struct pga_harden *harden)
{
	bool left = false;

	for (size_t i = 0; i < harden->count; i++) {
		const struct pga_hardening *item = &harden->items[i];

		if (item->state == PGA_HARDEN_READY || item->state == PGA_HARDEN_STRONG)
			continue;
		if (item->weak)
			return PGA_EXIT_WEAK;
		left = true;
	}
	return left ? PGA_EXIT_FAILED : PGA_EXIT_DONE;
}

/* What an entry leaves out, libpq asks the environment for. */
static int look_around(const struct pga_harden *harden, struct pga_error *error)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < harden->count; i++) {
		const struct pga_hardening *item = &harden->items[i];
		struct pga_evaluation here;
		struct pga_text around = PGA_TEXT_EMPTY;
		const char *rest;
		const char *line;
		size_t length;

		if (item->state != PGA_HARDEN_READY && item->state != PGA_HARDEN_STRONG)
			continue;
		pga_bring_environment_back();
		result = pga_evaluate_here(&item->settings, &harden->policy, &here, error);
		if (pga_hide_environment_again(error) != 0)
			result = -1;
		if (result != 0)
			break;
		pga_surroundings_tell(&here, &around);
		rest = pga_text_string(&around);
		while (pga_next_line(&rest, &line, &length))
			pga_print_warning("service %s: %.*s", item->name, (int)length, line);
		if (around.failed)
			result = pga_fail_memory(error);
		pga_text_free(&around);
		pga_evaluation_free(&here);
	}
	return result;
}

static int report(const struct hardening *hardening, enum pga_harden_step step)
{
	const struct pga_harden *harden = &hardening->harden;
	const int status = status_of(harden);

	pga_print_harden_left(harden);
	if (hardening->json)
		return pga_harden_json(harden, step, status);
	pga_print_harden(stdout, harden, step);
	if (harden->count == 0)
		pga_print(stdout, "%s: no entry is weaker than the policy. Nothing was changed.\n",
			  harden->file.path);
	else if (step == PGA_HARDEN_WOULD)
		pga_print(stdout, "Nothing was changed.\n");
	if (harden->others > 0)
		pga_print(stdout,
			  "Not looked at: %zu that libpq refuses, or an LDAP server has the "
			  "settings of: pganchor service list\n",
			  harden->others);
	return status;
}

/* Nothing is written that a person has not seen, or said yes to. */
static int confirm(const struct hardening *hardening, struct pga_error *error)
{
	struct pga_question question;

	if (pga_question_begin(&question, "--yes does it without a question, --dry-run shows what",
			       error) != 0)
		return -1;
	pga_print_harden(question.out, &hardening->harden, PGA_HARDEN_ASKED);
	return pga_question_confirm(&question, "Write this? Type yes: ", error);
}

/* libpq is asked many times, and would warn of an open password file each time. */
static int begin(struct hardening *hardening, struct pga_error *error)
{
	const struct pga_quiet quiet = pga_quiet_begin();
	const int result = pga_harden_begin(&hardening->harden, &hardening->wish, error);

	pga_quiet_end(&quiet);
	if (quiet.error >= 0)
		pga_print_warning("libpq does not read the password file: others may use it\n"
				  "    pganchor doctor passfile-open says more");
	return result;
}

static int write_entries(struct hardening *hardening, struct pga_error *error)
{
	const struct pga_quiet quiet = pga_quiet_begin();
	const int result = look_around(&hardening->harden, error) == 0
			       ? pga_harden_write(&hardening->harden, hardening->dry_run, error)
			       : -1;

	pga_quiet_end(&quiet);
	return result;
}

static int harden(struct hardening *hardening)
{
	struct pga_harden *harden = &hardening->harden;
	const bool asks = !hardening->yes && !hardening->dry_run;
	struct pga_error error;
	size_t ready;

	if (begin(hardening, &error) != 0)
		goto failed;
	if (asks && pga_question_possible() && pga_harden_ask(harden, &error) != 0)
		goto failed;
	ready = pga_harden_count(harden, PGA_HARDEN_READY);
	if (ready > 0 && asks && !pga_question_possible()) {
		pga_print_harden_left(harden);
		return pga_usage_error("service harden",
				       "there is no terminal to ask on: --yes does it, "
				       "--dry-run shows what");
	}
	if ((ready > 0 && asks && confirm(hardening, &error) != 0) ||
	    write_entries(hardening, &error) != 0)
		goto failed;
	return report(hardening, hardening->dry_run ? PGA_HARDEN_WOULD : PGA_HARDEN_DONE);
failed:
	pga_advise_root_for_file(hardening->wish.place, &error);
	pga_print_error(&error);
	return PGA_EXIT_FAILED;
}

/* ---- The way back ---- */

static void print_kept(const struct pga_unharden *undo, const struct pga_unhardening *item)
{
	struct pga_error error;

	switch (item->state) {
	case PGA_UNHARDEN_CHANGED:
		(void)pga_fail(&error, "change it with an editor",
			       "service %s in %s: somebody has changed the entry since it was "
			       "hardened: it stays",
			       item->name, undo->path);
		break;
	case PGA_UNHARDEN_GONE:
		(void)pga_fail(&error, NULL,
			       "service %s: there is none of this name in %s any more", item->name,
			       undo->path);
		break;
	case PGA_UNHARDEN_UNKNOWN:
		(void)pga_fail(&error, NULL,
			       "service %s in %s: was not hardened, or is as it was already",
			       item->name, undo->path);
		break;
	case PGA_UNHARDEN_RESTORED:
		return;
	}
	pga_print_error(&error);
}

static int undo(const struct hardening *hardening)
{
	const struct pga_harden_wish *wish = &hardening->wish;
	struct pga_unharden undo;
	struct pga_error error;
	size_t kept = 0;
	int status = PGA_EXIT_FAILED;

	if (pga_unharden(&undo, wish->place, wish->names, wish->count, hardening->dry_run,
			 &error) != 0) {
		pga_advise_root_for_file(wish->place, &error);
		pga_print_error(&error);
		goto done;
	}
	for (size_t i = 0; i < undo.count; i++) {
		print_kept(&undo, &undo.items[i]);
		kept += undo.items[i].state != PGA_UNHARDEN_RESTORED;
	}
	status = kept > 0 ? PGA_EXIT_FAILED : PGA_EXIT_DONE;
	if (hardening->json) {
		status = pga_unharden_json(&undo, hardening->dry_run, status);
		goto done;
	}
	pga_print_unharden(&undo, hardening->dry_run);
	if (undo.count == 0)
		pga_print(stdout, "%s: no entry of it is hardened. Nothing was changed.\n",
			  undo.path);
	else if (hardening->dry_run)
		pga_print(stdout, "Nothing was changed.\n");
done:
	pga_unharden_end(&undo);
	return status;
}

/* ---- The command line ---- */

static const struct pga_option options[] = {
    {.name = "all",
     .target = offsetof(struct hardening, all),
     .help = "every entry that is weaker than the policy"},
    {.name = "host",
     .letter = 'H',
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct hardening, wish.host),
     .argument = "NAME",
     .help = "the name in the server's certificate that is meant; of one entry"},
    {.name = "anchor",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct hardening, wish.anchor),
     .argument = "NAME",
     .help = "the CA root that has to have signed the servers; any that is pinned, if left out",
     .names = PGA_NAMES_ANCHOR},
    {.name = "system",
     .target = offsetof(struct hardening, system),
     .help = "edit the file of the machine, not the user's"},
    {.name = "undo",
     .target = offsetof(struct hardening, undo),
     .help = "put the entries back as they were; all that were hardened, if none is named"},
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct hardening, dry_run),
     .help = "change nothing, say what would be written"},
    {.name = "yes", .target = offsetof(struct hardening, yes), .help = "do it without a question"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct hardening, json),
     .help = "report in JSON"},
};

static int check(const struct hardening *hardening)
{
	const struct pga_harden_wish *wish = &hardening->wish;

	if (hardening->undo) {
		if (wish->host != NULL || wish->anchor != NULL)
			return pga_usage_error("service harden",
					       "--undo takes no --host and no --anchor");
		if (hardening->all && wish->count > 0)
			return pga_usage_error("service harden", "--all and names: one of them");
		return PGA_EXIT_DONE;
	}
	if (hardening->all == (wish->count > 0))
		return pga_usage_error("service harden", hardening->all
							     ? "--all and names: one of them"
							     : "which entries? Their names, or "
							       "--all");
	if (wish->host != NULL && wish->count != 1)
		return pga_usage_error("service harden", "--host is that of one entry");
	return PGA_EXIT_DONE;
}

static int run(int argc, char **argv)
{
	struct hardening hardening = {.all = false};
	struct pga_error error;
	char *host = NULL;
	int status;

	if (!pga_options_read(&pga_cmd_service_harden, argc, argv, &hardening, &status))
		return status;
	hardening.wish.place = hardening.system ? PGA_SERVICE_SYSTEM : PGA_SERVICE_USER;
	hardening.wish.names = (const char *const *)(argv + optind);
	hardening.wish.count = (size_t)(argc - optind);
	status = check(&hardening);
	if (status != PGA_EXIT_DONE)
		return status;
	if (hardening.wish.host != NULL) {
		host = pga_hosts_to_ascii(hardening.wish.host, &error);
		if (host == NULL)
			return pga_usage_error("service harden", "%s", error.message);
		hardening.wish.host = host;
	}
	if (hardening.undo) {
		status = undo(&hardening);
	} else {
		status = harden(&hardening);
		pga_harden_end(&hardening.harden);
	}
	free(host);
	return status;
}

const struct pga_command pga_cmd_service_harden = {
    .name = "service harden",
    .summary = "make weak entries verify-full",
    .usage = "NAME ... | --all [OPTION ...]",
    .about =
	"Looks at the server of each weak entry, finds the pinned anchor that has signed it, "
	"writes the name in its certificate as host (and where it is reached as hostaddr), "
	"sslmode=verify-full and sslrootcert, and takes out what weakens it, once libpq has "
	"verified the server with these settings. What an impostor shows is not believed: a name "
	"counts only where a pinned anchor has signed it that is valid for it.\n\n"
	"--undo puts an entry back to the byte, if nobody has changed it since.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "the name of a service",
    .least = 0,
    .most = SIZE_MAX,
    .names = PGA_NAMES_SERVICE,
    .statuses = "Exit status: 0 done, 1 failed, 2 usage, and where there is no terminal to ask on, "
		"3 an entry is still weaker than the policy.",
    .examples = "  pganchor service harden --all --dry-run\n"
		"  pganchor service harden prod --host db.example.com\n"
		"  pganchor service harden --undo prod\n",
    .run = run,
};
