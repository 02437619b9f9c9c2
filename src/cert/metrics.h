/* One's own certificates, for Prometheus: its text format. */
#ifndef PGA_CERT_METRICS_H
#define PGA_CERT_METRICS_H

#include "base/text.h"
#include "cert/record.h"
#include "cert/state.h"

enum pga_cert_metric {
	PGA_CERT_METRIC_NOT_AFTER,
	PGA_CERT_METRIC_DUE,
	PGA_CERT_METRIC_BROKEN,
	PGA_CERT_METRIC_FAILURES,
	PGA_CERT_METRIC_RENEWED,
	PGA_CERT_METRICS,
};

/* What the metric is, once, above its values. */
void pga_cert_metrics_add_help(struct pga_text *text, enum pga_cert_metric metric);

/* Its value for this certificate; no line where there is none. */
void pga_cert_metrics_add(struct pga_text *text, enum pga_cert_metric metric,
			  const struct pga_cert_record *record, const struct pga_cert_state *state);

#endif
