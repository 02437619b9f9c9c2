/* pganchor password clear, and unlock. */
#include "cli/cmd_password.h"

#include "base/terminal.h"
#include "cli/cli.h"
#include "password/ask_keyring.h"
#include "password/keep.h"

#include <stdio.h>
#include <stdlib.h>

static int clear_one(const struct pga_password_entry *entry, bool dry_run, struct pga_error *error)
{
	struct pga_text name = PGA_TEXT_EMPTY;
	enum pga_secret_status status = PGA_SECRET_DONE;

	if (!dry_run)
		status = pga_password_drop(entry, error);
	pga_password_describe(entry, &name);
	if (status == PGA_SECRET_DONE)
		pga_print(stdout, "%s the %s of %s\n", dry_run ? "would remove" : "removed",
			  pga_secret_kind_name(entry->kind), pga_text_string(&name));
	else if (status == PGA_SECRET_NONE)
		pga_print(stdout, "removed the line of %s; the keyring had none\n",
			  pga_text_string(&name));
	pga_text_free(&name);
	return status == PGA_SECRET_DONE || status == PGA_SECRET_NONE ? 0 : -1;
}

/* One that the index does not know, where the keyring can have it all the same. */
static int clear_unknown(const struct pga_asked_password *asked, struct pga_error *error)
{
	struct pga_password_entry entry;
	struct pga_error later;
	int result = -1;

	if (pga_password_entry_of(asked, &entry, &later) == 0 &&
	    pga_ask_keyring_state(&later) == PGA_SECRET_DONE) {
		struct pga_secret secret;

		if (pga_ask_keyring_get(&entry, &secret, &later) == PGA_SECRET_DONE)
			result = clear_one(&entry, asked->dry_run, error);
		pga_secret_end(&secret);
	}
	pga_password_entry_end(&entry);
	return result;
}

static int clear(const struct pga_asked_password *asked, struct pga_error *error)
{
	struct pga_passwords index;
	bool *chosen;
	int result = pga_password_choose(asked, &index, &chosen, error);

	if (result != 0 && chosen != NULL) {
		result = clear_unknown(asked, error);
		goto done;
	}
	for (size_t i = 0; result == 0 && i < index.count; i++)
		if (chosen[i])
			result = clear_one(&index.entries[i], asked->dry_run, error);
done:
	free(chosen);
	pga_passwords_free(&index);
	return result;
}

static const struct pga_option options[] = {
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct pga_asked_password, dry_run),
     .help = "change nothing, say what would be removed"},
    PGA_PASSWORD_OPTIONS,
};

static int run(int argc, char **argv)
{
	struct pga_asked_password asked = {.where = NULL};
	struct pga_error error;
	int status;

	if (!pga_password_options(&pga_cmd_password_clear, argc, argv, &asked, &status))
		return status;
	return clear(&asked, &error) == 0 ? PGA_EXIT_DONE : pga_password_failed(&error);
}

const struct pga_command pga_cmd_password_clear = {
    .name = "password clear",
    .summary = "remove a password from the keyring",
    .usage = "WHERE [OPTION ...]\n--key FILE",
    .about = "Removes the password from the keyring, and its line from the index. WHERE is as for "
	     "pganchor password set; what it does not say may be anything: of a host alone, all "
	     "that are kept of it go.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "the host of a server",
    .most = 1,
    .run = run,
};

static int run_unlock(int argc, char **argv)
{
	struct pga_asked_password asked = {.where = NULL};
	struct pga_error error;
	int status;

	if (!pga_options_read(&pga_cmd_password_unlock, argc, argv, &asked, &status))
		return status;
	if (pga_ask_keyring_unlock(&error) != PGA_SECRET_DONE)
		return pga_password_failed(&error);
	(void)puts("the keyring is unlocked");
	return PGA_EXIT_DONE;
}

const struct pga_command pga_cmd_password_unlock = {
    .name = "password unlock",
    .summary = "have the desktop ask for the keyring's password",
    .usage = "",
    .about = "Has the desktop ask for the password of the keyring, in its own window, and waits. "
	     "Nothing else of pganchor's does. A keyring that was never used gets a password so.",
    .run = run_unlock,
};
