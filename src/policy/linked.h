/* The libpq that the tool itself is linked with. Not for the gate, which must need no libpq. */
#ifndef PGA_POLICY_LINKED_H
#define PGA_POLICY_LINKED_H

#include "base/error.h"
#include "policy/libpq.h"

#include <stdbool.h>
#include <stddef.h>

/* For questions alone: they reach libpq itself, past a gate that stands before it (own_libpq.c). A
 * connection is made by libpq's functions by their names. */
extern const struct pga_libpq pga_linked_libpq;

/* libpq's own functions among those that the gate stands before. */
struct pga_own_libpq {
	PGA_LIBPQ_FIELD(PQconnectStartParams)
	PGA_LIBPQ_FIELD(PQerrorMessage)
};

/* Finds them: what the tool is linked with, and where that is another object's than PQconninfo, the
 * first loaded object that defines all that a libpq does. Opens no file where nothing stands before
 * libpq. Where no libpq can be found so, they are what the tool is linked with. */
void pga_own_libpq(struct pga_own_libpq *own);

/* The file of the libpq that the tool is linked with; "libpq.so.5" where that cannot be told. */
const char *pga_linked_libpq_path(void);

/* Its version, 150018 for 15.18. */
int pga_linked_libpq_version(void);

/* Whether it has a setting of this name. */
bool pga_linked_libpq_knows(const char *keyword);

/* The home directory in which this libpq looks for .postgresql/root.crt and .pg_service.conf:
 * $HOME, or in libpq 14 and older the password file's. libpq is asked (its default of passfile is
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
