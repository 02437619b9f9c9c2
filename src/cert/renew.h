/* Renews one certificate of one's own: asked for where it came from, checked, put in the place of
 * the old one, what uses it is told, and is seen to use it. Where one of these fails, the old one
 * is there as before. */
#ifndef PGA_CERT_RENEW_H
#define PGA_CERT_RENEW_H

#include "ca/http.h"
#include "base/error.h"
#include "cert/record.h"
#include "cert/reload.h"
#include "cert/state.h"

#include <stdbool.h>
#include <time.h>

/* What is wanted. */
struct pga_renewal_wish {
	bool force; /* now, due or not, however often it has failed */
	long
	    expires_in; /* seconds: due when it ends within them; below 0: as it is due by itself */
	bool rekey;     /* with a new key of the same kind */
	bool dry_run;   /* the CA is not asked */
	struct pga_reload reload; /* in the place of what the record says, each where it is not NULL
				   */
	const struct pga_http *http;
	unsigned acme_seconds; /* for an ACME client */
};

enum pga_renewal_outcome {
	PGA_RENEWAL_NOT_DUE,
	PGA_RENEWAL_WAITS, /* it has failed before: until the next try */
	PGA_RENEWAL_WOULD, /* with dry_run */
	PGA_RENEWAL_OTHER, /* somebody else has renewed it meanwhile */
	PGA_RENEWAL_TOLD,  /* it was renewed by a run that was killed: what uses it was told now */
	PGA_RENEWAL_DONE,
	PGA_RENEWAL_FAILED,
};

struct pga_renewal {
	enum pga_renewal_outcome outcome;
	time_t next;              /* when it is due, or to be tried again */
	char ends[PGA_X509_DATE]; /* the one that is in place then; "": none */
	char *serial;             /* of the new one, hex; NULL: none, or for want of memory */
	bool expired;             /* the old one was: renewed by token */
	bool rekeyed;
	bool reloaded;               /* what uses it was told */
	bool proved;                 /* and shows it */
	struct pga_error not_proved; /* why nothing is proved, though it was to be; or "" */
	bool taken_back;             /* the new one was in place, and is not */
	struct pga_error why;        /* of a failure; or "" */
	struct pga_error not_noted;  /* why certs.conf does not say so; or "" */
};

/* Returns -1 for want of memory; that the certificate was not renewed is an outcome. record is
 * changed as certs.conf is. To be freed in either case. */
int pga_cert_renew(struct pga_cert_record *record, const struct pga_renewal_wish *wish,
		   struct pga_renewal *renewal, struct pga_error *error);

void pga_renewal_free(struct pga_renewal *renewal);

/* When one that has failed is to be tried again: each time twice as long as the time before, up to
 * an hour and to a twelfth of its life. */
time_t pga_renewal_next(const struct pga_cert_record *record, const struct pga_cert_state *state);

/* What is done once it is there, as the record says. */
struct pga_reload pga_cert_record_reload(const struct pga_cert_record *record);

#endif
