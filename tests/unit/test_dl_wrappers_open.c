/* gate/dl_wrappers.c: what dlopen() and dlmopen() of the preloaded module do before libc's own,
 * among objects that the test lays out; and whether libc's is called from here
 * or, where it looks at who called it, from where the wrapper was. Each test is a process that
 * begins anew. */
#include "in_a_child.h"
#include "played_dl.h"
#include "played_loader.h"

#include <dlfcn.h>

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

#define EACH(DO)                                          \
	DO(a_path_is_opened_from_here)                    \
	DO(what_hangs_on_the_caller_is_opened_from_there) \
	DO(what_is_deep_is_bound_before_and_after)        \
	DO(a_name_is_opened_as_the_caller_would)          \
	DO(without_a_search_path_it_is_opened_from_here)  \
	DO(the_programs_own_namespace_is_none_of_its_own) \
	DO(another_namespace_is_libcs)

EACH(IN_A_CHILD)

int main(void)
{
	const struct CMUnitTest tests[] = {EACH(ROW)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
