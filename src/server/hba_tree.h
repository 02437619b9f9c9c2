/* A pg_hba.conf with the files that it includes. */
#ifndef PGA_SERVER_HBA_TREE_H
#define PGA_SERVER_HBA_TREE_H

#include "base/error.h"
#include "server/hba_edit.h"
#include "server/hba_file.h"

#include <stdbool.h>
#include <stddef.h>

struct pga_hba_part {
	char *path;
	struct pga_hba_file file;
	bool unloaded; /* see server/unloaded.h */
};

/* A line, where the server comes by it. */
struct pga_hba_place {
	size_t part;
	size_t line;
	struct pga_hba_field databases; /* with the words of @files in their places */
	struct pga_hba_field users;
};

/* Where the files are. */
struct pga_hba_source {
	/* Adds the bytes of a file; *found: it is there. */
	int (*read)(void *context, const char *path, struct pga_text *bytes, bool *found,
		    struct pga_error *error);
	/* Adds the names of the files of a directory, each with a NUL behind it: in any order, and
	 * none of directories. */
	int (*list)(void *context, const char *path, struct pga_text *names,
		    struct pga_error *error);
	void *context;
};

/* This machine's. */
extern const struct pga_hba_source pga_hba_local;

struct pga_hba_tree {
	struct pga_hba_part *parts; /* each once; the file itself first */
	size_t part_count;
	struct pga_hba_place *places; /* rules and odd lines, as the server goes through them */
	size_t place_count;
	int version;
};

/* Reads the file, and what it includes as a server of this release (15) does. An include that is
 * not there is left to the server's view to tell of. To be freed in either case. */
int pga_hba_tree_read(struct pga_hba_tree *tree, const struct pga_hba_source *source,
		      const char *path, int version, struct pga_error *error);
void pga_hba_tree_free(struct pga_hba_tree *tree);

/* The line at a place, and the path of the file that it stands in; both are the tree's. */
const struct pga_hba_line *pga_hba_tree_line(const struct pga_hba_tree *tree, size_t place);
const char *pga_hba_tree_path(const struct pga_hba_tree *tree, size_t place);

#endif
