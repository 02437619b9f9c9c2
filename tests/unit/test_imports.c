/* What a libpq calls in other libraries: which of it the gate has bound (gate/imports.c), and whose
 * OpenSSL it is (gate/openssl.c), among objects that the test lays out. */
#include "cmocka_start.h"

#include "gate/connect_poll.h"
#include "gate/imports.h"
#include "gate/openssl.h"
#include "gate/session.h"
#include "gate_fakes.h"
#include "played_loader.h"

static struct gate_libpq *libpq;
static struct played_object *const program = &objects[0];
static struct played_object *const own = &objects[1]; /* libpq */
static struct played_object *const tls = &objects[2];
static struct played_object *const crypto = &objects[3];
static struct played_object *const libc = &objects[4];

struct gate_libpq *__wrap_gate_libpq_number(unsigned number);
void *__wrap_gate_libpq_would_call(const struct gate_libpq *of, const char *name);
bool __wrap_gate_sees_polls(struct gate_libpq *of);

static bool polls_seen;
static void *would_call;
static const char *would_call_name;

struct gate_libpq *__wrap_gate_libpq_number(unsigned number)
{
	return number == libpq->number ? libpq : NULL;
}

void *__wrap_gate_libpq_would_call(const struct gate_libpq *of, const char *name)
{
	assert_ptr_equal(of, libpq);
	would_call_name = name;
	return would_call;
}

bool __wrap_gate_sees_polls(struct gate_libpq *of)
{
	assert_ptr_equal(of, libpq);
	return polls_seen;
}

static void lay_out(unsigned number)
{
	lay_out_objects();
	libpq = fake_libpq();
	libpq->number = number;
	libpq->base = own->bytes;
	would_call = NULL;
	would_call_name = NULL;
	polls_seen = false;
}

static void entry(size_t number, const char *name, void *value)
{
	own->entries[number].name = name;
	own->entries[number].value = value;
}

static void *address_of(const void *function)
{
	void *address;

	memcpy(&address, function, sizeof address);
	return address;
}

#define REAL(field) address_of(&libpq->field)

static void check_seen(bool writes, bool handshakes, bool lookups)
{
	assert_int_equal(atomic_load(&libpq->writes_seen), writes);
	assert_int_equal(atomic_load(&libpq->handshakes_seen), handshakes);
	assert_int_equal(atomic_load(&libpq->lookups_seen), lookups);
}

static void what_is_called_elsewhere_is_bound(void **state)
{
	void *bound[3];

	(void)state;
	lay_out(0);
	entry(0, "SSL_read", tls->bytes);
	entry(1, "getaddrinfo", libc->bytes);
	entry(2, "SSL_write", tls->bytes + 1);
	entry(3, "SSL_connect", tls->bytes + 2);
	gate_imports_bind(libpq);
	check_seen(true, true, true);
	assert_ptr_equal(REAL(import_getaddrinfo), libc->bytes);
	assert_ptr_equal(REAL(import_SSL_write), tls->bytes + 1);
	assert_ptr_equal(REAL(import_SSL_connect), tls->bytes + 2);
	assert_null(would_call_name);
	assert_ptr_equal(own->entries[0].value, tls->bytes);
	for (size_t i = 0; i < 3; i++) {
		bound[i] = own->entries[i + 1].value;
		assert_null(object_at(bound[i]));
	}
	assert_true(bound[0] != bound[1] && bound[1] != bound[2] && bound[2] != bound[0]);
	/* Once more: what they lead to is not taken for libpq's own. */
	would_call = tls->bytes + 9;
	own->entries[1].fixed = true;
	gate_imports_bind(libpq);
	check_seen(true, true, true);
	assert_ptr_equal(REAL(import_getaddrinfo), libc->bytes);
	assert_ptr_equal(own->entries[1].value, bound[0]);
}

/* Each libpq has functions of its own, which lead to its own. */
static void each_libpq_has_its_own(void **state)
{
	void *before[3] = {NULL, NULL, NULL};

	(void)state;
	for (unsigned number = 0; number < GATE_LIBPQS; number++) {
		int (*write)(void *, const void *, int);
		int (*connect)(void *);

		lay_out(number);
		entry(0, "SSL_write", tls->bytes);
		entry(1, "SSL_connect", tls->bytes);
		entry(2, "getaddrinfo", tls->bytes);
		gate_imports_bind(libpq);
		check_seen(true, true, true);
		atomic_store(&libpq->import_SSL_write, NULL);
		atomic_store(&libpq->import_SSL_connect, NULL);
		memcpy(&write, &own->entries[0].value, sizeof write);
		memcpy(&connect, &own->entries[1].value, sizeof connect);
		for (size_t i = 0; i < 3; i++) {
			assert_ptr_not_equal(own->entries[i].value, before[i]);
			before[i] = own->entries[i].value;
		}
		assert_int_equal(connect(&fake_session), 7);
		gate_session_mark(libpq, &fake_session);
		assert_int_equal(write(&fake_session, "abc", 3), 3);
		libpq->number++;
		assert_int_equal(write(&fake_session, "abc", 3), -1);
		assert_int_equal(connect(&fake_session), -1);
	}
}

/* What the entry held, and what libpq's own is then taken for. */
static void what_is_not_bound_yet_is_told_beforehand(void **state)
{
	(void)state;
	/* Back into its own object, to the code that looks the symbol up. */
	lay_out(3);
	entry(0, "SSL_write", own->bytes + 20);
	would_call = tls->bytes + 5;
	gate_imports_bind(libpq);
	check_seen(true, false, false);
	assert_ptr_equal(REAL(import_SSL_write), tls->bytes + 5);
	assert_string_equal(would_call_name, "SSL_write");
	/* A function of that name of its own. */
	lay_out(3);
	own->functions[0] = "SSL_connect";
	entry(0, "SSL_connect", own->bytes);
	would_call = tls->bytes + 5;
	gate_imports_bind(libpq);
	check_seen(false, true, false);
	assert_ptr_equal(REAL(import_SSL_connect), own->bytes);
	assert_null(would_call_name);
	/* Into no object; and it cannot be told: what was known stays. */
	lay_out(3);
	entry(0, "SSL_connect", &fake);
	would_call = tls->bytes + 5;
	gate_imports_bind(libpq);
	assert_ptr_equal(REAL(import_SSL_connect), tls->bytes + 5);
	would_call = NULL;
	own->entries[0].value = own->bytes + 20;
	gate_imports_bind(libpq);
	assert_ptr_equal(REAL(import_SSL_connect), tls->bytes + 5);
	check_seen(false, true, false);
}

static void what_cannot_be_bound_is_not_seen(void **state)
{
	(void)state;
	/* One of two entries, whichever. */
	for (size_t fixed = 0; fixed < 2; fixed++) {
		lay_out(1);
		entry(0, "SSL_write", tls->bytes);
		entry(1, "SSL_write", tls->bytes);
		own->entries[fixed].fixed = true;
		atomic_store(&libpq->writes_seen, true);
		gate_imports_bind(libpq);
		check_seen(false, false, false);
	}
	/* An object of which nothing is known. */
	lay_out(1);
	entry(0, "SSL_write", tls->bytes);
	own->unreadable = true;
	gate_imports_bind(libpq);
	check_seen(false, false, false);
	assert_ptr_equal(own->entries[0].value, tls->bytes);
	own->unreadable = false;
	libpq->base = &fake;
	atomic_store(&libpq->writes_seen, true);
	gate_imports_bind(libpq);
	check_seen(true, false, false);
	assert_int_equal(looked_at, 0);
}

static void what_is_seen_of_a_session(void **state)
{
	(void)state;
	for (int bits = 0; bits < 8; bits++) {
		const bool writes = (bits & 1) != 0;
		const bool lookups = (bits & 2) != 0;

		lay_out(1);
		libpq->base = &fake;
		polls_seen = (bits & 4) != 0;
		atomic_store(&libpq->writes_seen, writes);
		atomic_store(&libpq->lookups_seen, lookups);
		assert_int_equal(gate_sees_sessions(libpq), (writes && lookups) || polls_seen);
		assert_int_equal(gate_sees_lookups(libpq), lookups || polls_seen);
		/* What is not seen is tried once more, by a session. */
		libpq->base = own->bytes;
		(void)gate_sees_lookups(libpq);
		assert_int_equal(looked_at, 0);
		(void)gate_sees_sessions(libpq);
		assert_int_equal(looked_at, writes && lookups ? 0 : 3);
	}
}

static void what_is_not_seen_is_told(void **state)
{
	struct pga_text refusal = PGA_TEXT_EMPTY;

	(void)state;
	lay_out(1);
	gate_say_unseen(libpq, &refusal);
	assert_string_equal(pga_text_string(&refusal),
			    "pganchor refused this connection: what this libpq does cannot be "
			    "looked at: its calls of other libraries cannot be bound to the gate");
	pga_text_free(&refusal);
	atomic_store(&libpq->lookups_seen, true);
	gate_say_unseen(libpq, &refusal);
	assert_string_equal(pga_text_string(&refusal),
			    "pganchor refused this connection: what this libpq does cannot be "
			    "looked at: it does not use a shared OpenSSL, and calls its own "
			    "PQconnectPoll where nobody sees it\n    use a libpq that is linked "
			    "with a shared OpenSSL");
	pga_text_free(&refusal);
}

/* ---- whose OpenSSL it is ---- */

/* As libpq knows them before. */
static void forget_openssl(void)
{
	lay_out(2);
	atomic_store(&libpq->openssl_known, false);
	tls->functions[0] = "SSL_get_verify_result";
	tls->functions[1] = "SSL_CTX_get_cert_store";
	crypto->functions[0] = "X509_digest";
	crypto->functions[1] = "ERR_pop_to_mark";
}

static void check_openssl(bool known, const void *of_tls, const void *of_crypto)
{
	const struct gate_libpq before = *libpq;

	assert_int_equal(gate_libpq_openssl(libpq), known);
	assert_int_equal(atomic_load(&libpq->openssl_known), known);
	if (!known) {
		assert_memory_equal(&before, libpq, sizeof before);
		return;
	}
	assert_int_equal(libpq->number, 2);
	assert_ptr_equal(REAL(SSL_get_verify_result), of_tls);
	assert_ptr_equal(REAL(SSL_CTX_get_cert_store),
			 of_tls != NULL ? (const char *)of_tls + 1 : NULL);
	assert_null(REAL(SSL_write));
	assert_ptr_equal(REAL(X509_digest), of_crypto);
	assert_ptr_equal(REAL(ERR_pop_to_mark),
			 of_crypto != NULL ? (const char *)of_crypto + 1 : NULL);
	assert_null(REAL(X509_STORE_CTX_new));
}

static void the_openssl_of_a_libpq_is_found(void **state)
{
	static const char *const of_crypto[] = {"X509_free", "ERR_get_error"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		forget_openssl();
		entry(0, "PQconnectPoll", own->bytes);
		entry(1, "SSL_read", tls->bytes + 7);
		entry(2, of_crypto[i], crypto->bytes + 7);
		check_openssl(true, tls->bytes, crypto->bytes);
		/* What is known is not looked for again. */
		own->entries[1].value = crypto->bytes;
		assert_true(gate_libpq_openssl(libpq));
		assert_int_equal(looked_at, 1);
	}
}

/* A library that stands before single functions is none; the next GOT entry may tell. What then
 * lacks a function has none of another's. */
static void what_stands_before_openssl_is_none(void **state)
{
	(void)state;
	forget_openssl();
	entry(0, "SSL_read", libc->bytes);
	entry(1, "SSL_pending", tls->bytes + 7);
	entry(2, "SSL_free", libc->bytes);
	entry(3, "ERR_get_error", crypto->bytes + 7);
	check_openssl(true, tls->bytes, crypto->bytes);
	forget_openssl();
	entry(0, "SSL_read", libc->bytes);
	entry(1, "ERR_get_error", crypto->bytes + 7);
	check_openssl(true, NULL, crypto->bytes);
	forget_openssl();
	entry(0, "SSL_read", tls->bytes + 7);
	entry(1, "X509_free", libc->bytes);
	check_openssl(true, tls->bytes, NULL);
	forget_openssl();
	tls->unreadable = true;
	entry(0, "SSL_read", tls->bytes + 7);
	entry(1, "X509_free", crypto->bytes);
	check_openssl(true, NULL, crypto->bytes);
}

static void what_cannot_be_told_is_not_known(void **state)
{
	(void)state;
	/* None of one of the two; other names that begin alike. */
	forget_openssl();
	entry(0, "SSL_read", tls->bytes + 7);
	entry(1, "ERRNO", crypto->bytes);
	entry(2, "X509X", crypto->bytes);
	check_openssl(false, NULL, NULL);
	forget_openssl();
	entry(0, "ERR_get_error", crypto->bytes + 7);
	entry(1, "SSLX", tls->bytes);
	check_openssl(false, NULL, NULL);
	/* Into no object, or into one that is not bound yet, and it cannot be told. */
	forget_openssl();
	entry(0, "SSL_read", &fake);
	entry(1, "X509_free", own->bytes + 20);
	check_openssl(false, NULL, NULL);
	/* Where it can. */
	would_call = tls->bytes + 7;
	own->entries[1].value = crypto->bytes;
	check_openssl(false, NULL, NULL);
	own->entries[0].value = own->bytes + 20;
	check_openssl(true, tls->bytes, crypto->bytes);
	assert_string_equal(would_call_name, "SSL_read");
	/* A libpq that has one linked in: its own functions are what it calls. */
	forget_openssl();
	own->functions[0] = "SSL_get_verify_result";
	own->functions[1] = "SSL_CTX_get_cert_store";
	own->functions[2] = "SSL_read";
	entry(0, "SSL_read", own->bytes + 2);
	entry(1, "X509_free", crypto->bytes);
	check_openssl(true, own->bytes, crypto->bytes);
	assert_null(would_call_name);
	/* Of a libpq that is in no object, or in one that cannot be read, nothing is known. */
	forget_openssl();
	entry(0, "SSL_read", tls->bytes + 7);
	entry(1, "X509_free", crypto->bytes);
	own->unreadable = true;
	check_openssl(false, NULL, NULL);
	own->unreadable = false;
	libpq->base = &fake;
	check_openssl(false, NULL, NULL);
	assert_int_equal(looked_at, 0);
}

/* The gate's own functions are nobody's. */
static void the_gate_is_no_openssl(void **state)
{
	(void)state;
	forget_openssl();
	entry(0, "SSL_read", program->bytes);
	entry(1, "X509_free", crypto->bytes);
	program->functions[0] = "SSL_get_verify_result";
	check_openssl(false, NULL, NULL);
}

const void *__wrap_gate_own_base(void);
const void *__wrap_gate_own_base(void)
{
	return program->bytes;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_called_elsewhere_is_bound),
	    cmocka_unit_test(each_libpq_has_its_own),
	    cmocka_unit_test(what_is_not_bound_yet_is_told_beforehand),
	    cmocka_unit_test(what_cannot_be_bound_is_not_seen),
	    cmocka_unit_test(what_is_seen_of_a_session),
	    cmocka_unit_test(what_is_not_seen_is_told),
	    cmocka_unit_test(the_openssl_of_a_libpq_is_found),
	    cmocka_unit_test(what_stands_before_openssl_is_none),
	    cmocka_unit_test(what_cannot_be_told_is_not_known),
	    cmocka_unit_test(the_gate_is_no_openssl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
