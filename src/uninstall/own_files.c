/* pganchor's own files beside anchors.conf, what the keyring has, and the directories. */
#include "uninstall/plan.h"

#include "anchor/notices.h"
#include "anchor/refresh_timer.h"
#include "anchor/source_records.h"
#include "base/edit_lock.h"
#include "base/paths.h"
#include "base/shell_word.h"
#include "cert/acme.h"
#include "cert/local_ca.h"
#include "cert/record.h"
#include "password/keep_pins.h"
#include "password/index.h"
#include "policy/passwords.h"
#include "profile/recorded.h"
#include "service/harden_record.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The index says which secrets of the keyring are pganchor's: it stays while they do. */
static int plan_passwords(struct pga_uninstall *plan, struct pga_error *error)
{
	struct pga_passwords index;
	struct pga_text what = PGA_TEXT_EMPTY;
	char *path = pga_user_config(PGA_PASSWORDS_FILE);
	size_t count;
	int result = pga_index_read(&index, error);

	count = result == 0 ? index.count : 0;
	pga_passwords_free(&index);
	if (result == 0 && path == NULL)
		result = pga_fail_home(error);
	pga_text_addf(&what, "%zu %s of the keyring", count, count == 1 ? "secret" : "secrets");
	if (result == 0 && what.failed)
		result = pga_fail_memory(error);
	if (result != 0 || count == 0) {
		/* nothing of it to lose */
		if (result == 0)
			result = pga_leave_take(plan, path, "", error);
		else
			free(path);
		goto done;
	}
	plan->keeps_index = !plan->passwords;
	if (plan->passwords)
		result =
		    pga_leave_add_step(plan, PGA_LEAVE_CLEAR, path, pga_text_string(&what), error);
	else
		result = pga_leave_keep(plan, path, pga_text_string(&what),
					"--passwords removes them, too", error);
	free(path);
done:
	pga_text_free(&what);
	return result;
}

/* Where no keyring can be asked, there is none to be left without its pins. */
static int plan_copy(struct pga_uninstall *plan, struct pga_error *error)
{
	struct pga_pins_copy copy;
	struct pga_error why;
	bool readable;
	enum pga_secret_status status;
	int result = 0;

	if (!pga_ask_keyring_is_possible())
		return 0;
	status = pga_kept_pins_get(&copy, &readable, &why);
	pga_pins_copy_free(&copy);
	plan->has_copy = status == PGA_SECRET_DONE;
	if (plan->has_copy)
		result = pga_leave_add_step(plan, PGA_LEAVE_CLEAR, "the keyring's copy of the pins",
					    "", error);
	else if (status != PGA_SECRET_NONE && status != PGA_SECRET_ABSENT)
		result = pga_leave_keep(
		    plan, "the keyring's copy of the pins, if it has one", why.message,
		    "pganchor password unlock; then pganchor uninstall again", error);
	return result;
}

/* An account with a CA is more than a file of ours. */
static int plan_accounts(struct pga_uninstall *plan, struct pga_error *error)
{
	char *path = pga_user_config(PGA_ACME_DIRECTORY);
	struct pga_text way = PGA_TEXT_EMPTY;
	int result = 0;

	if (path == NULL)
		return pga_fail_home(error);
	if (access(path, F_OK) == 0) {
		pga_text_add(&way, "where it is not needed any more: rm -r ");
		pga_text_add_shell_word(&way, path);
		result = pga_leave_keep(plan, path, "it has lego's accounts with ACME CAs",
					pga_text_string(&way), error);
	}
	pga_text_free(&way);
	free(path);
	return result;
}

int pga_uninstall_plan_own_files(struct pga_uninstall *plan, struct pga_error *error)
{
	static const char *const names[] = {PGA_SOURCE_RECORDS_FILE,
					    PGA_CERTS_FILE,
					    "known_servers.conf",
					    "servers.json",
					    PGA_HARDEN_RECORD,
					    PGA_LOCAL_CA_DIRECTORY "/" PGA_LOCAL_CA_KEY,
					    PGA_LOCAL_CA_DIRECTORY "/" PGA_LOCAL_CA_CRT};
	char *path = pga_notices_path();

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (pga_leave_take(plan, pga_user_config(names[i]), "", error) != 0) {
			free(path);
			return -1;
		}
	if (pga_leave_take(plan, path, "", error) != 0 || plan_passwords(plan, error) != 0 ||
	    plan_accounts(plan, error) != 0)
		return -1;
	return plan_copy(plan, error);
}

/* Directories that may go, in the order of their names backwards: the inner ones first. */
struct directories {
	char **paths;
	size_t count;
};

static int add(struct directories *list, const char *path, struct pga_error *error)
{
	char **grown;
	struct stat status;

	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->paths[i], path) == 0)
			return 0;
	if (lstat(path, &status) != 0 || !S_ISDIR(status.st_mode))
		return 0;
	grown = reallocarray(list->paths, list->count + 1, sizeof(char *));
	if (grown == NULL)
		return pga_fail_memory(error);
	list->paths = grown;
	grown[list->count] = strdup(path);
	return grown[list->count] != NULL ? (list->count++, 0) : pga_fail_memory(error);
}

/* This directory of pganchor's own, without a slash at its end. */
static int add_own(struct directories *list, char *path, struct pga_error *error)
{
	const size_t length = path != NULL ? strlen(path) : 0;
	int result;

	if (path == NULL)
		return pga_fail_home(error);
	if (length > 1 && path[length - 1] == '/')
		path[length - 1] = '\0';
	result = add(list, path, error);
	free(path);
	return result;
}

static int add_above(struct directories *list, const char *path, unsigned count,
		     struct pga_error *error)
{
	char *copy = strdup(path);
	char *directory = copy;
	int result = copy != NULL ? 0 : pga_fail_memory(error);

	for (unsigned i = 0; result == 0 && i < count; i++) {
		directory = dirname(directory);
		result = add(list, directory, error);
	}
	free(copy);
	return result;
}

/* The one that the link of the timer is in. */
static int add_wants(struct directories *list, struct pga_error *error)
{
	struct pga_refresh_timer timer;
	int result = pga_refresh_timer_look(&timer, error);

	if (result == 0)
		result = add_above(list, timer.link, 1, error);
	pga_refresh_timer_free(&timer);
	return result;
}

static int find_directories(const struct pga_uninstall *plan, struct directories *list,
			    struct pga_error *error)
{
	char *notices = pga_notices_path();

	if (notices == NULL)
		return pga_fail_home(error);
	*strrchr(notices, '/') = '\0';
	if (add_own(list, notices, error) != 0 || add_wants(list, error) != 0 ||
	    add_own(list, pga_user_config("anchors"), error) != 0 ||
	    add_own(list, pga_user_config(PGA_RECORDED_DIRECTORY), error) != 0 ||
	    add_own(list, pga_user_config(PGA_LOCAL_CA_DIRECTORY), error) != 0 ||
	    add_own(list, pga_user_config(""), error) != 0)
		return -1;
	for (size_t i = 0; i < plan->manifest.count; i++)
		if (plan->manifest.notes[i].kind == PGA_NOTE_DIRECTORY &&
		    add(list, plan->manifest.notes[i].path, error) != 0)
			return -1;
	for (size_t i = 0; i < plan->activation_count; i++)
		if (plan->activations[i].file.change == PGA_REMOVED &&
		    add_above(list, plan->activations[i].path, plan->activations[i].directories,
			      error) != 0)
			return -1;
	return 0;
}

static int compare_backwards(const void *one, const void *other)
{
	return strcmp(*(char *const *)other, *(char *const *)one);
}

/* Whether what is called so goes by a step of the plan. */
static bool goes(const struct pga_uninstall *plan, const char *directory, const char *name)
{
	const size_t length = strlen(directory);

	if (strcmp(name, PGA_LOCK_NAME) == 0)
		return true;
	for (size_t i = 0; i < plan->step_count; i++) {
		const struct pga_leave_step *step = &plan->steps[i];

		if ((step->action == PGA_LEAVE_REMOVE || step->action == PGA_LEAVE_DIRECTORY ||
		     step->action == PGA_LEAVE_CLEAR) &&
		    strncmp(step->path, directory, length) == 0 && step->path[length] == '/' &&
		    strcmp(step->path + length + 1, name) == 0)
			return true;
	}
	return false;
}

static bool will_be_empty(const struct pga_uninstall *plan, const char *path)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	bool empty = directory != NULL;

	while (empty && (entry = readdir(directory)) != NULL)
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
			goes(plan, path, entry->d_name);
	if (directory != NULL)
		(void)closedir(directory);
	return empty;
}

/* The manifest goes last, unless something stays that it is needed for. */
static int plan_manifest(struct pga_uninstall *plan, struct pga_error *error)
{
	char *aside = pga_manifest_aside();
	struct stat status;
	int result = 0;

	if (aside == NULL)
		return pga_fail_home(error);
	if (!plan->keeps_index && lstat(plan->manifest.path, &status) == 0)
		result = pga_leave_add_step(plan, PGA_LEAVE_REMOVE, plan->manifest.path, "", error);
	if (result == 0 && !plan->keeps_index && lstat(aside, &status) == 0)
		result = pga_leave_add_step(plan, PGA_LEAVE_REMOVE, aside, "", error);
	free(aside);
	return result;
}

int pga_uninstall_plan_directories(struct pga_uninstall *plan, struct pga_error *error)
{
	struct directories list = {.paths = NULL};
	int result = plan_manifest(plan, error);

	if (result == 0)
		result = find_directories(plan, &list, error);
	if (list.count > 0)
		qsort(list.paths, list.count, sizeof(char *), compare_backwards);
	for (size_t i = 0; result == 0 && i < list.count; i++)
		if (will_be_empty(plan, list.paths[i]))
			result =
			    pga_leave_add_step(plan, PGA_LEAVE_DIRECTORY, list.paths[i], "", error);
	for (size_t i = 0; i < list.count; i++)
		free(list.paths[i]);
	free(list.paths);
	return result;
}
