/* The gate's marks on a session of OpenSSL's: that it was looked at, and by which of the program's
 * libpqs its handshake is made. libpq and OpenSSL are played by the test. */
#include "cmocka_start.h"

#include "gate/imports.h"
#include "gate/session.h"
#include "gate_fakes.h"
#include "played_session.h"

#include <errno.h>

static void a_session_is_looked_at_once(void **state)
{
	(void)state;
	begin("", NULL);
	assert_false(gate_session_is_marked(libpq, &fake_session));
	gate_session_mark(libpq, &fake_session);
	assert_true(gate_session_is_marked(libpq, &fake_session));
	assert_ptr_equal(fake.data, libpq);
	fake.data = &fake; /* somebody else's */
	assert_false(gate_session_is_marked(libpq, &fake_session));
	fake.data = libpq;
	libpq->SSL_get_ex_data = NULL;
	assert_false(gate_session_is_marked(libpq, &fake_session));
	end();
}

/* No index of OpenSSL's, or one that is the program's own, marks nothing. */
static void without_an_index_nothing_is_marked(void **state)
{
	static const size_t needed[] = {offsetof(struct gate_libpq, SSL_get_verify_result),
					offsetof(struct gate_libpq, SSL_get_verify_mode),
					offsetof(struct gate_libpq, CRYPTO_get_ex_new_index),
					offsetof(struct gate_libpq, SSL_set_ex_data)};

	(void)state;
	for (int index = -1; index <= 0; index++) {
		begin("", NULL);
		fake.index = index;
		gate_session_mark(libpq, &fake_session);
		assert_null(fake.data);
		assert_false(gate_session_is_marked(libpq, &fake_session));
		end();
	}
	for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
		begin("", NULL);
		memset((char *)libpq + needed[i], 0, sizeof(void *));
		gate_session_mark(libpq, &fake_session);
		assert_null(fake.data);
		end();
	}
	/* Nor is one asked for where it is not known whose. */
	begin("", NULL);
	atomic_store(&libpq->openssl_known, false);
	libpq->base = &fake;
	gate_session_mark(libpq, &fake_session);
	assert_null(fake.data);
	assert_null(fake.on_free);
	end();
}

static void the_first_index_counts(void **state)
{
	(void)state;
	begin("", NULL);
	fake.index = 1;
	gate_session_mark(libpq, &fake_session);
	assert_true(gate_session_is_marked(libpq, &fake_session));
	assert_int_equal(atomic_load(&libpq->session_index), 1);
	assert_non_null(fake.on_free);
	fake.on_free = NULL;
	gate_session_mark(libpq, &fake_session);
	assert_int_equal(gate_tls_connect(libpq, &fake_session), 7);
	assert_null(fake.on_free);
	end();
}

static struct gate_libpq *meanwhile;

static int new_index_of_another_thread(int kind, long number, void *context, void *on_new,
				       void *on_dup, gate_ex_free *on_free)
{
	atomic_store(&meanwhile->session_index, 5);
	return fake_new_ex_data(kind, number, context, on_new, on_dup, on_free);
}

static void another_threads_index_counts(void **state)
{
	(void)state;
	begin("", NULL);
	meanwhile = libpq;
	libpq->CRYPTO_get_ex_new_index = new_index_of_another_thread;
	gate_session_mark(libpq, &fake_session);
	assert_int_equal(atomic_load(&libpq->session_index), 5);
	end();
}

static int other_connect(void *ssl)
{
	return ssl == &fake_session ? 8 : -2;
}

static void a_handshake_is_made_by_what_libpq_calls(void **state)
{
	(void)state;
	begin("", NULL);
	assert_int_equal(gate_tls_connect(NULL, &fake_session), -1);
	assert_int_equal(gate_tls_connect(libpq, &fake_session), 7);
	assert_non_null(fake.on_free);
	atomic_store(&libpq->import_SSL_connect, other_connect);
	assert_int_equal(gate_tls_connect(libpq, &fake_session), 8);
	atomic_store(&libpq->import_SSL_connect, NULL);
	libpq->SSL_connect = NULL;
	assert_int_equal(gate_tls_connect(libpq, &fake_session), -1);
	end();
}

static int other_write(void *ssl, const void *bytes, int count)
{
	(void)ssl;
	(void)bytes;
	return count + 1;
}

static void a_session_that_was_looked_at_writes(void **state)
{
	(void)state;
	begin("", NULL);
	errno = 0;
	assert_int_equal(gate_tls_write(NULL, &fake_session, "x", 1), -1);
	assert_int_equal(errno, ECONNRESET);
	gate_session_mark(libpq, &fake_session);
	errno = EAGAIN;
	assert_int_equal(gate_tls_write(libpq, &fake_session, "xyz", 3), 3);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(fake.sent, 3);
	atomic_store(&libpq->import_SSL_write, other_write);
	assert_int_equal(gate_tls_write(libpq, &fake_session, "xyz", 3), 4);
	/* One of no connection that is known. */
	fake.data = NULL;
	errno = 0;
	assert_int_equal(gate_tls_write(libpq, &fake_session, "xyz", 3), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(fake.sent, 3);
	/* Nor is anything asked where that has no function to write by. */
	libpq->SSL_write = NULL;
	fake.app_data = the_connection();
	assert_int_equal(gate_tls_write(libpq, &fake_session, "xyz", 3), -1);
	assert_string_equal(fake.error, "libpq's own words\n");
	libpq->SSL_write = fake_tls_write;
	/* Whose OpenSSL it is cannot be told: of the connection nothing is asked. */
	atomic_store(&libpq->openssl_known, false);
	libpq->base = &fake;
	fake.app_data = the_connection();
	assert_int_equal(gate_tls_write(libpq, &fake_session, "xyz", 3), -1);
	assert_string_equal(fake.error, "libpq's own words\n");
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_session_is_looked_at_once),
	    cmocka_unit_test(without_an_index_nothing_is_marked),
	    cmocka_unit_test(the_first_index_counts),
	    cmocka_unit_test(another_threads_index_counts),
	    cmocka_unit_test(a_handshake_is_made_by_what_libpq_calls),
	    cmocka_unit_test(a_session_that_was_looked_at_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
