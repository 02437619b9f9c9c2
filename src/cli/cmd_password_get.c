/* pganchor password get, and export: what is kept, to be seen or written. */
#include "cli/cmd_password.h"

#include "base/terminal.h"
#include "cli/cli.h"
#include "password/ask_keyring.h"
#include "password/export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int refuse_terminal(const struct pga_asked_password *asked)
{
	struct pga_error error;

	if (asked->show || asked->into != NULL || !isatty(STDOUT_FILENO))
		return PGA_EXIT_DONE;
	(void)pga_fail(&error, "--show shows it on the terminal; a pipe or a file gets it without",
		       "whoever looks at this terminal would read the password");
	pga_print_error(&error);
	return PGA_EXIT_USAGE;
}

static const struct pga_password_entry *only_one(const struct pga_passwords *index,
						 const bool *chosen, struct pga_error *error)
{
	const struct pga_password_entry *found = NULL;
	struct pga_text names = PGA_TEXT_EMPTY;
	size_t count = 0;

	for (size_t i = 0; i < index->count; i++)
		if (chosen[i]) {
			found = &index->entries[i];
			pga_text_add(&names, count++ > 0 ? "; " : "");
			pga_password_describe(found, &names);
		}
	if (count > 1)
		(void)pga_fail(error, "-U, -p and -d say which; '*' is one that is for any",
			       "several fit: %s", pga_text_string(&names));
	pga_text_free(&names);
	return count == 1 ? found : NULL;
}

static int get(const struct pga_asked_password *asked, struct pga_error *error)
{
	const struct pga_password_entry *entry = NULL;
	struct pga_secret secret = {NULL, 0};
	struct pga_passwords index;
	bool *chosen;
	int result = pga_password_choose(asked, &index, &chosen, error);

	if (result == 0)
		entry = only_one(&index, chosen, error);
	if (entry == NULL || pga_ask_keyring_get(entry, &secret, error) != PGA_SECRET_DONE)
		result = -1;
	else
		result = pga_export_write(STDOUT_FILENO, &secret, error);
	pga_secret_end(&secret);
	free(chosen);
	pga_passwords_free(&index);
	return result;
}

static const struct pga_option get_options[] = {
    {.name = "show",
     .target = offsetof(struct pga_asked_password, show),
     .help = "on a terminal, too"},
    PGA_PASSWORD_OPTIONS("any"),
};

static int run_get(int argc, char **argv)
{
	struct pga_asked_password asked = {.where = NULL};
	struct pga_error error;
	int status;

	if (!pga_password_options(&pga_cmd_password_get, argc, argv, &asked, &status))
		return status;
	status = refuse_terminal(&asked);
	if (status == PGA_EXIT_DONE && get(&asked, &error) != 0)
		status = pga_password_failed(&error);
	return status;
}

const struct pga_command pga_cmd_password_get = {
    .name = "password get",
    .summary = "print a password that the keyring has",
    .usage = "WHERE [--show] [OPTION ...]\n--key FILE [--show]",
    .about = "Prints the password and a line end; on a terminal with --show alone. WHERE is as "
	     "for pganchor password set; what it does not say may be anything, as long as one "
	     "password is meant.",
    .options = get_options,
    .option_count = PGA_OPTION_COUNT(get_options),
    .word = "the host of a server",
    .most = 1,
    .run = run_get,
};

static int export_chosen(const struct pga_asked_password *asked, struct pga_error *error)
{
	struct pga_passwords index;
	bool *chosen = NULL;
	size_t added;
	int result;

	result = pga_password_choose(asked, &index, &chosen, error);
	if (result == 0 && asked->into == NULL) {
		result = pga_export_to(&index, chosen, STDOUT_FILENO, error);
	} else if (result == 0) {
		result = pga_export_into(&index, chosen, asked->into, &added, error);
		if (result == 0)
			pga_print(stdout, "added %zu line%s to %s\n", added, added == 1 ? "" : "s",
				  asked->into);
	}
	free(chosen);
	pga_passwords_free(&index);
	return result;
}

static const struct pga_option export_options[] = {
    {.name = "show",
     .target = offsetof(struct pga_asked_password, show),
     .help = "on a terminal, too"},
    {.name = "into",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_asked_password, into),
     .argument = "FILE",
     .help = "add the lines to the end of this file; a new one can be read by its user alone",
     .names = PGA_NAMES_FILE},
    PGA_PASSWORD_OPTIONS("any"),
};

static int run_export(int argc, char **argv)
{
	struct pga_asked_password asked = {.or_all = true};
	struct pga_error error;
	int status;

	if (!pga_password_options(&pga_cmd_password_export, argc, argv, &asked, &status))
		return status;
	status = refuse_terminal(&asked);
	if (status == PGA_EXIT_DONE && asked.key != NULL)
		status = pga_usage_error("password export",
					 "--key: libpq's password file has no passphrases");
	if (status == PGA_EXIT_DONE && export_chosen(&asked, &error) != 0)
		status = pga_password_failed(&error);
	return status;
}

const struct pga_command pga_cmd_password_export = {
    .name = "password export",
    .summary = "write passwords as lines of libpq's password file",
    .usage = "[WHERE] [--show] [--into FILE] [OPTION ...]",
    .about = "Writes the passwords of the keyring as lines of libpq's password file (~/.pgpass), "
	     "to standard output, or to the end of FILE, and leaves them in the keyring. Without "
	     "WHERE, all of them. On a terminal with --show alone.",
    .options = export_options,
    .option_count = PGA_OPTION_COUNT(export_options),
    .word = "the host of a server",
    .most = 1,
    .run = run_export,
};
