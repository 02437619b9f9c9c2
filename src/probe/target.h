/* What is probed: one host of a service, or one that was named by itself; and what it is held
 * against. libpq is asked here, once for each word and before anything is probed. */
#ifndef PGA_PROBE_TARGET_H
#define PGA_PROBE_TARGET_H

#include "base/error.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "service/servicefile.h"
#include "service/trusted.h"

#include <stdbool.h>
#include <stddef.h>

/* The roots and CRLs that servers are verified with, as libpq would have them for the same
 * settings. Nothing of it changes once it is made: any number of threads may use one. */
struct pga_probe_trust {
	struct pga_trusted
	    trusted; /* sessions are made of its tls, too, and none verifies anybody */
	const struct pga_policy *policy;
	const struct pga_pins *pins;
	char *roots;     /* the path of the file of roots; NULL: the system's store */
	char *roots_why; /* why libpq can use none of it; NULL where it can */
	bool crls;       /* libpq asks for CRLs */
	int min_tls;     /* of libpq, as OpenSSL has it (TLS1_2_VERSION); 0: OpenSSL's own */
	int max_tls;
	char *key; /* the settings that it was made of; of a host by itself, "+" before them */
};

/* Those that are there: one for all targets whose settings are alike. Starts all zero but for
 * policy and pins, which have to outlive it. */
struct pga_probe_trusts {
	const struct pga_policy *policy;
	const struct pga_pins *pins;
	struct pga_probe_trust **list;
	size_t count;
	struct pga_roots roots;
	struct pga_service_file user; /* once read */
	struct pga_service_file system;
	bool files_read;
};

/* That of these settings, which belongs to the trusts. bare: a host was named by itself, and the
 * roots of all anchors count beside those that libpq would find. NULL with the reason. */
const struct pga_probe_trust *pga_probe_trust_of(struct pga_probe_trusts *trusts,
						 const struct pga_effective *effective, bool bare,
						 struct pga_error *error);

/* For sessions that libpq's OpenSSL refuses by default: TLS 1.0, small keys. The caller frees it;
 * NULL for want of memory. */
SSL_CTX *pga_probe_lax_context(void);

void pga_probe_trusts_free(struct pga_probe_trusts *trusts);

struct pga_client_settings;

struct pga_probe_target {
	char *word;    /* as it was asked for: a service's name, HOST:PORT; never a secret */
	char *service; /* NULL: none */
	char *host;    /* what the certificate has to be for (PQhost()), without brackets */
	char *address; /* hostaddr; "" where there is none, and the host is looked up */
	unsigned port;
	bool direct;     /* sslnegotiation=direct: libpq asks for no TLS, it begins with it */
	bool unnamed;    /* sslsni=0: the host is not named to the server */
	bool unverified; /* the service's sslmode is weaker than verify-full */
	char *meant;     /* what to try where nobody has the name; NULL: nothing is known */
	char *user;      /* of the service, which go out over verified TLS alone; NULL: none */
	char *dbname;
	struct pga_client_settings *settings; /* that libpq is to be asked with; NULL: none */
	const struct pga_probe_trust *trust;
};

struct pga_probe_targets {
	struct pga_probe_target *list; /* in the order in which they were asked for */
	size_t count;
};

/* Adds what the word means: the name of a service, all of whose hosts are targets; a connection
 * string or URI; HOST, HOST:PORT, [::1]:PORT, an IPv6 address. A word that is both a service's name
 * and could be a host's is the service. Unix-domain sockets have no TLS, and are an error. Returns
 * -1 with the reason. Not for several threads. */
int pga_probe_targets_add(struct pga_probe_targets *targets, const char *word,
			  struct pga_probe_trusts *trusts, struct pga_error *error);

void pga_probe_targets_free(struct pga_probe_targets *targets);

#endif
