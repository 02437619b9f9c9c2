/* What pganchor probe says of many servers: a line each as they come, and what all come to. */
#ifndef PGA_CLI_PRINT_PROBE_MANY_H
#define PGA_CLI_PRINT_PROBE_MANY_H

#include "base/error.h"
#include "probe/fleet.h"
#include "probe/grade.h"
#include "probe/metrics.h"
#include "probe/probe.h"

#include <stdbool.h>
#include <stddef.h>

/* What is kept of a server between its probe and its line. */
struct pga_probe_line {
	char letter;                 /* its grade */
	int status;                  /* the exit status that it would have alone */
	bool dated;                  /* left says something */
	time_t left;                 /* seconds until the first certificate of its chain ends */
	char *why;                   /* in a line, printable; "" */
	char *json;                  /* the object, in a line; NULL where none is wanted */
	struct pga_metrics_row *row; /* likewise */
};

/* May run in many threads at once. NULL for want of memory. */
struct pga_probe_line *pga_probe_line(const struct pga_fleet_server *server,
				      const struct pga_probe *probe, bool json, bool metrics);
void pga_probe_line_free(struct pga_probe_line *line);

/* The report while it is printed. Starts all zero but for the first two. */
struct pga_probe_report {
	const struct pga_fleet *fleet;
	enum { PGA_PROBE_TEXT, PGA_PROBE_JSON, PGA_PROBE_SILENT } form;

	/* What follows is this module's own. */
	size_t width[2]; /* of the servers and of the services */
	size_t shown;
	size_t grades['Z' + 1];
	int status;
	const struct pga_fleet_server *worst;
	char worst_letter;
	char *worst_why;
};

void pga_probe_report_begin(struct pga_probe_report *report);

/* Prints the line, and flushes it. */
void pga_probe_report_add(struct pga_probe_report *report, const struct pga_fleet_server *server,
			  struct pga_probe_line *line);

/* Prints what all come to; signalled: it was ended before all were probed. Returns the exit status:
 * that of the worst. */
int pga_probe_report_end(struct pga_probe_report *report, bool signalled);

#endif
