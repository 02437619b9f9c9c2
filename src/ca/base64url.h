/* Base64 for URLs, without padding, as JOSE has it (RFC 7515, 2): to the letter. */
#ifndef PGA_CA_BASE64URL_H
#define PGA_CA_BASE64URL_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* The bytes that the text stands for, with a NUL behind them, which the caller frees; *size is how
 * many. NULL for what is none, and for want of memory: then *size is not 0. No text is no bytes. */
unsigned char *pga_base64url_decode(const char *text, size_t length, size_t *size);

/* Adds so many bytes as text. Want of memory is text->failed. */
void pga_base64url_add(struct pga_text *text, const void *bytes, size_t size);

#endif
