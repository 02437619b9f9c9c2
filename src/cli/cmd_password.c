/* pganchor password: what the desktop's keyring keeps for connections. */
#include "cli/cmd_password.h"

#include "anchor/server_keys.h"
#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "password/ask_keyring.h"
#include "password/index.h"
#include "password/private_key.h"
#include "password/secret.h"
#include "policy/effective.h"
#include "policy/linked.h"
#include "policy/secrets.h"
#include "report/json.h"
#include "service/ask.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct pga_command *const commands[] = {
    &pga_cmd_password_set,    &pga_cmd_password_get,
    &pga_cmd_password_list,   &pga_cmd_password_clear,
    &pga_cmd_password_import, &pga_cmd_password_export,
    &pga_cmd_password_unlock, NULL,
};

static const struct pga_habit habits[] = {
    {"add", "set"},    {"store", "set"},    {"show", "get"},     {"lookup", "get"},
    {"ls", "list"},    {"remove", "clear"}, {"delete", "clear"}, {"rm", "clear"},
    {"update", "set"}, {"change", "set"},   {NULL, NULL},
};

static int run(int argc, char **argv)
{
	return pga_commands_run(&pga_cmd_password, argc, argv);
}

const struct pga_command pga_cmd_password = {
    .name = "password",
    .summary = "keep passwords in the keyring, for servers that are verified",
    .about =
	"Keeps passwords and the passphrases of private keys in the keyring of the desktop "
	"(gnome-keyring, KeePassXC). The gate takes a password out of it for a connection that "
	"the policy allows, to a host that a pinned anchor is valid for, and for no other. An "
	"index without secrets, passwords.conf beside anchors.conf, says which there are.",
    .examples = "  pganchor password set db.example.com\n"
		"  pganchor password import\n",
    .run = run,
    .commands = commands,
    .habits = habits,
};

bool pga_password_options(const struct pga_command *command, int argc, char **argv,
			  struct pga_asked_password *asked, int *status)
{
	pga_secret_hide_process();
	if (!pga_options_read(command, argc, argv, asked, status))
		return false;
	if (optind < argc)
		asked->where = argv[optind];
	return true;
}

/* Whether libpq is to read the word (PQconnectdbParams(), expand_dbname). */
static bool is_conninfo(const char *word)
{
	return strchr(word, '=') != NULL || strncmp(word, "postgresql://", 13) == 0 ||
	       strncmp(word, "postgres://", 11) == 0;
}

/* What libpq is asked with. */
struct words {
	const char *keywords[7];
	const char *values[7];
	size_t count;
	char *host; /* of HOST:PORT */
	char port[16];
	struct pga_text conninfo;
};

static void add_word(struct words *words, const char *keyword, const char *value)
{
	if (value == NULL)
		return;
	words->keywords[words->count] = keyword;
	words->values[words->count++] = value;
}

static int read_where(const struct pga_asked_password *asked, struct words *words,
		      struct pga_error *error)
{
	struct pga_key_choice choice = {.host = NULL};
	const char *at;

	if (asked->where == NULL)
		return 0;
	if (asked->service) {
		add_word(words, "service", asked->where);
		return 0;
	}
	if (is_conninfo(asked->where)) {
		add_word(words, "dbname", asked->where);
		return 0;
	}
	at = strpbrk(asked->where, "@/");
	if (at != NULL && at != asked->where && *at == '@')
		return pga_fail(error, "the user is said with -U NAME, behind the host",
				"%s: a user stands before the host %s", asked->where,
				strrchr(asked->where, '@') + 1);
	if (pga_key_choice_read(asked->where, &choice, error) != 0)
		return -1;
	words->host = choice.host;
	add_word(words, "host", choice.host);
	if (choice.port != 0) {
		(void)snprintf(words->port, sizeof words->port, "%u", choice.port);
		add_word(words, "port", words->port);
	}
	return 0;
}

/* Whether somebody said so for this connection, and not for all. */
static bool is_said(const struct pga_effective *effective, const char *keyword)
{
	const PQconninfoOption *option = pga_option_find(effective->options, keyword);
	const ptrdiff_t index = option != NULL ? option - effective->options : -1;

	return index >= 0 && effective->origins != NULL && option->val != NULL &&
	       option->val[0] != '\0' &&
	       (effective->origins[index] == PGA_FROM_CONNINFO ||
		effective->origins[index] == PGA_FROM_SERVICE);
}

/* What a command line means. */
struct meant {
	struct pga_password_entry entry; /* what libpq would have; what it has not is NULL */
	bool said[PGA_SECRET_FILE];      /* for this connection, and not for all */
};

static int check_word(enum pga_secret_word word, const char *value, struct pga_error *error)
{
	if ((word == PGA_SECRET_HOST || word == PGA_SECRET_PORT) && strchr(value, ',') != NULL)
		return pga_fail(error, "give them one after the other, with -H HOST (and -p PORT)",
				"%s: several servers", value);
	if (word == PGA_SECRET_HOST && strcmp(value, PGA_PASSWORD_ANY) == 0)
		return pga_fail(error, "give the host of a server",
				"*: a password for any host would go to none");
	return 0;
}

static int take_word(const struct pga_effective *effective, enum pga_secret_word word,
		     struct meant *meant, struct pga_error *error)
{
	const char *keyword = pga_secret_word_name(word);
	const char *value = pga_effective_value(effective, keyword);

	meant->said[word] = is_said(effective, keyword);
	if (word == PGA_SECRET_HOST && !meant->said[word]) {
		value = pga_effective_value(effective, "hostaddr");
		meant->said[word] = is_said(effective, "hostaddr");
	}
	if (word == PGA_SECRET_HOST && !meant->said[word])
		return pga_fail(error, "give the host of the server, or -H HOST",
				"no server is named");
	if (value == NULL || value[0] == '\0')
		return 0;
	if (meant->said[word] && check_word(word, value, error) != 0)
		return -1;
	meant->entry.words[word] = strdup(value);
	return meant->entry.words[word] != NULL ? 0 : pga_fail_memory(error);
}

/* A password in the command is in the process list, and in the shell's history. */
static int refuse_password(const struct pga_effective *effective, struct pga_error *error)
{
	const PQconninfoOption *option = pga_option_find(effective->options, "password");

	if (option == NULL || effective->origins == NULL || option->val == NULL ||
	    option->val[0] == '\0' ||
	    effective->origins[option - effective->options] != PGA_FROM_CONNINFO)
		return 0;
	return pga_fail(error, "leave it out: it is asked for, or read from standard input",
			"a password is no part of the command");
}

static int key_entry(const char *file, struct pga_password_entry *entry, struct pga_error *error)
{
	struct pga_text path = PGA_TEXT_EMPTY;
	char *here = file[0] != '/' ? getcwd(NULL, 0) : NULL;

	entry->kind = PGA_SECRET_PASSPHRASE;
	if (file[0] != '/' && here == NULL)
		return pga_fail_errno(error, NULL, "could not tell the current directory");
	if (here != NULL)
		pga_text_addf(&path, "%s/", here);
	free(here);
	pga_text_add(&path, file);
	entry->words[PGA_SECRET_FILE] = pga_text_take(&path);
	return entry->words[PGA_SECRET_FILE] != NULL ? 0 : pga_fail_memory(error);
}

static int ask_libpq(struct words *words, struct meant *meant, struct pga_error *error)
{
	const struct pga_parameters parameters = {words->keywords, words->values, 1};
	struct pga_effective effective = {0};
	int result = pga_ask(&parameters, &effective, error);

	if (result != 0)
		return -1;
	pga_effective_trace(&pga_linked_libpq, &parameters, &effective);
	result = refuse_password(&effective, error);
	for (enum pga_secret_word word = 0; result == 0 && word < PGA_SECRET_FILE; word++)
		result = take_word(&effective, word, meant, error);
	pga_effective_free(&pga_linked_libpq, &effective);
	return result;
}

/* To be freed by pga_password_entry_end() in any case. */
static int read_meant(const struct pga_asked_password *asked, struct meant *meant,
		      struct pga_error *error)
{
	struct words words = {.count = 0};
	int result;

	memset(meant, 0, sizeof *meant);
	if (asked->key != NULL && (asked->where != NULL || asked->host != NULL))
		return pga_fail(error, NULL, "--key: a key is for any server");
	if (asked->key != NULL)
		return key_entry(asked->key, &meant->entry, error);
	result = read_where(asked, &words, error);
	add_word(&words, "host", asked->host);
	add_word(&words, "port", asked->port);
	add_word(&words, "dbname", asked->dbname);
	add_word(&words, "user", asked->user);
	if (result == 0)
		result = ask_libpq(&words, meant, error);
	free(words.host);
	return result;
}

/* What was not said of them is any. */
static int make_any(struct meant *meant, enum pga_secret_word word, struct pga_error *error)
{
	if (meant->said[word])
		return 0;
	free(meant->entry.words[word]);
	meant->entry.words[word] = strdup(PGA_PASSWORD_ANY);
	return meant->entry.words[word] != NULL ? 0 : pga_fail_memory(error);
}

int pga_password_entry_of(const struct pga_asked_password *asked, struct pga_password_entry *entry,
			  struct pga_error *error)
{
	struct meant meant;
	int result = read_meant(asked, &meant, error);

	if (result == 0 && asked->key == NULL) {
		result = make_any(&meant, PGA_SECRET_PORT, error);
		if (result == 0)
			result = make_any(&meant, PGA_SECRET_DBNAME, error);
		if (result == 0 && meant.entry.words[PGA_SECRET_USER] == NULL)
			result = pga_fail(error, "give it with -U NAME", "libpq knows no user");
	}
	/* Before anybody types. */
	if (result == 0 && asked->key != NULL)
		result = pga_private_key_wants_one(meant.entry.words[PGA_SECRET_FILE], error);
	*entry = meant.entry;
	return result;
}

void pga_password_entry_end(struct pga_password_entry *entry)
{
	for (enum pga_secret_word word = 0; word < PGA_SECRET_WORDS; word++)
		free(entry->words[word]);
	memset(entry, 0, sizeof *entry);
}

/* What is not said is any. */
static const char *said(const struct pga_password_entry *entry, enum pga_secret_word word)
{
	return entry->words[word] != NULL ? entry->words[word] : PGA_PASSWORD_ANY;
}

static bool is_any(const struct pga_password_entry *entry, enum pga_secret_word word)
{
	return strcmp(said(entry, word), PGA_PASSWORD_ANY) == 0;
}

/* Whether all that was said is what the entry says, too, or with `patterns` is any for it. */
static bool is_meant(const struct meant *meant, const struct pga_password_entry *entry,
		     bool patterns)
{
	if (meant->entry.kind != entry->kind)
		return false;
	if (entry->kind == PGA_SECRET_PASSPHRASE)
		return pga_password_entry_is(&meant->entry, entry);
	for (enum pga_secret_word word = 0; word < PGA_SECRET_FILE; word++)
		if (meant->said[word] && !(patterns && is_any(entry, word)) &&
		    strcmp(said(&meant->entry, word), said(entry, word)) != 0)
			return false;
	return true;
}

/* Behind the index's, what the keyring alone has: its words are moved. */
static int add_unknown(struct pga_passwords *list, struct pga_passwords *keyring,
		       struct pga_error *error)
{
	const size_t known = list->count;

	for (size_t i = 0; i < keyring->count; i++) {
		const struct pga_passwords index = {.entries = list->entries, .count = known};
		struct pga_password_entry *entry;

		if (pga_index_find(&index, &keyring->entries[i]) != NULL)
			continue;
		entry = pga_passwords_add(list);
		if (entry == NULL)
			return pga_fail_memory(error);
		*entry = keyring->entries[i];
		memset(&keyring->entries[i], 0, sizeof keyring->entries[i]);
	}
	return 0;
}

/* Chooses by a rule. Returns how many. */
static size_t choose(const struct meant *meant, const struct pga_passwords *list, bool patterns,
		     bool *chosen)
{
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++) {
		chosen[i] = meant == NULL ? list->entries[i].kind == PGA_SECRET_PASSWORD
					  : is_meant(meant, &list->entries[i], patterns);
		count += chosen[i];
	}
	return count;
}

/* The one that the gate would use for a connection by what libpq has; NULL. */
static const struct pga_password_entry *of_gate(const struct meant *meant,
						const struct pga_passwords *list)
{
	char *const *words = meant->entry.words;

	if (meant->entry.kind != PGA_SECRET_PASSWORD || words[PGA_SECRET_DBNAME] == NULL ||
	    words[PGA_SECRET_USER] == NULL)
		return NULL;
	return pga_password_for(list, words[PGA_SECRET_HOST],
				words[PGA_SECRET_PORT] != NULL ? words[PGA_SECRET_PORT] : "",
				words[PGA_SECRET_DBNAME], words[PGA_SECRET_USER]);
}

/* Those that say what was said; where there is none, the one that a connection would get; and where
 * there is none of these, those that may be for what was said. Returns how many. */
static size_t choose_meant(const struct meant *meant, const struct pga_passwords *list,
			   bool *chosen)
{
	size_t count = choose(meant, list, false, chosen);
	const struct pga_password_entry *one = count == 0 ? of_gate(meant, list) : NULL;

	if (one != NULL)
		chosen[one - list->entries] = true;
	else if (count == 0)
		count = choose(meant, list, true, chosen);
	return one != NULL ? 1 : count;
}

static int fail_without(const struct meant *meant, struct pga_error *error)
{
	struct pga_text name = PGA_TEXT_EMPTY;

	if (meant == NULL)
		return pga_fail(error, NULL, "no password is kept");
	if (meant->entry.kind == PGA_SECRET_PASSPHRASE) {
		pga_password_describe(&meant->entry, &name);
	} else {
		pga_text_add(&name, said(&meant->entry, PGA_SECRET_HOST));
		for (enum pga_secret_word word = PGA_SECRET_PORT; word < PGA_SECRET_FILE; word++)
			if (meant->said[word])
				pga_text_addf(&name, ", %s %s", pga_secret_word_name(word),
					      said(&meant->entry, word));
	}
	(void)pga_fail(error, "\"pganchor password list\" shows what is kept",
		       "%s: nothing is kept of it", pga_text_string(&name));
	pga_text_free(&name);
	return -1;
}

/* meant NULL: all passwords. */
static int choose_of_both(const struct meant *meant, struct pga_passwords *list, bool **chosen,
			  struct pga_error *error)
{
	struct pga_passwords keyring;
	struct pga_error why;
	const enum pga_secret_status status = pga_ask_keyring_list(&keyring, &why);
	size_t count = 0;
	int result = -1;

	if (add_unknown(list, &keyring, error) != 0)
		goto done;
	*chosen = calloc(list->count + 1, sizeof **chosen);
	if (*chosen == NULL) {
		(void)pga_fail_memory(error);
		goto done;
	}
	count =
	    meant != NULL ? choose_meant(meant, list, *chosen) : choose(NULL, list, false, *chosen);
	result = count > 0 ? 0 : -1;
	/* What could not be asked may have it. */
	if (count == 0 && status != PGA_SECRET_DONE)
		*error = why;
	else if (count == 0)
		(void)fail_without(meant, error);
done:
	pga_passwords_free(&keyring);
	return result;
}

int pga_password_choose(const struct pga_asked_password *asked, struct pga_passwords *list,
			bool **chosen, struct pga_error *error)
{
	const bool all = asked->where == NULL && asked->host == NULL && asked->port == NULL &&
			 asked->dbname == NULL && asked->user == NULL && asked->key == NULL &&
			 asked->or_all;
	struct meant meant = {.said = {false}};
	int result = -1;

	*chosen = NULL;
	memset(list, 0, sizeof *list);
	if ((all || read_meant(asked, &meant, error) == 0) && pga_index_read(list, error) == 0)
		result = choose_of_both(all ? NULL : &meant, list, chosen, error);
	pga_password_entry_end(&meant.entry);
	return result;
}

void pga_password_describe(const struct pga_password_entry *entry, struct pga_text *text)
{
	if (entry->kind == PGA_SECRET_PASSPHRASE) {
		pga_text_addf(text, "the private key %s", said(entry, PGA_SECRET_FILE));
		return;
	}
	pga_text_addf(text, "%s at %s",
		      is_any(entry, PGA_SECRET_USER) ? "any user" : said(entry, PGA_SECRET_USER),
		      said(entry, PGA_SECRET_HOST));
	if (!is_any(entry, PGA_SECRET_PORT))
		pga_text_addf(text, ", port %s", said(entry, PGA_SECRET_PORT));
	if (!is_any(entry, PGA_SECRET_DBNAME))
		pga_text_addf(text, ", database %s", said(entry, PGA_SECRET_DBNAME));
}

json_t *pga_password_as_json(const struct pga_password_entry *entry)
{
	json_t *object = json_pack("{s:s}", "kind", pga_secret_kind_name(entry->kind));

	for (enum pga_secret_word word = 0; word < PGA_SECRET_WORDS; word++)
		if (pga_secret_has_word(entry->kind, word))
			pga_json_set(object, pga_secret_word_name(word),
				     pga_json_text(entry->words[word]));
	return object;
}

int pga_password_failed(const struct pga_error *error)
{
	pga_print_error(error);
	return PGA_EXIT_FAILED;
}
