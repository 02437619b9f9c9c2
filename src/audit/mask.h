/* Secrets in what a server tells, kept out of all that is shown of it. */
#ifndef PGA_AUDIT_MASK_H
#define PGA_AUDIT_MASK_H

#include "base/text.h"

/* Adds a word as pg_hba.conf has it, in quotes where it needs them. */
void pga_audit_add_word(struct pga_text *text, const char *word);

/* Adds an option of a rule ("ldapbindpasswd=..."), with its value where that may be shown, as a
 * word of pg_hba.conf; nothing of what is no option there. */
void pga_audit_mask_option(struct pga_text *text, const char *option);

/* Adds the value of a setting of the server's: of a command that says a passphrase nothing. */
void pga_audit_mask_setting(struct pga_text *text, const char *name, const char *value);

#endif
