#include "base/printable.h"

#include <stdbool.h>
#include <string.h>

/* The character at the start of the text, and how many bytes it has; 0 bytes where it is no UTF-8
 * (RFC 3629: at most four bytes, none that fewer could say, no surrogates). */
static size_t character(const char *text, unsigned *point)
{
	static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char first = (unsigned char)text[0];
	size_t length = first < 0x80   ? 1
			: first < 0xC0 ? 0
			: first < 0xE0 ? 2
			: first < 0xF0 ? 3
				       : 4;

	*point = length <= 1 ? first : first & (0x7FU >> length);
	for (size_t i = 1; i < length; i++) {
		if (((unsigned char)text[i] & 0xC0) != 0x80)
			return 0;
		*point = *point << 6 | ((unsigned char)text[i] & 0x3FU);
	}
	if (first >= 0xF8 || *point < least[length] || *point > 0x10FFFF ||
	    (*point >= 0xD800 && *point <= 0xDFFF))
		return 0;
	return length;
}

/* Whether it could steer a terminal: control characters, those that end a line or a paragraph, and
 * those that turn the direction of writing (Unicode's Bidi_Control), with which a name can be made
 * to look like another. */
static bool steers(unsigned point)
{
	return point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0x061C ||
	       point == 0x200E || point == 0x200F || (point >= 0x2028 && point <= 0x202E) ||
	       (point >= 0x2066 && point <= 0x2069);
}

void pga_text_add_printable(struct pga_text *copy, const char *text, const char *allowed)
{
	while (*text != '\0') {
		unsigned point;
		size_t length = character(text, &point);

		if (length > 0 && (!steers(point) || strchr(allowed, *text) != NULL)) {
			pga_text_add_bytes(copy, text, length);
			text += length;
			continue;
		}
		for (length = length > 0 ? length : 1; length > 0; length--)
			pga_text_addf(copy, "\\x%02X", (unsigned)(unsigned char)*text++);
	}
}
