/* What is kept of an entry that was hardened, so that it can be put back: which of its lines are as
 * they were, and those that are not. Passwords never change, and so are never kept.
 *
 * The user's is $XDG_CONFIG_HOME/pganchor/hardened, that of the machine's file
 * SYSCONFDIR/pganchor/hardened; a line for each entry, with a blank between its fields, in which
 * blanks, controls and "%" are %XX:
 *
 *   hardened PATH NAME DIGEST DIGEST LINE...
 *
 * the digests (64 bits of FNV-1a) of the entry's lines as they were written and as they were
 * before; then, of each line as it was before: =N for N lines that are as written, ~TEXT for one in
 * the place of the one written, +TEXT for one that had gone. What is written behind these was not
 * there. */
#ifndef PGA_SERVICE_HARDEN_RECORD_H
#define PGA_SERVICE_HARDEN_RECORD_H

#include "base/error.h"
#include "base/text.h"
#include "service/harden.h"
#include "service/servicefile.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PGA_HARDEN_RECORD "hardened" /* in the configuration's directory */

struct pga_harden_record {
	char *path; /* of the service file */
	char *name;
	uint64_t written; /* the digest of the entry's lines */
	uint64_t before;
	char **lines; /* =N, ~TEXT, +TEXT */
	size_t line_count;
};

struct pga_harden_records {
	struct pga_harden_record
	    *records; /* in the order of the lines; of one entry the last counts */
	size_t count;
};

/* The path of the file, which the caller frees; NULL with the error where there is no home. */
char *pga_harden_record_path(enum pga_service_place place, struct pga_error *error);

/* Takes the records out of the bytes; what is none is passed over. Returns -1 for want of memory.
 * To be freed in either case. */
int pga_harden_records_parse(struct pga_harden_records *records, const struct pga_text *bytes,
			     struct pga_error *error);
void pga_harden_records_free(struct pga_harden_records *records);

/* Whether it is of an entry of this file, by whichever path that is reached. */
bool pga_harden_record_is_of(const struct pga_harden_record *record, const char *path);

/* The one of this entry of the file; NULL: it was not hardened. */
const struct pga_harden_record *pga_harden_record_find(const struct pga_harden_records *records,
						       const char *path, const char *name);

/* Adds what stands in before, without the records of this entry, to after. */
void pga_harden_record_drop(const struct pga_text *before, const char *path, const char *name,
			    struct pga_text *after);

/* Adds the record of an entry that had the first lines and has the others. */
void pga_harden_record_add(struct pga_text *text, const char *path, const char *name,
			   const struct pga_text *before, const struct pga_text *written);

/* Whether the entry's lines are as they were before: whoever was to harden them, or to put them
 * back, was killed in the middle, or somebody has put them back by hand. */
bool pga_harden_record_is_before(const struct pga_harden_record *record,
				 const struct pga_text *lines);

/* Whether the entry's lines are those that the record is about: as they were written, or before. */
bool pga_harden_record_is_about(const struct pga_harden_record *record,
				const struct pga_text *lines);

/* Adds the entry's lines as they were before, of those that were written. Returns false where these
 * are not what the record is about: somebody has changed them. */
bool pga_harden_record_restore(const struct pga_harden_record *record,
			       const struct pga_text *written, struct pga_text *before);

/* Puts the entry in the bytes of its file back, if nobody has changed it: item has what came of it,
 * and is to be freed in either case. Returns -1 for want of memory. harden_undo.c has it. */
int pga_harden_record_put_back(const struct pga_harden_record *record, struct pga_text *bytes,
			       struct pga_unhardening *item, struct pga_error *error);
void pga_unhardening_free(struct pga_unhardening *item);

/* What pganchor does to the lines of an entry: it adds them as they are to be to after. */
struct pga_harden_change_of {
	int (*make)(void *context, const struct pga_text *before, struct pga_text *after,
		    struct pga_error *error);
	void *context;
};

/* Makes the records (bytes) of the service file's entries that are others after than before be
 * about those: the same was done to them as to what they were before they were hardened.
 * harden_follow.c has it. Returns -1 for want of memory, or as the change does. */
int pga_harden_records_follow(struct pga_text *bytes, const char *path,
			      const struct pga_text *before, const struct pga_text *after,
			      const struct pga_harden_change_of *change, struct pga_error *error);

/* Where the first entry of this name stands: its header and what is up to its last setting, without
 * the end of that line. *length is 0 where there is none. */
void pga_harden_find_lines(const struct pga_text *bytes, const char *name, size_t *start,
			   size_t *length, size_t *line);

/* Adds the bytes there to lines. Returns -1 for want of memory. */
int pga_harden_add_lines(const struct pga_text *bytes, const char *name, struct pga_text *lines,
			 struct pga_error *error);

#endif
