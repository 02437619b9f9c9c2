/* The head of an HTTP/1.1 request, as a scraper of metrics sends it: GET or HEAD, without a body.
 * It may come from anybody on this machine, and from any page that a browser here shows. */
#ifndef PGA_PROBE_HTTP_REQUEST_H
#define PGA_PROBE_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

/* A head that is longer is refused. */
#define PGA_HTTP_HEAD ((size_t)8192)

struct pga_scrape_request {
	bool head;        /* HEAD: the answer without its body */
	const char *path; /* "/probe": as it was sent; part of the bytes that were read */
	char *query;      /* what follows "?", as it was sent; "" where there is none */
	double time;      /* seconds that the scraper waits (X-Prometheus-Scrape-Timeout-Seconds);
			     0: it does not say */
};

/* How long the head is that these bytes begin with, its empty line counted; 0 while it has not come
 * to its end. */
size_t pga_http_head_length(const char *bytes, size_t length);

/* Reads a head, which it changes, and which has room for a NUL behind its length. Returns 0, or the
 * status to answer with: 400 for what is no HTTP, or has a body; 403 for a Host that is not this
 * machine's loopback (a name that somebody's DNS has turned to it) and for what another site's page
 * asks for; 405 for another method; 505 for another HTTP. */
int pga_http_request_read(char *head, size_t length, struct pga_scrape_request *request);

/* Finds the parameter in the query, which it changes. *value is it, decoded, and NULL where there
 * is none. Returns -1 where it is there twice, or is not properly encoded. Once for a request. */
int pga_http_parameter(struct pga_scrape_request *request, const char *name, const char **value);

#endif
