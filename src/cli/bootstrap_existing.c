#include "cli/bootstrap_existing.h"

#include "anchor/root_crt_path.h"
#include "anchor/anchors.h"
#include "anchor/unpinned.h"
#include "base/terminal.h"
#include "base/text.h"
#include "cli/bootstrap_known.h"
#include "cli/cli.h"
#include "cli/print_unpinned.h"
#include "policy/policy.h"
#include "service/anchored.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In a dry run, the new root is not pinned yet. */
static int warn(const char *path, const struct pga_policy *policy,
		const struct pga_unpinned_roots *unpinned, const struct pga_certificate *root,
		bool dry_run, struct pga_error *error)
{
	struct pga_text list = PGA_TEXT_EMPTY;
	const size_t count = pga_list_unpinned(unpinned, root->pin, &list);
	int result = 0;

	if (list.failed)
		result = pga_fail_memory(error);
	else if (count > 0)
		pga_print_warning(
		    "%s: the gate %s the servers of %zu %s in it that %s not pinned:\n"
		    "%s    the same command with --pin-existing pins %s too",
		    path,
		    pga_anchored_refuses(policy, dry_run ? "would refuse" : "refuses from now on"),
		    count, count == 1 ? "root" : "roots", count == 1 ? "is" : "are",
		    pga_text_string(&list), count == 1 ? "it" : "them");
	pga_text_free(&list);
	return result;
}

static struct pga_pinned_too *next_of(struct pga_existing *existing)
{
	struct pga_pinned_too *grown =
	    reallocarray(existing->pinned, existing->count + 1, sizeof *grown);

	if (grown == NULL)
		return NULL;
	existing->pinned = grown;
	return &grown[existing->count];
}

/* What is advised for one root is not for this command, which has no other option, and has others
 * to pin. */
static void advise(struct pga_error *error, bool unfit)
{
	static const char in_the_way[] =
	    "it is not pinned: move away, or put right, what the message names, and try again";
	const char *hint = NULL;

	if (unfit)
		hint = "it is not pinned: once any root is, the gate refuses its servers";
	else if (strstr(error->hint, "--") != NULL)
		hint = in_the_way;
	if (hint != NULL)
		(void)snprintf(error->hint, sizeof error->hint, "%s", hint);
}

int pga_existing_pin_one(const struct pga_certificate *root, const char *path, const char *hosts,
			 bool dry_run, struct pga_existing *existing, struct pga_error *error)
{
	struct pga_pinned_too *too = next_of(existing);
	char name[PGA_EXISTING_NAME];
	const struct pga_anchor anchor = {
	    .proof = {.root = root},
	    .fallback_name = name,
	    .source = path,
	    .record = {.kind = "root.crt"},
	    .hosts = hosts,
	};
	struct pga_anchoring done;

	if (too == NULL)
		return pga_fail_memory(error);
	/* Nobody has chosen one. */
	(void)snprintf(name, sizeof name, "existing-%.16s", root->pin);
	if (pga_certificate_check_anchor(root, path, error) != 0) {
		advise(error, true);
		return 1;
	}
	*too = (struct pga_pinned_too){.subject = strdup(root->subject)};
	if (too->subject == NULL)
		return pga_fail_memory(error);
	if (pga_anchor_install(&anchor, dry_run, &done, error) != 0) {
		free(too->subject);
		advise(error, false);
		return -1;
	}
	(void)snprintf(too->name, sizeof too->name, "%s", name);
	(void)snprintf(too->pin, sizeof too->pin, "%s", root->pin);
	existing->count++;
	pga_anchoring_free(&done);
	return 0;
}

/* One that is no good as an anchor keeps no other from being pinned. Returns the exit status. */
static int pin_all(const char *path, const struct pga_unpinned_roots *unpinned,
		   const struct pga_certificate *root, bool dry_run, struct pga_existing *existing)
{
	struct pga_error error;
	int status = PGA_EXIT_DONE;

	for (size_t i = 0; i < unpinned->count; i++) {
		int pinned = 0;

		if (strcmp(unpinned->roots[i].pin, root->pin) != 0)
			pinned = pga_existing_pin_one(&unpinned->roots[i], path, NULL, dry_run,
						      existing, &error);
		if (pinned > 0)
			pga_print_warning("%s; it is not pinned, and the gate refuses its servers",
					  error.message);
		else if (pinned < 0)
			pga_print_warning("%s (SHA-256 %s): %s\n    %s", unpinned->roots[i].subject,
					  unpinned->roots[i].pin, error.message, error.hint);
		if (pinned < 0)
			status = PGA_EXIT_FAILED;
	}
	return status;
}

static int read_unpinned(char **path, struct pga_unpinned_roots *unpinned, struct pga_error *error)
{
	struct pga_pins pins = {0};
	int result = -1;

	*path = NULL;
	if (pga_pins_load(&pins, NULL, error) == 0) {
		*path = pga_root_crt_path(error);
		if (*path != NULL)
			result = pga_unpinned_roots_read(unpinned, *path, &pins, error);
	}
	pga_pins_free(&pins);
	return result;
}

/* Whether a pin of the user's counts. */
static int may_pin(struct pga_error *error)
{
	struct pga_text said = PGA_TEXT_EMPTY;
	const int result = pga_known_to_system(NULL, &said, error);

	pga_text_free(&said);
	return result;
}

int pga_existing_read(char **path, struct pga_unpinned_roots *unpinned, struct pga_error *error)
{
	*path = NULL;
	return may_pin(error) == 0 ? read_unpinned(path, unpinned, error) : -1;
}

int pga_existing_pin(const struct pga_certificate *root, bool dry_run,
		     struct pga_existing *existing, struct pga_error *error)
{
	struct pga_unpinned_roots unpinned = {.roots = NULL};
	char *path = NULL;
	int result = may_pin(error);

	if (result == 0)
		result = read_unpinned(&path, &unpinned, error);
	if (result == 0)
		result = pin_all(path, &unpinned, root, dry_run, existing);
	if (path != NULL && result >= 0 && !unpinned.readable && access(path, F_OK) == 0) {
		pga_print_warning("%s: libpq finds no certificate in it, and there is none to pin",
				  path);
		result = PGA_EXIT_FAILED;
	}
	free(path);
	pga_unpinned_roots_free(&unpinned);
	return result;
}

int pga_existing_warn(const struct pga_certificate *root, bool dry_run, struct pga_error *error)
{
	struct pga_unpinned_roots unpinned = {.roots = NULL};
	struct pga_policy policy = {0};
	char *path = NULL;
	int result = pga_policy_load(&policy, error);

	if (result == 0)
		result = read_unpinned(&path, &unpinned, error);
	if (result == 0 && policy.trust == PGA_TRUST_PINNED)
		result = warn(path, &policy, &unpinned, root, dry_run, error);
	free(path);
	pga_unpinned_roots_free(&unpinned);
	pga_policy_free(&policy);
	return result;
}

void pga_existing_free(struct pga_existing *existing)
{
	for (size_t i = 0; i < existing->count; i++)
		free(existing->pinned[i].subject);
	free(existing->pinned);
	memset(existing, 0, sizeof *existing);
}

static int show(const char *path, const struct pga_unpinned_roots *unpinned)
{
	struct pga_error error;

	pga_print(stdout, "%s holds %zu %s not pinned:\n", path, unpinned->count,
		  unpinned->count == 1 ? "root that is" : "roots that are");
	for (size_t i = 0; i < unpinned->count; i++)
		pga_print(stdout, "    %s (SHA-256 %s), valid to %.10s\n",
			  unpinned->roots[i].subject, unpinned->roots[i].pin,
			  unpinned->roots[i].not_after);
	(void)fflush(stdout);
	(void)pga_fail(&error,
		       "compare them with what those who run the CAs say; --yes then pins what is "
		       "shown here",
		       "nothing was pinned: nobody has said that these roots are the right ones");
	pga_print_error(&error);
	return PGA_EXIT_FAILED;
}

static int pin_or_say_why_not(const char *path, const struct pga_unpinned_roots *unpinned,
			      bool dry_run)
{
	struct pga_existing existing = {0};
	struct pga_error error;
	int status = PGA_EXIT_DONE;

	for (size_t i = 0; i < unpinned->count; i++) {
		if (pga_existing_pin_one(&unpinned->roots[i], path, NULL, dry_run, &existing,
					 &error) == 0)
			continue;
		pga_print_error(&error);
		status = PGA_EXIT_FAILED;
	}
	for (size_t i = 0; i < existing.count; i++)
		pga_print(stdout, "%s, as anchor %s: %s (SHA-256 %s)\n",
			  dry_run ? "Would be pinned" : "Pinned", existing.pinned[i].name,
			  existing.pinned[i].subject, existing.pinned[i].pin);
	pga_existing_free(&existing);
	return status;
}

/* Who is told that there is nothing to do believes that all is pinned. */
static int fail_without_roots(const char *path, const struct pga_unpinned_roots *unpinned,
			      struct pga_error *error)
{
	static const char hint[] = "--ca-url URL --fingerprint HEX fetches and pins one";

	if (!unpinned->readable)
		return pga_fail(error,
				"repair it, or move it away: libpq takes PEM, and nothing of a "
				"file with a damaged certificate",
				"%s: there is no root to pin: libpq finds no certificate in it",
				path);
	return pga_fail(error, hint,
			"%s: there is no root to pin: no certificate in it is self-signed and in "
			"date",
			path);
}

int pga_existing_roots_alone(bool yes, bool dry_run)
{
	struct pga_unpinned_roots unpinned = {.roots = NULL};
	struct pga_error error;
	char *path = NULL;
	int result = may_pin(&error);
	int status = PGA_EXIT_FAILED;

	if (result == 0)
		result = read_unpinned(&path, &unpinned, &error);
	if (result == 0 && access(path, R_OK) != 0)
		result =
		    pga_fail_errno(&error, "--ca-url URL --fingerprint HEX fetches and pins one",
				   "%s: there is no root to pin", path);
	if (result == 0 && unpinned.count == 0 && unpinned.pinned == 0)
		result = fail_without_roots(path, &unpinned, &error);
	if (result != 0) {
		pga_print_error(&error);
	} else if (unpinned.count == 0) {
		pga_print(stdout, "%s holds no root that is not pinned: nothing to do\n", path);
		status = PGA_EXIT_DONE;
	} else if (!yes && !dry_run) {
		status = show(path, &unpinned);
	} else {
		status = pin_or_say_why_not(path, &unpinned, dry_run);
	}
	free(path);
	pga_unpinned_roots_free(&unpinned);
	return status;
}
