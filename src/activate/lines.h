/* The lines that pganchor writes to switch the gate on, and how it knows them again: a block
 * between two marks that say what else was made for it, and compared byte for byte with what
 * pganchor writes. */
#ifndef PGA_ACTIVATE_LINES_H
#define PGA_ACTIVATE_LINES_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

enum pga_form {
	PGA_FORM_ENVIRONMENT, /* environment.d(5) */
	PGA_FORM_SHELL,       /* a shell's commands (sh, bash, zsh and their like) */
	PGA_FORM_FISH,        /* fish's */
	PGA_FORM_UNIT,        /* systemd.unit(5) */
	PGA_FORM_PRELOAD,     /* ld.so.preload: one entry in a line of its own, without marks */
};

struct pga_block {
	const char *module; /* the module's path, not ended by a NUL once found */
	size_t module_length;
	const char *preload; /* the value of LD_PRELOAD, likewise */
	size_t preload_length;
	unsigned folders; /* that were made for the file: 0 to 9 */
	bool made_file;
	bool made_line_end; /* the line in front had none */
	bool old;           /* as an older pganchor wrote it: not to be written any more */

	size_t begin; /* where it stands in the file */
	size_t end;
};

enum pga_found { PGA_FOUND_NONE, PGA_FOUND_OURS, PGA_FOUND_CHANGED };

/* Adds the block to text. */
void pga_block_write(enum pga_form form, const struct pga_block *block, struct pga_text *text);

/* Looks for the block in a file's bytes, which block then points into. Changed: it has one of our
 * marks, and is not as we write it. */
enum pga_found pga_block_find(enum pga_form form, const char *bytes, size_t length,
			      struct pga_block *block);

#endif
