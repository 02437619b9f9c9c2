/* A loader, a libpq and a gate as the test plays them, around the functions of gate/dl_wrappers.c:
 * what these call is noted in its order. For tests that are a process each (in_a_child.h). */
#ifndef PGA_TESTS_PLAYED_DL_H
#define PGA_TESTS_PLAYED_DL_H

#include "in_a_child.h"

#include "gate/export.h"
#include "gate/got.h"
#include "gate/wrappers.h"
#include "played_loader.h"

#include <dlfcn.h>
#include <stdlib.h>

/* The caller of the wrappers is this program, and own_object the object that it is in. */
static struct played_object *const front = &objects[0];
static struct played_object *const between = &objects[1];
static struct played_object *const gate = &objects[2];
static struct played_object *const behind = &objects[3];
static struct played_object *const pq = &objects[4];
static struct played_object *const plain = &objects[5];

void gate_start(void);

/* What the linker leads here (--wrap). */
void __wrap_gate_each_object(int (*visit)(struct dl_phdr_info *, size_t, void *), void *context);
bool __wrap_gate_object_of(const struct dl_phdr_info *info, struct gate_object *object);
const struct gate_loader *__wrap_gate_loader(void);
const void *__wrap_gate_own_base(void);
struct gate_libpq *__wrap_gate_libpq_of(const void *caller, bool *internal);
struct gate_libpq *__wrap_gate_libpq_with(const void *conninfo);
struct gate_libpq *__wrap_gate_libpq_of_object(const struct link_map *map);
bool __wrap_gate_is_dropin(const char *name, const struct gate_object *object);
void *__wrap_gate_wrapper(const struct gate_libpq *libpq, const char *name);
void __wrap_gate_rebind_new(void);
void __wrap_gate_rebind_deep(gate_stand_in *stand_in);
void __wrap_gate_rebind_at_start(void);
void __wrap_gate_rebind_space(void *handle, gate_stand_in *stand_in);
int __wrap_dlinfo(void *handle, int request, void *info);
char *__wrap_dlerror(void);
int __wrap_access(const char *path, int mode);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void __real_free(void *block);
void __wrap_free(void *block);

enum { DIRECTORIES = 4, ROOM = sizeof(Dl_serinfo) + DIRECTORIES * sizeof(Dl_serpath) };

static struct {
	/* what libc's functions find */
	void *opened;        /* by a name or path that is to be found */
	const char *refused; /* what is not opened */
	bool loaded;         /* what is asked for with RTLD_NOLOAD is there already */
	void *found, *found_next, *found_of_caller;
	Lmid_t space;
	bool no_space;
	/* the search path */
	int asks, fails; /* dlinfo(), from 1: that is about the path */
	bool no_memory;
	void *path;
	int freed;
	unsigned count;
	struct {
		const char *name;
		unsigned flags;
		bool there;
	} directories[DIRECTORIES];
	bool no_libpq; /* whom the caller uses */
	const void *base;
	gate_stand_in *stand_in;
	char did[1024];
} play;

static struct gate_libpq libpq;

__attribute__((format(printf, 1, 2))) static void did(const char *format, ...)
{
	const size_t length = strlen(play.did);
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(play.did + length, sizeof play.did - length, format, arguments);
	va_end(arguments);
}

/* ---- who calls ---- */

/* In a section of their own, which tells what was called from where a wrapper was. Whatever else
 * its declaration promises, the wrapper changes what is noted here. */
#define CALLER __attribute__((noinline, unused, section("callers")))
extern const char __start_callers[], __stop_callers[];

static void *(*volatile const open_it)(const char *, int) = dlopen;
static void *(*volatile const open_in)(Lmid_t, const char *, int) = dlmopen;
static void *(*volatile const find_it)(void *, const char *) = dlsym;
static void *(*volatile const find_version)(void *, const char *, const char *) = dlvsym;

CALLER static void *ask_to_open(const char *file, int mode)
{
	void *volatile result;

	play.did[0] = '\0';
	result = open_it(file, mode);
	return result;
}

CALLER static void *ask_to_open_in(Lmid_t space, const char *file, int mode)
{
	void *volatile result;

	play.did[0] = '\0';
	result = open_in(space, file, mode);
	return result;
}

CALLER static void *ask_for(void *handle, const char *name)
{
	void *volatile result;

	play.did[0] = '\0';
	result = find_it(handle, name);
	return result;
}

CALLER static void *ask_for_version(void *handle, const char *name, const char *version)
{
	void *volatile result;

	play.did[0] = '\0';
	result = find_version(handle, name, version);
	return result;
}

/* Whether a function of libc's was called from where the wrapper was. */
static const char *from(const void *address)
{
	return (const char *)address >= __start_callers && (const char *)address < __stop_callers
		   ? "jump "
		   : "";
}

#define FROM() from(GATE_CALLER())

/* ---- libc's own ---- */

static const char *word(const char *text)
{
	return text != NULL ? text : "-";
}

static void *libcs_open(const char *file, int mode)
{
	did("%sopen %s %x;", FROM(), word(file), (unsigned)mode);
	if ((mode & RTLD_NOLOAD) != 0)
		return play.loaded ? play.opened : NULL;
	return play.refused != NULL && strcmp(word(file), play.refused) == 0 ? NULL : play.opened;
}

static void *libcs_mopen(Lmid_t space, const char *file, int mode)
{
	did("%smopen %ld %s %x;", FROM(), (long)space, word(file), (unsigned)mode);
	return play.opened;
}

static const char *handle_name(void *handle)
{
	return handle == RTLD_NEXT                                        ? "next"
	       : handle == RTLD_DEFAULT                                   ? "default"
	       : own_object != NULL && handle == (void *)&own_object->map ? "own"
									  : "handle";
}

static void *found(void *handle)
{
	return handle == RTLD_NEXT                                        ? play.found_next
	       : own_object != NULL && handle == (void *)&own_object->map ? play.found_of_caller
									  : play.found;
}

static void *libcs_sym(void *handle, const char *name)
{
	did("%ssym %s %s;", FROM(), handle_name(handle), name);
	return found(handle);
}

static void *libcs_vsym(void *handle, const char *name, const char *version)
{
	did("%svsym %s %s@%s;", FROM(), handle_name(handle), name, version);
	return found(handle);
}

static const struct gate_loader libc = {
    .open = libcs_open, .mopen = libcs_mopen, .sym = libcs_sym, .vsym = libcs_vsym};

const struct gate_loader *__wrap_gate_loader(void)
{
	return &libc;
}

char *__wrap_dlerror(void)
{
	did("error;");
	return NULL;
}

static int tell_path(int request, Dl_serinfo *path)
{
	if (++play.asks == play.fails)
		return -1;
	if (request == RTLD_DI_SERINFOSIZE) {
		path->dls_size = ROOM;
		path->dls_cnt = play.count;
		return 0;
	}
	CHECK(request == RTLD_DI_SERINFO);
	/* As dlinfo(3) wants it: the size is there first. */
	CHECK(path == play.path && path->dls_size == ROOM && path->dls_cnt == play.count);
	for (unsigned i = 0; i < play.count; i++) {
		path->dls_serpath[i].dls_name = (char *)(uintptr_t)play.directories[i].name;
		path->dls_serpath[i].dls_flags = play.directories[i].flags;
	}
	return 0;
}

int __wrap_dlinfo(void *handle, int request, void *info)
{
	CHECK(handle == &own_object->map);
	if (request != RTLD_DI_LMID)
		return tell_path(request, info);
	did("space;");
	memcpy(info, &play.space, sizeof play.space);
	return play.no_space ? -1 : 0;
}

int __wrap_access(const char *path, int mode)
{
	CHECK(mode == R_OK);
	did("look %s;", path);
	for (unsigned i = 0; i < play.count; i++)
		if (strncmp(path, play.directories[i].name, strlen(play.directories[i].name)) == 0)
			return play.directories[i].there ? 0 : -1;
	return -1;
}

void *__wrap_calloc(size_t count, size_t size)
{
	if (play.no_memory)
		return NULL;
	CHECK(count == 1 && size == ROOM);
	play.path = __real_calloc(count, size);
	return play.path;
}

void __wrap_free(void *block)
{
	play.freed += block != NULL && block == play.path;
	__real_free(block);
}

/* ---- the gate ---- */

void __wrap_gate_each_object(int (*visit)(struct dl_phdr_info *, size_t, void *), void *context)
{
	did("walk;");
	for (size_t i = 0; i < OBJECTS; i++) {
		struct dl_phdr_info info = {.dlpi_addr = objects[i].map.l_addr};

		if (visit(&info, sizeof info, context) != 0)
			return;
	}
}

bool __wrap_gate_object_of(const struct dl_phdr_info *info, struct gate_object *object)
{
	return describe(info->dlpi_addr, object_at((const void *)info->dlpi_addr)->map.l_ld,
			object);
}

const void *__wrap_gate_own_base(void)
{
	return play.base;
}

struct gate_libpq *__wrap_gate_libpq_of(const void *caller, bool *internal)
{
	CHECK(from(caller)[0] != '\0' && internal == NULL);
	return play.no_libpq ? NULL : &libpq;
}

struct gate_libpq *__wrap_gate_libpq_with(const void *conninfo)
{
	return conninfo == pq->bytes ? &libpq : NULL;
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

void *__wrap_gate_wrapper(const struct gate_libpq *of, const char *name)
{
	CHECK(of == &libpq);
	did("wrap %s;", name);
	return gate->bytes + 40;
}

void __wrap_gate_rebind_new(void)
{
	did("new;");
}

void __wrap_gate_rebind_deep(gate_stand_in *stand_in)
{
	play.stand_in = stand_in;
	did("deep;");
}

void __wrap_gate_rebind_at_start(void)
{
	did("start;");
}

void __wrap_gate_rebind_space(void *handle, gate_stand_in *stand_in)
{
	play.stand_in = stand_in;
	did("space of %s;", handle_name(handle));
}

static char caller_name[] = "caller.so";
static char handle; /* of something that is open */

static void around(void (*scenario)(void))
{
	memset(&play, 0, sizeof play);
	lay_out_objects();
	own_object = between;
	between->map.l_name = caller_name;
	gate->map.l_ld = _DYNAMIC;
	play.base = gate->bytes;
	play.opened = &handle;
	pq->functions[0] = GATE_LIBPQ_MARK;
	pq->functions[1] = plain->functions[1] = gate->functions[1] = "PQconnectdb";
	plain->functions[0] = "PQother";
	gate->functions[0] = "PQother";
	scenario();
}

#define DID(what)                                                                           \
	do {                                                                                \
		if (strcmp(play.did, what) != 0) {                                          \
			(void)fprintf(stderr, "%s:%d: %s\n", __func__, __LINE__, play.did); \
			_exit(1);                                                           \
		}                                                                           \
	} while (0)

#define DEEP (RTLD_LAZY | RTLD_DEEPBIND)

#endif
