/* The libpq that the tool itself is linked with. Not for the gate, which must need no libpq. */
#ifndef PGA_POLICY_LINKED_H
#define PGA_POLICY_LINKED_H

#include "base/error.h"
#include "policy/libpq.h"

#include <stddef.h>

extern const struct pga_libpq pga_linked_libpq;

/* The file of the libpq that the tool is linked with; "libpq.so.5" where that cannot be told. */
const char *pga_linked_libpq_path(void);

/* Its version, 150018 for 15.18. */
int pga_linked_libpq_version(void);

/* The home folder in which this libpq looks for .postgresql/root.crt and .pg_service.conf: $HOME,
 * or in libpq 14 and older the password file's. libpq is asked (its default of passfile is
 * ~/.pgpass). The caller frees it; NULL, with the error filled, when libpq finds none. */
char *pga_libpq_home(struct pga_error *error);

/* The variables of the environment that stand for settings (PGHOST, PGSSLMODE, …), while they are
 * hidden. */
struct pga_hidden_environment {
	char **names;
	char **values;
	size_t count;
};

/* Takes every variable that libpq reads a setting from out of the environment, so that what is
 * asked of libpq then is answered from the conninfo and the service file alone. PGSERVICEFILE and
 * PGSYSCONFDIR stay: they say where the files are. Not for a process with threads. Returns -1 for
 * want of memory, with nothing hidden. */
int pga_hide_environment(struct pga_hidden_environment *hidden);

/* Puts back what was hidden. */
void pga_restore_environment(struct pga_hidden_environment *hidden);

#endif
