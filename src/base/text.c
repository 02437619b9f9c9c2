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
