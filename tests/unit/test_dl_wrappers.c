/* gate/dl_wrappers.c: what dlsym() and dlvsym() of the preloaded module do before libc's own,
 * among objects that the test lays out; and whether libc's is called from here
 * or, where it looks at who called it, from where the wrapper was. Each test is a process that
 * begins anew. */
#include "in_a_child.h"
#include "played_dl.h"
#include "played_loader.h"

#include <dlfcn.h>
#include <stdlib.h>

static char no_name[] = "";

static void the_start_looks_once(void)
{
	gate_start();
	DID("start;");
}

/* ---- dlsym() ---- */

static void what_is_no_wrappers_is_libcs(void)
{
	play.found = pq->bytes + 9;
	play.found_next = pq->bytes + 10;
	CHECK(ask_for(&handle, "puts") == pq->bytes + 9);
	DID("new;jump sym handle puts;");
	CHECK(ask_for_version(&handle, "puts", "V") == pq->bytes + 9);
	DID("new;jump vsym handle puts@V;");
	CHECK(ask_for(RTLD_DEFAULT, "PQfinish") == pq->bytes + 9);
	DID("jump sym default PQfinish;");
	CHECK(ask_for(RTLD_NEXT, "malloc") == pq->bytes + 10);
	DID("jump sym next malloc;");
}

static void a_libpqs_function_is_the_gates(void)
{
	play.found = pq->bytes + 1;
	CHECK(ask_for(&handle, "PQconnectdb") == gate->bytes + 40);
	DID("new;sym handle PQconnectdb;error;wrap PQconnectdb;");
	CHECK(ask_for_version(&handle, "PQconnectdb", "V") == gate->bytes + 40);
	DID("new;vsym handle PQconnectdb@V;error;wrap PQconnectdb;");
	CHECK(ask_for(RTLD_DEFAULT, "PQping") == gate->bytes + 40);
	DID("sym default PQping;error;wrap PQping;");
}

static void what_is_no_libpqs_stays(void)
{
	play.found = plain->bytes + 1;
	CHECK(ask_for(&handle, "PQconnectdb") == plain->bytes + 1);
	DID("new;sym handle PQconnectdb;error;");
	pq->unreadable = true;
	play.found = pq->bytes + 1;
	CHECK(ask_for(&handle, "PQconnectdb") == pq->bytes + 1);
	DID("new;sym handle PQconnectdb;error;");
	play.found = caller_name; /* in none that is played */
	own_object = NULL;
	CHECK(ask_for(&handle, "PQconnectdb") == caller_name);
	DID("new;sym handle PQconnectdb;");
	/* What failed is told by dlerror(). */
	play.found = NULL;
	CHECK(ask_for(&handle, "PQconnectdb") == NULL);
	DID("new;sym handle PQconnectdb;");
	own_object = between;
	play.no_libpq = true;
	CHECK(ask_for(&handle, "PQconnectdb") == NULL);
	DID("new;sym handle PQconnectdb;");
}

static void the_gates_own_is_given_out_where_there_is_a_libpq(void)
{
	play.found = gate->bytes + 1;
	CHECK(ask_for(RTLD_DEFAULT, "PQconnectdb") == gate->bytes + 1);
	DID("sym default PQconnectdb;");
	/* What is not the gate's is looked at whoever asks. */
	play.no_libpq = true;
	play.found = pq->bytes + 1;
	CHECK(ask_for(RTLD_DEFAULT, "PQconnectdb") == gate->bytes + 40);
	DID("sym default PQconnectdb;error;wrap PQconnectdb;");
}

/* Where there is none, what stands behind it counts. */
static void without_a_libpq_the_gates_own_is_none(void)
{
	play.no_libpq = true;
	play.found = gate->bytes + 1;
	CHECK(ask_for(&handle, "PQconnectdb") == NULL);
	DID("new;sym handle PQconnectdb;sym next PQconnectdb;");
	play.found_next = plain->bytes + 1;
	play.found_of_caller = pq->bytes + 1;
	CHECK(ask_for(RTLD_DEFAULT, "PQconnectdb") == plain->bytes + 1);
	DID("sym default PQconnectdb;sym next PQconnectdb;error;");
	play.found_next = NULL;
	CHECK(ask_for(RTLD_DEFAULT, "PQconnectdb") == gate->bytes + 40);
	DID("sym default PQconnectdb;sym next PQconnectdb;sym own PQconnectdb;"
	    "error;wrap PQconnectdb;");
	CHECK(ask_for_version(RTLD_DEFAULT, "PQconnectdb", "V") == gate->bytes + 40);
	DID("vsym default PQconnectdb@V;vsym next PQconnectdb@V;vsym own PQconnectdb@V;"
	    "error;wrap PQconnectdb;");
	/* The program itself has no name, and dlerror() names it. */
	between->map.l_name = no_name;
	CHECK(ask_for(RTLD_DEFAULT, "PQconnectdb") == NULL);
	DID("sym default PQconnectdb;sym next PQconnectdb;");
	own_object = NULL;
	CHECK(ask_for(RTLD_DEFAULT, "PQconnectdb") == NULL);
	DID("sym default PQconnectdb;sym next PQconnectdb;");
}

/* ---- RTLD_NEXT ---- */

static void the_next_one_is_behind_the_caller(void)
{
	front->functions[0] = "PQconnectdb";
	CHECK(ask_for(RTLD_NEXT, "PQconnectdb") == gate->bytes + 40);
	DID("walk;error;wrap PQconnectdb;");
	behind->functions[0] = "PQconnectdb";
	CHECK(ask_for(RTLD_NEXT, "PQconnectdb") == behind->bytes);
	DID("walk;error;");
	behind->unreadable = true;
	CHECK(ask_for(RTLD_NEXT, "PQconnectdb") == gate->bytes + 40);
	DID("walk;error;wrap PQconnectdb;");
	between->functions[0] = "PQping"; /* the caller's own does not count */
	CHECK(ask_for_version(RTLD_NEXT, "PQping", "V") == NULL);
	DID("walk;vsym next PQping@V;");
}

/* Where nothing behind the caller has it, but the gate is there, what libc finds from here counts.
 */
static void behind_the_gate_libc_looks(void)
{
	play.found_next = pq->bytes + 9;
	CHECK(ask_for(RTLD_NEXT, "PQping") == gate->bytes + 40);
	DID("walk;sym next PQping;error;wrap PQping;");
	play.found_next = NULL;
	CHECK(ask_for(RTLD_NEXT, "PQping") == NULL);
	DID("walk;sym next PQping;");
}

static void a_caller_behind_the_gate_asks_libc(void)
{
	own_object = behind;
	CHECK(ask_for(RTLD_NEXT, "PQconnectdb") == gate->bytes + 40);
	DID("walk;error;wrap PQconnectdb;");
	CHECK(ask_for(RTLD_NEXT, "PQping") == NULL);
	DID("walk;jump sym next PQping;");
	own_object = NULL;
	CHECK(ask_for(RTLD_NEXT, "PQconnectdb") == NULL);
	DID("jump sym next PQconnectdb;");
}

/* ---- what is loaded, and namespaces ---- */

static void in_another_namespace_its_objects_are_bound(void)
{
	play.space = 3;
	play.found = pq->bytes + 1;
	play.found_next = pq->bytes + 2;
	(void)ask_to_open_in(7, "x.so", RTLD_LAZY);
	DID("jump mopen 7 x.so 1;");
	CHECK(ask_for(&handle, "puts") == pq->bytes + 1);
	DID("new;space of handle;jump sym handle puts;");
	CHECK(ask_for(&handle, "PQping") == gate->bytes + 40);
	DID("new;space of handle;sym handle PQping;error;wrap PQping;");
	/* A caller in there means its own. */
	CHECK(ask_for(RTLD_DEFAULT, "PQping") == pq->bytes + 1);
	DID("space;space of own;jump sym default PQping;");
	CHECK(ask_for(RTLD_NEXT, "PQping") == pq->bytes + 2);
	DID("space;space of own;jump sym next PQping;");
	CHECK(ask_for(RTLD_DEFAULT, "puts") == pq->bytes + 1);
	DID("jump sym default puts;");
	play.space = LM_ID_BASE;
	CHECK(ask_for(RTLD_DEFAULT, "PQping") == gate->bytes + 40);
	DID("space;sym default PQping;error;wrap PQping;");
}

static void before_there_is_one_nobody_is_in_another_namespace(void)
{
	play.space = 3;
	play.found = pq->bytes + 1;
	CHECK(ask_for(RTLD_DEFAULT, "PQping") == gate->bytes + 40);
	DID("sym default PQping;error;wrap PQping;");
}

/* Written so that a function is made an address of. */
#define IS(what, function)                                             \
	do {                                                           \
		__typeof__(&(function)) wanted = (function);           \
		const void *address = (what);                          \
		CHECK(memcmp(&address, &wanted, sizeof address) == 0); \
	} while (0)

static void what_stands_in(void)
{
	(void)ask_to_open(NULL, DEEP);
	CHECK(play.stand_in != NULL);
	IS(play.stand_in("dlopen"), dlopen);
	IS(play.stand_in("dlmopen"), dlmopen);
	IS(play.stand_in("dlsym"), dlsym);
	IS(play.stand_in("dlvsym"), dlvsym);
	IS(play.stand_in("dlerror"), dlerror);
	CHECK(play.stand_in("dladdr") == NULL && play.stand_in("") == NULL);
}

/* dlvsym(RTLD_NEXT) of a library that stands before the gate finds the gate's. */
static void the_next_one_with_a_version_may_be_the_gates(void)
{
	IS(ask_for_version(RTLD_NEXT, "dlopen", "V"), dlopen);
	DID("");
	IS(ask_for_version(RTLD_NEXT, "dlsym", "V"), dlsym);
	own_object = front;
	IS(ask_for_version(RTLD_NEXT, "dlvsym", "V"), dlvsym);
	DID("");
	CHECK(ask_for_version(RTLD_NEXT, "dlerror", "V") == NULL);
	DID("jump vsym next dlerror@V;");
	CHECK(ask_for_version(RTLD_NEXT, "dladdr", "V") == NULL);
	DID("jump vsym next dladdr@V;");
	CHECK(ask_for(RTLD_NEXT, "dlopen") == NULL);
	DID("jump sym next dlopen;");
	CHECK(ask_for_version(RTLD_DEFAULT, "dlopen", "V") == NULL);
	DID("jump vsym default dlopen@V;");
	own_object = behind;
	CHECK(ask_for_version(RTLD_NEXT, "dlopen", "V") == NULL);
	DID("jump vsym next dlopen@V;");
	own_object = gate;
	CHECK(ask_for_version(RTLD_NEXT, "dlopen", "V") == NULL);
	own_object = NULL;
	CHECK(ask_for_version(RTLD_NEXT, "dlopen", "V") == NULL);
	play.base = caller_name; /* in no object */
	CHECK(ask_for_version(RTLD_NEXT, "dlopen", "V") == NULL);
	DID("jump vsym next dlopen@V;");
}

#define EACH(DO)                                               \
	DO(the_start_looks_once)                               \
	DO(what_is_no_wrappers_is_libcs)                       \
	DO(a_libpqs_function_is_the_gates)                     \
	DO(what_is_no_libpqs_stays)                            \
	DO(the_gates_own_is_given_out_where_there_is_a_libpq)  \
	DO(without_a_libpq_the_gates_own_is_none)              \
	DO(the_next_one_is_behind_the_caller)                  \
	DO(behind_the_gate_libc_looks)                         \
	DO(a_caller_behind_the_gate_asks_libc)                 \
	DO(in_another_namespace_its_objects_are_bound)         \
	DO(before_there_is_one_nobody_is_in_another_namespace) \
	DO(what_stands_in)                                     \
	DO(the_next_one_with_a_version_may_be_the_gates)

EACH(IN_A_CHILD)

int main(void)
{
	const struct CMUnitTest tests[] = {EACH(ROW)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
