/* pganchor doctor --accept and --unaccept. */
#include "cli/cmd_doctor.h"

#include "base/paths.h"
#include "base/printable.h"
#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/print_doctor.h"
#include "report/json.h"

#include <stdlib.h>
#include <string.h>

static int report(const struct pga_doctor_asked *asked, const char *key, const char *name,
		  const char *done, const char *would)
{
	struct pga_text shown = PGA_TEXT_EMPTY;

	if (asked->json)
		return pga_json_print(json_pack("{s:o, s:b}", key, pga_json_text(name), "dry_run",
						(int)asked->dry_run),
				      PGA_EXIT_DONE);
	pga_text_add_printable(&shown, name, "");
	pga_print(stdout, "%s %s\n", asked->dry_run ? would : done, pga_text_string(&shown));
	pga_text_free(&shown);
	return PGA_EXIT_DONE;
}

/* The one finding that is named; NULL after an error. */
static const struct pga_finding *find(const struct pga_doctor *doctor, const char *word)
{
	const struct pga_finding *found = NULL;

	for (size_t i = 0; i < doctor->findings.count; i++) {
		const struct pga_finding *finding = &doctor->findings.list[i];
		struct pga_text name = PGA_TEXT_EMPTY;

		if (!pga_finding_is_named(finding, word))
			continue;
		if (found != NULL) {
			pga_finding_add_name(&name, finding);
			(void)pga_usage_error("doctor",
					      "--accept %s: there are several, and each is "
					      "accepted by itself: %s, say",
					      word, pga_text_string(&name));
			pga_text_free(&name);
			return NULL;
		}
		found = finding;
	}
	if (found == NULL)
		(void)pga_usage_error("doctor", "--accept %s: there is no such finding here", word);
	return found;
}

int pga_doctor_accept(const struct pga_doctor *doctor, const struct pga_doctor_asked *asked)
{
	const struct pga_finding *finding = find(doctor, asked->accept);
	struct pga_accepting accepting = {.reason = asked->reason,
					  .until = asked->until,
					  .online = asked->online,
					  .dry_run = asked->dry_run};
	struct pga_text name = PGA_TEXT_EMPTY;
	struct pga_error error;
	int status = PGA_EXIT_FAILED;

	if (finding == NULL)
		return PGA_EXIT_USAGE;
	if (finding->severity == PGA_SEVERITY_OK)
		return pga_usage_error("doctor", "--accept %s: it is as it should be",
				       asked->accept);
	accepting.id = pga_finding_word(finding->id);
	accepting.object = finding->object;
	pga_finding_add_name(&name, finding);
	if (name.failed)
		(void)pga_fail_memory(&error);
	if (name.failed || pga_accept(&accepting, &error) != 0)
		pga_print_error(&error);
	else
		status =
		    report(asked, "accepted", pga_text_string(&name), "Accepted:", "Would accept:");
	pga_text_free(&name);
	return status;
}

/* The word's line in a file: as it is written, or with the home in the place of ~. */
static int take_back(const char *word, const struct pga_doctor_asked *asked, bool *found,
		     struct pga_error *error)
{
	const char *colon = strchr(word, ':');
	const char *object = colon != NULL ? colon + 1 : NULL;
	char *id = strndup(word, colon != NULL ? (size_t)(colon - word) : strlen(word));
	char *home = NULL;
	int result;

	if (id == NULL)
		return pga_fail_memory(error);
	result = pga_unaccept(id, object, asked->dry_run, found, error);
	if (result == 0 && !*found && object != NULL && strncmp(object, "~/", 2) == 0) {
		struct pga_text path = PGA_TEXT_EMPTY;

		home = pga_home();
		pga_text_addf(&path, "%s%s", home != NULL ? home : "", object + 1);
		result = path.failed ? pga_fail_memory(error)
				     : pga_unaccept(id, pga_text_string(&path), asked->dry_run,
						    found, error);
		pga_text_free(&path);
	}
	free(home);
	free(id);
	return result;
}

int pga_doctor_unaccept(const struct pga_doctor_asked *asked)
{
	struct pga_error error;
	bool found = false;

	if (take_back(asked->unaccept, asked, &found, &error) != 0) {
		pga_print_error(&error);
		return PGA_EXIT_FAILED;
	}
	if (!found)
		return pga_usage_error("doctor", "--unaccept %s: you have not accepted that",
				       asked->unaccept);
	return report(asked, "unaccepted", asked->unaccept,
		      "No longer accepted:", "Would no longer accept:");
}
