/* What the entries of the service files name: keys, and passwords that should stand nowhere. */
#ifndef PGA_DIAGNOSE_DOCTOR_ENTRIES_H
#define PGA_DIAGNOSE_DOCTOR_ENTRIES_H

#include "base/error.h"
#include "policy/policy.h"
#include "service/servicefile.h"

#include <stdbool.h>
#include <stddef.h>

struct pga_entry_facts {
	char *key; /* sslkey; NULL where it is not set */
	bool has_password;
};

/* Of each entry of the user's file and then of the machine's, in the order of the files; the
 * environment is hidden. NULL for want of memory. */
struct pga_entry_facts *pga_entry_facts_find(const struct pga_service_file *user,
					     const struct pga_service_file *system,
					     const struct pga_policy *policy,
					     struct pga_error *error);
void pga_entry_facts_free(struct pga_entry_facts *facts, size_t count);

#endif
