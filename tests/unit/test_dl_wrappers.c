/* gate/dl_wrappers.c: what dlopen(), dlmopen(), dlsym() and dlvsym() of the preloaded module do
 * before libc's own, among objects that the test lays out; and whether libc's is called from here
 * or, where it looks at who called it, from where the wrapper was. Each test is a process that
 * begins anew. */
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
#define CALLER __attribute__((noinline, section("callers")))
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

static char caller_name[] = "caller.so", no_name[] = "";
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
	pq->functions[0] = "PQconninfo";
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

static void the_start_looks_once(void)
{
	gate_start();
	DID("start;");
}

/* ---- dlopen() ---- */

static void a_path_is_opened_from_here(void)
{
	CHECK(ask_to_open("/x.so", RTLD_LAZY) == &handle);
	DID("open /x.so 1;new;error;");
	CHECK(ask_to_open("dir/x.so", RTLD_NOW) == &handle);
	DID("open dir/x.so 2;new;error;");
	/* What failed is told by dlerror(). */
	play.opened = NULL;
	CHECK(ask_to_open("/x.so", RTLD_LAZY) == NULL);
	DID("open /x.so 1;");
}

static void what_hangs_on_the_caller_is_opened_from_there(void)
{
	CHECK(ask_to_open("x.so", RTLD_LAZY) == &handle);
	DID("new;error;jump open x.so 1;");
	CHECK(ask_to_open("/$ORIGIN/x.so", RTLD_LAZY) == &handle);
	DID("new;error;jump open /$ORIGIN/x.so 1;");
	CHECK(ask_to_open(NULL, RTLD_NOW) == &handle);
	DID("new;error;jump open - 2;");
	play.opened = NULL;
	CHECK(ask_to_open("x.so", RTLD_LAZY) == NULL);
	DID("new;error;jump open x.so 1;");
}

static void what_is_deep_is_bound_before_and_after(void)
{
	CHECK(ask_to_open("/x.so", RTLD_LAZY | RTLD_DEEPBIND) == &handle);
	DID("new;deep;open /x.so 9;new;error;");
	CHECK(ask_to_open(NULL, RTLD_LAZY | RTLD_DEEPBIND) == &handle);
	DID("new;deep;new;error;jump open - 9;");
	CHECK(ask_to_open("$LIB", RTLD_LAZY | RTLD_DEEPBIND) == &handle);
	DID("new;deep;new;error;jump open $LIB 9;");
	CHECK(ask_to_open("$LIB/x", RTLD_LAZY | RTLD_DEEPBIND) == &handle);
	DID("new;deep;new;error;jump open $LIB/x 9;");
}

static void directory(unsigned number, const char *name, unsigned flags, bool there)
{
	play.directories[number].name = name;
	play.directories[number].flags = flags;
	play.directories[number].there = there;
	play.count = number + 1;
}

#define DEEP (RTLD_LAZY | RTLD_DEEPBIND)

/* A name is looked for where the caller would. */
static void a_name_is_opened_as_the_caller_would(void)
{
	play.loaded = true;
	CHECK(ask_to_open("x.so", DEEP) == &handle && play.asks == 0);
	DID("new;deep;open x.so d;new;error;");
	play.loaded = false;
	CHECK(ask_to_open("x.so", DEEP) == &handle && play.asks == 3 && play.freed == 1);
	DID("new;deep;open x.so d;open x.so 9;new;error;");
	directory(0, "/a", LA_SER_RUNPATH, false);
	directory(1, "/b", LA_SER_DEFAULT, true);
	directory(2, "/c", LA_SER_LIBPATH, true);
	directory(3, "/d", LA_SER_RUNPATH, true);
	CHECK(ask_to_open("x.so", DEEP) == &handle && play.freed == 2);
	DID("new;deep;open x.so d;look /a/x.so;look /c/x.so;open /c/x.so 9;new;error;");
	/* libc knows what to do about one that cannot be opened. */
	play.refused = "/c/x.so";
	CHECK(ask_to_open("x.so", DEEP) == &handle && play.freed == 3);
	DID("new;deep;open x.so d;look /a/x.so;look /c/x.so;open /c/x.so 9;"
	    "new;error;jump open x.so 9;");
	/* What stands behind its own is the same for everybody. */
	play.refused = NULL;
	directory(2, "/c", LA_SER_LIBPATH, false);
	CHECK(ask_to_open("x.so", DEEP) == &handle && play.freed == 4);
	DID("new;deep;open x.so d;look /a/x.so;look /c/x.so;open x.so 9;new;error;");
	play.refused = "x.so";
	CHECK(ask_to_open("x.so", DEEP) == NULL && play.freed == 5);
	DID("new;deep;open x.so d;look /a/x.so;look /c/x.so;open x.so 9;");
}

static void without_a_search_path_it_is_opened_from_here(void)
{
	directory(0, "/a", LA_SER_RUNPATH, true);
	for (int fails = 1; fails <= 3; fails++) {
		play.asks = play.freed = 0;
		play.path = NULL;
		play.fails = fails;
		CHECK(ask_to_open("x.so", DEEP) == &handle);
		DID("new;deep;open x.so d;open x.so 9;new;error;");
		CHECK(play.asks == fails && play.freed == (fails > 1));
	}
	play.fails = 0;
	play.no_memory = true;
	CHECK(ask_to_open("x.so", DEEP) == &handle);
	DID("new;deep;open x.so d;open x.so 9;new;error;");
	play.no_memory = false;
	play.asks = 0;
	own_object = NULL;
	CHECK(ask_to_open("x.so", DEEP) == &handle && play.asks == 0);
	DID("new;deep;open x.so d;open x.so 9;new;error;");
}

/* ---- dlmopen() ---- */

static void the_programs_own_namespace_is_none_of_its_own(void)
{
	play.space = 3;
	CHECK(ask_to_open_in(LM_ID_BASE, "/x.so", RTLD_LAZY) == &handle);
	DID("open /x.so 1;new;error;");
	CHECK(ask_to_open_in(LM_ID_BASE, "x.so", RTLD_LAZY) == &handle);
	DID("new;error;jump mopen 0 x.so 1;");
	/* Nobody is in another one. */
	CHECK(ask_to_open("/x.so", RTLD_LAZY) == &handle);
	DID("open /x.so 1;new;error;");
}

static void another_namespace_is_libcs(void)
{
	play.space = 3;
	CHECK(ask_to_open_in(LM_ID_NEWLM, "/x.so", RTLD_LAZY) == &handle);
	DID("jump mopen -1 /x.so 1;");
	/* From there on a caller may be in one. */
	CHECK(ask_to_open("/x.so", RTLD_LAZY) == &handle);
	DID("space;space;new;error;jump open /x.so 1;");
	CHECK(ask_to_open("x.so", DEEP) == &handle && play.asks == 0);
	DID("new;deep;space;space;new;error;jump open x.so 9;");
	play.no_space = true;
	CHECK(ask_to_open("/x.so", RTLD_LAZY) == &handle);
	DID("space;open /x.so 1;new;error;");
	play.no_space = false;
	play.space = LM_ID_BASE;
	CHECK(ask_to_open("/x.so", RTLD_LAZY) == &handle);
	DID("space;open /x.so 1;new;error;");
	own_object = NULL;
	CHECK(ask_to_open("/x.so", RTLD_LAZY) == &handle);
	DID("open /x.so 1;new;error;");
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
	DO(a_path_is_opened_from_here)                         \
	DO(what_hangs_on_the_caller_is_opened_from_there)      \
	DO(what_is_deep_is_bound_before_and_after)             \
	DO(a_name_is_opened_as_the_caller_would)               \
	DO(without_a_search_path_it_is_opened_from_here)       \
	DO(the_programs_own_namespace_is_none_of_its_own)      \
	DO(another_namespace_is_libcs)                         \
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
