/* known_servers.conf: a line of it, as it is read and written. */
#include "policy/known_servers.h"

#include "base/file.h"
#include "base/ini.h"
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
	return pga_fail_at_line(error, "remove the line: its server is then met for the first time",
				path, line->number, "not a line about the key of a server",
				whole.bytes, whole.length);
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
