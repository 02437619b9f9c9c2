/* Ending an attempt to connect whose socket is open. */
#include "gate/cut.h"

#include "gate/libpq.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool is_port(in_port_t port, int wanted)
{
	return wanted == 0 || ntohs(port) == wanted;
}

/* Where a socket leads to; longer than any path of one, which so ends in it. */
union peer {
	struct sockaddr_storage any;
	struct sockaddr address;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
	struct sockaddr_un local;
};

static bool leads_to(const union peer *peer, const char *address, int port)
{
	struct in6_addr wanted6;
	struct in_addr wanted4;

	if (peer->any.ss_family == AF_INET)
		return inet_pton(AF_INET, address, &wanted4) == 1 &&
		       peer->four.sin_addr.s_addr == wanted4.s_addr &&
		       is_port(peer->four.sin_port, port);
	return inet_pton(peer->any.ss_family, address, &wanted6) == 1 &&
	       IN6_ARE_ADDR_EQUAL(&peer->six.sin6_addr, &wanted6) &&
	       is_port(peer->six.sin6_port, port);
}

/* Whether the descriptor is still the connection's: a program may have closed it behind libpq's
 * back, and the number may be that of a file of its own by now. A connection is told by where it
 * leads to; libpq knows the number of the address since version 12. */
static bool is_own(const struct gate_libpq *libpq, PGconn *conn, int connection)
{
	union peer peer = {0};
	socklen_t length = sizeof peer;
	const char *address;
	const char *port;

	if (getpeername(connection, &peer.address, &length) != 0)
		return false;
	address = libpq->PQhostaddr != NULL ? libpq->PQhostaddr(conn) : NULL;
	port = libpq->PQport(conn);
	if (peer.any.ss_family == AF_UNIX)
		return (address == NULL || *address == '\0') &&
		       strstr(peer.local.sun_path, "/.s.PGSQL.") != NULL;
	return address == NULL ||
	       leads_to(&peer, address, port != NULL ? (int)strtol(port, NULL, 10) : 0);
}

/* A socket whose other end was reset: the first that libpq reads of it is ECONNRESET, upon which it
 * gives up the connection at once. An end of the stream would do as well but for a cancel, which
 * libpq 17 takes for sent when the server hangs up (PQcancelPoll()). Linux tells of a reset where
 * an end is closed with something unread in it (unix_release_sock()). */
static int make_dead(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
		return -1;
	(void)send(pair[0], "", 1, MSG_NOSIGNAL);
	(void)close(pair[1]);
	return pair[0];
}

ino_t gate_cut(const struct gate_libpq *libpq, PGconn *conn)
{
	const int connection = libpq->PQsocket(conn);
	struct stat status = {0};
	int dead;

	/* A descriptor that is none fails in whatever is done with it. */
	if (!is_own(libpq, conn, connection))
		return 0;
	dead = make_dead();
	if (dup3(dead, connection, O_CLOEXEC) == -1)
		(void)shutdown(connection, SHUT_RDWR);
	else
		(void)fstat(connection, &status);
	(void)close(dead);
	return status.st_ino;
}

static bool is_dead(int connection, ino_t dead)
{
	struct stat now;

	return fstat(connection, &now) == 0 && now.st_ino == dead && S_ISSOCK(now.st_mode);
}

void gate_poll_to_the_end(const struct gate_libpq *libpq, PGconn *conn, ino_t dead)
{
	/* No inode has the number 0. */
	for (int poll = 0; poll < 8; poll++) {
		if (libpq->calls.PQstatus(conn) == CONNECTION_BAD ||
		    !is_dead(libpq->PQsocket(conn), dead))
			break;
		(void)libpq->PQconnectPoll(conn);
	}
}
