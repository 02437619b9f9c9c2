/* The lines of libpq's password file, moved into the keyring. */
#ifndef PGA_PASSWORD_IMPORT_H
#define PGA_PASSWORD_IMPORT_H

#include "base/error.h"
#include "password/passfile.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "secret/protocol.h"

#include <stdbool.h>
#include <stddef.h>

enum pga_import_state {
	PGA_IMPORT_LEFT,   /* it stays in the file, and is not in the keyring by this */
	PGA_IMPORT_COPIED, /* it is in the keyring, and stays in the file, too */
	PGA_IMPORT_MOVED,
};

struct pga_import_line {
	const struct pga_passfile_line *line;
	enum pga_import_state state;
	char why[256]; /* it stays; "" where there is no reason but that it was asked for */
	char *hint;    /* NULL: none */
};

struct pga_import {
	const struct pga_policy *policy;
	const struct pga_pins *pins;
	const char *path;
	bool keep;    /* take nothing out of the file */
	bool replace; /* what the keyring has, too, where it is another password */
	bool dry_run; /* change nothing at all: what would be */

	struct pga_passfile file;
	struct pga_import_line *lines; /* one for each of the file's */
};

/* Does it, with what is set of import. What fails in the middle leaves the file with every line
 * that is not in the keyring and the index by then; lines says what became of each in this case,
 * too. To be freed in any case. */
enum pga_secret_status pga_import_run(struct pga_import *import, struct pga_error *error);

/* How many lines this became of. */
size_t pga_import_count(const struct pga_import *import, enum pga_import_state state);

void pga_import_free(struct pga_import *import);

#endif
