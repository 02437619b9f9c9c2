/* A team's address: where a company tells its people which step-ca is theirs, as `step ca bootstrap
 * --team` asks for it. Its answer is JSON: {"url": "https://ca.example.com", "fingerprint": "HEX"}.
 */
#ifndef PGA_CA_TEAM_H
#define PGA_CA_TEAM_H

#include "base/error.h"
#include "policy/pins.h"

#include <stddef.h>

#define PGA_TEAM_LIMIT ((size_t)64 * 1024) /* no answer comes near it */

struct pga_team {
	char *ca_url; /* as it says */
	char pin[PGA_PIN_LENGTH + 1];
};

/* Reads the answer; where: the address, for messages, in which no word of the answer is. Returns
 * -1 for what is none. The caller frees it, after an error too. */
int pga_team_parse(struct pga_team *team, const char *where, const char *bytes, size_t length,
		   struct pga_error *error);

/* The address with every "<>" in it replaced by the team's name, as step does; NULL for one with
 * characters that would change what the address is, or where only one of the two is there. The
 * caller frees it. */
char *pga_team_address(const char *url, const char *name, struct pga_error *error);

void pga_team_free(struct pga_team *team);

#endif
