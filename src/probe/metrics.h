/* What was found out of servers, for Prometheus: its text format, with blackbox_exporter's names
 * where they mean the same. */
#ifndef PGA_PROBE_METRICS_H
#define PGA_PROBE_METRICS_H

#include "base/error.h"
#include "base/text.h"
#include "probe/fleet.h"
#include "probe/grade.h"
#include "probe/probe.h"

#include <stddef.h>

/* What is kept of one server: some numbers and labels, so that ten thousand of them are little. */
struct pga_metrics_row;

/* NULL for want of memory. May run in many threads at once. */
struct pga_metrics_row *pga_metrics_row(const struct pga_fleet_server *server,
					const struct pga_probe *probe,
					const struct pga_grade *grade);
void pga_metrics_row_free(struct pga_metrics_row *row);

/* Adds the rows as a document: what each metric is, and under that its value for every server. */
void pga_metrics_add(struct pga_text *text, struct pga_metrics_row *const *rows, size_t count);

#endif
