/* How far back the log goes. */
#ifndef PGA_DIAGNOSE_LOG_BEGINS_H
#define PGA_DIAGNOSE_LOG_BEGINS_H

#include <time.h>

/* The moment of the oldest line that can be read as it is, of a log that is found as
 * pga_records_read() finds it; 0 where that cannot be told. To the day: a time zone that a line
 * names does not count. */
time_t pga_log_begins(const char *path);

#endif
