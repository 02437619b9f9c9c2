/* Patterns of host names: which hosts an anchor is valid for, which hosts a policy exempts. */
#ifndef PGA_BASE_HOST_H
#define PGA_BASE_HOST_H

#include <stdbool.h>
#include <stddef.h>

/* Whether two names are one host's: letters' case does not count, nor one dot at the end. */
bool pga_host_is_same(const char *one, const char *other);

/* Whether the host is one that a pattern of the list means; blanks or commas stand between them.
 * "*" is every host, "*.example.com" every host below example.com (at any depth, not example.com
 * itself), all else is one name or address. Letters' case does not count (RFC 4343: ASCII's, in
 * every locale), nor does one dot at the end. */
bool pga_host_matches_any(const char *patterns, const char *host);

/* The first pattern of the list that can mean no host at all, and its length; NULL where there is
 * none. A pattern is "*", or a name or an IPv6 address (with a zone or without), or a name behind
 * "*."; a name has no empty label, and none of the characters that no host's name has: 10.0.0.0/8,
 * db:5432, https://db, [::1] and .example.com are no patterns. Bytes of other alphabets are the
 * resolver's to judge. */
const char *pga_host_bad_pattern(const char *patterns, size_t length, size_t *bad_length);

/* Such a list prepared for being asked often: what a question costs does not hang on how many
 * patterns there are. */
struct pga_host_name {
	const char *bytes; /* as written, without the dot at the end; not ended by a NUL */
	size_t length;
};

struct pga_host_set {
	bool every;                  /* "*" is among them */
	struct pga_host_name *names; /* one host each, sorted */
	size_t name_count;
	struct pga_host_name *suffixes; /* ".example.com" of "*.example.com", sorted */
	size_t suffix_count;
	char *text; /* what the names stand in */
};

/* Prepares the patterns in these bytes, which need not end in a NUL. Returns -1 for want of memory;
 * the set is then empty. */
int pga_host_set_make(struct pga_host_set *set, const char *patterns, size_t length);

/* What pga_host_matches_any() tells of the same patterns. */
bool pga_host_set_has(const struct pga_host_set *set, const char *host);

void pga_host_set_free(struct pga_host_set *set);

#endif
