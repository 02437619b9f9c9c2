/* A certificate by ACME (RFC 8555), for a key of ours: lego or uacme speaks the protocol,
 * and sees the request alone. */
#ifndef PGA_CERT_ACME_H
#define PGA_CERT_ACME_H

#include "base/error.h"
#include "base/text.h"
#include "cert/record.h"

#include <stdbool.h>

/* Below the user's configuration: lego's accounts, with their keys, a directory for each
 * certificate. */
#define PGA_ACME_DIRECTORY "acme"

/* The clients, by the names of their programs. */
#define PGA_ACME_LEGO  "lego"
#define PGA_ACME_UACME "uacme"

/* How long it may take, in seconds, if nobody says otherwise: a DNS record is seen by the CA after
 * minutes. */
#define PGA_ACME_SECONDS 600

/* How the CA sees that the name is ours. Each is "" where it is not that; the texts are owned. */
struct pga_acme {
	char *url;     /* of the CA's directory */
	char *listen;  /* http-01: "[ADDRESS]:PORT", where lego answers by itself */
	char *webroot; /* http-01: the directory of a web server that runs there */
	char *dns;     /* dns-01: the provider, by lego's name for it; its settings are variables */
	char *email;   /* of the account: where the CA writes to */
	char *settings;   /* a file of what the provider wants (cert/acme_settings.h) */
	char *anchor;     /* whose root verifies the CA's TLS; "": the system's CAs */
	char *client;     /* which one speaks the protocol */
	char *roots;      /* PEM of that; NULL: none */
	unsigned seconds; /* for all of it */
};

/* All texts "". Returns -1 for want of memory; to be freed in any case. */
int pga_acme_begin(struct pga_acme *acme, struct pga_error *error);

/* As it is kept in a record (way, ca, anchor, account), and back, with the anchor's root read. */
int pga_acme_put(const struct pga_acme *acme, struct pga_cert_record *record,
		 struct pga_error *error);
int pga_acme_of_record(const struct pga_cert_record *record, struct pga_acme *acme,
		       struct pga_error *error);

/* The same without the root: what it is going to do on this machine. */
int pga_acme_look(const struct pga_cert_record *record, struct pga_acme *acme,
		  struct pga_error *error);

/* Finds the root that verifies the CA: of the anchor of this name, or (NULL) of one that came from
 * the same host and port; where there is none, it is the system's CAs. */
int pga_acme_find_roots(struct pga_acme *acme, const char *anchor, struct pga_error *error);

/* Takes lego, or where there is none uacme: the one that renews it, too. */
int pga_acme_choose_client(struct pga_acme *acme, struct pga_error *error);

/* Has the request (PEM) signed. name: the record's, by which the client's account and its key are
 * kept below the user's configuration. chain gets PEM, the certificate first. Returns -1 with what
 * the CA said, in the client's words. */
int pga_acme_issue(const struct pga_acme *acme, const char *name, const char *csr,
		   struct pga_text *chain, struct pga_error *error);

void pga_acme_free(struct pga_acme *acme);

#endif
