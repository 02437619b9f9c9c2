/* gate/cut.h: the end of an attempt that was refused on the way. */
#include "cmocka_start.h"

#include "gate/call.h"
#include "gate/cut.h"
#include "gate/imports.h"
#include "gate/wrappers.h"
#include "gate_fakes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct gate_libpq *libpq;

/* What the linker leads here (--wrap). */
int __real_getpeername(int connection, struct sockaddr *address, socklen_t *length);
int __wrap_getpeername(int connection, struct sockaddr *address, socklen_t *length);
int __real_socketpair(int domain, int type, int protocol, int *pair);
int __wrap_socketpair(int domain, int type, int protocol, int *pair);

static bool no_pair;
static bool cutting; /* it is the gate that asks */

int __wrap_getpeername(int connection, struct sockaddr *address, socklen_t *length)
{
	assert_int_equal(*length, sizeof(struct sockaddr_storage));
	return __real_getpeername(connection, address, length);
}

int __wrap_socketpair(int domain, int type, int protocol, int *pair)
{
	if (no_pair) {
		errno = EMFILE;
		return -1;
	}
	assert_int_equal(protocol, 0);
	if (cutting)
		assert_true((type & SOCK_CLOEXEC) != 0);
	return __real_socketpair(domain, type, protocol, pair);
}

/* The next one to be given. */
static int next_descriptor(void)
{
	const int next = dup(STDIN_FILENO);

	assert_true(next >= 0);
	assert_int_equal(close(next), 0);
	return next;
}

/* A connection to this address; *port is where it leads to. -1 where this machine has no such. */
static int connect_to(const struct sockaddr *address, socklen_t size, int *other, int *port)
{
	struct sockaddr_storage bound = {0};
	socklen_t length = sizeof bound;
	const int listening = socket(address->sa_family, SOCK_STREAM, 0);
	const int made = socket(address->sa_family, SOCK_STREAM, 0);

	if (listening < 0 || bind(listening, address, size) != 0)
		return -1;
	assert_int_equal(listen(listening, 1), 0);
	assert_int_equal(getsockname(listening, (struct sockaddr *)&bound, &length), 0);
	assert_int_equal(connect(made, (struct sockaddr *)&bound, length), 0);
	*other = accept(listening, NULL, NULL);
	assert_true(*other >= 0);
	*port = bound.ss_family == AF_INET6
		    ? ntohs(((struct sockaddr_in6 *)(void *)&bound)->sin6_port)
		    : ntohs(((struct sockaddr_in *)(void *)&bound)->sin_port);
	assert_int_equal(close(listening), 0);
	return made;
}

/* Whether the connection was cut: what libpq then has is a socket that was reset, and the other end
 * of the connection sees it go. */
static bool is_cut(int other)
{
	struct stat status;
	const int next = next_descriptor();
	ino_t dead;
	char byte;

	cutting = true;
	dead = gate_cut(libpq, the_connection());
	cutting = false;
	assert_int_equal(next_descriptor(), next);
	if (dead == 0) {
		assert_int_equal(send(fake.socket, "x", 1, MSG_NOSIGNAL), 1);
		assert_int_equal(read(other, &byte, 1), 1);
		return false;
	}
	assert_int_equal(fstat(fake.socket, &status), 0);
	assert_true(S_ISSOCK(status.st_mode) && status.st_ino == dead);
	assert_true((fcntl(fake.socket, F_GETFD) & FD_CLOEXEC) != 0);
	assert_true((fcntl(fake.socket, F_GETFL) & O_NONBLOCK) != 0);
	assert_int_equal(recv(fake.socket, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(read(other, &byte, 1), 0);
	return true;
}

static void check_cut(const struct sockaddr *address, socklen_t size, const char *hostaddr,
		      const char *port, bool expected)
{
	char number[16];
	int bound;
	int other;

	fake.socket = connect_to(address, size, &other, &bound);
	if (fake.socket < 0)
		return; /* a machine without IPv6 */
	(void)snprintf(number, sizeof number, "%d", bound);
	fake.hostaddr = hostaddr;
	fake.port = port != NULL && strcmp(port, "own") == 0 ? number : port;
	assert_int_equal(is_cut(other), expected);
	assert_int_equal(close(fake.socket) + close(other), 0);
}

static void a_connection_by_tcp_is_cut(void **state)
{
	struct sockaddr_in four = {.sin_family = AF_INET};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	const struct sockaddr *at = (const struct sockaddr *)&four;
	const struct sockaddr *at_six = (const struct sockaddr *)&six;

	(void)state;
	four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	libpq = fake_libpq();
	check_cut(at, sizeof four, "127.0.0.1", "own", true);
	check_cut(at, sizeof four, "127.0.0.1", NULL, true);
	check_cut(at, sizeof four, "127.0.0.1", "", true);
	check_cut(at, sizeof four, NULL, "own", true);
	check_cut(at, sizeof four, "127.0.0.2", "own", false);
	check_cut(at, sizeof four, "127.0.0.1", "1", false);
	check_cut(at, sizeof four, "::1", "own", false);
	check_cut(at, sizeof four, "", "own", false);
	check_cut(at_six, sizeof six, "::1", "own", true);
	check_cut(at_six, sizeof six, "::1", NULL, true);
	check_cut(at_six, sizeof six, "::2", "own", false);
	check_cut(at_six, sizeof six, "1::1", "own", false);
	check_cut(at_six, sizeof six, "::1", "1", false);
	check_cut(at_six, sizeof six, "127.0.0.1", "own", false);
	libpq->PQhostaddr = NULL;
	check_cut(at, sizeof four, "127.0.0.2", "1", true);
}

static void a_connection_by_a_socket_is_cut(void **state)
{
	static const struct {
		const char *name;
		const char *hostaddr;
		bool expected;
	} rows[] = {{".s.PGSQL.5432", NULL, true},
		    {".s.PGSQL.5432", "", true},
		    {".s.PGSQL.5432", "127.0.0.1", false},
		    {"other", "", false}};
	char scratch[] = "/tmp/pganchor-test-XXXXXX";

	(void)state;
	libpq = fake_libpq();
	assert_non_null(mkdtemp(scratch));
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct sockaddr_un address = {.sun_family = AF_UNIX};

		(void)snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", scratch,
			       rows[i].name);
		check_cut((const struct sockaddr *)&address, sizeof address, rows[i].hostaddr,
			  "5432", rows[i].expected);
		assert_int_equal(unlink(address.sun_path), 0);
	}
	assert_int_equal(rmdir(scratch), 0);
}

/* A connection by a socket of PostgreSQL's name. */
static int connect_to_a_socket(int *other)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char at[] = "/tmp/pganchor-test-XXXXXX";
	int made;
	int port;

	assert_non_null(mkdtemp(at));
	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s/.s.PGSQL.5432", at);
	made = connect_to((const struct sockaddr *)&address, sizeof address, other, &port);
	assert_int_equal(unlink(address.sun_path) + rmdir(at), 0);
	return made;
}

static void what_is_no_connection_is_left_alone(void **state)
{
	struct stat before;
	struct stat after;
	int ends[2];

	(void)state;
	libpq = fake_libpq();
	assert_int_equal(gate_cut(libpq, the_connection()), 0);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fstat(ends[0], &before), 0);
	fake.socket = ends[0];
	fake.hostaddr = NULL;
	assert_int_equal(gate_cut(libpq, the_connection()), 0);
	assert_int_equal(fstat(ends[0], &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(close(ends[0]) + close(ends[1]), 0);
}

/* Where no socket can be made, or not put in its place, the end of the connection is all that libpq
 * gets. */
static void is_shut_down(bool without_a_pair)
{
	struct rlimit before;
	struct rlimit none;
	ino_t dead;
	char byte;
	int ends[2];

	libpq = fake_libpq();
	libpq->PQhostaddr = NULL;
	fake.socket = connect_to_a_socket(&ends[1]);
	ends[0] = fake.socket;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	no_pair = without_a_pair;
	if (!without_a_pair)
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	dead = gate_cut(libpq, the_connection());
	no_pair = false;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(dead, 0);
	assert_int_equal(send(ends[0], "x", 1, MSG_NOSIGNAL), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	assert_int_equal(read(ends[1], &byte, 1), 0);
	assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0);
	assert_int_equal(close(ends[0]) + close(ends[1]), 0);
}

static void without_a_descriptor_it_is_shut_down(void **state)
{
	(void)state;
	is_shut_down(false);
	is_shut_down(true);
}

static int polls, bad_after;

static PostgresPollingStatusType count_polls(PGconn *conn)
{
	assert_ptr_equal(conn, the_connection());
	if (++polls == bad_after)
		fake.status = CONNECTION_BAD;
	return PGRES_POLLING_READING;
}

static int polled(ConnStatusType status, int after, ino_t dead)
{
	polls = 0;
	bad_after = after;
	fake.status = status;
	gate_poll_to_the_end(libpq, the_connection(), dead);
	return polls;
}

static void libpq_is_polled_until_it_has_noticed(void **state)
{
	struct stat status;
	int pair[2];
	int ends[2];

	(void)state;
	libpq = fake_libpq();
	libpq->PQconnectPoll = count_polls;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(fstat(pair[0], &status), 0);
	fake.socket = pair[0];
	assert_int_equal(polled(CONNECTION_MADE, 3, status.st_ino), 3);
	assert_int_equal(polled(CONNECTION_MADE, 0, status.st_ino), 8);
	assert_int_equal(polled(CONNECTION_BAD, 0, status.st_ino), 0);
	assert_int_equal(polled(CONNECTION_MADE, 0, 0), 0);
	assert_int_equal(polled(CONNECTION_MADE, 0, status.st_ino + 1), 0);
	fake.socket = pair[1]; /* another one */
	assert_int_equal(polled(CONNECTION_MADE, 0, status.st_ino), 0);
	fake.socket = -1;
	assert_int_equal(polled(CONNECTION_MADE, 0, status.st_ino), 0);
	assert_int_equal(close(pair[0]) + close(pair[1]), 0);
	/* Of the same number, and no socket. */
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fstat(ends[0], &status), 0);
	fake.socket = ends[0];
	assert_int_equal(polled(CONNECTION_MADE, 0, status.st_ino), 0);
	assert_int_equal(close(ends[0]) + close(ends[1]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_connection_by_tcp_is_cut),
	    cmocka_unit_test(a_connection_by_a_socket_is_cut),
	    cmocka_unit_test(what_is_no_connection_is_left_alone),
	    cmocka_unit_test(without_a_descriptor_it_is_shut_down),
	    cmocka_unit_test(libpq_is_polled_until_it_has_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
