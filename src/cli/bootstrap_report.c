#include "cli/bootstrap_report.h"

#include "anchor/fingerprint.h"
#include "base/terminal.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char terminal_path[] = "/dev/tty";

bool pga_consent_possible(void)
{
	FILE *terminal = fopen(terminal_path, "re");

	if (terminal == NULL)
		return false;
	(void)fclose(terminal);
	return true;
}

static void show_root(FILE *stream, const struct pga_certificate *root)
{
	(void)fprintf(stream,
		      "    subject      %s\n    valid        %.10s to %.10s\n"
		      "    fingerprint  %s%s%s\n",
		      root->subject, root->not_before, root->not_after,
		      pga_colour(stream, PGA_BOLD), root->pin, pga_colour(stream, PGA_PLAIN));
}

void pga_show_roots(const char *url, const struct pga_stepca_roots *roots)
{
	FILE *terminal = fopen(terminal_path, "we");

	if (terminal == NULL)
		return;
	(void)fprintf(terminal, "%s says that these are its roots, and nothing proves it:\n", url);
	for (size_t i = 0; i < roots->count; i++) {
		show_root(terminal, &roots->roots[i]);
		(void)fputc('\n', terminal);
	}
	(void)fclose(terminal);
}

static bool agrees(const char *answer, const char *pin)
{
	char typed[PGA_PIN_LENGTH + 1];
	struct pga_error error;

	return strcmp(answer, "yes") == 0 ||
	       (pga_fingerprint_parse(answer, typed, &error) == 0 && strcmp(typed, pin) == 0);
}

int pga_consent(const char *url, const struct pga_certificate *root, struct pga_error *error)
{
	FILE *out = fopen(terminal_path, "we");
	FILE *in = fopen(terminal_path, "re");
	char answer[256] = "";
	int result = -1;

	if (out == NULL || in == NULL) {
		(void)pga_fail_errno(error, PGA_FINGERPRINT_ADVICE, "cannot ask on the terminal");
		goto done;
	}
	(void)fprintf(out, "%s says that this is its root:\n", url);
	show_root(out, root);
	(void)fputs("Nothing proves it but the fingerprint: compare it with the one that you got "
		    "from who runs the CA.\n"
		    "Trust this root for PostgreSQL? Type yes, or the fingerprint: ",
		    out);
	(void)fflush(out);
	if (fgets(answer, sizeof answer, in) != NULL)
		answer[strcspn(answer, "\r\n")] = '\0';
	if (agrees(answer, root->pin))
		result = 0;
	else
		(void)pga_fail(error, PGA_FINGERPRINT_ADVICE,
			       "%s: not trusted by you; nothing was pinned", url);
done:
	if (out != NULL)
		(void)fclose(out);
	if (in != NULL)
		(void)fclose(in);
	return result;
}

static bool changed(const struct pga_anchoring *done)
{
	return done->conf.change != PGA_UNCHANGED || done->crt.change != PGA_UNCHANGED ||
	       done->root_crt.change != PGA_UNCHANGED;
}

static void print_file(const struct pga_anchor_file *file, bool dry_run, const char *what)
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
		(void)printf("%s %s: %s\n", (dry_run ? would : did)[file->change], file->path,
			     what);
}

static void print_files(const struct pga_anchoring *done, bool dry_run)
{
	print_file(&done->conf, dry_run, "the pin");
	print_file(&done->crt, dry_run, "the root alone");
	print_file(&done->root_crt, dry_run,
		   done->scoped ? "this root is no longer in it"
				: "the root, where libpq looks for it");
}

void pga_report_text(const struct pga_anchoring *done, const struct pga_certificate *root,
		     bool dry_run)
{
	bool any = changed(done);

	if (!any)
		(void)printf(
		    "The root of %s is pinned already, as anchor %s. Nothing was changed.\n",
		    done->source, done->name);
	else if (done->known)
		(void)printf("The root of %s is pinned already, as anchor %s. Something was "
			     "missing or different:\n",
			     done->source, done->name);
	else
		(void)printf("The root of %s %s pinned as anchor %s%s.\n", done->source,
			     dry_run ? "would be" : "is", done->name,
			     done->replaced != NULL ? ", in place of the one before" : "");
	(void)printf("    subject    %s\n    valid      %.10s to %.10s\n    pin        %s%s%s\n"
		     "    vouches    for %s\n",
		     root->subject, root->not_before, root->not_after, pga_colour(stdout, PGA_BOLD),
		     root->pin, pga_colour(stdout, PGA_PLAIN),
		     strcmp(done->hosts, "*") == 0 ? "every host" : done->hosts);
	print_files(done, dry_run);
	if (dry_run)
		(void)puts("This was a dry run: nothing was written.");
	else if (done->scoped)
		(void)printf("Next: pganchor service add NAME --host HOST --anchor %s\n",
			     done->name);
	else
		(void)puts("Next: pganchor service add NAME --host HOST");
}

static json_t *json_file(const struct pga_anchor_file *file)
{
	static const char *const changes[] = {[PGA_UNCHANGED] = "unchanged",
					      [PGA_CREATED] = "created",
					      [PGA_CHANGED] = "changed",
					      [PGA_REMOVED] = "removed"};

	if (file->path == NULL)
		return json_null();
	return json_pack("{s:s, s:s}", "path", file->path, "change", changes[file->change]);
}

int pga_report_json(const struct pga_anchoring *done, const struct pga_certificate *root,
		    bool dry_run, struct pga_error *error)
{
	json_t *report = json_pack(
	    "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:s?, s:b, s:{s:o, s:o, s:o}}",
	    "anchor", done->name, "pin", root->pin, "source", done->source, "subject",
	    root->subject, "not_before", root->not_before, "not_after", root->not_after, "hosts",
	    done->hosts, "scope", done->scoped ? "scoped" : "root.crt", "already_pinned",
	    (int)done->known, "changed", (int)changed(done), "replaced", done->replaced, "dry_run",
	    (int)dry_run, "files", "anchors.conf", json_file(&done->conf), "anchor.crt",
	    json_file(&done->crt), "root.crt", json_file(&done->root_crt));

	if (report == NULL)
		return pga_fail(error, "leave --json out",
				"cannot say in JSON what was done: a path is not UTF-8");
	(void)json_dumpf(report, stdout, JSON_INDENT(2));
	(void)putchar('\n');
	json_decref(report);
	return 0;
}

void pga_report_warnings(const struct pga_anchoring *done, bool dry_run)
{
	const char *elsewhere = getenv("PGSSLROOTCERT");

	if (done->root_crt.change == PGA_CREATED)
		pga_print_warning(
		    "%s %s: from %s on, sslmode=require connections of this user behave as "
		    "verify-ca,\n    for servers of other CAs too; --scoped%s avoids it",
		    done->root_crt.path, dry_run ? "does not exist yet" : "did not exist before",
		    dry_run ? "then" : "now", dry_run ? "" : " --replace");
	if (done->old_stays)
		pga_print_warning("%s still holds the root that was pinned before, put there by "
				  "somebody else: libpq goes on trusting it",
				  done->root_crt.path);
	if (!done->scoped && elsewhere != NULL && elsewhere[0] != '\0')
		pga_print_warning("PGSSLROOTCERT is set to %s: libpq looks there, not in root.crt",
				  elsewhere);
}
