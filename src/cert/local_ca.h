/* A development CA of one's own, for the machine that it is on: the user's, in
 * $XDG_CONFIG_HOME/pganchor/local-ca, ca.key (0600) and ca.crt. Whoever gets at the key can be
 * these hosts to whom it is pinned for, and no other: critical name constraints (RFC
 * 5280, 4.2.1.10) say so in its certificate. It signs for servers and clients themselves alone
 * (pathlen 0), is pinned as an anchor, and never goes into the system's store.
 *
 * Near its end it is signed anew with the same key and name: what it has signed goes on being
 * valid.
 */
#ifndef PGA_CERT_LOCAL_CA_H
#define PGA_CERT_LOCAL_CA_H

#include "anchor/anchors.h"
#include "base/error.h"
#include "policy/pins.h"
#include "tls/certificate.h"

#include <openssl/evp.h>

#include <stdbool.h>
#include <stddef.h>

/* For whom it may sign, for people to read, and the same as host patterns (base/host.h), for which
 * it is pinned: of 127.0.0.0/8 a pattern can name addresses alone. */
#define PGA_LOCAL_CA_SIGNS_FOR "localhost, *.localhost, *.test, 127.0.0.0/8 and ::1"
#define PGA_LOCAL_CA_HOSTS     "localhost *.localhost *.test 127.0.0.1 ::1"

#define PGA_LOCAL_CA_ORGANISATION "pganchor local CA" /* in the name of each of them */
#define PGA_LOCAL_CA_ANCHOR       "local"             /* its name, where the user gives none */
#define PGA_LOCAL_CA_SOURCE       "pganchor ca local" /* in anchors.conf */

#define PGA_LOCAL_CA_DIRECTORY "local-ca" /* in the configuration's directory */
#define PGA_LOCAL_CA_KEY       "ca.key"
#define PGA_LOCAL_CA_CRT       "ca.crt"

/* How long it is valid, in seconds, and may be at most. */
#define PGA_LOCAL_CA_LIFETIME (365L * 86400)
#define PGA_LOCAL_CA_LONGEST  (825L * 86400)

struct pga_local_ca {
	char *key_path;
	char *crt_path;
	bool found; /* what follows is there */
	EVP_PKEY *key;
	struct pga_certificate root;
};

/* Reads that of this directory, or (NULL) the user's. None is no error. Returns -1 for a key that
 * others can read, one that is not the certificate's, or what is no CA of this kind. To be freed in
 * either case. */
int pga_local_ca_open(struct pga_local_ca *ca, const char *directory, struct pga_error *error);
void pga_local_ca_free(struct pga_local_ca *ca);

/* What is to be so. */
struct pga_local_ca_wish {
	const char *anchor; /* its name; NULL: as it is, or PGA_LOCAL_CA_ANCHOR */
	long lifetime;      /* seconds */
	bool unscoped;      /* put it into root.crt, too */
	bool renew;         /* sign it anew, however long it would be valid yet */
	bool dry_run;
};

/* What was done, or would be. */
struct pga_local_ca_made {
	bool created;
	bool renewed;
	struct pga_anchoring anchoring;
};

/* Makes the user's CA where there is none, signs it anew where it is due, and pins it. A second
 * time changes nothing, but brings back what is missing. ca is as pga_local_ca_open() has filled it
 * in, and has the new one then. On failure all is as it was. The caller frees made. */
int pga_local_ca_make(struct pga_local_ca *ca, const struct pga_local_ca_wish *wish,
		      struct pga_local_ca_made *made, struct pga_error *error);
void pga_local_ca_made_free(struct pga_local_ca_made *made);

/* Whether it is to be signed anew: with 90 days or a third of its time left. */
bool pga_local_ca_is_due(const struct pga_local_ca *ca);

/* The names of the user's anchors that came from it, which belong to the pins; the caller frees
 * both, in either case. */
int pga_local_ca_anchors(struct pga_pins *pins, const char ***names, size_t *count,
			 struct pga_error *error);

/* Takes its files away, whatever they hold: *removed says whether there were any. */
int pga_local_ca_remove_files(const struct pga_local_ca *ca, bool dry_run, bool *removed,
			      struct pga_error *error);

/* The hint of one that is needed and not there. Returns -1. */
int pga_fail_no_local_ca(const struct pga_local_ca *ca, struct pga_error *error);

#endif
