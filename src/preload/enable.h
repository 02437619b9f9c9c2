/* The files that switch the gate on: what pganchor writes into each, how it knows its own lines
 * again, and takes them out. */
#ifndef PGA_PRELOAD_ENABLE_H
#define PGA_PRELOAD_ENABLE_H

#include "preload/block.h"
#include "preload/shells.h"
#include "base/error.h"
#include "base/transaction.h"

#include <stdbool.h>
#include <stddef.h>

enum pga_way {
	PGA_WAY_MACHINE,     /* the drop-in, by ld.so.conf.d of the machine: the machine's libpq */
	PGA_WAY_SESSION,     /* environment.d of the user: programs of a systemd session */
	PGA_WAY_SHELL,       /* the start files of the user's shell */
	PGA_WAY_ENVIRONMENT, /* environment.d of the machine */
	PGA_WAY_PROFILE,     /* profile.d of the machine: login shells */
	PGA_WAY_PRELOAD,     /* ld.so.preload of the machine: every program */
	PGA_WAY_UNIT,        /* a drop-in of a service of the machine */
	PGA_WAY_USER_UNIT,   /* a drop-in of a service of the user */
	PGA_WAYS,
};

/* What `pganchor enable` and `status` call the way. */
const char *pga_way_name(enum pga_way way);

/* Whether one of these ways, an element for each, loads the module, and not the drop-in. */
static inline bool pga_ways_load_module(const bool *ways)
{
	for (int way = 0; way < PGA_WAYS; way++)
		if (ways[way] && way != PGA_WAY_MACHINE)
			return true;
	return false;
}

enum pga_state {
	PGA_OFF,      /* nothing of pganchor's is there */
	PGA_ON,       /* it is there, and names this module */
	PGA_ON_OTHER, /* it is there, and names another module */
	PGA_ON_GONE,  /* it is there, and names a module that is not */
	PGA_BY_HAND,  /* it is there, and somebody has changed it since */
};

/* One file, and what is to be done with it. Prepare several, and only then apply them all. */
struct pga_activation {
	enum pga_way way;
	enum pga_state state; /* as it was found */
	char *path;
	struct pga_text lines; /* what pganchor writes there */

	/* What follows is for preload/ alone, but for changes and failed. */
	enum pga_form form;
	struct pga_transaction_file file;
	unsigned directories; /* above the file, to remove with it where they are empty */
	bool undone;          /* it was to be made, and was not */
	bool changes;         /* applying it changes something */
	bool failed;          /* it could not be prepared */
	bool linked;          /* a symbolic link leads to it, which stays */
};

/* Finds the file of this way, which is not PGA_WAY_SHELL. root is put in front of the machine's
 * paths (NULL: nothing); unit is a service's name, with or without ".service", for the last two
 * ways. Returns -1 for a name that is none, or a home that cannot be told. */
int pga_activation_find(struct pga_activation *file, enum pga_way way, const char *root,
			const char *unit, struct pga_error *error);

/* The same for a start file of a shell. */
int pga_activation_find_shell(struct pga_activation *file, const struct pga_shell_file *at,
			      struct pga_error *error);

/* The names of the services that have such a drop-in, pganchor's or not; way is one of the last
 * two, root as for pga_activation_find(). Each ends in ".service". The caller frees the names and
 * the array, which is NULL where there are none. Returns -1 where that cannot be told. */
int pga_activation_units(enum pga_way way, const char *root, char ***names, size_t *count,
			 struct pga_error *error);

/* The name of a service's file, which ends in ".service". The caller frees it; NULL, with the error
 * filled, for a name that is no service's. */
char *pga_unit_name(const char *unit, struct pga_error *error);

/* Reads it and fills state. */
int pga_activation_look(struct pga_activation *file, struct pga_error *error);

/* Prepares the file with the lines that preload this value (pga_module_entry, and for a unit what
 * it preloads already; for PGA_WAY_MACHINE, PGA_DROPIN_DIRECTORY). Returns -1, with nothing
 * changed, for a file that cannot be written, or has lines of ours that somebody changed. */
int pga_activation_on(struct pga_activation *file, const char *preload, struct pga_error *error);

/* Prepares the file without the lines that pganchor wrote, however often: byte for byte as it would
 * be had they never been there. A file and directories that were made for them go too. With own,
 * the lines of another installation's module stay. */
int pga_activation_off(struct pga_activation *file, bool own, struct pga_error *error);

/* Does what was prepared of all of them, in this order, or nothing. Directories that were made for
 * a file which goes are removed in this order too, as far as they are empty. */
int pga_activation_apply(struct pga_activation *const *files, size_t count,
			 struct pga_error *error);

/* Takes back what pga_activation_apply() has done, in the other order: the files have the bytes
 * that they had. Returns -1, with the first that could not be, where one stays as it is. */
int pga_activation_take_back(struct pga_activation *files, size_t count, struct pga_error *error);

/* Whether the file is another than before pga_activation_apply(), which failed: it could not be
 * taken back. */
bool pga_activation_stays_changed(const struct pga_activation *file);

/* Forgets what was prepared and not applied, and frees all. Safe on one that is all zero. Ended in
 * the order that is the other way round than they were prepared, they leave no directory behind. */
void pga_activation_end(struct pga_activation *file);

#endif
