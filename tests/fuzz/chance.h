/* Random cases for verdict.c, most of them near the edge between weak and strong. The same seed
 * makes the same cases. */
#ifndef FUZZ_CHANCE_H
#define FUZZ_CHANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A number below the limit; true once in so many times. */
void chance_seed(uint64_t seed, uint64_t stream);
uint64_t chance_next(void);
size_t chance_below(size_t limit);
bool chance_once_in(size_t times);

/* Tells which settings there are: keyword and variable of each, ended by NULL. Once, at the start.
 */
void chance_settings(const char *const *keywords, const char *const *variables,
		     const char *directory);

enum way {
	CONNECTDB,
	CONNECT_START,
	CONNECTDB_PARAMS,
	START_PARAMS,
	SETDB_LOGIN,
	PING,
	PING_PARAMS,
	WAYS
};

#define MOST 24

struct chance_case {
	enum way way;
	const char *text;               /* the connection string */
	const char *keywords[MOST + 1]; /* or the parameters */
	const char *values[MOST + 1];
	int expand_dbname;
	const char *login[7]; /* or PQsetdbLogin()'s arguments */
};

/* The texts of a case live until the next one is made. */
void chance_make_case(struct chance_case *made);

/* Sets the environment; every variable of libpq's is set anew or gone. */
void chance_environment(void);

/* A pg_service.conf. Belongs to chance.c until the next one is made. */
const char *chance_service_file(size_t *length);

/* The keys that are thrown. */
#define CHANCE_POLICY_KEYS 8

/* What a policy says, as the driver's rule reads it. */
struct chance_policy {
	bool broken;
	bool audit;
	bool log;
	bool sockets;
	bool gss;
	bool public_ca;
	bool only_tls_1_3;
	size_t lists; /* each file that exempts hosts has one; a host is exempt where all have it */
	const char *exempt[3][4]; /* patterns, ended by NULL */
	bool writable; /* the file made last can be written by others, which breaks the system's */
	int said[CHANCE_POLICY_KEYS]; /* chance.c's own */
};

/* Starts a policy that no file has said anything of; adds what one file says, NULL for no such
 * file; and sums up. */
void chance_policy_begin(struct chance_policy *policy);
const char *chance_policy_file(struct chance_policy *policy);
void chance_policy_end(struct chance_policy *policy);

/* anchors.conf: one that can be read or, once in a while, one that cannot. NULL for no such file.
 */
const char *chance_anchors_file(struct chance_policy *policy);

#endif
