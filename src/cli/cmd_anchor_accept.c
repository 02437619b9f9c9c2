/* pganchor anchor accept: a key that a server has shown is the server's. */
#include "cli/cmd_anchor.h"

#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/question.h"
#include "tls/fingerprint.h"

#include <stddef.h>
#include <string.h>

#define WAYS "compare the key with who runs the server, and give it by --key HEX"

/* For the user, what waits. For the system, what this user has met of it, too. */
static bool is_candidate(const struct pga_key_list *list, size_t index)
{
	const struct pga_known_key *key = &list->known.keys[index];

	if (!pga_key_is_chosen(&list->choice, key))
		return false;
	if (pga_key_waits(&list->known, &list->policy, index))
		return true;
	return list->asked->system && index >= list->known.system_count &&
	       pga_key_is_current(&list->known, index) && key->state != PGA_KEY_FORGOTTEN &&
	       (!pga_key_is_of_the_system(&list->known, &key->shown) ||
		pga_known_servers_judge(&list->known, NULL, &list->policy, &key->shown) !=
		    PGA_SERVER_KNOWN);
}

/* Whether a key that is meant is good already, in the files that are to be changed. */
static bool is_good_already(const struct pga_key_list *list)
{
	for (size_t i = 0; i < list->known.count; i++)
		if (pga_key_is_chosen(&list->choice, &list->known.keys[i]) &&
		    pga_key_list_has_line(list, i) && pga_key_is_good(&list->known, i))
			return true;
	return false;
}

/* The other keys that wait there: what is typed may be another's. */
static void warn_of_waiting(const struct pga_key_list *list)
{
	struct pga_key_choice any = list->choice;

	any.key[0] = '\0';
	for (size_t i = 0; i < list->known.count; i++)
		if (pga_key_is_chosen(&any, &list->known.keys[i]) &&
		    pga_key_waits(&list->known, &list->policy, i))
			pga_print_warning("%s has not shown this key; it has shown %s, which still "
					  "waits for being accepted",
					  list->name, list->known.keys[i].shown.key);
}

/* A key that nobody has seen yet, as before a server gets a new one: of each port of the host that
 * is known, where the user has named none. */
static int add_unseen(struct pga_key_list *list, struct pga_error *error)
{
	struct pga_key_choice any = list->choice;
	struct pga_shown_key shown = {.host = list->choice.host, .port = list->choice.port};
	int result = 0;

	any.key[0] = '\0';
	memcpy(shown.key, list->choice.key, sizeof shown.key);
	warn_of_waiting(list);
	for (size_t i = 0; i < list->known.count && list->choice.port == 0 && result == 0; i++)
		if (pga_key_is_chosen(&any, &list->known.keys[i])) {
			shown.port = list->known.keys[i].shown.port;
			result = pga_key_list_add(list, &shown, PGA_KEY_ACCEPTED, error);
		}
	if (result != 0 || list->count > 0)
		return result;
	if (shown.port == 0)
		shown.port = PGA_DEFAULT_PORT;
	return pga_key_list_add(list, &shown, PGA_KEY_ACCEPTED, error);
}

/* With --only, a key that is good already is what the others are forgotten for. */
static int add_good(struct pga_key_list *list, struct pga_error *error)
{
	int result = 0;

	for (size_t i = 0; i < list->known.count && result == 0; i++)
		if (pga_key_is_chosen(&list->choice, &list->known.keys[i]) &&
		    pga_key_list_has_line(list, i) && pga_key_is_good(&list->known, i))
			result = pga_key_list_add(list, &list->known.keys[i].shown,
						  PGA_KEY_ACCEPTED, error);
	return result;
}

static int find_keys(struct pga_key_list *list, struct pga_error *error)
{
	int result = 0;

	for (size_t i = 0; i < list->known.count && result == 0; i++)
		if (is_candidate(list, i))
			result = pga_key_list_add(list, &list->known.keys[i].shown,
						  PGA_KEY_ACCEPTED, error);
	if (result != 0 || list->count > 0)
		return result;
	if (is_good_already(list))
		return list->asked->only ? add_good(list, error) : 0;
	if (list->asked->key != NULL)
		return add_unseen(list, error);
	return pga_fail(error,
			"connect to it once with continuity in the policy, by the same name, or "
			"give the key by --key HEX; pganchor status lists those that wait for "
			"being accepted",
			"%s: has shown no key so far", list->name);
}

/* Two keys that wait: which is the server's, only the user can say. */
static int check_one(const struct pga_key_list *list, struct pga_error *error)
{
	for (size_t i = 1; i < list->count; i++) {
		if (strcmp(list->changes[i].shown.key, list->changes[0].shown.key) == 0)
			continue;
		for (size_t j = 0; j < list->count; j++)
			pga_print_key(stderr, list, &list->changes[j].shown);
		return pga_fail(error, WAYS,
				"%s: has shown more keys than one; nothing was accepted",
				list->name);
	}
	return 0;
}

static int fail_for_system(const struct pga_known_servers *known, const struct pga_shown_key *shown,
			   struct pga_error *error)
{
	struct pga_text server = PGA_TEXT_EMPTY;
	struct pga_text hint = PGA_TEXT_EMPTY;

	pga_key_add_server(&server, shown);
	pga_text_add(&hint, "who runs this machine can accept it for every user: ");
	pga_key_add_accept(&hint, known, shown, true);
	(void)pga_fail(error, pga_text_string(&hint), "%s: the system's files have its keys",
		       pga_text_string(&server));
	pga_text_free(&server);
	pga_text_free(&hint);
	return -1;
}

/* What the system's files know, no file of the user's changes. */
static int check_users(const struct pga_key_list *list, struct pga_error *error)
{
	for (size_t i = 0; i < list->count && !list->asked->system; i++)
		if (pga_key_is_of_the_system(&list->known, &list->changes[i].shown))
			return fail_for_system(&list->known, &list->changes[i].shown, error);
	return 0;
}

static int weigh(const struct pga_answer *answer, const char *key, struct pga_error *error)
{
	char typed[PGA_PIN_LENGTH + 1];

	if (answer->whole && strcmp(answer->text, "yes") == 0)
		return 0;
	if (answer->whole && pga_fingerprint_read(answer->text, "", typed, error) == 0 &&
	    strcmp(typed, key) == 0)
		return 0;
	return pga_fail(error, WAYS, "not accepted by you; nothing was changed");
}

static int ask(const struct pga_key_list *list, struct pga_error *error)
{
	struct pga_question question;
	struct pga_answer answer;
	int result;

	if (pga_question_begin(&question, WAYS, error) != 0)
		return -1;
	for (size_t i = 0; i < list->count; i++)
		pga_print_key(question.out, list, &list->changes[i].shown);
	(void)fputs("Nothing proves it but who runs the server. There it is what this prints:\n"
		    "    openssl x509 -in server.crt -noout -pubkey | openssl pkey -pubin -outform "
		    "der | sha256sum\n",
		    question.out);
	result = pga_question_ask(
	    &question, "Is this the server's key? Type yes, or the key: ", &answer, error);
	if (result == 0)
		result = weigh(&answer, list->changes[0].shown.key, error);
	pga_question_end(&question);
	return result;
}

/* With --only: the other keys of the same servers. */
static int add_others(struct pga_key_list *list, struct pga_error *error)
{
	const size_t accepted = list->count;
	int result = 0;

	for (size_t i = 0; i < list->known.count && result == 0; i++) {
		bool other = false;

		for (size_t j = 0; j < accepted; j++)
			other = other || pga_key_is_of_server(&list->known.keys[i].shown,
							      &list->changes[j].shown);
		if (other && pga_key_list_has_line(list, i) && pga_key_is_good(&list->known, i))
			result = pga_key_list_add(list, &list->known.keys[i].shown,
						  PGA_KEY_FORGOTTEN, error);
	}
	return result;
}

static int accept_keys(struct pga_key_list *list)
{
	const struct pga_asked_keys *asked = list->asked;
	struct pga_error error = {0};
	int result = find_keys(list, &error);

	if (result == 0)
		result = check_one(list, &error);
	if (result == 0)
		result = check_users(list, &error);
	if (result == 0 && list->count > 0 && asked->key == NULL && !asked->yes && !asked->dry_run)
		result = ask(list, &error);
	if (result == 0 && asked->only)
		result = add_others(list, &error);
	if (result != 0) {
		pga_print_error(&error);
		return PGA_EXIT_FAILED;
	}
	if (list->policy.continuity == PGA_CONTINUITY_OFF)
		pga_print_warning("the policy has continuity = off: nothing looks at the keys");
	if (list->count == 0 && !asked->json)
		pga_print(stdout,
			  asked->key != NULL
			      ? "nothing to accept: this key of %s is known\n"
			      : "nothing to accept: %s has shown no key but those that are known\n",
			  list->name);
	return pga_key_list_apply(list);
}

static const struct pga_option options[] = {
    {.name = "key",
     .kind = PGA_OPTION_TAKEN,
     .take = pga_take_key,
     .argument = "HEX",
     .help =
	 "the key, SHA-256 of its public key, as you got it from who runs the server: nothing is "
	 "asked, and it need not have been seen"},
    {.name = "only",
     .target = offsetof(struct pga_asked_keys, only),
     .help = "the server has no other key any more: forget those that were known"},
    {.name = "system",
     .target = offsetof(struct pga_asked_keys, system),
     .help = "for every user of this machine, whose own files then say nothing of the server"},
    {.name = "yes", .target = offsetof(struct pga_asked_keys, yes), .help = "do not ask"},
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct pga_asked_keys, dry_run),
     .help = "change nothing, say what would be accepted"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct pga_asked_keys, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv)
{
	return pga_run_on_keys(&pga_cmd_anchor_accept, argc, argv, accept_keys);
}

const struct pga_command pga_cmd_anchor_accept = {
    .name = "anchor accept",
    .summary = "accept another key of a server",
    .usage = "HOST[:PORT] [OPTION ...]",
    .about =
	"The server has another key than before, or is to be known before the first "
	"connection, and who runs it says which key it has: the gate takes that from now on. "
	"HOST is what connections name, and each name and port is a server of its own; without "
	"a port, all that are known are meant. The keys that were known before stay good, for "
	"one name may have several servers; --only forgets them.\n\n"
	"A server's key is the SHA-256 that this prints there: openssl x509 -in server.crt "
	"-noout -pubkey | openssl pkey -pubin -outform der | sha256sum",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "the host of a server",
    .least = 1,
    .most = 1,
    .statuses = "Exit status: 0 accepted, or known already; 1 failed, or not accepted by you: "
		"nothing was changed; 2 usage.",
    .examples = "  pganchor anchor accept db.example.com\n"
		"  sudo pganchor anchor accept --system db.example.com --key HEX\n",
    .run = run,
};
