/* What the drivers of the ACME clients (acme_lego.c, acme_uacme.c) have at hand, and share: a part
 * of acme_run.c. */
#ifndef PGA_CERT_ACME_RUNNING_H
#define PGA_CERT_ACME_RUNNING_H

#include "cert/acme.h"
#include "cert/acme_settings.h"

struct pga_acme_running {
	const struct pga_acme *acme;
	char *directory; /* of what is kept for one certificate: the account's key */
	char *request;   /* paths of what is handed over */
	char *roots;
	struct pga_acme_settings settings;
	long long deadline; /* of CLOCK_MONOTONIC, in seconds */
};

/* DIRECTORY/NAME. The caller frees it; NULL for want of memory. */
char *pga_acme_join(const char *directory, const char *name);

/* Runs the client with these words, of which the first is its name, within the time that is left,
 * and with the settings as variables. Returns -1 with what it said, by which a hint is chosen. */
int pga_acme_run(struct pga_acme_running *running, const char *const *argv,
		 struct pga_error *error);

/* The certificates in the bytes, as PEM that libpq takes. */
int pga_acme_take(const struct pga_acme_running *running, const struct pga_text *bytes,
		  struct pga_text *chain, struct pga_error *error);

/* The drivers: the request is there, and chain gets what the CA has issued. */
int pga_acme_by_lego(struct pga_acme_running *running, struct pga_text *chain,
		     struct pga_error *error);
int pga_acme_by_uacme(struct pga_acme_running *running, struct pga_text *chain,
		      struct pga_error *error);

#endif
