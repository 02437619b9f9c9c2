/* The lines that pganchor writes to switch the gate on, and how it knows them again: a block
 * between two marks that say what else was made for it, and compared byte for byte with what
 * pganchor writes. */
#ifndef PGA_PRELOAD_BLOCK_H
#define PGA_PRELOAD_BLOCK_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

enum pga_form {
	PGA_FORM_ENVIRONMENT, /* environment.d(5) */
	PGA_FORM_SHELL,       /* a shell's commands (sh, bash, zsh and their like) */
	PGA_FORM_FISH,        /* fish's */
	PGA_FORM_UNIT,        /* systemd.unit(5) */
	PGA_FORM_LD_CONF,     /* ld.so.conf(5), of which ldconfig(8) tells: a directory */
	PGA_FORM_PRELOAD,     /* ld.so.preload: one entry in a line of its own, without marks */
};

struct pga_block {
	const char *module; /* the path of the module, or of the drop-in, not ended by a NUL once
			       found */
	size_t module_length;
	const char *preload; /* the value of LD_PRELOAD, or the drop-in's directory, likewise */
	size_t preload_length;
	unsigned directories; /* that were made for the file */
	bool made_file;
	bool made_line_end; /* the line in front had none */
	unsigned age;       /* 0: as it is written; else as an older pganchor wrote it */
	bool moves;         /* it was written where a shell need not come by: it belongs in front */

	size_t begin; /* where it stands in the file */
	size_t end;
};

enum pga_found { PGA_FOUND_NONE, PGA_FOUND_OURS, PGA_FOUND_CHANGED };

/* Adds the block to text. */
void pga_block_write(enum pga_form form, const struct pga_block *block, struct pga_text *text);

/* Looks for the first block in a file's bytes from `from` on, where a line begins; block then
 * points into them. A file may have several, such as one that was put together of others. Changed:
 * it has one of our marks, or in ld.so.preload the module in a line with others, and is not as we
 * write it.
 */
enum pga_found pga_block_find(enum pga_form form, const char *bytes, size_t length, size_t from,
			      struct pga_block *block);

/* Whether the first entry of an ld.so.preload is this one: what is before it there, programs would
 * be bound to first. Comments begin with # anywhere (glibc's elf/rtld.c). */
bool pga_preload_begins_with(const char *bytes, size_t length, const char *entry);

#endif
