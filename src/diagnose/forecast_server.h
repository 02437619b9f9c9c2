/* The servers of one entry, in a forecast. */
#ifndef PGA_DIAGNOSE_FORECAST_SERVER_H
#define PGA_DIAGNOSE_FORECAST_SERVER_H

#include "diagnose/forecast.h"
#include "policy/effective.h"
#include "service/check.h"

/* What is being made, and of which entry. */
struct pga_forecasting {
	const struct pga_forecast_question *question;
	struct pga_forecast *forecast;
	struct pga_roots roots;
	const char *service;
	struct pga_effective effective;
	struct pga_trusted trusted;
};

/* Adds a server to the forecast; why may be NULL. NULL for want of memory. */
struct pga_forecast_server *pga_forecast_add(const struct pga_forecasting *making, const char *host,
					     const char *port, enum pga_seen seen, const char *why);

/* Adds what there is to tell of each host of the entry, by what came of the handshakes. Returns -1
 * for want of memory. */
int pga_forecast_servers(struct pga_forecasting *making, const struct pga_check *check,
			 struct pga_error *error);

#endif
