/* Changes by data directory and by service are recorded apart, and each is undone as it was made.
 */
#ifndef PGA_SERVER_OTHER_WAY_H
#define PGA_SERVER_OTHER_WAY_H

#include "server/change.h"

/* Where nothing is to be undone by this way: sets work->record.other or work->other_file, where
 * something is recorded by another one. What cannot be looked at is none. */
void pga_server_find_other_way(struct pga_server_work *work);

#endif
