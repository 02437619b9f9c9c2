/* Objects that come and go, with a libpq and the gate among them, as a test lays them out. For
 * tests that are a process each (in_a_child.h). */
#ifndef PGA_TESTS_BOUND_OBJECTS_H
#define PGA_TESTS_BOUND_OBJECTS_H

#include "in_a_child.h"

#include "gate/wrappers.h"
#include "played_loader.h"

#include <dlfcn.h>
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
struct gate_libpq *__wrap_gate_libpq_of_object(const struct link_map *map);
bool __wrap_gate_is_dropin(const char *name, const struct gate_object *object);
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
	assert_string_equal(name, GATE_LIBPQ_MARK);
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

struct gate_libpq *__wrap_gate_libpq_of_object(const struct link_map *map)
{
	struct gate_object object;

	return gate_libpq_with(
	    gate_object_mapped(map, &object) ? gate_object_find(&object, GATE_LIBPQ_MARK) : NULL);
}

/* The name alone tells. */
bool __wrap_gate_is_dropin(const char *name, const struct gate_object *object)
{
	(void)object;
	return strcmp(name, "drop-in") == 0;
}

static char names[6][16] = {"", "gate.so", "libpq.so", "user.so", "libc.so", "late.so"};

static char letter[] = "p";

static void lay_out(void)
{
	lay_out_objects();
	libc_object = libc;
	for (size_t i = 0; i < 6; i++)
		objects[i].map.l_name = names[i];
	pq->functions[0] = GATE_LIBPQ_MARK;
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

#endif
