#include "policy/secrets.h"

#include "base/text.h"
#include "policy/options.h"

#include <string.h>

/* Whether the word, of this length, has the part in it, whose letters are small. */
static bool has_part(const char *word, size_t length, const char *part)
{
	const size_t wanted = strlen(part);

	for (size_t at = 0; at + wanted <= length; at++) {
		size_t same = 0;

		while (same < wanted && pga_lower(word[at + same]) == part[same])
			same++;
		if (same == wanted)
			return true;
	}
	return false;
}

static bool is_secret_word(const char *word, size_t length)
{
	static const char parts[][20] = {
	    "pass", "pwd", "secret", "scram_client_key", "scram_server_key", "token", "word"};

	if (has_part(word, length, "passfile"))
		return false;
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		if (has_part(word, length, parts[i]))
			return true;
	return false;
}

bool pga_keyword_is_secret(const char *keyword)
{
	return is_secret_word(keyword, strlen(keyword));
}

static bool is_of_a_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '-';
}

size_t pga_behind_secret_word(const char *words)
{
	for (size_t at = 0; words[at] != '\0';) {
		size_t length = 0;

		while (is_of_a_word(words[at + length]))
			length++;
		if (is_secret_word(words + at, length))
			return at + length;
		at += length > 0 ? length : 1;
	}
	return 0;
}

/* The keyword in front of this "=", in a text that begins at `begin`. */
static const char *keyword_before(const char *begin, const char *equals, size_t *length)
{
	const char *end = equals;
	const char *start;

	while (end > begin && pga_is_blank(end[-1]))
		end--;
	for (start = end; start > begin && is_of_a_word(start[-1]);)
		start--;
	*length = (size_t)(end - start);
	return start;
}

/* Whether a setting of libpq's begins here: its name, and a "=" behind it. */
static bool begins_setting(const char *at, const char *end)
{
	char keyword[32];
	size_t length = 0;

	while (at + length < end && is_of_a_word(at[length]))
		length++;
	if (length == 0 || length >= sizeof keyword)
		return false;
	memcpy(keyword, at, length);
	keyword[length] = '\0';
	for (at += length; at < end && pga_is_blank(*at);)
		at++;
	return at < end && *at == '=' && pga_option_is_reviewed(keyword);
}

/* The end of a secret value that begins here. In quotes it goes to the quote that ends it; and what
 * follows may belong to it, where a quote was forgotten, up to the next setting. */
static const char *end_of_secret(const char *at, const char *end)
{
	while (at < end && pga_is_blank(*at))
		at++;
	if (at < end && *at == '\'') {
		for (at++; at < end && *at != '\''; at++)
			if (*at == '\\' && at + 1 < end)
				at++;
		at += at < end;
	}
	for (; at < end; at++)
		if ((pga_is_blank(*at) || *at == '&') && begins_setting(at + 1, end))
			break;
	return at;
}

/* The end of the first ":", which may be written as %3A, where somebody escaped too much; NULL
 * where there is none. */
static const char *behind_colon(const char *at, const char *end)
{
	for (; at < end; at++) {
		if (*at == ':')
			return at + 1;
		if (*at == '%' && end - at >= 3 && at[1] == '3' && pga_lower(at[2]) == 'a')
			return at + 3;
	}
	return NULL;
}

/* Behind the number of a port that begins here; the same place where none does. */
static const char *end_of_port(const char *at, const char *end)
{
	const char *digit = at;
	unsigned long port = 0;

	for (; digit < end && *digit >= '0' && *digit <= '9' && port <= 65535; digit++)
		port = port * 10 + (unsigned long)(*digit - '0');
	return port <= 65535 ? digit : at;
}

/* Where the password of an address begins that has its user and host here: behind the first ":" in
 * front of the last "@"; or behind one that no port follows, where the host was forgotten. NULL
 * where there is none. at: the last "@" of all the text. *after: where it goes on. */
static const char *password_of(const char *authority, const char *end, const char *at,
			       const char **after)
{
	const char *secret = behind_colon(authority, end);
	const char *behind;

	*after = end;
	if (at != NULL && at >= authority) {
		*after = at;
		return secret != NULL && secret <= at ? secret : NULL;
	}
	/* [::1]:5432 */
	if (authority < end && *authority == '[')
		return NULL;
	for (; secret != NULL; secret = behind_colon(behind, end)) {
		behind = end_of_port(secret, end);
		if (behind == secret || (behind < end && strchr(",/?\"' \t", *behind) == NULL))
			return secret;
		/* What is behind the hosts has other colons. */
		if (behind < end && *behind != ',')
			return NULL;
	}
	return NULL;
}

/* Where the value of a secret setting ends whose "=" this is; NULL where it is none of such. */
static const char *end_of_setting(const char *begin, const char *equals, const char *end)
{
	size_t length;
	const char *keyword = keyword_before(begin, equals, &length);

	return is_secret_word(keyword, length) ? end_of_secret(equals + 1, end) : NULL;
}

/* Adds a text that has no address in it. */
static void add_settings_masked(struct pga_text *text, const char *begin, const char *end)
{
	for (const char *at = begin; at < end;) {
		const char *after = *at == '=' ? end_of_setting(begin, at, end) : NULL;

		pga_text_add_bytes(text, at++, 1);
		if (after == NULL)
			continue;
		pga_text_add(text, PGA_MASK);
		at = after;
	}
}

/* Adds a text. */
static void add_masked(struct pga_text *text, const char *begin, const char *end)
{
	static const char mark[] = "://";
	const size_t length = sizeof mark - 1;
	/* Once: a text of 1 MB can be full of addresses. */
	const char *last = memrchr(begin, '@', (size_t)(end - begin));

	for (const char *at = begin; at < end;) {
		const char *secret = NULL;
		const char *after = *at == '=' ? end_of_setting(begin, at, end) : NULL;

		if ((size_t)(end - at) > length && memcmp(at, mark, length) == 0) {
			secret = password_of(at + length, end, last, &after);
			pga_text_add(text, mark);
			at += length;
			if (secret == NULL)
				continue;
			/* In front of it, there can be one of a setting. */
			add_settings_masked(text, at, secret);
		} else {
			pga_text_add_bytes(text, at++, 1);
			if (after == NULL)
				continue;
		}
		pga_text_add(text, PGA_MASK);
		at = after;
	}
}

void pga_text_add_masked(struct pga_text *text, const char *words)
{
	const char *end = words + strlen(words);
	const char *after = words;
	const char *last = strrchr(words, '@');
	/* What may be an address without a scheme: u:password@host. */
	const size_t user = strcspn(words, ":=@ \t\n/");

	if (words[user] == ':' && strncmp(words + user, "://", 3) != 0 && last != NULL) {
		const char *secret = password_of(words, end, last, &after);

		pga_text_add_bytes(text, words, (size_t)(secret - words));
		pga_text_add(text, PGA_MASK);
	}
	add_masked(text, after, end);
}

/* What of a connection string may be a password: all that is from one place to another; NULL where
 * it has none. */
struct zone {
	const char *begin;
	const char *end;
};

/* By whatever other word in front of "://", it is none of libpq's. */
static bool is_uri(const char *given)
{
	return strncmp(given, "postgresql://", strlen("postgresql://")) == 0 ||
	       strncmp(given, "postgres://", strlen("postgres://")) == 0;
}

static struct zone find_secrets(const char *given)
{
	struct zone zone = {NULL, given + strlen(given)};
	size_t length;

	if (is_uri(given))
		zone.begin =
		    password_of(strstr(given, "://") + 3, zone.end, strrchr(given, '@'), &zone.end);
	else if (given[strcspn(given, ":@")] != '\0')
		zone.begin = given + strcspn(given, ":@");
	for (const char *at = strchr(given, '='); at != NULL; at = strchr(at + 1, '=')) {
		const char *keyword = keyword_before(given, at, &length);

		if (!is_secret_word(keyword, length))
			continue;
		/* It goes to where nobody can tell. */
		zone.end = given + strlen(given);
		if (zone.begin == NULL || zone.begin > at)
			zone.begin = at + 1;
	}
	return zone;
}

/* Whether libpq says this of itself, in quotes. */
static bool is_a_word_of_libpq(const char *quoted)
{
	return pga_option_is_reviewed(quoted) ||
	       (strlen(quoted) == 1 && strchr("=]:/", quoted[0]) != NULL);
}

/* Whether what libpq quotes can be shown: it stands in front of what may be a password, or behind.
 */
static bool is_harmless(const char *quoted, const char *given, const struct zone *zone)
{
	const size_t length = strlen(quoted);
	const size_t before = (size_t)(zone->begin - given);
	const char *at;

	if (length == 0 || is_a_word_of_libpq(quoted))
		return true;
	/* The first place where it would reach into the zone, or stand behind its beginning. One
	 * search: a string of 1 MB can have it at every byte. */
	at = strstr(length <= before ? zone->begin - length + 1 : given, quoted);
	if (at != NULL && at < zone->end)
		return false;
	/* Of a URI, libpq may quote what it has decoded. */
	return at != NULL || strstr(given, quoted) != NULL || strstr(given, "://") == NULL;
}

/* Adds what is between two quotes of the message. */
static void add_quoted(struct pga_text *text, const char *begin, size_t length, const char *given,
		       const struct zone *zone)
{
	struct pga_text quoted = PGA_TEXT_EMPTY;

	pga_text_add_bytes(&quoted, begin, length);
	if (strcmp(pga_text_string(&quoted), given) == 0 && is_uri(given))
		pga_text_add_masked(text, given);
	else if (!quoted.failed && is_harmless(pga_text_string(&quoted), given, zone))
		pga_text_add_masked(text, pga_text_string(&quoted));
	else
		pga_text_add(text, PGA_MASK);
	pga_text_free(&quoted);
}

/* Translations of libpq quote with guillemets, in UTF-8 or Latin-1. */
static bool is_guillemet(const char *message, const char *at)
{
	return (*at == '\xAB' || *at == '\xBB') &&
	       (at == message || (unsigned char)at[-1] < 0x80 || at[-1] == '\xC2');
}

static bool has_guillemets(const char *message)
{
	for (const char *at = message; *at != '\0'; at++)
		if (is_guillemet(message, at))
			return true;
	return false;
}

static bool is_quote(const char *message, const char *at)
{
	return *at == '"' || is_guillemet(message, at);
}

/* Adds the message with a mask in the place of all between its first quote and its last. */
static void mask_between(struct pga_text *text, const char *message)
{
	const char *all = message + strlen(message);
	const char *begin = message;
	const char *end = all;

	while (begin < all && !is_quote(message, begin))
		begin++;
	if (begin == all) {
		pga_text_add_masked(text, message);
		return;
	}
	begin++;
	while (end > begin && !is_quote(message, end - 1))
		end--;
	pga_text_add_bytes(text, message, (size_t)(begin - message));
	pga_text_add(text, PGA_MASK);
	if (end == begin)
		return;
	end--;
	if (end > begin && *end != '"' && end[-1] == '\xC2')
		end--;
	pga_text_add(text, end);
}

void pga_text_add_masked_message(struct pga_text *text, const char *message, const char *given)
{
	const struct zone zone = given != NULL ? find_secrets(given) : (struct zone){NULL, NULL};
	const char *at = strchr(message, '"');

	if (zone.begin == NULL) {
		pga_text_add_masked(text, message);
		return;
	}
	/* With a quote in what is quoted, which a URI can have as %22, no pair of them can be told;
	 * and of guillemets, either can be the first. */
	if (strchr(given, '"') != NULL || strstr(given, "%22") != NULL || has_guillemets(message)) {
		mask_between(text, message);
		return;
	}
	if (at == NULL || strchr(at + 1, '"') == NULL) {
		pga_text_add_masked(text, message);
		return;
	}
	while (at != NULL) {
		const char *end = strchr(at + 1, '"');

		pga_text_add_bytes(text, message, (size_t)(at + 1 - message));
		if (end == NULL) {
			pga_text_add(text, PGA_MASK);
			return;
		}
		add_quoted(text, at + 1, (size_t)(end - at - 1), given, &zone);
		pga_text_add(text, "\"");
		message = end + 1;
		at = strchr(message, '"');
	}
	pga_text_add(text, message);
}
