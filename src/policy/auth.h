/* The methods of authentication that libpq's require_auth names: as sets, and as its words. */
#ifndef PGA_POLICY_AUTH_H
#define PGA_POLICY_AUTH_H

#include <stdbool.h>
#include <stddef.h>

/* A set of methods is a sum of bits, one for each word of connectOptions2(). */
#define PGA_AUTH_OAUTH 0x20U /* libpq 18 and later */
#define PGA_AUTH_NAMED 0x7fU /* every method that has a word here */
#define PGA_AUTH_OTHER 0x80U /* those that a newer libpq may have */
#define PGA_AUTH_ALL   (PGA_AUTH_NAMED | PGA_AUTH_OTHER)

/* Every word, with commas between them, and a NUL. */
#define PGA_AUTH_TEXT sizeof "password,md5,gss,sspi,scram-sha-256,oauth,none"

/* Reads a policy's list: words with blanks or commas between them. Returns NULL, or the first word
 * that is no method, of *wrong_length bytes: all of it where the list is empty. A negated word
 * ("!md5") is none: it would let in whatever method a newer libpq has. */
const char *pga_auth_read(const char *list, size_t length, unsigned *methods, size_t *wrong_length);

/* What libpq lets a server ask for by a value of require_auth that it takes: every method but those
 * that are negated, or those that are named. An empty value is every method. */
unsigned pga_auth_admitted(const char *value);

/* Whether the value names methods, and does not only leave some out. */
bool pga_auth_names(const char *value);

/* The named methods of a set as a value of require_auth, "scram-sha-256,gss"; "" of none. */
void pga_auth_text(unsigned methods, char text[PGA_AUTH_TEXT]);

#endif
