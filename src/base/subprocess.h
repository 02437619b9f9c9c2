/* Small programs that a command runs to ask something: a shell is never in between. */
#ifndef PGA_BASE_SUBPROCESS_H
#define PGA_BASE_SUBPROCESS_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* What a program said, and how it ended. */
struct pga_subprocess {
	struct pga_text output; /* its standard output */
	struct pga_text errors; /* its standard error */
	int status;             /* its exit status; 128 + N where signal N ended it */
	bool late;              /* it had not ended when its time was up, and was killed */
};

/* How long a program that is asked something may take. */
#define PGA_SUBPROCESS_SECONDS 30

/* Runs argv[0] (looked for in PATH where it has no slash) to its end, with nothing to read.
 * preload, if not NULL, is its LD_PRELOAD in the place of ours. Returns -1 where it cannot be
 * started, its end cannot be learnt, it says more than PGA_FILE_LIMIT bytes, or it did not end in
 * PGA_SUBPROCESS_SECONDS; child is to be freed all the same. Whether this process
 * ignores SIGCHLD does not matter. */
int pga_subprocess_run(const char *const *argv, const char *preload, struct pga_subprocess *child,
		       struct pga_error *error);

/* The same with another limit, in seconds. A program that is over it is killed. */
int pga_subprocess_run_for(unsigned seconds, const char *const *argv, const char *preload,
			   struct pga_subprocess *child, struct pga_error *error);

/* The same for a program that starts others: all of them are killed where it is over its limit, and
 * get SIGTERM where somebody ends this process meanwhile (SIGHUP, SIGINT, SIGQUIT, SIGTERM). Not by
 * several threads at once. */
int pga_subprocess_run_group(unsigned seconds, const char *const *argv,
			     struct pga_subprocess *child, struct pga_error *error);

/* Takes some bytes of what a program says, as they come. Returns false for no more of them: the
 * program is killed then. */
typedef bool pga_subprocess_take(void *context, const char *bytes, size_t length);

/* Runs a program whose output may be of any length: it is handed to take. The limit, in seconds, is
 * for its silence. Returns -1 as pga_subprocess_run does, and where take wanted no more. */
int pga_subprocess_stream(unsigned seconds, const char *const *argv, pga_subprocess_take *take,
			  void *context, struct pga_subprocess *child, struct pga_error *error);

void pga_subprocess_free(struct pga_subprocess *child);

#endif
