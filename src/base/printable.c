#include "base/printable.h"

#include <string.h>

/* RFC 3629: at most four bytes, none that fewer could say, no surrogates. */
size_t pga_character(const char *text, unsigned *point)
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

/* First and last of each range, ascending. Control characters (C0, DEL, C1); what Unicode calls
 * Default_Ignorable_Code_Point, which is drawn as nothing, with Bidi_Control among it, which turns
 * the direction of writing; what ends a line or a paragraph; and marks of interlinear text
 * (DerivedCoreProperties.txt and UnicodeData.txt, Cf and Zl and Zp). */
static const unsigned steering[][2] = {
    {0x00, 0x1F},     {0x7F, 0x9F},       {0xAD, 0xAD},       {0x034F, 0x034F},   {0x061C, 0x061C},
    {0x115F, 0x1160}, {0x17B4, 0x17B5},   {0x180B, 0x180F},   {0x200B, 0x200F},   {0x2028, 0x202E},
    {0x2060, 0x206F}, {0x3164, 0x3164},   {0xFE00, 0xFE0F},   {0xFEFF, 0xFEFF},   {0xFFA0, 0xFFA0},
    {0xFFF0, 0xFFFB}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF},
};

bool pga_steers(unsigned point)
{
	for (size_t i = 0; i < sizeof steering / sizeof steering[0]; i++)
		if (point <= steering[i][1])
			return point >= steering[i][0];
	return false;
}

void pga_text_add_escaped(struct pga_text *text, char byte)
{
	pga_text_addf(text, "\\x%02X", (unsigned)(unsigned char)byte);
}

void pga_text_add_printable(struct pga_text *copy, const char *text, const char *allowed)
{
	while (*text != '\0') {
		unsigned point;
		size_t length = pga_character(text, &point);

		if (length > 0 && (!pga_steers(point) || strchr(allowed, *text) != NULL)) {
			pga_text_add_bytes(copy, text, length);
			text += length;
			continue;
		}
		for (length = length > 0 ? length : 1; length > 0; length--)
			pga_text_add_escaped(copy, *text++);
	}
}
