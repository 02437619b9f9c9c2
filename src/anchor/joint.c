#include "anchor/joint.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int pga_joint_put(struct pga_joint *joint, struct pga_error *error)
{
	if (joint->after.failed)
		return pga_fail_memory(error);
	joint->change = joint->edit.existed ? PGA_CHANGED : PGA_CREATED;
	return 0;
}

static int stage(struct pga_joint *joint, struct pga_error *error)
{
	if (joint->change == PGA_UNCHANGED || joint->change == PGA_REMOVED)
		return 0;
	return pga_edit_stage(&joint->edit, pga_text_string(&joint->after), joint->after.length,
			      error);
}

static int commit(struct pga_joint *joint, struct pga_error *error)
{
	if (joint->change == PGA_UNCHANGED)
		return 0;
	joint->made = joint->edit.made.count;
	if (joint->change == PGA_REMOVED && unlink(joint->edit.path) != 0)
		return pga_fail_errno(error, "nothing was changed", "cannot remove %s",
				      joint->edit.path);
	if (joint->change != PGA_REMOVED && pga_edit_commit(&joint->edit, error) != 0)
		return -1;
	joint->committed = true;
	return 0;
}

/* A commit keeps the folders that were made for it. */
static void remove_folders(const char *innermost, size_t count)
{
	char *path = strdup(innermost);
	char *at = path;

	for (; at != NULL && count > 0; count--) {
		(void)rmdir(at);
		at = dirname(at);
	}
	free(path);
}

/* Brings back what the file was before its commit, by an edit of its own: this process has the
 * folder's lock still. The error that led here is the one to tell of. */
static void take_back(const struct pga_joint *joint)
{
	struct pga_edit edit;
	struct pga_error error;

	if (joint->change == PGA_CREATED) {
		(void)unlink(joint->edit.path);
		remove_folders(joint->edit.folder, joint->made);
		return;
	}
	if (pga_edit_begin(&edit, joint->edit.path, joint->edit.mode, &error) != 0)
		return;
	if (pga_edit_stage(&edit, pga_text_string(&joint->edit.before), joint->edit.before.length,
			   &error) == 0)
		(void)pga_edit_commit(&edit, &error);
	pga_edit_end(&edit);
}

int pga_joint_write(struct pga_joint *const *joints, size_t count, struct pga_error *error)
{
	for (size_t i = 0; i < count; i++)
		if (stage(joints[i], error) != 0)
			return -1;
	for (size_t i = 0; i < count; i++) {
		if (commit(joints[i], error) == 0)
			continue;
		while (i-- > 0)
			if (joints[i]->committed)
				take_back(joints[i]);
		return -1;
	}
	return 0;
}

void pga_joint_end(struct pga_joint *joint)
{
	pga_edit_end(&joint->edit);
	pga_text_free(&joint->after);
}
