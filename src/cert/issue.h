/* A certificate from a step-ca, for a key that is made here. Nothing is written: pair.h does that.
 */
#ifndef PGA_CERT_ISSUE_H
#define PGA_CERT_ISSUE_H

#include "ca/jws.h"
#include "ca/stepca_certs.h"
#include "cert/authority.h"
#include "cert/key.h"
#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* Clocks that are this far apart, in seconds, are the same to step-ca. */
#define PGA_ISSUE_LEEWAY 60

/* Who issues, and by what. */
struct pga_issuer {
	struct pga_stepca ca;
	struct pga_cert_authority authority;
	struct pga_provisioners provisioners;
	const struct pga_provisioner *provisioner; /* one of them */
	struct pga_text jwk;                       /* its key, once it is unlocked */
};

/* Finds the CA by the name of an anchor or an address (NULL: the one that there is), asks it for
 * its provisioners, and takes the one of this name, or the only one of JWK (NULL). by_token: the
 * name is a token's issuer, and no key is wanted. To be freed in any case. Returns -1 with those
 * that there are. */
int pga_issuer_find(struct pga_issuer *issuer, const struct pga_http *http, const char *ca,
		    const char *provisioner, bool by_token, struct pga_error *error);

/* Unlocks the provisioner's key: no server is asked. *wrong: the password is. */
int pga_issuer_unlock(struct pga_issuer *issuer, const char *password, size_t length, bool *wrong,
		      struct pga_error *error);

void pga_issuer_free(struct pga_issuer *issuer);

/* What is wanted. */
struct pga_issue {
	const char *subject;
	const char *const *names; /* SANs; none: the subject alone */
	size_t name_count;
	enum pga_key_kind kind;
	bool server;
	long lifetime;          /* seconds; 0: what the CA gives */
	const char *token;      /* that was given; NULL: one is signed with the issuer's key */
	const char *passphrase; /* for the key; NULL: none */
};

/* What came of it. */
struct pga_issued {
	struct pga_text chain; /* PEM, the certificate itself first */
	struct pga_text key;   /* PEM; wiped by the free */
	EVP_PKEY *pkey;
	X509 *certificate;
};

/* What can be told before a token is spent: that one that was given is expired, or for somebody
 * else or another CA; that the lifetime is longer than the provisioner's. Returns -1 with the
 * reason. */
int pga_issue_check(const struct pga_issuer *issuer, const struct pga_issue *issue,
		    struct pga_error *error);

/* Makes the key and has it signed: the chain is the key's, and leads to a root that is pinned. To
 * be freed in any case. Returns -1 with what the CA refused. */
int pga_issue_run(const struct pga_issuer *issuer, const struct pga_issue *issue,
		  struct pga_issued *issued, struct pga_error *error);
void pga_issued_free(struct pga_issued *issued);

/* Reads the certificate out of the chain, which was checked (pga_pair_check()). Returns -1 for want
 * of memory. */
int pga_issued_read(struct pga_issued *issued, struct pga_error *error);

/* Whether a certificate is for the names that were asked for; that it has more of them is warned
 * of. Returns -1 with the one that is missing. */
int pga_issue_check_names(const struct pga_issue *issue, X509 *leaf, struct pga_error *error);

/* Why a CA that was reached has refused, in the user's words: its own answers say little. */
int pga_issue_explain(const struct pga_issuer *issuer, const struct pga_issue *issue,
		      const struct pga_stepca_answer *answer, struct pga_error *error);

#endif
