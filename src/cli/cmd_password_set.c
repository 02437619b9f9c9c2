/* pganchor password set: keeps one. */
#include "cli/cmd_password.h"

#include "base/file.h"
#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/hidden_answer.h"
#include "password/ask_keyring.h"
#include "password/ask_passfile.h"
#include "password/index.h"
#include "password/keep.h"
#include "password/passfile.h"
#include "password/private_key.h"
#include "policy/linked.h"
#include "policy/release.h"
#include "service/ask.h"

#include <stdlib.h>
#include <string.h>

/* What the gate would do with it, by what is known of the host now. */
static int warn_of_release(const struct pga_password_entry *entry, struct pga_error *error)
{
	const char *host = entry->words[PGA_SECRET_HOST];
	struct pga_policy policy = {0};
	struct pga_pins pins = {0};
	int result = -1;

	if (pga_policy_load(&policy, error) == 0 && pga_pins_load(&pins, &policy, error) == 0) {
		const enum pga_release release = pga_release_to(&policy, &pins, host);
		const char *hint = pga_release_hint(release);

		if (release != PGA_RELEASE)
			pga_print_warning("%s: the password will stay in the keyring: %s%s%s", host,
					  pga_release_reason(release),
					  hint[0] != '\0' ? "\n    " : "", hint);
		result = 0;
	}
	pga_pins_free(&pins);
	pga_policy_free(&policy);
	return result;
}

/* What libpq finds by itself goes before the keyring. */
static void warn_of_passfile(const struct pga_password_entry *entry)
{
	struct pga_text bytes = PGA_TEXT_EMPTY;
	struct pga_passfile file = {0};
	const struct pga_passfile_line *line = NULL;
	struct pga_error error;
	bool found = false;
	char *path = pga_passfile_path(&error);

	if (path != NULL && pga_file_read(path, &bytes, &found, &error) == 0 &&
	    pga_passfile_read(&file, pga_text_string(&bytes), bytes.length, &error) == 0)
		line = pga_passfile_for(&file, entry);
	if (line != NULL)
		pga_print_warning(
		    "%s, line %zu, is for such connections, too, and libpq takes that "
		    "one first\n    take the line out; \"pganchor password import\" "
		    "does where no Unix-domain socket needs it",
		    path, line->number);
	pga_text_wipe(&bytes);
	pga_passfile_free(&file);
	free(path);
}

/* Nor does it count for a connection that an entry before it is for, such as one of a certain port.
 */
static void warn_of_index(const struct pga_password_entry *entry)
{
	struct pga_text name = PGA_TEXT_EMPTY;
	struct pga_text words = PGA_TEXT_EMPTY;
	const struct pga_password_entry *first = NULL;
	struct pga_passwords index;
	struct pga_error error;

	if (pga_index_read(&index, &error) == 0)
		first = pga_index_first(&index, entry);
	if (first != NULL) {
		pga_password_describe(first, &name);
		pga_password_entry_add_words(&words, first);
		pga_print_warning("%s has one of its own, which is not changed by this\n"
				  "    pganchor password set %s",
				  pga_text_string(&name), pga_text_string(&words));
	}
	pga_text_free(&name);
	pga_text_free(&words);
	pga_passwords_free(&index);
}

/* What would fail in the end fails before anybody types. */
static int check_before(struct pga_error *error)
{
	struct pga_passwords index;
	const int result = pga_index_read(&index, error);

	pga_passwords_free(&index);
	return result == 0 && pga_ask_keyring_state(error) == PGA_SECRET_DONE ? 0 : -1;
}

static int read_and_keep(const struct pga_password_entry *entry, const char *name,
			 struct pga_error *error)
{
	const bool key = entry->kind == PGA_SECRET_PASSPHRASE;
	struct pga_text what = PGA_TEXT_EMPTY;
	struct pga_secret secret;
	int result;

	pga_text_addf(&what, "%s of %s", key ? "Passphrase" : "Password", name);
	result = pga_hidden_answer(&secret, pga_text_string(&what), key, error);
	if (result == 0 && key)
		result = pga_private_key_check(entry->words[PGA_SECRET_FILE], &secret, error);
	if (result == 0 && pga_password_keep(entry, &secret, error) != PGA_SECRET_DONE)
		result = -1;
	pga_secret_end(&secret);
	pga_text_free(&what);
	return result;
}

/* psql takes such a word for a database, and who has services, for one of them. */
static int refuse_name_of_service(const struct pga_asked_password *asked, struct pga_error *error)
{
	const char *const keywords[] = {"service", NULL};
	const char *const values[] = {asked->where, NULL};
	const struct pga_parameters parameters = {keywords, values, 0};
	struct pga_effective effective = {0};
	struct pga_error unknown;

	if (asked->where == NULL || asked->service || strpbrk(asked->where, "=:./") != NULL ||
	    pga_ask(&parameters, &effective, &unknown) != 0)
		return 0;
	pga_effective_free(&pga_linked_libpq, &effective);
	return pga_fail(
	    error, "write service=NAME for the service, or -H NAME for a host that is called so",
	    "%s: there is a service of this name", asked->where);
}

static int set(const struct pga_asked_password *asked, struct pga_error *error)
{
	struct pga_password_entry entry;
	struct pga_text name = PGA_TEXT_EMPTY;
	int result = pga_password_entry_of(asked, &entry, error);

	if (result == 0)
		result = refuse_name_of_service(asked, error);
	if (result == 0)
		pga_password_describe(&entry, &name);
	if (result == 0)
		result = check_before(error);
	if (result == 0 && entry.kind == PGA_SECRET_PASSWORD)
		result = warn_of_release(&entry, error);
	if (result == 0)
		result = read_and_keep(&entry, pga_text_string(&name), error);
	if (result == 0) {
		pga_print(stdout, "the keyring has the %s of %s\n",
			  pga_secret_kind_name(entry.kind), pga_text_string(&name));
	}
	if (result == 0 && entry.kind == PGA_SECRET_PASSWORD) {
		warn_of_passfile(&entry);
		warn_of_index(&entry);
	}
	pga_text_free(&name);
	pga_password_entry_end(&entry);
	return result;
}

static const struct pga_option options[] = {PGA_PASSWORD_OPTIONS("whom libpq would connect as")};

static int run(int argc, char **argv)
{
	struct pga_asked_password asked = {.where = NULL};
	struct pga_error error;
	int status;

	if (!pga_password_options(&pga_cmd_password_set, argc, argv, &asked, &status))
		return status;
	return set(&asked, &error) == 0 ? PGA_EXIT_DONE : pga_password_failed(&error);
}

const struct pga_command pga_cmd_password_set = {
    .name = "password set",
    .summary = "keep a password in the keyring",
    .usage = "WHERE [OPTION ...]\n--key FILE",
    .about = "Asks for the password twice, without echo, or reads one line from standard input, "
	     "and keeps it in the keyring. WHERE is HOST, HOST:PORT, [ADDRESS]:PORT, a connection "
	     "string of libpq's (service=prod), or with --service the name of a service. What it "
	     "does not say of port and database is any. With --key, the passphrase of a private "
	     "key, which is tried before it is kept.",
    .examples = "  pganchor password set db.example.com -U joe\n"
		"  pass show db | pganchor password set service=prod\n",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "the host of a server",
    .most = 1,
    .run = run,
};
