/* known_servers.conf as people change it: keys that are accepted, or forgotten. */
#ifndef PGA_ANCHOR_SERVER_KEYS_H
#define PGA_ANCHOR_SERVER_KEYS_H

#include "base/error.h"
#include "policy/known_servers.h"

#include <stdbool.h>
#include <stddef.h>

/* Which keys are meant. */
struct pga_key_choice {
	char *host;
	unsigned port;                /* 0: whatever it is */
	char key[PGA_PIN_LENGTH + 1]; /* "": any */
};

/* Reads HOST, HOST:PORT, or [ADDRESS]:PORT; the host is to be freed. Returns -1 where the word is
 * none of them. */
int pga_key_choice_read(const char *word, struct pga_key_choice *choice, struct pga_error *error);

/* Whether the line is of a key that is meant. */
bool pga_key_is_chosen(const struct pga_key_choice *choice, const struct pga_known_key *key);

/* A key, and what it is to be. */
struct pga_key_change {
	struct pga_shown_key shown; /* its host belongs to the known ones, or to the choice */
	enum pga_key_state state;
};

/* Adds the lines that say so to the user's file, or the system's, and reads all of them again to
 * see that they say so now. */
int pga_server_keys_change(const struct pga_known_servers *known, bool system,
			   const struct pga_key_change *changes, size_t count,
			   struct pga_error *error);

#endif
