/* pganchor ca local serve --undo: the server is as it was before. */
#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/cmd_ca.h"
#include "cli/cmd_cert.h"
#include "report/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whoever undoes it as root, say, does not know it: that is no failure. */
static int forget(const struct pga_unserving *done, struct pga_error *error)
{
	static char *const all[] = {NULL};
	char *certificate = pga_cluster_file(&done->cluster, PGA_SERVED_CRT);
	struct pga_cert_views views;
	int result = -1;

	if (certificate == NULL)
		return pga_fail_memory(error);
	if (pga_cert_views_read(&views, all, error) == 0) {
		result = 0;
		for (size_t i = 0; result == 0 && i < views.count; i++)
			if (strcmp(views.list[i].record->certificate, certificate) == 0)
				result = pga_cert_forget(views.list[i].record, &views.list[i].state,
							 error);
	}
	pga_cert_views_free(&views);
	free(certificate);
	return result;
}

int pga_ca_local_unserve(const char *directory, const char *user, bool dry_run,
			 struct pga_unserving *done, struct pga_error *error)
{
	if (pga_local_unserve(directory, user, dry_run, done, error) != 0)
		return -1;
	return dry_run ? 0 : forget(done, error);
}

static void print_text(const struct pga_unserving *done, bool dry_run)
{
	const char *directory = done->cluster.directory;

	if (!done->found) {
		pga_print(stdout, "The server of %s has no certificate of the local CA.\n",
			  directory);
		return;
	}
	if (done->restored)
		pga_print(stdout, "%s postgresql.auto.conf in %s%s\n",
			  dry_run ? "Would put back" : "Put back", directory,
			  done->exactly ? ", byte for byte"
					: ": the settings of TLS as they were, and what else was "
					  "changed since stays");
	if (done->left)
		pga_print(stdout,
			  "%s what somebody else has put in the place of it: see %s and %s\n",
			  dry_run ? "Would leave" : "Left", PGA_SERVED_CRT, PGA_SERVED_KEY);
	else
		pga_print(stdout,
			  "%s what was placed there: %s, its key and what belongs to them\n",
			  dry_run ? "Would remove" : "Removed", PGA_SERVED_CRT);
	if (dry_run)
		(void)puts("This was a dry run: nothing was changed.");
	else if (done->runs)
		(void)puts("The server has loaded it.");
}

int pga_ca_local_undo(const char *directory, const char *user, bool dry_run, bool json)
{
	struct pga_unserving done;
	struct pga_error error;
	int status = PGA_EXIT_DONE;

	if (pga_ca_local_unserve(directory, user, dry_run, &done, &error) != 0) {
		pga_print_error(&error);
		status = PGA_EXIT_FAILED;
	} else if (json) {
		status = pga_json_print(
		    json_pack("{s:o, s:b, s:b, s:b, s:b, s:b, s:b}", "directory",
			      pga_json_text(done.cluster.directory), "undone", (int)done.found,
			      "restored", (int)done.restored, "exactly", (int)done.exactly,
			      "exchanged", (int)done.left, "running", (int)done.runs, "dry_run",
			      (int)dry_run),
		    PGA_EXIT_DONE);
	} else {
		print_text(&done, dry_run);
	}
	pga_unserving_free(&done);
	return status;
}
