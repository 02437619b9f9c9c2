/* Has the rules of a pg_hba.conf require TLS, and changes no other byte of it. */
#ifndef PGA_SERVER_HBA_EDIT_H
#define PGA_SERVER_HBA_EDIT_H

#include "server/hba_file.h"

#include <stdbool.h>
#include <stddef.h>

enum pga_hba_becomes {
	PGA_HBA_STAYS,
	PGA_HBA_NEEDS_TLS,     /* host and hostnogssenc: hostssl */
	PGA_HBA_COMMENTED_OUT, /* hostnossl, which is for nobody then */
	PGA_HBA_CANNOT,        /* it is not understood, such as a type from an @file */
};

/* What becomes of a line where every rule that is_remote lets in those alone who use TLS. Rules
 * that reject stay: without them, more would get in than before. */
enum pga_hba_becomes pga_hba_becomes(const struct pga_hba_line *line);

/* Adds the bytes of the file to after, with every line become what it is to be. Returns how many
 * lines differ. Want of memory is after->failed. */
size_t pga_hba_require_tls(const struct pga_hba_file *file, struct pga_text *after);

/* The same of one line, with its end. */
void pga_hba_add_line(const struct pga_hba_file *file, const struct pga_hba_line *line,
		      struct pga_text *after);

/* What is weak about a rule that stays, in words; NULL: nothing. Rules that come over the network
 * alone. */
const char *pga_hba_weakness(const struct pga_hba_line *line);

#endif
