/* Calls of the C library that fail as they do on a machine that has run out of something: the
 * linker leads those of our own objects here (--wrap). */
#ifndef PGA_TESTS_UNIT_FAILING_CALLS_H
#define PGA_TESTS_UNIT_FAILING_CALLS_H

#include "base/text.h"

#include <stdbool.h>
#include <time.h>

/* From now on the call of this name fails with this errno when it is made for the number'th time,
 * from 1; and with times more than 1, so many times on end. close() closes all the same. */
void fail_call(const char *name, unsigned number, unsigned times, int code);

/* All calls work again. Returns whether the one that was to fail has been made. */
bool end_failing(void);

/* Something happens before the number'th call of this name. */
void call_before(const char *name, unsigned number, void (*happens)(void));

/* From now on the number'th descriptor that is opened is 0, which has to be free. */
void give_zero(unsigned number);

/* From now on reads and writes move one byte, every other one is interrupted
 * before that, and some writes move none. */
void transfer_slowly(bool slowly);

/* A line for each call that is about a file's name, its mode or the disk is added to the text. NULL
 * ends that. */
void trace_calls(struct pga_text *into);

/* The time of day stays what it is in so many seconds. */
void stop_clock(time_t ahead);

/* All files seem to have been changed at that instant, as where a file system counts no better. */
void stop_times(bool stop);

/* Whoever looks at a clock twice sees that so many seconds have gone by. 0: as they do. */
void hurry_clock(time_t seconds);

/* The same, in thousandths of a second, by a clock that begins with a whole one. */
void hurry_clock_a_little(long milliseconds);

/* How many names a directory has, without "." and "..". */
size_t names_in(const char *path);

#endif
