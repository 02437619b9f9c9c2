/* What a refresh has found that waits for a person: left as notices, and taken away once it is
 * settled. */
#ifndef PGA_DIAGNOSE_REFRESH_NOTICES_H
#define PGA_DIAGNOSE_REFRESH_NOTICES_H

#include "anchor/refresh.h"
#include "diagnose/going_roots.h"

#include <stddef.h>

/* Leaves and settles the notices of all anchors whose sources were asked. That it cannot is warned
 * of. Returns how many things wait. */
size_t pga_refresh_leave_notices(const struct pga_refresh *refresh,
				 const struct pga_going_roots *going);

/* How many things wait for a person; nothing is written. */
size_t pga_refresh_waiting(const struct pga_refresh *refresh, const struct pga_going_roots *going);

#endif
