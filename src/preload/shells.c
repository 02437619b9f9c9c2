#include "preload/shells.h"

#include "base/paths.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum directory { HOME, ZDOTDIR, CONFIG };

enum family { BASH, ZSH, FISH, POSIX };

/* Every file that the lines can be in. zsh and fish have one that they read whatever they are
 * started for. bash reads ~/.bashrc as a terminal's shell and for a command over ssh; and as a
 * login shell the first of the three behind it that is there, which need not read ~/.bashrc. */
static const struct {
	const char *name;
	enum family family;
	enum directory directory;
	enum pga_form form;
	bool login; /* one of several of which the first is read */
} known[PGA_SHELL_FILES] = {
    {".bashrc", BASH, HOME, PGA_FORM_SHELL, false},
    {".bash_profile", BASH, HOME, PGA_FORM_SHELL, true},
    {".bash_login", BASH, HOME, PGA_FORM_SHELL, true},
    {".profile", POSIX, HOME, PGA_FORM_SHELL, true}, /* bash's third */
    {".zshenv", ZSH, ZDOTDIR, PGA_FORM_SHELL, false},
    {"fish/conf.d/pganchor.fish", FISH, CONFIG, PGA_FORM_FISH, false},
};

static int find_family(enum family *family, struct pga_error *error)
{
	static const struct {
		const char *shell;
		enum family family;
	} shells[] = {{"bash", BASH},  {"zsh", ZSH},   {"fish", FISH}, {"sh", POSIX},
		      {"dash", POSIX}, {"ksh", POSIX}, {"mksh", POSIX}};
	const char *shell = getenv("SHELL");
	const char *name;

	if (shell == NULL || shell[0] == '\0')
		return pga_fail(error, "set SHELL to the path of your shell",
				"SHELL is not set: which shell is yours?");
	name = strrchr(shell, '/') != NULL ? strrchr(shell, '/') + 1 : shell;
	for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++)
		if (strcmp(name, shells[i].shell) == 0) {
			*family = shells[i].family;
			return 0;
		}
	return pga_fail(error,
			"SHELL=/bin/sh pganchor enable --shell --dry-run shows the lines for sh: "
			"write the same for yours",
			"%s: not a shell whose start file pganchor knows", shell);
}

static int add_file(struct pga_shell_files *files, size_t number, struct pga_error *error)
{
	static const char *const variables[] = {
	    [HOME] = NULL, [ZDOTDIR] = "ZDOTDIR", [CONFIG] = "XDG_CONFIG_HOME"};
	const enum directory directory = known[number].directory;
	const char *value = variables[directory] != NULL ? getenv(variables[directory]) : NULL;
	struct pga_text path = PGA_TEXT_EMPTY;
	char *home = NULL;

	if (value != NULL && value[0] == '/') {
		pga_text_addf(&path, "%s/%s", value, known[number].name);
	} else {
		home = pga_home();
		if (home == NULL)
			return pga_fail_home(error);
		pga_text_addf(&path, "%s/%s%s", home, directory == CONFIG ? ".config/" : "",
			      known[number].name);
		free(home);
	}
	files->list[files->count].form = known[number].form;
	files->list[files->count].path = pga_text_take(&path);
	if (files->list[files->count].path == NULL)
		return pga_fail_memory(error);
	files->count++;
	return 0;
}

/* Takes the last file back where a login shell would not read it: since one before it can be read,
 * or since it cannot itself and another one may. */
static void keep_if_read_at_login(struct pga_shell_files *files, size_t number, bool *found)
{
	const char *path = files->list[files->count - 1].path;
	const bool last = known[number].family == POSIX;

	if (!*found && (last || access(path, R_OK) == 0))
		*found = true;
	else
		free(files->list[--files->count].path);
}

int pga_shell_files(struct pga_shell_files *files, struct pga_error *error)
{
	enum family family = POSIX;
	bool found = false;

	files->count = 0;
	if (find_family(&family, error) != 0)
		return -1;
	for (size_t i = 0; i < PGA_SHELL_FILES; i++) {
		if (known[i].family != family && !(family == BASH && known[i].login))
			continue;
		if (add_file(files, i, error) != 0)
			return -1;
		if (known[i].login)
			keep_if_read_at_login(files, i, &found);
	}
	return 0;
}

int pga_shell_files_of_all(struct pga_shell_files *files, struct pga_error *error)
{
	files->count = 0;
	for (size_t i = 0; i < PGA_SHELL_FILES; i++)
		if (add_file(files, i, error) != 0)
			return -1;
	return 0;
}

void pga_shell_files_free(struct pga_shell_files *files)
{
	while (files->count > 0)
		free(files->list[--files->count].path);
}
