/* What "pganchor onboard" has noted of the profiles, and the lines that it has put into the user's
 * policy. */
#include "uninstall/plan.h"

#include "base/file.h"
#include "base/ini.h"
#include "base/paths.h"
#include "profile/applied.h"
#include "profile/recorded.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static int add_lines(struct pga_settings *policy, const struct pga_recorded *recorded,
		     struct pga_error *error)
{
	for (size_t i = 0; i < recorded->policy.count; i++) {
		const struct pga_setting *line = &recorded->policy.items[i];

		if (pga_settings_value(policy, line->keyword) == NULL &&
		    pga_settings_add(policy, line->keyword, line->value, error) != 0)
			return -1;
	}
	return 0;
}

/* What cannot be read says nothing, and goes all the same. */
static int read_record(const char *path, struct pga_settings *policy, struct pga_error *error)
{
	struct pga_recorded recorded = {.anchors = NULL};
	struct pga_text bytes = PGA_TEXT_EMPTY;
	struct pga_error unreadable;
	int result = 0;

	if (pga_file_read(path, &bytes, NULL, &unreadable) == 0 &&
	    pga_recorded_parse(&recorded, path, pga_text_string(&bytes), bytes.length,
			       &unreadable) == 0)
		result = add_lines(policy, &recorded, error);
	pga_recorded_free(&recorded);
	pga_text_free(&bytes);
	return result;
}

/* What one that was killed was about to record, too: some of it may be there. */
static bool is_record(const char *name)
{
	return name[0] != '.' || strncmp(name, PGA_RECORDED_BEGUN, strlen(PGA_RECORDED_BEGUN)) == 0;
}

static int plan_records(struct pga_uninstall *plan, struct pga_settings *policy,
			struct pga_error *error)
{
	char *directory = pga_user_config(PGA_RECORDED_DIRECTORY);
	struct dirent **entries = NULL;
	int count = directory != NULL ? scandir(directory, &entries, NULL, alphasort) : -1;
	int result = directory != NULL ? 0 : pga_fail_home(error);

	for (int i = 0; i < count; i++) {
		char *path = NULL;

		if (result == 0 && is_record(entries[i]->d_name)) {
			path = pga_recorded_path(entries[i]->d_name, error);
			result = path != NULL ? read_record(path, policy, error) : -1;
		}
		if (result == 0 && path != NULL)
			result = pga_leave_take(plan, path, "", error);
		else
			free(path);
		free(entries[i]);
	}
	free(entries);
	free(directory);
	return result;
}

/* Without the lines that are still as they were put there. */
static void cut(const struct pga_text *before, const struct pga_settings *policy,
		struct pga_text *after)
{
	struct pga_ini_reader reader =
	    pga_ini_start(pga_text_string(before), before->length, PGA_INI_CONF);
	struct pga_ini_line line;

	while (pga_ini_next(&reader, &line)) {
		bool ours = false;

		for (size_t i = 0; line.kind == PGA_INI_SETTING && i < policy->count; i++)
			ours = ours || (pga_ini_equals(line.name, policy->items[i].keyword) &&
					pga_ini_equals(line.value, policy->items[i].value));
		if (!ours)
			pga_text_add_bytes(after, line.whole.bytes, line.whole.length);
	}
}

static int plan_policy(struct pga_uninstall *plan, const struct pga_settings *policy,
		       struct pga_error *error)
{
	char *path = policy->count > 0 ? pga_user_config("policy.conf") : NULL;
	struct pga_leave_file *file = NULL;
	struct pga_text rest = PGA_TEXT_EMPTY;
	int result = 0;

	if (path != NULL)
		result = pga_leave_open(plan, path, &file, error);
	if (file != NULL) {
		cut(&file->file.edit.before, policy, &rest);
		if (rest.failed || rest.length != file->file.edit.before.length)
			result = pga_leave_put(plan, file, &rest, "what profiles asked for", error);
	}
	pga_text_free(&rest);
	free(path);
	return result;
}

int pga_uninstall_plan_profiles(struct pga_uninstall *plan, struct pga_error *error)
{
	struct pga_settings policy = {NULL, 0};
	int result = plan_records(plan, &policy, error);

	if (result == 0)
		result = plan_policy(plan, &policy, error);
	if (result == 0)
		result = pga_leave_take(plan, pga_user_config(PGA_APPLIED_FILE), "", error);
	pga_settings_free(&policy);
	return result;
}
