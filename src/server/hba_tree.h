/* A pg_hba.conf with the files that it includes, and what the server says of them. */
#ifndef PGA_SERVER_HBA_TREE_H
#define PGA_SERVER_HBA_TREE_H

#include "base/error.h"
#include "server/hba_edit.h"
#include "server/hba_file.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

struct pga_hba_part {
	char *path;
	struct pga_hba_file file;
};

/* A line, where the server comes by it. */
struct pga_hba_place {
	size_t part;
	size_t line;
};

struct pga_hba_tree {
	struct pga_hba_part *parts; /* each once; the file itself first */
	size_t part_count;
	struct pga_hba_place *places; /* rules and odd lines, as the server goes through them */
	size_t place_count;
	int version;
};

/* Reads the file, and what it includes as a server of this release (15) does. An include that is
 * not there is left to the server's view to tell of. To be freed in either case. */
int pga_hba_tree_read(struct pga_hba_tree *tree, const char *path, int version,
		      struct pga_error *error);
void pga_hba_tree_free(struct pga_hba_tree *tree);

/* Adds a line of a part at the end. */
int pga_hba_tree_add(struct pga_hba_tree *tree, size_t part, size_t line, struct pga_error *error);

const struct pga_hba_line *pga_hba_tree_line(const struct pga_hba_tree *tree, size_t place);
const char *pga_hba_tree_path(const struct pga_hba_tree *tree, size_t place);

/* The question whose rows pga_hba_tree_check() takes. */
const char *pga_hba_view_question(int version);

/* Returns -1 where the rows of pg_hba_file_rules have an error, or are other rules than those of
 * the tree; required: than those it has when TLS is required (hba_edit.h). */
int pga_hba_tree_check(const struct pga_hba_tree *tree, const PGresult *rows, bool required,
		       struct pga_error *error);

#endif
