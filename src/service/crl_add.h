/* Puts CRLs in place that do not cut off the user. */
#ifndef PGA_SERVICE_CRL_ADD_H
#define PGA_SERVICE_CRL_ADD_H

#include "base/error.h"
#include "base/text.h"
#include "ca/http.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "service/crl_plan.h"
#include "service/crl_servers.h"
#include "service/crl_try.h"

#include <stdbool.h>
#include <stddef.h>

/* What is to be so. */
struct pga_crl_addition {
	const char *const *sources; /* addresses, files, "-"; none: what the certificates name */
	size_t count;
	const char *anchor;  /* for the services of this one alone; NULL: as its scope says */
	const char *service; /* whose certificates are looked at; NULL: of all */
	struct pga_crl_host host;
	struct pga_http http;
};

/* One of the CRLs. */
struct pga_crl_addition_item {
	struct pga_crl crl;
	char *source;
	char *path;    /* of the file that it goes to */
	size_t record; /* of the plan's crls */
	bool known;    /* it is there already: nothing changes */
	bool users;    /* put there by the user, and stays the user's */
	bool replaced; /* an earlier one */
};

struct pga_crl_adding {
	struct pga_policy policy;
	struct pga_pins pins;
	struct pga_crl_servers servers;
	struct pga_crl_plan plan;
	struct pga_crl_addition_item *items;
	size_t count;
	struct pga_crl_verdicts verdicts;
	struct pga_text notes; /* what is to be known, a line each */
};

/* Fetches the CRLs, checks who has signed them, composes the files and tries them on the servers;
 * nothing is written. What libpq would refuse with them is in the verdicts, and no failure. To be
 * ended in either case. */
int pga_crl_adding_begin(struct pga_crl_adding *adding, const struct pga_crl_addition *addition,
			 struct pga_error *error);

/* Writes it. */
int pga_crl_adding_write(struct pga_crl_adding *adding, struct pga_error *error);

void pga_crl_adding_end(struct pga_crl_adding *adding);

#endif
