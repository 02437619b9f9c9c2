#include "base/host.h"

#include <stdlib.h>
#include <string.h>

static const char between[] = " \t,";

static size_t length_without_dot(const char *name, size_t length)
{
	return length > 0 && name[length - 1] == '.' ? length - 1 : length;
}

/* An ASCII letter's two cases differ in one bit. */
static unsigned lower(char c)
{
	return (unsigned char)c | (c >= 'A' && c <= 'Z' ? 0x20U : 0U);
}

static bool same(const char *a, const char *b, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
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
	if (pattern_length == 0 || host_length == 0)
		return false;
	if (is_every(pattern, pattern_length))
		return true;
	if (is_suffix(pattern, pattern_length)) {
		size_t suffix = pattern_length - 1; /* with the dot in front */

		return host_length > suffix &&
		       same(host + host_length - suffix, pattern + 1, suffix);
	}
	return host_length == pattern_length && same(host, pattern, host_length);
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

/* By length first: most that differ, differ in it. */
static int compare(const void *left, const void *right)
{
	const struct pga_host_name *a = left;
	const struct pga_host_name *b = right;
	size_t i = 0;

	if (a->length != b->length)
		return a->length < b->length ? -1 : 1;
	while (i < a->length && lower(a->bytes[i]) == lower(b->bytes[i]))
		i++;
	if (i == a->length)
		return 0;
	return lower(a->bytes[i]) < lower(b->bytes[i]) ? -1 : 1;
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

static const struct pga_host_name *with_star(const struct pga_host_name *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (memchr(names[i].bytes, '*', names[i].length) != NULL)
			return &names[i];
	return NULL;
}

const struct pga_host_name *pga_host_set_meaningless(const struct pga_host_set *set)
{
	const struct pga_host_name *name = with_star(set->names, set->name_count);

	return name != NULL ? name : with_star(set->suffixes, set->suffix_count);
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
	for (size_t i = 1; i < length && !found && set->suffix_count > 0; i++)
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
