/* A question to the person at the terminal. It is asked on the terminal itself, as ssh does,
 * whatever standard input is. */
#ifndef PGA_CLI_QUESTION_H
#define PGA_CLI_QUESTION_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Opened to be read, too, which makes no file of this name where there is none. */
#define PGA_TERMINAL "/dev/tty"

struct pga_question {
	FILE *out;        /* for what is to be read before the answer */
	int in;           /* this module's own */
	const char *hint; /* what else can be done; outlives it */
};

/* A line that was typed. */
struct pga_answer {
	char text[256];
	size_t length;
	bool ended; /* with Enter */
	bool whole; /* it ended with Enter, fits, and holds no NUL */
};

/* Whether there is a terminal to ask on. */
bool pga_question_possible(void);

/* Returns -1 with the hint where there is none. */
int pga_question_begin(struct pga_question *question, const char *hint, struct pga_error *error);

/* Asks, and reads a line. What was typed before is thrown away: a yes to what has not been seen is
 * no yes. Returns -1 where it could not ask; whatever is typed is an answer. */
int pga_question_ask(struct pga_question *question, const char *text, struct pga_answer *answer,
		     struct pga_error *error);

/* Asks for a yes, and ends the question, whatever the answer. Returns -1 where it could not ask,
 * and unless yes was typed: with the error that nothing was changed. */
int pga_question_confirm(struct pga_question *question, const char *text, struct pga_error *error);

void pga_question_end(struct pga_question *question);

#endif
