/* What onboard has applied of a profile, $XDG_CONFIG_HOME/pganchor/profiles/NAME: what stood in the
 * files then, so that the next version can tell what the user has changed since. Bookkeeping alone:
 * no trust rests on it. A line for each, a word in front:
 *
 *     anchor NAME PIN SCOPE HOSTS
 *     service NAME
 *     setting KEYWORD=VALUE       of the service above
 *     policy KEY=VALUE
 *
 * Blank lines and those that begin with # say nothing. */
#ifndef PGA_PROFILE_RECORDED_H
#define PGA_PROFILE_RECORDED_H

#include "base/error.h"
#include "base/text.h"
#include "policy/pins.h"
#include "service/settings.h"

#include <stdbool.h>
#include <stddef.h>

#define PGA_RECORDED_DIRECTORY "profiles"

/* Before the name of a profile: what pga_recorded_begun_path() is called. */
#define PGA_RECORDED_BEGUN ".pganchor-begun-"

struct pga_recorded_anchor {
	char *name;
	char pin[PGA_PIN_LENGTH + 1];
	char *hosts;
	bool scoped;
};

struct pga_recorded_service {
	char *name;
	struct pga_settings settings;
};

/* All zero, nothing was applied. */
struct pga_recorded {
	struct pga_recorded_anchor *anchors;
	size_t anchor_count;
	struct pga_recorded_service *services;
	size_t service_count;
	struct pga_settings policy;
};

/* Where it is. The caller frees it; NULL with the reason. */
char *pga_recorded_path(const char *profile, struct pga_error *error);

/* Where the next record is while what it is of is written. It stays behind where pganchor is killed
 * meanwhile, and is as one that is in its place for "pganchor uninstall". */
char *pga_recorded_begun_path(const char *profile, struct pga_error *error);

/* Reads the bytes. Starts all zero; to be freed after an error too. Returns -1, with the line, for
 * what is no such file. */
int pga_recorded_parse(struct pga_recorded *recorded, const char *path, const char *bytes,
		       size_t length, struct pga_error *error);

/* Add a copy at the end; -1 for want of memory. */
int pga_recorded_add_anchor(struct pga_recorded *recorded, const char *name, const char *pin,
			    const char *hosts, bool scoped, struct pga_error *error);
int pga_recorded_add_service(struct pga_recorded *recorded, const char *name,
			     const struct pga_settings *settings, struct pga_error *error);

/* Puts a copy in the place of what is there of the same pin, name or key, or at the end. */
int pga_recorded_take_anchor(struct pga_recorded *recorded,
			     const struct pga_recorded_anchor *anchor, struct pga_error *error);
int pga_recorded_take_service(struct pga_recorded *recorded,
			      const struct pga_recorded_service *service, struct pga_error *error);
int pga_recorded_take_policy(struct pga_recorded *recorded, const struct pga_setting *line,
			     struct pga_error *error);

const struct pga_recorded_anchor *pga_recorded_anchor_of(const struct pga_recorded *recorded,
							 const char *pin);
const struct pga_recorded_service *pga_recorded_service_of(const struct pga_recorded *recorded,
							   const char *name);

/* Adds the file's bytes. Want of memory is text->failed. */
void pga_recorded_write(const struct pga_recorded *recorded, struct pga_text *text);

void pga_recorded_free(struct pga_recorded *recorded);

#endif
