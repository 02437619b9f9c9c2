/* known_servers.conf: which public keys the servers have shown, for the policy's continuity. A CA
 * that is believed can sign for the wrong one; a key that a server has always had cannot be signed
 * by anybody. One line a fact, which the gate or the tool adds at the end, and the last one of a
 * key counts:
 *
 *     STATE host="HOST" port="PORT" key="HEX" issuer="HEX" time="SECONDS" program="NAME"
 *
 * The user's file is the gate's to add to; of a server that the system's files know (policy/
 * system_files.h) nothing else counts than what they say. issuer and program may be missing. key
 * and issuer: SHA-256 of the SubjectPublicKeyInfo (RFC 5280) of the server's certificate and of the
 * certificate that has signed it, as RFC 7469 pins keys, in 64 lower-case hex digits. time: seconds
 * since 1970. The values are written as those of policy/record.h. */
#ifndef PGA_POLICY_KNOWN_SERVERS_H
#define PGA_POLICY_KNOWN_SERVERS_H

#include "base/error.h"
#include "base/text.h"
#include "base/userfile.h"
#include "policy/pins.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>

#define PGA_KNOWN_SERVERS        "known_servers"           /* NAME.conf, and the system's NAME.d */
#define PGA_KNOWN_SERVERS_FILE   PGA_KNOWN_SERVERS ".conf" /* of the user's configuration */
#define PGA_KNOWN_SERVERS_SYSTEM PGA_PINS_SYSTEM_DIRECTORY "/" PGA_KNOWN_SERVERS_FILE
#define PGA_DEFAULT_PORT         5432

/* What a line says of a key. */
enum pga_key_state {
	PGA_KEY_SEEN,      /* the first that this server has shown */
	PGA_KEY_CHANGED,   /* another one than those that are known: for the user to accept */
	PGA_KEY_ACCEPTED,  /* the user has */
	PGA_KEY_FORGOTTEN, /* it is the server's no more */
	PGA_KEY_STATES,
};

/* What a server shows. */
struct pga_shown_key {
	const char *host; /* as PQhost() calls it; ASCII's capitals are no others */
	unsigned port;
	char key[PGA_PIN_LENGTH + 1];
	char issuer[PGA_PIN_LENGTH + 1]; /* "" where nobody has seen it */
};

struct pga_known_key {
	enum pga_key_state state;
	struct pga_shown_key shown; /* its host is this one's */
	char *host;
	long long time;
	char *program; /* that has seen it; "" where the line does not say */
	size_t line;
};

struct pga_known_servers {
	struct pga_known_key *keys; /* in the order of the lines: the system's, then the user's */
	size_t count;
	size_t system_count; /* the first of them that are the system's */
	size_t room;         /* for so many: this module's own */
	bool users_broken;   /* the user's could not be read; the system's are here all the same */
	struct pga_user_file file; /* what pga_known_servers_load() has read */
	struct pga_system_files systems;
};

/* What the keys that are known say of one. */
enum pga_familiarity {
	PGA_SERVER_KNOWN,
	PGA_SERVER_NEW,      /* nothing is known of this server */
	PGA_SERVER_CHANGED,  /* this key is none of those that are */
	PGA_SERVER_REPORTED, /* nor is it, and a line says so already */
};

/* Adds what the lines say; path is for messages. Blank ones and those that begin with # say
 * nothing. Returns -1 for a line that is none of the above, with its number: what cannot be known
 * refuses. */
int pga_known_servers_parse(struct pga_known_servers *known, const char *path, const char *bytes,
			    size_t length, struct pga_error *error);

/* Reads the system's files and the user's; no file, or no home, is no key. Returns -1 as
 * pga_known_servers_parse() does, for one that cannot be read, and for one of the system's that
 * others can write. To be freed in either case. */
int pga_known_servers_load(struct pga_known_servers *known, struct pga_error *error);

/* The same in a process that has loaded it before: base/userfile.h. */
int pga_known_servers_reload(struct pga_known_servers *known,
			     const struct pga_known_servers *before, struct pga_error *error);

/* Whether no file has changed since. */
bool pga_known_servers_are_fresh(const struct pga_known_servers *known);

void pga_known_servers_free(struct pga_known_servers *known);

/* Whether the two are keys of one server (host and port); and whether they are one key of it. */
bool pga_key_is_of_server(const struct pga_shown_key *key, const struct pga_shown_key *shown);
bool pga_key_is_same(const struct pga_shown_key *key, const struct pga_shown_key *shown);

/* The lines of the system's files, or of the user's: those from begin on that are before end. */
struct pga_key_lines {
	size_t begin;
	size_t end;
};
struct pga_key_lines pga_key_lines(const struct pga_known_servers *known, bool system);

/* Whether no later line of the same files, the system's or the user's, is of this key of this
 * server. */
bool pga_key_is_current(const struct pga_known_servers *known, size_t index);

/* Whether the key is current and was the first, or accepted. */
bool pga_key_is_good(const struct pga_known_servers *known, size_t index);

/* Whether the policy's continuity takes this key for the server's: of its own keys, or
 * (continuity-key = issuer) of those that have signed for it. users: the lines of the user's file
 * as they are by now, in the place of those that are known; or NULL. */
enum pga_familiarity pga_known_servers_judge(const struct pga_known_servers *known,
					     const struct pga_known_servers *users,
					     const struct pga_policy *policy,
					     const struct pga_shown_key *shown);

/* Whether the system's files know the server, so that the user's say nothing of it. */
bool pga_key_is_of_the_system(const struct pga_known_servers *known,
			      const struct pga_shown_key *shown);

/* Whether this line of the user's is of a key that waits for being accepted. */
bool pga_key_waits(const struct pga_known_servers *known, const struct pga_policy *policy,
		   size_t index);

/* The last line of those that say which key is the server's; NULL where there is none. */
const struct pga_known_key *pga_known_servers_last(const struct pga_known_servers *known,
						   const struct pga_shown_key *shown);

/* What is to be said of who has signed a key that is not known, by those that are; "" where that
 * cannot be told. */
const char *pga_key_issuer_note(const struct pga_known_servers *known,
				const struct pga_shown_key *shown);

/* Adds the server as pganchor anchor reads it, HOST:PORT or [ADDRESS]:PORT, as a shell's word. */
void pga_key_add_server(struct pga_text *text, const struct pga_shown_key *shown);

/* Adds the command that accepts the key: for the user, or, of a server that the system's files
 * know, for who runs the machine. by_key: the key is named, where it may not wait in the user's
 * file; in that of root it never does. */
void pga_key_add_accept(struct pga_text *text, const struct pga_known_servers *known,
			const struct pga_shown_key *shown, bool by_key);

/* Adds a line, with its line end. */
void pga_known_servers_add_line(struct pga_text *text, enum pga_key_state state,
				const struct pga_shown_key *shown, long long time,
				const char *program);

#endif
