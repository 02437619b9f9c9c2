/* The lines and sections of a profile. */
#include "profile/reading.h"

#include "base/file.h"
#include "base/printable.h"
#include "base/text.h"
#include "policy/linked.h"
#include "profile/policy_lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PGA_PROFILE_MESSAGE 1000 /* bytes */

enum section { NOWHERE, PROFILE, ANCHOR, SERVICE, POLICY };

struct profile_reading {
	struct pga_profile *profile;
	enum section section; /* that is being read */
	size_t profile_line;  /* of the section; 0: it was not there */
	size_t policy_line;
};

int pga_profile_fail(const struct pga_profile *profile, size_t line, const char *what,
		     const char *word, struct pga_error *error)
{
	static const char hint[] =
	    "correct the line; pganchor-profile(5) lists the keys and their values";

	return word != NULL
		   ? pga_fail_at_line(error, hint, profile->path, line, what, word, strlen(word))
		   : pga_fail(error, hint, "%s, line %zu: %s", profile->path, line, what);
}

/* ---- [profile] ---- */

static int take_version(struct pga_profile *profile, const struct pga_profile_line *line,
			struct pga_error *error)
{
	const size_t digits = strspn(line->value, "0123456789");

	if (digits == 0 || digits > 18 || line->value[digits] != '\0' || line->value[0] == '0')
		return pga_profile_fail(profile, line->number,
					"not a version: a whole number from 1, of 18 digits at "
					"most",
					line->value, error);
	profile->version = strtoull(line->value, NULL, 10);
	return 0;
}

static int take_of_profile(struct pga_profile *profile, const struct pga_profile_line *line,
			   struct pga_error *error)
{
	const bool is_name = strcmp(line->key, "name") == 0;
	const bool is_version = strcmp(line->key, "version") == 0;
	char **text = is_name ? &profile->name : &profile->message;

	if (!is_name && !is_version && strcmp(line->key, "message") != 0)
		return pga_profile_fail(profile, line->number, "no such key of [profile]",
					line->key, error);
	if (is_version ? profile->version != 0 : *text != NULL)
		return pga_profile_fail(profile, line->number, "set twice in one section",
					line->key, error);
	if (is_version)
		return take_version(profile, line, error);
	if (is_name && !pga_pin_name_is_valid(line->value))
		return pga_profile_fail(profile, line->number,
					"not a name for a profile: up to 64 letters, digits, dots, "
					"underscores and dashes",
					line->value, error);
	if (!is_name && strlen(line->value) > PGA_PROFILE_MESSAGE)
		return pga_profile_fail(profile, line->number, "a message of more than 1,000 bytes",
					NULL, error);
	*text = strdup(line->value);
	return *text != NULL ? 0 : pga_fail_memory(error);
}

/* ---- [policy] ---- */

static int take_policy(struct pga_profile *profile, const struct pga_profile_line *line,
		       struct pga_error *error)
{
	const char *wrong = pga_profile_policy_wrong(line->key, line->value);
	struct pga_profile_policy *grown;

	if (wrong != NULL)
		return pga_fail(error,
				"correct the line; pganchor-policy(5) lists the keys and their "
				"values",
				"%s, line %zu: %s: %s = %s", profile->path, line->number, wrong,
				line->key, line->value);
	for (size_t i = 0; i < profile->policy_count; i++)
		if (strcmp(profile->policy[i].key, line->key) == 0)
			return pga_profile_fail(profile, line->number, "set twice in one section",
						line->key, error);
	grown = reallocarray(profile->policy, profile->policy_count + 1, sizeof *grown);
	if (grown == NULL)
		return pga_fail_memory(error);
	profile->policy = grown;
	grown += profile->policy_count++;
	*grown = (struct pga_profile_policy){strdup(line->key), strdup(line->value), line->number};
	return grown->key != NULL && grown->value != NULL ? 0 : pga_fail_memory(error);
}

/* ---- sections ---- */

static int begin_anchor(struct pga_profile *profile, const char *name, size_t line,
			struct pga_error *error)
{
	struct pga_profile_anchor *grown;

	if (!pga_pin_name_is_valid(name))
		return pga_profile_fail(profile, line, "not a name for an anchor", name, error);
	if (profile->anchor_count == PGA_PROFILE_ANCHORS)
		return pga_profile_fail(profile, line, "more anchors than a profile has", name,
					error);
	grown = reallocarray(profile->anchors, profile->anchor_count + 1, sizeof *grown);
	if (grown == NULL)
		return pga_fail_memory(error);
	profile->anchors = grown;
	grown += profile->anchor_count++;
	memset(grown, 0, sizeof *grown);
	grown->line = line;
	grown->name = strdup(name);
	return grown->name != NULL ? 0 : pga_fail_memory(error);
}

static int begin_service(struct pga_profile *profile, const char *name, size_t line,
			 struct pga_error *error)
{
	struct pga_profile_service *grown;

	if (profile->service_count == PGA_PROFILE_SERVICES)
		return pga_profile_fail(profile, line, "more services than a profile has", name,
					error);
	grown = reallocarray(profile->services, profile->service_count + 1, sizeof *grown);
	if (grown == NULL)
		return pga_fail_memory(error);
	profile->services = grown;
	grown += profile->service_count++;
	memset(grown, 0, sizeof *grown);
	grown->line = line;
	grown->name = strdup(name);
	return grown->name != NULL ? 0 : pga_fail_memory(error);
}

/* [profile] and [policy] are there once. */
static int begin_only(struct profile_reading *reading, enum section section, size_t line,
		      struct pga_error *error)
{
	size_t *before = section == PROFILE ? &reading->profile_line : &reading->policy_line;

	if (*before != 0)
		return pga_profile_fail(reading->profile, line, "this section is there twice",
					section == PROFILE ? "profile" : "policy", error);
	*before = line;
	reading->section = section;
	return 0;
}

/* What is behind the section's kind and the blanks; NULL where it is another kind. */
static const char *name_behind(const char *section, const char *kind)
{
	const size_t length = strlen(kind);

	if (strncmp(section, kind, length) != 0 || !pga_is_blank(section[length]))
		return NULL;
	return section + length + strspn(section + length, " \t");
}

static int begin_section(struct profile_reading *reading, const struct pga_profile_line *line,
			 struct pga_error *error)
{
	struct pga_profile *profile = reading->profile;
	const char *name;

	if (strcmp(line->key, "profile") == 0)
		return begin_only(reading, PROFILE, line->number, error);
	if (strcmp(line->key, "policy") == 0)
		return begin_only(reading, POLICY, line->number, error);
	name = name_behind(line->key, "anchor");
	if (name != NULL) {
		reading->section = ANCHOR;
		return begin_anchor(profile, name, line->number, error);
	}
	name = name_behind(line->key, "service");
	if (name != NULL) {
		reading->section = SERVICE;
		return begin_service(profile, name, line->number, error);
	}
	return pga_profile_fail(profile, line->number,
				"neither [profile], [anchor NAME], [service NAME] nor [policy]",
				line->key, error);
}

static int take_setting(struct profile_reading *reading, const struct pga_profile_line *line,
			struct pga_error *error)
{
	struct pga_profile *profile = reading->profile;

	switch (reading->section) {
	case PROFILE:
		return take_of_profile(profile, line, error);
	case ANCHOR:
		return pga_profile_anchor_line(
		    profile, &profile->anchors[profile->anchor_count - 1], line, error);
	case SERVICE:
		return pga_profile_service_line(
		    profile, &profile->services[profile->service_count - 1], line, error);
	case POLICY:
		return take_policy(profile, line, error);
	default:
		return pga_profile_fail(profile, line->number, "a setting before any section",
					line->key, error);
	}
}

/* ---- the whole ---- */

static int take_line(struct profile_reading *reading, const struct pga_ini_line *read,
		     struct pga_error *error)
{
	char *key;
	char *value;
	int result;

	if (read->kind == PGA_INI_BLANK || read->kind == PGA_INI_COMMENT)
		return 0;
	/* It may hold a password. */
	if (read->kind == PGA_INI_OTHER)
		return pga_profile_fail(reading->profile, read->number,
					"neither a section nor a line of the form key = value",
					NULL, error);
	key = pga_ini_copy(read->name);
	value = pga_ini_copy(read->value);
	if (key == NULL || value == NULL) {
		result = pga_fail_memory(error);
	} else {
		const struct pga_profile_line line = {read->number, key, value};

		result = read->kind == PGA_INI_SECTION ? begin_section(reading, &line, error)
						       : take_setting(reading, &line, error);
	}
	free(key);
	free(value);
	return result;
}

/* A line is UTF-8, and has no character that steers a terminal or makes a text look like another.
 */
static int check_text(const struct pga_profile *profile, const struct pga_ini_line *line,
		      struct pga_error *error)
{
	char *text = pga_ini_copy(line->whole);
	const bool has_nul = text != NULL && strlen(text) != line->whole.length;
	const char *at = text;
	unsigned point = 0;
	size_t length = 1;

	if (text == NULL)
		return pga_fail_memory(error);
	while (*at != '\0' && length > 0) {
		length = pga_character(at, &point);
		if (length > 0 && point != '\n' && point != '\r' && point != '\t' &&
		    pga_steers(point))
			length = 0;
		at += length;
	}
	free(text);
	if (length > 0 && !has_nul)
		return 0;
	return pga_profile_fail(profile, line->number,
				has_nul ? "not a line of text: it holds a NUL"
					: "not a line of text: it is no UTF-8, or has a character "
					  "in it that steers a terminal",
				NULL, error);
}

static int read_lines(struct profile_reading *reading, const char *bytes, size_t length,
		      struct pga_error *error)
{
	struct pga_ini_reader reader = pga_ini_start(bytes, length, PGA_INI_CONF);
	struct pga_ini_line line;

	while (pga_ini_next(&reader, &line))
		if (check_text(reading->profile, &line, error) != 0 ||
		    take_line(reading, &line, error) != 0)
			return -1;
	return 0;
}

static int check_services(const struct pga_profile *profile, struct pga_error *error)
{
	struct pga_hidden_environment hidden;
	int result = 0;

	if (profile->service_count == 0)
		return 0;
	if (pga_hide_environment(&hidden) != 0)
		return pga_fail_memory(error);
	for (size_t i = 0; result == 0 && i < profile->service_count; i++)
		result = pga_profile_service_check(profile, &profile->services[i], error);
	pga_restore_environment(&hidden);
	return result;
}

static int check_whole(const struct profile_reading *reading, struct pga_error *error)
{
	const struct pga_profile *profile = reading->profile;

	if (reading->profile_line == 0)
		return pga_fail(error, "pganchor-profile(5) shows one", "%s: no [profile] in it",
				profile->path);
	if (profile->name == NULL || profile->version == 0)
		return pga_profile_fail(profile, reading->profile_line,
					profile->name == NULL ? "a profile without a name"
							      : "a profile without a version",
					NULL, error);
	for (size_t i = 0; i < profile->anchor_count; i++)
		if (pga_profile_anchor_check(profile, &profile->anchors[i], error) != 0)
			return -1;
	return check_services(profile, error);
}

int pga_profile_read(struct pga_profile *profile, const char *path, const char *bytes,
		     size_t length, struct pga_error *error)
{
	struct profile_reading reading = {.profile = profile};

	memset(profile, 0, sizeof *profile);
	if (length > PGA_PROFILE_LIMIT)
		return pga_fail(error, "no profile comes near that: is it another file?",
				"%s: larger than %zu KiB", path, PGA_PROFILE_LIMIT / 1024);
	profile->path = strdup(path);
	if (profile->path == NULL)
		return pga_fail_memory(error);
	if (read_lines(&reading, bytes, length, error) == 0 && check_whole(&reading, error) == 0)
		return 0;
	pga_profile_free(profile);
	return -1;
}

void pga_profile_free(struct pga_profile *profile)
{
	for (size_t i = 0; i < profile->anchor_count; i++)
		pga_profile_anchor_free(&profile->anchors[i]);
	for (size_t i = 0; i < profile->service_count; i++)
		pga_profile_service_free(&profile->services[i]);
	for (size_t i = 0; i < profile->policy_count; i++) {
		free(profile->policy[i].key);
		free(profile->policy[i].value);
	}
	free(profile->anchors);
	free(profile->services);
	free(profile->policy);
	free(profile->name);
	free(profile->message);
	free(profile->path);
	memset(profile, 0, sizeof *profile);
}

const struct pga_profile_anchor *pga_profile_anchor_named(const struct pga_profile *profile,
							  const char *name)
{
	for (size_t i = 0; i < profile->anchor_count; i++)
		if (strcmp(profile->anchors[i].name, name) == 0)
			return &profile->anchors[i];
	return NULL;
}
