/* passwords.conf, the index of what the keyring holds, as people change it. */
#ifndef PGA_PASSWORD_INDEX_H
#define PGA_PASSWORD_INDEX_H

#include "base/error.h"
#include "policy/passwords.h"

#include <stddef.h>

/* The index of the entries as it is now; to be freed in any case. */
int pga_index_read(struct pga_passwords *index, struct pga_error *error);

/* Has the line of an entry in the index: behind the others, or before the first one that is for all
 * that it is for, and more; unless it is there already. */
int pga_index_add(const struct pga_password_entry *entry, struct pga_error *error);

/* Takes all lines of an entry out of it. */
int pga_index_remove(const struct pga_password_entry *entry, struct pga_error *error);

/* The first entry before this one by which some connection that it is for is served; NULL where
 * there is none. */
const struct pga_password_entry *pga_index_first(const struct pga_passwords *index,
						 const struct pga_password_entry *entry);

/* The same entry among those of a list; NULL where there is none. */
const struct pga_password_entry *pga_index_find(const struct pga_passwords *index,
						const struct pga_password_entry *entry);

#endif
