/* The passwords of the keyring that a connection is about, and whether they may go to its hosts. */
#ifndef PGA_GATE_WANTED_H
#define PGA_GATE_WANTED_H

#include "gate/rules.h"
#include "policy/effective.h"
#include "policy/hostlist.h"
#include "policy/release.h"

#include <stdbool.h>
#include <stddef.h>

struct gate_wanted {
	size_t count; /* of the hosts that have one; where it is 0, nothing else is of interest */
	const char *host;                       /* the first of them */
	const struct pga_password_entry *entry; /* and its entry */
	enum pga_release release;
	struct pga_hosts hosts; /* all of the connection */
	bool *entries;          /* which are wanted, by their index */
};

/* To be freed in any case. It goes by the rules, which have to live as long. */
void gate_wanted_find(const struct gate_rules *rules, const struct pga_effective *effective,
		      struct gate_wanted *wanted);
void gate_wanted_free(struct gate_wanted *wanted);

/* Adds what the keyring is asked for them (secret/protocol.h). */
void gate_wanted_add_request(const struct gate_rules *rules, const struct gate_wanted *wanted,
			     struct pga_text *request);

#endif
