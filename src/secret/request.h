/* A request, as protocol.h has it. */
#ifndef PGA_SECRET_REQUEST_H
#define PGA_SECRET_REQUEST_H

#include "base/error.h"
#include "policy/passwords.h"

#include <stdbool.h>
#include <stddef.h>

#define PGA_REQUEST_ENTRIES 256 /* at most so many in one */

enum pga_request_verb {
	PGA_REQUEST_GET,
	PGA_REQUEST_PASSFILE,
	PGA_REQUEST_SET,
	PGA_REQUEST_CLEAR,
	PGA_REQUEST_LIST,
	PGA_REQUEST_STATE,
	PGA_REQUEST_UNLOCK,
	PGA_REQUEST_VERBS,
};

struct pga_request {
	enum pga_request_verb verb;
	struct pga_password_entry entries[PGA_REQUEST_ENTRIES];
	size_t count;
	const char *secret; /* of "set" */
};

/* Reads it from standard input to its end. What it points to is kept out of swap and core dumps,
 * as far as the system allows, and belongs to this module. Returns -1 where it is no request. */
int pga_request_read(struct pga_request *request, struct pga_error *error);

/* Overwrites all that was read. */
void pga_request_forget(struct pga_request *request);

#endif
