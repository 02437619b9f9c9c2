/* When a server's chain stops to be one that libpq and the gate take: every date on which something
 * of it ends, told from what is in memory. */
#ifndef PGA_DIAGNOSE_ENDS_H
#define PGA_DIAGNOSE_ENDS_H

#include "base/error.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "service/trusted.h"

#include <openssl/x509.h>

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum pga_end_kind {
	PGA_END_LEAF,         /* the server's own certificate */
	PGA_END_INTERMEDIATE, /* one between that and the root */
	PGA_END_ROOT,
	PGA_END_CRL,
	PGA_END_NO_ROOT,    /* no root that is trusted has signed what the server shows */
	PGA_END_NOT_PINNED, /* the root is not pinned, or not for this host: the gate refuses it */
	PGA_END_REFUSED,    /* libpq refuses the server for another reason */
};

struct pga_end {
	size_t server; /* whose it is: an index of the caller's */
	enum pga_end_kind kind;
	time_t at; /* from then on it does not work; it may be past */
	time_t
	    until; /* from then on this is no hindrance any more; 0: as far as can be seen, never */
	bool behind;   /* something else has ended before it, and is not mended by then */
	bool new_leaf; /* a renewed certificate of the server's would do */
	bool assumed;  /* the server was not reached: so it is if its chain ends in this root */
	char
	    *subject; /* of the certificate, or of the CRL's issuer; "" where it is about neither */
	char *reason; /* why, in OpenSSL's words or libpq's */
	char id[PGA_PIN_LENGTH + 1]; /* SHA-256 of the certificate or CRL; or "" */
};

struct pga_ends {
	struct pga_end *list;
	size_t count;
};

/* The word for it in reports. */
const char *pga_end_kind_word(enum pga_end_kind kind);

/* What a server is held against, and which time is looked at. */
struct pga_ends_question {
	STACK_OF(X509) * chain; /* that it showed; or a root by itself */
	bool as_server;         /* false: a root by itself */
	const struct pga_trusted *trusted;
	const struct pga_pins *pins; /* NULL: they do not count for this host */
	const struct pga_root_changes *changes;
	const char *host; /* as PQhost() calls it */
	time_t now;
	time_t last;
	size_t server;
};

/* Whether the pins, with the changes, have this root for this host. */
bool pga_pinned_after(const struct pga_pins *pins, const struct pga_root_changes *changes,
		      const char *pin, const char *host);

/* Adds every end that there is from now to the last moment: what has ended already, and each later
 * one, those behind another one among them. Where a chain can end in two roots, the first that ends
 * is none. Returns -1 for want of memory. */
int pga_ends_find(const struct pga_ends_question *question, struct pga_ends *ends,
		  struct pga_error *error);

/* Adds one; subject and reason are copied. NULL for want of memory. */
struct pga_end *pga_ends_add(struct pga_ends *ends, size_t server, enum pga_end_kind kind,
			     time_t at, const char *subject, const char *reason);

void pga_ends_free(struct pga_ends *ends);

#endif
