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

static const struct pga_command *const commands[] = {
    &pga_cmd_anchor_accept,
    &pga_cmd_anchor_forget,
    NULL,
};

static const struct pga_habit habits[] = {
    {"trust", "accept"},
    {"rm", "forget"},
    {"remove", "forget"},
    {NULL, NULL},
};

static int run(int argc, char **argv)
{
	return pga_commands_run(&pga_cmd_anchor, argc, argv);
}

const struct pga_command pga_cmd_anchor = {
    .name = "anchor",
    .summary = "accept and forget the keys that servers have shown",
    .about = "With continuity in the policy, the gate remembers the key that each server has "
	     "shown, in known_servers beside anchors.conf, and another one is warned of or "
	     "refused, although the CA has signed it. Roots are pinned by pganchor bootstrap.",
    .examples = "  pganchor anchor accept db.example.com\n",
    .run = run,
    .commands = commands,
    .habits = habits,
};

int pga_key_list_begin(struct pga_key_list *list, const char *word, const char *key)
{
	struct pga_error error;
	int status = PGA_EXIT_DONE;

	memset(list, 0, sizeof *list);
	if (pga_key_choice_read(word, &list->choice, &error) != 0 ||
	    (key != NULL && pga_fingerprint_read(key, "--key", list->choice.key, &error) != 0))
		status = PGA_EXIT_USAGE;
	else if (pga_known_servers_load(&list->known, &error) != 0)
		status = PGA_EXIT_FAILED;
	if (status != PGA_EXIT_DONE)
		pga_print_error(&error);
	return status;
}

void pga_key_list_free(struct pga_key_list *list)
{
	free(list->changes);
	free(list->choice.host);
	pga_known_servers_free(&list->known);
}

int pga_key_list_add(struct pga_key_list *list, size_t index, enum pga_key_state state,
		     struct pga_error *error)
{
	struct pga_key_change *grown =
	    reallocarray(list->changes, list->count + 1, sizeof *list->changes);

	if (grown == NULL)
		return pga_fail_memory(error);
	list->changes = grown;
	grown[list->count++] = (struct pga_key_change){&list->known.keys[index], state};
	return 0;
}

static const char *issuer_note(const struct pga_known_servers *known,
			       const struct pga_known_key *key)
{
	const struct pga_known_key *last = pga_known_servers_last(known, &key->shown);

	if (last == NULL || last == key)
		return "";
	return strcmp(last->shown.issuer, key->shown.issuer) == 0 ? " (the same as before)"
								  : " (another one than before)";
}

void pga_print_key(FILE *stream, const struct pga_known_servers *known,
		   const struct pga_known_key *key)
{
	char when[PGA_MOMENT];

	pga_moment((time_t)key->time, false, when);
	pga_print(stream,
		  "%s, port %u\n    key        %s%s%s\n    signed by  %s%s\n    %s %s%s%s\n",
		  key->shown.host, key->shown.port, pga_colour(stream, PGA_BOLD), key->shown.key,
		  pga_colour(stream, PGA_PLAIN), key->shown.issuer, issuer_note(known, key),
		  key->state == PGA_KEY_ACCEPTED ? "accepted  " : "seen      ", when,
		  key->program[0] != '\0' ? ", by " : "", key->program);
}

static json_t *key_as_json(const struct pga_key_change *change)
{
	const struct pga_shown_key *shown = &change->key->shown;

	return json_pack("{s:o, s:i, s:s, s:s, s:s}", "host", pga_json_text(shown->host), "port",
			 (int)shown->port, "key", shown->key, "issuer", shown->issuer, "is",
			 change->state == PGA_KEY_ACCEPTED ? "accepted" : "forgotten");
}

json_t *pga_key_list_as_json(const struct pga_key_list *list)
{
	json_t *keys = json_array();

	for (size_t i = 0; i < list->count; i++)
		pga_json_add(keys, key_as_json(&list->changes[i]));
	return keys;
}

static void print_change(const struct pga_key_change *change, bool dry_run)
{
	const bool accepted = change->state == PGA_KEY_ACCEPTED;

	pga_print(stdout, "%s %s, port %u: key %s\n",
		  dry_run ? (accepted ? "would accept" : "would forget")
			  : (accepted ? "accepted" : "forgot"),
		  change->key->shown.host, change->key->shown.port, change->key->shown.key);
}

int pga_key_list_apply(const struct pga_key_list *list, bool dry_run, bool json)
{
	struct pga_error error;

	if (!dry_run &&
	    pga_server_keys_change(&list->known, list->changes, list->count, &error) != 0) {
		pga_print_error(&error);
		return PGA_EXIT_FAILED;
	}
	if (json)
		return pga_json_print(json_pack("{s:o, s:b, s:o}", "keys",
						pga_key_list_as_json(list), "dry_run", (int)dry_run,
						"file", pga_json_text(list->known.file.path)),
				      PGA_EXIT_DONE);
	for (size_t i = 0; i < list->count; i++)
		print_change(&list->changes[i], dry_run);
	return PGA_EXIT_DONE;
}
