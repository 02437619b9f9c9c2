/* The connections of a probe, each of which is asked as much as it takes. */
#ifndef PGA_PROBE_QUESTIONS_H
#define PGA_PROBE_QUESTIONS_H

#include "probe/probe.h"
#include "tls/exchange.h"

#include <sys/socket.h>

/* A probe that is being made. */
struct pga_probing {
	const struct pga_probe_target *target;
	const struct pga_probe_limits *limits;
	struct pga_probe *probe;
	struct pga_exchange tls;      /* the one that counts */
	struct pga_exchange plain;    /* asks for no encryption */
	struct pga_exchange gss;      /* asks for that of GSSAPI */
	struct pga_exchange direct;   /* begins TLS without a request, and names no host */
	struct sockaddr_storage peer; /* that has taken the connection */
	socklen_t peer_length;
	bool gss_asked; /* its first message is out */
	bool direct_asked;
};

/* Another connection to the same address, in the place of what the exchange has. */
bool pga_probe_dial_again(const struct pga_probing *probing, struct pga_exchange *exchange);

/* Begins the other connections, to the address that has taken the first, and asks each its first
 * question, without waiting for an answer. What fails is not told: it was not asked then. */
void pga_probe_dial_others(struct pga_probing *probing);
void pga_probe_ask_others(struct pga_probing *probing);

/* Asks by a startup packet, with the service's user and database or with made-up ones. */
enum pga_exchanged pga_probe_send_startup(struct pga_probing *probing,
					  struct pga_exchange *exchange, bool own_user,
					  struct pga_probe_startup *startup,
					  struct pga_error *error);

/* Reads what it answers; an error, or an end, is that nothing is known. */
void pga_probe_read_startup(struct pga_exchange *exchange, struct pga_probe_startup *startup);

/* What they have answered. */
void pga_probe_hear_plain(struct pga_probing *probing);
void pga_probe_hear_gss(struct pga_probing *probing);

/* What the direct one has come to, and whose certificate it has shown. Returns -1 for want of
 * memory. */
int pga_probe_hear_direct(struct pga_probing *probing, X509 *named, struct pga_error *error);

#endif
