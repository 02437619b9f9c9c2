/* What the commands print: colour only on a terminal, and texts of strangers made safe to look at.
 */
#ifndef PGA_BASE_TERMINAL_H
#define PGA_BASE_TERMINAL_H

#include "base/error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum pga_colour { PGA_PLAIN, PGA_BOLD, PGA_RED, PGA_GREEN, PGA_YELLOW };

/* The sequence that starts the colour on this stream, "" where the stream is no terminal, TERM is
 * dumb or NO_COLOR is set (no-color.org: and not empty). PGA_PLAIN ends what was started. */
const char *pga_colour(FILE *stream, enum pga_colour colour);

/* As fprintf(), but whatever could steer a terminal is made harmless as by pga_printable(), except
 * line ends, tabs and what pga_colour() gave. For whatever quotes a text that is not our own: a
 * path, a word of the command line, what a server said. */
void pga_print(FILE *stream, const char *format, ...) __attribute__((format(printf, 2, 3)));
void pga_vprint(FILE *stream, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

/* Prints "pganchor: WHAT: WHY" and the hint to stderr, the user's home as ~ (base/home_text.h).
 * What a message quotes is made printable as by pga_printable(); the lines that it has stay. */
void pga_print_error(const struct pga_error *error);

/* Prints "pganchor: warning: ..." to stderr, likewise. */
void pga_print_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* All of them so far, each on a line of its own, for a report that is read by a program. It belongs
 * to this function, up to the next warning. */
const char *pga_warnings(void);

/* A copy of a text from outside (a certificate's subject, a server's answer), made safe to look at
 * as by pga_text_add_printable(). The caller frees it; NULL when memory ran out. */
char *pga_printable(const char *text);

#endif
