/* The files that enable and disable change, made ready to be written. */
#ifndef PGA_CLI_ENABLE_PREPARE_H
#define PGA_CLI_ENABLE_PREPARE_H

#include "preload/enable.h"
#include "base/error.h"
#include "report/finding.h"

#include <stdbool.h>
#include <stddef.h>

struct pga_asked {
	const char *command;
	bool ways[PGA_WAYS];
	const char *unit;
	const char *root;
	bool all;        /* whatever was enabled on this machine, but for the users' own */
	bool own;        /* lines of another installation stay */
	bool keep_going; /* what can be done is done, whatever cannot */
	bool session;    /* what the options name; settle() makes the ways of it */
	bool shell;
	bool system;
	bool preload;
	bool machine;
	bool off;
	bool dry_run;
	bool json;
	struct pga_findings *findings; /* what there is to say of it */
};

/* Prepares every file that is asked for, and the drop-ins of these units. entry: how the module is
 * to be named (pga_module_entry()). files has room for one of each way, those of the shells and of
 * the units; *count is how many it has then, each to be ended. Returns -1 where one or more could
 * not be prepared: each is told of, and marked as failed. */
int pga_prepare_all(const struct pga_asked *asked, char *const *units, size_t unit_count,
		    const char *entry, struct pga_activation *files, size_t *count);

/* Where the machine's files could not be written, which are root's: says so in the error. */
void pga_advise_root(const struct pga_asked *asked, struct pga_error *error);

#endif
