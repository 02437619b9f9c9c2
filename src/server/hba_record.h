/* The record of what lines of pg_hba.conf were before TLS was required. */
#ifndef PGA_SERVER_HBA_RECORD_H
#define PGA_SERVER_HBA_RECORD_H

#include "base/error.h"
#include "base/text.h"
#include "server/hba_tree.h"

#include <stdbool.h>
#include <stddef.h>

/* In the data directory. */
#define PGA_HBA_BEFORE "pganchor-hba.before"

/* A line that was changed, with its end. */
struct pga_hba_was {
	char *path;
	struct pga_text after;
	struct pga_text before;
	size_t nth;    /* of the lines of the file that read like after, counted from 0, */
	size_t of;     /* and how many they were */
	bool restored; /* it is there as it was left, and becomes what it was */
	bool settled;  /* it will be what it was, by this or whatever came before */
};

struct pga_hba_record {
	struct pga_hba_was *items;
	size_t count;
	char *place; /* see server/elsewhere.h; NULL: it does not say */
};

/* What such a file says; "" is none. Returns -1 for what is no such record. To be freed in either
 * case. */
int pga_hba_record_parse(struct pga_hba_record *record, const char *bytes, size_t length,
			 struct pga_error *error);
void pga_hba_record_free(struct pga_hba_record *record);

/* Adds what such a file begins with. place: NULL where it is kept elsewhere. */
void pga_hba_record_begin(struct pga_text *bytes, const char *place);

/* Adds a line to it. */
void pga_hba_record_add(struct pga_text *bytes, const char *path, const struct pga_hba_was *item);

/* Adds each line of this tree that is going to change. */
void pga_hba_record_add_changes(const struct pga_hba_tree *tree, struct pga_text *bytes);

/* Byte by byte. */
bool pga_hba_reads_the_same(const struct pga_text *one, const struct pga_text *other);

#endif
