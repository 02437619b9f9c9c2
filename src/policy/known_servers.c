#include "policy/known_servers.h"

#include "base/file.h"
#include "base/ini.h"
#include "base/shell_word.h"
#include "policy/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM_LIMIT 256
#define PORT_LIMIT    65535

/* No addresses: they would have to be relocated in every program that loads the gate. */
static const char state_words[PGA_KEY_STATES][12] = {
    [PGA_KEY_SEEN] = "seen",
    [PGA_KEY_CHANGED] = "changed",
    [PGA_KEY_ACCEPTED] = "accepted",
    [PGA_KEY_FORGOTTEN] = "forgotten",
};

/* The words of a line behind its state. */
enum word { HOST, PORT, KEY, ISSUER, TIME, PROGRAM, WORDS };

static const char words[WORDS][8] = {
    [HOST] = "host",     [PORT] = "port", [KEY] = "key",
    [ISSUER] = "issuer", [TIME] = "time", [PROGRAM] = "program",
};

static bool is_word(const char *word, const char *bytes, size_t length)
{
	return strlen(word) == length && memcmp(word, bytes, length) == 0;
}

static bool read_number(const char *digits, long long most, long long *number)
{
	char *end;

	if (digits[0] < '0' || digits[0] > '9')
		return false;
	errno = 0;
	*number = strtoll(digits, &end, 10);
	return errno == 0 && *end == '\0' && *number <= most;
}

static bool read_hex(const char *digits, char hex[PGA_PIN_LENGTH + 1])
{
	if (strlen(digits) != PGA_PIN_LENGTH ||
	    strspn(digits, "0123456789abcdef") != PGA_PIN_LENGTH)
		return false;
	memcpy(hex, digits, PGA_PIN_LENGTH + 1);
	return true;
}

static bool take_word(struct pga_known_key *key, enum word word, const char *value)
{
	long long number = 0;

	switch (word) {
	case HOST:
		key->host = value[0] != '\0' ? strdup(value) : NULL;
		key->shown.host = key->host;
		return key->host != NULL;
	case PORT:
		if (!read_number(value, PORT_LIMIT, &number))
			return false;
		key->shown.port = (unsigned)number;
		return true;
	case KEY:
		return read_hex(value, key->shown.key);
	case ISSUER:
		return read_hex(value, key->shown.issuer);
	case TIME:
		return read_number(value, 0x7fffffffffffffffLL, &key->time);
	case PROGRAM:
		key->program = strdup(value);
		return key->program != NULL;
	default:
		return false;
	}
}

/* Which word this is; WORDS where it is none, or one that the line has already. */
static enum word word_of(const char *name, size_t length, const bool had[WORDS])
{
	enum word word = HOST;

	while (word < WORDS && !is_word(words[word], name, length))
		word++;
	return word < WORDS && had[word] ? WORDS : word;
}

static bool read_state(const char *line, size_t length, struct pga_known_key *key)
{
	enum pga_key_state state = PGA_KEY_SEEN;

	while (state < PGA_KEY_STATES && !is_word(state_words[state], line, length))
		state++;
	key->state = state;
	return state < PGA_KEY_STATES;
}

/* Reads a line that holds no NUL. */
static bool read_line(const char *line, struct pga_known_key *key)
{
	bool had[WORDS] = {false};
	const size_t first = strcspn(line, " ");
	const char *at = line + first;

	if (!read_state(line, first, key))
		return false;
	while (at != NULL && *at != '\0') {
		struct pga_text value = PGA_TEXT_EMPTY;
		const char *name;
		size_t length;
		enum word word;
		bool taken;

		at = pga_record_next(at, &name, &length, &value);
		word = at != NULL ? word_of(name, length, had) : WORDS;
		taken =
		    word < WORDS && !value.failed && take_word(key, word, pga_text_string(&value));
		pga_text_free(&value);
		if (!taken)
			return false;
		had[word] = true;
	}
	return had[HOST] && had[PORT] && had[KEY] && had[TIME];
}

static struct pga_known_key *grow(struct pga_known_servers *known)
{
	struct pga_known_key *key;

	if (known->count == known->room) {
		const size_t room = known->room != 0 ? known->room * 2 : 16;
		struct pga_known_key *grown = reallocarray(known->keys, room, sizeof *grown);

		if (grown == NULL)
			return NULL;
		known->keys = grown;
		known->room = room;
	}
	key = &known->keys[known->count++];
	memset(key, 0, sizeof *key);
	return key;
}

static int take_line(struct pga_known_servers *known, const char *path,
		     const struct pga_ini_line *line, struct pga_error *error)
{
	struct pga_known_key *key = grow(known);
	struct pga_ini_span whole = line->whole;
	bool taken = false;
	char *text;

	while (whole.length > 0 && strchr("\r\n", whole.bytes[whole.length - 1]) != NULL)
		whole.length--;
	text = pga_ini_copy(whole);
	if (key == NULL || text == NULL) {
		free(text);
		return pga_fail_memory(error);
	}
	key->line = line->number;
	if (memchr(text, '\0', whole.length) == NULL)
		taken = read_line(text, key);
	free(text);
	if (taken && key->program == NULL)
		key->program = strdup("");
	if (taken && key->program != NULL)
		return 0;
	return pga_fail_at_line(
	    error, "take the line out: its server counts as not seen before then", path,
	    line->number, "no line of what servers have shown", whole.bytes, whole.length);
}

int pga_known_servers_parse(struct pga_known_servers *known, const char *path, const char *bytes,
			    size_t length, struct pga_error *error)
{
	struct pga_ini_reader reader = pga_ini_start(bytes, length, PGA_INI_CONF);
	struct pga_ini_line line;

	while (pga_ini_next(&reader, &line))
		if (line.kind != PGA_INI_BLANK && line.kind != PGA_INI_COMMENT &&
		    take_line(known, path, &line, error) != 0)
			return -1;
	return 0;
}

static int take_systems(void *context, const char *path, const struct pga_text *content,
			struct pga_error *error)
{
	struct pga_known_servers *known = context;
	const int result =
	    pga_known_servers_parse(known, path, pga_text_string(content), content->length, error);

	known->system_count = known->count;
	return result;
}

int pga_known_servers_load(struct pga_known_servers *known, struct pga_error *error)
{
	return pga_known_servers_reload(known, NULL, error);
}

int pga_known_servers_reload(struct pga_known_servers *known,
			     const struct pga_known_servers *before, struct pga_error *error)
{
	memset(known, 0, sizeof *known);
	/* Whatever is wrong with another file, what the user's said before is kept. */
	if (pga_user_file_read(&known->file, PGA_KNOWN_SERVERS_FILE,
			       before != NULL ? &before->file : NULL, error) != 0 ||
	    pga_system_files_read(&known->systems, PGA_KNOWN_SERVERS,
				  "the system's keys of servers", take_systems, known, error) != 0)
		return -1;
	return pga_known_servers_parse(known, known->file.path,
				       pga_text_string(&known->file.content),
				       known->file.content.length, error);
}

bool pga_known_servers_are_fresh(const struct pga_known_servers *known)
{
	return pga_system_files_are_fresh(&known->systems) &&
	       pga_user_file_is_fresh(&known->file, PGA_KNOWN_SERVERS_FILE);
}

void pga_known_servers_free(struct pga_known_servers *known)
{
	for (size_t i = 0; i < known->count; i++) {
		free(known->keys[i].host);
		free(known->keys[i].program);
	}
	free(known->keys);
	pga_user_file_free(&known->file);
	pga_system_files_free(&known->systems);
	memset(known, 0, sizeof *known);
}

/* One dot at the end is the root of all names, and no other name. */
static size_t name_length(const char *host)
{
	const size_t length = strlen(host);

	return length > 1 && host[length - 1] == '.' ? length - 1 : length;
}

static bool is_same_host(const char *one, const char *other)
{
	const size_t length = name_length(one);

	if (name_length(other) != length)
		return false;
	for (size_t i = 0; i < length; i++)
		if (pga_lower(one[i]) != pga_lower(other[i]))
			return false;
	return true;
}

bool pga_key_is_of_server(const struct pga_known_key *known, const struct pga_shown_key *shown)
{
	return known->shown.port == shown->port && is_same_host(known->shown.host, shown->host);
}

bool pga_key_is_current(const struct pga_known_servers *known, size_t index)
{
	const struct pga_known_key *key = &known->keys[index];
	const size_t end = index < known->system_count ? known->system_count : known->count;

	for (size_t i = index + 1; i < end; i++)
		if (strcmp(known->keys[i].shown.key, key->shown.key) == 0 &&
		    pga_key_is_of_server(&known->keys[i], &key->shown))
			return false;
	return true;
}

bool pga_key_is_good(const struct pga_known_servers *known, size_t index)
{
	const enum pga_key_state state = known->keys[index].state;

	return (state == PGA_KEY_SEEN || state == PGA_KEY_ACCEPTED) &&
	       pga_key_is_current(known, index);
}

/* What these lines alone say. A key that was forgotten is not good for the sake of who has signed
 * it. */
static enum pga_familiarity judge(const struct pga_known_servers *known, size_t begin, size_t end,
				  const struct pga_policy *policy,
				  const struct pga_shown_key *shown)
{
	enum pga_familiarity result = PGA_SERVER_NEW;
	bool by_issuer = policy->continuity_key == PGA_CONTINUITY_ISSUER;
	bool issuer_is_known = false;

	for (size_t i = begin; i < end; i++) {
		const struct pga_known_key *key = &known->keys[i];
		const bool same = strcmp(key->shown.key, shown->key) == 0;

		if (!pga_key_is_of_server(key, shown))
			continue;
		if (!pga_key_is_good(known, i)) {
			if (same && key->state == PGA_KEY_FORGOTTEN && pga_key_is_current(known, i))
				by_issuer = false;
			continue;
		}
		if (same)
			return PGA_SERVER_KNOWN;
		result = PGA_SERVER_CHANGED;
		if (key->shown.issuer[0] != '\0' && strcmp(key->shown.issuer, shown->issuer) == 0)
			issuer_is_known = true;
	}
	return by_issuer && issuer_is_known ? PGA_SERVER_KNOWN : result;
}

static bool is_reported(const struct pga_known_servers *users, const struct pga_shown_key *shown)
{
	for (size_t i = users->system_count; i < users->count; i++)
		if (users->keys[i].state == PGA_KEY_CHANGED &&
		    strcmp(users->keys[i].shown.key, shown->key) == 0 &&
		    pga_key_is_of_server(&users->keys[i], shown) && pga_key_is_current(users, i))
			return true;
	return false;
}

enum pga_familiarity pga_known_servers_judge(const struct pga_known_servers *known,
					     const struct pga_known_servers *users,
					     const struct pga_policy *policy,
					     const struct pga_shown_key *shown)
{
	enum pga_familiarity result = judge(known, 0, known->system_count, policy, shown);

	if (users == NULL)
		users = known;
	if (result == PGA_SERVER_NEW)
		result = judge(users, users->system_count, users->count, policy, shown);
	/* What waits goes on waiting, also where the keys that it was held against are forgotten.
	 */
	return result != PGA_SERVER_KNOWN && is_reported(users, shown) ? PGA_SERVER_REPORTED
								       : result;
}

bool pga_key_is_of_the_system(const struct pga_known_servers *known,
			      const struct pga_shown_key *shown)
{
	for (size_t i = 0; i < known->system_count; i++)
		if (pga_key_is_of_server(&known->keys[i], shown) && pga_key_is_good(known, i))
			return true;
	return false;
}

bool pga_key_waits(const struct pga_known_servers *known, const struct pga_policy *policy,
		   size_t index)
{
	const struct pga_known_key *key = &known->keys[index];

	return index >= known->system_count && key->state == PGA_KEY_CHANGED &&
	       pga_key_is_current(known, index) &&
	       pga_known_servers_judge(known, NULL, policy, &key->shown) == PGA_SERVER_REPORTED;
}

const struct pga_known_key *pga_known_servers_last(const struct pga_known_servers *known,
						   const struct pga_shown_key *shown)
{
	const bool system = pga_key_is_of_the_system(known, shown);
	const size_t begin = system ? 0 : known->system_count;

	for (size_t i = system ? known->system_count : known->count; i-- > begin;)
		if (pga_key_is_of_server(&known->keys[i], shown) && pga_key_is_good(known, i))
			return &known->keys[i];
	return NULL;
}

const char *pga_key_issuer_note(const struct pga_known_servers *known,
				const struct pga_shown_key *shown)
{
	const bool system = pga_key_is_of_the_system(known, shown);
	const size_t begin = system ? 0 : known->system_count;
	const size_t end = system ? known->system_count : known->count;
	bool comparable = false;

	for (size_t i = begin; i < end; i++) {
		const struct pga_known_key *key = &known->keys[i];

		if (!pga_key_is_of_server(key, shown) || key->shown.issuer[0] == '\0' ||
		    !pga_key_is_good(known, i))
			continue;
		if (strcmp(key->shown.issuer, shown->issuer) == 0)
			return "by the same CA certificate's key as before";
		comparable = true;
	}
	return comparable ? "by another CA certificate's key than before" : "";
}

void pga_key_add_server(struct pga_text *text, const struct pga_shown_key *shown)
{
	const bool bracketed = strchr(shown->host, ':') != NULL;
	struct pga_text word = PGA_TEXT_EMPTY;

	pga_text_addf(&word, "%s%s%s:%u", bracketed ? "[" : "", shown->host, bracketed ? "]" : "",
		      shown->port);
	pga_text_add_shell_word(text, pga_text_string(&word));
	text->failed = text->failed || word.failed;
	pga_text_free(&word);
}

static void add_number(struct pga_text *text, enum word word, long long number)
{
	char digits[sizeof "-9223372036854775808"];

	(void)snprintf(digits, sizeof digits, "%lld", number);
	pga_record_add(text, words[word], digits, sizeof digits);
}

void pga_known_servers_add_line(struct pga_text *text, enum pga_key_state state,
				const struct pga_shown_key *shown, long long time,
				const char *program)
{
	pga_text_add(text, state_words[state]);
	/* Whole: cut, it would be another server's. */
	pga_record_add(text, words[HOST], shown->host, strlen(shown->host));
	add_number(text, PORT, (long long)shown->port);
	pga_record_add(text, words[KEY], shown->key, PGA_PIN_LENGTH);
	if (shown->issuer[0] != '\0')
		pga_record_add(text, words[ISSUER], shown->issuer, PGA_PIN_LENGTH);
	add_number(text, TIME, time);
	pga_record_add(text, words[PROGRAM], program, PROGRAM_LIMIT);
	pga_text_add(text, "\n");
}
