#include "cert/metrics.h"

#include "anchor/crls.h"

#include <stdbool.h>
#include <string.h>

/* Units are seconds, as Prometheus has it. */
static const struct {
	const char *name;
	const char *help;
} families[PGA_CERT_METRICS] = {
    [PGA_CERT_METRIC_NOT_AFTER] = {"pganchor_certificate_not_after_timestamp_seconds",
				   "When the certificate ends, in unix time."},
    [PGA_CERT_METRIC_DUE] = {"pganchor_certificate_renewal_due_timestamp_seconds",
			     "When it is to be renewed, in unix time."},
    [PGA_CERT_METRIC_BROKEN] = {"pganchor_certificate_broken",
				"Whether it cannot be used: expired, or not its key's, or a mode "
				"that libpq or the server refuses."},
    [PGA_CERT_METRIC_FAILURES] = {"pganchor_certificate_renewal_failures",
				  "How often in a row it could not be renewed."},
    [PGA_CERT_METRIC_RENEWED] = {"pganchor_certificate_renewed_timestamp_seconds",
				 "When it came from its CA, in unix time."},
};

void pga_cert_metrics_add_help(struct pga_text *text, enum pga_cert_metric metric)
{
	pga_text_addf(text, "# HELP %s %s\n# TYPE %s gauge\n", families[metric].name,
		      families[metric].help, families[metric].name);
}

/* Whether there is a value. */
static bool value_of(enum pga_cert_metric metric, const struct pga_cert_record *record,
		     const struct pga_cert_state *state, long long *value)
{
	switch (metric) {
	case PGA_CERT_METRIC_NOT_AFTER:
		*value = (long long)state->to;
		return state->to != 0;
	case PGA_CERT_METRIC_DUE:
		*value = (long long)state->due;
		return state->to != 0;
	case PGA_CERT_METRIC_BROKEN:
		*value = state->standing == PGA_CERT_BROKEN;
		return true;
	case PGA_CERT_METRIC_FAILURES:
		*value = record->failures;
		return true;
	case PGA_CERT_METRIC_RENEWED:
		*value = record->renewed[0] != '\0' ? (long long)pga_crl_time(record->renewed) : 0;
		return record->renewed[0] != '\0';
	case PGA_CERT_METRICS:
		break;
	}
	return false;
}

void pga_cert_metrics_add(struct pga_text *text, enum pga_cert_metric metric,
			  const struct pga_cert_record *record, const struct pga_cert_state *state)
{
	long long value;

	/* A name needs no escaping. */
	if (value_of(metric, record, state, &value))
		pga_text_addf(text, "%s{name=\"%s\",use=\"%s\"} %lld\n", families[metric].name,
			      record->name, record->server ? "server" : "client", value);
}
