/* All that is found out of one PostgreSQL server without a password: what TLS it speaks, whether
 * its chain is verified for the host, and what it says to a client that asks for no TLS. */
#ifndef PGA_PROBE_PROBE_H
#define PGA_PROBE_PROBE_H

#include "base/error.h"
#include "policy/pins.h"
#include "probe/target.h"
#include "tls/certificate.h"

#include <openssl/x509.h>

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* What came of asking for TLS. */
enum pga_probe_answer {
	PGA_PROBE_TLS,            /* it stands */
	PGA_PROBE_NO_TLS,         /* a PostgreSQL server that uses none */
	PGA_PROBE_UNKNOWN_NAME,   /* the host's name cannot be looked up */
	PGA_PROBE_NOT_CONNECTED,  /* refused, no route */
	PGA_PROBE_TIMED_OUT,      /* no connection, or no answer, in the time that it has */
	PGA_PROBE_NOT_POSTGRESQL, /* it answers as no PostgreSQL server does */
	PGA_PROBE_ERROR,          /* an error, where it was asked for TLS */
	PGA_PROBE_CLOSED,         /* it closed the connection instead of an answer */
	PGA_PROBE_INJECTED,       /* bytes came before TLS that somebody has put there */
	PGA_PROBE_NO_HANDSHAKE,   /* it begins TLS, and the handshake fails */
};

/* What is known by asking, and what is not. */
enum pga_probe_said {
	PGA_PROBE_NOT_SAID, /* it could not be told, or was not asked */
	PGA_PROBE_NO,
	PGA_PROBE_YES,
};

/* What a server asks for when it has read the user's and the database's name. */
enum pga_probe_auth {
	PGA_ASKS_UNKNOWN, /* it answered with an error, or not at all */
	PGA_ASKS_TRUST,   /* nothing: anybody is let in */
	PGA_ASKS_CLEARTEXT,
	PGA_ASKS_MD5,
	PGA_ASKS_SCRAM,
	PGA_ASKS_GSS,
	PGA_ASKS_SSPI,
	PGA_ASKS_BEARER,         /* OAUTHBEARER alone, PostgreSQL 18 */
	PGA_ASKS_CERTIFICATE,    /* a certificate of the client's, and it was shown none */
	PGA_ASKS_NO_ENTRY,       /* pg_hba.conf has no entry for it, or one that rejects it */
	PGA_ASKS_REFUSED,        /* another error: sqlstate says which */
	PGA_ASKS_NOT_UNDERSTOOD, /* a method that is not known here */
};

struct pga_probe_startup {
	bool asked;
	bool own_user; /* by the service's user and database; else by made-up ones */
	enum pga_probe_auth auth;
	bool plus;        /* SCRAM-SHA-256-PLUS is offered: channel binding */
	char sqlstate[6]; /* of an error; else "" */
};

/* A certificate of the chain. */
struct pga_probe_certificate {
	struct pga_certificate certificate; /* X509, pin, names, dates as text */
	char *key;                          /* "EC P-256" */
	char *signature;                    /* "ecdsa-with-SHA256" */
	time_t not_before;
	time_t not_after;
	bool sent;                    /* the server has shown it; else it is one of the roots */
	bool is_root;                 /* the verified chain ends in it */
	const struct pga_pin *anchor; /* whose root it is; NULL where it is not pinned */
	bool anchor_is_for_host;
};

/* Why a chain is not verified for the host, the heaviest first. */
enum pga_probe_fault {
	PGA_FAULT_NONE,
	PGA_FAULT_NO_ROOTS, /* there is nothing to verify with */
	PGA_FAULT_REVOKED,
	PGA_FAULT_UNKNOWN_ROOT,         /* no root that is trusted has signed it */
	PGA_FAULT_SELF_SIGNED,          /* its own root, which nobody trusts */
	PGA_FAULT_MISSING_INTERMEDIATE, /* the chain has a gap below its root */
	PGA_FAULT_EXPIRED,
	PGA_FAULT_NOT_YET_VALID,
	PGA_FAULT_WRONG_NAME,
	PGA_FAULT_NOT_PINNED,       /* verified, and the gate refuses its root */
	PGA_FAULT_NOT_FOR_HOST,     /* an anchor's, that is not valid for this host */
	PGA_FAULT_NAME_CONSTRAINTS, /* its CA may not sign for this host */
	PGA_FAULT_WRONG_USE,        /* a certificate that is not for servers */
	PGA_FAULT_WEAK,             /* a key or digest that OpenSSL refuses */
	PGA_FAULT_CRL,              /* the CRLs do not allow it: none there, or past its time */
	PGA_FAULT_OTHER,
	PGA_FAULT_SETTINGS, /* the server is as it should be, and libpq refuses the settings */
};

/* What the CRLs say. */
enum pga_probe_crl {
	PGA_PROBE_CRL_NOT_ASKED, /* libpq uses none with these settings */
	PGA_PROBE_CRL_GOOD,
	PGA_PROBE_CRL_REVOKED,
	PGA_PROBE_CRL_MISSING, /* none for some certificate of the chain: libpq refuses it */
	PGA_PROBE_CRL_NOT_IN_DATE,
};

struct pga_probe {
	enum pga_probe_answer answer;
	bool postgresql;  /* it has answered as a PostgreSQL server does */
	char *why;        /* the one line that explains the failure; NULL: there is none */
	char *hint;       /* what to do about it, with the command; NULL likewise */
	char address[64]; /* that has taken the connection; "" */

	/* The session; NULL and empty without TLS. */
	bool was_direct; /* it was begun without an SSLRequest */
	char *protocol;  /* "TLSv1.3" */
	char *cipher;
	char *group;            /* of the key exchange: "X25519"; NULL where there is none */
	bool wants_certificate; /* it asks for one of the client's */

	/* The chain: as it was verified, from the server's own certificate to its root; where it
	 * was not, as it was shown. */
	struct pga_probe_certificate *chain;
	size_t length;
	char *names; /* "" where there is but a common name; of the server's certificate, ", "
		      * between; "DNS:", "IP Address:" before each
		      */
	bool libpq_refuses_tls;   /* TLS stands only with what libpq's OpenSSL refuses by default */
	bool settings_refuse_tls; /* and with what it takes by default it would: the versions of TLS
				     that these settings want are others */
	char *refusal;            /* of PGA_FAULT_SETTINGS: libpq's words; else NULL */
	bool verified;            /* as policy and pins want it */
	bool verified_by_libpq;   /* libpq would say so; the gate may not */
	enum pga_probe_fault fault;
	int fault_code;      /* of OpenSSL, where the fault is one of its: an X509_V_ERR_ */
	size_t fault_at;     /* of which certificate of the chain that is */
	time_t now;          /* the moment of the probe */
	time_t earliest;     /* the first end of the chain's certificates; 0: there is none */
	size_t first_to_end; /* whose it is: an index of the chain */
	enum pga_probe_crl crl;
	const char *no_digest; /* the signature by which channel binding, and so SCRAM of libpq,
				  does not work with this chain: "ED25519"; or NULL */

	/* What it says to other questions. */
	enum pga_probe_said direct; /* takes TLS without an SSLRequest (PostgreSQL 17) */
	enum pga_probe_said gss;    /* takes GSSAPI encryption */
	enum pga_probe_said plain;  /* lets a client go on without encryption, asked as below */
	struct pga_probe_startup plain_startup;
	struct pga_probe_startup tls_startup;
	enum pga_probe_said
	    other_unnamed; /* shows another certificate to who names no host (SNI) */
	char *unnamed;     /* that one's subject; NULL: it shows none */

	/* Seconds that each step has taken: for metrics. */
	double resolved, connected, shaken, all;
};

/* How long. */
struct pga_probe_limits {
	long connect_timeout; /* milliseconds, for one address of the host */
	long max_time;        /* for all of it, but for looking up the name */
};

/* Asks the server over as few connections as it takes, four at once. Nothing secret goes out: a
 * made-up user and database, or those of the service where TLS is verified. Whatever the server
 * says is bounded and believed of nobody; what it says before TLS is verified is not told. May run
 * in many threads at once. A server that does not answer is no failure of this function: returns -1
 * for want of memory alone. To be freed in either case. */
int pga_probe_run(const struct pga_probe_target *target, const struct pga_probe_limits *limits,
		  struct pga_probe *probe, struct pga_error *error);

void pga_probe_free(struct pga_probe *probe);

/* Words for reports that programs read: they stay. */
const char *pga_probe_answer_word(enum pga_probe_answer answer);
const char *pga_probe_said_word(enum pga_probe_said said); /* "yes", "no", "unknown" */
const char *pga_probe_auth_word(enum pga_probe_auth auth);
const char *pga_probe_fault_word(enum pga_probe_fault fault);
const char *pga_probe_crl_word(enum pga_probe_crl crl);

#endif
