/* Changes to the bytes of a pg_service.conf that touch one entry and leave every other byte as it
 * is. Pure: from bytes to bytes. */
#ifndef PGA_SERVICE_REWRITE_H
#define PGA_SERVICE_REWRITE_H

#include "base/error.h"
#include "base/text.h"
#include "service/settings.h"

#include <stddef.h>

struct pga_service_edit {
	struct pga_text bytes;   /* the new file */
	struct pga_text removed; /* the lines that were taken out, as they were */
	size_t line;     /* of the entry's header in the new file; in the old one for a removal */
	size_t sections; /* how many entries of this name there were */
};

/* Writes the entry behind all others, with a blank line before it and the file's own line end. */
int pga_service_append(const char *bytes, size_t length, const char *name,
		       const struct pga_settings *settings, struct pga_service_edit *edit,
		       struct pga_error *error);

/* Puts these settings in the place of those of the first entry of this name, which is the one that
 * libpq takes. The header, comments and blank lines stay. */
int pga_service_replace(const char *bytes, size_t length, const char *name,
			const struct pga_settings *settings, struct pga_service_edit *edit,
			struct pga_error *error);

/* Takes out the headers and settings of every entry of this name (a second one, so far hidden by
 * the first, would otherwise come to light as another service of the same name), and one of the
 * blank lines around each. Comments stay: who wrote them, and what about, cannot be known. */
int pga_service_take_out(const char *bytes, size_t length, const char *name,
			 struct pga_service_edit *edit, struct pga_error *error);

/* Gives the first entry of this name the setting: behind its other settings, or in the place of the
 * one that it has; value NULL takes that out. Every other byte stays. */
int pga_service_set(const char *bytes, size_t length, const char *name, const char *keyword,
		    const char *value, struct pga_service_edit *edit, struct pga_error *error);

void pga_service_edit_free(struct pga_service_edit *edit);

#endif
