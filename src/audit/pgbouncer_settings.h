/* What the lines of a pgbouncer.ini say, once they are told apart. */
#ifndef PGA_AUDIT_PGBOUNCER_SETTINGS_H
#define PGA_AUDIT_PGBOUNCER_SETTINGS_H

#include "audit/pgbouncer_file.h"

/* A copy that ends in NUL, for the caller to free; NULL where memory ran out, which the file then
 * says of itself. */
char *pga_pgbouncer_copy(struct pga_pgbouncer *ini, const char *bytes, size_t length);

/* [pgbouncer] begins: all settings are the defaults again, and what was set is lost. */
void pga_pgbouncer_begin_anew(struct pga_pgbouncer *ini);

/* Takes a setting of [pgbouncer], or an entry of [databases], that stands there. Returns what is
 * wrong with it, and NULL where nothing is; nothing of the file is in that. Where memory runs out,
 * the file says so of itself. */
const char *pga_pgbouncer_take_setting(struct pga_pgbouncer *ini,
				       const struct pga_pgbouncer_place *at, const char *name,
				       size_t length, const char *value, size_t value_length);
const char *pga_pgbouncer_add_database(struct pga_pgbouncer *ini,
				       const struct pga_pgbouncer_place *at, const char *name,
				       size_t length, const char *value, size_t value_length);

#endif
