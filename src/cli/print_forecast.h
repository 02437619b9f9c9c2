/* What a forecast tells: as a table, as JSON, as a calendar. */
#ifndef PGA_CLI_PRINT_FORECAST_H
#define PGA_CLI_PRINT_FORECAST_H

#include "base/error.h"
#include "diagnose/forecast.h"

/* What was asked, for the report. */
struct pga_forecast_told {
	const struct pga_forecast *forecast;
	const struct pga_pins *pins;
	const struct pga_root_changes *changes;
	long days;
};

/* Returns -1 for want of memory. */
int pga_print_forecast(const struct pga_forecast_told *told, struct pga_error *error);
int pga_print_forecast_calendar(const struct pga_forecast_told *told, struct pga_error *error);

/* Returns the exit status. */
int pga_print_forecast_json(const struct pga_forecast_told *told, int status);

/* "prod (db.example.com:5432)", or the name alone where there is no host. */
void pga_forecast_add_server(struct pga_text *text, const struct pga_forecast_server *server);

/* How many whole days are left until the end; less than none where it is past. */
long pga_forecast_days_left(const struct pga_forecast *forecast, const struct pga_end *end);

/* "root CN=Company Root CA", or what it is where it is about no certificate. */
void pga_forecast_add_what(struct pga_text *text, const struct pga_end *end);

#endif
