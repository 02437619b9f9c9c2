#include "base/host.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static size_t length_without_dot(const char *name, size_t length)
{
	return length > 0 && name[length - 1] == '.' ? length - 1 : length;
}

static bool matches(const char *pattern, size_t pattern_length, const char *host)
{
	size_t host_length = length_without_dot(host, strlen(host));

	pattern_length = length_without_dot(pattern, pattern_length);
	if (pattern_length == 0 || host_length == 0)
		return false;
	if (pattern_length == 1 && pattern[0] == '*')
		return true;
	if (pattern_length > 2 && pattern[0] == '*' && pattern[1] == '.') {
		size_t suffix = pattern_length - 1; /* with the dot in front */

		return host_length > suffix &&
		       strncasecmp(host + host_length - suffix, pattern + 1, suffix) == 0;
	}
	return host_length == pattern_length && strncasecmp(host, pattern, host_length) == 0;
}

bool pga_host_matches_any(const char *patterns, const char *host)
{
	static const char between[] = " \t,";

	for (const char *at = patterns + strspn(patterns, between); *at != '\0';
	     at += strspn(at, between)) {
		size_t length = strcspn(at, between);

		if (matches(at, length, host))
			return true;
		at += length;
	}
	return false;
}
