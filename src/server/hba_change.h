/* Files of rules written as one, looked at by the server, and loaded; or put back. */
#ifndef PGA_SERVER_HBA_CHANGE_H
#define PGA_SERVER_HBA_CHANGE_H

#include "base/error.h"
#include "base/transaction.h"
#include "cert/cluster_sql.h"
#include "server/hba_tree.h"

#include <stdbool.h>

struct pga_hba_change {
	struct pga_cluster_session *session; /* stands all the while: the way back */
	const struct pga_hba_tree *tree;
	struct pga_transaction_file *files; /* of each part: PGA_CHANGED, with its new bytes */
	bool loaded;                        /* this module's own */
	bool stays;                         /* after putting back: something of it does */
};

/* Reads the server's rules as they are now: its hba_file and what that includes. The tree is to be
 * freed in either case. */
int pga_hba_find(struct pga_cluster_session *session, const struct pga_cluster *cluster,
		 struct pga_hba_tree *tree, struct pga_error *error);

/* Whether the server, which reads the files as they are now, sees these very rules, without an
 * error: see pga_hba_view_check(). */
int pga_hba_check_view(struct pga_cluster_session *session, const struct pga_hba_tree *tree,
		       bool required, struct pga_error *error);

/* Whether this user can write each file that changes so that owner and group stay. Returns -1 for
 * the first that it cannot. */
int pga_hba_change_check_owners(const struct pga_hba_tree *tree,
				const struct pga_transaction_file *files, struct pga_error *error);

/* Writes the files, each as it was: owner, mode, attributes. On failure, pga_hba_change_put_back()
 * is to follow. */
int pga_hba_change_write(struct pga_hba_change *change, struct pga_error *error);

/* Has the server load them. */
int pga_hba_change_load(struct pga_hba_change *change, struct pga_error *error);

/* After a failure, which *error tells of: puts the files back, and has the server load that if it
 * has loaded the others. Says what stays. Returns -1. */
int pga_hba_change_put_back(struct pga_hba_change *change, const char *what,
			    struct pga_error *error);

/* It stands. */
void pga_hba_change_keep(struct pga_hba_change *change);

#endif
