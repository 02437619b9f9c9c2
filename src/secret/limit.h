/* The time that a request may take. */
#ifndef PGA_SECRET_LIMIT_H
#define PGA_SECRET_LIMIT_H

#include <gio/gio.h>

/* From now on the program ends with PGA_SECRET_LATE a while after PGA_SECRET_LIMIT, wherever it is:
 * for what pga_limit_start() does not end. */
void pga_limit_last_resort(void);

/* What is asked with this is cancelled after PGA_SECRET_LIMIT. It lives as long as the program;
 * only once. */
GCancellable *pga_limit_start(void);

/* From here on it takes as long as the user does. */
void pga_limit_lift(void);

#endif
