/* One way of saying what went wrong, used by every directory: the callee fills a pga_error and
 * returns -1 (or NULL); the command prints it as "pganchor: WHAT: WHY" and, on a second line, the
 * hint. */
#ifndef PGA_BASE_ERROR_H
#define PGA_BASE_ERROR_H

struct pga_error {
	char message[1024]; /* "WHAT: WHY", no newline at the end */
	char hint[512];     /* what the user can do about it; empty where there is nothing to say */
};

/* Fills error with the formatted message and the hint (NULL for none). What is too long is cut
 * behind a whole character, and ends in "...". Returns -1, so that a caller can write `return
 * pga_fail(...)`. */
int pga_fail(struct pga_error *error, const char *hint, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As pga_fail for a failed system call: "WHAT: " and the text of errno, which is there however long
 * WHAT is. */
int pga_fail_errno(struct pga_error *error, const char *hint, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "out of memory", with no hint. Returns -1. */
int pga_fail_memory(struct pga_error *error);

#endif
