/* A string that grows. Running out of memory is remembered in `failed`, so that a text can be built
 * in many steps and checked once. */
#ifndef PGA_BASE_TEXT_H
#define PGA_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct pga_text {
	char *bytes; /* always ends in a NUL that `length` does not count; NULL while nothing was
			added */
	size_t length;
	size_t room;
	bool failed; /* memory ran out at some step: the bytes are not the whole text */
};

/* Starts an empty text: `struct pga_text text = PGA_TEXT_EMPTY;` */
#define PGA_TEXT_EMPTY            \
	{                         \
		NULL, 0, 0, false \
	}

/* Add a string, some bytes (which may hold NULs), or a formatted string at the end. */
void pga_text_add(struct pga_text *text, const char *string);
void pga_text_add_bytes(struct pga_text *text, const void *bytes, size_t length);
void pga_text_addf(struct pga_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds the string, or of one that is longer than `most` bytes the whole UTF-8 characters that fit
 * into these, and "...". Whatever is shortened is shortened by this, or in a buffer by the next. */
void pga_text_add_shortened(struct pga_text *text, const char *string, size_t most);

/* How many of the string's first `most` bytes, or of all where it has fewer, are whole UTF-8
 * characters; all of them where it is no UTF-8. */
size_t pga_text_whole(const char *string, size_t most);

/* Writes so many bytes as lower-case hex digits, two each, and a NUL. */
void pga_hex(const unsigned char *bytes, size_t length, char *hex);

/* C's isspace() in the C locale, which libpq's parsers use on single bytes. */
bool pga_is_blank(char c);

/* The small letter of an ASCII capital; every other byte as it is. */
char pga_lower(char c);

/* The next line of a string of lines, without its line end; *rest is what comes behind it, and ""
 * at the end. An empty line is one, too. Returns false where there is no more. */
bool pga_next_line(const char **rest, const char **line, size_t *length);

/* The text as a C string, "" while it is empty. Belongs to the text. */
const char *pga_text_string(const struct pga_text *text);

/* Hands the bytes over to the caller, who frees them, and leaves the text empty. NULL when memory
 * ran out. */
char *pga_text_take(struct pga_text *text);

/* Frees the bytes and leaves an empty text that can be used again. */
void pga_text_free(struct pga_text *text);

/* The same, of one that holds a secret: its bytes are overwritten. While it grew, some of them may
 * have stood elsewhere. */
void pga_text_wipe(struct pga_text *text);

#endif
