/* Every entry of the user's file and of the machine's: where it is, what is told of it, and its
 * verdict. */
#ifndef PGA_SERVICE_LIST_H
#define PGA_SERVICE_LIST_H

#include "base/error.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "service/evaluate.h"
#include "service/servicefile.h"

#include <stdbool.h>
#include <stddef.h>

/* The settings that are told. */
enum pga_told {
	PGA_TOLD_HOST,
	PGA_TOLD_HOSTADDR,
	PGA_TOLD_PORT,
	PGA_TOLD_DBNAME,
	PGA_TOLD_USER,
	PGA_TOLD
};

struct pga_listed {
	const struct pga_service_file *file;
	const struct pga_entry *entry;
	struct pga_evaluation evaluation; /* without its settings */
	bool hidden;                      /* by an entry of the same name in the user's file */
	char *settings[PGA_TOLD];         /* with passwords masked; "" where there is none */
};

struct pga_service_list {
	struct pga_listed *entries; /* the user's first, in the order of the files */
	size_t count;
	size_t weak;
	size_t broken;
	size_t no_roots; /* of the broken ones */
};

/* Judges all of them as they are in their files, which are to outlive the list, as are policy and
 * pins. Returns -1 for want of memory. To be freed in either case. */
int pga_service_list_make(struct pga_service_list *list, const struct pga_service_file *user,
			  const struct pga_service_file *system, const struct pga_policy *policy,
			  const struct pga_pins *pins, struct pga_error *error);
void pga_service_list_free(struct pga_service_list *list);

#endif
