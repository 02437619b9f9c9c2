/* The files that set the environment of what is started later: they are read, and never run. */
#include "diagnose/doctor_checks.h"

#include "base/file.h"
#include "base/paths.h"
#include "base/shell_word.h"
#include "base/transaction.h"
#include "diagnose/variables.h"
#include "preload/shells.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ABOUT_START_FILES "start files"

/* Below the home, beside those that preload/shells.c knows: and below /. A name that ends in "/" is
 * a directory of files with that ending. */
static const struct {
	const char *path;
	const char *ending;
} in_home[] =
    {
	{".bash_aliases", NULL},
	{".zprofile", NULL},
	{".zshrc", NULL},
	{".zlogin", NULL},
	{".config/fish/config.fish", NULL},
	{".config/fish/conf.d/", ".fish"},
	{".xprofile", NULL},
	{".xsessionrc", NULL},
	{".pam_environment", NULL},
	{".config/environment.d/", ".conf"},
	{".config/systemd/user/", ".service"},
},
  of_machine[] = {
      {"/etc/environment", NULL}, {"/etc/environment.d/", ".conf"}, {"/etc/profile", NULL},
      {"/etc/profile.d/", ".sh"}, {"/etc/bash.bashrc", NULL},       {"/etc/zsh/zshenv", NULL},
};

struct looking {
	const struct pga_doctor *doctor;
	struct pga_findings *findings;
};

static bool is_comment(const char *line, size_t length)
{
	size_t at = 0;

	while (at < length && pga_is_blank(line[at]))
		at++;
	return at == length || line[at] == '#' || line[at] == ';';
}

/* What this assignment does; *value is a copy of its value, which the caller frees. */
static enum pga_variable_effect effect_of(const struct pga_variable *variable, const char *line,
					  const struct pga_assignment *found,
					  const struct pga_policy *policy, char **value)
{
	*value = strndup(line + found->start, found->end - found->start);
	if (*value == NULL || (*value)[0] == '\0')
		return PGA_VARIABLE_FINE;
	return variable->effect(*value, policy);
}

/* The file with harmless values, as --fix writes it: every other byte stays. */
static void rewrite(const char *bytes, const struct pga_variable *variable,
		    const struct pga_policy *policy, struct pga_text *after)
{
	const char *rest = bytes;
	const char *line;
	size_t length;

	while (pga_next_line(&rest, &line, &length)) {
		struct pga_assignment found;
		size_t copied = 0;
		size_t from = 0;

		while (!is_comment(line, length) &&
		       pga_assignment_find(line, length, variable->name, from, &found)) {
			char *value;

			if (effect_of(variable, line, &found, policy, &value) ==
			    PGA_VARIABLE_WEAKENS) {
				pga_text_add_bytes(after, line + copied, found.start - copied);
				pga_text_add(after, variable->strong);
				copied = found.end;
			}
			after->failed = after->failed || value == NULL;
			free(value);
			from = found.end;
		}
		pga_text_add_bytes(after, line + copied, (size_t)(rest - line) - copied);
	}
}

static int write_harmless(const char *path, const struct pga_variable *variable,
			  const struct pga_policy *policy, bool dry_run, struct pga_text *done,
			  struct pga_error *error)
{
	struct pga_transaction_file file = {.change = PGA_UNCHANGED};
	struct pga_transaction_file *const files[] = {&file};
	int result = -1;

	if (pga_edit_begin(&file.edit, path, 0600, error) != 0)
		return -1;
	if (file.edit.before.length != strlen(pga_text_string(&file.edit.before))) {
		(void)pga_fail(error, "nothing was changed", "%s: it has NUL bytes", path);
		goto done;
	}
	rewrite(pga_text_string(&file.edit.before), variable, policy, &file.after);
	if (pga_transaction_put(&file, error) != 0)
		goto done;
	if (file.change != PGA_UNCHANGED)
		pga_text_addf(done, "write %s=%s in %s\n", variable->name, variable->strong, path);
	result = dry_run ? 0 : pga_transaction_write(files, 1, error);
done:
	pga_transaction_end(&file);
	return result;
}

/* The object is PATH:VARIABLE. */
static int fix(const char *object, bool dry_run, struct pga_text *done, struct pga_error *error)
{
	const char *colon = strrchr(object, ':');
	const struct pga_variable *variable = pga_variable_named(colon + 1);
	char *path = strndup(object, (size_t)(colon - object));
	struct pga_policy policy;
	int result = -1;

	if (path == NULL)
		return pga_fail_memory(error);
	if (pga_policy_load(&policy, error) == 0)
		result = write_harmless(path, variable, &policy, dry_run, done, error);
	pga_policy_free(&policy);
	free(path);
	return result;
}

static void tell(const struct looking *looking, const char *path, size_t number,
		 const struct pga_variable *variable, enum pga_variable_effect effect,
		 const char *value)
{
	static const struct {
		enum pga_finding_id id;
		enum pga_severity severity;
	} weights[] = {
	    [PGA_VARIABLE_WEAKENS] = {PGA_START_FILE_WEAKENS, PGA_SEVERITY_ERROR},
	    [PGA_VARIABLE_PASSWORD] = {PGA_START_FILE_PASSWORD, PGA_SEVERITY_WARNING},
	    [PGA_VARIABLE_CHANGES] = {PGA_START_FILE_CHANGES, PGA_SEVERITY_NOTE},
	};
	struct pga_findings *findings = looking->findings;
	struct pga_text object = PGA_TEXT_EMPTY;
	struct pga_text word = PGA_TEXT_EMPTY;
	const bool hidden = effect == PGA_VARIABLE_PASSWORD;

	pga_text_addf(&object, "%s:%s", path, variable->name);
	findings->failed = findings->failed || object.failed;
	pga_findings_add(findings, weights[effect].id, weights[effect].severity, ABOUT_START_FILES,
			 "%s, line %zu, sets %s%s%s", path, number, variable->name,
			 hidden ? "" : "=", hidden ? "" : value);
	pga_findings_detail(findings, "%s", variable->why);
	pga_findings_object(findings, "%s", pga_text_string(&object));
	if (effect == PGA_VARIABLE_WEAKENS) {
		pga_text_addf(&word, "%s:%s", pga_finding_word(weights[effect].id),
			      pga_text_string(&object));
		pga_text_free(&object);
		pga_text_add_shell_word(&object, pga_text_string(&word));
		pga_findings_hint(findings, "pganchor doctor --fix %s: writes %s=%s there",
				  pga_text_string(&object), variable->name, variable->strong);
		pga_findings_fix(findings, fix);
	} else if (hidden) {
		pga_text_add_shell_word(&word, path);
		pga_findings_hint(findings,
				  "sed -i /%s=/d %s: when pganchor password set HOST -U USER has "
				  "put it into the keyring",
				  variable->name, pga_text_string(&word));
	}
	findings->failed = findings->failed || object.failed || word.failed;
	pga_text_free(&object);
	pga_text_free(&word);
}

/* The first line that does harm; where there is none, the first that changes something. */
static void look_for(const struct looking *looking, const char *path, const char *bytes,
		     const struct pga_variable *variable)
{
	const char *line;
	size_t length;

	for (size_t number = 1; pga_next_line(&bytes, &line, &length); number++) {
		struct pga_assignment found;
		size_t from = 0;

		while (!is_comment(line, length) &&
		       pga_assignment_find(line, length, variable->name, from, &found)) {
			enum pga_variable_effect effect;
			char *value;

			effect =
			    effect_of(variable, line, &found, &looking->doctor->policy, &value);
			if (effect != PGA_VARIABLE_FINE)
				tell(looking, path, number, variable, effect, value);
			looking->findings->failed = looking->findings->failed || value == NULL;
			free(value);
			if (effect != PGA_VARIABLE_FINE)
				return;
			from = found.end;
		}
	}
}

static void look_at(const struct looking *looking, const char *path)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	struct pga_error error;
	bool found = false;

	if (access(path, F_OK) == 0 && pga_file_read(path, &content, &found, &error) != 0)
		pga_check_failed(looking->findings, ABOUT_START_FILES, path, &error);
	for (const struct pga_variable *one = pga_variables; found && one->name != NULL; one++)
		look_for(looking, path, pga_text_string(&content), one);
	pga_text_free(&content);
}

static int by_name(const struct dirent **one, const struct dirent **other)
{
	return strcmp((*one)->d_name, (*other)->d_name);
}

static bool ends_in(const char *name, const char *ending)
{
	const size_t length = strlen(name);

	return length > strlen(ending) && strcmp(name + length - strlen(ending), ending) == 0;
}

/* The files of a directory, by name; and of units the drop-ins, which are one below. */
static void look_into(const struct looking *looking, const char *path, const char *ending)
{
	struct dirent **names = NULL;
	const int count = scandir(path, &names, NULL, by_name);

	for (int i = 0; i < count; i++) {
		struct pga_text file = PGA_TEXT_EMPTY;

		pga_text_addf(&file, "%s%s", path, names[i]->d_name);
		if (ends_in(names[i]->d_name, ending)) {
			look_at(looking, pga_text_string(&file));
		} else if (ends_in(names[i]->d_name, ".service.d")) {
			pga_text_add(&file, "/");
			look_into(looking, pga_text_string(&file), ".conf");
		}
		looking->findings->failed = looking->findings->failed || file.failed;
		pga_text_free(&file);
		free(names[i]);
	}
	if (count < 0 && errno == ENOMEM)
		looking->findings->failed = true;
	free(names);
}

static void look_at_place(const struct looking *looking, const char *path, const char *ending)
{
	if (ending != NULL)
		look_into(looking, path, ending);
	else
		look_at(looking, path);
}

static void look_in_home(const struct looking *looking, const char *home)
{
	for (size_t i = 0; i < sizeof in_home / sizeof in_home[0]; i++) {
		struct pga_text path = PGA_TEXT_EMPTY;

		pga_text_addf(&path, "%s/%s", home, in_home[i].path);
		if (path.failed)
			looking->findings->failed = true;
		else
			look_at_place(looking, pga_text_string(&path), in_home[i].ending);
		pga_text_free(&path);
	}
}

static void look_at_shells(const struct looking *looking)
{
	struct pga_shell_files shells;
	struct pga_error error;

	if (pga_shell_files_of_all(&shells, &error) != 0)
		pga_check_failed(looking->findings, ABOUT_START_FILES, "the start files of shells",
				 &error);
	else
		for (size_t i = 0; i < shells.count; i++)
			if (shells.list[i].form != PGA_FORM_FISH)
				look_at(looking, shells.list[i].path);
	pga_shell_files_free(&shells);
}

int pga_check_start_files(const struct pga_doctor *doctor, struct pga_findings *findings,
			  struct pga_error *error)
{
	const struct looking looking = {doctor, findings};
	char *home = pga_home();

	if (home != NULL) {
		look_at_shells(&looking);
		look_in_home(&looking, home);
	} else if (errno != ENOENT) {
		(void)pga_fail_home(error);
		pga_check_failed(findings, ABOUT_START_FILES, "the home directory", error);
	}
	for (size_t i = 0; i < sizeof of_machine / sizeof of_machine[0]; i++)
		look_at_place(&looking, of_machine[i].path, of_machine[i].ending);
	free(home);
	return findings->failed ? pga_fail_memory(error) : 0;
}
