/* service add --check: whether the servers are what the entry and the policy want. */
#ifndef PGA_CLI_SERVICE_CHECK_H
#define PGA_CLI_SERVICE_CHECK_H

#include "cli/print_service_add.h"

/* Connects with what the entry says and the shell's environment adds, as the next program will, and
 * prints what the servers showed. Returns PGA_EXIT_DONE where every host was found to be what the
 * policy wants, else the status, with the reason told. */
int pga_addition_check(const struct pga_addition *asked, struct pga_added *added);

#endif
