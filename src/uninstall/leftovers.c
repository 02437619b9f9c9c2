/* What a process that was killed has left in the directories where it edited: its lock, and files
 * that were staged. */
#include "uninstall/plan.h"

#include "base/directory.h"
#include "base/edit_lock.h"
#include "base/paths.h"
#include "base/staged.h"
#include "policy/linked.h"
#include "profile/recorded.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static bool is_leftover(const char *name)
{
	return strcmp(name, PGA_LOCK_NAME) == 0 ||
	       strncmp(name, PGA_STAGED_PREFIX, strlen(PGA_STAGED_PREFIX)) == 0;
}

/* Whether no process has it: each is locked as long as it is in use, by this one too. */
static bool is_abandoned(int directory, const char *name)
{
	const int file =
	    openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	const bool abandoned = file >= 0 && flock(file, LOCK_EX | LOCK_NB) == 0;

	if (file >= 0)
		(void)close(file);
	return abandoned;
}

static bool is_planned(const struct pga_uninstall *plan, const char *path)
{
	for (size_t i = 0; i < plan->step_count; i++)
		if (strcmp(plan->steps[i].path, path) == 0)
			return true;
	return false;
}

static int look_into(struct pga_uninstall *plan, const char *path, struct pga_error *error)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	int result = 0;

	while (directory != NULL && result == 0 && (entry = readdir(directory)) != NULL) {
		struct pga_text whole = PGA_TEXT_EMPTY;

		if (!is_leftover(entry->d_name) || !is_abandoned(dirfd(directory), entry->d_name))
			continue;
		pga_text_addf(&whole, "%s/%s", path, entry->d_name);
		if (whole.failed)
			result = pga_fail_memory(error);
		else if (!is_planned(plan, whole.bytes))
			result = pga_leave_add_step(plan, PGA_LEAVE_REMOVE, whole.bytes,
						    "left by a process that was ended", error);
		pga_text_free(&whole);
	}
	if (directory != NULL)
		(void)closedir(directory);
	return result;
}

/* The directory that the path is in. */
static int look_beside(struct pga_uninstall *plan, const char *path, struct pga_error *error)
{
	const char *slash = strrchr(path, '/');
	char *directory = slash > path ? strndup(path, (size_t)(slash - path)) : strdup("/");
	int result;

	if (directory == NULL)
		return pga_fail_memory(error);
	result = look_into(plan, directory, error);
	free(directory);
	return result;
}

/* Where root.crt and the services are. */
static int look_into_home(struct pga_uninstall *plan, struct pga_error *error)
{
	static const char *const names[] = {"", "/.postgresql"};
	char *home = pga_libpq_home(error);
	int result = home != NULL ? 0 : -1;

	for (size_t i = 0; result == 0 && i < sizeof names / sizeof names[0]; i++) {
		struct pga_text path = PGA_TEXT_EMPTY;

		pga_text_addf(&path, "%s%s", home, names[i]);
		result = path.failed ? pga_fail_memory(error) : look_into(plan, path.bytes, error);
		pga_text_free(&path);
	}
	free(home);
	return result;
}

/* pganchor's own directories: whoever was killed early has not noted that it made them. */
static int look_into_own(struct pga_uninstall *plan, struct pga_error *error)
{
	static const char *const names[] = {"anchors", PGA_RECORDED_DIRECTORY};
	int result = 0;

	for (size_t i = 0; result == 0 && i < sizeof names / sizeof names[0]; i++) {
		char *path = pga_user_config(names[i]);

		result = path != NULL ? look_into(plan, path, error) : pga_fail_home(error);
		free(path);
	}
	return result;
}

int pga_uninstall_plan_leftovers(struct pga_uninstall *plan, struct pga_error *error)
{
	const struct pga_manifest *manifest = &plan->manifest;

	if (look_into_own(plan, error) != 0 || look_into_home(plan, error) != 0 ||
	    look_beside(plan, manifest->path, error) != 0)
		return -1;
	for (size_t i = 0; i < plan->activation_count; i++)
		if (look_beside(plan, plan->activations[i].path, error) != 0)
			return -1;
	for (size_t i = 0; i < manifest->count; i++)
		if ((manifest->notes[i].kind == PGA_NOTE_DIRECTORY
			 ? look_into(plan, manifest->notes[i].path, error)
			 : look_beside(plan, manifest->notes[i].path, error)) != 0)
			return -1;
	return 0;
}

/* By whoever has the directory's lock; giving that back removes it. */
static void sweep(const char *path)
{
	struct pga_directory directory;
	struct pga_made made = {.count = 0};
	struct pga_lock *lock = NULL;
	struct pga_error ignored;

	if (access(path, F_OK) != 0 ||
	    pga_directory_open(&directory, &made, path, 0700, &ignored) != 0)
		return;
	if (pga_lock_take(&lock, &directory, &ignored) == 0) {
		pga_staged_sweep(&directory);
		pga_lock_release(lock);
	}
	pga_made_keep(&made);
	pga_directory_close(&directory);
}

void pga_uninstall_sweep(const struct pga_uninstall *plan)
{
	for (size_t i = 0; i < plan->step_count; i++) {
		const char *slash = strrchr(plan->steps[i].path, '/');
		char *directory;

		if (slash == NULL || slash == plan->steps[i].path || !is_leftover(slash + 1))
			continue;
		directory = strndup(plan->steps[i].path, (size_t)(slash - plan->steps[i].path));
		if (directory != NULL)
			sweep(directory);
		free(directory);
	}
}
