/* Base64 of one line (RFC 4648, 4), to the letter: no blank, no letter missing or too many. */
#ifndef PGA_TLS_BASE64_H
#define PGA_TLS_BASE64_H

#include <stddef.h>

/* The bytes that the text stands for, which the caller frees; *size is how many. NULL for what is
 * none, or is not the one way to write these bytes, and for want of memory: then *size is not 0. */
unsigned char *pga_base64_decode(const char *text, size_t length, size_t *size);

/* Writes so many bytes as text, with a NUL: (size + 2) / 3 * 4 + 1 in all. */
void pga_base64_encode(const unsigned char *bytes, size_t size, char *text);

#endif
