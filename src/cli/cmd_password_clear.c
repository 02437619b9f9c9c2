/* pganchor password clear, and unlock. */
#include "cli/cmd_password.h"

#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/question.h"
#include "password/ask_keyring.h"
#include "password/keep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static size_t count_of(const struct pga_passwords *list, const bool *chosen)
{
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++)
		count += chosen[i];
	return count;
}

/* Several go only if somebody has seen which. */
static int ask(const struct pga_passwords *list, const bool *chosen, struct pga_error *error)
{
	struct pga_question question;
	struct pga_answer answer;
	int result;

	if (pga_question_begin(&question,
			       "several fit, which --dry-run shows: --yes removes them without a "
			       "question; -U, -p and -d say which ('*': the one that is for any)",
			       error) != 0)
		return -1;
	for (size_t i = 0; i < list->count; i++)
		if (chosen[i]) {
			struct pga_text name = PGA_TEXT_EMPTY;

			pga_password_describe(&list->entries[i], &name);
			pga_print(question.out, "%s\n", pga_text_string(&name));
			pga_text_free(&name);
		}
	result = pga_question_ask(&question, "Remove all of these? Type yes: ", &answer, error);
	pga_question_end(&question);
	if (result == 0 && !(answer.whole && strcmp(answer.text, "yes") == 0))
		result = pga_fail(error, "-U, -p and -d say which is meant",
				  "nothing was removed: you have not said yes");
	return result;
}

static int clear(const struct pga_asked_password *asked, struct pga_error *error)
{
	struct pga_passwords list;
	bool *chosen;
	int result = pga_password_choose(asked, &list, &chosen, error);

	if (result == 0 && !asked->dry_run && !asked->yes && count_of(&list, chosen) > 1)
		result = pga_ask_keyring_state(error) == PGA_SECRET_DONE ? ask(&list, chosen, error)
									 : -1;
	for (size_t i = 0; result == 0 && i < list.count; i++)
		if (chosen[i])
			result = clear_one(&list.entries[i], asked->dry_run, error);
	free(chosen);
	pga_passwords_free(&list);
	return result;
}

static const struct pga_option options[] = {
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct pga_asked_password, dry_run),
     .help = "change nothing, say what would be removed"},
    {.name = "yes",
     .target = offsetof(struct pga_asked_password, yes),
     .help = "do not ask where several are meant"},
    PGA_PASSWORD_OPTIONS("any"),
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
    .usage = "WHERE [--yes] [OPTION ...]\n--key FILE",
    .about =
	"Removes the password from the keyring, and its line from the index. WHERE is as for "
	"pganchor password set; what it does not say may be anything, the user, too: of a host "
	"alone, all that are kept of it go. Where these are several, they are shown, and it "
	"asks.",
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
