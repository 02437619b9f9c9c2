#include "anchor/server_keys.h"

#include "base/append.h"
#include "base/host.h"
#include "base/paths.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PORT_LIMIT 65535

static bool read_port(const char *digits, unsigned *port)
{
	unsigned long number;
	char *end;

	if (digits[0] < '0' || digits[0] > '9')
		return false;
	errno = 0;
	number = strtoul(digits, &end, 10);
	*port = (unsigned)number;
	return errno == 0 && *end == '\0' && number > 0 && number <= PORT_LIMIT;
}

int pga_key_choice_read(const char *word, struct pga_key_choice *choice, struct pga_error *error)
{
	const char *colon = strchr(word, ':');
	const char *host = word;
	size_t length = strlen(word);
	size_t bad_length;
	bool good = true;

	choice->port = 0;
	choice->host = NULL;
	if (word[0] == '[') {
		const char *bracket = strchr(word, ']');

		good = bracket != NULL && (bracket[1] == '\0' || bracket[1] == ':');
		host = word + 1;
		length = good ? (size_t)(bracket - host) : 0;
		colon = good && bracket[1] == ':' ? bracket + 1 : NULL;
	} else if (colon != NULL && strchr(colon + 1, ':') == NULL) {
		length = (size_t)(colon - word);
	} else {
		/* More colons than one: an IPv6 address. */
		colon = NULL;
	}
	if (good && colon != NULL)
		good = read_port(colon + 1, &choice->port);
	/* "*" means many, and a pattern is no server. */
	good = good && length > 0 && pga_host_bad_pattern(host, length, &bad_length) == NULL &&
	       memchr(host, '*', length) == NULL && strcspn(host, " ,\t") >= length;
	if (!good)
		return pga_fail(error, "give HOST, HOST:PORT or [ADDRESS]:PORT", "%s: not a server",
				word);
	choice->host = strndup(host, length);
	return choice->host != NULL ? 0 : pga_fail_memory(error);
}

bool pga_key_is_chosen(const struct pga_key_choice *choice, const struct pga_known_key *key)
{
	const struct pga_shown_key like = {
	    .host = choice->host, .port = choice->port != 0 ? choice->port : key->shown.port};

	return pga_key_is_of_server(&key->shown, &like) &&
	       (choice->key[0] == '\0' || strcmp(choice->key, key->shown.key) == 0);
}

/* Whether the last line of this key in these files says so. */
static bool is_so(const struct pga_known_servers *known, bool system,
		  const struct pga_key_change *change)
{
	const struct pga_key_lines lines = pga_key_lines(known, system);

	for (size_t i = lines.end; i-- > lines.begin;)
		if (pga_key_is_same(&known->keys[i].shown, &change->shown))
			return known->keys[i].state == change->state;
	return false;
}

/* As the gate will read it. */
static int check(bool system, const struct pga_key_change *changes, size_t count,
		 struct pga_error *error)
{
	struct pga_known_servers known;
	int result = pga_known_servers_load(&known, error);

	for (size_t i = 0; i < count && result == 0; i++)
		if (!is_so(&known, system, &changes[i]))
			result =
			    pga_fail(error, "change it there, with an editor; nothing was changed",
				     "%s: a file of %s says something else of its key",
				     changes[i].shown.host,
				     PGA_PINS_SYSTEM_DIRECTORY "/" PGA_KNOWN_SERVERS ".d");
	pga_known_servers_free(&known);
	return result;
}

/* Whether the file can be read now, so that a line more can make a difference. */
static int check_readable(const struct pga_append *append, struct pga_error *error)
{
	struct pga_known_servers known = {0};
	const int result = pga_known_servers_parse(
	    &known, append->path, pga_text_string(&append->content), append->content.length, error);

	pga_known_servers_free(&known);
	return result;
}

static int add(const char *path, bool system, const struct pga_text *lines,
	       const struct pga_key_change *changes, size_t count, struct pga_error *error)
{
	struct pga_append append;
	struct pga_error later;
	size_t before;
	int result;

	if (pga_append_begin(&append, path, system ? PGA_FOR_EVERYBODY : PGA_FOR_THE_USER, error) !=
	    0)
		return -1;
	before = append.content.length;
	result = check_readable(&append, error);
	if (result == 0)
		result = pga_append_lines(&append, lines, error);
	if (result == 0 &&
	    (pga_append_sync(&append, error) != 0 || check(system, changes, count, error) != 0)) {
		result = -1;
		if (pga_append_take_back(&append, before, &later) != 0)
			*error = later;
	}
	pga_append_end(&append);
	return result;
}

int pga_server_keys_change(const struct pga_known_servers *known, bool system,
			   const struct pga_key_change *changes, size_t count,
			   struct pga_error *error)
{
	const char *path = system ? PGA_KNOWN_SERVERS_SYSTEM : known->file.path;
	struct pga_text lines = PGA_TEXT_EMPTY;
	int result;

	if (path == NULL) {
		errno = ENOENT;
		return pga_fail_home(error);
	}
	for (size_t i = 0; i < count; i++)
		pga_known_servers_add_line(&lines, changes[i].state, &changes[i].shown,
					   (long long)time(NULL), "pganchor");
	result = add(path, system, &lines, changes, count, error);
	pga_text_free(&lines);
	return result;
}
