/* pganchor password list: what is kept, without the secrets. */
#include "cli/cmd_password.h"

#include "base/terminal.h"
#include "cli/cli.h"
#include "password/ask_keyring.h"
#include "password/index.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "policy/release.h"
#include "report/json.h"
#include "report/table.h"

#include <stdlib.h>
#include <string.h>

/* What is known of all of them. */
struct known {
	struct pga_passwords index;
	struct pga_passwords keyring;
	enum pga_secret_status status; /* of the keyring */
	struct pga_error why;          /* it could not be asked */
	struct pga_policy policy;
	struct pga_pins pins;
};

/* Where it is, for a reader. */
static const char *place(const struct known *known, const struct pga_password_entry *entry)
{
	const bool in_index = pga_index_find(&known->index, entry) != NULL;

	if (known->status != PGA_SECRET_DONE)
		return "unknown";
	if (pga_index_find(&known->keyring, entry) == NULL)
		return "missing";
	return in_index ? "kept" : "not in the index";
}

/* Why it may not be used; NULL where nothing is known against it. */
static const char *reason(const struct known *known, const struct pga_password_entry *entry)
{
	const enum pga_release release =
	    entry->kind == PGA_SECRET_PASSWORD
		? pga_release_to(&known->policy, &known->pins, entry->words[PGA_SECRET_HOST])
		: PGA_RELEASE;

	if (release != PGA_RELEASE)
		return pga_release_reason(release);
	if (pga_index_find(&known->index, entry) == NULL)
		return "not in " PGA_PASSWORDS_FILE;
	if (known->status == PGA_SECRET_DONE && pga_index_find(&known->keyring, entry) == NULL)
		return "missing in the keyring";
	return NULL;
}

static json_t *entry_as_json(const struct known *known, const struct pga_password_entry *entry)
{
	const char *why = reason(known, entry);
	json_t *object = pga_password_as_json(entry);

	pga_json_set(object, "keyring", json_string(place(known, entry)));
	pga_json_set(object, "stays", why != NULL ? json_string(why) : json_null());
	return object;
}

static void add_all(const struct known *known, json_t *entries)
{
	for (size_t i = 0; i < known->index.count; i++)
		pga_json_add(entries, entry_as_json(known, &known->index.entries[i]));
	for (size_t i = 0; i < known->keyring.count; i++)
		if (pga_index_find(&known->index, &known->keyring.entries[i]) == NULL)
			pga_json_add(entries, entry_as_json(known, &known->keyring.entries[i]));
}

static const char *state_name(enum pga_secret_status status)
{
	switch (status) {
	case PGA_SECRET_DONE:
		return "unlocked";
	case PGA_SECRET_LOCKED:
		return "locked";
	case PGA_SECRET_ABSENT:
		return "absent";
	case PGA_SECRET_LATE:
		return "late";
	default:
		return "failed";
	}
}

static int print_json(const struct known *known, int status)
{
	json_t *entries = json_array();

	add_all(known, entries);
	return pga_json_print(json_pack("{s:o, s:s, s:o}", "passwords", entries, "keyring",
					state_name(known->status), "file",
					known->index.file.path != NULL
					    ? pga_json_text(known->index.file.path)
					    : json_null()),
			      status);
}

#define COLUMNS 3

static bool add_row(const struct known *known, const struct pga_password_entry *entry, char **cells)
{
	const char *why = reason(known, entry);
	struct pga_text may = PGA_TEXT_EMPTY;
	struct pga_text name = PGA_TEXT_EMPTY;

	pga_password_describe(entry, &name);
	cells[0] = pga_text_take(&name);
	cells[1] = strdup(place(known, entry));
	if (why != NULL)
		pga_text_addf(&may, "no: %s", why);
	else
		pga_text_add(&may, known->status == PGA_SECRET_DONE ? "yes" : "unknown");
	cells[2] = pga_text_take(&may);
	return cells[0] != NULL && cells[1] != NULL && cells[2] != NULL;
}

static int print_rows(const struct known *known)
{
	static const char *const heading[COLUMNS] = {"OF", "IN THE KEYRING", "MAY BE USED"};
	const size_t most = known->index.count + known->keyring.count;
	char **cells = calloc(most * COLUMNS + 1, sizeof *cells);
	size_t rows = 0;
	bool good = cells != NULL;

	for (size_t i = 0; good && i < known->index.count; i++)
		good = add_row(known, &known->index.entries[i], cells + rows++ * COLUMNS);
	for (size_t i = 0; good && i < known->keyring.count; i++)
		if (pga_index_find(&known->index, &known->keyring.entries[i]) == NULL)
			good = add_row(known, &known->keyring.entries[i], cells + rows++ * COLUMNS);
	if (good && rows > 0)
		pga_print_table(stdout, heading, (const char *const *)cells, COLUMNS, rows, NULL);
	else if (good)
		(void)puts("no password is kept; \"pganchor password set HOST\" keeps one");
	pga_cells_free(cells, most * COLUMNS);
	return good ? 0 : -1;
}

static int print(const struct known *known, bool json, struct pga_error *error)
{
	const bool wrong = known->status == PGA_SECRET_FAILED;
	const int status = wrong ? PGA_EXIT_FAILED : PGA_EXIT_DONE;

	/* Without any, nobody misses a keyring. */
	if (known->status != PGA_SECRET_DONE && (known->index.count > 0 || wrong))
		pga_print_warning("%s\n    %s", known->why.message, known->why.hint);
	if (json)
		return print_json(known, status);
	if (print_rows(known) != 0) {
		(void)pga_fail_memory(error);
		return pga_password_failed(error);
	}
	return status;
}

static const struct pga_option options[] = {
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct pga_asked_password, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv)
{
	struct pga_asked_password asked = {.where = NULL};
	struct known known;
	struct pga_error error;
	int status;

	if (!pga_options_read(&pga_cmd_password_list, argc, argv, &asked, &status))
		return status;
	memset(&known, 0, sizeof known);
	if (pga_index_read(&known.index, &error) != 0 ||
	    pga_policy_load(&known.policy, &error) != 0 ||
	    pga_pins_load(&known.pins, &known.policy, &error) != 0) {
		status = pga_password_failed(&error);
	} else {
		known.status = pga_ask_keyring_list(&known.keyring, &known.why);
		status = print(&known, asked.json, &error);
	}
	pga_passwords_free(&known.keyring);
	pga_passwords_free(&known.index);
	pga_pins_free(&known.pins);
	pga_policy_free(&known.policy);
	return status;
}

const struct pga_command pga_cmd_password_list = {
    .name = "password list",
    .summary = "show which passwords are kept",
    .usage = "[--json]",
    .about = "Shows what the index has, whether the keyring has it, too, where that can be asked, "
	     "and whether it may go to the server now, or why not. What the keyring alone has is "
	     "of no use to the gate: pganchor password set brings it into the index, and clear "
	     "removes it.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .run = run,
};
