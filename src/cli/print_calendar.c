#include "base/terminal.h"
#include "cli/print_forecast.h"
#include "report/calendar.h"

#include <openssl/evp.h>

/* What the end is of, but not when it was looked at: what was imported before is replaced, and not
 * there twice. */
static int add_uid(struct pga_text *uid, const struct pga_forecast_server *server,
		   const struct pga_end *end)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char hex[EVP_MAX_MD_SIZE * 2 + 1];
	struct pga_text what = PGA_TEXT_EMPTY;
	unsigned length = 0;
	int result = -1;

	pga_text_addf(&what, "%s\n%s\n%s\n%s\n%s\n%s", server->service, server->host, server->port,
		      pga_end_kind_word(end->kind), end->id, end->reason);
	if (!what.failed && EVP_Digest(pga_text_string(&what), what.length, digest, &length,
				       EVP_sha256(), NULL) == 1) {
		/* Half of it tells them apart. */
		pga_hex(digest, length / 2, hex);
		pga_text_addf(uid, "%s@pganchor", hex);
		result = 0;
	}
	pga_text_free(&what);
	return result;
}

static void add_words(const struct pga_forecast *forecast, const struct pga_end *end,
		      struct pga_text *summary, struct pga_text *description)
{
	const struct pga_forecast_server *server = &forecast->servers[end->server];

	pga_text_addf(summary, "%s %s: ", server->service,
		      end->behind    ? "is stopped by this, too"
		      : end->assumed ? "may stop"
				     : "stops");
	pga_forecast_add_what(summary, end);
	pga_forecast_add_server(description, server);
	pga_text_addf(description, ": %s\n", end->reason);
	pga_forecast_add_what(description, end);
	if (end->id[0] != '\0')
		pga_text_addf(description, "\nSHA-256 %s", end->id);
	pga_text_addf(description, "\nrenewing the server's certificate %s",
		      end->new_leaf ? "helps" : "does not help");
	if (end->assumed)
		pga_text_add(description, "\nthe server was not reached: so it is if its chain "
					  "ends in this root");
}

static void add_event(const struct pga_forecast *forecast, const struct pga_end *end,
		      struct pga_text *calendar)
{
	struct pga_text uid = PGA_TEXT_EMPTY;
	struct pga_text summary = PGA_TEXT_EMPTY;
	struct pga_text description = PGA_TEXT_EMPTY;

	if (add_uid(&uid, &forecast->servers[end->server], end) != 0)
		calendar->failed = true;
	add_words(forecast, end, &summary, &description);
	pga_calendar_add(calendar,
			 &(const struct pga_event){.uid = pga_text_string(&uid),
						   .at = end->at,
						   .summary = pga_text_string(&summary),
						   .description = pga_text_string(&description)},
			 forecast->now);
	calendar->failed = calendar->failed || uid.failed || summary.failed || description.failed;
	pga_text_free(&uid);
	pga_text_free(&summary);
	pga_text_free(&description);
}

int pga_print_forecast_calendar(const struct pga_forecast_told *told, struct pga_error *error)
{
	struct pga_text calendar = PGA_TEXT_EMPTY;
	int result = 0;

	pga_calendar_begin(&calendar);
	for (size_t i = 0; i < told->forecast->ends.count; i++)
		add_event(told->forecast, &told->forecast->ends.list[i], &calendar);
	pga_calendar_end(&calendar);
	if (calendar.failed)
		result = pga_fail_memory(error);
	else
		(void)fputs(pga_text_string(&calendar), stdout);
	pga_text_free(&calendar);
	return result;
}
