/* Whose files this process makes. */
#ifndef PGA_BASE_ACTING_H
#define PGA_BASE_ACTING_H

#include <stdbool.h>
#include <sys/types.h>

/* Root makes files in a directory of another user's as that user, from here to pga_act_as_self():
 * they belong to the user from the first instant, and root's power is not used there. For anybody
 * else, and in a directory of root's, it does nothing. Returns -1 with errno; the other leaves
 * errno as it is. */
int pga_act_as(uid_t owner, gid_t group);
void pga_act_as_self(void);

/* Who owns a file that is made between the two. */
uid_t pga_acting_user(uid_t owner);

/* Whether no user of this user namespace has the id: the kernel shows every owner from outside of
 * it as the same "nobody" (user_namespaces(7)), the machine's root too. */
bool pga_user_is_unmapped(uid_t user);

#endif
