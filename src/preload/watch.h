/* A look from outside at what connects to PostgreSQL: this process and all that it will start can
 * connect to PostgreSQL's ports only with a libpq in them that the gate stands before. ld.so starts
 * programs without the gate where LD_PRELOAD is lost or the module is out of sight; this cannot be
 * lost. It is for programs that know nothing of it, and no boundary against one that does. */
#ifndef PGA_PRELOAD_WATCH_H
#define PGA_PRELOAD_WATCH_H

#include "base/error.h"

#include <stdbool.h>

#define PGA_WATCH_PORTS 65536

struct pga_watch_ports {
	bool watched[PGA_WATCH_PORTS];
};

/* Puts this process under the watch, for good, and leaves behind a child that keeps it: one that
 * wait(2) does not tell of, that holds no file or terminal of this process, and that ends when the
 * last of the watched has. Where the process is watched already, that stays as it is. Returns -1
 * where it cannot be watched. */
int pga_watch_start(const struct pga_watch_ports *ports, struct pga_error *error);

#endif
