#include "cli/print_refresh.h"

#include "base/terminal.h"
#include "report/json.h"

#include <stdio.h>
#include <string.h>

static const char *const words[] = {
    [PGA_ROOT_KNOWN] = "known",         [PGA_ROOT_NEW] = "new",
    [PGA_ROOT_SHOWN] = "not-pinned",    [PGA_ROOT_UNUSABLE] = "unusable",
    [PGA_ROOT_WITHDRAWN] = "withdrawn", [PGA_ROOT_UNASKED] = "unasked",
};

/* As people call it, and sources.conf. */
static const char *kind_of(const struct pga_refreshed *source)
{
	if (source->record.kind != NULL)
		return source->record.kind;
	return source->way == PGA_ASK_STEPCA ? "step-ca" : "unknown";
}

static void print_certificate(const struct pga_refreshed_root *root)
{
	const struct pga_certificate *certificate = &root->certificate;

	if (certificate->x509 != NULL)
		pga_print(stdout, "        subject  %s\n        valid    %s to %s\n",
			  certificate->subject, certificate->not_before, certificate->not_after);
	pga_print(stdout, "        SHA-256  %s\n", root->digits);
}

static const char *what_of(const struct pga_refresh_report *report,
			   const struct pga_refreshed_root *root)
{
	const bool dry_run = report->dry_run;

	if (root->dropped)
		return dry_run ? "would be taken out" : "taken out";
	switch (root->state) {
	case PGA_ROOT_NEW:
		return dry_run ? "new; would be pinned" : "new; pinned now";
	case PGA_ROOT_SHOWN:
		return "not pinned, and nothing proves it";
	case PGA_ROOT_UNUSABLE:
		return "not pinned";
	case PGA_ROOT_WITHDRAWN:
		return "its source has it no more; stays pinned";
	case PGA_ROOT_UNASKED:
		return "pinned; nobody was asked";
	case PGA_ROOT_KNOWN:
		break;
	}
	return root->expired ? "has expired; stays pinned" : "as before";
}

static void print_root(const struct pga_refresh_report *report,
		       const struct pga_refreshed_root *root)
{
	const char *name = root->taken_by != NULL ? root->taken_by : root->name;

	pga_print(stdout, "    %-12s %s%s%s\n", name != NULL ? name : "-", what_of(report, root),
		  root->why != NULL ? ": " : "", root->why != NULL ? root->why : "");
	if (root->state == PGA_ROOT_NEW || root->state == PGA_ROOT_SHOWN)
		print_certificate(root);
	if (root->taken_by != NULL)
		pga_print(stdout, "    %-12s %s the name %s from now on\n", "",
			  report->dry_run ? "would have" : "has", root->name);
}

/* Of a bundle that has changed, as many as people read. */
#define MOST_SHOWN 10

static void print_roots(const struct pga_refresh_report *report, const struct pga_refreshed *source)
{
	size_t shown = 0;

	for (size_t i = 0; i < source->count; i++)
		if (source->roots[i].state != PGA_ROOT_SHOWN || shown++ < MOST_SHOWN)
			print_root(report, &source->roots[i]);
	if (shown > MOST_SHOWN)
		pga_print(stdout, "    and %zu more that are not pinned: pganchor anchor add %s\n",
			  shown - MOST_SHOWN, source->record.location);
	else if (shown > 0)
		pga_print(stdout, "    to pin one that you trust: pganchor anchor add %s\n",
			  source->record.location);
}

static bool is_as_before(const struct pga_refreshed *source)
{
	for (size_t i = 0; i < source->count; i++)
		if (source->roots[i].state != PGA_ROOT_KNOWN || source->roots[i].expired)
			return false;
	return source->asked && !source->failed && !source->changed && !source->other &&
	       !source->rotated.joined;
}

static void print_source(const struct pga_refresh_report *report,
			 const struct pga_refreshed *source)
{
	if (source->failed || (report->quiet && (is_as_before(source) || !source->asked)))
		return;
	pga_print(stdout, "%s (%s)%s\n", source->record.location, kind_of(source),
		  source->way == PGA_ASK_NOBODY ? ": there is nothing to ask"
		  : source->changed             ? ": has changed"
						: "");
	print_roots(report, source);
	if (source->rotated.joined)
		pga_print(stdout,
			  "    the anchors' own files %s the roots that %s, for what is bound to "
			  "them\n",
			  report->dry_run ? "would have" : "have", "their CA has now");
	if (source->other)
		pga_print(stdout,
			  "    the server shows a certificate that does not come from the pinned "
			  "root: it has another CA now, or somebody is in between; ask who runs "
			  "it\n");
}

static void warn_of_crls(const struct pga_refreshed *source)
{
	if (source->rotated.crl_fault != NULL)
		pga_print_warning("%s: libpq's CRLs let no server of this CA through: %s",
				  source->record.location, source->rotated.crl_fault);
}

static void warn_of_late(const struct pga_going_roots *going)
{
	for (size_t i = 0; i < going->count; i++)
		pga_print_warning("%s: its certificate, until %s, still comes from the root of "
				  "anchor %s, which %s: ask who runs it for a new one",
				  going->late[i].server, going->late[i].ends, going->late[i].anchor,
				  going->late[i].expired ? "has expired" : "its CA has withdrawn");
}

void pga_print_refresh(const struct pga_refresh_report *report)
{
	for (size_t i = 0; i < report->refresh->count; i++) {
		print_source(report, &report->refresh->sources[i]);
		warn_of_crls(&report->refresh->sources[i]);
	}
	warn_of_late(report->going);
	if (report->refresh->count == 0 && !report->quiet)
		(void)puts("No anchor is pinned: there is nothing to refresh.");
}

static json_t *text_or_null(const char *text)
{
	return text != NULL ? pga_json_text(text) : json_null();
}

static json_t *root_as_json(const struct pga_refreshed_root *root)
{
	const bool known = root->certificate.x509 != NULL;

	return json_pack(
	    "{s:o, s:o, s:s, s:o, s:o, s:o, s:s, s:b, s:b, s:o}", "anchor",
	    text_or_null(root->taken_by != NULL ? root->taken_by : root->name), "new_name",
	    root->taken_by != NULL ? pga_json_text(root->name) : json_null(), "pin", root->digits,
	    "subject", known ? pga_json_text(root->certificate.subject) : json_null(), "not_before",
	    known ? pga_json_text(root->certificate.not_before) : json_null(), "not_after",
	    known ? pga_json_text(root->certificate.not_after) : json_null(), "state",
	    words[root->state], "expired", (int)root->expired, "dropped", (int)root->dropped, "why",
	    text_or_null(root->why));
}

static json_t *source_as_json(const struct pga_refreshed *source)
{
	json_t *roots = json_array();

	for (size_t i = 0; i < source->count; i++)
		pga_json_add(roots, root_as_json(&source->roots[i]));
	return json_pack(
	    "{s:o, s:s, s:b, s:b, s:b, s:o, s:o, s:o}", "source",
	    pga_json_text(source->record.location), "kind", kind_of(source), "asked",
	    (int)source->asked, "changed", (int)(source->changed || source->rotated.changed),
	    "server_changed", (int)source->other, "error",
	    source->failed ? pga_json_text(source->error.message) : json_null(), "hint",
	    source->failed && source->error.hint[0] != '\0' ? pga_json_text(source->error.hint)
							    : json_null(),
	    "roots", roots);
}

static json_t *late_as_json(const struct pga_going_roots *going)
{
	json_t *list = json_array();

	for (size_t i = 0; i < going->count; i++)
		pga_json_add(list, json_pack("{s:o, s:o, s:o}", "anchor",
					     pga_json_text(going->late[i].anchor), "server",
					     pga_json_text(going->late[i].server), "not_after",
					     pga_json_text(going->late[i].ends)));
	return list;
}

int pga_print_refresh_json(const struct pga_refresh_report *report, int status)
{
	json_t *sources = json_array();

	for (size_t i = 0; i < report->refresh->count; i++)
		pga_json_add(sources, source_as_json(&report->refresh->sources[i]));
	return pga_json_print(json_pack("{s:o, s:o, s:b}", "sources", sources, "late_servers",
					late_as_json(report->going), "dry_run",
					(int)report->dry_run),
			      status);
}
