/* gate/got.c: which GOT entries are bound to the gate as objects come and go, among objects that
 * the test lays out. Each test is a process that begins anew. */
#include "in_a_child.h"
#include "bound_objects.h"

#include "gate/got.h"
#include "gate/wrappers.h"
#include "played_loader.h"

#include <errno.h>

/* ---- what comes in ---- */
/* The program's own GOT entries count as those of any other object. */
static void users_are_bound(void)
{
	entry(program, 0, "PQconnectdb", pq->bytes + 9);
	entry(user, 0, "PQfinish", pq->bytes + 8);
	entry(user, 1, "PQping", pq->bytes + 7);
	entry(user, 2, "PQreset", pq->bytes + 7);
	entry(user, 3, "printf", libc->bytes);
	entry(libc, 0, "printf", libc->bytes);
	user->entries[1].fixed = true;
	gate_rebind_new();
	CHECK(program->entries[0].value == WRAPPER(0, "PQconnectdb"));
	CHECK(user->entries[0].value == pq->bytes + 8);
	CHECK(user->entries[1].value == pq->bytes + 7);
	CHECK(user->entries[2].value == WRAPPER(0, "PQreset"));
	/* A libpq is found first, and then whoever calls it: it and two others. */
	CHECK(opened == 4 && closed == 4);
	/* Nothing has come in. */
	gate_rebind_new();
	CHECK(opened == 4 && seen == 1);
	/* One more that is none's. */
	loaded = 6;
	adds = 6;
	gate_rebind_new();
	CHECK(opened == 4 && seen == 6);
	gate_rebind_new();
	CHECK(opened == 4 && seen == 1);
}

static void without_a_libpq_nobody_is_looked_at(void)
{
	pq->functions[0] = NULL;
	entry(user, 0, "PQconnectdb", pq->bytes + 9);
	gate_rebind_new();
	CHECK(looked_at == 0 && opened == 0 && user->entries[0].value == pq->bytes + 9);
	gate_rebind_new();
	CHECK(seen == 1);
	/* With the first one, everybody is. */
	loaded = 6;
	adds = 6;
	late->functions[0] = GATE_LIBPQ_MARK;
	entry(user, 0, "PQconnectdb", late->bytes + 9);
	gate_rebind_new();
	CHECK(user->entries[0].value == WRAPPER(1, "PQconnectdb"));
	gate_rebind_new();
	CHECK(seen == 1);
}

/* Only what is new is looked at, unless something has gone since. */
static void what_was_looked_at_is_done_with(void)
{
	gate_rebind_new();
	entry(user, 0, "PQconnectdb", pq->bytes + 9);
	entry(libc, 0, "PQconnectdb", pq->bytes + 9);
	loaded = 6;
	adds = 6;
	entry(late, 0, "PQreset", pq->bytes + 9);
	gate_rebind_new();
	CHECK(user->entries[0].value == pq->bytes + 9);
	CHECK(libc->entries[0].value == pq->bytes + 9);
	CHECK(late->entries[0].value == WRAPPER(0, "PQreset"));
	subs = 1;
	gate_rebind_new();
	CHECK(user->entries[0].value == WRAPPER(0, "PQconnectdb"));
	gate_rebind_new();
	CHECK(seen == 1);
	/* Another one in its place, and no more of them than before. */
	entry(late, 0, "PQreset", pq->bytes + 9);
	adds = 7;
	subs = 2;
	gate_rebind_new();
	CHECK(late->entries[0].value == WRAPPER(0, "PQreset"));
}

/* What could not be noted for want of memory is looked at the next time. */
static void want_of_memory_is_made_up_for(void)
{
	entry(user, 0, "PQconnectdb", pq->bytes + 9);
	gate_rebind_new();
	entry(late, 0, "PQreset", pq->bytes + 9);
	loaded = 6;
	adds = 6;
	has_no_memory = true;
	gate_rebind_new();
	CHECK(late->entries[0].value == pq->bytes + 9);
	has_no_memory = false;
	has_no_block = true;
	gate_rebind_new();
	CHECK(late->entries[0].value == pq->bytes + 9);
	has_no_block = false;
	gate_rebind_new();
	CHECK(late->entries[0].value == WRAPPER(0, "PQreset"));
}

/* So is what was loaded before the first libpq. */
static void want_of_memory_for_those_before_is_made_up_for(void)
{
	entry(user, 0, "PQconnectdb", pq->bytes + 9);
	names_left = 2;
	gate_rebind_new();
	CHECK(user->entries[0].value == pq->bytes + 9);
	names_left = -1;
	gate_rebind_new();
	CHECK(user->entries[0].value == WRAPPER(0, "PQconnectdb"));
}

/* An object without a name, or with nothing that can be read of it. */
static void what_cannot_be_read_is_left_alone(void)
{
	entry(user, 0, "PQconnectdb", pq->bytes + 9);
	entry(libc, 0, "PQconnectdb", pq->bytes + 9);
	entry(gate, 0, "PQconnectdb", pq->bytes + 9);
	user->unreadable = true;
	libc->map.l_name = NULL;
	loaded = 5;
	gate_rebind_new();
	CHECK(user->entries[0].value == pq->bytes + 9);
	CHECK(libc->entries[0].value == pq->bytes + 9);
	CHECK(gate->entries[0].value == pq->bytes + 9);
}

/* ---- what a GOT entry leads to ---- */

static void a_libpqs_own_slots(void)
{
	entry(pq, 0, "PQconnectPoll", pq->bytes + 9);
	entry(pq, 1, "PQpass", pq->bytes + 8);
	entry(pq, 2, "PQreset", pq->bytes + 7);
	gate_rebind_new();
	CHECK(pq->entries[0].value == gate_own_poll(&first));
	CHECK(pq->entries[1].value == WRAPPER(0, "PQpass"));
	CHECK(pq->entries[2].value == pq->bytes + 7);
	/* As a user of another one it is like any other. */
	loaded = 6;
	adds = 6;
	late->functions[0] = GATE_LIBPQ_MARK;
	entry(late, 0, "PQconnectPoll", pq->bytes + 9);
	entry(late, 1, "PQreset", pq->bytes + 9);
	gate_rebind_new();
	CHECK(late->entries[0].value == WRAPPER(0, "PQconnectPoll"));
	CHECK(late->entries[1].value == WRAPPER(0, "PQreset"));
}

/* Of a libpq that the gate cannot stand before. */
static void what_is_beyond_is_refused(void)
{
	libc->functions[0] = GATE_LIBPQ_MARK;
	entry(user, 0, "PQconnectdb", libc->bytes + 9);
	entry(libc, 0, "PQconnectPoll", libc->bytes + 9);
	entry(libc, 1, "PQreset", libc->bytes + 9);
	gate_rebind_new();
	CHECK(user->entries[0].value == gate_wrapper(GATE_LIBPQ_BEYOND, "PQconnectdb"));
	CHECK(libc->entries[0].value == gate_own_poll(GATE_LIBPQ_BEYOND));
	CHECK(libc->entries[1].value == libc->bytes + 9);
}

static void what_leads_to_no_libpq_is_left_alone(void)
{
	entry(user, 0, "PQconnectdb", &found_anew);
	entry(user, 1, "PQreset", libc->bytes + 9);
	/* Not used yet, and it needs no libpq. */
	entry(user, 2, "PQping", user->bytes + 9);
	gate_rebind_new();
	CHECK(user->entries[0].value == &found_anew);
	CHECK(user->entries[1].value == libc->bytes + 9);
	CHECK(user->entries[2].value == user->bytes + 9);
}

/* One that has not been used yet leads to what its object needs. */
static void what_is_not_bound_yet_is_told_by_its_needs(void)
{
	entry(user, 0, "PQconnectdb", user->bytes + 9);
	entry(user, 1, "PQreset", libc->bytes + 9);
	default_found = pq->bytes;
	gate_rebind_new();
	CHECK(user->entries[0].value == WRAPPER(0, "PQconnectdb"));
	CHECK(user->entries[1].value == libc->bytes + 9);
}

static void a_libpq_in_the_program_is_left_alone(void)
{
	program->functions[0] = GATE_LIBPQ_MARK;
	pq->functions[0] = NULL;
	gate_rebind_new();
	CHECK(found_anew == 0);
	/* However short the name of one is that is not. */
	pq->functions[0] = GATE_LIBPQ_MARK;
	pq->map.l_name = letter;
	entry(pq, 0, "PQconnectPoll", pq->bytes + 9);
	subs++;
	gate_rebind_new();
	CHECK(pq->entries[0].value == gate_own_poll(&first));
}

/* A GOT entry that leads to the gate: with a second libpq, to that one's wrapper. */
static void what_leads_to_the_gate(void)
{
	entry(user, 0, "PQconnectdb", gate->bytes + 9);
	gate_rebind_new();
	CHECK(user->entries[0].value == gate->bytes + 9);
	meant_by_callers = first.base;
	subs++;
	gate_rebind_new();
	CHECK(user->entries[0].value == gate->bytes + 9);
	meant_by_callers = second.base;
	is_internal = true;
	subs++;
	gate_rebind_new();
	CHECK(user->entries[0].value == gate->bytes + 9);
	is_internal = false;
	subs++;
	gate_rebind_new();
	CHECK(user->entries[0].value == WRAPPER(1, "PQconnectdb"));
}

#define EACH(DO)                                           \
	DO(users_are_bound)                                \
	DO(without_a_libpq_nobody_is_looked_at)            \
	DO(what_was_looked_at_is_done_with)                \
	DO(want_of_memory_for_those_before_is_made_up_for) \
	DO(want_of_memory_is_made_up_for)                  \
	DO(what_cannot_be_read_is_left_alone)              \
	DO(a_libpqs_own_slots)                             \
	DO(what_is_beyond_is_refused)                      \
	DO(what_leads_to_no_libpq_is_left_alone)           \
	DO(what_is_not_bound_yet_is_told_by_its_needs)     \
	DO(a_libpq_in_the_program_is_left_alone)           \
	DO(what_leads_to_the_gate)

EACH(IN_A_CHILD)

int main(void)
{
	const struct CMUnitTest tests[] = {EACH(ROW)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
