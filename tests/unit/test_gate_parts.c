/* Parts of the gate that stand by themselves: calls within calls, host names that are looked up,
 * notices, each libpq's functions, and chroot(). */
#include "cmocka_start.h"

#include "gate/call.h"
#include "gate/cut.h"
#include "gate/imports.h"
#include "gate/notice.h"
#include "gate/wrappers.h"
#include "gate_fakes.h"
#include "settings.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct gate_libpq *libpq;

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
	assert_int_equal(chroot("/proc/self/none"), -1);
	assert_true(errno == ENOENT || errno == EPERM);
	assert_true(gate_may_cancel());
	handle = dlopen("libpq.so.5", RTLD_LAZY | RTLD_LOCAL);
	if (handle == NULL)
		skip();
	errno = 0;
	assert_int_equal(chroot("/proc/self/none"), -1);
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
