/* A small HTTP server for a scraper on this machine: one request a connection, GET and HEAD, and an
 * end to everything that a client can draw out.
 *
 * Of its own, and no library's: libmicrohttpd would bring a second TLS library to every machine
 * that has this tool, and its time limit is for silence alone, so that whoever sends a byte a
 * second holds a connection for ever. */
#ifndef PGA_PROBE_HTTP_LISTEN_H
#define PGA_PROBE_HTTP_LISTEN_H

#include "base/error.h"
#include "probe/http_reply.h"
#include "probe/http_request.h"

#include <stdbool.h>

/* Answers a request; in a thread of its own, in which signals are blocked. It has to end by itself.
 */
typedef void pga_http_answer(void *context, struct pga_scrape_request *request,
			     struct pga_http_reply *reply);

/* Listens at "127.0.0.1:9187", "[::1]:9187", "localhost:9187" or "9187", which is 127.0.0.1; port
 * 0: one that is free. Any other address is refused: what answers for anybody is asked by anybody.
 * where, which the caller frees, is the address that it has become. Returns the socket, or -1. */
int pga_http_open(const char *address, char **where, struct pga_error *error);

/* Prints `ready` to the standard output, and answers whoever comes, until SIGINT, SIGTERM or SIGHUP
 * comes (those that are not ignored). What is being answered then is given a moment to end; the
 * process is to end by _exit(2) or a signal if *busy is true, for threads are at work. Closes the
 * socket. Returns -1 where it cannot wait. */
int pga_http_serve(int listening, const char *ready, pga_http_answer *answer, void *context,
		   bool *busy, struct pga_error *error);

#endif
