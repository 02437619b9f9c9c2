/* Gives an anchor another name: its section, its own file, its heading in root.crt, the records of
 * its source and CRLs, and the entries of the service files that name its file, with the records of
 * those that were hardened. */
#ifndef PGA_SERVICE_RENAME_ANCHOR_H
#define PGA_SERVICE_RENAME_ANCHOR_H

#include "anchor/anchors.h"
#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>

enum pga_renamed_file {
	PGA_RENAMED_CONF,
	PGA_RENAMED_SOURCES,
	PGA_RENAMED_CRLS,
	PGA_RENAMED_OLD_CRT,
	PGA_RENAMED_NEW_CRT,
	PGA_RENAMED_OLD_CRL,
	PGA_RENAMED_NEW_CRL,
	PGA_RENAMED_ROOT_CRT,
	PGA_RENAMED_USER_SERVICES,
	PGA_RENAMED_SYSTEM_SERVICES,
	PGA_RENAMED_USER_HARDENED,
	PGA_RENAMED_SYSTEM_HARDENED,
	PGA_RENAMED_FILES
};

/* What was done, or would be. */
struct pga_renaming {
	struct pga_anchor_file files[PGA_RENAMED_FILES]; /* path is NULL where it plays no part */
	struct pga_text services; /* whose entries name the new file, one a line */
	bool finished; /* one that was killed was finished: the pin had the new name already */
};

/* Renames the user's anchor, or one of the system's. The new file is there before an entry names
 * it, and the old one goes last, so that no service is without its file at any instant; who runs a
 * command again that was killed has it finished. Returns -1, with nothing changed, where there is
 * none of the old name, the new one is taken, or an entry that names the file cannot be changed.
 * With dry_run, everything is done but the writing. The caller frees renaming. */
int pga_anchor_rename(const char *old_name, const char *new_name, bool system, bool dry_run,
		      struct pga_renaming *renaming, struct pga_error *error);

void pga_renaming_free(struct pga_renaming *renaming);

#endif
