/* One function over many items, several at once, in threads; what comes of them is handed over in
 * the order of the items, and so memory stays flat however many there are. */
#ifndef PGA_BASE_MANY_H
#define PGA_BASE_MANY_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* As many at once where nobody says: it is the answers of servers that take the time. */
#define PGA_MANY_JOBS      64
#define PGA_MANY_MOST_JOBS 512

/* Works on the item of this index, in some thread, where SIGINT and the like never arrive: nothing
 * of it may print, or touch what another item has. It has to end by itself, by a deadline of its
 * own. Sets *failed (false before) where the progress line is to count it as such. Returns what
 * came of it, for take; NULL is one, too. */
typedef void *pga_many_work(void *context, size_t index, bool *failed);

/* Takes what came of the item, and owns it; in the thread that has called pga_many_run(), the
 * indexes one after the other from 0. It may print. Returns -1 with the error to end it all. */
typedef int pga_many_take(void *context, size_t index, void *result, struct pga_error *error);

struct pga_many {
	size_t count;
	size_t jobs; /* at once, at most; 0: PGA_MANY_JOBS */
	pga_many_work *work;
	pga_many_take *take;
	void (*drop)(void *result); /* frees one that nobody takes; free() if NULL */
	void *context;
	const char *progress; /* "probing": a line on the standard error, where that is a terminal,
				 says "probing 312 of 1000, 3 failed"; NULL: none */
};

/* Returns 0 when all were taken; -1 with the error where take said so, or no thread could be begun.
 * Where SIGINT, SIGTERM or SIGHUP comes meanwhile, what is done of the first ones is handed over,
 * and the signal's number is returned: threads may then still be at work, on the context and what
 * it points to, and the process is to end by pga_many_end() without freeing that. */
int pga_many_run(const struct pga_many *many, struct pga_error *error);

/* Ends the process by the signal that pga_many_run() has returned, as whoever started it expects;
 * what was printed is flushed before. */
void pga_many_end(int signal_number) __attribute__((noreturn));

#endif
