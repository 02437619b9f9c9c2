/* sources.conf, beside anchors.conf: where each anchor came from, so that it can be asked again,
 * and what was there then. Bookkeeping alone: no trust rests on it, and an anchor without a record
 * is one all the same. The gate never reads it. One section an anchor:
 *
 *     [NAME]
 *     kind = step-ca | https | file | stdin | server | team | root.crt | ...
 *     location = what that kind is asked at: an address, HOST:PORT, the absolute path of a file
 *     ca-file = the file that verifies the address, where the user gave one
 *     etag, digest = of what was there last: HTTP's own, and SHA-256 of the bytes
 *     checked, changed = 2026-11-22T06:00:00Z: looked at last; first seen with that digest
 *
 * Unknown keys are kept, and do not count. */
#ifndef PGA_ANCHOR_SOURCE_RECORDS_H
#define PGA_ANCHOR_SOURCE_RECORDS_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

#define PGA_SOURCE_RECORDS_FILE "sources.conf"

/* What is known of an anchor's source; NULL where it is not. */
struct pga_source_record {
	const char *kind;
	const char *location;
	const char *ca_file;
	const char *etag;
	const char *digest;
	const char *checked;
	const char *changed;
};

enum { PGA_SOURCE_KEYS = 7 };

struct pga_recorded_source {
	char *name;                  /* of the anchor */
	size_t number;               /* of its section in the file */
	struct pga_source_record is; /* its values belong to it */
	char *values[PGA_SOURCE_KEYS];
};

struct pga_source_records {
	char *path; /* of the file, whether or not it is there */
	struct pga_recorded_source *sources;
	size_t count;
};

/* Where the user's file is, or the system's. The caller frees it; NULL with the reason. */
char *pga_source_records_path(bool system, struct pga_error *error);

/* Reads the user's file, or the system's; no file is no records. Returns -1 for one that cannot be
 * read. The caller frees the records, after an error too. */
int pga_source_records_load(struct pga_source_records *records, bool system,
			    struct pga_error *error);

/* The same of the bytes of such a file; what is no line of a record is passed over, and of a
 * name that is there twice the last counts. records starts all zero. Returns -1 for want of memory.
 */
int pga_source_records_parse(struct pga_source_records *records, const char *bytes, size_t length,
			     struct pga_error *error);

/* The record of the anchor of this name; NULL where there is none. */
const struct pga_source_record *pga_source_records_of(const struct pga_source_records *records,
						      const char *name);

void pga_source_records_free(struct pga_source_records *records);

/* The file as text, for a transaction: each adds to after what stands in before, with the record of
 * this anchor as it is to be (a value that is NULL goes, and so does one with a control character),
 * put behind all that stands there, without it, or under another name. Every other byte is kept.
 * Want of memory is after->failed. */
void pga_source_records_set(const struct pga_text *before, const char *name,
			    const struct pga_source_record *record, struct pga_text *after);
void pga_source_records_add(const char *name, const struct pga_source_record *record,
			    struct pga_text *after);
void pga_source_records_drop(const struct pga_text *before, const char *name,
			     struct pga_text *after);
void pga_source_records_rename(const struct pga_text *before, const char *name,
			       const char *new_name, struct pga_text *after);

#endif
