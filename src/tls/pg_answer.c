#include "tls/pg_answer.h"

#include "tls/dial.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

/* No server has more to say: 10000 sessions are some 4 MB. libpq itself takes a gigabyte for one
 * row. */
#define MOST_BYTES (64 << 20)

/* The kernel counts: libpq does not tell. It does not count those of a Unix-domain socket. */
bool pga_pg_has_flooded(const PGconn *connection)
{
	struct tcp_info info = {0};
	socklen_t length = sizeof info;

	return getsockopt(PQsocket(connection), IPPROTO_TCP, TCP_INFO, &info, &length) == 0 &&
	       info.tcpi_bytes_received > MOST_BYTES;
}

PGresult *pga_pg_answer(PGconn *connection, long long deadline, bool *lost)
{
	PGresult *result;

	while (PQisBusy(connection) != 0) {
		struct pollfd polled = {.fd = PQsocket(connection), .events = POLLIN};
		const long long left = deadline - pga_dial_now();

		if (left <= 0 || polled.fd < 0 || pga_pg_has_flooded(connection) ||
		    poll(&polled, 1, (int)left) < 0 || PQconsumeInput(connection) != 1) {
			*lost = true;
			return NULL;
		}
	}
	result = PQgetResult(connection);
	switch (PQresultStatus(result)) {
	case PGRES_COPY_IN:
	case PGRES_COPY_OUT:
	case PGRES_COPY_BOTH:
		PQclear(result);
		*lost = true;
		return NULL;
	default:
		return result;
	}
}

const char *pga_pg_value(const PGresult *result, int row, int column)
{
	const bool there = row < PQntuples(result) && column < PQnfields(result);

	return there ? PQgetvalue(result, row, column) : "";
}
