/* What a change of a server comes to, before it is made: what was checked, what to be aware of, and
 * its steps in their order. The same lines are shown by a dry run and before the change. */
#ifndef PGA_SERVER_PLAN_H
#define PGA_SERVER_PLAN_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum pga_plan_kind {
	PGA_PLAN_CHECKED, /* was looked at, and is as it should be */
	PGA_PLAN_WARNING, /* what it costs, or what nobody could look at */
	PGA_PLAN_STEP,    /* what is done, in this order */
};

/* Texts are one line each, which may quote the server: print them through pga_print(). */
struct pga_plan_line {
	enum pga_plan_kind kind;
	char *text;
	char *detail; /* NULL: none */
};

/* A list that grows, all zero while it is empty. Running out of memory is remembered in `failed`.
 */
struct pga_server_plan {
	struct pga_plan_line *list;
	size_t count;
	bool failed;
};

/* The word for a kind: "checked", "warning", "step". */
const char *pga_plan_word(enum pga_plan_kind kind);

/* Adds a line, which is copied. */
void pga_plan_add(struct pga_server_plan *plan, enum pga_plan_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Gives the line that was added last its detail. */
void pga_plan_detail(struct pga_server_plan *plan, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Returns -1 for want of memory in any of the steps. */
int pga_plan_check(const struct pga_server_plan *plan, struct pga_error *error);

void pga_plan_free(struct pga_server_plan *plan);

#endif
