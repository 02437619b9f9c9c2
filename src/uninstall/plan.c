#include "uninstall/plan.h"

#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int pga_leave_add_step(struct pga_uninstall *plan, enum pga_leave_action action, const char *path,
		       const char *what, struct pga_error *error)
{
	struct pga_leave_step *grown =
	    reallocarray(plan->steps, plan->step_count + 1, sizeof *plan->steps);
	struct pga_leave_step step = {action, strdup(path), strdup(what)};

	if (grown != NULL)
		plan->steps = grown;
	if (grown == NULL || step.path == NULL || step.what == NULL) {
		free(step.path);
		free(step.what);
		return pga_fail_memory(error);
	}
	plan->steps[plan->step_count++] = step;
	return 0;
}

int pga_leave_keep(struct pga_uninstall *plan, const char *what, const char *why, const char *hint,
		   struct pga_error *error)
{
	struct pga_leave_kept *grown =
	    reallocarray(plan->kept, plan->kept_count + 1, sizeof *plan->kept);
	struct pga_leave_kept kept = {strdup(what), strdup(why), strdup(hint)};

	if (grown != NULL)
		plan->kept = grown;
	if (grown == NULL || kept.what == NULL || kept.why == NULL || kept.hint == NULL) {
		free(kept.what);
		free(kept.why);
		free(kept.hint);
		return pga_fail_memory(error);
	}
	plan->kept[plan->kept_count++] = kept;
	return 0;
}

int pga_leave_open(struct pga_uninstall *plan, const char *path, struct pga_leave_file **file,
		   struct pga_error *error)
{
	struct pga_leave_file **grown;
	struct pga_leave_file *opened;
	struct stat status;

	*file = NULL;
	/* Editing a file makes its directory. */
	if (lstat(path, &status) != 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	grown = reallocarray(plan->files, plan->file_count + 1, sizeof(struct pga_leave_file *));
	if (grown == NULL)
		return pga_fail_memory(error);
	plan->files = grown;
	opened = calloc(1, sizeof *opened);
	if (opened == NULL)
		return pga_fail_memory(error);
	if (pga_edit_begin(&opened->file.edit, path, 0600, error) != 0) {
		free(opened);
		return -1;
	}
	opened->file.edit.unnoted = true;
	opened->rank = PGA_RANK_OTHERS;
	plan->files[plan->file_count++] = opened;
	*file = opened->file.edit.existed ? opened : NULL;
	return 0;
}

/* What was found there once, of these bytes. */
static const struct pga_note *found_as(const struct pga_uninstall *plan, const char *path,
				       const char *bytes, size_t length)
{
	const struct pga_manifest *manifest = &plan->manifest;

	for (size_t i = manifest->count; i-- > 0;) {
		const struct pga_note *note = &manifest->notes[i];

		if (note->kind == PGA_NOTE_FOUND && note->size == length &&
		    strcmp(note->path, path) == 0 &&
		    note->digest == pga_manifest_digest(bytes, length))
			return note;
	}
	return NULL;
}

/* Without the end of the last line, or both of its bytes. */
static const struct pga_note *found_nearly_as(const struct pga_uninstall *plan, const char *path,
					      const char *bytes, size_t *length)
{
	const struct pga_note *note = found_as(plan, path, bytes, *length);

	if (note == NULL && *length > 0 && bytes[*length - 1] == '\n')
		note = found_as(plan, path, bytes, --*length);
	if (note == NULL && *length > 0 && bytes[*length - 1] == '\r')
		note = found_as(plan, path, bytes, --*length);
	return note;
}

int pga_leave_put(struct pga_uninstall *plan, struct pga_leave_file *file,
		  const struct pga_text *rest, const char *what, struct pga_error *error)
{
	const char *path = file->file.edit.path;
	const char *bytes = pga_text_string(rest);
	const bool made = pga_manifest_has(&plan->manifest, PGA_NOTE_FILE, path);
	size_t length = rest->length;
	const struct pga_note *found;
	enum pga_leave_action action = PGA_LEAVE_EDIT;

	if (rest->failed)
		return pga_fail_memory(error);
	found = made && length == 0 ? NULL : found_nearly_as(plan, path, bytes, &length);
	if (found != NULL) {
		file->modified = found->modified;
		file->dated = true;
		action = PGA_LEAVE_PUT_BACK;
	} else {
		length = rest->length;
	}
	pga_text_add_bytes(&file->file.after, bytes, length);
	if (pga_transaction_put(&file->file, error) != 0)
		return -1;
	if (length == 0 && found == NULL) {
		file->file.change = PGA_REMOVED;
		action = PGA_LEAVE_REMOVE;
	}
	return pga_leave_add_step(plan, action, path, what, error);
}

int pga_leave_take(struct pga_uninstall *plan, char *path, const char *what,
		   struct pga_error *error)
{
	struct pga_leave_file *file = NULL;
	int result;

	if (path == NULL)
		return pga_fail_memory(error);
	result = pga_leave_open(plan, path, &file, error);
	if (result == 0 && file != NULL) {
		file->file.change = PGA_REMOVED;
		result =
		    pga_leave_add_step(plan, PGA_LEAVE_REMOVE, file->file.edit.path, what, error);
	}
	free(path);
	return result;
}

int pga_uninstall_plan(struct pga_uninstall *plan, struct pga_error *error)
{
	if (pga_manifest_load(&plan->manifest, error) != 0 ||
	    pga_uninstall_plan_gate(plan, error) != 0 ||
	    pga_uninstall_plan_timer(plan, error) != 0 ||
	    pga_uninstall_plan_services(plan, error) != 0 ||
	    pga_uninstall_plan_anchors(plan, error) != 0 ||
	    pga_uninstall_plan_crls(plan, error) != 0 ||
	    pga_uninstall_plan_certs(plan, error) != 0 ||
	    pga_uninstall_plan_own_files(plan, error) != 0 ||
	    pga_uninstall_plan_profiles(plan, error) != 0 ||
	    pga_uninstall_plan_leftovers(plan, error) != 0)
		return -1;
	return pga_uninstall_plan_directories(plan, error);
}

void pga_uninstall_let_go(struct pga_uninstall *plan)
{
	/* The last first: a directory that was made for it stands in one that was made for another.
	 */
	while (plan->file_count > 0) {
		pga_transaction_end(&plan->files[--plan->file_count]->file);
		free(plan->files[plan->file_count]);
	}
	free(plan->files);
	plan->files = NULL;
	while (plan->activation_count > 0)
		pga_activation_end(&plan->activations[--plan->activation_count]);
	free(plan->activations);
	plan->activations = NULL;
}

void pga_uninstall_end(struct pga_uninstall *plan)
{
	pga_uninstall_let_go(plan);
	free(plan->taken);
	for (size_t i = 0; i < plan->step_count; i++) {
		free(plan->steps[i].path);
		free(plan->steps[i].what);
	}
	free(plan->steps);
	for (size_t i = 0; i < plan->kept_count; i++) {
		free(plan->kept[i].what);
		free(plan->kept[i].why);
		free(plan->kept[i].hint);
	}
	free(plan->kept);
	for (size_t i = 0; i < plan->cut_off_count; i++) {
		free(plan->cut_off[i].service);
		free(plan->cut_off[i].path);
	}
	free(plan->cut_off);
	pga_pins_free(&plan->pins);
	pga_manifest_free(&plan->manifest);
	memset(plan, 0, sizeof *plan);
}
