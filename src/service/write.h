/* Puts an entry into its file, or takes it out, and lets libpq read the new file before it takes
 * the old one's place. */
#ifndef PGA_SERVICE_WRITE_H
#define PGA_SERVICE_WRITE_H

#include "base/error.h"
#include "base/text.h"
#include "policy/policy.h"
#include "service/servicefile.h"
#include "service/settings.h"

#include <stdbool.h>
#include <stddef.h>

struct pga_change {
	const char *name;
	enum pga_service_place place;
	bool replace;    /* an entry of this name may be there already */
	bool dry_run;    /* do all but the last step */
	bool bound_crls; /* sslcrl is pganchor's, and goes with the CRLs */
};

struct pga_changed {
	char *path;              /* of the file, links followed */
	size_t line;             /* of the header */
	bool replaced;           /* there was an entry of this name */
	bool unchanged;          /* the entry says this already: nothing was written */
	bool created;            /* there was no file */
	bool readable_by_others; /* the file's mode lets others read it */
	size_t sections;         /* how many entries of this name there were */
	struct pga_text removed; /* the lines that were taken out, as they were */
};

/* Writes the settings as the entry of this name. What libpq reads out of the new file must be
 * exactly these settings, and allowed, or nothing is written. */
int pga_service_write(const struct pga_change *change, const struct pga_settings *settings,
		      const struct pga_policy *policy, struct pga_changed *changed,
		      struct pga_error *error);

/* Takes every entry of this name out of the file. */
int pga_service_delete(const struct pga_change *change, struct pga_changed *changed,
		       struct pga_error *error);

void pga_changed_free(struct pga_changed *changed);

#endif
