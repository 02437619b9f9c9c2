#include "policy/passwords.h"

#include "base/file.h"
#include "base/ini.h"
#include "base/shell_word.h"
#include "policy/record.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_PORT "5432" /* DEF_PGPORT_STR of pg_config.h, as distributions build libpq */

/* No addresses: they would have to be relocated in every program that loads the gate. */
static const char kind_names[PGA_SECRET_KINDS][12] = {
    [PGA_SECRET_PASSWORD] = "password",
    [PGA_SECRET_PASSPHRASE] = "passphrase",
    [PGA_SECRET_PINS] = "pins",
};
static const char word_names[PGA_SECRET_WORDS][8] = {
    [PGA_SECRET_HOST] = "host", [PGA_SECRET_PORT] = "port", [PGA_SECRET_DBNAME] = "dbname",
    [PGA_SECRET_USER] = "user", [PGA_SECRET_FILE] = "file",
};

static bool is_name(const char *name, const char *bytes, size_t length)
{
	return strlen(name) == length && memcmp(name, bytes, length) == 0;
}

const char *pga_secret_kind_name(enum pga_secret_kind kind)
{
	return kind_names[kind];
}

enum pga_secret_kind pga_secret_kind_of(const char *name, size_t length)
{
	enum pga_secret_kind kind = 0;

	while (kind < PGA_SECRET_KINDS && !is_name(kind_names[kind], name, length))
		kind++;
	return kind;
}

const char *pga_secret_word_name(enum pga_secret_word word)
{
	return word_names[word];
}

bool pga_secret_has_word(enum pga_secret_kind kind, enum pga_secret_word word)
{
	return (word == PGA_SECRET_FILE) == (kind != PGA_SECRET_PASSWORD);
}

bool pga_secret_is_indexed(enum pga_secret_kind kind)
{
	return kind != PGA_SECRET_PINS;
}

/* Which word of the entry this is; PGA_SECRET_WORDS where it is none, or one that the line has
 * already. */
static enum pga_secret_word word_of(const struct pga_password_entry *entry, const char *name,
				    size_t length)
{
	enum pga_secret_word word = PGA_SECRET_HOST;

	while (word < PGA_SECRET_WORDS && !is_name(word_names[word], name, length))
		word++;
	return word < PGA_SECRET_WORDS &&
		       (entry->words[word] != NULL || !pga_secret_has_word(entry->kind, word))
		   ? PGA_SECRET_WORDS
		   : word;
}

static bool is_whole(const struct pga_password_entry *entry)
{
	for (enum pga_secret_word word = 0; word < PGA_SECRET_WORDS; word++)
		if (pga_secret_has_word(entry->kind, word) &&
		    (entry->words[word] == NULL || entry->words[word][0] == '\0'))
			return false;
	return true;
}

/* Reads a line that holds no NUL. */
static bool read_line(const char *line, struct pga_password_entry *entry)
{
	const size_t first = strcspn(line, " ");
	const char *at = line + first;

	entry->kind = pga_secret_kind_of(line, first);
	if (entry->kind == PGA_SECRET_KINDS || !pga_secret_is_indexed(entry->kind))
		return false;
	while (at != NULL && *at != '\0') {
		struct pga_text value = PGA_TEXT_EMPTY;
		enum pga_secret_word word;
		const char *name;
		size_t length;

		at = pga_record_next(at, &name, &length, &value);
		word = at != NULL ? word_of(entry, name, length) : PGA_SECRET_WORDS;
		if (word < PGA_SECRET_WORDS)
			entry->words[word] = pga_text_take(&value);
		pga_text_free(&value);
		if (word == PGA_SECRET_WORDS || entry->words[word] == NULL)
			return false;
	}
	return is_whole(entry);
}

struct pga_password_entry *pga_passwords_add(struct pga_passwords *passwords)
{
	struct pga_password_entry *entry;

	if (passwords->count == passwords->room) {
		const size_t room = passwords->room != 0 ? passwords->room * 2 : 16;
		struct pga_password_entry *grown =
		    reallocarray(passwords->entries, room, sizeof *grown);

		if (grown == NULL)
			return NULL;
		passwords->entries = grown;
		passwords->room = room;
	}
	entry = &passwords->entries[passwords->count++];
	memset(entry, 0, sizeof *entry);
	return entry;
}

static int take_line(struct pga_passwords *passwords, const char *path,
		     const struct pga_ini_line *line, struct pga_error *error)
{
	struct pga_password_entry *entry = pga_passwords_add(passwords);
	struct pga_ini_span whole = line->whole;
	bool taken;
	char *text;

	while (whole.length > 0 && strchr("\r\n", whole.bytes[whole.length - 1]) != NULL)
		whole.length--;
	text = pga_ini_copy(whole);
	if (entry == NULL || text == NULL) {
		free(text);
		return pga_fail_memory(error);
	}
	entry->line = line->number;
	taken = memchr(text, '\0', whole.length) == NULL && read_line(text, entry);
	free(text);
	if (taken)
		return 0;
	return pga_fail_at_line(error, "remove the line; pganchor password set makes a new one",
				path, line->number, "not a line about a password of the keyring",
				whole.bytes, whole.length);
}

int pga_passwords_parse(struct pga_passwords *passwords, const char *path, const char *bytes,
			size_t length, struct pga_error *error)
{
	struct pga_ini_reader reader = pga_ini_start(bytes, length, PGA_INI_CONF);
	struct pga_ini_line line;

	while (pga_ini_next(&reader, &line))
		if (line.kind != PGA_INI_BLANK && line.kind != PGA_INI_COMMENT &&
		    take_line(passwords, path, &line, error) != 0)
			return -1;
	return 0;
}

int pga_passwords_reload(struct pga_passwords *passwords, const struct pga_passwords *before,
			 struct pga_error *error)
{
	memset(passwords, 0, sizeof *passwords);
	if (pga_user_file_read(&passwords->file, PGA_PASSWORDS_FILE,
			       before != NULL ? &before->file : NULL, error) != 0)
		return -1;
	return pga_passwords_parse(passwords, passwords->file.path,
				   pga_text_string(&passwords->file.content),
				   passwords->file.content.length, error);
}

bool pga_passwords_are_fresh(const struct pga_passwords *passwords)
{
	return pga_user_file_is_fresh(&passwords->file, PGA_PASSWORDS_FILE);
}

void pga_passwords_free(struct pga_passwords *passwords)
{
	for (size_t i = 0; i < passwords->count; i++)
		for (enum pga_secret_word word = 0; word < PGA_SECRET_WORDS; word++)
			free(passwords->entries[i].words[word]);
	free(passwords->entries);
	pga_user_file_free(&passwords->file);
	memset(passwords, 0, sizeof *passwords);
}

static bool fits(const char *pattern, const char *value)
{
	return strcmp(pattern, PGA_PASSWORD_ANY) == 0 || strcmp(pattern, value) == 0;
}

const struct pga_password_entry *pga_password_for(const struct pga_passwords *passwords,
						  const char *host, const char *port,
						  const char *dbname, const char *user)
{
	const char *values[PGA_SECRET_WORDS] = {
	    [PGA_SECRET_HOST] = host,
	    [PGA_SECRET_PORT] = port[0] != '\0' ? port : DEFAULT_PORT,
	    [PGA_SECRET_DBNAME] = dbname,
	    [PGA_SECRET_USER] = user,
	};

	for (size_t i = 0; i < passwords->count; i++) {
		const struct pga_password_entry *entry = &passwords->entries[i];
		bool same = entry->kind == PGA_SECRET_PASSWORD;

		for (enum pga_secret_word word = 0; same && word < PGA_SECRET_FILE; word++)
			same = fits(entry->words[word], values[word]);
		if (same)
			return entry;
	}
	return NULL;
}

static const char *setting(const struct pga_effective *effective, const char *keyword)
{
	const char *value = pga_effective_value(effective, keyword);

	return value != NULL ? value : "";
}

const struct pga_password_entry *pga_password_for_host(const struct pga_passwords *passwords,
						       const struct pga_host *host,
						       const struct pga_effective *effective)
{
	return pga_password_for(passwords, pga_host_label(host), host->port,
				setting(effective, "dbname"), setting(effective, "user"));
}

const struct pga_password_entry *pga_passphrase_for(const struct pga_passwords *passwords,
						    const char *file)
{
	for (size_t i = 0; i < passwords->count; i++) {
		const struct pga_password_entry *entry = &passwords->entries[i];

		if (entry->kind == PGA_SECRET_PASSPHRASE &&
		    strcmp(entry->words[PGA_SECRET_FILE], file) == 0)
			return entry;
	}
	return NULL;
}

bool pga_password_entry_is(const struct pga_password_entry *one,
			   const struct pga_password_entry *other)
{
	if (one->kind != other->kind)
		return false;
	for (enum pga_secret_word word = 0; word < PGA_SECRET_WORDS; word++)
		if (pga_secret_has_word(one->kind, word) &&
		    strcmp(one->words[word], other->words[word]) != 0)
			return false;
	return true;
}

static bool is_any(const struct pga_password_entry *entry, enum pga_secret_word word)
{
	return strcmp(entry->words[word], PGA_PASSWORD_ANY) == 0;
}

bool pga_password_entry_covers(const struct pga_password_entry *one,
			       const struct pga_password_entry *other)
{
	bool covers = one->kind == PGA_SECRET_PASSWORD && other->kind == PGA_SECRET_PASSWORD;

	for (enum pga_secret_word word = 0; covers && word < PGA_SECRET_FILE; word++)
		covers = fits(one->words[word], other->words[word]);
	return covers;
}

bool pga_password_entry_meets(const struct pga_password_entry *one,
			      const struct pga_password_entry *other)
{
	bool meets = one->kind == PGA_SECRET_PASSWORD && other->kind == PGA_SECRET_PASSWORD;

	for (enum pga_secret_word word = 0; meets && word < PGA_SECRET_FILE; word++)
		meets = is_any(other, word) || fits(one->words[word], other->words[word]);
	return meets;
}

void pga_password_entry_add_words(struct pga_text *text, const struct pga_password_entry *entry)
{
	static const struct {
		enum pga_secret_word word;
		char option[8];
	} options[] = {{PGA_SECRET_PORT, " -p "}, {PGA_SECRET_DBNAME, " -d "}};

	if (entry->kind != PGA_SECRET_PASSWORD) {
		pga_text_add(text, "--key ");
		pga_text_add_shell_word(text, entry->words[PGA_SECRET_FILE]);
		return;
	}
	pga_text_add_shell_word(text, entry->words[PGA_SECRET_HOST]);
	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
		if (is_any(entry, options[i].word))
			continue;
		pga_text_add(text, options[i].option);
		pga_text_add_shell_word(text, entry->words[options[i].word]);
	}
	pga_text_add(text, " -U ");
	pga_text_add_shell_word(text, entry->words[PGA_SECRET_USER]);
}

void pga_password_entry_add_fields(struct pga_text *text, const struct pga_password_entry *entry)
{
	pga_text_add_bytes(text, kind_names[entry->kind], strlen(kind_names[entry->kind]) + 1);
	for (enum pga_secret_word word = 0; word < PGA_SECRET_WORDS; word++)
		if (pga_secret_has_word(entry->kind, word))
			pga_text_add_bytes(text, entry->words[word],
					   strlen(entry->words[word]) + 1);
}

void pga_password_entry_add_line(struct pga_text *text, const struct pga_password_entry *entry)
{
	pga_text_add(text, kind_names[entry->kind]);
	for (enum pga_secret_word word = 0; word < PGA_SECRET_WORDS; word++)
		/* Whole: cut, it would be another's. */
		if (pga_secret_has_word(entry->kind, word))
			pga_record_add(text, word_names[word], entry->words[word],
				       strlen(entry->words[word]));
	pga_text_add(text, "\n");
}
