/* Units of systemd that pganchor writes: for the user's own, or as root for the machine's. */
#ifndef PGA_ANCHOR_UNITS_H
#define PGA_ANCHOR_UNITS_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>

/* Adds a word of a unit, in quotes (systemd.syntax(7), systemd.service(5)). dollar: "$" begins the
 * name of a variable there. */
void pga_unit_add_word(struct pga_text *unit, const char *word, bool dollar);

/* The program that runs, by its path; NULL with errno. The caller frees it. */
char *pga_unit_program(void);

/* Adds, as Environment=, which files this process has been told to look at: systemd need not have
 * what this shell has, and without it would look at another home's. */
void pga_unit_add_environment(struct pga_text *unit);

/* The path of a unit of this name, below the directory of the user's,
 * $XDG_CONFIG_HOME/systemd/user, or of the system's, SYSCONFDIR/systemd/system. NULL with the
 * reason; the caller frees it. */
char *pga_unit_path(bool system, const char *name, struct pga_error *error);

/* Runs systemctl, or systemctl --user, with these words. Returns what went wrong, which the caller
 * frees; NULL: nothing. */
char *pga_systemctl(bool system, const char *verb, const char *unit);

/* What systemctl enable and disable do: a link to the unit, in a directory that has the owner of
 * the unit's, and goes where nothing is left in it. */
int pga_unit_link(const char *unit, const char *link, struct pga_error *error);
int pga_unit_unlink(const char *link, struct pga_error *error);

#endif
