#include "cli/print_bootstrap.h"

#include "ca/url.h"
#include "base/terminal.h"
#include "cli/cli.h"
#include "report/json.h"
#include "tls/certificate_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool changed(const struct pga_anchoring *done)
{
	return done->conf.change != PGA_UNCHANGED || done->crt.change != PGA_UNCHANGED ||
	       done->root_crt.change != PGA_UNCHANGED || done->sources.change != PGA_UNCHANGED;
}

void pga_print_anchor_file(const struct pga_anchor_file *file, bool dry_run, const char *what)
{
	static const char *const did[] = {[PGA_UNCHANGED] = "",
					  [PGA_CREATED] = "Made",
					  [PGA_CHANGED] = "Changed",
					  [PGA_REMOVED] = "Removed"};
	static const char *const would[] = {[PGA_UNCHANGED] = "",
					    [PGA_CREATED] = "Would make",
					    [PGA_CHANGED] = "Would change",
					    [PGA_REMOVED] = "Would remove"};

	if (file->path != NULL && file->change != PGA_UNCHANGED)
		pga_print(stdout, "%s %s: %s\n", (dry_run ? would : did)[file->change], file->path,
			  what);
}

/* Of root.crt, from which a scoped anchor's certificate was taken. */
static const char *what_is_gone(const struct pga_anchoring *done)
{
	return done->old_stays && done->replaced == NULL
		   ? "the copy of this root that was put there for the anchor is no longer in it"
		   : "this root is no longer in it";
}

static void print_files(const struct pga_anchoring *done, bool dry_run)
{
	pga_print_anchor_file(&done->conf, dry_run, "the pin");
	pga_print_anchor_file(&done->crt, dry_run, "the root alone");
	pga_print_anchor_file(&done->root_crt, dry_run,
			      done->scoped ? what_is_gone(done)
					   : "the root, where libpq looks for it");
	pga_print_anchor_file(&done->sources, dry_run, "where it comes from");
}

static void print_first(const struct pga_anchoring *done, const struct pga_existing *existing,
			const char *url, bool dry_run)
{
	const bool elsewhere = !pga_ca_url_is_same(url, done->source);
	const char *then = "";

	if (!done->known) {
		pga_print(stdout, "The root of %s %s pinned as anchor %s%s.\n", url,
			  dry_run ? "would be" : "is", done->name,
			  done->replaced != NULL ? ", in place of the one before" : "");
		return;
	}
	if (changed(done))
		then = " Something was missing or different:";
	else if (existing->count == 0)
		then = " Nothing was changed.";
	pga_print(stdout, "The root of %s is pinned already, as anchor %s%s%s.%s\n", url,
		  done->name, elsewhere ? ", from " : "", elsewhere ? done->source : "", then);
}

static void print_existing(const struct pga_existing *existing, bool dry_run)
{
	for (size_t i = 0; i < existing->count; i++)
		pga_print(stdout, "%s too, as anchor %s: %s (%s)\n",
			  dry_run ? "Would be pinned" : "Pinned", existing->pinned[i].name,
			  existing->pinned[i].subject, existing->pinned[i].pin);
}

void pga_report_text(const struct pga_anchoring *done, const struct pga_certificate *root,
		     const struct pga_existing *existing, const char *url, bool dry_run)
{
	struct pga_text details = PGA_TEXT_EMPTY;
	struct pga_error error;

	print_first(done, existing, url, dry_run);
	if (pga_certificate_tell(root, &details, &error) == 0)
		pga_print(stdout, "%s", pga_text_string(&details));
	else
		pga_print_warning("what the root is could not be told: %s", error.message);
	pga_print(stdout, "    pin          %s%s%s\n    hosts        %s\n",
		  pga_colour(stdout, PGA_BOLD), root->pin, pga_colour(stdout, PGA_PLAIN),
		  strcmp(done->hosts, "*") == 0 ? "every host" : done->hosts);
	pga_text_free(&details);
	print_files(done, dry_run);
	print_existing(existing, dry_run);
	if (done->system && !done->known)
		pga_print(stdout,
			  "From %s on, the gate lets no user of this machine reach a server of a "
			  "root that is pinned neither here nor by the user.\n",
			  dry_run ? "then" : "now");
	if (dry_run)
		(void)puts("This was a dry run: nothing was written.");
	else if (done->scoped)
		pga_print(stdout, "Next: pganchor service add NAME --host HOST --anchor %s\n",
			  done->name);
	else
		(void)puts("Next: pganchor service add NAME --host HOST");
}

json_t *pga_json_file(const struct pga_anchor_file *file)
{
	static const char *const changes[] = {[PGA_UNCHANGED] = "unchanged",
					      [PGA_CREATED] = "created",
					      [PGA_CHANGED] = "changed",
					      [PGA_REMOVED] = "removed"};

	if (file->path == NULL)
		return json_null();
	return json_pack("{s:o, s:s}", "path", pga_json_text(file->path), "change",
			 changes[file->change]);
}

static json_t *json_existing(const struct pga_existing *existing)
{
	json_t *list = json_array();

	for (size_t i = 0; i < existing->count; i++)
		pga_json_add(list, json_pack("{s:s, s:s, s:o}", "anchor", existing->pinned[i].name,
					     "pin", existing->pinned[i].pin, "subject",
					     pga_json_text(existing->pinned[i].subject)));
	return list;
}

int pga_report_json(const struct pga_anchoring *done, const struct pga_certificate *root,
		    const char *kind, const struct pga_existing *existing, bool dry_run)
{
	return pga_json_print(
	    json_pack(
		"{s:o, s:s, s:o, s:s, s:o, s:s, s:s, s:o, s:s, s:b, s:b, s:s?, s:b, s:{s:o, s:o, "
		"s:o, s:o}, s:o}",
		"anchor", pga_json_text(done->name), "pin", root->pin, "source",
		pga_json_text(done->source), "kind", kind, "subject", pga_json_text(root->subject),
		"not_before", root->not_before, "not_after", root->not_after, "hosts",
		pga_json_text(done->hosts), "scope", done->scoped ? "scoped" : "root.crt",
		"already_pinned", (int)done->known, "changed",
		(int)(changed(done) || existing->count > 0), "replaced", done->replaced, "dry_run",
		(int)dry_run, "files", "anchors.conf", pga_json_file(&done->conf), "anchor.crt",
		pga_json_file(&done->crt), "root.crt", pga_json_file(&done->root_crt),
		"sources.conf", pga_json_file(&done->sources), "pinned_too",
		json_existing(existing)),
	    PGA_EXIT_DONE);
}

#define PREFER_AND_REQUIRE                                                                        \
	"With those of other CAs, sslmode=prefer, the default, goes on in plain text, without a " \
	"word;\n    sslmode=require behaves as verify-ca and fails. "

void pga_report_warnings(const struct pga_anchoring *done, bool dry_run)
{
	const char *elsewhere = getenv("PGSSLROOTCERT");

	if (done->root_crt.change == PGA_CREATED && dry_run)
		pga_print_warning(
		    "%s does not exist yet: from then on, libpq verifies every server "
		    "of\n    this user by it. " PREFER_AND_REQUIRE "--scoped avoids both",
		    done->root_crt.path);
	else if (done->root_crt.change == PGA_CREATED)
		pga_print_warning(
		    "%s did not exist before: from now on, libpq verifies every server "
		    "of\n    this user by it. " PREFER_AND_REQUIRE "%s",
		    done->root_crt.path,
		    done->name != NULL ? "--scoped --replace avoids both"
				       : "\"pganchor anchor remove\" takes anchors out of it");
	if (done->old_stays)
		pga_print_warning("%s still holds %s, put there by somebody else: libpq goes on "
				  "trusting it",
				  done->root_crt.path,
				  done->replaced != NULL ? "the root that was pinned before"
							 : "this root");
	if (!done->scoped && elsewhere != NULL && elsewhere[0] != '\0')
		pga_print_warning("PGSSLROOTCERT is set to %s: libpq looks there, not in root.crt",
				  elsewhere);
}
