/* gate/got.c: which GOT entries are bound to the gate as objects come and go, among objects that
 * the test lays out. Each test is a process that begins anew. */
#include "in_a_child.h"

#include "gate/got.h"
#include "gate/wrappers.h"
#include "played_loader.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>

static struct played_object *const program = &objects[0];
static struct played_object *const gate = &objects[1];
static struct played_object *const pq = &objects[2]; /* a libpq */
static struct played_object *const user = &objects[3];
static struct played_object *const libc = &objects[4];
static struct played_object *const late = &objects[5]; /* what is loaded later */

/* What the linker leads here (--wrap). */
void __wrap_gate_each_object(int (*visit)(struct dl_phdr_info *, size_t, void *), void *context);
void __wrap_gate_each_object_in(Lmid_t space, int (*visit)(struct dl_phdr_info *, size_t, void *),
				void *context);
bool __wrap_gate_object_of(const struct dl_phdr_info *info, struct gate_object *object);
const struct gate_loader *__wrap_gate_loader(void);
struct gate_libpq *__wrap_gate_libpq_of(const void *caller, bool *internal);
struct gate_libpq *__wrap_gate_libpq_with(const void *conninfo);
const void *__wrap_gate_own_base(void);
int __wrap_dlclose(void *handle);
int __wrap_dlinfo(void *handle, int request, void *info);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);

static size_t loaded = 5; /* how many of them there are */
static unsigned long long adds = 5, subs;
static int seen; /* objects that were visited, until somebody had enough */
static int opened, closed;
static Lmid_t space_of_all;
static bool has_no_space, has_no_memory, has_no_block;
static int names_left = -1; /* that there is memory for; -1: for all */
static struct gate_libpq first, second;
static const void *meant_by_callers = NULL; /* the address that some caller's libpq is known by */
static bool is_internal;
static void *default_found;

static int visit_all(size_t from, int (*visit)(struct dl_phdr_info *, size_t, void *),
		     void *context)
{
	seen = 0;
	for (size_t i = from; i < loaded; i++) {
		struct dl_phdr_info info = {.dlpi_addr = objects[i].map.l_addr,
					    .dlpi_name = objects[i].map.l_name,
					    .dlpi_adds = adds,
					    .dlpi_subs = subs};

		seen++;
		if (visit(&info, sizeof info, context) != 0)
			return 1;
	}
	return 0;
}

void __wrap_gate_each_object(int (*visit)(struct dl_phdr_info *, size_t, void *), void *context)
{
	(void)visit_all(0, visit, context);
}

void __wrap_gate_each_object_in(Lmid_t space, int (*visit)(struct dl_phdr_info *, size_t, void *),
				void *context)
{
	assert_int_equal(space, space_of_all);
	(void)visit_all(2, visit, context);
}

bool __wrap_gate_object_of(const struct dl_phdr_info *info, struct gate_object *object)
{
	return describe(info->dlpi_addr, (const void *)info->dlpi_addr, object);
}

static void *open_any(const char *file, int mode)
{
	assert_int_equal(mode, RTLD_LAZY | RTLD_NOLOAD);
	opened++;
	for (size_t i = 0; i < loaded; i++)
		if (strcmp(file != NULL ? file : "", objects[i].map.l_name) == 0)
			return &objects[i].map;
	return NULL;
}

static void *open_object(const char *file, int mode)
{
	assert_int_equal(space_of_all, LM_ID_BASE);
	return open_any(file, mode);
}

static void *open_in(Lmid_t space, const char *file, int mode)
{
	assert_true(space == space_of_all && space != LM_ID_BASE);
	return open_any(file, mode);
}

static void *symbol(void *object, const char *name)
{
	if (object == RTLD_DEFAULT)
		return default_found;
	/* In what it needs, too. */
	assert_string_equal(name, "PQconninfo");
	assert_ptr_equal(object, &user->map);
	return default_found;
}

static const struct gate_loader played_loader = {
    .open = open_object, .mopen = open_in, .sym = symbol};

const struct gate_loader *__wrap_gate_loader(void)
{
	return &played_loader;
}

int __wrap_dlclose(void *handle)
{
	(void)handle;
	closed++;
	return 0;
}

int __wrap_dlinfo(void *handle, int request, void *info)
{
	(void)handle;
	assert_int_equal(request, RTLD_DI_LMID);
	memcpy(info, &space_of_all, sizeof space_of_all);
	return has_no_space ? -1 : 0;
}

void *__wrap_calloc(size_t count, size_t size)
{
	return has_no_block ? NULL : __real_calloc(count, size);
}

char *__wrap_strdup(const char *text)
{
	if (names_left == 0)
		return NULL;
	names_left--;
	return has_no_memory ? NULL : __real_strdup(text);
}

const void *__wrap_gate_own_base(void)
{
	return gate->bytes;
}

struct gate_libpq *__wrap_gate_libpq_of(const void *caller, bool *internal)
{
	*internal = is_internal;
	return caller == user->bytes && meant_by_callers == first.base    ? &first
	       : caller == user->bytes && meant_by_callers == second.base ? &second
									  : NULL;
}

static int found_anew;

struct gate_libpq *__wrap_gate_libpq_with(const void *conninfo)
{
	found_anew++;
	return conninfo == NULL          ? NULL
	       : conninfo == pq->bytes   ? &first
	       : conninfo == late->bytes ? &second
					 : GATE_LIBPQ_BEYOND;
}

static char names[6][16] = {"", "gate.so", "libpq.so", "user.so", "libc.so", "late.so"};

static char letter[] = "p";

static void lay_out(void)
{
	lay_out_objects();
	libc_object = libc;
	for (size_t i = 0; i < 6; i++)
		objects[i].map.l_name = names[i];
	pq->functions[0] = "PQconninfo";
	first.base = pq->bytes;
	second.base = late->bytes;
	second.number = 1;
}

static void entry(struct played_object *object, size_t number, const char *name, void *value)
{
	object->entries[number].name = name;
	object->entries[number].value = value;
}

static void around(void (*scenario)(void))
{
	lay_out();
	scenario();
}

#define WRAPPER(number, name) gate_wrapper((number) == 0 ? &first : &second, name)

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
	late->functions[0] = "PQconninfo";
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
	late->functions[0] = "PQconninfo";
	entry(late, 0, "PQconnectPoll", pq->bytes + 9);
	entry(late, 1, "PQreset", pq->bytes + 9);
	gate_rebind_new();
	CHECK(late->entries[0].value == WRAPPER(0, "PQconnectPoll"));
	CHECK(late->entries[1].value == WRAPPER(0, "PQreset"));
}

/* Of a libpq that the gate cannot stand before. */
static void what_is_beyond_is_refused(void)
{
	libc->functions[0] = "PQconninfo";
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
	program->functions[0] = "PQconninfo";
	pq->functions[0] = NULL;
	gate_rebind_new();
	CHECK(found_anew == 0);
	/* However short the name of one is that is not. */
	pq->functions[0] = "PQconninfo";
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

/* ---- the dynamic linker's functions ---- */

static char other_dlsym;

static void *stand_in(const char *name)
{
	return strcmp(name, "dlsym") == 0 ? &other_dlsym : NULL;
}

static void the_linkers_functions_are_bound_where_something_is_deep(void)
{
	pq->functions[0] = NULL;
	entry(user, 0, "dlsym", libc->bytes + 9);
	gate_rebind_new();
	CHECK(user->entries[0].value == libc->bytes + 9);
	gate_rebind_deep(stand_in);
	entry(late, 0, "dlsym", late->bytes + 9);
	entry(late, 1, "dlopen", late->bytes + 9);
	entry(late, 2, "dlsym", &found_anew);
	entry(late, 3, "dlsym", user->bytes);
	entry(late, 4, "dlsym", libc->bytes + 7);
	entry(late, 5, "printf", libc->bytes + 7);
	/* Who calls none of them is left alone, whatever else it calls. */
	entry(&objects[6], 0, "PQconnectdb", libc->bytes + 7);
	entry(&objects[7], 0, "printf", libc->bytes + 7);
	loaded = 8;
	adds = 8;
	default_found = gate->bytes + 5;
	gate_rebind_new();
	/* One that has not been used yet, and would come to the gate otherwise. */
	CHECK(late->entries[0].value == &other_dlsym);
	CHECK(late->entries[1].value == late->bytes + 9);
	CHECK(late->entries[2].value == &found_anew);
	/* What stands before the gate stays there; libc's own is past the gate. */
	CHECK(late->entries[3].value == user->bytes);
	CHECK(late->entries[4].value == &other_dlsym);
	CHECK(opened == 1 && closed == 1);
}

static void what_stands_before_the_gate_stays(void)
{
	void *const nowhere[] = {NULL, &found_anew, libc->bytes + 3};

	gate_rebind_deep(stand_in);
	for (size_t i = 0; i < 3; i++) {
		entry(user, 0, "dlsym", user->bytes + 9);
		default_found = nowhere[i];
		subs++;
		gate_rebind_new();
		CHECK(user->entries[0].value == user->bytes + 9);
	}
}

/* ---- as the program starts ---- */

static void a_libpq_before_the_gate_is_bound_at_once(void)
{
	entry(user, 0, "PQconnectdb", pq->bytes + 9);
	gate_rebind_at_start();
	own_object = gate;
	gate_rebind_at_start();
	CHECK(user->entries[0].value == pq->bytes + 9 && seen == 0);
	pq->functions[0] = NULL;
	program->functions[0] = "PQconninfo";
	program->unreadable = true;
	gate_rebind_at_start();
	CHECK(seen == 0);
	program->unreadable = false;
	gate_rebind_at_start();
	CHECK(seen > 0);
}

/* ---- another namespace ---- */

static void another_namespace_is_bound(void)
{
	space_of_all = 1;
	entry(user, 0, "dlsym", libc->bytes + 9);
	entry(user, 1, "PQconnectdb", pq->bytes + 9);
	entry(user, 2, "PQreset", gate->bytes + 9);
	entry(user, 3, "dlsym", pq->bytes + 9);
	meant_by_callers = second.base;
	gate_rebind_space(&user->map, stand_in);
	CHECK(user->entries[0].value == &other_dlsym && user->entries[3].value == &other_dlsym);
	CHECK(user->entries[1].value == WRAPPER(0, "PQconnectdb"));
	CHECK(user->entries[2].value == gate->bytes + 9);
	/* All but the program: the libpq, its user and libc. */
	CHECK(opened == 3 && closed == 3);
	gate_rebind_space(&user->map, stand_in);
	CHECK(opened == 3 && seen == 1);
	/* What has come or gone has all looked at again. */
	adds++;
	gate_rebind_space(&user->map, stand_in);
	CHECK(opened == 6);
	subs++;
	gate_rebind_space(&user->map, stand_in);
	CHECK(opened == 9);
	gate_rebind_space(&user->map, stand_in);
	CHECK(opened == 9);
	/* Another namespace is another matter. */
	space_of_all = 15;
	gate_rebind_space(&user->map, stand_in);
	CHECK(opened == 12);
	gate_rebind_space(&user->map, stand_in);
	CHECK(opened == 12);
	space_of_all = 1;
	gate_rebind_space(&user->map, stand_in);
	CHECK(opened == 12);
}

static void what_is_no_other_namespace_is_left_alone(void)
{
	entry(user, 0, "dlsym", libc->bytes + 9);
	gate_rebind_space(&user->map, stand_in);
	space_of_all = 1;
	has_no_space = true;
	gate_rebind_space(&user->map, stand_in);
	CHECK(user->entries[0].value == libc->bytes + 9 && seen == 0 && opened == 0);
	/* One more than glibc has is looked at each time. */
	has_no_space = false;
	for (int i = 0; i < 2; i++) {
		space_of_all = i == 0 ? 16 : -2;
		gate_rebind_space(&user->map, stand_in);
		gate_rebind_space(&user->map, stand_in);
		CHECK(opened == 6 * (i + 1));
	}
	/* Objects without a name are nobody's; for want of memory, it is done again. */
	space_of_all = 2;
	libc->map.l_name = NULL;
	pq->map.l_name = names[0];
	user->map.l_name = letter;
	has_no_memory = true;
	opened = 0;
	gate_rebind_space(&user->map, stand_in);
	CHECK(opened == 0);
	has_no_memory = false;
	gate_rebind_space(&user->map, stand_in);
	CHECK(opened == 1);
	gate_rebind_space(&user->map, stand_in);
	CHECK(opened == 1);
}

#define EACH(DO)                                                    \
	DO(users_are_bound)                                         \
	DO(without_a_libpq_nobody_is_looked_at)                     \
	DO(what_was_looked_at_is_done_with)                         \
	DO(want_of_memory_for_those_before_is_made_up_for)          \
	DO(want_of_memory_is_made_up_for)                           \
	DO(what_cannot_be_read_is_left_alone)                       \
	DO(a_libpqs_own_slots)                                      \
	DO(what_is_beyond_is_refused)                               \
	DO(what_leads_to_no_libpq_is_left_alone)                    \
	DO(what_is_not_bound_yet_is_told_by_its_needs)              \
	DO(a_libpq_in_the_program_is_left_alone)                    \
	DO(what_leads_to_the_gate)                                  \
	DO(the_linkers_functions_are_bound_where_something_is_deep) \
	DO(what_stands_before_the_gate_stays)                       \
	DO(a_libpq_before_the_gate_is_bound_at_once)                \
	DO(another_namespace_is_bound)                              \
	DO(what_is_no_other_namespace_is_left_alone)
EACH(IN_A_CHILD)

int main(void)
{
	const struct CMUnitTest tests[] = {EACH(ROW)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
