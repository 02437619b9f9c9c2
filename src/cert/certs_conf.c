/* certs.conf, read and written. */
#include "cert/record.h"

#include "base/file.h"
#include "base/ini.h"
#include "base/printable.h"
#include "policy/pins.h"
#include "anchor/crls.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADING "# The certificates of one's own that pganchor knows, and how each is renewed.\n"

/* Where a line of the file stands. */
struct place {
	const char *path;
	const struct pga_ini_line *line;
	struct pga_error *error;
};

static const char next[] = "correct it with an editor; \"pganchor cert add\" writes a section anew";

static int wrong(const struct place *place, const char *what)
{
	return pga_fail_at_line(place->error, next, place->path, place->line->number, what,
				place->line->whole.bytes, place->line->whole.length);
}

/* Text that could steer a terminal is none of ours, and blanks at its ends are not kept. */
bool pga_cert_record_can_say(const char *text)
{
	const size_t length = strlen(text);
	unsigned point;

	if (length > 0 && (pga_is_blank(text[0]) || pga_is_blank(text[length - 1])))
		return false;
	while (*text != '\0') {
		const size_t width = pga_character(text, &point);

		if (width == 0 || pga_steers(point))
			return false;
		text += width;
	}
	return true;
}

static int take_text(char **to, const struct place *place)
{
	char *value = pga_ini_copy(place->line->value);

	if (value == NULL)
		return pga_fail_memory(place->error);
	free(*to);
	*to = value;
	return pga_cert_record_can_say(value) && strlen(value) == place->line->value.length
		   ? 0
		   : wrong(place, "has a character that no line of it has");
}

static int take_date(char to[PGA_X509_DATE], const struct place *place)
{
	(void)snprintf(to, PGA_X509_DATE, "%.*s", (int)place->line->value.length,
		       place->line->value.bytes);
	return place->line->value.length < PGA_X509_DATE && pga_crl_time(to) >= 0
		   ? 0
		   : wrong(place, "not a date such as 2026-11-22T06:00:00Z");
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

static int take_use(struct pga_cert_record *record, const struct place *place)
{
	record->server = pga_ini_equals(place->line->value, "server");
	return record->server || pga_ini_equals(place->line->value, "client")
		   ? 0
		   : wrong(place, "neither client nor server");
}

static int take(struct pga_cert_record *record, const struct place *place)
{
	const struct pga_ini_span key = place->line->name;

	for (size_t i = 0; i < PGA_CERT_TEXTS; i++)
		if (pga_ini_equals(key, pga_cert_text_keys[i]))
			return take_text(pga_cert_record_text(record, i), place);
	if (pga_ini_equals(key, "use"))
		return take_use(record, place);
	if (pga_ini_equals(key, "untold")) {
		record->untold = pga_ini_equals(place->line->value, "yes");
		return record->untold ? 0 : wrong(place, "not yes");
	}
	if (pga_ini_equals(key, "renewed"))
		return take_date(record->renewed, place);
	if (pga_ini_equals(key, "revoked"))
		return take_date(record->revoked, place);
	if (pga_ini_equals(key, "tried"))
		return take_date(record->tried, place);
	if (pga_ini_equals(key, "failures"))
		return take_count(&record->failures, place);
	return wrong(place, "unknown key");
}

static int begin_section(struct pga_cert_records *records, const struct place *place)
{
	struct pga_cert_record *grown =
	    reallocarray(records->records, records->count + 1, sizeof *grown);
	char *name;
	int result;

	if (grown == NULL)
		return pga_fail_memory(place->error);
	records->records = grown;
	name = place->line->name.bytes != NULL ? pga_ini_copy(place->line->name) : NULL;
	if (name == NULL || strlen(name) != place->line->name.length ||
	    !pga_pin_name_is_valid(name) || pga_cert_record_named(records, name) != NULL) {
		free(name);
		return wrong(place, "not a name, or one that is there already");
	}
	result = pga_cert_record_begin(&grown[records->count++], name, place->error);
	free(name);
	return result;
}

/* What certs.conf has to say of each, and can. */
static int check(const struct pga_cert_record *record, const char *path, struct pga_error *error)
{
	if (!pga_pin_name_is_valid(record->name))
		return pga_fail(error,
				"1 to 64 of A-Z a-z 0-9 . _ - and neither \".\" nor \"-\" in front",
				"%s: not a name for a certificate", record->name);
	if (record->certificate[0] != '/' || record->key[0] != '/')
		return pga_fail(error, next,
				"%s: section %s has no absolute path of a certificate and of a key",
				path, record->name);
	for (size_t i = 0; i < PGA_CERT_TEXTS; i++)
		if (!pga_cert_record_can_say(pga_cert_record_says(record, i)))
			return pga_fail(error, NULL,
					"%s: %s: a control character, or a blank at its end, "
					"cannot be kept there",
					path, pga_cert_text_keys[i]);
	return 0;
}

int pga_cert_records_parse(struct pga_cert_records *records, const char *path, const char *bytes,
			   size_t length, struct pga_error *error)
{
	struct pga_ini_reader reader = pga_ini_start(bytes, length, PGA_INI_CONF);
	struct pga_ini_line line;
	const struct place place = {path, &line, error};
	int result = 0;

	memset(records, 0, sizeof *records);
	while (result == 0 && pga_ini_next(&reader, &line)) {
		if (line.kind == PGA_INI_BLANK || line.kind == PGA_INI_COMMENT)
			continue;
		if (line.kind == PGA_INI_SECTION)
			result = begin_section(records, &place);
		else if (line.kind == PGA_INI_SETTING && records->count > 0)
			result = take(&records->records[records->count - 1], &place);
		else
			result = wrong(&place, "not a setting");
	}
	for (size_t i = 0; result == 0 && i < records->count; i++)
		result = check(&records->records[i], path, error);
	if (result != 0)
		pga_cert_records_free(records);
	return result;
}

static void add_setting(struct pga_text *text, const char *key, const char *value)
{
	if (value[0] != '\0')
		pga_text_addf(text, "%s = %s\n", key, value);
}

static void add_record(struct pga_text *text, const struct pga_cert_record *record)
{
	if (text->length > 0 && text->bytes[text->length - 1] != '\n')
		pga_text_add(text, "\n");
	pga_text_addf(text, "\n[%s]\n", record->name);
	for (size_t i = 0; i < 2; i++)
		add_setting(text, pga_cert_text_keys[i], pga_cert_record_says(record, i));
	add_setting(text, "use", record->server ? "server" : "client");
	for (size_t i = 2; i < PGA_CERT_TEXTS - 1; i++)
		add_setting(text, pga_cert_text_keys[i], pga_cert_record_says(record, i));
	add_setting(text, "renewed", record->renewed);
	add_setting(text, "revoked", record->revoked);
	add_setting(text, "untold", record->untold ? "yes" : "");
	if (record->failures == 0)
		return;
	pga_text_addf(text, "failures = %ld\n", record->failures);
	add_setting(text, "tried", record->tried);
	add_setting(text, "why", record->why);
}

int pga_cert_records_compose(const char *path, const struct pga_text *before,
			     const struct pga_cert_record *record, const char *drop,
			     struct pga_text *after, struct pga_error *error)
{
	struct pga_ini_reader reader =
	    pga_ini_start(pga_text_string(before), before->length, PGA_INI_CONF);
	struct pga_ini_line line;
	struct pga_cert_records records;
	bool placed = record == NULL;

	if ((record != NULL && check(record, path, error) != 0) ||
	    pga_cert_records_parse(&records, path, pga_text_string(before), before->length,
				   error) != 0)
		return -1;
	while (pga_ini_next(&reader, &line))
		if (line.kind == PGA_INI_COMMENT)
			pga_text_add_bytes(after, line.whole.bytes, line.whole.length);
	if (after->length == 0)
		pga_text_add(after, HEADING);
	for (size_t i = 0; i < records.count; i++) {
		const struct pga_cert_record *one = &records.records[i];

		if (record != NULL && strcmp(one->name, record->name) == 0) {
			add_record(after, record);
			placed = true;
		} else if (record != NULL && one->placing[0] != '\0' &&
			   strcmp(one->certificate, record->certificate) == 0) {
			/* It was begun under another name, and is this one's now. */
			continue;
		} else if (record != NULL || strcmp(one->name, drop) != 0) {
			add_record(after, one);
		}
	}
	if (!placed)
		add_record(after, record);
	pga_cert_records_free(&records);
	return after->failed ? pga_fail_memory(error) : 0;
}
