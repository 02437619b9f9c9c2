/* gate/tls_write.c: what libpq sends by TLS: of a session that was looked at, or that holds now,
 * and of no other. The session and what is found out about it are the test's. */
#include "cmocka_start.h"

#include "gate/call.h"
#include "gate/cut.h"
#include "gate/imports.h"

#include <errno.h>
#include <string.h>

/* What the linker leads here (--wrap). */
struct gate_call *__wrap_gate_call_current(void);
ino_t __wrap_gate_cut(const struct gate_libpq *of, PGconn *conn);
void __wrap_gate_refuse(struct gate_libpq *of, PGconn *conn, const char *message);
bool __wrap_gate_libpq_openssl(struct gate_libpq *of);
bool __wrap_gate_conn_holds(struct gate_libpq *of, PGconn *conn, struct pga_text *refusal);
void __wrap_gate_session_mark(struct gate_libpq *of, void *ssl);
bool __wrap_gate_session_is_marked(const struct gate_libpq *of, const void *ssl);

static struct gate_libpq libpq;
static char session, connection;
static const char bytes[] = "the startup packet";
#define CONN ((PGconn *)(void *)&connection)

static struct {
	struct gate_call *call;
	bool marked, holds, no_openssl, of_no_connection;
	int sent, marks, looks, cuts;
	char refused[64];
} play;

struct gate_call *__wrap_gate_call_current(void)
{
	return play.call;
}

ino_t __wrap_gate_cut(const struct gate_libpq *of, PGconn *conn)
{
	assert_ptr_equal(of, &libpq);
	assert_ptr_equal(conn, CONN);
	assert_string_equal(play.refused, "");
	play.cuts++;
	return 4711;
}

void __wrap_gate_refuse(struct gate_libpq *of, PGconn *conn, const char *message)
{
	assert_ptr_equal(of, &libpq);
	assert_ptr_equal(conn, CONN);
	(void)snprintf(play.refused, sizeof play.refused, "%s", message);
}

bool __wrap_gate_libpq_openssl(struct gate_libpq *of)
{
	assert_ptr_equal(of, &libpq);
	return !play.no_openssl;
}

bool __wrap_gate_conn_holds(struct gate_libpq *of, PGconn *conn, struct pga_text *refusal)
{
	assert_ptr_equal(of, &libpq);
	assert_ptr_equal(conn, CONN);
	play.looks++;
	errno = EINTR;
	if (!play.holds)
		pga_text_add(refusal, "the root is another");
	return play.holds;
}

void __wrap_gate_session_mark(struct gate_libpq *of, void *ssl)
{
	assert_ptr_equal(of, &libpq);
	assert_ptr_equal(ssl, &session);
	play.marks++;
}

bool __wrap_gate_session_is_marked(const struct gate_libpq *of, const void *ssl)
{
	assert_ptr_equal(of, &libpq);
	assert_ptr_equal(ssl, &session);
	return play.marked;
}

/* OpenSSL's. */
static void *data_of(const void *ssl, int index)
{
	assert_ptr_equal(ssl, &session);
	assert_int_equal(index, 0);
	return play.of_no_connection ? NULL : &connection;
}

static int sends(void *ssl, const void *what, int count, int by)
{
	assert_ptr_equal(ssl, &session);
	assert_ptr_equal(what, bytes);
	assert_int_equal(errno, EDOM);
	play.sent += by;
	return count - by;
}

static int send_by_one(void *ssl, const void *what, int count)
{
	return sends(ssl, what, count, 1);
}

static int send_by_two(void *ssl, const void *what, int count)
{
	return sends(ssl, what, count, 2);
}

static int start(void **state)
{
	(void)state;
	memset(&play, 0, sizeof play);
	memset(&libpq, 0, sizeof libpq);
	libpq.SSL_get_ex_data = data_of;
	libpq.SSL_write = send_by_one;
	return 0;
}

static int send_it(struct gate_libpq *of)
{
	errno = EDOM;
	return gate_tls_write(of, &session, bytes, 18);
}

static void assert_not_sent(void)
{
	assert_int_equal(send_it(&libpq), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(play.sent, 0);
	assert_int_equal(play.marks, 0);
}

static void test_what_holds_is_sent_and_marked(void **state)
{
	(void)state;
	play.holds = true;
	assert_int_equal(send_it(&libpq), 17);
	assert_int_equal(errno, EDOM);
	assert_int_equal(play.sent, 1);
	assert_int_equal(play.marks, 1);
	assert_int_equal(play.looks, 1);
	assert_int_equal(play.cuts, 0);
	assert_string_equal(play.refused, "");
}

static void test_what_is_marked_is_not_looked_at_again(void **state)
{
	(void)state;
	play.marked = true;
	assert_int_equal(send_it(&libpq), 17);
	assert_int_equal(play.looks, 0);
	assert_int_equal(play.marks, 0);
	/* What libpq itself would call comes before what its OpenSSL has. */
	atomic_store(&libpq.import_SSL_write, send_by_two);
	assert_int_equal(send_it(&libpq), 16);
	assert_int_equal(play.sent, 3);
}

static void test_what_does_not_hold_is_cut(void **state)
{
	struct gate_call call = {.libpq = &libpq};

	(void)state;
	assert_not_sent();
	assert_string_equal(play.refused, "the root is another");
	assert_int_equal(play.cuts, 1);
	play.refused[0] = '\0';
	play.call = &call;
	assert_not_sent();
	assert_string_equal(play.refused, "the root is another");
	assert_int_equal(play.cuts, 2);
	assert_ptr_equal(call.refused, CONN);
	assert_int_equal(call.dead, 4711);
}

/* What cannot be looked at is not sent; there is nobody to tell. */
static void test_what_cannot_be_looked_at_is_not_sent(void **state)
{
	(void)state;
	play.holds = true;
	play.of_no_connection = true;
	assert_not_sent();
	play.of_no_connection = false;
	libpq.SSL_get_ex_data = NULL;
	assert_not_sent();
	libpq.SSL_get_ex_data = data_of;
	libpq.SSL_write = NULL;
	/* Also where libpq's own is known: it is another OpenSSL's, then. */
	atomic_store(&libpq.import_SSL_write, send_by_two);
	assert_not_sent();
	libpq.SSL_write = send_by_one;
	play.no_openssl = true;
	assert_not_sent();
	assert_int_equal(play.looks, 0);
	assert_int_equal(play.cuts, 0);
	assert_string_equal(play.refused, "");
	play.no_openssl = false;
	assert_int_equal(send_it(&libpq), 16);
}

static void test_of_no_libpq_nothing_is_sent(void **state)
{
	(void)state;
	play.holds = play.marked = true;
	assert_int_equal(send_it(NULL), -1);
	assert_int_equal(errno, ECONNRESET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_what_holds_is_sent_and_marked, start),
	    cmocka_unit_test_setup(test_what_is_marked_is_not_looked_at_again, start),
	    cmocka_unit_test_setup(test_what_does_not_hold_is_cut, start),
	    cmocka_unit_test_setup(test_what_cannot_be_looked_at_is_not_sent, start),
	    cmocka_unit_test_setup(test_of_no_libpq_nothing_is_sent, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
