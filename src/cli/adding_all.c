/* anchor add --all: every root of a bundle. */
#include "cli/adding.h"

#include "anchor/install_many.h"
#include "base/terminal.h"
#include "base/text.h"
#include "cli/bootstrap_existing.h"
#include "cli/bootstrap_known.h"
#include "cli/bootstrap_warnings.h"
#include "cli/cli.h"
#include "cli/print_bootstrap.h"
#include "cli/question.h"
#include "report/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is left out, and why. */
struct left_out {
	struct pga_certificate certificate;
	char *why;
};

struct adding_all {
	struct pga_adding *adding;
	struct left_out *left_out;
	size_t left_out_count;
};

/* The part of the reason that is about the certificate, and not about whose it is. */
static char *reason_of(const struct pga_error *error)
{
	static const char words[] = "cannot be an anchor: ";
	const char *why = strstr(error->message, words);

	return strdup(why != NULL ? why + strlen(words) : error->message);
}

/* Those that can be anchors are what is left of the candidates, in their order. */
static int sort_out(struct adding_all *all, struct pga_error *error)
{
	struct pga_candidates *found = &all->adding->found;
	size_t fit = 0;

	all->left_out = calloc(found->count + 1, sizeof *all->left_out);
	if (all->left_out == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; i < found->count; i++) {
		struct pga_error why;
		const struct pga_certificate certificate = found->roots[i];
		const bool fits =
		    pga_certificate_check_anchor(&certificate, found->where, &why) == 0;
		struct left_out *left = &all->left_out[all->left_out_count];

		if (fits) {
			memset(&found->roots[i], 0, sizeof found->roots[i]);
			found->roots[fit++] = certificate;
			continue;
		}
		left->why = reason_of(&why);
		if (left->why == NULL)
			return pga_fail_memory(error);
		memset(&found->roots[i], 0, sizeof found->roots[i]);
		left->certificate = certificate;
		all->left_out_count++;
		if (fit == 0)
			*error = why;
	}
	found->count = fit;
	return fit > 0 ? 0 : -1;
}

static void free_all(struct adding_all *all)
{
	for (size_t i = 0; all->left_out != NULL && i < all->left_out_count; i++) {
		pga_certificate_free(&all->left_out[i].certificate);
		free(all->left_out[i].why);
	}
	free(all->left_out);
}

/* The fingerprint of all bytes proves all that is in them. */
static int prove(const struct pga_adding *adding, struct pga_error *error)
{
	const struct pga_candidates *found = &adding->found;
	const char *given = adding->whole_digest;

	if (strcmp(given, found->digest) == 0)
		return 0;
	for (size_t i = 0; i < found->count; i++)
		if (strcmp(found->roots[i].pin, given) == 0)
			return pga_fail(error,
					"leave --all out to pin that root alone; with it, the "
					"fingerprint is what sha256sum says of the whole file",
					"%s: the fingerprint is that of one root, \"%s\"",
					found->where, found->roots[i].subject);
	return pga_fail(error,
			"with --all, the fingerprint is what sha256sum says of the whole file. "
			"Nothing was pinned",
			"%s: another file than the fingerprint means: its own is %s", found->where,
			found->digest);
}

static int ask(const struct pga_adding *adding, struct pga_error *error)
{
	const struct pga_candidates *found = &adding->found;
	struct pga_question question;
	struct pga_answer answer;
	int result;

	if (pga_question_begin(&question, "--fingerprint HEX of the whole file", error) != 0)
		return -1;
	pga_print(question.out, "%s holds %zu roots that can be anchors:\n", found->where,
		  found->count);
	for (size_t i = 0; i < found->count; i++)
		pga_print(question.out, "    %s\n      until %.10s, SHA-256 %s\n",
			  found->roots[i].subject, found->roots[i].not_after, found->roots[i].pin);
	pga_print(question.out, "Each of them can then sign for %s. SHA-256 of the whole: %s\n",
		  adding->host_patterns != NULL ? adding->host_patterns : "every server",
		  found->digest);
	result = pga_question_ask(&question,
				  "Trust all of them for PostgreSQL? Type yes: ", &answer, error);
	if (result == 0 && (!answer.whole || strcmp(answer.text, "yes") != 0))
		result = pga_fail(error,
				  "--host HOST finds the one root that a server needs, and "
				  "--fingerprint HEX names one",
				  "%s: not trusted by you; nothing was pinned", found->where);
	pga_question_end(&question);
	return result;
}

static struct pga_many_anchors make_anchors(const struct pga_adding *adding)
{
	const struct pga_candidates *found = &adding->found;
	const struct pga_source_request *request = &adding->request;

	return (struct pga_many_anchors){
	    .roots = found->roots,
	    .count = found->count,
	    .source = request->location,
	    .record = {.kind = request->source->name,
		       .ca_file = request->ca_file,
		       .etag = found->etag,
		       .digest = found->digest},
	    .hosts = adding->host_patterns,
	    .scoped = adding->scoped,
	    .system = adding->system,
	};
}

/* ---- what is said ---- */

static int warn_of_hosts(const struct pga_adding *adding, struct pga_error *error)
{
	const struct pga_candidates *found = &adding->found;
	int result = 0;

	for (size_t i = 0; adding->host_patterns != NULL && result == 0 && i < found->count; i++)
		result = pga_warn_of_constraints(&found->roots[i], adding->host_patterns, error);
	return result;
}

static bool changed(const struct pga_many_done *done)
{
	return done->conf.change != PGA_UNCHANGED || done->sources.change != PGA_UNCHANGED ||
	       done->root_crt.change != PGA_UNCHANGED || done->crt_changes > 0;
}

static void print_text(const struct adding_all *all, const struct pga_many_done *done)
{
	const struct pga_adding *adding = all->adding;
	const bool dry_run = adding->dry_run;
	const size_t known = done->count - done->new_count;

	pga_print(stdout, "%s: ", adding->found.where);
	if (done->new_count > 0)
		(void)printf("%zu %s %s pinned", done->new_count,
			     done->new_count == 1 ? "root" : "roots",
			     dry_run                ? "would be"
			     : done->new_count == 1 ? "is"
						    : "are");
	if (known > 0)
		(void)printf("%s%zu %s %s pinned already", done->new_count > 0 ? ", " : "", known,
			     known == 1 ? "root" : "roots", known == 1 ? "is" : "are");
	if (all->left_out_count > 0)
		pga_print(stdout, ", %zu left out", all->left_out_count);
	(void)puts(changed(done) ? "." : ". Nothing was changed.");
	for (size_t i = 0; i < done->count; i++)
		if (!done->anchors[i].known)
			pga_print(stdout, "    %-50s %.10s\n", done->anchors[i].name,
				  adding->found.roots[i].not_after);
	for (size_t i = 0; i < all->left_out_count; i++)
		pga_print(stdout, "left out: %s (SHA-256 %s): %s\n",
			  all->left_out[i].certificate.subject, all->left_out[i].certificate.pin,
			  all->left_out[i].why);
	pga_print_anchor_file(&done->conf, dry_run, "the pins");
	pga_print_anchor_file(&done->root_crt, dry_run, "the roots, where libpq looks for them");
	pga_print_anchor_file(&done->sources, dry_run, "where they come from");
	if (dry_run)
		(void)puts("This was a dry run: nothing was written.");
}

static json_t *json_anchors(const struct pga_adding *adding, const struct pga_many_done *done)
{
	json_t *list = json_array();

	for (size_t i = 0; i < done->count; i++) {
		const struct pga_certificate *root = &adding->found.roots[i];

		pga_json_add(list, json_pack("{s:o, s:s, s:o, s:s, s:s, s:b}", "anchor",
					     pga_json_text(done->anchors[i].name), "pin", root->pin,
					     "subject", pga_json_text(root->subject), "not_before",
					     root->not_before, "not_after", root->not_after,
					     "already_pinned", (int)done->anchors[i].known));
	}
	return list;
}

static json_t *json_left_out(const struct adding_all *all)
{
	json_t *list = json_array();

	for (size_t i = 0; i < all->left_out_count; i++) {
		const struct left_out *left = &all->left_out[i];

		pga_json_add(list, json_pack("{s:s, s:o, s:s, s:o}", "pin", left->certificate.pin,
					     "subject", pga_json_text(left->certificate.subject),
					     "not_after", left->certificate.not_after, "why",
					     pga_json_text(left->why)));
	}
	return list;
}

static int print_json(const struct adding_all *all, const struct pga_many_done *done)
{
	const struct pga_adding *adding = all->adding;

	return pga_json_print(
	    json_pack("{s:o, s:o, s:o, s:s, s:b, s:b, s:{s:o, s:o, s:o}}", "anchors",
		      json_anchors(adding, done), "left_out", json_left_out(all), "source",
		      pga_json_text(adding->request.location), "kind", adding->request.source->name,
		      "changed", (int)changed(done), "dry_run", (int)adding->dry_run, "files",
		      "anchors.conf", pga_json_file(&done->conf), "root.crt",
		      pga_json_file(&done->root_crt), "sources.conf",
		      pga_json_file(&done->sources)),
	    PGA_EXIT_DONE);
}

/* Returns the exit status, or -1 with the reason. */
static int report(const struct adding_all *all, const struct pga_many_done *done,
		  struct pga_error *error)
{
	struct pga_adding *adding = all->adding;
	/* Without a name, it is no one anchor. */
	const struct pga_anchoring as_one = {.root_crt = done->root_crt, .scoped = adding->scoped};
	int status = PGA_EXIT_DONE;

	if (!adding->json)
		print_text(all, done);
	pga_report_warnings(&as_one, adding->dry_run);
	if (done->new_count > 0 && !adding->dry_run && !adding->system &&
	    pga_existing_warn(&adding->found.roots[0], false, error) != 0)
		status = -1;
	pga_followed_copy_end(&adding->copy);
	if (adding->json && print_json(all, done) != PGA_EXIT_DONE && status == PGA_EXIT_DONE)
		status = PGA_EXIT_FAILED;
	return status;
}

static int install(const struct adding_all *all, struct pga_error *error)
{
	struct pga_adding *adding = all->adding;
	const struct pga_many_anchors anchors = make_anchors(adding);
	struct pga_many_done done;
	int result;

	if (!adding->dry_run && !adding->system)
		pga_followed_copy_begin(&adding->copy);
	result = pga_anchors_install_many(&anchors, adding->dry_run, &done, error);
	if (result == 0) {
		result = report(all, &done, error);
		pga_many_done_free(&done);
	}
	pga_followed_copy_end(&adding->copy);
	return result;
}

/* What would fail after a yes fails before the question. */
static int would_fail(const struct pga_adding *adding, struct pga_error *error)
{
	const struct pga_many_anchors anchors = make_anchors(adding);
	struct pga_many_done done;
	const int result = pga_anchors_install_many(&anchors, true, &done, error);

	pga_many_done_free(&done);
	return result;
}

/* Where the policy takes no pins of users, there is nothing to do. */
static int may_pin(const struct pga_adding *adding, struct pga_error *error)
{
	struct pga_text said = PGA_TEXT_EMPTY;
	const int result = adding->system ? 0 : pga_known_to_system(NULL, &said, error);

	pga_text_free(&said);
	return result;
}

int pga_adding_all(struct pga_adding *adding, struct pga_error *error)
{
	struct adding_all all = {.adding = adding};
	int result = -1;

	if (adding->found.digest[0] == '\0')
		return pga_fail(error, "leave --all out", "%s: --all is for files of certificates",
				adding->found.where);
	if (adding->whole_digest[0] != '\0' && prove(adding, error) != 0)
		return -1;
	if (sort_out(&all, error) == 0 && may_pin(adding, error) == 0 &&
	    warn_of_hosts(adding, error) == 0 &&
	    (adding->whole_digest[0] != '\0' ||
	     (would_fail(adding, error) == 0 && ask(adding, error) == 0)))
		result = install(&all, error);
	free_all(&all);
	return result;
}
