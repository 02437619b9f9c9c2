/* A password file that exists for the time of one call. libpq uses what is in it as it does with
 * any such file, host by host, in each kind of call, and PQconninfo() tells none of it. */
#ifndef PGA_GATE_PASSFILE_H
#define PGA_GATE_PASSFILE_H

#include "policy/effective.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

/* The file, and libpq's setting that names it. */
struct gate_passfile {
	int file; /* -1: none */
	char path[64];
};

#define GATE_NO_PASSFILE     \
	{                    \
		-1,          \
		{            \
			'\0' \
		}            \
	}

/* A file in memory, whose number is none of the three that a program takes for its standard ones;
 * negative where there can be none. */
int gate_memory_file(void);

/* Makes one of these lines. before: the password file whose place it takes; copies: its lines come
 * first. Returns false where it cannot be made, or cannot be opened by its name. */
bool gate_passfile_write(struct gate_passfile *passfile, const char *lines, size_t length,
			 const char *before, bool copies);

/* libpq has read it. */
void gate_passfile_close(struct gate_passfile *passfile);

/* Whether the settings are of a connection that has read one. */
bool gate_passfile_is_in(const struct pga_effective *effective);

/* In the settings of a connection, what passfile was before one of these took its place. */
void gate_passfile_restore(PQconninfoOption *options);

#endif
