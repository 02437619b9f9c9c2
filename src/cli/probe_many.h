/* pganchor probe of many servers at once: what --all, --file, --metrics and --listen do. */
#ifndef PGA_CLI_PROBE_MANY_H
#define PGA_CLI_PROBE_MANY_H

#include "base/error.h"
#include "policy/pins.h"
#include "cli/cmd_service.h"
#include "probe/fleet.h"
#include "probe/probe.h"

#include <stdbool.h>
#include <stddef.h>

/* What the command line says. */
struct pga_probe_asked {
	bool all;            /* every service */
	const char *file;    /* a list of targets; "-": the standard input; NULL: none */
	const char *word;    /* one target; NULL: none */
	const char *only;    /* of all of these, the one of this name; NULL: all */
	const char *metrics; /* the file for Prometheus; "-": the standard output; NULL: none */
	const char *listen;  /* the address to answer a scraper at; NULL: none */
	long jobs;           /* at once; 0: the usual number */
	bool json;
	struct pga_probe_limits limits;
};

/* The servers that are asked for, and what they are held against. Starts all zero. */
struct pga_probe_fleet {
	struct pga_found_services services;
	struct pga_pins pins;
	struct pga_probe_trusts trusts;
	struct pga_fleet fleet;
};

/* Finds them all. Returns -1 with the error, and the exit status where it is not that of a failure.
 * To be freed in either case. */
int pga_probe_fleet_find(const struct pga_probe_asked *asked, struct pga_probe_fleet *found,
			 int *status, struct pga_error *error);
void pga_probe_fleet_free(struct pga_probe_fleet *found);

/* Probes them, and reports as is asked for. Returns the exit status. */
int pga_probe_many(const struct pga_probe_asked *asked);

/* Answers a scraper, and does not end before a signal comes. Returns the exit status. */
int pga_probe_listen(const struct pga_probe_asked *asked);

#endif
