/* What a client's settings come to that a handshake made here says nothing of: a certificate of its
 * own, whose key cannot be read, and whatever else libpq knows. libpq itself is asked then. */
#ifndef PGA_PROBE_CLIENT_SETTINGS_H
#define PGA_PROBE_CLIENT_SETTINGS_H

#include "policy/hostlist.h"
#include "probe/probe.h"

/* Those of one host, as they are handed to libpq; without a password. */
struct pga_client_settings;

/* Fills in what the settings say of the session itself (sslsni), and what libpq is to be asked with
 * where there is something that it alone knows. Returns -1 for want of memory, or of a home. */
int pga_client_settings_of(struct pga_probe_target *target, const struct pga_effective *effective,
			   const struct pga_host *host, struct pga_roots *roots,
			   struct pga_error *error);

/* Zero for two that libpq is asked alike with; either may be NULL. */
int pga_client_settings_compare(const struct pga_client_settings *a,
				const struct pga_client_settings *b);

/* Asks libpq, by one more handshake with the server, which has been verified. What it refuses is no
 * failure of this function: then neither libpq nor the gate verifies it, and probe->refusal says
 * why. Returns -1 for want of memory. */
int pga_client_settings_try(const struct pga_probe_target *target, struct pga_probe *probe,
			    long long deadline, struct pga_error *error);

void pga_client_settings_free(struct pga_client_settings *settings);

#endif
