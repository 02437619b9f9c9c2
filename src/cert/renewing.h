/* What one renewal has at hand: a part of renew.c. renew_place.c puts the new one in place, tells
 * what uses it, and brings the old one back. */
#ifndef PGA_CERT_RENEWING_H
#define PGA_CERT_RENEWING_H

#include "cert/pair.h"
#include "cert/renew.h"
#include "password/secret.h"

struct renewing {
	struct pga_cert_record *record;
	const struct pga_renewal_wish *wish;
	struct pga_renewal *renewal;
	struct pga_cert_files names;
	struct pga_cert_state state;
	struct pga_pair_files files;
	struct pga_reload reload;
	time_t now;
	EVP_PKEY *key;                /* a new one; NULL: the old one stays */
	struct pga_secret passphrase; /* of the old one, and of the new one; or none */
	struct pga_text chain;        /* the new one, PEM */
	struct pga_text key_pem;
	struct pga_text old_key; /* the bytes of its file, where another one takes its place */
	X509 *leaf;
	bool was_shown; /* a server that is to prove it answered before */
};

/* A new key gets the owner and the mode that the old one has, which is read to be brought back.
 * Returns -1 with the reason. */
int pga_renewing_describe(struct renewing *renewing, struct pga_error *error);

/* One look at the server that is to prove it, beforehand. */
void pga_renewing_look(struct renewing *renewing);

/* Puts the new certificate, and key, in the place of the old. Returns 1 where the old one is not
 * what it was; -1 with the reason, and all as it was. */
int pga_renewing_place(struct renewing *renewing, struct pga_error *error);

/* Brings back the old pair, unless somebody has changed the new one, and tells what uses it. Adds
 * to why what did not work. */
void pga_renewing_take_back(struct renewing *renewing, struct pga_error *why);

/* Returns -1 with the reason where what uses it was not told, or the server that is to show it does
 * not. */
int pga_renewing_tell(struct renewing *renewing, struct pga_error *why);

#endif
