/* The CRLs that pganchor has put in place, and the file that knows them: crls.conf beside
 * anchors.conf. A section each:
 *
 *     [NAME]
 *     issuer = subject of the CA that has signed it, for the reader
 *     anchor = of whose CA it is; absent: of a root that is not pinned
 *     place = root.crl | scoped: for all of libpq, or in anchors/ANCHOR.crl
 *     source = the address that it is fetched from, or the path of a file; absent: standard input
 *     scope = what it is for: pga_crl's scope
 *     digest = SHA-256 of its DER form, and of the one that it has taken the place of
 *     key = the public key that has to have signed the next one, in base64
 *     number, this-update, next-update, checked, revoked
 *     made = yes: there was no such file before
 *     joined = yes: the user's last line there had no end, and was given one
 *
 * What stands beside them in root.crl is the user's, and stays so to the byte. */
#ifndef PGA_ANCHOR_CRLS_H
#define PGA_ANCHOR_CRLS_H

#include "base/error.h"
#include "base/text.h"
#include "policy/pins.h"
#include "tls/x509_text.h"

#include <stdbool.h>
#include <stddef.h>

#define PGA_CRLS_FILE "crls.conf"

struct pga_crl_record {
	char *name;
	char *issuer;
	char *anchor; /* "" where it is none's */
	char *source; /* "" where it came by standard input */
	bool scoped;
	char scope[PGA_PIN_LENGTH + 1];
	char digest[PGA_PIN_LENGTH + 1];
	char previous[PGA_PIN_LENGTH + 1]; /* "" where there was none: a command that was killed may
					      have left that one in place */
	char *key;
	char *number;                    /* hex digits; "" where it has none */
	char this_update[PGA_X509_DATE]; /* 2026-11-22T06:00:00Z */
	char next_update[PGA_X509_DATE]; /* "" where it does not say */
	char checked[PGA_X509_DATE];     /* when its source was asked last */
	long revoked;
	bool made;
	bool joined;
};

struct pga_crls {
	struct pga_crl_record *records; /* in the file's order */
	size_t count;
};

/* Reads crls.conf; no file is no CRLs. To be freed in either case. Returns -1, with the line, for
 * what is no such file. */
int pga_crls_read(struct pga_crls *crls, struct pga_error *error);

/* The same of these bytes; path is for the messages. */
int pga_crls_parse(struct pga_crls *crls, const char *path, const char *bytes, size_t length,
		   struct pga_error *error);

/* NULL where there is none. */
struct pga_crl_record *pga_crls_named(const struct pga_crls *crls, const char *name);

/* The file that the CRL is in: ~/.postgresql/root.crl as libpq finds it, or anchors/ANCHOR.crl. The
 * caller frees the path; NULL with the reason. */
char *pga_crl_path(const struct pga_crl_record *record, struct pga_error *error);
char *pga_crl_scoped_path(const char *anchor, struct pga_error *error);
char *pga_crl_root_path(struct pga_error *error);

/* Whether the file has the CRL as it was put there. Returns -1 where it cannot be read. */
int pga_crl_is_there(const struct pga_crl_record *record, bool *there, struct pga_error *error);

/* When its source is to be asked again: half-way between this update and the next, or a week behind
 * the last time where it has no next. */
time_t pga_crl_due(const struct pga_crl_record *record);

/* Seconds since the epoch of such a date as above; -1 where it is none. */
time_t pga_crl_time(const char *date);

/* Adds to after what stands in before, with these records as the sections of their names: what is
 * no section of pganchor's stays. Want of memory is after->failed. */
void pga_crls_compose(const struct pga_text *before, const struct pga_crls *crls,
		      struct pga_text *after);

void pga_crl_record_free(struct pga_crl_record *record);
void pga_crls_free(struct pga_crls *crls);

/* A CRL among the lines of a file, as it was put there: under a heading with its name. */
struct pga_crl_block {
	const struct pga_crl_record *record;
	char *pem; /* NULL: it is not there, or not as it was put there */
};

/* Takes the CRLs of these records out of the bytes of a file of CRLs: rest is what was there
 * without pganchor. A block that is not what the record says stays. The blocks, of which there are
 * as many as records, get what was taken out; their pems are the caller's to free. Returns -1 for
 * want of memory. */
int pga_crl_blocks_cut(const struct pga_text *before, struct pga_crl_block *blocks, size_t count,
		       struct pga_text *rest, struct pga_error *error);

/* Adds those that have a pem behind what is in after. *joined says that its last line was given an
 * end. */
void pga_crl_blocks_add(const struct pga_crl_block *blocks, size_t count, struct pga_text *after,
			bool *joined);

#endif
