#include "probe/http_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 64

static const char how[] =
    "it is 127.0.0.1:PORT or [::1]:PORT; for a scraper elsewhere, write a file "
    "for node_exporter (--metrics FILE), or put a proxy before it that asks "
    "who comes";

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Cuts "HOST:PORT" apart; the host is "" where there is but a port. */
static bool split(const char *text, char host[64], unsigned *port)
{
	const char *colon = strrchr(text, ':');
	const char *digits = colon != NULL ? colon + 1 : text;
	const size_t length = colon != NULL ? (size_t)(colon - text) : 0;
	const size_t count = strlen(digits);

	if ((colon != NULL && length == 0) || length >= 64 || count == 0 || count > 5 ||
	    strspn(digits, "0123456789") != count)
		return false;
	memcpy(host, text, length);
	host[length] = '\0';
	*port = (unsigned)strtoul(digits, NULL, 10);
	return *port <= 65535;
}

static bool is_loopback(const union address *address)
{
	if (address->any.sa_family == AF_INET)
		return ntohl(address->v4.sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
}

/* Returns false for what is no address of the loopback. No name is looked up: it may be anybody's.
 */
static bool read_address(const char *text, union address *address, socklen_t *length)
{
	char host[64];
	unsigned port;

	memset(address, 0, sizeof *address);
	if (!split(text, host, &port))
		return false;
	if (host[0] == '\0' || strcmp(host, "localhost") == 0)
		(void)strcpy(host, "127.0.0.1");
	if (host[0] == '[' && host[strlen(host) - 1] == ']') {
		host[strlen(host) - 1] = '\0';
		address->v6.sin6_family = AF_INET6;
		address->v6.sin6_port = htons((uint16_t)port);
		*length = sizeof address->v6;
		return inet_pton(AF_INET6, host + 1, &address->v6.sin6_addr) == 1 &&
		       is_loopback(address);
	}
	address->v4.sin_family = AF_INET;
	address->v4.sin_port = htons((uint16_t)port);
	*length = sizeof address->v4;
	return inet_pton(AF_INET, host, &address->v4.sin_addr) == 1 && is_loopback(address);
}

static char *write_address(const union address *address)
{
	char host[INET6_ADDRSTRLEN] = "";
	char *text = NULL;
	const bool v4 = address->any.sa_family == AF_INET;
	const void *bytes =
	    v4 ? (const void *)&address->v4.sin_addr : (const void *)&address->v6.sin6_addr;

	if (inet_ntop(address->any.sa_family, bytes, host, sizeof host) == NULL ||
	    asprintf(&text, v4 ? "%s:%u" : "[%s]:%u", host,
		     (unsigned)ntohs(v4 ? address->v4.sin_port : address->v6.sin6_port)) < 0)
		return NULL;
	return text;
}

int pga_http_open(const char *address, char **where, struct pga_error *error)
{
	const int on = 1;
	union address at;
	socklen_t length;
	int listening;

	*where = NULL;
	if (!read_address(address, &at, &length))
		return pga_fail(error, how, "%s: not an address of this machine's loopback",
				address);
	listening = socket(at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listening < 0 || setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
	    bind(listening, &at.any, length) != 0 || listen(listening, BACKLOG) != 0 ||
	    getsockname(listening, &at.any, &length) != 0)
		(void)pga_fail_errno(error, NULL, "could not listen at %s", address);
	else if ((*where = write_address(&at)) == NULL)
		(void)pga_fail_memory(error);
	else
		return listening;
	if (listening >= 0)
		(void)close(listening);
	return -1;
}
