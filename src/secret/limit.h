/* The time that a request may take. */
#ifndef PGA_SECRET_LIMIT_H
#define PGA_SECRET_LIMIT_H

#include <gio/gio.h>

/* From now on the program ends with PGA_SECRET_LATE a little after this time, wherever it is: for
 * what pga_limit_start() does not end. */
void pga_limit_last_resort(long milliseconds);

/* What is asked with this is cancelled after the time. It lives as long as the program; only once.
 */
GCancellable *pga_limit_start(long milliseconds);

/* From here on it takes as long as the user does. */
void pga_limit_lift(void);

#endif
