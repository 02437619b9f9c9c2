/* Roots that go: those that their CA has withdrawn and those that have expired, and the servers
 * that still show certificates of theirs. */
#ifndef PGA_DIAGNOSE_GOING_ROOTS_H
#define PGA_DIAGNOSE_GOING_ROOTS_H

#include "anchor/refresh.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* A server whose certificate still comes from such a root. */
struct pga_late_server {
	char *anchor;
	char *server; /* "service prod, db.example.com" */
	char *ends;   /* when its own certificate ends */
	bool expired; /* the root has expired already */
};

struct pga_going_roots {
	struct pga_late_server *late;
	size_t count;
	size_t dropped; /* roots that are to go */
};

/* Asks the servers of all services, where a root goes at all, and notes which of them still come
 * from one. With drop, the root is marked as dropped where a server that has answered needs none of
 * it and none has stayed silent that may, the CA itself does not need it, and another anchor of its
 * source is there in its place; that one takes its name and file where it was named after it. Else
 * the root's why says what keeps it. To be freed in any case. Returns -1 for want of memory, and
 * where the service files cannot be read. */
int pga_going_roots_look(struct pga_going_roots *going, struct pga_refresh *refresh, bool drop,
			 struct pga_error *error);

void pga_going_roots_free(struct pga_going_roots *going);

#endif
