/* crls.conf, read and written. */
#include "anchor/crls.h"

#include "base/file.h"
#include "base/ini.h"
#include "base/printable.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADING "# The CRLs that pganchor crl has put in place, and where from.\n"

/* Where a line of the file stands. */
struct place {
	const char *path;
	const struct pga_ini_line *line;
	struct pga_error *error;
};

static const char next[] = "correct it with an editor; \"pganchor crl add\" writes a section anew";

static int wrong(const struct place *place, const char *what)
{
	return pga_fail_at_line(place->error, next, place->path, place->line->number, what,
				place->line->whole.bytes, place->line->whole.length);
}

/* Text that could steer a terminal is none of ours. */
static bool is_clean(const char *bytes, size_t length)
{
	char *text = memchr(bytes, '\0', length) == NULL ? strndup(bytes, length) : NULL;
	bool clean = text != NULL;
	const char *at = text;
	unsigned point;

	while (clean && *at != '\0') {
		const size_t width = pga_character(at, &point);

		clean = width > 0 && !pga_steers(point);
		at += width;
	}
	free(text);
	return clean;
}

static int take_text(char **to, const struct place *place)
{
	free(*to);
	*to = pga_ini_copy(place->line->value);
	return *to != NULL ? 0 : pga_fail_memory(place->error);
}

static bool is_digest(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (strchr("0123456789abcdef", text[i]) == NULL)
			return false;
	return length == PGA_PIN_LENGTH;
}

static int take_digest(char to[PGA_PIN_LENGTH + 1], const struct place *place)
{
	const struct pga_ini_span value = place->line->value;

	if (!is_digest(value.bytes, value.length))
		return wrong(place, "not a SHA-256 in 64 lower-case hex digits");
	memcpy(to, value.bytes, PGA_PIN_LENGTH);
	to[PGA_PIN_LENGTH] = '\0';
	return 0;
}

/* One, or two with a blank between. */
static int take_digests(struct pga_crl_record *record, const struct place *place)
{
	const struct pga_ini_span value = place->line->value;
	const char *second = value.bytes + PGA_PIN_LENGTH + 1;

	if (value.length == PGA_PIN_LENGTH)
		return take_digest(record->digest, place);
	if (value.length != 2 * PGA_PIN_LENGTH + 1 || value.bytes[PGA_PIN_LENGTH] != ' ' ||
	    !is_digest(value.bytes, PGA_PIN_LENGTH) || !is_digest(second, PGA_PIN_LENGTH))
		return wrong(place, "not one or two SHA-256");
	memcpy(record->digest, value.bytes, PGA_PIN_LENGTH);
	memcpy(record->previous, second, PGA_PIN_LENGTH);
	return 0;
}

static int take_date(char to[PGA_X509_DATE], const struct place *place)
{
	(void)snprintf(to, PGA_X509_DATE, "%.*s", (int)place->line->value.length,
		       place->line->value.bytes);
	return place->line->value.length < PGA_X509_DATE && pga_crl_time(to) >= 0
		   ? 0
		   : wrong(place, "not a date such as 2026-11-22T06:00:00Z");
}

static int take_yes(bool *to, const struct place *place)
{
	*to = pga_ini_equals(place->line->value, "yes");
	return *to ? 0 : wrong(place, "not yes");
}

static int take_place(struct pga_crl_record *record, const struct place *place)
{
	record->scoped = pga_ini_equals(place->line->value, "scoped");
	return record->scoped || pga_ini_equals(place->line->value, "root.crl")
		   ? 0
		   : wrong(place, "neither root.crl nor scoped");
}

static int take_count(long *to, const struct place *place)
{
	char digits[16];

	(void)snprintf(digits, sizeof digits, "%.*s", (int)place->line->value.length,
		       place->line->value.bytes);
	*to = strtol(digits, NULL, 10);
	return place->line->value.length < 10 && place->line->value.length > 0 &&
		       digits[strspn(digits, "0123456789")] == '\0'
		   ? 0
		   : wrong(place, "not a number");
}

static int take_anchor(struct pga_crl_record *record, const struct place *place)
{
	if (take_text(&record->anchor, place) != 0)
		return -1;
	return pga_pin_name_is_valid(record->anchor) ? 0
						     : wrong(place, "not the name of an anchor");
}

static int take(struct pga_crl_record *record, const struct place *place)
{
	const struct pga_ini_span key = place->line->name;

	if (pga_ini_equals(key, "issuer"))
		return take_text(&record->issuer, place);
	if (pga_ini_equals(key, "anchor"))
		return take_anchor(record, place);
	if (pga_ini_equals(key, "source"))
		return take_text(&record->source, place);
	if (pga_ini_equals(key, "key"))
		return take_text(&record->key, place);
	if (pga_ini_equals(key, "number"))
		return take_text(&record->number, place);
	if (pga_ini_equals(key, "place"))
		return take_place(record, place);
	if (pga_ini_equals(key, "scope"))
		return take_digest(record->scope, place);
	if (pga_ini_equals(key, "digest"))
		return take_digests(record, place);
	if (pga_ini_equals(key, "this-update"))
		return take_date(record->this_update, place);
	if (pga_ini_equals(key, "next-update"))
		return take_date(record->next_update, place);
	if (pga_ini_equals(key, "checked"))
		return take_date(record->checked, place);
	if (pga_ini_equals(key, "revoked"))
		return take_count(&record->revoked, place);
	if (pga_ini_equals(key, "made"))
		return take_yes(&record->made, place);
	if (pga_ini_equals(key, "joined"))
		return take_yes(&record->joined, place);
	return wrong(place, "unknown key");
}

static int begin_section(struct pga_crls *crls, const struct place *place)
{
	struct pga_crl_record *grown =
	    reallocarray(crls->records, crls->count + 1, sizeof *crls->records);
	char *name;

	if (grown == NULL)
		return pga_fail_memory(place->error);
	crls->records = grown;
	name = place->line->name.bytes != NULL ? pga_ini_copy(place->line->name) : NULL;
	if (name == NULL || !pga_pin_name_is_valid(name) || pga_crls_named(crls, name) != NULL) {
		free(name);
		return wrong(place, "not a name, or one that is there already");
	}
	memset(&grown[crls->count], 0, sizeof *grown);
	grown[crls->count++].name = name;
	return 0;
}

static int complete(struct pga_crl_record *record, const char *path, struct pga_error *error)
{
	char **const texts[] = {&record->issuer, &record->anchor, &record->source, &record->key,
				&record->number};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if (*texts[i] == NULL)
			*texts[i] = strdup("");
		if (*texts[i] == NULL)
			return pga_fail_memory(error);
	}
	if (record->digest[0] == '\0' || record->scope[0] == '\0' ||
	    record->this_update[0] == '\0' || record->checked[0] == '\0' ||
	    record->key[0] == '\0' || (record->scoped && record->anchor[0] == '\0'))
		return pga_fail(error, next, "%s: section %s is not complete", path, record->name);
	return 0;
}

int pga_crls_parse(struct pga_crls *crls, const char *path, const char *bytes, size_t length,
		   struct pga_error *error)
{
	struct pga_ini_reader reader = pga_ini_start(bytes, length, PGA_INI_CONF);
	struct pga_ini_line line;
	const struct place place = {path, &line, error};
	int result = 0;

	memset(crls, 0, sizeof *crls);
	while (result == 0 && pga_ini_next(&reader, &line)) {
		if (line.kind == PGA_INI_BLANK || line.kind == PGA_INI_COMMENT)
			continue;
		if (!is_clean(line.whole.bytes,
			      line.whole.length -
				  (line.whole.bytes[line.whole.length - 1] == '\n')))
			result = wrong(&place, "has a character that no line of it has");
		else if (line.kind == PGA_INI_SECTION)
			result = begin_section(crls, &place);
		else if (line.kind == PGA_INI_SETTING && crls->count > 0)
			result = take(&crls->records[crls->count - 1], &place);
		else
			result = wrong(&place, "not a setting");
	}
	for (size_t i = 0; result == 0 && i < crls->count; i++)
		result = complete(&crls->records[i], path, error);
	if (result != 0)
		pga_crls_free(crls);
	return result;
}

static void add_setting(struct pga_text *text, const char *key, const char *value)
{
	if (value[0] != '\0')
		pga_text_addf(text, "%s = %s\n", key, value);
}

static void add_record(struct pga_text *text, const struct pga_crl_record *record)
{
	if (text->length > 0 && text->bytes[text->length - 1] != '\n')
		pga_text_add(text, "\n");
	pga_text_addf(text, "\n[%s]\n", record->name);
	add_setting(text, "issuer", record->issuer);
	add_setting(text, "anchor", record->anchor);
	add_setting(text, "place", record->scoped ? "scoped" : "root.crl");
	add_setting(text, "source", record->source);
	add_setting(text, "scope", record->scope);
	pga_text_addf(text, "digest = %s%s%s\n", record->digest,
		      record->previous[0] != '\0' ? " " : "", record->previous);
	add_setting(text, "key", record->key);
	add_setting(text, "number", record->number);
	add_setting(text, "this-update", record->this_update);
	add_setting(text, "next-update", record->next_update);
	add_setting(text, "checked", record->checked);
	pga_text_addf(text, "revoked = %ld\n", record->revoked);
	add_setting(text, "made", record->made ? "yes" : "");
	add_setting(text, "joined", record->joined ? "yes" : "");
}

/* Comments stay, and stand in front. */
void pga_crls_compose(const struct pga_text *before, const struct pga_crls *crls,
		      struct pga_text *after)
{
	struct pga_ini_reader reader =
	    pga_ini_start(pga_text_string(before), before->length, PGA_INI_CONF);
	struct pga_ini_line line;

	while (pga_ini_next(&reader, &line))
		if (line.kind == PGA_INI_COMMENT)
			pga_text_add_bytes(after, line.whole.bytes, line.whole.length);
	if (after->length == 0)
		pga_text_add(after, HEADING);
	for (size_t i = 0; i < crls->count; i++)
		add_record(after, &crls->records[i]);
}
