#include "cli/bootstrap_services.h"

#include "base/host.h"
#include "base/terminal.h"
#include "cli/cmd_service.h"
#include "policy/hostlist.h"
#include "service/evaluate.h"

#include <string.h>

static bool uses_root_crt(const struct pga_evaluation *evaluation, const char *root_crt)
{
	const char *file = pga_effective_value(&evaluation->effective, "sslrootcert");

	return file == NULL || file[0] == '\0' || strcmp(file, root_crt) == 0;
}

static int match_hosts(const struct pga_evaluation *evaluation, const char *patterns, bool *matched,
		       struct pga_error *error)
{
	struct pga_hosts hosts;

	if (pga_hosts_split(pga_effective_value(&evaluation->effective, "host"),
			    pga_effective_value(&evaluation->effective, "hostaddr"), NULL, &hosts,
			    error) != 0)
		return -1;
	*matched = false;
	for (size_t i = 0; i < hosts.count; i++)
		*matched =
		    *matched || (!hosts.items[i].local &&
				 pga_host_matches_any(patterns, pga_host_label(&hosts.items[i])));
	pga_hosts_free(&hosts);
	return 0;
}

/* A weak entry has more to be put right than this. */
static int look_at(struct pga_evaluator *judging, const struct pga_entry *entry,
		   const struct pga_anchoring *done, struct pga_text *commands,
		   struct pga_error *error)
{
	struct pga_evaluation evaluation;
	bool matched = false;
	int result = pga_evaluate_entry(judging, entry, &evaluation, error);

	if (result != 0)
		return -1;
	if (evaluation.needs_tls && evaluation.state != PGA_ENTRY_WEAK &&
	    uses_root_crt(&evaluation, done->root_crt.path))
		result = match_hosts(&evaluation, done->hosts, &matched, error);
	if (matched) {
		pga_text_add(commands, "\n    ");
		pga_add_replacing_command(entry, &evaluation, done->name, commands);
	}
	pga_evaluation_free(&evaluation);
	return result;
}

static int look_at_all(const struct pga_service_file *file, const struct pga_service_file *before,
		       const struct pga_policy *policy, const struct pga_anchoring *done,
		       struct pga_text *commands, struct pga_error *error)
{
	struct pga_evaluator judging;
	int result = pga_evaluator_begin(&judging, file, policy, error);

	for (size_t i = 0; result == 0 && i < file->count; i++) {
		const struct pga_entry *entry = &file->entries[i];

		if (entry->name != NULL &&
		    (before == NULL || pga_service_file_find(before, entry->name) == NULL))
			result = look_at(&judging, entry, done, commands, error);
	}
	pga_evaluator_end(&judging);
	return result;
}

int pga_warn_of_services(const struct pga_anchoring *done, bool dry_run, struct pga_error *error)
{
	struct pga_text commands = PGA_TEXT_EMPTY;
	struct pga_found_services services = {.user = {.path = NULL}};
	int result = -1;

	/* While somebody else's copy stays in the file, nothing changes for who uses it. */
	if (!done->scoped || done->root_crt.change == PGA_UNCHANGED ||
	    (done->old_stays && done->replaced == NULL))
		return 0;
	/* Entries are judged by what stands in them. */
	if (pga_hide_environment_again(error) != 0)
		return -1;
	if (pga_find_services(&services, error) != 0 ||
	    look_at_all(&services.user, NULL, &services.policy, done, &commands, error) != 0 ||
	    look_at_all(&services.system, &services.user, &services.policy, done, &commands,
			error) != 0)
		goto done;
	if (commands.length != 0)
		pga_print_warning("%s %s hold anchor %s any more, and these services use that "
				  "file: libpq refuses their\n    servers, where they are of this "
				  "CA, until they use the anchor's own:%s",
				  done->root_crt.path, dry_run ? "would not" : "does not",
				  done->name, pga_text_string(&commands));
	result = commands.failed ? pga_fail_memory(error) : 0;
done:
	pga_bring_environment_back();
	pga_text_free(&commands);
	pga_found_services_free(&services);
	return result;
}
