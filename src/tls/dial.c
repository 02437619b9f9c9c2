#include "tls/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

long long pga_dial_now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (long long)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static int fail_late(const char *where, struct pga_error *error)
{
	return pga_fail(error, NULL, "%s: no answer in the time that it has", where);
}

/* Returns whether the socket became ready; false with the errno of poll(2), or ETIMEDOUT. */
static bool is_ready(int connection, short events, long long deadline)
{
	struct pollfd polled = {.fd = connection, .events = events};
	int ready;

	do {
		const long long left = deadline - pga_dial_now();

		ready = poll(&polled, 1, left > 0 ? (int)left : 0);
	} while (ready < 0 && errno == EINTR);
	if (ready == 0)
		errno = ETIMEDOUT;
	return ready > 0;
}

/* Of small messages each is sent at once, as libpq has it: else the second waits until the server
 * has acknowledged the first, which takes it 40 ms. */
static int make_socket(int family)
{
	const int connection = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const int on = 1;

	if (connection >= 0)
		(void)setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return connection;
}

/* Returns the connected socket, or -1 with errno. */
static int dial_one(const struct addrinfo *address, long long deadline)
{
	int connection = make_socket(address->ai_family);
	int fault = 0;
	socklen_t length = sizeof fault;

	if (connection < 0)
		return -1;
	if (connect(connection, address->ai_addr, address->ai_addrlen) != 0)
		fault = errno;
	if ((fault == EINPROGRESS || fault == EINTR) &&
	    (!is_ready(connection, POLLOUT, deadline) ||
	     getsockopt(connection, SOL_SOCKET, SO_ERROR, &fault, &length) != 0))
		fault = errno;
	if (fault == 0)
		return connection;
	(void)close(connection);
	errno = fault;
	return -1;
}

int pga_dial_look_up(const char *host, unsigned port, struct addrinfo **addresses,
		     struct pga_error *error)
{
	static const char look_up[] = "check the name, and DNS";
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	char service[16];
	int fault;

	*addresses = NULL;
	(void)snprintf(service, sizeof service, "%u", port);
	fault = getaddrinfo(host, service, &hints, addresses);
	if (fault == EAI_SYSTEM)
		return pga_fail_errno(error, look_up, "could not look up the host %s", host);
	if (fault != 0)
		return pga_fail(error, look_up, "could not look up the host %s: %s", host,
				gai_strerror(fault));
	return 0;
}

int pga_dial_one_of(const struct addrinfo *addresses, long timeout, long long deadline,
		    const char *where, struct pga_error *error)
{
	int connection = -1;
	int fault = 0;

	for (const struct addrinfo *address = addresses; address != NULL && connection < 0;
	     address = address->ai_next) {
		const long long now = pga_dial_now();

		connection = dial_one(address, now + timeout < deadline ? now + timeout : deadline);
		fault = errno;
		if (connection < 0)
			(void)pga_fail_errno(
			    error, "is it the right host and port, and does the server run?",
			    "could not connect to %s", where);
		if (pga_dial_now() >= deadline)
			break;
	}
	errno = fault;
	return connection;
}

int pga_dial(const char *host, unsigned port, long timeout, long long deadline, const char *where,
	     struct pga_error *error)
{
	struct addrinfo *addresses;
	int connection;

	if (pga_dial_look_up(host, port, &addresses, error) != 0)
		return -1;
	connection = pga_dial_one_of(addresses, timeout, deadline, where, error);
	freeaddrinfo(addresses);
	return connection;
}

int pga_dial_again(const struct sockaddr *address, socklen_t length, const char *where,
		   struct pga_error *error)
{
	int connection = make_socket(address->sa_family);

	if (connection >= 0 &&
	    (connect(connection, address, length) == 0 || errno == EINPROGRESS || errno == EINTR))
		return connection;
	(void)pga_fail_errno(error, NULL, "could not connect to %s once more", where);
	if (connection >= 0)
		(void)close(connection);
	return -1;
}

static bool is_closed(int fault)
{
	return fault == ECONNRESET || fault == EPIPE;
}

ssize_t pga_dial_read(int connection, void *bytes, size_t length, long long deadline,
		      const char *where, struct pga_error *error)
{
	for (;;) {
		const ssize_t got = recv(connection, bytes, length, 0);

		if (got >= 0)
			return got;
		if (is_closed(errno))
			return 0;
		if (errno != EAGAIN && errno != EINTR)
			return pga_fail_errno(error, NULL, "could not read from %s", where);
		if (!is_ready(connection, POLLIN, deadline))
			return errno == ETIMEDOUT
				   ? fail_late(where, error)
				   : pga_fail_errno(error, NULL, "could not wait for %s", where);
		if (pga_dial_now() >= deadline)
			return fail_late(where, error);
	}
}

int pga_dial_write(int connection, const void *bytes, size_t length, long long deadline,
		   const char *where, bool *closed, struct pga_error *error)
{
	const char *rest = bytes;

	*closed = false;
	while (length > 0) {
		const ssize_t sent = send(connection, rest, length, MSG_NOSIGNAL);

		if (sent > 0) {
			rest += sent;
			length -= (size_t)sent;
			continue;
		}
		*closed = sent < 0 && is_closed(errno);
		if (*closed)
			return 0;
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return pga_fail_errno(error, NULL, "could not write to %s", where);
		if (!is_ready(connection, POLLOUT, deadline))
			return errno == ETIMEDOUT
				   ? fail_late(where, error)
				   : pga_fail_errno(error, NULL, "could not wait for %s", where);
	}
	return 0;
}

bool pga_dial_has_more(int connection)
{
	char byte;

	return recv(connection, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}
