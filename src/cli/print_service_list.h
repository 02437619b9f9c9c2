/* What pganchor service list prints. */
#ifndef PGA_CLI_PRINT_SERVICE_LIST_H
#define PGA_CLI_PRINT_SERVICE_LIST_H

#include "base/error.h"
#include "service/list.h"

/* Where there is no entry: which files were looked into, and how to write one. */
void pga_print_no_service(const struct pga_service_file *user,
			  const struct pga_service_file *system);

/* The table of some entries, the reasons below it, and what to do. Returns -1 for want of memory,
 * with nothing printed. */
int pga_print_service_list(const struct pga_service_list *list, struct pga_error *error);

/* Returns the status, or that of a report that could not be made. */
int pga_print_service_list_json(const struct pga_service_list *list, int status);

#endif
