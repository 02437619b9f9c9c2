/* Parts of the gate that stand by themselves: the end of an attempt, calls within calls, host names
 * that may be looked up, where a notice is read, and the functions that stand before libpq's. */
#include "cmocka_start.h"

#include "gate/call.h"
#include "gate/cut.h"
#include "gate/imports.h"
#include "gate/notice.h"
#include "gate/wrappers.h"
#include "gate_fakes.h"
#include "settings.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct gate_libpq *libpq;

/* ---- cut.c ---- */

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

/* ---- call.c ---- */

static struct gate_call *left_alone;

__attribute__((noinline)) static void leave_a_call(void)
{
	left_alone = gate_call_begin(libpq);
	assert_ptr_equal(gate_call_current(), left_alone);
}

/* So deep that each function that is called from here is above it. */
__attribute__((noinline)) static void leave_a_call_below(void)
{
	volatile char room[4096];

	room[0] = 0;
	leave_a_call();
	room[sizeof room - 1] = room[0];
}

__attribute__((noinline)) static void call_within(struct gate_call *outer)
{
	struct gate_call *inner = gate_call_begin(libpq);

	assert_ptr_not_equal(inner, outer);
	assert_ptr_equal(inner->outer, outer);
	assert_ptr_equal(gate_call_current(), inner);
	gate_call_end(inner);
	assert_ptr_equal(gate_call_current(), outer);
}

__attribute__((noinline)) static void end_in_another_order(struct gate_call *outer)
{
	struct gate_call *inner = gate_call_begin(libpq);

	gate_call_end(outer);
	assert_ptr_equal(gate_call_current(), inner);
	assert_null(inner->outer);
	gate_call_end(inner);
	assert_null(gate_call_current());
}

static void calls_within_calls(void **state)
{
	struct gate_call *outer;
	struct gate_call *again;
	char frame;

	(void)state;
	libpq = fake_libpq();
	assert_null(gate_call_current());
	outer = gate_call_begin(libpq);
	assert_ptr_equal(outer->libpq, libpq);
	assert_ptr_equal(gate_call_current(), outer);
	call_within(outer);
	/* One that was left by longjmp() is over. */
	leave_a_call_below();
	assert_ptr_equal(gate_call_current(), outer);
	free(left_alone);
	/* And so is one of this very frame, once it begins another. */
	again = gate_call_begin(libpq);
	assert_null(again->outer);
	assert_ptr_equal(gate_call_current(), again);
	free(outer);
	end_in_another_order(again);
	/* What is in another list is not touched. */
	outer = gate_call_begin(libpq);
	outer->list = (struct gate_call **)(void *)&frame;
	gate_call_end(outer);
	assert_ptr_equal(gate_call_current(), outer);
	outer->list = NULL;
	again = gate_call_begin(libpq);
	gate_call_end(again);
	free(outer);
	assert_null(gate_call_current());
}

static void what_has_begun_is_forgotten(void **state)
{
	struct gate_call *call;

	(void)state;
	libpq = fake_libpq();
	call = gate_call_begin(libpq);
	call->begun = the_connection();
	call->begun_rules = gate_rules_acquire();
	gate_call_forget_begun(call);
	assert_null(call->begun);
	assert_null(call->begun_rules);
	gate_call_forget_begun(call);
	gate_call_end(call);
}

/* ---- lookup.c ---- */

static int look_up(const char *node, const char *service, const struct addrinfo *hints,
		   struct addrinfo **found)
{
	(void)node;
	(void)hints;
	*found = NULL;
	return strcmp(service, "5432") == 0 ? 42 : 43;
}

static char scratch[] = "/tmp/pganchor-test-XXXXXX";

static void put_policy(const char *line)
{
	char path[128];
	FILE *file;

	(void)snprintf(path, sizeof path, "%s/pganchor/policy.conf", scratch);
	(void)unlink(path);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(line, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void which_hosts_may_be_looked_up(void **state)
{
	static const struct {
		enum gate_lookups lookups;
		const char *node;
		int expected;
	} rows[] = {{GATE_LOOK_UP_ANY, "h", 42},           {GATE_LOOK_UP_ANY, NULL, 42},
		    {GATE_LOOK_UP_EXEMPT, "weak", 42},     {GATE_LOOK_UP_EXEMPT, "h", EAI_FAIL},
		    {GATE_LOOK_UP_EXEMPT, NULL, EAI_FAIL}, {GATE_LOOK_UP_NONE, "weak", EAI_FAIL}};
	struct gate_rules rules = {.broken = false};
	struct gate_libpq *other = &(struct gate_libpq){.number = 7};
	struct addrinfo *found = NULL;
	struct gate_call *call;

	(void)state;
	libpq = fake_libpq();
	make_policy(&rules.policy, "weak=weak");
	atomic_store(&libpq->import_getaddrinfo, look_up);
	call = gate_call_begin(libpq);
	call->rules = &rules;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		call->lookups = rows[i].lookups;
		call->lookup_refused = false;
		assert_int_equal(gate_look_up(libpq, rows[i].node, "5432", NULL, &found),
				 rows[i].expected);
		assert_int_equal(call->lookup_refused, rows[i].expected == EAI_FAIL);
	}
	assert_int_equal(gate_look_up(NULL, "h", "5432", NULL, &found), EAI_FAIL);
	/* Within another libpq's call, and within none. */
	put_policy("mode = enforce\n");
	call->lookups = GATE_LOOK_UP_ANY;
	assert_int_equal(gate_look_up(other, "h", "5432", NULL, &found), EAI_FAIL);
	gate_call_end(call);
	assert_int_equal(gate_look_up(libpq, "h", "5432", NULL, &found), EAI_FAIL);
	put_policy("mode = audit\n");
	assert_int_equal(gate_look_up(libpq, "h", "5432", NULL, &found), 42);
	/* By libc's own where libpq's is not known. */
	atomic_store(&libpq->import_getaddrinfo, NULL);
	assert_int_equal(gate_look_up(libpq, "127.0.0.1", "5432", NULL, &found), 0);
	freeaddrinfo(found);
	put_policy("");
	for (size_t i = 0; i < rules.policy.allow_weak_count; i++)
		pga_host_set_free(&rules.policy.allow_weak[i]);
	free(rules.policy.allow_weak);
}

/* ---- notice.c ---- */

static int saved_error = -1;

static void error_to(int descriptor)
{
	if (saved_error < 0)
		saved_error = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	assert_true(saved_error >= 0);
	assert_int_equal(dup2(descriptor, STDERR_FILENO), STDERR_FILENO);
}

static void error_back(void)
{
	assert_int_equal(dup2(saved_error, STDERR_FILENO), STDERR_FILENO);
}

/* What is told on standard error, which leads to one of these descriptors; read from the other. */
static void told(int in, int out, const char *expected)
{
	static char said[2 * PIPE_BUF];
	ssize_t got;

	error_to(in);
	gate_notice("refused");
	error_back();
	(void)fcntl(out, F_SETFL, fcntl(out, F_GETFL) | O_NONBLOCK);
	got = read(out, said, sizeof said - 1);
	said[got > 0 ? got : 0] = '\0';
	assert_string_equal(said, expected);
}

static void a_notice_goes_where_it_is_read(void **state)
{
	char path[] = "/tmp/pganchor-test-XXXXXX";
	char stream[64];
	struct stat status;
	int ends[2];
	int pair[2];
	int file;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	told(ends[1], ends[0], "refused\n");
	/* A file, and a socket that is not the journal's. */
	file = mkstemp(path);
	assert_true(file >= 0);
	told(file, file, "");
	assert_int_equal(lseek(file, 0, SEEK_END), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	told(pair[1], pair[0], "");
	assert_int_equal(fstat(pair[1], &status), 0);
	(void)snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)status.st_dev,
		       (unsigned long long)status.st_ino);
	assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
	told(pair[1], pair[0], "refused\n");
	told(file, file, "");
	assert_int_equal(setenv("JOURNAL_STREAM", "1:2", 1), 0);
	told(pair[1], pair[0], "");
	assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
	(void)close(file);
	(void)unlink(path);
	(void)close(pair[0]);
	(void)close(pair[1]);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void a_pipe_of_the_programs_own_is_left_alone(void **state)
{
	const int input = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	told(ends[1], ends[0], "");
	/* The other way round it is somebody else's. */
	assert_int_equal(dup2(ends[1], STDIN_FILENO), STDIN_FILENO);
	told(ends[1], ends[0], "refused\n");
	if (input >= 0)
		assert_int_equal(dup2(input, STDIN_FILENO), STDIN_FILENO);
	else
		(void)close(STDIN_FILENO);
	(void)close(input);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void nobody_waits_for_a_notice(void **state)
{
	static char full[65536];
	static char text[2 * PIPE_BUF];
	sigset_t before;
	sigset_t after;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	(void)fcntl(ends[1], F_SETFL, O_NONBLOCK);
	while (write(ends[1], full, sizeof full) > 0)
		continue;
	(void)fcntl(ends[1], F_SETFL, 0);
	error_to(ends[1]);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
	gate_notice("lost");
	/* A reader that is gone raises nothing. */
	(void)close(ends[0]);
	gate_notice("lost");
	error_back();
	(void)close(ends[1]);
	/* No more than what a pipe takes at once. */
	assert_int_equal(pipe(ends), 0);
	memset(text, 'x', sizeof text - 1);
	error_to(ends[1]);
	gate_notice(text);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
	error_back();
	assert_int_equal(read(ends[0], full, sizeof full), PIPE_BUF);
	assert_true(full[PIPE_BUF - 2] == 'x' && full[PIPE_BUF - 1] == '\n');
	assert_int_equal(sigismember(&before, SIGPIPE), sigismember(&after, SIGPIPE));
	assert_int_equal(sigismember(&before, SIGTTOU), sigismember(&after, SIGTTOU));
	(void)close(ends[0]);
	(void)close(ends[1]);
}

/* ---- wrappers.c ---- */

#define NAME(with, type, name, names, ...) #name,
static const char *const names[] = {GATE_WRAPPERS(NAME, )};

static void each_libpq_has_functions_of_its_own(void **state)
{
	struct gate_libpq some = {.number = 0};
	struct gate_libpq other = {.number = 0};
	char *(*say)(const PGconn *);
	void *address;

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		assert_true(gate_is_wrapped(names[i]));
		for (some.number = 0; some.number < GATE_LIBPQS; some.number++) {
			assert_non_null(gate_wrapper(&some, names[i]));
			assert_ptr_not_equal(gate_wrapper(&some, names[i]),
					     gate_wrapper(GATE_LIBPQ_BEYOND, names[i]));
			for (other.number = 0; other.number < some.number; other.number++)
				assert_ptr_not_equal(gate_wrapper(&some, names[i]),
						     gate_wrapper(&other, names[i]));
			assert_ptr_not_equal(gate_own_poll(&some), gate_wrapper(&some, names[i]));
		}
	}
	for (some.number = 0; some.number < GATE_LIBPQS; some.number++) {
		assert_ptr_not_equal(gate_own_poll(&some), gate_own_poll(GATE_LIBPQ_BEYOND));
		for (other.number = 0; other.number < some.number; other.number++)
			assert_ptr_not_equal(gate_own_poll(&some), gate_own_poll(&other));
	}
	/* Of one that the gate cannot stand before, it refuses. */
	address = gate_wrapper(GATE_LIBPQ_BEYOND, "PQerrorMessage");
	memcpy(&say, &address, sizeof say);
	assert_non_null(strstr(say(NULL), "pganchor refused this connection: it is of no libpq"));
	assert_false(gate_is_wrapped("PQfinish"));
	assert_false(gate_is_wrapped("PQconnectd"));
	assert_false(gate_is_wrapped("PQconnectdbX"));
	assert_false(gate_is_wrapped("XQconnectdb"));
	assert_false(gate_is_wrapped("PXconnectdb"));
	assert_false(gate_is_wrapped(""));
	assert_null(gate_wrapper(&some, "PQfinish"));
}

/* ---- chroot.c ---- */

/* What is in force is read before it goes out of sight, where the process has a libpq. */
static void the_rules_are_read_before_a_chroot(void **state)
{
	void *handle;

	(void)state;
	put_policy("cancel = allow\n");
	gate_rules_release(gate_rules_acquire());
	assert_true(gate_may_cancel());
	put_policy("cancel = refuse\n");
	errno = 0;
	assert_int_equal(chroot("/nonexistent"), -1);
	assert_true(errno == ENOENT || errno == EPERM);
	assert_true(gate_may_cancel());
	handle = dlopen("libpq.so.5", RTLD_LAZY | RTLD_LOCAL);
	if (handle == NULL)
		skip();
	errno = 0;
	assert_int_equal(chroot("/nonexistent"), -1);
	assert_true(errno == ENOENT || errno == EPERM);
	assert_false(gate_may_cancel());
	put_policy("");
}

static int make_scratch(void **state)
{
	char path[128];

	(void)state;
	if (mkdtemp(scratch) == NULL)
		return -1;
	(void)snprintf(path, sizeof path, "%s/pganchor", scratch);
	return mkdir(path, 0700) == 0 ? setenv("XDG_CONFIG_HOME", scratch, 1) : -1;
}

static int remove_scratch(void **state)
{
	char path[128];

	(void)state;
	(void)snprintf(path, sizeof path, "%s/pganchor/policy.conf", scratch);
	(void)unlink(path);
	(void)snprintf(path, sizeof path, "%s/pganchor", scratch);
	return rmdir(path) == 0 ? rmdir(scratch) : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_connection_by_tcp_is_cut),
	    cmocka_unit_test(a_connection_by_a_socket_is_cut),
	    cmocka_unit_test(what_is_no_connection_is_left_alone),
	    cmocka_unit_test(without_a_descriptor_it_is_shut_down),
	    cmocka_unit_test(libpq_is_polled_until_it_has_noticed),
	    cmocka_unit_test(calls_within_calls),
	    cmocka_unit_test(what_has_begun_is_forgotten),
	    cmocka_unit_test(which_hosts_may_be_looked_up),
	    cmocka_unit_test(a_notice_goes_where_it_is_read),
	    cmocka_unit_test(a_pipe_of_the_programs_own_is_left_alone),
	    cmocka_unit_test(nobody_waits_for_a_notice),
	    cmocka_unit_test(each_libpq_has_functions_of_its_own),
	    cmocka_unit_test(the_rules_are_read_before_a_chroot),
	};

	return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
