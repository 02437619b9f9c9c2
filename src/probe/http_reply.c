#include "probe/http_reply.h"

#include <string.h>
#include <time.h>

struct status {
	int number;
	const char *words;
	const char *text;
};

static const struct status statuses[] = {
    {200, "OK", ""},
    {400, "Bad Request", "this is no request that is understood here\n"},
    {403, "Forbidden", "this is answered to programs on this machine alone\n"},
    {404, "Not Found", "there is /metrics, and /probe?target=NAME\n"},
    {405, "Method Not Allowed", "there is GET, and HEAD\n"},
    {408, "Request Timeout", "the request did not come in time\n"},
    {431, "Request Header Fields Too Large", "the request's head is too long\n"},
    {500, "Internal Server Error", "this failed; the server's own log says why\n"},
    {503, "Service Unavailable", "too many ask at once\n"},
    {504, "Gateway Timeout", "the probe did not end in time\n"},
    {505, "HTTP Version Not Supported", "this is HTTP/1.1\n"},
};

static const struct status *find_status(int number)
{
	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
		if (statuses[i].number == number)
			return &statuses[i];
	return find_status(500);
}

/* RFC 9110, 5.6.7, whatever the locale is. */
static void add_date(struct pga_text *text)
{
	static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	const time_t now = time(NULL);
	struct tm date;

	if (gmtime_r(&now, &date) != NULL)
		pga_text_addf(text, "Date: %s, %02d %s %d %02d:%02d:%02d GMT\r\n",
			      days[date.tm_wday], date.tm_mday, months[date.tm_mon],
			      date.tm_year + 1900, date.tm_hour, date.tm_min, date.tm_sec);
}

static void add_head(struct pga_text *text, const struct status *status, size_t length)
{
	pga_text_addf(text, "HTTP/1.1 %d %s\r\n", status->number, status->words);
	add_date(text);
	pga_text_addf(text,
		      "Content-Type: text/plain; %scharset=utf-8\r\nContent-Length: %zu\r\n"
		      "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
		      "Connection: close\r\n",
		      status->number == 200 ? "version=0.0.4; " : "", length);
	if (status->number == 405)
		pga_text_add(text, "Allow: GET, HEAD\r\n");
	if (status->number == 503)
		pga_text_add(text, "Retry-After: 1\r\n");
	pga_text_add(text, "\r\n");
}

void pga_http_reply_compose(const struct pga_http_reply *reply, bool without_body,
			    struct pga_text *text)
{
	const struct status *status = find_status(reply->status);
	const char *body = reply->body.length > 0 ? reply->body.bytes : status->text;
	const size_t length = reply->body.length > 0 ? reply->body.length : strlen(status->text);

	add_head(text, status, length);
	if (!without_body)
		pga_text_add_bytes(text, body, length);
}
