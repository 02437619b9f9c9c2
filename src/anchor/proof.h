/* Whether libpq can use a file of roots: the file is loaded as libpq loads it, and the chain that a
 * CA showed is verified with it as libpq verifies a server's, before anybody is told that it works.
 */
#ifndef PGA_ANCHOR_PROOF_H
#define PGA_ANCHOR_PROOF_H

#include "tls/certificate.h"
#include "base/error.h"
#include "base/text.h"

#include <openssl/x509.h>

#include <stdbool.h>

/* What is to be proved. */
struct pga_proof {
	const struct pga_certificate *root; /* that libpq is to find in the file */
	STACK_OF(X509) * chain; /* what a server showed, its own certificate first; NULL: none */
	const struct pga_certificate *chain_root; /* that the chain ends in; NULL: root itself */
};

/* What libpq was asked for CRLs by the environment, or else finds in the home. */
struct pga_crl_places {
	char *file;      /* NULL: none */
	char *directory; /* NULL: none */
};

/* Where libpq looks for CRLs: PGSSLCRL, PGSSLCRLDIR, or ~/.postgresql/root.crl where neither is
 * set (initialize_SSL() of fe-secure-openssl.c). The caller frees it, after an error too. */
int pga_crl_places_find(struct pga_crl_places *places, struct pga_error *error);
void pga_crl_places_free(struct pga_crl_places *places);

/* Tries the file. Adds to fault why libpq could not use it, in OpenSSL's words, and nothing where
 * it can; *by_crl says that only a CRL is missing or wrong. A chain that ends in
 * another root is right where the gate takes it: the file holds the right root, and the chain
 * verifies with that one alone. Without a chain, the root has to be there and trusted. Returns -1
 * for want of memory. */
int pga_proof_try(const struct pga_proof *proof, const struct pga_crl_places *crls,
		  const char *path, struct pga_text *fault, bool *by_crl, struct pga_error *error);

/* Whether the chain verifies with this root alone. */
bool pga_proof_ends_in(STACK_OF(X509) * chain, const struct pga_certificate *root);

/* Adds to fault why libpq would not find one of these roots in the file, or not take it. The file
 * is read once, and CRLs are left alone. Returns -1 for want of memory. */
int pga_proof_find_all(const char *path, const struct pga_certificate *roots, size_t count,
		       struct pga_text *fault, struct pga_error *error);

/* A file to be proved. */
struct pga_proof_file {
	const char *name;               /* its path, for messages */
	const char *path;               /* of the bytes that it has or is to get; NULL: content */
	const struct pga_text *content; /* those bytes */
};

/* Tries both, own with the root alone and root_crt (path and content NULL: it plays no part).
 * Returns -1 with the first that libpq could not use, OpenSSL's reason, and what would work. Where
 * the files are right and only a CRL is not (a connection can have other ones), *crl_fault gets
 * what is wrong, else NULL; the caller frees it. */
int pga_proof_files(const struct pga_proof *proof, const struct pga_proof_file *own,
		    const struct pga_proof_file *root_crt, char **crl_fault,
		    struct pga_error *error);

/* Whether libpq finds each of these roots in the file and takes it, which is read once. path NULL:
 * it is not written yet, and the content is tried. CRLs are left alone. Returns -1 with the first
 * that it does not. */
int pga_proof_many(const char *name, const char *path, const struct pga_text *content,
		   const struct pga_certificate *roots, size_t count, struct pga_error *error);

#endif
