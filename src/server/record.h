/* What pganchor server has changed at a server, the last change last: kept in its data directory,
 * or in the user's servers.json where nothing can be written there, so that `server undo` can put
 * it back. */
#ifndef PGA_SERVER_RECORD_H
#define PGA_SERVER_RECORD_H

#include "base/error.h"
#include "cert/cluster.h"
#include "cert/served_file.h"
#include "server/place.h"
#include "server/servers_file.h"
#include "server/settings.h"

#include <jansson.h>

#define PGA_SERVER_RECORD "pganchor-server.json"

/* One change. Texts belong to the record. */
struct pga_server_change {
	const char *command; /* "enable-tls" */
	const char *time;    /* 2026-11-22T06:00:00Z */
	const char *served;  /* what the server showed before: SHA-256 of its certificate, or "" */
	struct pga_server_goal before[PGA_SET_COUNT]; /* of ALTER SYSTEM */
	struct pga_server_goal after[PGA_SET_COUNT];
	const char *hba; /* require-tls over SQL: the lines that it has changed, as the hex of a
			    struct pga_hba_record (server/require_undo.h); NULL */
	bool unrequired; /* with it, what require-tls had changed in pg_hba.conf was put back */
	const char *placed[PGA_PLACED_FILES]; /* files that were made in the data directory; NULL:
						 none */
};

struct pga_server_record {
	char *elsewhere; /* the directory that it was made in, where that is another one: nothing of
			    it counts here, and the next change takes its place; NULL */
	json_t *changes; /* an array */
	struct pga_servers_entry entry; /* in servers.json; service NULL: it is in the data
					   directory. The caller's */
	char *address; /* servers.json: where they were made; NULL: there are none */
	char *other;   /* and a service that has made some, if there are none */
};

/* No file is an empty record. Returns -1 for one that cannot be read. To be freed in either case.
 */
int pga_server_record_read(const struct pga_cluster *cluster, struct pga_server_record *record,
			   struct pga_error *error);
int pga_server_record_read_of(const struct pga_servers_entry *entry,
			      struct pga_server_record *record, struct pga_error *error);
void pga_server_record_free(struct pga_server_record *record);

/* The last change. Returns false where there is none. */
bool pga_server_record_last(const struct pga_server_record *record,
			    struct pga_server_change *change);

/* Adds a change (its time is now), or takes the last one away. */
int pga_server_record_push(struct pga_server_record *record, const struct pga_server_change *change,
			   struct pga_error *error);
void pga_server_record_pop(struct pga_server_record *record);

/* Writes it: an empty one is no file. file keeps what was there, see cert/served_file.h. */
int pga_server_record_write(const struct pga_cluster *cluster,
			    const struct pga_server_record *record, struct pga_served_file *file,
			    struct pga_error *error);

/* Takes back what was pushed and written. */
int pga_server_record_take_back(struct pga_server_record *record, struct pga_served_file *file,
				struct pga_error *error);

#endif
