/* pgbouncer.ini, as pgbouncer reads it (1.18 to 1.26): what it says of TLS and of who is let in. */
#ifndef PGA_AUDIT_PGBOUNCER_FILE_H
#define PGA_AUDIT_PGBOUNCER_FILE_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

enum pga_pgbouncer_key {
	PGA_PGBOUNCER_AUTH_FILE,
	PGA_PGBOUNCER_AUTH_HBA_FILE,
	PGA_PGBOUNCER_AUTH_TYPE,
	PGA_PGBOUNCER_CLIENT_CA_FILE,
	PGA_PGBOUNCER_CLIENT_CERT_FILE,
	PGA_PGBOUNCER_CLIENT_CIPHERS,
	PGA_PGBOUNCER_CLIENT_KEY_FILE,
	PGA_PGBOUNCER_CLIENT_PROTOCOLS,
	PGA_PGBOUNCER_CLIENT_SSLMODE,
	PGA_PGBOUNCER_LISTEN_ADDR,
	PGA_PGBOUNCER_SERVER_CA_FILE,
	PGA_PGBOUNCER_SERVER_CERT_FILE,
	PGA_PGBOUNCER_SERVER_CIPHERS,
	PGA_PGBOUNCER_SERVER_KEY_FILE,
	PGA_PGBOUNCER_SERVER_PROTOCOLS,
	PGA_PGBOUNCER_SERVER_SSLMODE,
	PGA_PGBOUNCER_KEYS
};

/* "auth_file", … */
extern const char *const pga_pgbouncer_keys[PGA_PGBOUNCER_KEYS];

struct pga_pgbouncer_place {
	const char *file; /* one of the files below */
	long line;        /* from 1 */
};

struct pga_pgbouncer_setting {
	char *value; /* NULL: it is left out */
	struct pga_pgbouncer_place at;
};

/* An entry of [databases]. Its password is not kept. */
struct pga_pgbouncer_database {
	char *name;
	char *host; /* NULL, as all below: left out, and a Unix-domain socket */
	char *port;
	char *dbname;
	char *user;
	bool password; /* it has one */
	struct pga_pgbouncer_place at;
};

/* A file that could not be read. */
struct pga_pgbouncer_missed {
	char *path;
	char *why;
};

struct pga_pgbouncer {
	char **files; /* the file itself, and what it includes */
	size_t file_count;
	struct pga_pgbouncer_setting set[PGA_PGBOUNCER_KEYS];
	/* A section that begins anew takes everything back that stands in the one before: what of
	 * it nobody has said again. */
	struct pga_pgbouncer_setting lost[PGA_PGBOUNCER_KEYS];
	struct pga_pgbouncer_place section; /* the last [pgbouncer]; its line is 0 without one */
	struct pga_pgbouncer_database *databases;
	size_t database_count;
	struct pga_pgbouncer_missed *missed;
	size_t missed_count;
	char *fault; /* why pgbouncer reads no further; NULL. Nothing secret is in it */
	struct pga_pgbouncer_place fault_at;
	bool failed; /* memory ran out */
};

/* Adds the bytes of a file that is included. Returns -1 with the reason. */
typedef int pga_pgbouncer_open(const char *path, struct pga_text *bytes, struct pga_error *error);

/* Reads these bytes, and what they include. To be freed. */
void pga_pgbouncer_read(struct pga_pgbouncer *ini, const char *path, const char *bytes,
			size_t length, pga_pgbouncer_open *open);
void pga_pgbouncer_free(struct pga_pgbouncer *ini);

#endif
