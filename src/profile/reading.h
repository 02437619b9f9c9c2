/* What the parts share that read a profile: read.c its lines, and a file for each kind of section.
 */
#ifndef PGA_PROFILE_READING_H
#define PGA_PROFILE_READING_H

#include "base/ini.h"
#include "profile/profile.h"

/* The line that is read; value and name as strings, which belong to the reading. */
struct pga_profile_line {
	size_t number;
	const char *key;
	const char *value;
};

/* Fails with the file and the line, and shows a word of it; NULL for none, where it may be a
 * secret. Returns -1. */
int pga_profile_fail(const struct pga_profile *profile, size_t line, const char *what,
		     const char *word, struct pga_error *error);

/* Take a line of the section that was begun last. Return -1 with the reason. */
int pga_profile_anchor_line(const struct pga_profile *profile, struct pga_profile_anchor *anchor,
			    const struct pga_profile_line *line, struct pga_error *error);
int pga_profile_service_line(const struct pga_profile *profile, struct pga_profile_service *service,
			     const struct pga_profile_line *line, struct pga_error *error);

/* Check what only a whole section can tell, or a whole profile. */
int pga_profile_anchor_check(const struct pga_profile *profile,
			     const struct pga_profile_anchor *anchor, struct pga_error *error);
int pga_profile_service_check(const struct pga_profile *profile,
			      const struct pga_profile_service *service, struct pga_error *error);

/* Free what they hold. */
void pga_profile_anchor_free(struct pga_profile_anchor *anchor);
void pga_profile_service_free(struct pga_profile_service *service);

#endif
