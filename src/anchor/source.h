/* Where an anchor may come from. A source has a file of its own, source_NAME.c, and a line in
 * cli/sources.h. It fetches certificates and trusts none of them: whether one is the right one, the
 * rules for a root, consent and installation are the same for all sources. */
#ifndef PGA_ANCHOR_SOURCE_H
#define PGA_ANCHOR_SOURCE_H

#include "anchor/known_roots.h"
#include "ca/http.h"
#include "tls/certificate.h"
#include "base/error.h"

#include <openssl/x509.h>

#include <stdbool.h>
#include <stddef.h>

struct pga_source;

/* What is asked of which source. */
struct pga_source_request {
	const struct pga_source *source;
	struct pga_http http;         /* for a source that speaks HTTP */
	char pin[PGA_PIN_LENGTH + 1]; /* of the root that is wanted; empty: nobody knows */
	/* Of the source's read(); free() frees them. */
	char *location; /* as people are shown it, and as anchors.conf keeps it; a path begins with
			   a /, and anything else is compared as a URL (ca/url.c) */
	char *name;     /* for the anchor, where the user gives none; need not be a valid one. NULL:
			   it is made of the root's subject */
	const char *ca_file; /* what verifies an https server; NULL: the system's store */
	/* Of its read() or resolve(), likewise. */
	char *hosts; /* for which the anchor is valid where the user gives none and it is new; NULL:
			for every host */
	char
	    *asked; /* where the location was learnt, for sources.conf; NULL: the location itself */
	char *told; /* what was taken from where, for the user to read; NULL: nothing */
	const char *team;    /* the team that is meant (source_team.c), or NULL */
	const char *context; /* the context that is meant (source_stepconfig.c), or NULL */
	const char *address; /* where the server is reached (source_server.c); NULL: by its name */
};

/* What a source has. Starts all zero. */
struct pga_candidates {
	struct pga_certificate *roots;
	size_t count;
	char *where; /* the address that was asked, or the file: for messages */
	bool proven; /* roots[0] has the pin that was asked for; else nothing proves any of them */
	bool other_kind; /* with a fetch that failed: whoever answered is no such source, and may be
			    another one */
	char *note; /* what there is to warn of, though the pin proves the root; NULL: nothing */
	bool has_private_key;    /* it stands beside the certificates */
	const char *verified_by; /* whose word it is that its server is the one that was meant;
				    NULL: nobody's */
	size_t held;             /* how many certificates the source has, before any was chosen */
	char *etag;              /* HTTP's, of the bytes that were fetched; NULL: none */
	char digest[PGA_PIN_LENGTH + 1]; /* SHA-256 of those bytes; empty: there are none */
	STACK_OF(X509) * chain; /* that its server showed, the server's own first; NULL: none */
	struct pga_known_roots known;            /* that are pinned already from this location */
	const struct pga_known_root *chain_root; /* of these, the one that the chain ends in where
						    that is not roots[0]; NULL: none */
};

struct pga_source {
	const char *name; /* what it is, for messages, and its kind in sources.conf: "step-ca" */

	/* What a word that the user typed without an option is taken for, as in "taken for X"; NULL
	 * where it is no location of this source. Asks nobody but the file system. Of several whom
	 * the word fits, the first in cli/sources.h is asked first, and the next where that says
	 * other_kind. NULL: it needs its option. */
	const char *(*fits)(const char *word);

	/* Reads what the user typed, and fills in location and name; a source that holds a pin
	 * which the user trusts already fills that in, too. Asks nobody. */
	int (*read)(struct pga_source_request *request, const char *typed, struct pga_error *error);

	/* Asks whoever the user trusts by another way where the CA is and which root is its own:
	 * puts the CA's address in the place of the location, and fills in pin, asked and told. A
	 * request without a pin is none that somebody has to be asked about, then. NULL: a source
	 * that need not ask. */
	int (*resolve)(struct pga_source_request *request, struct pga_error *error);

	/* Fills in where, adds what the source has, and sets chain where that is the way to it. Has
	 * nothing to prove, and may leave out what has not the pin of the request. */
	int (*fetch)(const struct pga_source_request *request, struct pga_candidates *candidates,
		     struct pga_error *error);

	/* Asks the source again, over TLS that one of these roots (PEM) verifies, so that whoever
	 * merely knows somebody else's root is found out. *chain gets what it showed. NULL: a
	 * source that cannot be asked so. */
	int (*verify)(const struct pga_source_request *request, const char *roots,
		      STACK_OF(X509) * *chain, struct pga_error *error);
};

/* Whether this fingerprint, by which the user says which root it is, is the one that the source has
 * said, if any. Returns -1 with the reason. */
int pga_source_confirm(const struct pga_source_request *request, const char *pin,
		       struct pga_error *error);

/* Between reading and fetching. Where the request has a pin already, by which the user says which
 * root it is, whoever is asked has to say the same. */
int pga_source_resolve(struct pga_source_request *request, struct pga_error *error);

/* Fetches. With a pin in the request, the certificate that has it is left, and proven; without one,
 * all are left, at least one. Returns -1 with the reason. The caller frees the candidates, after an
 * error too. */
int pga_source_fetch(const struct pga_source_request *request, struct pga_candidates *candidates,
		     struct pga_error *error);

/* Has the source verified by roots[0]. One that is proven may be a root that the source has yet to
 * move to: then its TLS may come from one that is pinned already from the same location, too, and
 * that is the chain_root. */
int pga_source_verify(const struct pga_source_request *request, struct pga_candidates *candidates,
		      struct pga_error *error);

/* Whether the chain of a root that nothing proves comes from one that is pinned from the same
 * location, too: *rotates. Once, after pga_source_verify(). Returns -1 with the reason. */
int pga_source_rotates(const struct pga_source_request *request, struct pga_candidates *candidates,
		       bool *rotates, struct pga_error *error);

/* For a source: adds this certificate, which is all zero then. Returns -1 for want of memory. */
int pga_candidates_add(struct pga_candidates *candidates, struct pga_certificate *certificate,
		       struct pga_error *error);

/* Free what they hold; safe on ones that are all zero. */
void pga_candidates_free(struct pga_candidates *candidates);
void pga_source_request_free(struct pga_source_request *request);

#endif
