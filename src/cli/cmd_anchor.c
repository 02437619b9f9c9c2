/* pganchor anchor: what is trusted, and the keys that servers have shown. */
#include "cli/cmd_anchor.h"

#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "report/json.h"
#include "report/moment.h"
#include "tls/fingerprint.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct pga_command *const commands[] = {
    &pga_cmd_anchor_list,   &pga_cmd_anchor_show,    &pga_cmd_anchor_add,
    &pga_cmd_anchor_import, &pga_cmd_anchor_refresh, &pga_cmd_anchor_timer,
    &pga_cmd_anchor_verify, &pga_cmd_anchor_rename,  &pga_cmd_anchor_set_hosts,
    &pga_cmd_anchor_export, &pga_cmd_anchor_trim,    &pga_cmd_anchor_remove,
    &pga_cmd_anchor_accept, &pga_cmd_anchor_forget,  NULL,
};

static const struct pga_habit habits[] = {
    {"trust", "accept"},    {"rm", "remove"}, {"del", "remove"}, {"delete", "remove"},
    {"check", "verify"},    {"ls", "list"},   {"get", "show"},   {"mv", "rename"},
    {"hosts", "set-hosts"}, {NULL, NULL},
};

static int run(int argc, char **argv)
{
	return pga_commands_run(&pga_cmd_anchor, argc, argv);
}

const struct pga_command pga_cmd_anchor = {
    .name = "anchor",
    .summary = "what is trusted: add, list, show, refresh, remove anchors",
    .about = "An anchor is the root of a CA that is trusted for PostgreSQL, pinned for the hosts "
	     "that it is valid for. The desktop's keyring can keep a copy of the pins, by which a "
	     "change of the file is noticed.\n\n"
	     "With continuity in the policy, the gate remembers the key that each server has "
	     "shown, in known_servers.conf beside anchors.conf, and another one is warned of or "
	     "refused, although the CA has signed it: accept and forget are about these.",
    .examples = "  pganchor anchor list\n"
		"  pganchor anchor accept db.example.com\n",
    .run = run,
    .commands = commands,
    .habits = habits,
};

#define KEY_ADVICE                                                                            \
	"it is what this prints on the server: openssl x509 -in server.crt -noout -pubkey | " \
	"openssl pkey -pubin -outform der | sha256sum"

/* What sha256sum prints behind it is the name of a file. */
static int read_digits(const char *value, char digits[PGA_PIN_LENGTH + 1], struct pga_error *error)
{
	char word[256];
	const size_t length = strcspn(value, " \t\n");

	if (strcasestr(value, "fingerprint") != NULL)
		return pga_fail(error, KEY_ADVICE,
				"--key: that is a certificate's fingerprint, and not its key's");
	(void)snprintf(word, sizeof word, "%.*s", (int)length, value);
	if (pga_fingerprint_read(length < sizeof word ? word : value, "--key", digits, error) == 0)
		return 0;
	(void)snprintf(error->hint, sizeof error->hint, KEY_ADVICE);
	return -1;
}

int pga_take_key(void *into, const struct pga_option *option, const char *value)
{
	struct pga_asked_keys *asked = into;
	struct pga_error error;

	(void)option;
	if (asked->key != NULL)
		(void)pga_fail(&error, "type the command once for each",
			       "--key: one key at a time");
	else if (read_digits(value, asked->digits, &error) == 0) {
		asked->key = asked->digits;
		return PGA_EXIT_DONE;
	}
	pga_print_error(&error);
	return PGA_EXIT_USAGE;
}

static int begin(struct pga_key_list *list, const char *word, const struct pga_asked_keys *asked)
{
	struct pga_error error;
	int status = PGA_EXIT_DONE;

	memset(list, 0, sizeof *list);
	list->asked = asked;
	memcpy(list->choice.key, asked->digits, sizeof list->choice.key);
	list->name = pga_printable(word);
	if (list->name == NULL) {
		(void)pga_fail_memory(&error);
		status = PGA_EXIT_FAILED;
	} else if (pga_key_choice_read(word, &list->choice, &error) != 0) {
		status = PGA_EXIT_USAGE;
	} else if (pga_policy_load(&list->policy, &error) != 0 ||
		   pga_known_servers_load(&list->known, &error) != 0) {
		status = PGA_EXIT_FAILED;
	}
	if (status != PGA_EXIT_DONE)
		pga_print_error(&error);
	return status;
}

static void end(struct pga_key_list *list)
{
	free(list->changes);
	free(list->choice.host);
	free(list->name);
	pga_known_servers_free(&list->known);
	pga_policy_free(&list->policy);
}

int pga_run_on_keys(const struct pga_command *command, int argc, char **argv,
		    int (*act)(struct pga_key_list *list))
{
	struct pga_asked_keys asked = {.key = NULL};
	struct pga_key_list list;
	int status;

	if (!pga_options_read(command, argc, argv, &asked, &status))
		return status;
	status = begin(&list, argv[optind], &asked);
	if (status == PGA_EXIT_DONE)
		status = act(&list);
	end(&list);
	return status;
}

int pga_key_list_add(struct pga_key_list *list, const struct pga_shown_key *shown,
		     enum pga_key_state state, struct pga_error *error)
{
	struct pga_key_change *grown;

	for (size_t i = 0; i < list->count; i++)
		if (pga_key_is_same(&list->changes[i].shown, shown))
			return 0;
	grown = reallocarray(list->changes, list->count + 1, sizeof *list->changes);
	if (grown == NULL)
		return pga_fail_memory(error);
	list->changes = grown;
	grown[list->count++] = (struct pga_key_change){*shown, state};
	return 0;
}

bool pga_key_list_has_line(const struct pga_key_list *list, size_t index)
{
	return (index < list->known.system_count) == list->asked->system;
}

/* The last line of this key; NULL where there is none. */
static const struct pga_known_key *line_of(const struct pga_known_servers *known,
					   const struct pga_shown_key *shown)
{
	for (size_t i = known->count; i-- > 0;)
		if (pga_key_is_same(&known->keys[i].shown, shown))
			return &known->keys[i];
	return NULL;
}

/* Of a name that anybody may have chosen, no line of its own. */
static void print_name(FILE *stream, const char *before, const char *name)
{
	char *printable = pga_printable(name);

	(void)fprintf(stream, "%s%s", before, printable != NULL ? printable : "");
	free(printable);
}

static void print_issuer(FILE *stream, const struct pga_known_servers *known,
			 const struct pga_shown_key *shown)
{
	const char *note = pga_key_issuer_note(known, shown);

	if (shown->issuer[0] != '\0')
		(void)fprintf(stream, "    signed by  %s%s%s\n", shown->issuer,
			      note[0] != '\0' ? ", " : "", note);
}

static void print_line(FILE *stream, const struct pga_known_key *line)
{
	char when[PGA_MOMENT];

	pga_moment((time_t)line->time, false, when);
	(void)fprintf(stream, "    seen       %s", when);
	if (line->program[0] != '\0')
		print_name(stream, ", by ", line->program);
	(void)fputc('\n', stream);
}

void pga_print_key(FILE *stream, const struct pga_key_list *list, const struct pga_shown_key *shown)
{
	const struct pga_known_key *last = pga_known_servers_last(&list->known, shown);
	const struct pga_known_key *line = line_of(&list->known, shown);

	print_name(stream, "", shown->host);
	(void)fprintf(stream, ", port %u\n    key        %s%s%s\n", shown->port,
		      pga_colour(stream, PGA_BOLD), shown->key, pga_colour(stream, PGA_PLAIN));
	print_issuer(stream, &list->known, shown);
	if (line != NULL)
		print_line(stream, line);
	else
		(void)fputs("    seen       never so far\n", stream);
	if (last != NULL && strcmp(last->shown.key, shown->key) != 0)
		(void)fprintf(stream, "    known key  %s\n", last->shown.key);
}

static json_t *list_as_json(const struct pga_key_list *list)
{
	json_t *keys = json_array();

	for (size_t i = 0; i < list->count; i++) {
		const struct pga_key_change *change = &list->changes[i];
		const struct pga_shown_key *shown = &change->shown;

		pga_json_add(
		    keys,
		    json_pack("{s:o, s:i, s:s, s:o, s:s}", "host", pga_json_text(shown->host),
			      "port", (int)shown->port, "key", shown->key, "issuer",
			      shown->issuer[0] != '\0' ? json_string(shown->issuer) : json_null(),
			      "is", change->state == PGA_KEY_ACCEPTED ? "accepted" : "forgotten"));
	}
	return keys;
}

static void print_change(const struct pga_key_change *change, bool dry_run)
{
	const bool accepted = change->state == PGA_KEY_ACCEPTED;

	(void)fputs(dry_run ? (accepted ? "would accept " : "would forget ")
			    : (accepted ? "accepted " : "forgot "),
		    stdout);
	print_name(stdout, "", change->shown.host);
	(void)printf(", port %u: key %s\n", change->shown.port, change->shown.key);
}

int pga_key_list_apply(const struct pga_key_list *list)
{
	const struct pga_asked_keys *asked = list->asked;
	const char *path = asked->system ? PGA_KNOWN_SERVERS_SYSTEM : list->known.file.path;
	struct pga_error error;

	if (!asked->dry_run && list->count > 0 &&
	    pga_server_keys_change(&list->known, asked->system, list->changes, list->count,
				   &error) != 0) {
		if (asked->system && geteuid() != 0)
			(void)snprintf(error.hint, sizeof error.hint,
				       "run it as root, such as with sudo; nothing was changed");
		pga_print_error(&error);
		return PGA_EXIT_FAILED;
	}
	if (asked->json)
		return pga_json_print(json_pack("{s:o, s:b, s:o}", "keys", list_as_json(list),
						"dry_run", (int)asked->dry_run, "file",
						path != NULL ? pga_json_text(path) : json_null()),
				      PGA_EXIT_DONE);
	for (size_t i = 0; i < list->count; i++)
		print_change(&list->changes[i], asked->dry_run);
	return PGA_EXIT_DONE;
}
