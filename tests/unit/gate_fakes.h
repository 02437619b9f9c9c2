/* A libpq and an OpenSSL that say what a test wants: what the gate makes of it. */
#ifndef PGA_TESTS_GATE_FAKES_H
#define PGA_TESTS_GATE_FAKES_H

#include "gate/libpq.h"

#include <string.h>

enum { LONGEST_CHAIN = 4 };

/* A certificate is told by the byte that its digest is made of, and its name by a letter. */
struct fake_certificate {
	unsigned char digest;
	char name;
};

static struct {
	/* the connection */
	const char *host, *hostaddr, *port;
	int socket;
	int tls, gss; /* in use */
	ConnStatusType status;
	const char *error;
	PQconninfoOption *options;
	/* the session */
	bool no_session;
	long verify_result;
	int verify_mode;
	int version, bits;
	bool no_cipher;
	struct fake_certificate *chain[LONGEST_CHAIN];
	int chain_length; /* -1: there is no chain */
	int digest_fails;
	unsigned digest_length;
	/* what is trusted, and what verifies */
	struct fake_certificate *trusted[LONGEST_CHAIN];
	int trusted_length;
	unsigned char verifies_with; /* the digest of the root that the chain verifies with alone */
	const struct fake_certificate *in_store;
	int verifying, freed_verifying, stores, freed_stores, freed_chains, marks, drops;
	unsigned long flags;
	bool no_purpose, no_begin, no_begin_alone;
	bool no_store, no_room_in_store;
	int no_verify; /* which one, from 1, there is no memory for */
	bool null_used;
	/* extra data of the session */
	int index;
	void *data;
	const void *app_data;
	gate_ex_free *on_free;
	int sent;
	/* what hangs on the connection */
	PGEventProc proc;
	void *instance;
	char tell[256];
	int cancelled;
} fake;

static char fake_session, fake_context, fake_store, fake_verify;

static char *of(const char *text)
{
	return (char *)(uintptr_t)text;
}

static char *fake_host(const PGconn *conn)
{
	(void)conn;
	return of(fake.host);
}
static char *fake_hostaddr(const PGconn *conn)
{
	(void)conn;
	return of(fake.hostaddr);
}
static char *fake_port(const PGconn *conn)
{
	(void)conn;
	return of(fake.port);
}
static char *fake_pass(const PGconn *conn)
{
	(void)conn;
	return of("its password");
}
static char *fake_error(const PGconn *conn)
{
	(void)conn;
	return of(fake.error);
}
static int fake_socket(const PGconn *conn)
{
	(void)conn;
	return fake.socket;
}
static int fake_tls_in_use(PGconn *conn)
{
	(void)conn;
	return fake.tls;
}
static int fake_gss_in_use(PGconn *conn)
{
	(void)conn;
	return fake.gss;
}
static ConnStatusType fake_status(const PGconn *conn)
{
	(void)conn;
	return fake.status;
}
static PQconninfoOption *fake_options(PGconn *conn)
{
	(void)conn;
	return fake.options;
}
static void fake_free_options(PQconninfoOption *options)
{
	(void)options;
}

static void *fake_ssl(PGconn *conn, const char *name)
{
	(void)conn;
	return fake.no_session || strcmp(name, "OpenSSL") != 0 ? NULL : &fake_session;
}

static long fake_verify_result(const void *ssl)
{
	(void)ssl;
	return fake.verify_result;
}
static int fake_verify_mode(const void *ssl)
{
	(void)ssl;
	return fake.verify_mode;
}
static int fake_version(const void *ssl)
{
	(void)ssl;
	return fake.version;
}
static const char *fake_error_text(long error)
{
	return error == 10 ? "certificate has expired" : "?";
}

static const void *fake_cipher(const void *ssl)
{
	(void)ssl;
	return fake.no_cipher ? NULL : &fake_session;
}

static int fake_bits(const void *cipher, int *algorithm)
{
	(void)cipher;
	(void)algorithm;
	return fake.bits;
}

static const char *fake_cipher_name(const void *cipher)
{
	(void)cipher;
	return "NULL-SHA";
}

/* A chain is known by the address of its first element. */
static void *fake_chain(const void *ssl)
{
	(void)ssl;
	return fake.chain_length < 0 ? NULL : (void *)fake.chain;
}

static int fake_length(const void *chain)
{
	return chain == (void *)fake.chain ? fake.chain_length : fake.trusted_length;
}

static void *fake_element(const void *chain, int index)
{
	return ((struct fake_certificate *const *)chain)[index];
}

static const void *fake_sha256(void)
{
	return &fake_session;
}

static int fake_digest(const void *certificate, const void *type, unsigned char *digest,
		       unsigned *length)
{
	if (type != &fake_session || fake.digest_fails-- == 1)
		return 0;
	*length = fake.digest_length != 0 ? fake.digest_length : 32;
	memset(digest, ((const struct fake_certificate *)certificate)->digest, *length);
	return 1;
}

static void *fake_tls_context(const void *ssl)
{
	(void)ssl;
	return &fake_context;
}
static void *fake_trust_store(const void *context)
{
	return context == &fake_context ? &fake_store : NULL;
}
static void *fake_new_verify(void)
{
	return ++fake.verifying == fake.no_verify ? NULL : &fake_verify;
}
static void fake_free_verify(void *verify)
{
	fake.freed_verifying += verify == &fake_verify;
}
static void *fake_new_store(void)
{
	fake.stores++;
	return fake.no_store ? NULL : &fake_context;
}
static void fake_free_store(void *store)
{
	fake.freed_stores += store == &fake_context;
}
static void fake_free_certificate(void *certificate)
{
	(void)certificate;
}

static int fake_add_to_store(void *store, void *certificate)
{
	fake.null_used |= store == NULL;
	fake.in_store = certificate;
	return !fake.no_room_in_store;
}

static int fake_begin_verify(void *verify, void *store, void *certificate, void *untrusted)
{
	fake.null_used |= verify == NULL || store == NULL;
	if (fake.no_begin || (fake.no_begin_alone && store != &fake_store))
		return 0;
	/* To look up the trusted ones, or to verify the server's own with its chain. */
	return store == &fake_store
		   ? certificate == NULL && untrusted == NULL
		   : certificate == fake.chain[0] && untrusted == (void *)fake.chain;
}

static int fake_purpose(void *verify, const char *name)
{
	(void)verify;
	return !fake.no_purpose && strcmp(name, "ssl_server") == 0;
}

static void fake_flags(void *verify, unsigned long flags)
{
	(void)verify;
	fake.flags = flags;
}

static int fake_verify_now(void *verify)
{
	(void)verify;
	return fake.in_store->digest == fake.verifies_with && fake.flags == 0x200000;
}

/* All trusted ones have the name of the first. */
static void *fake_named(void *verify, const void *name)
{
	(void)verify;
	return fake.trusted_length > 0 && fake.trusted[0]->name == *(const char *)name
		   ? (void *)fake.trusted
		   : NULL;
}

static void *fake_subject(const void *certificate)
{
	return of(&((const struct fake_certificate *)certificate)->name);
}

static void fake_free_chain(void *chain, void (*free_one)(void *certificate))
{
	(void)chain;
	fake.freed_chains += free_one == fake_free_certificate;
}

static int fake_mark(void)
{
	fake.marks++;
	return 1;
}
static int fake_drop(void)
{
	fake.drops++;
	return 1;
}

static int fake_new_ex_data(int kind, long number, void *context, void *on_new, void *on_dup,
			    gate_ex_free *on_free)
{
	fake.on_free =
	    kind == 0 && number == 0 && context != NULL && on_new == NULL && on_dup == NULL
		? on_free
		: NULL;
	return fake.index;
}

static void *fake_get_ex_data(const void *ssl, int index)
{
	(void)ssl;
	return index == 0 ? of(fake.app_data) : index == fake.index ? fake.data : NULL;
}

static int fake_set_ex_data(void *ssl, int index, void *data)
{
	if (ssl != &fake_session || index != fake.index)
		return 0;
	fake.data = data;
	return 1;
}

static int fake_tls_write(void *ssl, const void *bytes, int count)
{
	(void)ssl;
	(void)bytes;
	fake.sent += count;
	return count;
}

static int fake_tls_connect(void *ssl)
{
	return ssl == &fake_session ? 7 : -2;
}

static int fake_register(PGconn *conn, PGEventProc proc, const char *name, void *context)
{
	(void)conn;
	if (strcmp(name, "pganchor") != 0 || context == NULL)
		return 0;
	fake.proc = proc;
	return 1;
}

static int fake_set_instance(PGconn *conn, PGEventProc proc, void *data)
{
	(void)conn;
	if (proc != fake.proc)
		return 0;
	fake.instance = data;
	return 1;
}

static void *fake_instance(const PGconn *conn, PGEventProc proc)
{
	return conn != NULL && proc == fake.proc ? fake.instance : NULL;
}

static char *fake_encrypt(PGconn *conn, const char *password, const char *user,
			  const char *algorithm)
{
	(void)conn;
	(void)password;
	(void)user;
	(void)snprintf(fake.tell, sizeof fake.tell, "unrecognized: \"%s\"\n", algorithm);
	fake.error = fake.tell;
	return NULL;
}

static int fake_cancel(PGcancel *cancel, char *errbuf, int size)
{
	(void)cancel;
	(void)errbuf;
	fake.cancelled += size;
	return 1;
}

static int fake_request_cancel(PGconn *conn)
{
	(void)conn;
	fake.cancelled++;
	return 1;
}

static inline PGconn *the_connection(void)
{
	return (PGconn *)(void *)&fake;
}

/* A TLS 1.3 session of a chain of two with db.example.com, as it is to be. */
static struct gate_libpq *fake_libpq(void)
{
	static struct gate_libpq libpq;
	static struct fake_certificate server = {0x01, 's'}, root = {0xab, 'r'};

	memset(&fake, 0, sizeof fake);
	fake.host = "db.example.com";
	fake.hostaddr = "";
	fake.port = "5432";
	fake.socket = -1;
	fake.tls = 1;
	fake.error = "libpq's own words\n";
	fake.version = 0x0304;
	fake.bits = 256;
	fake.chain[0] = &server;
	fake.chain[1] = &root;
	fake.chain_length = 2;
	fake.verify_mode = 1;
	fake.index = 3;
	memset(&libpq, 0, sizeof libpq);
	libpq.calls = (struct pga_libpq){.PQconninfo = fake_options,
					 .PQconninfoFree = fake_free_options,
					 .PQerrorMessage = fake_error,
					 .PQstatus = fake_status};
	libpq.PQhost = fake_host;
	libpq.PQhostaddr = fake_hostaddr;
	libpq.PQport = fake_port;
	libpq.PQpass = fake_pass;
	libpq.PQsocket = fake_socket;
	libpq.PQsslInUse = fake_tls_in_use;
	libpq.PQsslStruct = fake_ssl;
	libpq.PQgssEncInUse = fake_gss_in_use;
	libpq.PQencryptPasswordConn = fake_encrypt;
	libpq.PQregisterEventProc = fake_register;
	libpq.PQsetInstanceData = fake_set_instance;
	libpq.PQinstanceData = fake_instance;
	libpq.PQcancel = fake_cancel;
	libpq.PQrequestCancel = fake_request_cancel;
	atomic_store(&libpq.openssl_known, true);
	libpq.SSL_get_verify_result = fake_verify_result;
	libpq.SSL_get_verify_mode = fake_verify_mode;
	libpq.X509_verify_cert_error_string = fake_error_text;
	libpq.CRYPTO_get_ex_new_index = fake_new_ex_data;
	libpq.SSL_version = fake_version;
	libpq.SSL_write = fake_tls_write;
	libpq.SSL_connect = fake_tls_connect;
	libpq.SSL_get_ex_data = fake_get_ex_data;
	libpq.SSL_set_ex_data = fake_set_ex_data;
	libpq.SSL_get_current_cipher = fake_cipher;
	libpq.SSL_CIPHER_get_bits = fake_bits;
	libpq.SSL_CIPHER_get_name = fake_cipher_name;
	libpq.SSL_get0_verified_chain = fake_chain;
	libpq.OPENSSL_sk_num = fake_length;
	libpq.OPENSSL_sk_value = fake_element;
	libpq.X509_digest = fake_digest;
	libpq.EVP_sha256 = fake_sha256;
	libpq.SSL_get_SSL_CTX = fake_tls_context;
	libpq.SSL_CTX_get_cert_store = fake_trust_store;
	libpq.OPENSSL_sk_pop_free = fake_free_chain;
	libpq.X509_STORE_CTX_new = fake_new_verify;
	libpq.X509_STORE_CTX_free = fake_free_verify;
	libpq.X509_STORE_CTX_init = fake_begin_verify;
	libpq.X509_STORE_CTX_set_default = fake_purpose;
	libpq.X509_STORE_CTX_set_flags = fake_flags;
	libpq.X509_verify_cert = fake_verify_now;
	libpq.X509_STORE_CTX_get1_certs = fake_named;
	libpq.X509_STORE_new = fake_new_store;
	libpq.X509_STORE_free = fake_free_store;
	libpq.X509_STORE_add_cert = fake_add_to_store;
	libpq.X509_get_subject_name = fake_subject;
	libpq.X509_free = fake_free_certificate;
	libpq.ERR_set_mark = fake_mark;
	libpq.ERR_pop_to_mark = fake_drop;
	return &libpq;
}

#endif
