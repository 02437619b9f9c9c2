/* One bounded request over HTTPS. The other end may be anybody and answer anything. */
#ifndef PGA_CA_HTTP_H
#define PGA_CA_HTTP_H

#include "base/error.h"
#include "base/text.h"

#include <openssl/x509.h>

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* No root, and no list of them, comes near this; headers count as well. */
#define PGA_HTTP_LIMIT ((size_t)1024 * 1024)

#define PGA_HTTP_CONNECT_TIMEOUT 10000L /* milliseconds */
#define PGA_HTTP_MAX_TIME        30000L

/* What holds for every request of a command. */
struct pga_http {
	const char *proxy;    /* as curl's --proxy; NULL: as the environment says, "" for none */
	long connect_timeout; /* milliseconds */
	long max_time;        /* of one request, milliseconds */
};

/* Whose word it is that whoever answers is the server that was meant. */
enum pga_http_trust {
	PGA_HTTP_BY_NOBODY, /* whoever answers is taken */
	PGA_HTTP_BY_SYSTEM, /* the CAs of the system, as curl has them */
	PGA_HTTP_BY_FILE,   /* those in ca_file */
};

struct pga_http_request {
	const char *url;
	const char *roots;         /* PEM of the roots that the server's certificate has to come
				      from, one of them; NULL: trust says who verifies it */
	enum pga_http_trust trust; /* without roots */
	const char *ca_file;
	size_t limit;              /* of bytes that are read; 0: PGA_HTTP_LIMIT */
	STACK_OF(X509) * *chain;   /* with roots: gets what the server showed (http_chain.h), and
				      the chain has to end in one that is self-signed; or NULL */
	const char *if_not_found;  /* the hint when the server says 404 */
	const char *if_unverified; /* the hint when its certificate is another root's */
	bool plain;                /* http:// will do as well: what is answered proves itself */
	bool of_file;              /* what is asked for is a file, and no CA: for hints */
	char **etag; /* gets the answer's ETag, where it is one of a sane length, and the caller
			frees it; or NULL */
	bool *other_kind; /* set where somebody is there and has no such thing to say: no TLS, or an
			     HTTP status of failure; or NULL */
	bool *unreached; /* set where nobody was reached, or gave a whole answer in time; or NULL */
	long *status; /* gets HTTP's status of the answer, 0 where there is none; NULL: not wanted
		       */
	time_t *date; /* gets the server's clock, by the answer's Date; -1 where it does not say, or
			 NULL */
	const char *json;        /* sent by POST; NULL: it is a GET */
	const char *bearer;      /* a token, for the header Authorization; or NULL */
	const char *certificate; /* PEM: the client's own, with its chain or without; or NULL */
	const char *key;         /* PEM of its private key, no passphrase on it; the same */
};

/* Adds the body of the answer to body, that of a refusal too: what a server that is verified says
 * of it may be read there after an error. No redirect is followed. Returns -1 for a
 * server that is not reached or not verified, that says anything but success, or that answers with
 * more than the limit; no more than that is ever held. */
int pga_http_get(const struct pga_http *http, const struct pga_http_request *request,
		 struct pga_text *body, struct pga_error *error);

#endif
