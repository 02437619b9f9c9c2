/* Moments as people read them. */
#ifndef PGA_REPORT_MOMENT_H
#define PGA_REPORT_MOMENT_H

#include <stdbool.h>
#include <time.h>

enum { PGA_MOMENT = 32 }; /* room for one */

/* Writes it as "2026-11-27 18:20:03" of the reader's time zone, or as "2026-11-27T18:20:03Z"; ""
 * where it is no moment of a calendar. */
void pga_moment(time_t when, bool utc, char text[PGA_MOMENT]);

#endif
