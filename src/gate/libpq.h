/* The libpqs of the process, and their functions. */
#ifndef PGA_GATE_LIBPQ_H
#define PGA_GATE_LIBPQ_H

#include "policy/libpq.h"

#include <libpq-events.h>
#include <link.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdbool.h>

/* CRYPTO_EX_free of openssl/crypto.h. */
typedef void gate_ex_free(void *object, void *data, void *all_data, int index, long number,
			  void *context);

/* By which a libpq is known: every one since 9.0 defines it, and no gate does. */
#define GATE_LIBPQ_MARK "PQconninfoParse"

/* Any function, until it is called as what it is. */
typedef void gate_function(void);

/* What another gate of the process is asked by: peer.h. */
typedef gate_function *gate_peer_ask(const void *base, const char *name, void **libpq);

/* How many libpqs of a process the gate can tell apart, those that were closed among them. */
#define GATE_LIBPQS 32

/* One of something for each number that a libpq can have: ONE(argument of the list, number). */
/* clang-format off */
#define GATE_EACH_LIBPQ(ONE, with) \
	ONE(with, 0) ONE(with, 1) ONE(with, 2) ONE(with, 3) \
	ONE(with, 4) ONE(with, 5) ONE(with, 6) ONE(with, 7) \
	ONE(with, 8) ONE(with, 9) ONE(with, 10) ONE(with, 11) \
	ONE(with, 12) ONE(with, 13) ONE(with, 14) ONE(with, 15) \
	ONE(with, 16) ONE(with, 17) ONE(with, 18) ONE(with, 19) \
	ONE(with, 20) ONE(with, 21) ONE(with, 22) ONE(with, 23) \
	ONE(with, 24) ONE(with, 25) ONE(with, 26) ONE(with, 27) \
	ONE(with, 28) ONE(with, 29) ONE(with, 30) ONE(with, 31)
/* clang-format on */

/* The functions of libpq that the gate calls, besides those of policy/libpq.h: FUNCTION(name). A
 * libpq that lacks one cannot be stood before. */
#define GATE_LIBPQ_NEEDED(FUNCTION)             \
	/* what the wrappers stand for */       \
	FUNCTION(PQconnectPoll)                 \
	FUNCTION(PQconnectdb)                   \
	FUNCTION(PQconnectStart)                \
	FUNCTION(PQconnectdbParams)             \
	FUNCTION(PQsetdbLogin)                  \
	FUNCTION(PQping)                        \
	FUNCTION(PQpingParams)                  \
	FUNCTION(PQcancel)                      \
	FUNCTION(PQrequestCancel)               \
	FUNCTION(PQreset)                       \
	FUNCTION(PQresetStart)                  \
	FUNCTION(PQresetPoll)                   \
	FUNCTION(PQhost)                        \
	FUNCTION(PQport)                        \
	FUNCTION(PQpass)                        \
	/* what is asked of a connection */     \
	FUNCTION(PQconsumeInput)                \
	FUNCTION(PQsocket)                      \
	FUNCTION(PQsslInUse)                    \
	FUNCTION(PQsslStruct)                   \
	/* what hangs a refusal on an object */ \
	FUNCTION(PQregisterEventProc)           \
	FUNCTION(PQsetInstanceData)             \
	FUNCTION(PQinstanceData)

/* Those that an old one lacks, whose field is NULL then: before libpq 12, the third before 10, and
 * the hooks before 13. */
#define GATE_LIBPQ_OPTIONAL(FUNCTION)         \
	FUNCTION(PQhostaddr)                  \
	FUNCTION(PQgssEncInUse)               \
	FUNCTION(PQencryptPasswordConn)       \
	FUNCTION(PQsetSSLKeyPassHook_OpenSSL) \
	FUNCTION(PQgetSSLKeyPassHook_OpenSSL) \
	FUNCTION(PQdefaultSSLKeyPassHook_OpenSSL)

/* The functions of OpenSSL: FUNCTION(type, name, parameters). The first of each library is looked
 * for to tell the library. Where an OpenSSL lacks one, the field is NULL. */
#define GATE_LIBSSL(FUNCTION)                                                         \
	FUNCTION(long, SSL_get_verify_result, const void *ssl)                        \
	FUNCTION(int, SSL_version, const void *ssl)                                   \
	FUNCTION(void *, SSL_get0_verified_chain, const void *ssl)                    \
	FUNCTION(int, SSL_get_verify_mode, const void *ssl)                           \
	FUNCTION(void *, SSL_get_ex_data, const void *ssl, int index)                 \
	FUNCTION(int, SSL_set_ex_data, void *ssl, int index, void *data)              \
	FUNCTION(int, SSL_write, void *ssl, const void *bytes, int count)             \
	FUNCTION(int, SSL_connect, void *ssl)                                         \
	FUNCTION(const void *, SSL_get_current_cipher, const void *ssl)               \
	FUNCTION(int, SSL_CIPHER_get_bits, const void *cipher, int *of_the_algorithm) \
	FUNCTION(const char *, SSL_CIPHER_get_name, const void *cipher)               \
	FUNCTION(void *, SSL_get_SSL_CTX, const void *ssl)                            \
	FUNCTION(void *, SSL_CTX_get_cert_store, const void *context)

#define GATE_LIBCRYPTO(FUNCTION)                                                                   \
	FUNCTION(int, X509_digest, const void *certificate, const void *type,                      \
		 unsigned char *digest, unsigned *length)                                          \
	FUNCTION(const char *, X509_verify_cert_error_string, long error)                          \
	FUNCTION(int, CRYPTO_get_ex_new_index, int kind, long number, void *context, void *on_new, \
		 void *on_dup, gate_ex_free *on_free)                                              \
	FUNCTION(int, OPENSSL_sk_num, const void *chain)                                           \
	FUNCTION(void *, OPENSSL_sk_value, const void *chain, int index)                           \
	FUNCTION(void, OPENSSL_sk_pop_free, void *chain, void (*free_one)(void *certificate))      \
	FUNCTION(const void *, EVP_sha256, void)                                                   \
	FUNCTION(void *, X509_STORE_CTX_new, void)                                                 \
	FUNCTION(void, X509_STORE_CTX_free, void *verify)                                          \
	FUNCTION(int, X509_STORE_CTX_init, void *verify, void *store, void *certificate,           \
		 void *untrusted)                                                                  \
	FUNCTION(int, X509_STORE_CTX_set_default, void *verify, const char *name)                  \
	FUNCTION(void, X509_STORE_CTX_set_flags, void *verify, unsigned long flags)                \
	FUNCTION(int, X509_verify_cert, void *verify)                                              \
	FUNCTION(void *, X509_STORE_CTX_get1_certs, void *verify, const void *name)                \
	FUNCTION(void *, X509_STORE_new, void)                                                     \
	FUNCTION(void, X509_STORE_free, void *store)                                               \
	FUNCTION(int, X509_STORE_add_cert, void *store, void *certificate)                         \
	FUNCTION(void *, X509_get_subject_name, const void *certificate)                           \
	FUNCTION(void, X509_free, void *certificate)                                               \
	FUNCTION(int, ERR_set_mark, void)                                                          \
	FUNCTION(int, ERR_pop_to_mark, void)                                                       \
	FUNCTION(const void *, X509_get_X509_PUBKEY, const void *certificate)                      \
	FUNCTION(int, i2d_X509_PUBKEY, const void *key, unsigned char **der)                       \
	FUNCTION(int, PEM_def_callback, char *buffer, int size, int writes, void *passphrase)      \
	FUNCTION(int, EVP_Digest, const void *bytes, size_t length, unsigned char *digest,         \
		 unsigned *digest_length, const void *type, void *engine)

#define GATE_LIBPQ_FIELD(name)              __typeof__(name) *(name);
#define GATE_OPENSSL_FIELD(type, name, ...) type (*name)(__VA_ARGS__);

/* One libpq of the process, kept loaded for as long as the process lives. */
struct gate_libpq {
	unsigned number; /* of the order in which they were found, below GATE_LIBPQS */
	struct pga_libpq calls;
	const void *base;            /* where the object is loaded */
	void *object;                /* a handle for dlsym() */
	bool apart;                  /* in a namespace of dlmopen() */
	atomic_bool ready;           /* its imports were bound, as far as they can be */
	atomic_bool poll_seen;       /* its own calls of PQconnectPoll come to the gate */
	atomic_bool poll_asked;      /* and whether they do was tried */
	atomic_bool writes_seen;     /* and those of SSL_write() do */
	atomic_bool lookups_seen;    /* and those of getaddrinfo() */
	atomic_bool handshakes_seen; /* and those of SSL_connect() */
	gate_peer_ask *_Atomic peer; /* the gate that stood before it first; NULL: this one */

	/* What it calls in other libraries, behind the gate's (imports.c); NULL where that cannot
	 * be told before it is called. */
	int (*_Atomic import_SSL_write)(void *ssl, const void *bytes, int count);
	int (*_Atomic import_SSL_connect)(void *ssl);
	int (*_Atomic import_getaddrinfo)(const char *node, const char *service,
					  const struct addrinfo *hints, struct addrinfo **found);

	GATE_LIBPQ_NEEDED(GATE_LIBPQ_FIELD)
	GATE_LIBPQ_OPTIONAL(GATE_LIBPQ_FIELD)

	/* Of the OpenSSL that this libpq uses, once gate_libpq_openssl() has found it. */
	atomic_bool openssl_known;
	atomic_int
	    session_index; /* of what verify_error.c keeps with a session; 0: not asked for yet */
	GATE_LIBSSL(GATE_OPENSSL_FIELD)
	GATE_LIBCRYPTO(GATE_OPENSSL_FIELD)
};

/* A libpq that the gate cannot stand before: the thirty-third of a process, those that it has
 * closed among them, or one that lacks a function.
 * Nothing of it may be read; what is bound to it is refused. */
#define GATE_LIBPQ_BEYOND ((struct gate_libpq *)(void *)&gate_libpq_beyond)
extern char gate_libpq_beyond __attribute__((visibility("hidden")));

/* The libpq that defines this GATE_LIBPQ_MARK, found for the first time or known; GATE_LIBPQ_BEYOND
 * where the gate cannot stand before it; NULL where the address is no object's. */
struct gate_libpq *gate_libpq_with(const void *mark);

/* The libpq that this loaded object is, or, where it is a drop-in (pganchor's own, in a process
 * with the module), that which it stands before; as gate_libpq_with(), and NULL for any other
 * object. */
struct gate_libpq *gate_libpq_of_object(const struct link_map *map);

/* What a call of this libpq's by this name goes to once the loader has bound it, as far as that can
 * be told beforehand; NULL where it could be one of two. */
void *gate_libpq_would_call(const struct gate_libpq *libpq, const char *name);

/* The known one that is loaded here; NULL where there is none. */
struct gate_libpq *gate_libpq_at(const void *base);

/* What this libpq calls in other libraries is bound to the gate, before anybody calls it. Returns
 * libpq, which may be NULL or GATE_LIBPQ_BEYOND. */
struct gate_libpq *gate_libpq_ready(struct gate_libpq *libpq);

/* The libpq with this number, which is GATE_LIBPQS at the most; NULL where there is none yet. */
struct gate_libpq *gate_libpq_number(unsigned number);

#endif
