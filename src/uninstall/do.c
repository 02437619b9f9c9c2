/* Does what was planned. In whatever moment it is killed, it can be run again: what is not done yet
 * is found again by what is there. */
#include "uninstall/plan.h"

#include "base/paths.h"
#include "password/index.h"
#include "password/keep.h"
#include "password/keep_pins.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The secrets of the keyring, and their lines with them. The file is empty then. */
static int clear_passwords(struct pga_uninstall *plan, struct pga_error *error)
{
	struct pga_passwords index;
	int result = pga_index_read(&index, error);

	for (size_t i = 0; result == 0 && i < index.count; i++) {
		const enum pga_secret_status status = pga_password_drop(&index.entries[i], error);

		if (status != PGA_SECRET_DONE && status != PGA_SECRET_NONE)
			result = -1;
		else
			plan->changed = true;
	}
	pga_passwords_free(&index);
	return result == 0 ? pga_leave_take(plan, pga_user_config(PGA_PASSWORDS_FILE), "", error)
			   : -1;
}

/* The lines of pganchor enable say which directories were made for their file, and will be gone
 * before these are. */
static int note_directories(const struct pga_uninstall *plan, struct pga_error *error)
{
	struct pga_noting noting = {.home = NULL};
	bool failed;

	for (size_t i = 0; i < plan->step_count; i++)
		if (plan->steps[i].action == PGA_LEAVE_DIRECTORY)
			pga_manifest_note_directory(&noting.lines, plan->steps[i].path);
	failed = noting.lines.failed;
	if (!failed && plan->manifest.found)
		pga_noting_write(&noting);
	pga_noting_end(&noting, true);
	return failed ? pga_fail_memory(error) : 0;
}

/* The time that it had when it was found. */
static void date(const struct pga_leave_file *file)
{
	const struct timespec times[2] = {{0, UTIME_OMIT}, file->modified};

	if (file->dated && file->file.edit.staged_path != NULL)
		(void)utimensat(AT_FDCWD, file->file.edit.staged_path, times, AT_SYMLINK_NOFOLLOW);
}

static size_t put_in_order(const struct pga_uninstall *plan, struct pga_transaction_file **order)
{
	size_t count = 0;

	for (size_t i = 0; i < plan->activation_count; i++)
		if (plan->activations[i].changes)
			order[count++] = &plan->activations[i].file;
	for (int rank = 0; rank < PGA_RANKS; rank++)
		for (size_t i = 0; i < plan->file_count; i++)
			if (plan->files[i]->rank == (enum pga_leave_rank)rank)
				order[count++] = &plan->files[i]->file;
	return count;
}

static int write_files(struct pga_uninstall *plan, struct pga_error *error)
{
	struct pga_transaction_file **order = calloc(plan->activation_count + plan->file_count + 1,
						     sizeof(struct pga_transaction_file *));
	size_t count;
	int result;

	if (order == NULL)
		return pga_fail_memory(error);
	count = put_in_order(plan, order);
	result = pga_transaction_stage(order, count, error);
	for (size_t i = 0; result == 0 && i < plan->file_count; i++)
		date(plan->files[i]);
	if (result == 0)
		result = pga_transaction_commit(order, count, error);
	for (size_t i = 0; i < count; i++)
		plan->changed = plan->changed || order[i]->committed;
	free(order);
	return result;
}

static void remove_directories(const struct pga_uninstall *plan)
{
	for (size_t i = 0; i < plan->step_count; i++)
		if (plan->steps[i].action == PGA_LEAVE_DIRECTORY)
			(void)rmdir(plan->steps[i].path);
}

static int fail_left(const char *path, struct pga_error *error)
{
	return pga_fail_errno(error, "the rest is done; run it again, or remove it",
			      "could not remove %s", path);
}

/* Somebody has put something there since: it is not said to be gone. */
static int keep_directory(struct pga_uninstall *plan, size_t at, struct pga_error *error)
{
	struct pga_leave_step step = plan->steps[at];

	if (pga_leave_keep(plan, step.path, "something is in it that was not there before", "",
			   error) != 0)
		return -1;
	plan->step_count--;
	memmove(&plan->steps[at], &plan->steps[at + 1],
		(plan->step_count - at) * sizeof *plan->steps);
	free(step.path);
	free(step.what);
	return 0;
}

static int tell_directories(struct pga_uninstall *plan, struct pga_error *error)
{
	int result = 0;

	for (size_t i = plan->step_count; result == 0 && i-- > 0;) {
		const struct pga_leave_step *step = &plan->steps[i];

		if (step->action != PGA_LEAVE_DIRECTORY || rmdir(step->path) == 0 ||
		    errno == ENOENT)
			continue;
		result = errno == ENOTEMPTY || errno == EEXIST ? keep_directory(plan, i, error)
							       : fail_left(step->path, error);
	}
	return result;
}

/* The manifest is in a directory that goes: it is moved aside, so that it is there to the end. */
static int finish(struct pga_uninstall *plan, struct pga_error *error)
{
	const char *path = plan->manifest.path;
	char *aside = pga_manifest_aside();
	struct stat status;
	int result = 0;

	if (aside == NULL)
		return pga_fail_home(error);
	remove_directories(plan);
	if (!plan->keeps_index) {
		if (lstat(path, &status) == 0 && rename(path, aside) != 0 && unlink(path) != 0)
			result = fail_left(path, error);
		remove_directories(plan);
		if (result == 0 && unlink(aside) != 0 && errno != ENOENT)
			result = fail_left(aside, error);
	}
	free(aside);
	return result == 0 ? tell_directories(plan, error) : -1;
}

int pga_uninstall_do(struct pga_uninstall *plan, struct pga_error *error)
{
	enum pga_secret_status status;

	if (note_directories(plan, error) != 0 || pga_uninstall_stop_timer(plan, error) != 0 ||
	    (plan->passwords && clear_passwords(plan, error) != 0) || write_files(plan, error) != 0)
		return -1;
	pga_uninstall_let_go(plan);
	pga_uninstall_sweep(plan);
	plan->changed = true;
	if (plan->has_copy) {
		status = pga_kept_pins_clear(error);
		if (status != PGA_SECRET_DONE && status != PGA_SECRET_NONE)
			return -1;
	}
	return finish(plan, error);
}
