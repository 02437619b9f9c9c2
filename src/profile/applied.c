#include "profile/applied.h"

#include "anchor/anchors_conf.h"
#include "base/file.h"
#include "base/ini.h"
#include "base/paths.h"

#include <stdlib.h>
#include <string.h>

#define HEADING                                                                             \
	"# The profiles that were applied, and which version of each; written by pganchor " \
	"onboard.\n"

static int fail_at(const struct pga_applied *applied, const struct pga_ini_line *line,
		   const char *what, struct pga_ini_span span, struct pga_error *error)
{
	return pga_fail_at_line(error,
				"correct the line, or remove the profile's section: then pganchor "
				"onboard knows of no version before",
				applied->path, line->number, what, span.bytes, span.length);
}

static struct pga_ini_span without_line_end(struct pga_ini_span line)
{
	while (line.length > 0 &&
	       (line.bytes[line.length - 1] == '\n' || line.bytes[line.length - 1] == '\r'))
		line.length--;
	return line;
}

static int begin_section(struct pga_applied *applied, const struct pga_ini_line *line,
			 struct pga_error *error)
{
	struct pga_applied_profile *grown =
	    reallocarray(applied->profiles, applied->count + 1, sizeof *grown);
	struct pga_applied_profile *profile;

	if (grown == NULL)
		return pga_fail_memory(error);
	applied->profiles = grown;
	profile = &grown[applied->count++];
	memset(profile, 0, sizeof *profile);
	profile->name = pga_ini_copy(line->name);
	profile->digest = strdup("");
	profile->source = strdup("");
	profile->key = strdup("");
	profile->applied = strdup("");
	if (profile->name == NULL || profile->digest == NULL || profile->source == NULL ||
	    profile->key == NULL || profile->applied == NULL)
		return pga_fail_memory(error);
	if (!pga_pin_name_is_valid(profile->name))
		return fail_at(applied, line, "not a name for a profile", line->name, error);
	for (size_t i = 0; i + 1 < applied->count; i++)
		if (strcmp(applied->profiles[i].name, profile->name) == 0)
			return fail_at(applied, line, "this profile is there twice", line->name,
				       error);
	return 0;
}

static int take_version(const struct pga_applied *applied, struct pga_applied_profile *profile,
			const struct pga_ini_line *line, struct pga_error *error)
{
	char digits[20];

	if (line->value.length == 0 || line->value.length >= sizeof digits)
		return fail_at(applied, line, "not a version", line->value, error);
	memcpy(digits, line->value.bytes, line->value.length);
	digits[line->value.length] = '\0';
	if (strspn(digits, "0123456789") != line->value.length || digits[0] == '0')
		return fail_at(applied, line, "not a version", line->value, error);
	profile->version = strtoull(digits, NULL, 10);
	return 0;
}

static int take_setting(struct pga_applied *applied, const struct pga_ini_line *line,
			struct pga_error *error)
{
	static const struct {
		const char *key;
		size_t field;
	} texts[] = {
	    {"digest", offsetof(struct pga_applied_profile, digest)},
	    {"source", offsetof(struct pga_applied_profile, source)},
	    {"key", offsetof(struct pga_applied_profile, key)},
	    {"applied", offsetof(struct pga_applied_profile, applied)},
	};
	struct pga_applied_profile *profile;

	if (applied->count == 0)
		return fail_at(applied, line, "a setting before any [NAME]", line->name, error);
	profile = &applied->profiles[applied->count - 1];
	if (pga_ini_equals(line->name, "version"))
		return take_version(applied, profile, line, error);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		char *value;

		if (!pga_ini_equals(line->name, texts[i].key))
			continue;
		value = pga_ini_copy(line->value);
		if (value == NULL)
			return pga_fail_memory(error);
		{
			char **field = (char **)(void *)((char *)profile + texts[i].field);

			free(*field);
			*field = value;
		}
	}
	return 0;
}

int pga_applied_parse(struct pga_applied *applied, const char *path, const char *bytes,
		      size_t length, struct pga_error *error)
{
	struct pga_ini_reader reader = pga_ini_start(bytes, length, PGA_INI_CONF);
	struct pga_ini_line line;
	int result = 0;

	applied->path = strdup(path);
	if (applied->path == NULL)
		return pga_fail_memory(error);
	while (result == 0 && pga_ini_next(&reader, &line)) {
		if (memchr(line.whole.bytes, '\0', line.whole.length) != NULL)
			return pga_fail(error, "remove the line",
					"%s, line %zu: not a line of text: it holds a NUL", path,
					line.number);
		if (line.kind == PGA_INI_SECTION)
			result = begin_section(applied, &line, error);
		else if (line.kind == PGA_INI_SETTING)
			result = take_setting(applied, &line, error);
		else if (line.kind == PGA_INI_OTHER)
			result = fail_at(applied, &line,
					 "neither [NAME] nor a line of the form key = value",
					 without_line_end(line.whole), error);
	}
	return result;
}

int pga_applied_load(struct pga_applied *applied, struct pga_error *error)
{
	char *path = pga_user_config(PGA_APPLIED_FILE);
	bool found = false;
	int result;

	memset(applied, 0, sizeof *applied);
	if (path == NULL)
		return pga_fail_home(error);
	result = pga_file_read(path, &applied->bytes, &found, error);
	if (result == 0)
		result = pga_applied_parse(applied, path, pga_text_string(&applied->bytes),
					   applied->bytes.length, error);
	free(path);
	return result;
}

const struct pga_applied_profile *pga_applied_named(const struct pga_applied *applied,
						    const char *name)
{
	for (size_t i = 0; i < applied->count; i++)
		if (strcmp(applied->profiles[i].name, name) == 0)
			return &applied->profiles[i];
	return NULL;
}

/* Whether it is the later one of the two, or the same. */
static int check_version(const struct pga_applied_profile *before,
			 const struct pga_fetched_profile *fetched, struct pga_error *error)
{
	const struct pga_profile *profile = &fetched->profile;

	if (profile->version < before->version)
		return pga_fail(error,
				"ask who hands it out for the present one; " PGA_LEAVE_OLDER
				" takes this one all the same. Nothing was changed",
				"%s: version %llu of the profile %s is older than %llu, which was "
				"applied",
				fetched->where, profile->version, profile->name, before->version);
	if (profile->version == before->version && before->digest[0] != '\0' &&
	    strcmp(before->digest, fetched->digest) != 0)
		return pga_fail(error,
				"what is changed in a profile has a new version; " PGA_LEAVE_OLDER
				" takes this one all the same. Nothing was changed",
				"%s: version %llu of the profile %s says something else than the "
				"one that was applied",
				fetched->where, profile->version, profile->name);
	return 0;
}

static int check_key(const struct pga_applied_profile *before,
		     const struct pga_fetched_profile *fetched, struct pga_error *error)
{
	static const char hint[] =
	    "ask who hands it out; where the key is another one now, " PGA_LEAVE_OTHER_KEY
	    " takes it. Nothing was changed";

	if (before->key[0] == '\0' || strcmp(before->key, fetched->key) == 0)
		return 0;
	if (fetched->is_signed)
		return pga_fail(error, hint,
				"%s: the profile %s is signed by another key than the version "
				"that was applied: by %s",
				fetched->where, before->name, fetched->key_id);
	if (fetched->trust == PGA_PROFILE_BY_SYSTEM)
		return 0;
	return pga_fail(error, hint,
			"%s: the profile %s is not signed, and the version that was applied was",
			fetched->where, before->name);
}

int pga_applied_check(const struct pga_applied *applied, const struct pga_fetched_profile *fetched,
		      const struct pga_applied_leave *leave, struct pga_error *error)
{
	const struct pga_applied_profile *before =
	    pga_applied_named(applied, fetched->profile.name);

	if (before == NULL)
		return 0;
	if (!leave->other_key && check_key(before, fetched, error) != 0)
		return -1;
	return leave->older ? 0 : check_version(before, fetched, error);
}

bool pga_applied_has(const struct pga_applied *applied, const struct pga_fetched_profile *fetched)
{
	const struct pga_applied_profile *before =
	    pga_applied_named(applied, fetched->profile.name);

	return before != NULL && before->version == fetched->profile.version &&
	       strcmp(before->digest, fetched->digest) == 0;
}

void pga_applied_set(const struct pga_text *before, const struct pga_fetched_profile *fetched,
		     const char *when, struct pga_text *after)
{
	char version[24];
	const struct pga_anchor_setting settings[] = {
	    {"version", version},       {"digest", fetched->digest},
	    {"source", fetched->where}, {"key", fetched->is_signed ? fetched->key : NULL},
	    {"applied", when},
	};

	(void)snprintf(version, sizeof version, "%llu", fetched->profile.version);
	if (before->length == 0)
		pga_text_add(after, HEADING);
	pga_anchors_conf_set(before, fetched->profile.name, settings,
			     sizeof settings / sizeof settings[0], after);
}

void pga_applied_free(struct pga_applied *applied)
{
	for (size_t i = 0; i < applied->count; i++) {
		free(applied->profiles[i].name);
		free(applied->profiles[i].digest);
		free(applied->profiles[i].source);
		free(applied->profiles[i].key);
		free(applied->profiles[i].applied);
	}
	free(applied->profiles);
	pga_text_free(&applied->bytes);
	free(applied->path);
	memset(applied, 0, sizeof *applied);
}
