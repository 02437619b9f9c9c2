/* A pair that the local CA signs for, on the disk. */
#ifndef PGA_CERT_LOCAL_PAIR_H
#define PGA_CERT_LOCAL_PAIR_H

#include "base/text.h"
#include "base/transaction.h"
#include "cert/key.h"
#include "cert/local_sign.h"

#include <openssl/x509.h>

#include <stdbool.h>

/* What is wanted. */
struct pga_local_pair_wish {
	const char *certificate; /* paths */
	const char *key;
	struct pga_local_wish wish;
	enum pga_key_kind kind; /* of a new key */
	bool keep;         /* leave one that is right, and has two thirds of its time before it */
	bool replace;      /* the certificate of another CA, in a place that is for nobody else */
	const char *place; /* what to do where it is another CA's; NULL: other files */
};

/* While it is made. */
struct pga_local_pair {
	struct pga_transaction_file key; /* in the order in which they are written: a key without a
					    certificate troubles nobody */
	struct pga_transaction_file certificate;
	X509 *leaf;             /* as it is to be */
	struct pga_text before; /* the bytes that the certificate had; empty: there was none */
	bool has_key;           /* one that was there is used */
	bool renewed;           /* there was a certificate */
	bool kept;              /* both stay as they are */
};

/* Locks both files and puts the new bytes together: of what is there, the key stays, and so there
 * is no instant at which both do not belong together. Somebody else's files are not touched:
 * returns -1 for a certificate that the CA has not signed. To be ended in either case. The caller
 * writes both files, together with others or not. */
int pga_local_pair_begin(struct pga_local_pair *pair, const struct pga_local_ca *ca,
			 const struct pga_local_pair_wish *wish, struct pga_error *error);

/* Once both were written and the locks given back: lets them be again what they were. */
int pga_local_pair_take_back(struct pga_local_pair *pair, struct pga_error *error);

/* Writes both, and gives the locks back; nothing where they are kept. */
int pga_local_pair_write(struct pga_local_pair *pair, struct pga_error *error);

void pga_local_pair_end(struct pga_local_pair *pair);

#endif
