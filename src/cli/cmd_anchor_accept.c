/* pganchor anchor accept: a key that a server has shown is the server's. */
#include "cli/cmd_anchor.h"

#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/question.h"
#include "policy/policy.h"
#include "tls/fingerprint.h"

#include <stddef.h>
#include <string.h>

#define WAYS "compare the key with who runs the server, and give it by --key HEX"

struct accepting {
	const char *key;
	bool only;
	bool yes;
	bool dry_run;
	bool json;
};

static bool is_pending(const struct pga_known_servers *known, size_t index)
{
	return known->keys[index].state == PGA_KEY_CHANGED && pga_key_is_current(known, index);
}

/* Whether a key that is meant is good already. */
static bool is_good_already(const struct pga_key_list *list)
{
	for (size_t i = 0; i < list->known.count; i++)
		if (pga_key_is_chosen(&list->choice, &list->known.keys[i]) &&
		    pga_key_is_good(&list->known, i))
			return true;
	return false;
}

/* Nothing is there to accept: that is done, or not yet possible. */
static int find_nothing(const struct pga_key_list *list, bool asked_for, bool json)
{
	struct pga_error error;

	if (is_good_already(list)) {
		if (json)
			return pga_key_list_apply(list, true, true);
		pga_print(stdout,
			  "nothing to accept: %s has shown no key but those that are known\n",
			  list->choice.host);
		return PGA_EXIT_DONE;
	}
	(void)pga_fail(
	    &error,
	    "connect to it once with continuity in the policy; pganchor status lists the "
	    "keys that wait for being accepted",
	    asked_for ? "%s: has not shown this key" : "%s: has shown no key so far",
	    list->choice.host);
	pga_print_error(&error);
	return PGA_EXIT_FAILED;
}

/* Two keys that wait: which is the server's, only the user can say. */
static int check_one(const struct pga_key_list *list, struct pga_error *error)
{
	for (size_t i = 1; i < list->count; i++) {
		if (strcmp(list->changes[i].key->shown.key, list->changes[0].key->shown.key) == 0)
			continue;
		for (size_t j = 0; j < list->count; j++)
			pga_print_key(stderr, &list->known, list->changes[j].key);
		return pga_fail(error, WAYS,
				"%s: has shown more keys than one; nothing was accepted",
				list->choice.host);
	}
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
	for (size_t i = 0; i < list->count; i++) {
		const struct pga_known_key *key = list->changes[i].key;
		const struct pga_known_key *last =
		    pga_known_servers_last(&list->known, &key->shown);

		pga_print_key(question.out, &list->known, key);
		if (last != NULL)
			pga_print(question.out, "    known key  %s\n", last->shown.key);
	}
	(void)fputs("Nothing proves it but who runs the server. There it is what this prints:\n"
		    "    openssl x509 -in server.crt -noout -pubkey | openssl pkey -pubin -outform "
		    "der | sha256sum\n",
		    question.out);
	result = pga_question_ask(
	    &question, "Is this the server's key? Type yes, or the key: ", &answer, error);
	if (result == 0)
		result = weigh(&answer, list->changes[0].key->shown.key, error);
	pga_question_end(&question);
	return result;
}

/* With --only: the other keys of the same servers. */
static int add_others(struct pga_key_list *list, struct pga_error *error)
{
	const size_t accepted = list->count;

	for (size_t i = 0; i < list->known.count; i++) {
		bool other = false;

		for (size_t j = 0; j < accepted; j++)
			other = other || pga_key_is_of_server(&list->known.keys[i],
							      &list->changes[j].key->shown);
		if (other && pga_key_is_good(&list->known, i) &&
		    pga_key_list_add(list, i, PGA_KEY_FORGOTTEN, error) != 0)
			return -1;
	}
	return 0;
}

static void note_policy(void)
{
	struct pga_policy policy;
	struct pga_error error;

	if (pga_policy_load(&policy, &error) == 0 && policy.continuity == PGA_CONTINUITY_OFF)
		pga_print_warning("the policy has continuity = off: nothing looks at the keys");
	pga_policy_free(&policy);
}

static int accept_keys(struct pga_key_list *list, const struct accepting *asked)
{
	struct pga_error error = {0};
	int result = 0;

	for (size_t i = 0; i < list->known.count && result == 0; i++)
		if (is_pending(&list->known, i) &&
		    pga_key_is_chosen(&list->choice, &list->known.keys[i]))
			result = pga_key_list_add(list, i, PGA_KEY_ACCEPTED, &error);
	if (result == 0 && list->count == 0)
		return find_nothing(list, asked->key != NULL, asked->json);
	if (result == 0)
		result = check_one(list, &error);
	if (result == 0 && asked->key == NULL && !asked->yes && !asked->dry_run)
		result = ask(list, &error);
	if (result == 0 && asked->only)
		result = add_others(list, &error);
	if (result != 0) {
		pga_print_error(&error);
		return PGA_EXIT_FAILED;
	}
	note_policy();
	return pga_key_list_apply(list, asked->dry_run, asked->json);
}

static const struct pga_option options[] = {
    {.name = "key",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct accepting, key),
     .argument = "HEX",
     .help = "the key that it is to be: SHA-256 of its public key, as you got it from who runs the "
	     "server; then nothing is asked"},
    {.name = "only",
     .target = offsetof(struct accepting, only),
     .help = "the server has no other key any more: forget those that were known"},
    {.name = "yes", .target = offsetof(struct accepting, yes), .help = "do not ask"},
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct accepting, dry_run),
     .help = "change nothing, say what would be accepted"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct accepting, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv)
{
	struct accepting asked = {.key = NULL};
	struct pga_key_list list;
	int status;

	if (!pga_options_read(&pga_cmd_anchor_accept, argc, argv, &asked, &status))
		return status;
	status = pga_key_list_begin(&list, argv[optind], asked.key);
	if (status == PGA_EXIT_DONE)
		status = accept_keys(&list, &asked);
	pga_key_list_free(&list);
	return status;
}

const struct pga_command pga_cmd_anchor_accept = {
    .name = "anchor accept",
    .summary = "a key that a server has shown is the server's",
    .usage = "HOST[:PORT] [OPTION ...]",
    .about =
	"The server has another key than before, and who runs it says so: the gate takes it "
	"from now on. The keys that were known before stay good, for one name may have several "
	"servers; --only takes them out.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "the host of a server",
    .least = 1,
    .most = 1,
    .examples = "  pganchor anchor accept db.example.com\n",
    .run = run,
};
