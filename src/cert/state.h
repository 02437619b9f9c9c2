/* A certificate of one's own and its key, as both are on the disk now: whether they belong together
 * and can be used, and when the certificate is to be renewed. */
#ifndef PGA_CERT_STATE_H
#define PGA_CERT_STATE_H

#include "base/error.h"
#include "base/text.h"
#include "tls/x509_text.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <stdbool.h>
#include <time.h>

enum pga_cert_standing {
	PGA_CERT_NOT_DUE,
	PGA_CERT_DUE,    /* it is time to renew it, and it can still be used */
	PGA_CERT_BROKEN, /* it cannot be used: the fault says why */
};

struct pga_cert_files {
	const char *certificate;
	const char *key; /* "": it is not looked at */
	bool server;     /* the key is a server's, which has to open it without a passphrase */
};

struct pga_cert_state {
	enum pga_cert_standing standing;
	struct pga_text pem;    /* the bytes of the certificate file */
	STACK_OF(X509) * chain; /* what is in it, the certificate itself first; NULL: none */
	EVP_PKEY *key;          /* NULL: it cannot be read, or not without a passphrase */
	bool encrypted;         /* it wants a passphrase: whether it matches is not known */
	bool expired;           /* and nothing else is wrong */
	time_t from, to;        /* of the certificate; 0 where there is none */
	time_t due;             /* when it is to be renewed */
	char not_before[PGA_X509_DATE]; /* 2026-11-22T06:00:00Z */
	char not_after[PGA_X509_DATE];
	char due_date[PGA_X509_DATE];
	char fault[1024]; /* why it is broken; "" */
	char hint[512];   /* what can be done about that; "" */
};

/* When a certificate is to be renewed: behind two thirds of its life, and by up to a twentieth of
 * it earlier, each certificate at another moment, but always at the same: many that were issued at
 * once are not renewed at once. */
time_t pga_cert_due(const X509 *certificate);

/* Reads both files, and again where they do not match, since they may just be exchanged. What is
 * wrong with them is no failure, but a fault. Returns -1 for want of memory. To be freed in either
 * case. */
int pga_cert_look(const struct pga_cert_files *files, time_t now, struct pga_cert_state *state,
		  struct pga_error *error);

/* The own certificate of the chain; NULL: there is none. It belongs to the state. */
X509 *pga_cert_leaf(const struct pga_cert_state *state);

/* The serial number in lower-case hex digits, and in decimal as step-ca wants it. The caller frees
 * them; NULL for want of memory. */
char *pga_cert_serial(const X509 *certificate, bool decimal);

void pga_cert_state_free(struct pga_cert_state *state);

#endif
