#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for `more` bytes and the NUL behind them. */
static bool reserve(struct pga_text *text, size_t more)
{
	size_t room = text->room != 0 ? text->room : 64;
	char *bytes;

	if (text->failed)
		return false;
	if (more > (size_t)-1 / 2 - text->length - 1) {
		text->failed = true;
		return false;
	}
	while (room < text->length + more + 1)
		room *= 2;
	if (room == text->room)
		return true;
	bytes = realloc(text->bytes, room);
	if (bytes == NULL) {
		text->failed = true;
		return false;
	}
	text->bytes = bytes;
	text->room = room;
	return true;
}

void pga_text_add_bytes(struct pga_text *text, const void *bytes, size_t length)
{
	if (!reserve(text, length))
		return;
	if (length > 0)
		memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = '\0';
}

void pga_text_add(struct pga_text *text, const char *string)
{
	pga_text_add_bytes(text, string, strlen(string));
}

void pga_text_addf(struct pga_text *text, const char *format, ...)
{
	va_list arguments;
	int length = 0;

	/* A string that is printed may belong to the environment, which another thread changes: so
	 * each attempt counts by itself, and is complete only if it has found room. */
	while (reserve(text, (size_t)length)) {
		const size_t room = text->room - text->length;

		va_start(arguments, format);
		length = vsnprintf(text->bytes + text->length, room, format, arguments);
		va_end(arguments);
		if (length < 0)
			text->failed = true;
		if (length >= 0 && (size_t)length < room) {
			text->length += (size_t)length;
			return;
		}
		length = length < 0 ? 0 : length;
	}
	/* What was printed in part is no part of the text. */
	if (text->bytes != NULL)
		text->bytes[text->length] = '\0';
}

static bool continues(char byte)
{
	return ((unsigned char)byte & 0xC0) == 0x80;
}

size_t pga_text_whole(const char *string, size_t most)
{
	size_t length = strnlen(string, most);
	size_t end = length;

	/* Behind the first byte of a character there are three at the most (RFC 3629). */
	while (end > 0 && length - end < 3 && continues(string[end]))
		end--;
	return continues(string[end]) ? length : end;
}

void pga_text_add_shortened(struct pga_text *text, const char *string, size_t most)
{
	const size_t length = pga_text_whole(string, most);

	pga_text_add_bytes(text, string, length);
	if (string[length] != '\0')
		pga_text_add(text, "...");
}

void pga_hex(const unsigned char *bytes, size_t length, char *hex)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < length; i++) {
		*hex++ = digits[bytes[i] >> 4];
		*hex++ = digits[bytes[i] & 0xF];
	}
	*hex = '\0';
}

bool pga_is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

char pga_lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

bool pga_next_line(const char **rest, const char **line, size_t *length)
{
	if (**rest == '\0')
		return false;
	*line = *rest;
	*length = strcspn(*rest, "\n");
	*rest += *length + ((*rest)[*length] == '\n');
	return true;
}

const char *pga_text_string(const struct pga_text *text)
{
	return text->bytes != NULL ? text->bytes : "";
}

char *pga_text_take(struct pga_text *text)
{
	char *bytes;

	pga_text_add_bytes(text, "", 0);
	bytes = text->failed ? NULL : text->bytes;
	if (text->failed)
		free(text->bytes);
	*text = (struct pga_text)PGA_TEXT_EMPTY;
	return bytes;
}

void pga_text_free(struct pga_text *text)
{
	free(text->bytes);
	*text = (struct pga_text)PGA_TEXT_EMPTY;
}

void pga_text_wipe(struct pga_text *text)
{
	if (text->bytes != NULL)
		explicit_bzero(text->bytes, text->room);
	pga_text_free(text);
}
