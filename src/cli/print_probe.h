/* What a probe has found out, for people and for programs. */
#ifndef PGA_CLI_PRINT_PROBE_H
#define PGA_CLI_PRINT_PROBE_H

#include "probe/grade.h"
#include "probe/probe.h"

#include <jansson.h>

#include <stdbool.h>

/* One server, in lines of 80 columns. Returns -1 for want of memory. */
int pga_print_probe(const struct pga_probe_target *target, const struct pga_probe *probe,
		    const struct pga_grade *grade, struct pga_error *error);

/* The same as an object; NULL for want of memory. */
json_t *pga_probe_as_json(const struct pga_probe_target *target, const struct pga_probe *probe,
			  const struct pga_grade *grade);

/* The exit status of a probe: verified, weaker, or no answer. */
int pga_probe_status(const struct pga_probe *probe);

#endif
