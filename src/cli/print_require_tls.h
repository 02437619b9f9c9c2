/* What server require-tls is going to do, and whom that meets. */
#ifndef PGA_CLI_PRINT_REQUIRE_TLS_H
#define PGA_CLI_PRINT_REQUIRE_TLS_H

#include "base/error.h"
#include "server/require.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* Returns -1 for want of memory. */
int pga_print_require_plan(FILE *stream, const struct pga_requiring *requiring,
			   struct pga_error *error);

/* The lines that change, or those that are weak. Like the next ones, what the caller owns. */
json_t *pga_require_rules_as_json(const struct pga_requiring *requiring, bool weak);
/* The files that were changed since the server has loaded them. */
json_t *pga_require_unloaded_as_json(const struct pga_requiring *requiring);
json_t *pga_require_locked_out_as_json(const struct pga_requiring *requiring);
json_t *pga_require_shut_out_as_json(const struct pga_requiring *requiring);

#endif
