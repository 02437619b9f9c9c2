/* What comes after a change of a server: for its clients, for its administrator, and back. */
#ifndef PGA_CLI_PRINT_SERVER_NEXT_H
#define PGA_CLI_PRINT_SERVER_NEXT_H

#include "server/change.h"

/* user: that was typed; NULL: none. Each command can be typed as it is printed, but for words in
 * capitals. */
void pga_print_server_next(const struct pga_server_work *work, const char *user);

#endif
