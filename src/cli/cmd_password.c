/* pganchor password: what the desktop's keyring keeps for connections. */
#include "cli/cmd_password.h"

#include "anchor/server_keys.h"
#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "password/index.h"
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
    {"add", "set"},      {"store", "set"},    {"show", "get"}, {"lookup", "get"}, {"ls", "list"},
    {"remove", "clear"}, {"delete", "clear"}, {"rm", "clear"}, {NULL, NULL},
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

static int take_word(const struct pga_effective *effective, enum pga_secret_word word,
		     struct pga_password_entry *entry, struct pga_error *error)
{
	const char *keyword = pga_secret_word_name(word);
	const char *value = pga_effective_value(effective, keyword);
	bool said = is_said(effective, keyword);

	if (word == PGA_SECRET_HOST && !said) {
		value = pga_effective_value(effective, "hostaddr");
		said = is_said(effective, "hostaddr");
	}
	if (!said && word == PGA_SECRET_HOST)
		return pga_fail(error, "give the host of the server, or -H HOST",
				"it names no server");
	if (!said && word != PGA_SECRET_USER)
		value = PGA_PASSWORD_ANY;
	if (value == NULL || value[0] == '\0')
		return pga_fail(error, "give it with -U NAME", "libpq knows no user");
	if ((word == PGA_SECRET_HOST || word == PGA_SECRET_PORT) && strchr(value, ',') != NULL)
		return pga_fail(error, "give them one after the other, with -H HOST (and -p PORT)",
				"%s: several servers", value);
	if (word == PGA_SECRET_HOST && strcmp(value, PGA_PASSWORD_ANY) == 0)
		return pga_fail(error, "give the host of a server",
				"*: a password for any host would go to none");
	entry->words[word] = strdup(value);
	return entry->words[word] != NULL ? 0 : pga_fail_memory(error);
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

static int ask_libpq(struct words *words, struct pga_password_entry *entry, struct pga_error *error)
{
	const struct pga_parameters parameters = {words->keywords, words->values, 1};
	struct pga_effective effective = {0};
	int result = pga_ask(&parameters, &effective, error);

	if (result != 0)
		return -1;
	pga_effective_trace(&pga_linked_libpq, &parameters, &effective);
	result = refuse_password(&effective, error);
	for (enum pga_secret_word word = 0; result == 0 && word < PGA_SECRET_FILE; word++)
		result = take_word(&effective, word, entry, error);
	pga_effective_free(&pga_linked_libpq, &effective);
	return result;
}

int pga_password_entry_of(const struct pga_asked_password *asked, struct pga_password_entry *entry,
			  struct pga_error *error)
{
	struct words words = {.count = 0};
	int result;

	memset(entry, 0, sizeof *entry);
	if (asked->key != NULL && (asked->where != NULL || asked->host != NULL))
		return pga_fail(error, NULL, "--key: a key is for any server");
	if (asked->key != NULL)
		return key_entry(asked->key, entry, error);
	result = read_where(asked, &words, error);
	add_word(&words, "host", asked->host);
	add_word(&words, "port", asked->port);
	add_word(&words, "dbname", asked->dbname);
	add_word(&words, "user", asked->user);
	if (result == 0)
		result = ask_libpq(&words, entry, error);
	free(words.host);
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

/* Whether nothing that was said contradicts: what was not said is any in `meant`, and the user was
 * said by its option alone. */
static bool is_meant(const struct pga_password_entry *meant, const struct pga_password_entry *entry,
		     bool any_user)
{
	if (meant->kind != entry->kind || meant->kind != PGA_SECRET_PASSWORD)
		return false;
	for (enum pga_secret_word word = 0; word < PGA_SECRET_FILE; word++) {
		const bool any = word == PGA_SECRET_USER ? any_user : is_any(meant, word);

		if (!any && strcmp(said(meant, word), said(entry, word)) != 0)
			return false;
	}
	return true;
}

/* Without a word that names one, it is any user's. */
static bool is_any_user(const struct pga_asked_password *asked)
{
	return asked->user == NULL &&
	       (asked->where == NULL || !(asked->service || is_conninfo(asked->where)));
}

int pga_password_choose(const struct pga_asked_password *asked, struct pga_passwords *index,
			bool **chosen, struct pga_error *error)
{
	struct pga_password_entry meant = {0};
	const struct pga_password_entry *exact;
	struct pga_text name = PGA_TEXT_EMPTY;
	size_t count = 0;
	int result = -1;

	*chosen = NULL;
	memset(index, 0, sizeof *index);
	if (pga_password_entry_of(asked, &meant, error) != 0 || pga_index_read(index, error) != 0)
		goto done;
	*chosen = calloc(index->count + 1, sizeof **chosen);
	if (*chosen == NULL) {
		(void)pga_fail_memory(error);
		goto done;
	}
	exact = pga_index_find(index, &meant);
	for (size_t i = 0; i < index->count; i++) {
		(*chosen)[i] = exact != NULL
				   ? &index->entries[i] == exact
				   : is_meant(&meant, &index->entries[i], is_any_user(asked));
		count += (*chosen)[i];
	}
	result = 0;
	if (count == 0) {
		pga_password_describe(&meant, &name);
		result = pga_fail(error, "\"pganchor password list\" shows what is kept",
				  "%s: nothing is kept of it", pga_text_string(&name));
	}
done:
	pga_text_free(&name);
	pga_password_entry_end(&meant);
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
