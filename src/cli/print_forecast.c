#include "cli/print_forecast.h"

#include "base/terminal.h"
#include "report/json.h"
#include "report/moment.h"
#include "report/table.h"
#include "report/text.h"
#include "tls/certificate.h"

#include <stdlib.h>
#include <string.h>

enum column { WHEN, DAYS, SERVICE, WHAT, NEW_LEAF, COLUMNS };

/* So that all of them fit 80 columns. */
#define LONGEST_SERVICE 15
#define LONGEST_WHAT    25

#define SECONDS_A_DAY 86400

void pga_forecast_add_server(struct pga_text *text, const struct pga_forecast_server *server)
{
	pga_text_add(text, server->service);
	if (server->host[0] != '\0')
		pga_text_addf(text, " (%s%s%s)", server->host, server->port[0] != '\0' ? ":" : "",
			      server->port);
}

long pga_forecast_days_left(const struct pga_forecast *forecast, const struct pga_end *end)
{
	const time_t left = end->at - forecast->now;

	return (long)(left >= 0 ? left / SECONDS_A_DAY
				: -((-left + SECONDS_A_DAY - 1) / SECONDS_A_DAY));
}

void pga_forecast_add_what(struct pga_text *text, const struct pga_end *end)
{
	static const char *const words[] = {
	    [PGA_END_LEAF] = "leaf",
	    [PGA_END_INTERMEDIATE] = "intermediate",
	    [PGA_END_ROOT] = "root",
	    [PGA_END_CRL] = "CRL of",
	    [PGA_END_NO_ROOT] = "no trusted root",
	    [PGA_END_NOT_PINNED] = "not pinned:",
	    [PGA_END_REFUSED] = "refused",
	};

	pga_text_add(text, words[end->kind]);
	if (end->subject[0] != '\0' && end->kind != PGA_END_NO_ROOT && end->kind != PGA_END_REFUSED)
		pga_text_addf(text, " %s", end->subject);
}

/* Cut at so many characters, which a terminal shows in as many columns. */
static char *fitting(const char *text, size_t most)
{
	char *printable = pga_printable(text);
	struct pga_text cut = PGA_TEXT_EMPTY;
	size_t bytes = 0;
	size_t characters = 0;

	if (printable == NULL)
		return NULL;
	for (; printable[bytes] != '\0' && characters <= most; bytes++)
		characters += ((unsigned char)printable[bytes + 1] & 0xC0) != 0x80;
	if (printable[bytes] == '\0' && characters <= most) {
		pga_text_add(&cut, printable);
	} else {
		for (bytes = 0, characters = 0; characters < most - 3; bytes++)
			characters += ((unsigned char)printable[bytes + 1] & 0xC0) != 0x80;
		pga_text_add_bytes(&cut, printable, bytes);
		pga_text_add(&cut, "...");
	}
	free(printable);
	return pga_text_take(&cut);
}

static char *days_cell(const struct pga_forecast *forecast, const struct pga_end *end)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	if (end->at <= forecast->now)
		pga_text_add(&text, "over");
	else
		pga_text_addf(&text, "%ld", pga_forecast_days_left(forecast, end));
	return pga_text_take(&text);
}

static char *moment_cell(time_t when)
{
	char text[PGA_MOMENT];

	pga_moment(when, false, text);
	/* Without the seconds. */
	return strndup(text, strlen("2026-11-27 18:20"));
}

static int fill(char **cells, const struct pga_forecast *forecast, const struct pga_end *end)
{
	struct pga_text what = PGA_TEXT_EMPTY;
	bool complete = true;

	pga_forecast_add_what(&what, end);
	cells[WHEN] = moment_cell(end->at);
	cells[DAYS] = days_cell(forecast, end);
	cells[SERVICE] = fitting(forecast->servers[end->server].service, LONGEST_SERVICE);
	cells[WHAT] = fitting(pga_text_string(&what), LONGEST_WHAT);
	cells[NEW_LEAF] = strdup(end->new_leaf ? "helps" : "no");
	pga_text_free(&what);
	for (size_t i = 0; i < COLUMNS; i++)
		complete = complete && cells[i] != NULL;
	return complete ? 0 : -1;
}

static int print_table(const struct pga_forecast *forecast, struct pga_error *error)
{
	static const char *const heading[COLUMNS] = {"WHEN", "DAYS", "SERVICE", "WHAT ENDS",
						     "NEW LEAF"};
	const size_t count = forecast->ends.count;
	char **cells = calloc(count * COLUMNS, sizeof *cells);
	enum pga_colour *marks = calloc(count, sizeof *marks);
	int result = 0;

	if (cells == NULL || marks == NULL) {
		free(cells);
		free(marks);
		return pga_fail_memory(error);
	}
	for (size_t i = 0; result == 0 && i < count; i++) {
		const struct pga_end *end = &forecast->ends.list[i];

		marks[i] = end->at <= forecast->now ? PGA_RED
			   : end->behind            ? PGA_PLAIN
						    : PGA_YELLOW;
		if (fill(cells + i * COLUMNS, forecast, end) != 0)
			result = pga_fail_memory(error);
	}
	if (result == 0)
		pga_print_table(stdout, heading, (const char *const *)cells, COLUMNS, count, marks);
	pga_cells_free(cells, count * COLUMNS);
	free(marks);
	return result;
}

/* Whether they are told as one. */
static bool are_alike(const struct pga_end *one, const struct pga_end *other)
{
	return one->kind == other->kind && one->at == other->at && one->until == other->until &&
	       one->assumed == other->assumed && one->behind == other->behind &&
	       one->new_leaf == other->new_leaf && strcmp(one->id, other->id) == 0 &&
	       strcmp(one->subject, other->subject) == 0 && strcmp(one->reason, other->reason) == 0;
}

static bool is_told(const struct pga_ends *ends, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (are_alike(&ends->list[i], &ends->list[index]))
			return true;
	return false;
}

static const char *advice(const struct pga_end *end)
{
	if (end->new_leaf)
		return "a renewed certificate of the server's helps";
	switch (end->kind) {
	case PGA_END_LEAF:
		return "a renewed certificate of the server's is not enough: its CA's ends, too";
	case PGA_END_INTERMEDIATE:
		return "a renewed leaf does not help while its CA's own certificate ends: the CA "
		       "needs a new one, and the server has to show it";
	case PGA_END_ROOT:
		return "a renewed leaf does not help: the CA's new root has to be here before";
	case PGA_END_CRL:
		return "a renewed leaf does not help: the CA's next CRL has to be here before";
	case PGA_END_NO_ROOT:
	case PGA_END_NOT_PINNED:
	case PGA_END_REFUSED:
		break;
	}
	return "a renewed leaf does not help";
}

static void print_end(const struct pga_forecast *forecast, size_t index)
{
	const struct pga_end *end = &forecast->ends.list[index];
	struct pga_text what = PGA_TEXT_EMPTY;
	struct pga_text servers = PGA_TEXT_EMPTY;
	char when[PGA_MOMENT];

	pga_forecast_add_what(&what, end);
	for (size_t i = index; i < forecast->ends.count; i++) {
		if (!are_alike(&forecast->ends.list[i], end))
			continue;
		pga_text_add(&servers, servers.length > 0 ? ", " : "");
		pga_forecast_add_server(&servers,
					&forecast->servers[forecast->ends.list[i].server]);
	}
	pga_moment(end->at, false, when);
	pga_print(stdout, "\n%s, %s %s: %s\n", pga_text_string(&what),
		  end->at <= forecast->now ? "since" : "from", when, end->reason);
	if (end->id[0] != '\0')
		pga_print(stdout, "    SHA-256 %s\n", end->id);
	pga_print(stdout, "    %s%s%s\n",
		  end->behind ? "behind another end: " : "stops: ", pga_text_string(&servers),
		  end->assumed ? ", if its chain ends in this root: it was not reached" : "");
	if (end->until != 0) {
		pga_moment(end->until, false, when);
		pga_print(stdout, "    no hindrance any more from %s\n", when);
	}
	pga_print(stdout, "    %s\n", advice(end));
	pga_text_free(&what);
	pga_text_free(&servers);
}

/* What is to be said of one server. */
static void print_server(const struct pga_forecast_server *server, const char *words,
			 const char *why)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_forecast_add_server(&text, server);
	pga_print(stdout, "%s%s%s%s\n", words, pga_text_string(&text), why != NULL ? ": " : "",
		  why != NULL ? why : "");
	pga_text_free(&text);
}

static void print_rest(const struct pga_forecast_told *told)
{
	const struct pga_forecast *forecast = told->forecast;

	if (forecast->findings.count > 0)
		(void)putchar('\n');
	pga_print_findings(stdout, &forecast->findings, PGA_ABOUT_SERVERS);
	for (size_t i = 0; i < forecast->count; i++) {
		const struct pga_forecast_server *server = &forecast->servers[i];

		if (server->seen == PGA_LEFT_OUT)
			print_server(server, "left out: ", server->why);
		else if (server->system_roots)
			print_server(server, "by the system's store of roots: ", NULL);
	}
}

static size_t count_seen(const struct pga_forecast *forecast)
{
	size_t count = 0;

	for (size_t i = 0; i < forecast->count; i++)
		count += forecast->servers[i].seen != PGA_LEFT_OUT;
	return count;
}

int pga_print_forecast(const struct pga_forecast_told *told, struct pga_error *error)
{
	const struct pga_forecast *forecast = told->forecast;
	const size_t seen = count_seen(forecast);

	if (forecast->count == 0) {
		(void)puts("no services: \"pganchor service add NAME --host HOST\" writes one");
		return 0;
	}
	if (forecast->ends.count == 0) {
		(void)printf("nothing ends within %ld day%s: %zu server%s\n", told->days,
			     told->days == 1 ? "" : "s", seen, seen == 1 ? "" : "s");
	} else if (print_table(forecast, error) != 0) {
		return -1;
	}
	for (size_t i = 0; i < forecast->ends.count; i++)
		if (!is_told(&forecast->ends, i))
			print_end(forecast, i);
	print_rest(told);
	return 0;
}

static json_t *text_or_null(const char *text)
{
	return text != NULL && text[0] != '\0' ? pga_json_text(text) : json_null();
}

static json_t *moment_or_null(time_t when)
{
	char text[PGA_MOMENT];

	if (when == 0)
		return json_null();
	pga_moment(when, true, text);
	return json_string(text);
}

static json_t *port_or_null(const char *port)
{
	char *end;
	const long number = strtol(port, &end, 10);

	return port[0] != '\0' && *end == '\0' ? json_integer(number) : json_null();
}

static json_t *anchor_or_null(const struct pga_forecast_told *told, const struct pga_end *end)
{
	const struct pga_pin *pin =
	    end->kind == PGA_END_ROOT ? pga_pins_find(told->pins, end->id) : NULL;

	return pin != NULL ? pga_json_text(pin->name) : json_null();
}

static json_t *end_as_json(const struct pga_forecast_told *told, const struct pga_end *end)
{
	const struct pga_forecast_server *server = &told->forecast->servers[end->server];

	return json_pack(
	    "{s:o, s:I, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:b, s:b, s:b, s:b, s:o}", "at",
	    moment_or_null(end->at), "days_left",
	    (json_int_t)pga_forecast_days_left(told->forecast, end), "service",
	    pga_json_text(server->service), "host", text_or_null(server->host), "port",
	    port_or_null(server->port), "kind", pga_end_kind_word(end->kind), "subject",
	    text_or_null(end->subject), "sha256", text_or_null(end->id), "anchor",
	    anchor_or_null(told, end), "reason", pga_json_text(end->reason), "already",
	    (int)(end->at <= told->forecast->now), "behind", (int)end->behind, "assumed",
	    (int)end->assumed, "renewing_leaf_helps", (int)end->new_leaf, "until",
	    moment_or_null(end->until));
}

static json_t *ends_as_json(const struct pga_forecast_told *told)
{
	json_t *list = json_array();

	for (size_t i = 0; i < told->forecast->ends.count; i++)
		pga_json_add(list, end_as_json(told, &told->forecast->ends.list[i]));
	return list;
}

static json_t *servers_as_json(const struct pga_forecast *forecast)
{
	static const char *const words[] = {
	    [PGA_SEEN] = "seen", [PGA_NOT_REACHED] = "not-reached", [PGA_LEFT_OUT] = "left-out"};
	json_t *list = json_array();

	for (size_t i = 0; i < forecast->count; i++) {
		const struct pga_forecast_server *server = &forecast->servers[i];

		pga_json_add(
		    list, json_pack("{s:o, s:o, s:o, s:s, s:b, s:o}", "service",
				    pga_json_text(server->service), "host",
				    text_or_null(server->host), "port", port_or_null(server->port),
				    "state", words[server->seen], "system_roots",
				    (int)server->system_roots, "why", text_or_null(server->why)));
	}
	return list;
}

static json_t *without_as_json(const struct pga_root_changes *changes)
{
	json_t *list = json_array();

	for (size_t i = 0; i < changes->without_count; i++)
		pga_json_add(list, json_string(changes->without[i]));
	return list;
}

int pga_print_forecast_json(const struct pga_forecast_told *told, int status)
{
	const struct pga_forecast *forecast = told->forecast;
	json_t *with = json_array();

	for (int i = 0; i < sk_X509_num(told->changes->with); i++) {
		char pin[PGA_PIN_LENGTH + 1] = "";

		(void)pga_certificate_pin(sk_X509_value(told->changes->with, i), pin);
		pga_json_add(with, json_string(pin));
	}
	return pga_json_print(
	    json_pack("{s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o}", "from",
		      moment_or_null(forecast->now), "to", moment_or_null(forecast->last), "days",
		      (json_int_t)told->days, "without", without_as_json(told->changes), "with",
		      with, "servers", servers_as_json(forecast), "ends", ends_as_json(told),
		      "findings", pga_json_findings(&forecast->findings)),
	    status);
}
