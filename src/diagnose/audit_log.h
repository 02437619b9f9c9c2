/* What mode = audit wrote to syslog, read back: the lines of gate/audit_log.c. Records are kept
 * here; audit_log_sources.c finds them. */
#ifndef PGA_DIAGNOSE_AUDIT_LOG_H
#define PGA_DIAGNOSE_AUDIT_LOG_H

#include "base/error.h"
#include "policy/record.h"

#include <stddef.h>
#include <time.h>

/* Who sent a record, as journald has it from the kernel. A file of a syslog daemon does not tell.
 */
struct pga_sender {
	long uid; /* -1: not known */
	long pid; /* 0: not known */
	const char *exe;
};

/* Those connections that are alike in all of their words and of the same sender. */
struct pga_record {
	char *words[PGA_WORDS]; /* "" where the line does not say */
	unsigned long count;
	time_t first;
	time_t last;
	long last_pid; /* the sender's where it is known, or else what the line says */
	long uid;      /* of the sender; -1 where nobody says who it was */
	char *exe;     /* the sender's program; "" likewise */
};

struct pga_records {
	struct pga_record **records; /* the most frequent first */
	size_t count;
	unsigned long unreadable; /* lines that have our mark and are not as pganchor writes them */
	char *source; /* where they were looked for: files with ", " between, or "the journal" */
	char
	    *unread; /* files of the log that are compressed, with ", " between; NULL or "": none */

	void *tree; /* the same records by their words: audit_log.c's own */
};

/* Reads the records since a moment (0: all). path is a file that a syslog daemon wrote, "-" for
 * standard input, or NULL for the machine's own: systemd's journal where it keeps one, or else the
 * first of the usual files, and what logrotate has made of it since that moment. Returns -1 where
 * not all of it can be read; records is to be freed all the same. */
int pga_records_read(struct pga_records *records, const char *path, time_t since,
		     struct pga_error *error);

/* Finds the machine's own: *path becomes the file of a syslog daemon, or NULL for the journal.
 * Returns -1 where there is neither. */
int pga_log_choose(const char **path, struct pga_error *error);

/* For audit_log_sources.c: takes a message, which is one of the gate's if it begins as these do;
 * any other counts for nothing. sender may be NULL. times: how often it was sent. Returns -1 for
 * want of memory. */
int pga_records_take(struct pga_records *records, const char *message,
		     const struct pga_sender *sender, time_t since, unsigned long times);

/* The most frequent first. */
void pga_records_sort(struct pga_records *records);

void pga_records_free(struct pga_records *records);

#endif
