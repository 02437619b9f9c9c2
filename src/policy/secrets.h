/* What is secret, and texts that may hold some of it. One list for all that pganchor shows:
 * explain, the lines of a service file, refusals, libpq's words about what it could not read, the
 * audit log. It goes by names, and not by what the installed libpq knows: a service file may be
 * older or newer.
 */
#ifndef PGA_POLICY_SECRETS_H
#define PGA_POLICY_SECRETS_H

#include "base/text.h"
#include "policy/effective.h"

#include <stdbool.h>
#include <stddef.h>

/* What stands in the place of a secret. */
#define PGA_MASK "********"

/* Whether the value of a setting of this name is a secret: password, sslpassword,
 * oauth_client_secret, scram_client_key, scram_server_key and PGPASSWORD, in whatever case, and
 * what else says of itself that it is one. passfile and sslkeylogfile only name a file. */
bool pga_keyword_is_secret(const char *keyword);

/* How far it is to behind the first word of the text that names a secret, as a word of its own or
 * in one ("PGPASSWORD"); 0 where none does. */
size_t pga_behind_secret_word(const char *words);

/* Adds a text in which somebody may have written a secret: a value, a message, the address of a
 * proxy. Masked is what stands between user and host of an address (postgresql://u:…@h, and u:…@h
 * at the start), up to the last "@" of the line, and the value of each secret setting in
 * keyword=value, up to the next setting of libpq's. */
void pga_text_add_masked(struct pga_text *text, const char *words);

/* The same for a line of a file of settings. What follows a word that names a secret is masked, and
 * all of a line that is no setting but the name of one in front: it may be the rest of a password.
 * It need not end in a NUL, and may be one of several that are to stay lines. */
void pga_text_add_masked_line(struct pga_text *text, const char *line, size_t length);

/* Adds libpq's words about a connection string. They can quote any part of it: what is behind the
 * first sign of a password in it is masked, for with a quote or a "%40" forgotten any of that can
 * be the rest of the password. given: the string; NULL where it is not known. */
void pga_text_add_masked_message(struct pga_text *text, const char *message, const char *given);

/* Whether the settings can be parts of a password. Where a URI has a password with an "@" or a "/"
 * that is not written as %40 or %2F, libpq takes what is behind that for host, port and database,
 * and the "@" that was to end the password is then in one of them. Nothing tells which of them is
 * what it says: host, hostaddr, port and dbname are masked. */
bool pga_may_hold_a_password(const struct pga_effective *effective);

/* Whether the parameters have a URI with more than one "@": then one that was to be a part of the
 * password is not written as %40, and host, port and database can have the rest of it, even where
 * other settings have come in their place. */
bool pga_is_ambiguous(const struct pga_parameters *parameters);

/* Adds the value of a setting as it may be shown: "" where it is not set. moved: what
 * pga_may_hold_a_password() says of all of them. */
void pga_text_add_setting(struct pga_text *text, const PQconninfoOption *option, bool moved);

/* Puts what may be shown in the place of every value, for who judges nothing by them any more.
 * Returns -1 for want of memory; then they are to be shown no more. */
int pga_effective_mask(struct pga_effective *effective);

#endif
