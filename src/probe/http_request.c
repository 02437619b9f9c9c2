#include "probe/http_request.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* More than any scraper waits for. */
#define MOST_SECONDS 3600.0

/* RFC 9110, 5.6.2: what methods and the names of fields are made of. */
static const char token[] =
    "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static const char digits[] = "0123456789";

/* What the fields have said. */
struct fields {
	unsigned hosts;
	bool body;
	bool foreign; /* a page of another site, or a host that is not here */
	bool wrong;
};

size_t pga_http_head_length(const char *bytes, size_t length)
{
	const char *end = memmem(bytes, length, "\r\n\r\n", 4);

	return end != NULL ? (size_t)(end - bytes) + 4 : 0;
}

/* Whether there is anything but printable ASCII, or UTF-8 of any kind, and tabs and line ends. */
static bool has_controls(const char *head, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		const unsigned char byte = (unsigned char)head[i];

		if (byte == '\r' && i + 1 < length && head[i + 1] == '\n')
			i++;
		else if ((byte < ' ' && byte != '\t') || byte == 0x7f)
			return true;
	}
	return false;
}

/* Cuts the line off; NULL where there is none. */
static char *next_line(char **rest)
{
	char *line = *rest;
	char *end = strstr(line, "\r\n");

	if (end == NULL)
		return NULL;
	*end = '\0';
	*rest = end + 2;
	return line;
}

static bool is_port(const char *text)
{
	return text[0] == '\0' || (text[0] == ':' && strspn(text + 1, digits) == strlen(text + 1) &&
				   strlen(text + 1) <= 5);
}

/* localhost, 127.x.y.z and [::1], with a port or without. */
static bool is_loopback(const char *host)
{
	static const char *const names[] = {"localhost", "[::1]"};
	const size_t length = strspn(host, "0123456789.");
	unsigned dots = 0;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strncasecmp(host, names[i], strlen(names[i])) == 0 &&
		    is_port(host + strlen(names[i])))
			return true;
	for (size_t i = 0; i < length; i++)
		dots += host[i] == '.';
	return strncmp(host, "127.", strlen("127.")) == 0 && dots == 3 && is_port(host + length);
}

/* A browser says of what site's page it asks. */
static bool is_foreign(const char *name, const char *value)
{
	if (strcasecmp(name, "Origin") == 0)
		return true;
	return strcasecmp(name, "Sec-Fetch-Site") == 0 && strcmp(value, "none") != 0 &&
	       strcmp(value, "same-origin") != 0;
}

static double seconds_of(const char *value)
{
	char *end;
	double seconds;

	errno = 0;
	seconds = strtod(value, &end);
	return errno == 0 && end != value && *end == '\0' && isfinite(seconds) && seconds > 0 &&
		       seconds <= MOST_SECONDS
		   ? seconds
		   : 0;
}

static void take_field(struct fields *fields, struct pga_scrape_request *request, const char *name,
		       const char *value)
{
	if (strcasecmp(name, "Host") == 0) {
		fields->hosts++;
		fields->foreign = fields->foreign || !is_loopback(value);
	} else if (strcasecmp(name, "Content-Length") == 0) {
		fields->body = fields->body || strcmp(value, "0") != 0;
	} else if (strcasecmp(name, "Transfer-Encoding") == 0) {
		fields->body = true;
	} else if (strcasecmp(name, "X-Prometheus-Scrape-Timeout-Seconds") == 0) {
		request->time = seconds_of(value);
	}
	fields->foreign = fields->foreign || is_foreign(name, value);
}

/* Returns false for a line that is no field. */
static bool read_field(struct fields *fields, struct pga_scrape_request *request, char *line)
{
	const size_t length = strspn(line, token);
	char *value = line + length + 1;
	size_t end;

	if (length == 0 || line[length] != ':')
		return false;
	line[length] = '\0';
	value += strspn(value, " \t");
	for (end = strlen(value); end > 0 && strchr(" \t", value[end - 1]) != NULL; end--)
		value[end - 1] = '\0';
	take_field(fields, request, line, value);
	return true;
}

/* "GET /probe?target=db HTTP/1.1" */
static int read_request_line(char *line, struct pga_scrape_request *request)
{
	static char none[] = "";
	const size_t method = strspn(line, token);
	char *target = line + method + 1;
	char *version;

	if (method == 0 || line[method] != ' ')
		return 400;
	line[method] = '\0';
	version = strchr(target, ' ');
	if (version == NULL || target[0] != '/')
		return 400;
	*version++ = '\0';
	if (strncmp(version, "HTTP/", 5) != 0 || strlen(version) != 8 || version[6] != '.' ||
	    strchr(digits, version[7]) == NULL)
		return 400;
	if (version[5] != '1')
		return 505;
	request->head = strcmp(line, "HEAD") == 0;
	if (!request->head && strcmp(line, "GET") != 0)
		return 405;
	request->path = target;
	request->query = strchr(target, '?');
	if (request->query != NULL)
		*request->query++ = '\0';
	else
		request->query = none;
	return 0;
}

int pga_http_request_read(char *head, size_t length, struct pga_scrape_request *request)
{
	struct fields fields = {0};
	char *rest = head;
	char *line;
	int status;

	memset(request, 0, sizeof *request);
	head[length] = '\0';
	if (has_controls(head, length))
		return 400;
	line = next_line(&rest);
	status = line != NULL ? read_request_line(line, request) : 400;
	while (status != 400 && (line = next_line(&rest)) != NULL && line[0] != '\0')
		if (!read_field(&fields, request, line))
			status = 400;
	if (status != 0)
		return status;
	if (fields.hosts != 1 || fields.body)
		return 400;
	return fields.foreign ? 403 : 0;
}

static int hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* In its place; it does not become longer. */
static int decode(char *text)
{
	char *to = text;

	for (; *text != '\0'; text++) {
		if (*text == '%') {
			const int high = hex_of(text[1]);
			const int low = high >= 0 ? hex_of(text[2]) : -1;

			if (low < 0 || (high == 0 && low == 0))
				return -1;
			*to++ = (char)(high * 16 + low);
			text += 2;
		} else {
			*to++ = (char)(*text == '+' ? ' ' : *text);
		}
	}
	*to = '\0';
	return 0;
}

int pga_http_parameter(struct pga_scrape_request *request, const char *name, const char **value)
{
	const size_t length = strlen(name);
	char *rest = request->query;
	char *part;

	*value = NULL;
	while ((part = strsep(&rest, "&")) != NULL) {
		if (strncmp(part, name, length) != 0 || part[length] != '=')
			continue;
		if (*value != NULL || decode(part + length + 1) != 0)
			return -1;
		*value = part + length + 1;
	}
	return 0;
}
