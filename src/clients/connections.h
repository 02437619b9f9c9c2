/* The connections that clients keep in files of their own, and which of them are weak. Such a file
 * is read and never written, and no password is taken out of it. */
#ifndef PGA_CLIENTS_CONNECTIONS_H
#define PGA_CLIENTS_CONNECTIONS_H

#include "base/error.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>

/* A weak connection. */
struct pga_kept_connection {
	const char *client; /* "DBeaver" */
	char *name;         /* what the client calls it, as it may be shown; "" where it has none */
	char *host;         /* likewise; "" where it is the client's own default */
	char *why;          /* what is weak, and for this client why, in a line */
	const char *mend;   /* how it is made verify-full there */
	char *file;         /* that it is kept in */
};

/* A file of a client's that cannot be read. */
struct pga_unread_store {
	const char *client;
	char *file;
	char *why;  /* names the file */
	char *hint; /* "" where there is none */
};

struct pga_kept {
	const struct pga_policy *policy; /* by which connections of libpq are judged */
	struct pga_kept_connection *weak;
	size_t weak_count;
	size_t count; /* of all connections that were looked at, the weak among them */
	struct pga_unread_store *unread;
	size_t unread_count;
	bool failed; /* memory ran out: it is not all that was found */
};

/* A file of a client's, and how that is called. */
struct pga_store {
	struct pga_kept *kept;
	const char *client;
	const char *mend;
	const char *file;
};

/* The settings of a connection that a driver other than libpq reads. Each may be NULL: not set. */
struct pga_driver_settings {
	const char *sslmode;
	const char *ssl;        /* pgjdbc's ssl */
	const char *sslfactory; /* pgjdbc's */
};

/* Keeps the connection if it is weak, as libpq takes these settings under the policy, without the
 * environment: what a desktop starts has another one than this shell. A NULL keyword ends them;
 * those without a value are left out. A connection that libpq refuses is none. expand: dbname may
 * be a connection string. */
void pga_keep_libpq(const struct pga_store *store, const char *name, const char *const *keywords,
		    const char *const *values, bool expand);

/* Keeps it if it is weak, for this reason; why is NULL where it is not. Hosts that the policy
 * exempts, and sockets where it allows them, are not weak. */
void pga_keep(const struct pga_store *store, const char *name, const char *host, const char *why);

/* Why pgjdbc does not verify a server by these; NULL where it does, or connects to none. */
const char *pga_pgjdbc_weakness(const struct pga_driver_settings *settings);

/* Notes that the file cannot be read. */
void pga_keep_unread(const struct pga_store *store, const struct pga_error *why);

/* Frees all but the policy. */
void pga_kept_free(struct pga_kept *kept);

#endif
