/* Two gates in one process: which of them stands before a libpq (gate/peer.c), among objects that
 * the test lays out. */
#include "cmocka_start.h"

#include "gate/imports.h"
#include "gate/peer.h"
#include "gate/wrappers.h"
#include "gate_fakes.h"
#include "played_loader.h"

static struct gate_libpq *libpq;
static struct played_object *const own = &objects[0]; /* libpq */
static struct played_object *const tls = &objects[1];
static struct played_object *const libc = &objects[2];
static struct played_object *const other = &objects[3]; /* another gate */

static void lay_out(void)
{
	lay_out_objects();
	libpq = fake_libpq();
	libpq->number = 4;
	libpq->base = own->bytes;
}

static void entry(size_t number, const char *name, void *value)
{
	own->entries[number].name = name;
	own->entries[number].value = value;
}

static void check_seen(bool writes, bool handshakes, bool lookups)
{
	assert_int_equal(atomic_load(&libpq->writes_seen), writes);
	assert_int_equal(atomic_load(&libpq->handshakes_seen), handshakes);
	assert_int_equal(atomic_load(&libpq->lookups_seen), lookups);
}

static const char *not_known; /* to the other gate */
static char known_as;

static gate_function *ask(const void *base, const char *name, void **known)
{
	assert_ptr_equal(base, own->bytes);
	*known = &known_as;
	return not_known == NULL || strcmp(name, not_known) != 0 ? gate_at(name) : NULL;
}

static void lay_out_with_other(void)
{
	gate_peer_ask *function = ask;

	lay_out();
	other->functions[0] = "pganchor_gate_1";
	memcpy(&other->addresses[0], &function, sizeof function);
	entry(0, "SSL_write", tls->bytes);
	entry(1, "SSL_connect", tls->bytes + 1);
	entry(2, "getaddrinfo", libc->bytes);
	not_known = NULL;
}

static void check_left_to_other(size_t untouched)
{
	void *known = NULL;

	assert_true(gate_peer_way(libpq, "PQconnectdb", &known) == gate_at("PQconnectdb"));
	assert_ptr_equal(known, &known_as);
	for (size_t i = untouched; i < 3; i++)
		assert_true(object_at(own->entries[i].value) != own_object);
}

/* Whichever entry is the other's; and whether it was there before, or comes in between. */
static void what_another_gate_has_bound_is_left_to_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		lay_out_with_other();
		own->entries[i].value = other->bytes + 9;
		gate_imports_bind(libpq);
		check_seen(i > 0, i > 1, false);
		check_left_to_other(i);
		assert_ptr_equal(own->entries[i].value, other->bytes + 9);
	}
	lay_out_with_other();
	written_before = other->bytes + 9;
	gate_imports_bind(libpq);
	check_seen(false, false, false);
	check_left_to_other(0);
}

/* What it does not stand before, it would not judge. */
static void to_a_gate_of_another_build_nothing_is_left(void **state)
{
	void *known = NULL;

	(void)state;
	for (int i = 0; i < 3; i++) {
		lay_out_with_other();
		own->entries[0].value = other->bytes + 9;
		if (i == 0)
			other->functions[0] = "pganchor_gate_0";
		else if (i == 1)
			not_known = "PQport";
		else
			other->unreadable = true;
		gate_imports_bind(libpq);
		check_seen(true, true, true);
		assert_true(gate_peer_way(libpq, "PQconnectdb", &known) == NULL);
	}
}

/* The loader binds what is called for the first time. */
static void what_is_written_meanwhile_is_bound(void **state)
{
	void *real;

	(void)state;
	lay_out_with_other();
	written_before = libc->bytes + 3;
	gate_imports_bind(libpq);
	check_seen(true, true, true);
	memcpy(&real, &libpq->import_SSL_write, sizeof real);
	assert_ptr_equal(real, libc->bytes + 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_another_gate_has_bound_is_left_to_it),
	    cmocka_unit_test(to_a_gate_of_another_build_nothing_is_left),
	    cmocka_unit_test(what_is_written_meanwhile_is_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
