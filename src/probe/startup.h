/* The startup packet, and what a server answers: the protocol's own messages, in memory. */
#ifndef PGA_PROBE_STARTUP_H
#define PGA_PROBE_STARTUP_H

#include "base/text.h"
#include "probe/probe.h"

#include <stdbool.h>
#include <stddef.h>

/* No more than this is read of an answer. */
enum { PGA_ANSWER_MOST = 16384 };

/* Adds a StartupMessage of protocol 3.0 for the user and the database. */
void pga_startup_compose(const char *user, const char *dbname, struct pga_text *packet);

/* Reads what the server has answered so far. Returns whether that is all that there is to know:
 * false where more has to come. What is no answer of a PostgreSQL server is
 * PGA_ASKS_NOT_UNDERSTOOD. */
bool pga_startup_read(const unsigned char *bytes, size_t length, struct pga_probe_startup *startup);

#endif
