#include "audit/pgbouncer_file.h"

#include "audit/pgbouncer_database.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Its own limit. */
#define MOST_DEPTH 10
/* No file that somebody wrote has so many. */
#define MOST_DATABASES 100000

const char *const pga_pgbouncer_keys[PGA_PGBOUNCER_KEYS] = {
    [PGA_PGBOUNCER_AUTH_FILE] = "auth_file",
    [PGA_PGBOUNCER_AUTH_HBA_FILE] = "auth_hba_file",
    [PGA_PGBOUNCER_AUTH_TYPE] = "auth_type",
    [PGA_PGBOUNCER_CLIENT_CA_FILE] = "client_tls_ca_file",
    [PGA_PGBOUNCER_CLIENT_CERT_FILE] = "client_tls_cert_file",
    [PGA_PGBOUNCER_CLIENT_CIPHERS] = "client_tls_ciphers",
    [PGA_PGBOUNCER_CLIENT_KEY_FILE] = "client_tls_key_file",
    [PGA_PGBOUNCER_CLIENT_PROTOCOLS] = "client_tls_protocols",
    [PGA_PGBOUNCER_CLIENT_SSLMODE] = "client_tls_sslmode",
    [PGA_PGBOUNCER_LISTEN_ADDR] = "listen_addr",
    [PGA_PGBOUNCER_SERVER_CA_FILE] = "server_tls_ca_file",
    [PGA_PGBOUNCER_SERVER_CERT_FILE] = "server_tls_cert_file",
    [PGA_PGBOUNCER_SERVER_CIPHERS] = "server_tls_ciphers",
    [PGA_PGBOUNCER_SERVER_KEY_FILE] = "server_tls_key_file",
    [PGA_PGBOUNCER_SERVER_PROTOCOLS] = "server_tls_protocols",
    [PGA_PGBOUNCER_SERVER_SSLMODE] = "server_tls_sslmode",
};

/* Of TLS, those that change nothing that is judged. */
static const char *const others[] = {"client_tls_dheparams", "client_tls_ecdhcurve",
				     "client_tls13_ciphers", "server_tls13_ciphers"};

enum section { SECTION_NONE, SECTION_PGBOUNCER, SECTION_DATABASES, SECTION_OTHER };

/* What goes on from an included file to the one that includes it. */
struct reading {
	struct pga_pgbouncer *ini;
	pga_pgbouncer_open *open;
	enum section section;
};

struct cursor {
	struct reading *reading;
	const char *bytes;
	size_t length;
	size_t at;
	struct pga_pgbouncer_place place; /* of what is read now */
	unsigned depth;
};

static char *copy(struct pga_pgbouncer *ini, const char *bytes, size_t length)
{
	char *text = strndup(bytes, length);

	ini->failed = ini->failed || text == NULL;
	return text;
}

/* Of two faults, pgbouncer does not get to the second. */
static void fault(struct cursor *cursor, const char *what)
{
	struct pga_pgbouncer *ini = cursor->reading->ini;

	if (ini->fault != NULL)
		return;
	ini->fault = copy(ini, what, strlen(what));
	ini->fault_at = cursor->place;
}

static bool goes_on(const struct cursor *cursor)
{
	const struct pga_pgbouncer *ini = cursor->reading->ini;

	return ini->fault == NULL && !ini->failed && cursor->at < cursor->length;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static char byte_at(const struct cursor *cursor, size_t at)
{
	return (char)(at < cursor->length ? cursor->bytes[at] : '\0');
}

static void skip_spaces(struct cursor *cursor)
{
	while (is_space(byte_at(cursor, cursor->at)))
		cursor->at++;
}

static void skip_blanks(struct cursor *cursor)
{
	while (cursor->at < cursor->length && pga_is_blank(cursor->bytes[cursor->at]))
		cursor->place.line += cursor->bytes[cursor->at++] == '\n';
}

/* The rest of the line, without the blanks behind it. */
static const char *take_rest(struct cursor *cursor, size_t *length)
{
	const char *rest = cursor->bytes + cursor->at;

	while (cursor->at < cursor->length && cursor->bytes[cursor->at] != '\n')
		cursor->at++;
	*length = (size_t)(cursor->bytes + cursor->at - rest);
	while (*length > 0 && pga_is_blank(rest[*length - 1]))
		(*length)--;
	return rest;
}

static bool is(const char *word, const char *bytes, size_t length)
{
	return strlen(word) == length && memcmp(word, bytes, length) == 0;
}

/* ---- sections ---- */

static void forget(struct pga_pgbouncer_setting *setting)
{
	free(setting->value);
	*setting = (struct pga_pgbouncer_setting){.value = NULL};
}

/* All that it knows is the default again. What has none (auth_file) stays. */
static void begin_anew(struct pga_pgbouncer *ini)
{
	for (size_t i = 0; i < PGA_PGBOUNCER_KEYS; i++) {
		if (ini->set[i].value == NULL || i == PGA_PGBOUNCER_AUTH_FILE)
			continue;
		forget(&ini->lost[i]);
		ini->lost[i] = ini->set[i];
		ini->set[i] = (struct pga_pgbouncer_setting){.value = NULL};
	}
}

static void read_section(struct cursor *cursor)
{
	struct reading *reading = cursor->reading;
	const size_t start = ++cursor->at;
	const char *name = cursor->bytes + start;
	size_t length;

	while (cursor->at < cursor->length && cursor->bytes[cursor->at] != ']' &&
	       cursor->bytes[cursor->at] != '\n')
		cursor->at++;
	length = cursor->at - start;
	if (byte_at(cursor, cursor->at) != ']') {
		fault(cursor, "a section without \"]\"");
		return;
	}
	cursor->at++;
	if (is("pgbouncer", name, length)) {
		reading->section = SECTION_PGBOUNCER;
		reading->ini->section = cursor->place;
		begin_anew(reading->ini);
	} else if (is("databases", name, length)) {
		reading->section = SECTION_DATABASES;
	} else if (is("users", name, length) || is("peers", name, length)) {
		reading->section = SECTION_OTHER;
	} else {
		fault(cursor, "a section that pgbouncer does not know");
	}
}

/* ---- settings ---- */

static bool is_one_of(const char *const *words, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (strcasecmp(words[i], word) == 0)
			return true;
	return false;
}

#define IS_ONE_OF(words, word) is_one_of(words, sizeof(words) / sizeof *(words), word)

static bool is_value(enum pga_pgbouncer_key key, const char *value)
{
	static const char *const modes[] = {"disable", "allow",     "prefer",
					    "require", "verify-ca", "verify-full"};
	static const char *const types[] = {"any", "trust", "plain", "md5",          "cert",
					    "hba", "ldap",  "pam",   "scram-sha-256"};

	switch (key) {
	case PGA_PGBOUNCER_CLIENT_SSLMODE:
	case PGA_PGBOUNCER_SERVER_SSLMODE:
		return IS_ONE_OF(modes, value);
	case PGA_PGBOUNCER_AUTH_TYPE:
		return IS_ONE_OF(types, value);
	default:
		return true;
	}
}

static void set(struct cursor *cursor, enum pga_pgbouncer_key key, const char *value, size_t length)
{
	struct pga_pgbouncer *ini = cursor->reading->ini;

	forget(&ini->set[key]);
	forget(&ini->lost[key]);
	ini->set[key].value = copy(ini, value, length);
	ini->set[key].at = cursor->place;
	if (ini->set[key].value == NULL || is_value(key, ini->set[key].value))
		return;
	fault(cursor, strpbrk(ini->set[key].value, ";#'\"") != NULL
			  ? "a value that pgbouncer does not know: quotes belong to it, and so "
			    "does what stands behind it as a comment"
			  : "a value that pgbouncer does not know");
	forget(&ini->set[key]);
}

/* Names of another case are others; of TLS, all are known. */
static void take_setting(struct cursor *cursor, const char *name, size_t length, const char *value,
			 size_t value_length)
{
	struct pga_text key = PGA_TEXT_EMPTY;
	const char *word;

	for (size_t i = 0; i < PGA_PGBOUNCER_KEYS; i++)
		if (is(pga_pgbouncer_keys[i], name, length)) {
			set(cursor, (enum pga_pgbouncer_key)i, value, value_length);
			return;
		}
	for (size_t i = 0; i < length; i++)
		pga_text_addf(&key, "%c", pga_lower(name[i]));
	word = pga_text_string(&key);
	if (!IS_ONE_OF(others, word) &&
	    (strstr(word, "tls") != NULL || strstr(word, "ssl") != NULL))
		fault(cursor, "a setting of TLS that pgbouncer does not know");
	cursor->reading->ini->failed = cursor->reading->ini->failed || key.failed;
	pga_text_free(&key);
}

static void take_database(struct cursor *cursor, const char *name, size_t length, const char *value,
			  size_t value_length)
{
	struct pga_pgbouncer *ini = cursor->reading->ini;
	struct pga_pgbouncer_database *grown =
	    ini->database_count < MOST_DATABASES
		? reallocarray(ini->databases, ini->database_count + 1, sizeof *grown)
		: NULL;
	struct pga_pgbouncer_database *database;
	const char *wrong;

	if (grown == NULL) {
		ini->failed = true;
		return;
	}
	ini->databases = grown;
	database = &grown[ini->database_count++];
	*database = (struct pga_pgbouncer_database){.at = cursor->place};
	database->name = copy(ini, name, length);
	wrong = pga_pgbouncer_take_database(database, value, value_length, &ini->failed);
	/* What is for all others is looked at when somebody asks for one. */
	if (wrong != NULL && !is("*", name, length))
		fault(cursor, wrong);
}

static bool is_of_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("_.-*", c) != NULL);
}

/* A name can stand in single quotes. Returns NULL for what is none. */
static const char *take_name(struct cursor *cursor, size_t *length)
{
	const bool quoted = byte_at(cursor, cursor->at) == '\'';
	const size_t start = cursor->at + (quoted ? 1 : 0);

	cursor->at = start;
	if (quoted)
		while (cursor->at < cursor->length && cursor->bytes[cursor->at] != '\'')
			cursor->at++;
	else
		while (is_of_name(byte_at(cursor, cursor->at)))
			cursor->at++;
	*length = cursor->at - start;
	if (quoted && (*length == 0 || cursor->at++ >= cursor->length))
		return NULL;
	return cursor->bytes + start;
}

static void read_setting(struct cursor *cursor)
{
	size_t length;
	size_t value_length;
	const char *name = take_name(cursor, &length);
	const char *value;

	skip_spaces(cursor);
	if (name == NULL || length == 0 || byte_at(cursor, cursor->at) != '=') {
		fault(cursor, "no setting: pgbouncer stops here");
		return;
	}
	cursor->at++;
	skip_spaces(cursor);
	value = take_rest(cursor, &value_length);
	switch (cursor->reading->section) {
	case SECTION_NONE:
		fault(cursor, "a setting that stands in no section");
		break;
	case SECTION_PGBOUNCER:
		take_setting(cursor, name, length, value, value_length);
		break;
	case SECTION_DATABASES:
		take_database(cursor, name, length, value, value_length);
		break;
	case SECTION_OTHER:
		break;
	}
}

/* ---- files ---- */

static void read_file(struct reading *reading, char *path, const char *bytes, size_t length,
		      unsigned depth);

static void miss(struct pga_pgbouncer *ini, const char *path, const char *why)
{
	struct pga_pgbouncer_missed *grown =
	    reallocarray(ini->missed, ini->missed_count + 1, sizeof *grown);

	if (grown == NULL) {
		ini->failed = true;
		return;
	}
	ini->missed = grown;
	grown[ini->missed_count++] = (struct pga_pgbouncer_missed){
	    .path = copy(ini, path, strlen(path)), .why = copy(ini, why, strlen(why))};
}

static void read_include(struct cursor *cursor)
{
	struct reading *reading = cursor->reading;
	struct pga_text bytes = PGA_TEXT_EMPTY;
	struct pga_error error;
	size_t length;
	const char *rest;
	char *path;

	skip_spaces(cursor);
	rest = take_rest(cursor, &length);
	if (cursor->depth >= MOST_DEPTH) {
		fault(cursor, "files are included in each other deeper than pgbouncer goes");
		return;
	}
	path = copy(reading->ini, rest, length);
	if (path == NULL)
		return;
	if (reading->open(path, &bytes, &error) != 0) {
		miss(reading->ini, path, error.message);
		free(path);
	} else {
		read_file(reading, path, pga_text_string(&bytes), bytes.length, cursor->depth + 1);
	}
	pga_text_wipe(&bytes);
}

static bool is_include(const struct cursor *cursor)
{
	static const char word[] = "%include";
	const size_t length = sizeof word - 1;

	return cursor->length - cursor->at > length &&
	       memcmp(cursor->bytes + cursor->at, word, length) == 0 &&
	       is_space(cursor->bytes[cursor->at + length]);
}

static void read_all(struct cursor *cursor)
{
	size_t length;

	for (skip_blanks(cursor); goes_on(cursor); skip_blanks(cursor)) {
		const char c = cursor->bytes[cursor->at];

		if (is_include(cursor)) {
			cursor->at += strlen("%include");
			read_include(cursor);
		} else if (c == '#' || c == ';') {
			(void)take_rest(cursor, &length);
		} else if (c == '[') {
			read_section(cursor);
		} else {
			read_setting(cursor);
		}
	}
}

/* Owns the path. */
static void read_file(struct reading *reading, char *path, const char *bytes, size_t length,
		      unsigned depth)
{
	struct pga_pgbouncer *ini = reading->ini;
	char **files = reallocarray(ini->files, ini->file_count + 1, sizeof *files);
	struct cursor cursor = {.reading = reading,
				.bytes = bytes,
				.length = strnlen(bytes, length),
				.place = {path, 1},
				.depth = depth};

	if (files == NULL) {
		ini->failed = true;
		free(path);
		return;
	}
	ini->files = files;
	ini->files[ini->file_count++] = path;
	read_all(&cursor);
}

void pga_pgbouncer_read(struct pga_pgbouncer *ini, const char *path, const char *bytes,
			size_t length, pga_pgbouncer_open *open)
{
	struct reading reading = {.ini = ini, .open = open};
	char *first;

	*ini = (struct pga_pgbouncer){.files = NULL};
	first = copy(ini, path, strlen(path));
	if (first != NULL)
		read_file(&reading, first, bytes, length, 0);
}

void pga_pgbouncer_free(struct pga_pgbouncer *ini)
{
	for (size_t i = 0; i < ini->file_count; i++)
		free(ini->files[i]);
	for (size_t i = 0; i < PGA_PGBOUNCER_KEYS; i++) {
		free(ini->set[i].value);
		free(ini->lost[i].value);
	}
	for (size_t i = 0; i < ini->database_count; i++)
		pga_pgbouncer_free_database(&ini->databases[i]);
	for (size_t i = 0; i < ini->missed_count; i++) {
		free(ini->missed[i].path);
		free(ini->missed[i].why);
	}
	free(ini->files);
	free(ini->databases);
	free(ini->missed);
	free(ini->fault);
}
