/* Fetches the CRLs that pganchor has put in place anew. */
#ifndef PGA_SERVICE_CRL_REFRESH_H
#define PGA_SERVICE_CRL_REFRESH_H

#include "anchor/crls.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum pga_crl_outcome {
	PGA_CRL_NOT_DUE,
	PGA_CRL_SAME,     /* its source has no other */
	PGA_CRL_REPLACED, /* by a newer one; would be, in a dry run */
	PGA_CRL_FAILED,   /* the one that is there stays; why says it */
};

struct pga_crl_refreshed {
	char *name;
	char *issuer;
	char *anchor; /* "" where it is none's */
	char *source;
	enum pga_crl_outcome outcome;
	char next_update[PGA_X509_DATE]; /* of the one that is in place then; "" where none */
	long revoked;
	char *why;  /* of a failure; else NULL */
	char *hint; /* NULL: none */
};

struct pga_crls_report {
	struct pga_crl_refreshed *items; /* in the order of crls.conf */
	size_t count;
	size_t failed;
	struct pga_text notes; /* servers that are refused since their certificate is revoked; one a
				  line */
};

/* Asks the sources of these (names NULL: of all) and puts newer ones in place, once the servers of
 * all services have been tried with them; due_only: of those alone that are due. What cannot be
 * fetched, is older than what is there, or would cut off a server, is an outcome of its own and no
 * failure of this function. The environment's settings of libpq are to be hidden (policy/linked.h).
 * The report is to be freed in either case. */
int pga_crls_refresh(const char *const *names, bool due_only, bool dry_run,
		     struct pga_crls_report *report, struct pga_error *error);

void pga_crls_report_free(struct pga_crls_report *report);

#endif
