/* What pganchor anchor trim took out of a file of roots comes back. */
#include "uninstall/plan.h"

#include "anchor/trimmed.h"
#include "tls/root_pins.h"

#include <stdlib.h>
#include <string.h>

/* The file that was trimmed, where the note is of what it was; the caller frees it. */
static char *base_of(const struct pga_note *note)
{
	const size_t suffix = strlen(PGA_TRIMMED_SUFFIX);
	const size_t length = strlen(note->path);

	if (note->kind != PGA_NOTE_FILE || length <= suffix ||
	    strcmp(note->path + length - suffix, PGA_TRIMMED_SUFFIX) != 0)
		return NULL;
	return strndup(note->path, length - suffix);
}

int pga_uninstall_untrim(struct pga_uninstall *plan, const char *path, struct pga_text *rest,
			 bool *untrimmed, struct pga_error *error)
{
	struct pga_text kept_path = PGA_TEXT_EMPTY;
	struct pga_text kept = PGA_TEXT_EMPTY;
	struct pga_text whole = PGA_TEXT_EMPTY;
	struct pga_text trimmed = PGA_TEXT_EMPTY;
	struct pga_leave_file *file = NULL;
	int result = -1;

	*untrimmed = false;
	pga_text_addf(&kept_path, "%s" PGA_TRIMMED_SUFFIX, path);
	if (kept_path.failed) {
		(void)pga_fail_memory(error);
		goto done;
	}
	result = 0;
	if (!pga_manifest_has(&plan->manifest, PGA_NOTE_FILE, kept_path.bytes))
		goto done;
	result = pga_leave_open(plan, kept_path.bytes, &file, error);
	if (result != 0 || file == NULL)
		goto done;
	*untrimmed = true;
	/* It goes when the other one is back. */
	file->rank = PGA_RANK_PINS;
	file->file.change = PGA_REMOVED;
	result = -1;
	pga_manifest_trimmed(&plan->manifest, path, &trimmed);
	/* Anchors may have other names since, or be gone. */
	if (trimmed.failed)
		(void)pga_fail_memory(error);
	else if (pga_root_crt_cut_every(kept_path.bytes, &file->file.edit.before,
					pga_text_string(&trimmed), &kept, error) == 0 &&
		 pga_trimmed_restore(path, rest, &kept, pga_text_string(&trimmed), &whole, error) ==
		     0)
		result = pga_leave_add_step(plan, PGA_LEAVE_REMOVE, file->file.edit.path,
					    "what was taken out of the file beside it", error);
	pga_text_free(rest);
	*rest = whole;
	whole = (struct pga_text)PGA_TEXT_EMPTY;
done:
	pga_text_free(&kept_path);
	pga_text_free(&kept);
	pga_text_free(&whole);
	pga_text_free(&trimmed);
	return result;
}

static int untrim_file(struct pga_uninstall *plan, const char *path, struct pga_error *error)
{
	struct pga_text rest = PGA_TEXT_EMPTY;
	struct pga_leave_file *file;
	bool untrimmed = false;
	int result;

	if (pga_leave_open(plan, path, &file, error) != 0)
		return -1;
	if (file == NULL)
		return 0;
	pga_text_add_bytes(&rest, pga_text_string(&file->file.edit.before),
			   file->file.edit.before.length);
	result = pga_uninstall_untrim(plan, path, &rest, &untrimmed, error);
	if (result == 0 && untrimmed)
		result = pga_leave_put(plan, file, &rest, "the roots that were trimmed", error);
	pga_text_free(&rest);
	return result;
}

int pga_uninstall_plan_trimmed(struct pga_uninstall *plan, const char *root_crt,
			       struct pga_error *error)
{
	for (size_t i = 0; i < plan->manifest.count; i++) {
		char *path = base_of(&plan->manifest.notes[i]);
		int result = 0;

		if (path != NULL && strcmp(path, root_crt) != 0)
			result = untrim_file(plan, path, error);
		free(path);
		if (result != 0)
			return -1;
	}
	return 0;
}
