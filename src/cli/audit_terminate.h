/* pganchor audit --terminate-unencrypted: what is ended, after a question. */
#ifndef PGA_CLI_AUDIT_TERMINATE_H
#define PGA_CLI_AUDIT_TERMINATE_H

#include "audit/audit.h"

#include <stdbool.h>
#include <stddef.h>

/* The sessions that are to be ended, all zero while there are none. */
struct pga_unencrypted {
	struct pga_audit_target *list;
	char **names; /* as they are told, one for each */
	size_t count;
	size_t senders; /* of them, standbys and subscribers */
	size_t blind;   /* servers of whose sessions not all were seen */
	bool failed;
};

/* Adds those of a server. */
void pga_unencrypted_add(struct pga_unencrypted *sessions, const struct pga_audit *audit);

/* Lists them, asks (unless yes), has them ended, and tells what is so then. Returns the exit
 * status, PGA_EXIT_DONE where there are none. */
int pga_unencrypted_end(const struct pga_unencrypted *sessions,
			const struct pga_audit_question *question, bool dry_run, bool yes);

void pga_unencrypted_free(struct pga_unencrypted *sessions);

#endif
