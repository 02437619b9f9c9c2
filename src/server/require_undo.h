/* What pg_hba.conf was before TLS was required, line by line, and the way back to it. */
#ifndef PGA_SERVER_REQUIRE_UNDO_H
#define PGA_SERVER_REQUIRE_UNDO_H

#include "base/error.h"
#include "cert/served_file.h"
#include "server/hba_record.h"
#include "server/require.h"

#include <stdbool.h>
#include <stddef.h>

/* What to do about it where its server has moved: its lines are of files of other names. */
#define PGA_HBA_MOVED "write host in the place of hostssl by hand, and remove that file"

/* Adds what is going to change to what is kept there. */
int pga_require_record(const struct pga_requiring *requiring, struct pga_served_file *file,
		       struct pga_error *error);

struct pga_unrequiring {
	struct pga_cluster cluster;
	struct pga_server_alone alone;
	struct pga_cluster_session *session; /* NULL: the server does not run, and looks at nothing
						before its next start */
	struct pga_hba_tree tree;
	struct pga_hba_record record;
	char *elsewhere; /* the record is of a change there, and counts for nothing; NULL */
	struct pga_transaction_file *files;
	size_t restored; /* lines */
	size_t left; /* those that are neither as they were left nor as they were before: they stay,
			and so does what the record has of them */
};

/* Looks at what can be undone, and changes nothing. No record is no error: its count is 0. To be
 * ended in either case. */
int pga_unrequire_plan(struct pga_unrequiring *undoing, const struct pga_require_wish *wish,
		       struct pga_error *error);

/* The same for a record and a tree that are read already: what becomes of each line. */
int pga_unrequire_plan_lines(struct pga_unrequiring *undoing, struct pga_error *error);

/* Puts the lines back, has the server look at them and load them, and forgets what was restored.
 * Where that fails, all is as it was. */
int pga_unrequire_apply(struct pga_unrequiring *undoing, struct pga_error *error);
/* Whether there is something to be done: lines, or a record of what is so already. */
bool pga_unrequire_has_work(const struct pga_unrequiring *undoing);
void pga_unrequire_end(struct pga_unrequiring *undoing);

#endif
