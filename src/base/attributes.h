/* The extended attributes of a file, access control lists and security labels among them. */
#ifndef PGA_BASE_ATTRIBUTES_H
#define PGA_BASE_ATTRIBUTES_H

#include "base/error.h"

/* Gives the new file `to` all that the old file `from` has, and no access control list that it has
 * not: a new file may have got one from its directory's. path: the old file's, for messages.
 * Returns -1 for one that cannot be kept. */
int pga_attributes_copy(int from, int to, const char *path, struct pga_error *error);

#endif
