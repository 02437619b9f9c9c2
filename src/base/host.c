#include "base/host.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <stdlib.h>
#include <string.h>

static const char between[] = " \t,";

static size_t length_without_dot(const char *name, size_t length)
{
	return length > 0 && name[length - 1] == '.' ? length - 1 : length;
}

static bool is_same_but_for_case(const char *a, const char *b, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (pga_lower(a[i]) != pga_lower(b[i]))
			return false;
	return true;
}

bool pga_host_is_same(const char *one, const char *other)
{
	const size_t length = length_without_dot(one, strlen(one));

	return length_without_dot(other, strlen(other)) == length &&
	       is_same_but_for_case(one, other, length);
}

static bool is_every(const char *pattern, size_t length)
{
	return length == 1 && pattern[0] == '*';
}

/* "*.example.com" */
static bool is_suffix(const char *pattern, size_t length)
{
	return length > 2 && pattern[0] == '*' && pattern[1] == '.';
}

static bool matches(const char *pattern, size_t pattern_length, const char *host)
{
	size_t host_length = length_without_dot(host, strlen(host));

	pattern_length = length_without_dot(pattern, pattern_length);
	if (host_length == 0)
		return false;
	if (is_every(pattern, pattern_length))
		return true;
	if (is_suffix(pattern, pattern_length)) {
		size_t suffix = pattern_length - 1; /* with the dot in front */

		return host_length > suffix &&
		       is_same_but_for_case(host + host_length - suffix, pattern + 1, suffix);
	}
	return host_length == pattern_length && is_same_but_for_case(host, pattern, host_length);
}

bool pga_host_matches_any(const char *patterns, const char *host)
{
	for (const char *at = patterns + strspn(patterns, between); *at != '\0';
	     at += strspn(at, between)) {
		size_t length = strcspn(at, between);

		if (matches(at, length, host))
			return true;
		at += length;
	}
	return false;
}

/* RFC 4007 puts a zone behind "%". */
static bool is_ipv6(const char *text, size_t length)
{
	char address[INET6_ADDRSTRLEN];
	struct in6_addr bytes;
	const char *zone = memchr(text, '%', length);
	const size_t plain = zone != NULL ? (size_t)(zone - text) : length;

	if (plain >= sizeof address || plain + 1 == length)
		return false;
	memcpy(address, text, plain);
	address[plain] = '\0';
	return inet_pton(AF_INET6, address, &bytes) == 1;
}

static bool may_be_in_a_name(char c)
{
	return (unsigned char)c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
}

static bool is_name(const char *text, size_t length)
{
	bool in_label = false;

	for (size_t i = 0; i < length; i++) {
		if (!may_be_in_a_name(text[i]) || (text[i] == '.' && !in_label))
			return false;
		in_label = text[i] != '.';
	}
	return length > 0;
}

static bool is_pattern(const char *text, size_t length)
{
	if (is_suffix(text, length))
		return is_name(text + 2, length - 2);
	return is_every(text, length) || is_name(text, length) || is_ipv6(text, length);
}

const char *pga_host_bad_pattern(const char *patterns, size_t length, size_t *bad_length)
{
	size_t begin = 0;

	for (size_t i = 0; i <= length; i++) {
		if (i < length && (patterns[i] == '\0' || strchr(between, patterns[i]) == NULL))
			continue;
		if (i > begin && !is_pattern(patterns + begin, i - begin)) {
			*bad_length = i - begin;
			return patterns + begin;
		}
		begin = i + 1;
	}
	return NULL;
}

/* By length first: most that differ, differ in it. */
static int compare(const void *left, const void *right)
{
	const struct pga_host_name *a = left;
	const struct pga_host_name *b = right;
	size_t i = 0;

	if (a->length != b->length)
		return a->length < b->length ? -1 : 1;
	while (i < a->length && pga_lower(a->bytes[i]) == pga_lower(b->bytes[i]))
		i++;
	if (i == a->length)
		return 0;
	return (unsigned char)pga_lower(a->bytes[i]) < (unsigned char)pga_lower(b->bytes[i]) ? -1
											     : 1;
}

static void add_pattern(struct pga_host_set *set, const char *pattern, size_t length)
{
	length = length_without_dot(pattern, length);
	if (is_every(pattern, length))
		set->every = true;
	else if (is_suffix(pattern, length))
		set->suffixes[set->suffix_count++] =
		    (struct pga_host_name){pattern + 1, length - 1};
	else if (length > 0)
		set->names[set->name_count++] = (struct pga_host_name){pattern, length};
}

int pga_host_set_make(struct pga_host_set *set, const char *patterns, size_t length)
{
	size_t count = 0;

	memset(set, 0, sizeof *set);
	set->text = strndup(patterns, length);
	if (set->text == NULL)
		return -1;
	for (const char *at = set->text + strspn(set->text, between); *at != '\0';
	     at += strspn(at, between), count++)
		at += strcspn(at, between);
	set->names = calloc(count + 1, sizeof *set->names);
	set->suffixes = calloc(count + 1, sizeof *set->suffixes);
	if (set->names == NULL || set->suffixes == NULL) {
		pga_host_set_free(set);
		return -1;
	}
	for (const char *at = set->text + strspn(set->text, between); *at != '\0';
	     at += strspn(at, between)) {
		size_t pattern_length = strcspn(at, between);

		add_pattern(set, at, pattern_length);
		at += pattern_length;
	}
	qsort(set->names, set->name_count, sizeof *set->names, compare);
	qsort(set->suffixes, set->suffix_count, sizeof *set->suffixes, compare);
	return 0;
}

static bool is_among(const struct pga_host_name *names, size_t count, const char *bytes,
		     size_t length)
{
	const struct pga_host_name wanted = {bytes, length};

	return count > 0 && bsearch(&wanted, names, count, sizeof *names, compare) != NULL;
}

bool pga_host_set_has(const struct pga_host_set *set, const char *host)
{
	size_t length = length_without_dot(host, strlen(host));
	bool found;

	if (length == 0)
		return false;
	found = set->every || is_among(set->names, set->name_count, host, length);
	/* Each dot but one in front can be the start of a suffix. */
	for (size_t i = 1; i < length && !found; i++)
		found = host[i] == '.' &&
			is_among(set->suffixes, set->suffix_count, host + i, length - i);
	return found;
}

void pga_host_set_free(struct pga_host_set *set)
{
	free(set->names);
	free(set->suffixes);
	free(set->text);
	memset(set, 0, sizeof *set);
}
