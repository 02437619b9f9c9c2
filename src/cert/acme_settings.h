/* What lego's provider of a DNS wants to know, tokens and passwords among it: a file of lines
 * NAME=VALUE, which lego gets as variables, and nobody else. A timer has no other place for it. */
#ifndef PGA_CERT_ACME_SETTINGS_H
#define PGA_CERT_ACME_SETTINGS_H

#include "base/error.h"
#include "base/text.h"

#include <stddef.h>

enum { PGA_ACME_SETTINGS = 32 };

/* Starts all zero. */
struct pga_acme_settings {
	struct pga_text
	    bytes; /* of the file, cut up; the names and values that it has point there */
	struct pga_acme_setting {
		const char *name;
		const char *value;
		char *before; /* what the variable was; NULL: none */
	} settings[PGA_ACME_SETTINGS];
	size_t count;
	size_t set; /* how many of them are set now */
};

/* Reads the file, which is to be its owner's alone, and that owner this user or root. No message
 * has any of it. To be freed in either case. */
int pga_acme_settings_read(struct pga_acme_settings *settings, const char *file,
			   struct pga_error *error);

/* One more, of texts that stay the caller's. */
int pga_acme_settings_add(struct pga_acme_settings *settings, const char *name, const char *value,
			  struct pga_error *error);

/* Sets them in the environment, for a program that is to get them; and gives back what was there.
 */
int pga_acme_settings_set(struct pga_acme_settings *settings, struct pga_error *error);
void pga_acme_settings_unset(struct pga_acme_settings *settings);

/* The text without the file's values, of which a program's messages may have one. The caller frees
 * it; NULL for want of memory. */
char *pga_acme_settings_hide(const struct pga_acme_settings *settings, const char *text);

void pga_acme_settings_free(struct pga_acme_settings *settings);

#endif
