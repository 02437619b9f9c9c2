/* gate/libpq.c, gate/caller.c: whose libpq it is that a caller uses, among objects that the test
 * lays out. Each test is a process that begins anew. */
#include "in_a_child.h"

#include "gate/caller.h"
#include "gate/imports.h"
#include "played_loader.h"

#include <dlfcn.h>
#include <stdlib.h>

static struct played_object *const pq = &objects[2]; /* a libpq */
static struct played_object *const user = &objects[3];
static struct played_object *const other = &objects[4];
static struct played_object *const late = &objects[5]; /* another libpq */

/* What the linker leads here (--wrap). */
void __wrap_gate_each_object(int (*visit)(struct dl_phdr_info *, size_t, void *), void *context);
bool __wrap_gate_object_of(const struct dl_phdr_info *info, struct gate_object *object);
const struct gate_loader *__wrap_gate_loader(void);
void __wrap_gate_imports_bind(struct gate_libpq *libpq);
int __wrap_dlclose(void *handle);
int __wrap_dlinfo(void *handle, int request, void *info);
char *__wrap_dlerror(void);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

static int bound, opened, held, closed, dropped;
static bool has_no_memory, has_no_space, opens_nothing;
static Lmid_t space_of_all;
static const char *missing;   /* a function that no libpq has */
static void *default_found;   /* what the program's scope has */
static void *default_of_late; /* once libpq.so.5 was opened */
static void *needed;          /* what the user's needs have */
static void (*meanwhile)(void);
static char functions[64];

void __wrap_gate_imports_bind(struct gate_libpq *libpq)
{
	CHECK(libpq != GATE_LIBPQ_BEYOND && !atomic_load(&libpq->ready));
	bound++;
}

int __wrap_dlclose(void *handle)
{
	assert_ptr_equal(handle, &user->map);
	return -++closed;
}

char *__wrap_dlerror(void)
{
	dropped++;
	return NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
	return has_no_memory ? NULL : __real_calloc(count, size);
}

int __wrap_dlinfo(void *handle, int request, void *info)
{
	(void)handle;
	assert_int_equal(request, RTLD_DI_LMID);
	memcpy(info, &space_of_all, sizeof space_of_all);
	return has_no_space ? -1 : 0;
}

static void do_meanwhile(void)
{
	void (*does)(void) = meanwhile;

	meanwhile = NULL;
	if (does != NULL)
		does();
}

static void *open_object(const char *file, int mode)
{
	if (strcmp(file, "libpq.so.5") == 0) {
		assert_int_equal(mode, RTLD_LAZY | RTLD_GLOBAL);
		opened++;
		default_found = default_of_late;
		return default_of_late;
	}
	if (strcmp(file, "user.so") == 0) {
		assert_int_equal(mode, RTLD_LAZY | RTLD_NOLOAD);
		opened++;
		return opens_nothing ? NULL : &user->map;
	}
	/* What is held once it is known. */
	assert_int_equal(mode, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
	assert_int_equal(space_of_all, LM_ID_BASE);
	held++;
	do_meanwhile();
	return opens_nothing ? NULL : &pq->map;
}

static void *open_in(Lmid_t space, const char *file, int mode)
{
	assert_true(space == space_of_all && space != LM_ID_BASE);
	assert_string_equal(file, "libpq.so");
	assert_int_equal(mode, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
	held++;
	return &pq->map;
}

static void *symbol(void *object, const char *name)
{
	if (missing != NULL && strcmp(name, missing) == 0)
		return NULL;
	if (object == RTLD_DEFAULT)
		return default_found;
	if (object == &user->map)
		return needed;
	return functions + strlen(name);
}

static const struct gate_loader played_loader = {
    .open = open_object, .mopen = open_in, .sym = symbol};

const struct gate_loader *__wrap_gate_loader(void)
{
	return &played_loader;
}

void __wrap_gate_each_object(int (*visit)(struct dl_phdr_info *, size_t, void *), void *context)
{
	for (size_t i = 0; i < OBJECTS; i++) {
		struct dl_phdr_info info = {.dlpi_addr = objects[i].map.l_addr};

		if (visit(&info, sizeof info, context) != 0)
			return;
	}
}

bool __wrap_gate_object_of(const struct dl_phdr_info *info, struct gate_object *object)
{
	return describe(info->dlpi_addr, (const void *)info->dlpi_addr, object);
}

static char pq_name[] = "libpq.so", user_name[] = "user.so";

static void lay_out(void)
{
	lay_out_objects();
	for (size_t i = 0; i < OBJECTS; i++)
		objects[i].map.l_name = pq_name;
	user->map.l_name = user_name;
	pq->functions[0] = late->functions[0] = GATE_LIBPQ_MARK;
}

static void entry(size_t number, const char *name, void *value)
{
	user->entries[number].name = name;
	user->entries[number].value = value;
}

static void around(void (*scenario)(void))
{
	lay_out();
	scenario();
}

/* ---- one libpq ---- */

static void a_libpq_is_found_once(void)
{
	struct gate_libpq *first;
	struct gate_libpq *second;

	CHECK(gate_libpq_with(NULL) == NULL && gate_libpq_with(functions) == NULL);
	CHECK(gate_libpq_number(0) == NULL && gate_libpq_number(GATE_LIBPQS) == NULL);
	first = gate_libpq_with(pq->bytes);
	CHECK(first != NULL && first != GATE_LIBPQ_BEYOND);
	CHECK(first->number == 0 && first->base == pq->bytes && !first->apart);
	CHECK(first->object == &pq->map && held == 1);
	CHECK(bound == 1 && atomic_load(&first->ready));
	CHECK(gate_libpq_with(pq->bytes + 5) == first && bound == 1 && held == 1);
	second = gate_libpq_with(late->bytes);
	CHECK(second != first && second->number == 1 && second->base == late->bytes && bound == 2);
	CHECK(gate_libpq_number(0) == first && gate_libpq_number(1) == second);
	CHECK(gate_libpq_number(2) == NULL && gate_libpq_number(GATE_LIBPQS - 1) == NULL);
	CHECK(gate_libpq_number(GATE_LIBPQS) == NULL);
	CHECK(gate_libpq_with(pq->bytes) == first);
}

/* Each function is taken as it is called. */
static void its_functions_are_found(void)
{
	const struct gate_libpq *libpq = gate_libpq_with(pq->bytes);
	PGconn *(*const start)(const char *const *, const char *const *, int) =
	    libpq->calls.PQconnectStartParams;
	void *(*const data)(const PGconn *, PGEventProc) = libpq->PQinstanceData;
	char *(*const hostaddr)(const PGconn *) = libpq->PQhostaddr;
	const void *address;

	memcpy(&address, &start, sizeof address);
	CHECK(address == functions + strlen("PQconnectStartParams"));
	memcpy(&address, &data, sizeof address);
	CHECK(address == functions + strlen("PQinstanceData"));
	memcpy(&address, &hostaddr, sizeof address);
	CHECK(address == functions + strlen("PQhostaddr"));
}

static void without_a_function_it_is_beyond(void)
{
	static const char *const names[] = {"PQconnectStartParams", "PQconninfo", "PQfreemem",
					    "PQconnectPoll",        "PQping",     "PQsslStruct",
					    "PQinstanceData"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		missing = names[i];
		CHECK(gate_libpq_with(pq->bytes) == GATE_LIBPQ_BEYOND);
	}
	CHECK(bound == 0 && gate_libpq_number(0) == NULL);
	missing = "PQhostaddr";
	CHECK(gate_libpq_with(pq->bytes) == gate_libpq_number(0));
	CHECK(gate_libpq_number(0)->PQhostaddr == NULL);
	missing = "PQgssEncInUse";
	CHECK(gate_libpq_with(late->bytes) == gate_libpq_number(1));
	CHECK(gate_libpq_number(1)->PQgssEncInUse == NULL);
}

static void what_cannot_be_held_is_beyond(void)
{
	has_no_memory = true;
	CHECK(gate_libpq_with(pq->bytes) == GATE_LIBPQ_BEYOND && held == 0);
	has_no_memory = false;
	has_no_space = true;
	CHECK(gate_libpq_with(pq->bytes) == GATE_LIBPQ_BEYOND && held == 0);
	has_no_space = false;
	opens_nothing = true;
	CHECK(gate_libpq_with(pq->bytes) == GATE_LIBPQ_BEYOND && held == 1);
	opens_nothing = false;
	space_of_all = 3;
	CHECK(gate_libpq_with(pq->bytes)->apart && held == 2);
}

static struct gate_libpq *found_meanwhile;

static void find_it(void)
{
	found_meanwhile = gate_libpq_with(pq->bytes);
}

static void find_another(void)
{
	found_meanwhile = gate_libpq_with(late->bytes);
}

static void find_many(void)
{
	for (unsigned i = 0; i < GATE_LIBPQS; i++)
		CHECK(gate_libpq_with(objects[40 + i].bytes)->number == i);
}

static void another_thread_finds_it_meanwhile(void)
{
	meanwhile = find_it;
	CHECK(gate_libpq_with(pq->bytes) == found_meanwhile && found_meanwhile->number == 0);
	CHECK(gate_libpq_number(1) == NULL && bound == 1);
}

static void another_thread_finds_another_meanwhile(void)
{
	meanwhile = find_another;
	CHECK(gate_libpq_with(pq->bytes)->number == 1 && found_meanwhile->number == 0);
}

static void other_threads_find_all_meanwhile(void)
{
	meanwhile = find_many;
	CHECK(gate_libpq_with(pq->bytes) == GATE_LIBPQ_BEYOND);
	CHECK(bound == GATE_LIBPQS);
	CHECK(gate_libpq_with(objects[40].bytes)->number == 0);
	CHECK(gate_libpq_with(late->bytes) == GATE_LIBPQ_BEYOND);
}

static void more_than_there_are_numbers_are_beyond(void)
{
	bool internal = true;

	find_many();
	held = 0;
	CHECK(gate_libpq_with(pq->bytes) == GATE_LIBPQ_BEYOND && held == 0);
	CHECK(gate_libpq_number(GATE_LIBPQS - 1) == gate_libpq_with(objects[71].bytes));
	/* Who uses it has none. */
	entry(0, "PQfinish", pq->bytes);
	CHECK(gate_libpq_of(user->bytes, &internal) == NULL && !internal);
	CHECK(gate_libpq_known_of(user->bytes, &internal) == NULL && !internal);
}

static void what_it_would_call(void)
{
	static const struct {
		bool apart, own, program, same;
		char called; /* own, program, nothing */
	} rows[] = {{false, true, false, false, 'o'}, {false, true, true, true, 'o'},
		    {false, true, true, false, '-'},  {false, false, true, false, 'p'},
		    {true, true, true, false, 'o'},   {true, false, true, false, '-'},
		    {false, false, false, false, '-'}};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct gate_libpq libpq = {.apart = rows[i].apart, .object = &user->map};
		const void *called;

		needed = rows[i].own ? functions : NULL;
		default_found = !rows[i].program ? NULL : rows[i].same ? functions : functions + 1;
		dropped = 0;
		called = gate_libpq_would_call(&libpq, "SSL_write");
		CHECK(called == (rows[i].called == 'o'   ? functions
				 : rows[i].called == 'p' ? functions + 1
							 : NULL));
		CHECK(dropped == 1);
	}
}

/* ---- whose it is ---- */

static void libpqs_own_calls_are_internal(void)
{
	struct gate_libpq *libpq = gate_libpq_with(pq->bytes);
	bool internal = false;

	CHECK(gate_libpq_of(pq->bytes + 9, &internal) == libpq && internal);
	CHECK(gate_libpq_of(pq->bytes + 9, NULL) == libpq);
	internal = false;
	CHECK(gate_libpq_known_of(pq->bytes + 9, &internal) == libpq && internal);
	CHECK(looked_at == 0);
}

/* By a function that the gate does not stand before, and that the loader has bound. */
static void a_slot_tells(void)
{
	bool internal = true;

	entry(0, "PQconnectdb", late->bytes);
	entry(1, "Xfinish", late->bytes);
	entry(2, "PQfinish", user->bytes + 9);
	entry(3, "PQfinish", functions);
	entry(4, "PQfinish", other->bytes);
	entry(5, "Pfinish", late->bytes);
	entry(6, "PQclear", pq->bytes + 9);
	entry(7, "PQstatus", late->bytes);
	other->unreadable = true;
	CHECK(gate_libpq_of(user->bytes, &internal) == gate_libpq_with(pq->bytes) && !internal);
	CHECK(gate_libpq_number(1) == NULL);
	/* It is remembered, as long as it is the same object. */
	looked_at = 0;
	entry(6, "PQclear", late->bytes);
	CHECK(gate_libpq_of(user->bytes + 1, &internal) == gate_libpq_number(0) && looked_at == 0);
	CHECK(gate_libpq_known_of(user->bytes, &internal) == gate_libpq_number(0) && !internal);
	CHECK(looked_at == 0);
	user->map.l_name = pq_name;
	CHECK(gate_libpq_of(user->bytes, NULL)->number == 1 && looked_at == 1);
	user->map.l_name = user_name;
	CHECK(gate_libpq_of(user->bytes, NULL)->number == 0 && looked_at == 1);
	user->map.l_ld = (void *)(user->bytes + 8);
	CHECK(gate_libpq_of(user->bytes, NULL)->number == 1 && looked_at == 2);
	other->map.l_name = pq_name + strlen(pq_name);
	CHECK(gate_libpq_of(other->bytes, NULL)->number == 0);
}

/* Of what is not bound yet, the order in which the loader looks. */
static void the_loader_tells(void)
{
	default_found = pq->bytes;
	needed = late->bytes;
	CHECK(gate_libpq_of(user->bytes, NULL)->base == pq->bytes && opened == 0);
}

static void its_needs_tell(void)
{
	needed = late->bytes;
	CHECK(gate_libpq_of(user->bytes, NULL)->base == late->bytes);
	CHECK(opened == 1 && closed == 1);
	CHECK(gate_libpq_of(user->bytes, NULL)->base == late->bytes && opened == 1);
}

/* The program itself, or what cannot be opened: the process's first. */
static void the_first_of_the_process_tells(void)
{
	user->map.l_name = pq_name + strlen(pq_name);
	needed = late->bytes;
	CHECK(gate_libpq_of(user->bytes, NULL)->base == pq->bytes && opened == 0);
	user->map.l_name = user_name;
	opens_nothing = true;
	CHECK(gate_libpq_of(user->bytes, NULL)->base == pq->bytes && opened == 1 && closed == 0);
}

static void a_caller_of_no_object_has_the_first(void)
{
	bool internal = true;

	CHECK(gate_libpq_known_of(functions, &internal) == NULL && !internal);
	internal = true;
	CHECK(gate_libpq_of(functions, &internal)->base == pq->bytes && !internal);
	CHECK(gate_libpq_known_of(functions, &internal)->base == pq->bytes && !internal);
	/* The program's own scope comes before it. */
	default_found = late->bytes;
	CHECK(gate_libpq_of(functions, NULL)->base == late->bytes);
	default_found = NULL;
	pq->functions[0] = NULL;
	CHECK(gate_libpq_of(functions, NULL)->base == pq->bytes);
}

static void where_there_is_none_there_is_none(void)
{
	bool internal = true;

	pq->functions[0] = late->functions[0] = NULL;
	CHECK(gate_libpq_of(user->bytes, &internal) == NULL && !internal);
	CHECK(gate_libpq_of(functions, NULL) == NULL);
	CHECK(gate_libpq_any() == NULL && opened == 2);
	default_of_late = late->bytes;
	CHECK(gate_libpq_any()->base == late->bytes && opened == 3);
	CHECK(gate_libpq_any()->base == late->bytes && opened == 3);
}

/* In a signal handler only what is known is told. */
static void what_is_known_is_told(void)
{
	bool internal = true;

	entry(0, "PQfinish", late->bytes);
	(void)gate_libpq_with(pq->bytes);
	(void)gate_libpq_with(late->bytes);
	CHECK(gate_libpq_known_of(user->bytes, &internal)->number == 1 && !internal);
	CHECK(gate_libpq_known_of(other->bytes, &internal)->number == 0 && !internal);
	CHECK(opened == 0);
}

/* As many as there is room for are remembered; the rest is looked up each time. */
static void many_callers_are_told(void)
{
	for (int turn = 0; turn < 2; turn++) {
		looked_at = 0;
		default_found = pq->bytes;
		for (size_t i = 10; i < 80; i++)
			CHECK(gate_libpq_of(objects[i].bytes, NULL)->base == pq->bytes);
		CHECK(looked_at == (turn == 0 ? 70 : 70 - 64));
	}
}

/* Without a chroot() behind the gate's there is none. */
static void without_libcs_nothing_is_done(void)
{
	missing = "chroot";
	errno = 0;
	CHECK(chroot("/nonexistent") == -1 && errno == ENOSYS);
}

#define EACH(DO)                                   \
	DO(a_libpq_is_found_once)                  \
	DO(its_functions_are_found)                \
	DO(without_a_function_it_is_beyond)        \
	DO(what_cannot_be_held_is_beyond)          \
	DO(another_thread_finds_it_meanwhile)      \
	DO(another_thread_finds_another_meanwhile) \
	DO(other_threads_find_all_meanwhile)       \
	DO(more_than_there_are_numbers_are_beyond) \
	DO(what_it_would_call)                     \
	DO(libpqs_own_calls_are_internal)          \
	DO(a_slot_tells)                           \
	DO(the_loader_tells)                       \
	DO(its_needs_tell)                         \
	DO(the_first_of_the_process_tells)         \
	DO(a_caller_of_no_object_has_the_first)    \
	DO(where_there_is_none_there_is_none)      \
	DO(what_is_known_is_told)                  \
	DO(many_callers_are_told)                  \
	DO(without_libcs_nothing_is_done)
EACH(IN_A_CHILD)

int main(void)
{
	const struct CMUnitTest tests[] = {EACH(ROW)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
