/* root.crt with the roots of a profile, and the proof that libpq finds them there. */
#include "profile/apply.h"

#include "anchor/proof.h"
#include "anchor/root_crt.h"
#include "anchor/root_crt_path.h"
#include "base/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether the anchor's root is to be there, or was put there and is to go. */
static bool is_in(const struct pga_apply_anchor *anchor)
{
	return anchor->root != NULL && anchor->present && !anchor->system && !anchor->scoped;
}

static bool goes(const struct pga_application *application, const struct pga_apply_anchor *anchor)
{
	const struct pga_pin *mine = pga_pins_find(&application->own, anchor->pin);

	return mine != NULL && !mine->scoped &&
	       (anchor->action == PGA_APPLY_REMOVE ||
		(anchor->action == PGA_APPLY_CHANGE && anchor->scoped));
}

static bool plays_a_part(const struct pga_application *application)
{
	for (size_t i = 0; i < application->anchor_count; i++)
		if (is_in(&application->anchors[i]) || goes(application, &application->anchors[i]))
			return true;
	return false;
}

static int begin_root(struct pga_application *application, struct pga_error *error)
{
	char *path = pga_root_crt_path(error);
	int result;

	if (path == NULL)
		return -1;
	result = pga_apply_begin(application, PGA_APPLY_ROOT_CRT, path, 0644, error);
	if (application->files[PGA_APPLY_ROOT_CRT].edit.leads_outside)
		(void)snprintf(error->hint, sizeof error->hint,
			       "replace the link by a copy of the file; nothing was changed");
	return result;
}

static int cut_root(const struct pga_application *application, const char *path,
		    struct pga_text *text, struct pga_error *error)
{
	struct pga_root_crt_cut *cuts = calloc(application->anchor_count + 1, sizeof *cuts);
	struct pga_text rest = PGA_TEXT_EMPTY;
	size_t count = 0;
	int result = 0;

	if (cuts == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; i < application->anchor_count; i++)
		if (goes(application, &application->anchors[i]))
			cuts[count++] = (struct pga_root_crt_cut){
			    application->anchors[i].name, application->anchors[i].pin, false};
	if (count > 0) {
		result = pga_root_crt_cut_all(path, text, cuts, count, &rest, error);
		if (result == 0)
			pga_apply_step(text, &rest);
		else
			pga_text_free(&rest);
	}
	free(cuts);
	return result;
}

static int add_root(const struct pga_application *application, struct pga_edit *edit,
		    struct pga_text *text, struct pga_error *error)
{
	struct pga_root_crt_entry *entries = calloc(application->anchor_count + 1, sizeof *entries);
	struct pga_text more = PGA_TEXT_EMPTY;
	bool any = false;
	size_t count = 0;
	int result = 0;

	if (entries == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; i < application->anchor_count; i++)
		if (is_in(&application->anchors[i]))
			entries[count++] =
			    (struct pga_root_crt_entry){application->anchors[i].name,
							&application->anchors[i].root->certificate};
	if (count > 0)
		result =
		    pga_root_crt_add_many(edit->path, text, entries, count, &more, &any, error);
	for (size_t i = 0; any && i < count; i++)
		pga_manifest_note_root(&edit->notes, edit->path, entries[i].certificate->pin);
	if (any)
		pga_apply_step(text, &more);
	pga_text_free(&more);
	free(entries);
	return result;
}

int pga_apply_compose_root_crt(struct pga_application *application, struct pga_error *error)
{
	struct pga_transaction_file *root = &application->files[PGA_APPLY_ROOT_CRT];
	bool any;

	if (!plays_a_part(application))
		return 0;
	if (begin_root(application, error) != 0)
		return -1;
	pga_apply_copy(&root->after, &root->edit.before);
	if (root->after.failed)
		return pga_fail_memory(error);
	if (cut_root(application, root->edit.path, &root->after, error) != 0 ||
	    add_root(application, &root->edit, &root->after, error) != 0 ||
	    pga_apply_put(root, error) != 0)
		return -1;
	if (root->change == PGA_UNCHANGED)
		return 0;
	/* libpq takes one without any certificate for a fault. */
	if (pga_root_crt_look_for(root->edit.path, &root->after, NULL, &any, error) != 0)
		return -1;
	if (!any && root->after.length > 0)
		return pga_fail(error, "move the file away; nothing was changed",
				"%s: without the roots that go, there would be none in it, and "
				"libpq would refuse it",
				root->edit.path);
	if (!any)
		root->change = PGA_REMOVED;
	return 0;
}

/* ---- the proof ---- */

/* root.crt is read once as libpq reads it. Own files have what was written there. */
int pga_apply_prove_anchors(const struct pga_application *application, struct pga_error *error)
{
	const struct pga_transaction_file *file = &application->files[PGA_APPLY_ROOT_CRT];
	const bool changed = file->change == PGA_CREATED || file->change == PGA_CHANGED;
	struct pga_certificate *roots = calloc(application->anchor_count + 1, sizeof *roots);
	size_t count = 0;
	int result = 0;

	if (roots == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; changed && i < application->anchor_count; i++)
		if (is_in(&application->anchors[i]))
			roots[count++] = application->anchors[i].root->certificate;
	if (count > 0)
		result = pga_proof_many(file->edit.path, file->edit.staged_path, &file->after,
					roots, count, error);
	free(roots);
	return result;
}
