/* Which whole name the short one of an entry stands for. A certificate does not say: whoever has
 * one of the same CA chooses what follows the first dot. The anchors' patterns do, since it was the
 * user who has written those. */
#include "service/harden_parts.h"

#include "base/host.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What stands between patterns (base/host.h). */
static const char between[] = " \t,";

struct completion {
	const char *label;
	char *whole; /* NULL: none so far */
	bool several;
};

static int take(struct completion *completion, char *whole, struct pga_error *error)
{
	if (whole == NULL)
		return pga_fail_memory(error);
	if (whole[strlen(whole) - 1] == '.')
		whole[strlen(whole) - 1] = '\0';
	if (completion->whole == NULL) {
		completion->whole = whole;
		return 0;
	}
	completion->several = completion->several || !pga_host_is_same(completion->whole, whole);
	free(whole);
	return 0;
}

/* "*.example.com" is for LABEL.example.com; deeper ones are whatever somebody had signed. */
static int add_pattern(struct completion *completion, const char *pattern, size_t length,
		       struct pga_error *error)
{
	const size_t label = strlen(completion->label);
	struct pga_text whole = PGA_TEXT_EMPTY;

	if (length == 1 && pattern[0] == '*') {
		completion->several = true;
		return 0;
	}
	if (pattern[0] == '*') {
		pga_text_add(&whole, completion->label);
		pga_text_add_bytes(&whole, pattern + 1, length - 1);
		return take(completion, pga_text_take(&whole), error);
	}
	if (length > label && pattern[label] == '.' &&
	    strncasecmp(pattern, completion->label, label) == 0)
		return take(completion, strndup(pattern, length), error);
	return 0;
}

static int add_patterns(struct completion *completion, const char *patterns,
			struct pga_error *error)
{
	for (const char *at = patterns + strspn(patterns, between); *at != '\0';
	     at += strspn(at, between)) {
		const size_t length = strcspn(at, between);

		if (add_pattern(completion, at, length, error) != 0)
			return -1;
		at += length;
	}
	return 0;
}

/* This machine is called so everywhere, and nowhere is it the server's name. */
static bool is_of_this_machine(const char *label)
{
	return strncasecmp(label, "localhost", strlen("localhost")) == 0 ||
	       strncasecmp(label, "ip6-", strlen("ip6-")) == 0;
}

int pga_harden_whole_name(const char *label, const struct pga_harden *harden, char **name,
			  struct pga_error *error)
{
	const struct pga_pins *pins = &harden->pins;
	struct completion completion = {.label = label};
	int result = 0;

	*name = NULL;
	if (label[0] == '\0' || strchr(label, '.') != NULL || strchr(label, ':') != NULL ||
	    is_of_this_machine(label))
		return 0;
	for (size_t i = 0; result == 0 && i < pins->count; i++)
		if (harden->wish->anchor == NULL ||
		    strcmp(pins->pins[i].name, harden->wish->anchor) == 0)
			result = add_patterns(&completion, pins->pins[i].hosts, error);
	if (result == 0 && !completion.several) {
		*name = completion.whole;
		completion.whole = NULL;
	}
	free(completion.whole);
	return result;
}
