/* What mode = audit wrote to syslog, read back: the lines of gate/journal.c. */
#ifndef PGA_ACTIVATE_RECORDS_H
#define PGA_ACTIVATE_RECORDS_H

#include "base/error.h"
#include "policy/record.h"

#include <stddef.h>
#include <time.h>

/* Those connections that are alike in all of their words. */
struct pga_record {
	char *words[PGA_WORDS]; /* "" where the line does not say */
	unsigned long count;
	time_t first;
	time_t last;
	long last_pid;
};

struct pga_records {
	struct pga_record **records; /* the most frequent first */
	size_t count;
	unsigned long unreadable; /* lines that have our mark and are not as pganchor writes them */
	char *source;             /* where they were read: a file, or "the journal" */

	void *tree; /* the same records by their words: records.c's own */
};

/* Reads the records since a moment (0: all). path is a file that a syslog daemon wrote, "-" for
 * standard input, or NULL for the machine's own: systemd's journal where there is one, or else the
 * first of the usual files. Returns -1 where nothing can be read; records is to be freed all the
 * same. */
int pga_records_read(struct pga_records *records, const char *path, time_t since,
		     struct pga_error *error);

void pga_records_free(struct pga_records *records);

#endif
