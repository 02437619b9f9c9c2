#include "base/ini.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

struct pga_ini_reader pga_ini_start(const char *bytes, size_t length, enum pga_ini_dialect dialect)
{
	struct pga_ini_reader reader = {bytes, length, 0, 0, dialect};

	return reader;
}

static struct pga_ini_span trim(struct pga_ini_span span)
{
	while (span.length > 0 && pga_is_blank(span.bytes[0])) {
		span.bytes++;
		span.length--;
	}
	while (span.length > 0 && pga_is_blank(span.bytes[span.length - 1]))
		span.length--;
	return span;
}

static void read_section(struct pga_ini_line *line, struct pga_ini_span body,
			 enum pga_ini_dialect dialect)
{
	const char *end = memchr(body.bytes, ']', body.length);

	/* Our own files have nothing behind the bracket. libpq looks no further than the bracket; a
	 * line without one ends the section before it all the same, and is the start of one that no
	 * service's name matches. */
	if (dialect == PGA_INI_CONF && (end == NULL || end != body.bytes + body.length - 1))
		return;
	line->kind = PGA_INI_SECTION;
	if (end == NULL)
		return;
	line->name.bytes = body.bytes + 1;
	line->name.length = (size_t)(end - body.bytes) - 1;
}

static void read_setting(struct pga_ini_line *line, struct pga_ini_span body,
			 enum pga_ini_dialect dialect)
{
	const char *equals = memchr(body.bytes, '=', body.length);

	if (equals == NULL || equals == body.bytes)
		return;
	/* libpq looks for "ldap" at the start of a line before it looks for a setting. */
	if (dialect == PGA_INI_PGSERVICE && body.length >= 5 && memcmp(body.bytes, "ldap", 4) == 0)
		return;
	line->kind = PGA_INI_SETTING;
	line->name.bytes = body.bytes;
	line->name.length = (size_t)(equals - body.bytes);
	line->value.bytes = equals + 1;
	line->value.length = body.length - line->name.length - 1;
	if (dialect == PGA_INI_CONF) {
		line->name = trim(line->name);
		line->value = trim(line->value);
	}
}

bool pga_ini_next(struct pga_ini_reader *reader, struct pga_ini_line *line)
{
	const char *start = reader->bytes + reader->position;
	size_t left = reader->length - reader->position;
	const char *newline;
	struct pga_ini_span body;

	if (left == 0)
		return false;
	newline = memchr(start, '\n', left);
	memset(line, 0, sizeof *line);
	line->number = ++reader->number;
	line->whole.bytes = start;
	line->whole.length = newline != NULL ? (size_t)(newline - start) + 1 : left;
	reader->position += line->whole.length;

	body = trim(line->whole);
	line->kind = PGA_INI_OTHER;
	if (body.length == 0)
		line->kind = PGA_INI_BLANK;
	else if (body.bytes[0] == '#')
		line->kind = PGA_INI_COMMENT;
	else if (body.bytes[0] == '[')
		read_section(line, body, reader->dialect);
	else
		read_setting(line, body, reader->dialect);
	return true;
}

bool pga_ini_equals(struct pga_ini_span span, const char *string)
{
	return strlen(string) == span.length &&
	       (span.length == 0 || memcmp(span.bytes, string, span.length) == 0);
}

char *pga_ini_copy(struct pga_ini_span span)
{
	return span.length > 0 ? strndup(span.bytes, span.length) : strdup("");
}
