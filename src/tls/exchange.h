/* What is said between a client and what may be a PostgreSQL server, as far as TLS and through it:
 * bounded by a deadline and in bytes, and nothing of it is believed. */
#ifndef PGA_TLS_EXCHANGE_H
#define PGA_TLS_EXCHANGE_H

#include "base/error.h"

#include <openssl/ssl.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What was tried, and what came of it. */
enum pga_exchanged {
	PGA_EXCHANGED,         /* what was asked for: TLS stands, GSSAPI may begin */
	PGA_EXCHANGE_NO,       /* the server says that it has none of it */
	PGA_EXCHANGE_ERROR,    /* an error, where it was asked */
	PGA_EXCHANGE_INJECTED, /* bytes behind its answer, before TLS */
	PGA_EXCHANGE_OTHER,    /* no PostgreSQL server would answer so */
	PGA_EXCHANGE_CLOSED,   /* instead of an answer */
	PGA_EXCHANGE_NO_TLS,  /* TLS begins, and fails: the error says why, in OpenSSL's words alone
			       */
	PGA_EXCHANGE_NO_ALPN, /* TLS, but not PostgreSQL's */
	PGA_EXCHANGE_FAILED,  /* the error says why: it took too long, say */
};

/* The requests of 8 bytes that stand before a startup packet. */
#define PGA_SSL_REQUEST ((uint32_t)80877103)
#define PGA_GSS_REQUEST ((uint32_t)80877104)

struct pga_exchange {
	char where[300]; /* HOST:PORT, for messages */
	long long deadline;
	int connection;  /* -1: none */
	char yes;        /* the byte that grants what was asked for last */
	size_t received; /* of the session, in bytes */
	bool answered;   /* as a PostgreSQL server does */
	int alert;       /* of TLS, that ended the handshake (RFC 8446, 6); 0: none */
	SSL *tls;
	BIO *from_server; /* the TLS session's own */
	BIO *to_server;
};

/* No connection yet. where is what messages call the server, by its host (brackets are added) and
 * port; deadline is pga_dial_now()'s. */
void pga_exchange_begin(struct pga_exchange *exchange, const char *host, unsigned port,
			long long deadline);

/* Closes the connection, which may be another one then. */
void pga_exchange_leave(struct pga_exchange *exchange);

/* Asks by such a request, and reads the one byte that answers it. Behind that no byte may come
 * before this end has begun TLS: whoever injects one wants it to be read as a part of the session
 * (CVE-2021-23222). */
enum pga_exchanged pga_exchange_ask(struct pga_exchange *exchange, uint32_t request,
				    struct pga_error *error);
enum pga_exchanged pga_exchange_answer(struct pga_exchange *exchange, struct pga_error *error);

/* Makes a session of the context, with ALPN's name of PostgreSQL, and SNI for a host that is a name
 * (NULL: none is named). Returns -1 for want of memory. */
int pga_exchange_session(struct pga_exchange *exchange, SSL_CTX *context, const char *host,
			 struct pga_error *error);

/* The handshake; its first message by itself; whether the server has chosen PostgreSQL by ALPN. */
enum pga_exchanged pga_exchange_hello(struct pga_exchange *exchange, struct pga_error *error);
enum pga_exchanged pga_exchange_shake_hands(struct pga_exchange *exchange, struct pga_error *error);
bool pga_exchange_chose_postgresql(const struct pga_exchange *exchange);

/* Sends all of the bytes, through TLS where a session was made. */
enum pga_exchanged pga_exchange_write(struct pga_exchange *exchange, const void *bytes,
				      size_t length, struct pga_error *error);

/* Reads what comes first, at most length bytes; *got of them. */
enum pga_exchanged pga_exchange_read(struct pga_exchange *exchange, void *bytes, size_t length,
				     size_t *got, struct pga_error *error);

/* Says what came of asking for TLS. Returns -1; where the error says it already, it stays. */
int pga_exchange_fail(const struct pga_exchange *exchange, enum pga_exchanged outcome,
		      struct pga_error *error);

#endif
