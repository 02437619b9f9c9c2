/* The entries of service files that pganchor wrote, and nobody has changed since. */
#include "uninstall/plan.h"

#include "base/memory_file.h"
#include "base/path.h"
#include "service/rewrite.h"
#include "service/servicefile.h"

#include <stdlib.h>
#include <string.h>

static bool is_service(const struct pga_note *note)
{
	return note->kind == PGA_NOTE_SERVICE || note->kind == PGA_NOTE_REPLACED;
}

static bool is_same_entry(const struct pga_note *one, const struct pga_note *other)
{
	return is_service(other) && strcmp(one->path, other->path) == 0 &&
	       strcmp(one->name, other->name) == 0;
}

/* Whether a later note is of the same entry: that is what pganchor wrote last. */
static bool is_outdated(const struct pga_manifest *manifest, size_t index)
{
	for (size_t i = index + 1; i < manifest->count; i++)
		if (is_same_entry(&manifest->notes[index], &manifest->notes[i]))
			return true;
	return false;
}

/* Whether pganchor has added it, and not only written it in the place of another one. */
static bool was_added(const struct pga_manifest *manifest, const struct pga_note *note)
{
	for (size_t i = 0; i < manifest->count; i++)
		if (manifest->notes[i].kind == PGA_NOTE_SERVICE &&
		    is_same_entry(note, &manifest->notes[i]))
			return true;
	return false;
}

/* Whether pganchor has written it so: as the last time, or before. */
static bool was_written(const struct pga_manifest *manifest, const struct pga_note *note,
			const struct pga_text *lines)
{
	const uint64_t digest = pga_manifest_digest(pga_text_string(lines), lines->length);

	for (size_t i = 0; i < manifest->count; i++)
		if (is_same_entry(note, &manifest->notes[i]) && manifest->notes[i].digest == digest)
			return true;
	return false;
}

static int keep_entry(struct pga_uninstall *plan, const struct pga_note *note, const char *why,
		      struct pga_error *error)
{
	struct pga_text what = PGA_TEXT_EMPTY;
	int result;

	pga_text_addf(&what, "service %s in %s", note->name, note->path);
	result = what.failed ? pga_fail_memory(error)
			     : pga_leave_keep(plan, pga_text_string(&what), why, "", error);
	pga_text_free(&what);
	return result;
}

/* Takes the entry out of the bytes, if it is still what was written. */
static int take_out(struct pga_uninstall *plan, size_t index, struct pga_text *bytes,
		    struct pga_text *what, struct pga_error *error)
{
	const struct pga_note *note = &plan->manifest.notes[index];
	struct pga_service_edit edit;
	int result = 0;

	if (pga_service_take_out(pga_text_string(bytes), bytes->length, note->name, &edit, error) !=
	    0)
		return -1;
	if (edit.sections == 0)
		goto done;
	if (!was_written(&plan->manifest, note, &edit.removed)) {
		result = keep_entry(plan, note, "changed since pganchor wrote it", error);
	} else if (!was_added(&plan->manifest, note)) {
		result =
		    keep_entry(plan, note, "it took the place of an entry that was there", error);
	} else {
		plan->taken[index] = true;
		pga_text_addf(what, "%s%s", what->length > 0 ? ", " : "service ", note->name);
		pga_text_free(bytes);
		*bytes = edit.bytes;
		edit.bytes = (struct pga_text)PGA_TEXT_EMPTY;
	}
done:
	pga_service_edit_free(&edit);
	return result;
}

/* All of one file. */
static int plan_file(struct pga_uninstall *plan, const char *path, struct pga_error *error)
{
	const struct pga_manifest *manifest = &plan->manifest;
	struct pga_text bytes = PGA_TEXT_EMPTY;
	struct pga_text what = PGA_TEXT_EMPTY;
	struct pga_leave_file *file;
	int result;

	if (pga_leave_open(plan, path, &file, error) != 0)
		return -1;
	if (file == NULL)
		return 0;
	file->rank = PGA_RANK_SERVICES;
	pga_text_add_bytes(&bytes, pga_text_string(&file->file.edit.before),
			   file->file.edit.before.length);
	result = bytes.failed ? pga_fail_memory(error) : 0;
	if (result == 0 && !plan->keep_services)
		result = pga_uninstall_unharden(plan, file->file.edit.path, &bytes, &what, error);
	if (result == 0)
		result = pga_uninstall_unbind_crls(&bytes, &what, error);
	/* The last first: the blank line in front of an entry goes with one that stands last. */
	for (size_t i = plan->keep_services ? 0 : manifest->count; result == 0 && i-- > 0;)
		if (is_service(&manifest->notes[i]) && !is_outdated(manifest, i) &&
		    strcmp(manifest->notes[i].path, path) == 0)
			result = take_out(plan, i, &bytes, &what, error);
	if (result == 0 && what.failed)
		result = pga_fail_memory(error);
	if (result == 0 && what.length > 0)
		result = pga_leave_put(plan, file, &bytes, pga_text_string(&what), error);
	pga_text_free(&bytes);
	pga_text_free(&what);
	return result;
}

static bool is_first_of_file(const struct pga_manifest *manifest, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (is_service(&manifest->notes[i]) &&
		    strcmp(manifest->notes[i].path, manifest->notes[index].path) == 0)
			return false;
	return true;
}

/* The user's file, of which nothing may be noted: an entry of the user's may name CRLs. */
static int plan_users(struct pga_uninstall *plan, struct pga_error *error)
{
	const struct pga_manifest *manifest = &plan->manifest;
	struct pga_error none;
	char *path = pga_service_path(PGA_SERVICE_USER, &none);
	bool planned = path == NULL || pga_is_descriptor(path);
	int result;

	for (size_t i = 0; !plan->keep_services && !planned && i < manifest->count; i++)
		planned = is_service(&manifest->notes[i]) &&
			  pga_path_is_same(manifest->notes[i].path, path);
	result = planned ? 0 : plan_file(plan, path, error);
	free(path);
	return result;
}

int pga_uninstall_plan_services(struct pga_uninstall *plan, struct pga_error *error)
{
	const struct pga_manifest *manifest = &plan->manifest;

	plan->taken = calloc(manifest->count + 1, sizeof *plan->taken);
	if (plan->taken == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; !plan->keep_services && i < manifest->count; i++)
		if (is_service(&manifest->notes[i]) && is_first_of_file(manifest, i) &&
		    plan_file(plan, manifest->notes[i].path, error) != 0)
			return -1;
	return plan_users(plan, error);
}
