/* Where a certificate that is issued goes, and what is known of it then. */
#ifndef PGA_CLI_ISSUE_FILES_H
#define PGA_CLI_ISSUE_FILES_H

#include "base/error.h"
#include "base/text.h"
#include "cert/issue.h"
#include "cert/pair.h"
#include "cert/placing.h"
#include "cert/record.h"
#include "cert/reload.h"

#include <stdbool.h>

/* As it was asked for; each NULL where nothing was said. */
struct pga_issue_place {
	const char *certificate;
	const char *key;
	const char *owner; /* "USER" or "USER:GROUP" */
	const char *as;
	bool force;
};

struct pga_issue_files {
	char *name; /* of its record */
	char *certificate;
	char *key;
	bool is_default; /* libpq finds them by itself */
	bool replaces;   /* something is there */
	bool known;      /* which pganchor has put there */
	bool recorded;   /* it has a whole record */
	bool server;
	struct pga_pair_files pair;    /* the same paths */
	struct pga_cert_record record; /* as it was, or all "" */
	char left[PGA_KEY_DIGEST + 1]; /* of the key of what a killed run has left there */
	struct pga_text kept;          /* copies of what was there, a path a line */
	struct pga_text old_chain;     /* what was there; empty where it was no pair */
	struct pga_text old_key;
	struct pga_pair_files old_pair; /* the same paths, and whose that key is */
	bool reloaded;
	bool proved; /* the server shows it */
};

/* Finds them, and sees that nothing stands in the way: that is somebody's who is asked, or else
 * --force. To be freed in any case. */
int pga_issue_files_find(struct pga_issue_files *files, const struct pga_issue_place *place,
			 const char *subject, bool server, struct pga_error *error);

/* Whether what is there, if anything, is what pganchor has put there last, key and all: anything
 * else is somebody's, and a copy of it is kept. */
bool pga_issue_files_are_ours(const struct pga_issue_files *files);

/* Has the record say that it came from there. */
int pga_issue_files_of_stepca(struct pga_issue_files *files, const struct pga_issuer *issuer,
			      struct pga_error *error);

/* Writes both, sees that they can be loaded, notes what is known of them, and has who uses them
 * read them anew; where the server does not show it then, what was there comes back. passphrase: of
 * the key; NULL where it has none. In issue_write.c. */
int pga_issue_files_write(struct pga_issue_files *files, const struct pga_issued *issued,
			  const char *passphrase, const struct pga_reload *asked,
			  struct pga_error *error);

void pga_issue_files_free(struct pga_issue_files *files);

/* Where the clocks are apart: what is issued may not be valid yet, or end early. */
void pga_issue_warn_of_clock(const struct pga_issuer *issuer);

#endif
