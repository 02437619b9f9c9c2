/* The gate's line for the audit log, to the letter: what is told of a connection, of the program's
 * arguments and of the reasons. The test runs itself with other arguments, and what would go to
 * syslog goes to its standard output. */
#include "cmocka_start.h"

#include "base/text.h"
#include "gate/audit_log.h"
#include "gate/rules.h"
#include "settings.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The linker leads the gate's calls here (--wrap). */
ssize_t __wrap_sendto(int log, const void *bytes, size_t length, int flags,
		      const struct sockaddr *address, socklen_t size);
time_t __wrap_time(time_t *when);
pid_t __wrap_getpid(void);

ssize_t __wrap_sendto(int log, const void *bytes, size_t length, int flags,
		      const struct sockaddr *address, socklen_t size)
{
	const struct sockaddr_un *where = (const struct sockaddr_un *)(const void *)address;

	if (log < 0 || flags != MSG_NOSIGNAL || size != sizeof *where ||
	    where->sun_family != AF_UNIX || strcmp(where->sun_path, "/dev/log") != 0)
		_exit(3);
	errno = EAGAIN;
	return write(STDOUT_FILENO, bytes, length);
}

time_t __wrap_time(time_t *when)
{
	(void)when;
	return 1795331163;
}

pid_t __wrap_getpid(void)
{
	return 71;
}

static const struct row {
	const char *settings; /* NULL: none */
	const char *message;
	const char *arguments[20];
	const char *expected;
	bool ambiguous, off;
} rows[] = {
    {"host=h hostaddr=1.2.3.4 port=5432 user=u dbname=d service=s sslmode=require sslrootcert=/r "
     "gssencmode=prefer ssl_min_protocol_version=TLSv1.2 ssl_max_protocol_version=TLSv1.3 "
     "channel_binding=disable require_auth=md5 application_name=a password=secret",
     "pganchor refused this connection: sslmode=require (conninfo) is weaker\n    use a service; "
     "\"pganchor explain\" shows",
     {"-h", "x", "host=h sslmode=a", "postgresql://u:p@x", "postgres://y", "plain", "-W", "a=b",
      "xhost=h", "dbname = x", "\"host=h", "a?host=1&port=2", "'user=x", "postgresq://x"},
     "<84>pganchor[71]: audit: time=\"1795331163\" program=\"some_program\" pid=\"71\" argc=\"15\" "
     "arguments=\"-* * host=*,sslmode=* postgresql://* postgres://* * -* * * dbname=* * "
     "host=*,port=* user=* *\" host=\"h\" hostaddr=\"1.2.3.4\" port=\"5432\" user=\"u\" "
     "dbname=\"d\" service=\"s\" sslmode=\"require\" sslrootcert=\"/r\" gssencmode=\"prefer\" "
     "ssl_min_protocol_version=\"TLSv1.2\" ssl_max_protocol_version=\"TLSv1.3\" "
     "channel_binding=\"disable\" require_auth=\"md5\" "
     "reasons=\"sslmode=require (conninfo) is weaker\"",
     false,
     false},
    {"host=h",
     "pganchor refused this connection: \n    one\n    two\n    three\n    advice",
     {NULL},
     "<84>pganchor[71]: audit: time=\"1795331163\" program=\"some_program\" pid=\"71\" argc=\"1\" "
     "arguments=\"\" host=\"h\" reasons=\"one; two; three\"",
     false,
     false},
    {"host=h",
     "pganchor refused this connection: \n    one\n    advice",
     {"a"},
     "<84>pganchor[71]: audit: time=\"1795331163\" program=\"some_program\" pid=\"71\" argc=\"2\" "
     "arguments=\"*\" host=\"h\" reasons=\"one\"",
     false,
     false},
    {"host=h",
     "pganchor refused this connection: one",
     {"a"},
     "<84>pganchor[71]: audit: time=\"1795331163\" program=\"some_program\" pid=\"71\" argc=\"2\" "
     "arguments=\"*\" host=\"h\" reasons=\"one\"",
     false,
     false},
    {"host=h",
     "pganchor refused this connection: \n    one",
     {"a"},
     "<84>pganchor[71]: audit: time=\"1795331163\" program=\"some_program\" pid=\"71\" argc=\"2\" "
     "arguments=\"*\" host=\"h\" reasons=\"one\"",
     false,
     false},
    {"host=h",
     "something else\n    advice",
     {"", "", ""},
     "<84>pganchor[71]: audit: time=\"1795331163\" program=\"some_program\" pid=\"71\" argc=\"1\" "
     "arguments=\"\" host=\"h\" reasons=\"something else\"",
     false,
     false},
    {NULL,
     "pganchor refused the server h: is bad\n    advice",
     {"host=h"},
     "<84>pganchor[71]: audit: time=\"1795331163\" program=\"some_program\" pid=\"71\" argc=\"2\" "
     "arguments=\"*\" reasons=\"pganchor refused the server ********: is bad\"",
     false,
     false},
    {NULL,
     "pganchor refused this connection: policy broken",
     {"host=h"},
     "<84>pganchor[71]: audit: time=\"1795331163\" program=\"some_program\" pid=\"71\" argc=\"2\" "
     "arguments=\"*\" reasons=\"policy broken\"",
     false,
     false},
    {"host=h user=u port=1 dbname=d",
     "pganchor refused the server h:x: it is bad: indeed\n    advice",
     {"a"},
     "<84>pganchor[71]: audit: time=\"1795331163\" program=\"some_program\" pid=\"71\" argc=\"2\" "
     "arguments=\"*\" host=\"********\" port=\"********\" user=\"u\" dbname=\"********\" "
     "reasons=\"pganchor refused the server ********: indeed\"",
     true,
     false},
    {"host=h user=u port=1 dbname=d",
     "pganchor refused this connection: \n    host=h (service x) y) is a socket\n    sslmode=a (b) "
     "is weak\n    advice",
     {"a"},
     "<84>pganchor[71]: audit: time=\"1795331163\" program=\"some_program\" pid=\"71\" argc=\"2\" "
     "arguments=\"*\" host=\"********\" port=\"********\" user=\"u\" dbname=\"********\" "
     "reasons=\"host=******** is a socket; sslmode=a (b) is weak\"",
     true,
     false},
    {"host=h user=u port=1 dbname=d",
     "pganchor refused this connection: host=h (service x) is a socket\n    advice",
     {"a"},
     "<84>pganchor[71]: audit: time=\"1795331163\" program=\"some_program\" pid=\"71\" argc=\"2\" "
     "arguments=\"*\" host=\"********\" port=\"********\" user=\"u\" dbname=\"********\" "
     "reasons=\"host=******** is a socket\"",
     true,
     false},
    {"host=h",
     "pganchor refused this connection: host=h (service x) is a socket\n    advice",
     {"a"},
     "<84>pganchor[71]: audit: time=\"1795331163\" program=\"some_program\" pid=\"71\" argc=\"2\" "
     "arguments=\"*\" host=\"h\" reasons=\"host=h (service x) is a socket\"",
     false,
     false},
    {"host=h",
     "pganchor refused the server h: bad\n    advice",
     {"a"},
     "<84>pganchor[71]: audit: time=\"1795331163\" program=\"some_program\" pid=\"71\" argc=\"2\" "
     "arguments=\"*\" host=\"h\" reasons=\"pganchor refused the server h: bad\"",
     false,
     false},
    {"host=u:p@h",
     "pganchor refused this connection: host=u:p@h (x) is a socket\n    a",
     {"a"},
     "<84>pganchor[71]: audit: time=\"1795331163\" program=\"some_program\" pid=\"71\" argc=\"2\" "
     "arguments=\"*\" host=\"********\" reasons=\"host=******** is a socket\"",
     false,
     false},
    {"host=h",
     "pganchor refused this connection: hos=h (x) y\n    advice",
     {"a"},
     "<84>pganchor[71]: audit: time=\"1795331163\" program=\"some_program\" pid=\"71\" argc=\"2\" "
     "arguments=\"*\" host=\"********\" reasons=\"hos=h (x) y\"",
     true,
     false},
    {"host=h",
     "pganchor refused this connection: host=h no origin\n    advice",
     {"a"},
     "<84>pganchor[71]: audit: time=\"1795331163\" program=\"some_program\" pid=\"71\" argc=\"2\" "
     "arguments=\"*\" host=\"********\" reasons=\"\"",
     true,
     false},
    {"host=h",
     "pganchor refused this connection: x",
     {"-", "1", "-", "3", "-", "5", "-", "7", "-", "9", "-", "11", "-", "13", "-", "15", "-", "17"},
     "<84>pganchor[71]: audit: time=\"1795331163\" program=\"some_program\" pid=\"71\" argc=\"19\" "
     "arguments=\"-* * -* * -* * -* * -* * -* * -* * -* *\" host=\"h\" reasons=\"x\"",
     false,
     false},
    {"host="
     "012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012"
     "345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345"
     "678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678"
     "901234567890123456789 user=a\"b\\c",
     "pganchor refused this connection: "
     "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
     "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
     "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
     "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
     "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
     "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
     "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
     "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
     "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
     "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
     "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
     "rrrrrrr",
     {"a"},
     "<84>pganchor[71]: audit: time=\"1795331163\" program=\"some_program\" pid=\"71\" argc=\"2\" "
     "arguments=\"*\" "
     "host="
     "\"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
     "123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123"
     "456789012345678901234567890123456789012345678901234567890123456789012345...\" "
     "user=\"a\\x22b\\x5Cc\" "
     "reasons="
     "\"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
     "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
     "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
     "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
     "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
     "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
     "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
     "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
     "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
     "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
     "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
     "rrr...\"",
     false,
     false},
    {"-host -hostaddr user=\x01\xFF",
     "pganchor refused this connection: \xE9\x07",
     {"a"},
     "<84>pganchor[71]: audit: time=\"1795331163\" program=\"some_program\" pid=\"71\" argc=\"2\" "
     "arguments=\"*\" user=\"\\x01\\xFF\" reasons=\"\\xE9\\x07\"",
     false,
     false},
    {"host=h", "pganchor refused this connection: x", {"a"}, "", false, true},
    {"host=h",
     "pganchor refused this connection: x",
     {"-"},
     "<84>pganchor[71]: audit: time=\"1795331163\" program=\"some_program\" pid=\"71\" argc=\"2\" "
     "arguments=\"-*\" host=\"h\" reasons=\"x\"",
     false,
     false},
    {"host=h",
     "pganchor refused this connection: x",
     {"=", "==x", "host", "host==", "  host  =x"},
     "<84>pganchor[71]: audit: time=\"1795331163\" program=\"some_program\" pid=\"71\" argc=\"6\" "
     "arguments=\"* * * host=* host=*\" host=\"h\" reasons=\"x\"",
     false,
     false},
};

/* What the row's connection is told as. Where errno changes, or anything is said that should not
 * be, the exit status tells. */
static int tell(const struct row *row)
{
	static struct settings settings;
	static struct gate_rules rules;

	if (row->settings != NULL)
		make_settings(&settings, row->settings);
	rules.policy.log = row->off ? PGA_LOG_OFF : PGA_LOG_SYSLOG;
	errno = ENOTDIR;
	gate_audit_log(&rules, row->settings != NULL ? &settings.effective : NULL, row->ambiguous,
		       row->message);
	return errno == ENOTDIR ? 0 : 4;
}

static void run(const struct row *row, char *said, size_t size)
{
	const char *words[22] = {"some_program"};
	char number[16];
	int channel[2];
	size_t length = 0;
	ssize_t got;
	int status;
	pid_t child;

	for (size_t i = 0; row->arguments[i] != NULL; i++)
		words[i + 1] = row->arguments[i];
	(void)snprintf(number, sizeof number, "%zu", (size_t)(row - rows));
	assert_int_equal(pipe(channel), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (dup2(channel[1], STDOUT_FILENO) < 0 || setenv("TEST_ROW", number, 1) != 0)
			_exit(5);
		(void)execv("/proc/self/exe", (char *const *)(uintptr_t)words);
		_exit(6);
	}
	(void)close(channel[1]);
	while ((got = read(channel[0], said + length, size - 1 - length)) > 0)
		length += (size_t)got;
	said[length] = '\0';
	(void)close(channel[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void what_is_told(void **state)
{
	static char said[16384];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		run(&rows[i], said, sizeof said);
		assert_string_equal(said, rows[i].expected);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_told)};
	const char *row = getenv("TEST_ROW");

	(void)argc;
	(void)argv;
	if (row != NULL)
		return tell(&rows[strtoul(row, NULL, 10)]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
