/* base/path.h, base/walk.h: where a path really leads, and which links are followed on the way. */
#include "cmocka_start.h"
#include "failing_calls.h"
#include "directory.h"

#include "base/path.h"
#include "base/paths.h"
#include "base/walk.h"

#include <errno.h>
#include <sys/stat.h>

#define SOMEBODY 12345

/* Another user namespace's, which are nobody's here. */
static bool unmapped;

bool __real_pga_user_is_unmapped(uid_t user);
bool __wrap_pga_user_is_unmapped(uid_t user);
bool __wrap_pga_user_is_unmapped(uid_t user)
{
	return unmapped || __real_pga_user_is_unmapped(user);
}

/* A user without any. */
static bool homeless;

char *__real_pga_home(void);
char *__wrap_pga_home(void);
char *__wrap_pga_home(void)
{
	errno = ENOENT;
	return homeless ? NULL : __real_pga_home();
}

static int make_home(void **state)
{
	char home[100];

	if (make_scratch(state) != 0)
		return -1;
	(void)snprintf(home, sizeof home, "%s/home", scratch);
	return mkdir("home", 0755) | mkdir("other", 0755) | setenv("HOME", home, 1);
}

/* Each "@" becomes this test's directory. */
static char *expand(const char *text)
{
	struct pga_text expanded = PGA_TEXT_EMPTY;

	for (; *text != '\0'; text++)
		if (*text == '@')
			pga_text_add(&expanded, scratch);
		else
			pga_text_add_bytes(&expanded, text, 1);
	return pga_text_take(&expanded);
}

static void assert_expanded(const char *is, const char *expected)
{
	char *text = expand(expected);

	assert_string_equal(is, text);
	free(text);
}

static void make_link(const char *target, const char *path)
{
	char *text = expand(target);

	assert_int_equal(symlink(text, path), 0);
	free(text);
}

/* A path: what it leads to, or what is said. */
struct leads {
	const char *path;
	const char *real;
	bool linked;
	const char *said;
};

static void assert_leads(const struct leads *leads)
{
	struct pga_real_path real;
	struct pga_error error = {"", ""};
	char *path = expand(leads->path);
	const int result = pga_real_path(&real, path, &error);

	if (result != (leads->real != NULL ? 0 : -1))
		fail_msg("%s: %s", leads->path, result == 0 ? real.path : error.message);
	if (leads->real != NULL) {
		assert_expanded(real.path, leads->real);
		assert_int_equal(real.linked, leads->linked);
		assert_false(real.leads_outside);
		pga_real_path_free(&real);
		assert_null(real.path);
	} else {
		assert_null(real.path);
		assert_expanded(error.message, leads->said);
	}
	free(path);
}

static void where_it_leads(void **state)
{
	static const struct leads cases[] = {
	    {"@/file", "@/file", false, NULL},
	    {"file", "@/file", false, NULL},
	    {"./file", "@/file", false, NULL},
	    {"other/../file", "@/file", false, NULL},
	    {"//@//file", "@/file", false, NULL},
	    {"@/other/", "@/other", false, NULL},
	    {"/../..@/file", "@/file", false, NULL},
	    {"/", "", false, NULL},
	    {"/..", "", false, NULL},
	    /* What is missing at the end is as it was named. */
	    {"none", "@/none", false, NULL},
	    {"none/a/./b//c", "@/none/a/b/c", false, NULL},
	    {"none/.", "@/none", false, NULL},
	    {"none/a..", "@/none/a..", false, NULL},
	    {"none/..a", "@/none/..a", false, NULL},
	    {"none/.a", "@/none/.a", false, NULL},
	    {"none/../file", NULL, false,
	     "could not look at none/../file: No such file or directory"},
	    {"none/a/..", NULL, false, "could not look at none/a/..: No such file or directory"},
	    /* Links. */
	    {"link", "@/file", true, NULL},
	    {"absolute", "@/file", true, NULL},
	    {"second", "@/file", true, NULL},
	    {"directory/x", "@/other/x", false, NULL},
	    {"directory", "@/other", true, NULL},
	    {"directory/../file", "@/file", false, NULL},
	    {"up/file", "@/file", false, NULL},
	    {"up", "@", true, NULL},
	    {"directory/none/x", "@/other/none/x", false, NULL},
	    {"dangling", NULL, false, "dangling: a symbolic link that leads to nothing: @/nothing"},
	    {"deep", NULL, false, "deep: a symbolic link that leads to nothing: @/nothing"},
	    {"dangling/x", NULL, false,
	     "dangling/x: a symbolic link that leads to nothing: @/nothing"},
	    {"loop", NULL, false, "could not look at loop: Too many levels of symbolic links"},
	    {"file/x", NULL, false, "could not look at file/x: Not a directory"},
	    {"", "@", false, NULL},
	};

	(void)state;
	put("file", "");
	make_link("file", "link");
	make_link("@/file", "absolute");
	make_link("link", "second");
	make_link("other", "directory");
	make_link("other/..", "up");
	make_link("nothing", "dangling");
	make_link("nothing/a/b", "deep");
	make_link("loop", "loop");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_leads(&cases[i]);
}

static void many_links(void **state)
{
	char name[20];
	char target[20];
	static const struct leads cases[] = {
	    {"40", "@/0", true, NULL},
	    {"41", NULL, false, "could not look at 41: Too many levels of symbolic links"}};

	(void)state;
	put("0", "");
	for (int i = 1; i <= 41; i++) {
		(void)snprintf(name, sizeof name, "%d", i);
		(void)snprintf(target, sizeof target, "%d", i - 1);
		make_link(target, name);
	}
	assert_leads(&cases[0]);
	assert_leads(&cases[1]);
}

/* Root's links and the user's own are followed; nobody else's. */
static void links_of_others(void **state)
{
	static const struct leads his_own = {"his", "@/file", true, NULL};
	static const struct leads his = {
	    "his", NULL, false, "@/his: a symbolic link of the user 12345 is not followed"};
	static const struct leads below = {
	    "way/x", NULL, false, "@/way: a symbolic link of the user 12345 is not followed"};
	static const struct leads behind = {
	    "mine", NULL, false, "@/his: a symbolic link of the user 12345 is not followed"};

	(void)state;
	if (geteuid() != 0)
		skip();
	put("file", "");
	make_link("file", "his");
	make_link("other", "way");
	make_link("his", "mine");
	assert_int_equal(lchown("his", SOMEBODY, SOMEBODY) | lchown("way", SOMEBODY, SOMEBODY), 0);
	assert_leads(&his);
	assert_leads(&below);
	assert_leads(&behind);
	/* One who is not there has made no link: it was root, outside. */
	unmapped = true;
	assert_leads(&his_own);
	unmapped = false;
}

/* ---- out of the home ---- */

static int look(const char *path, struct pga_real_path *real, struct pga_error *error)
{
	memset(error, 0, sizeof *error);
	return pga_real_path(real, path, error);
}

static void out_of_the_home(void **state)
{
	struct pga_real_path real;
	struct pga_error error;
	char *path = expand("@/home/link");

	(void)state;
	put("other/file", "");
	put("home/file", "");
	/* In the home, it is the home's. */
	make_link("file", "home/link");
	assert_int_equal(look(path, &real, &error), 0);
	assert_expanded(real.path, "@/home/file");
	assert_false(real.leads_outside);
	pga_real_path_free(&real);
	/* Out of it, root has to name it; and nobody changes somebody else's. */
	assert_int_equal(unlink("home/link"), 0);
	make_link("../other/file", "home/link");
	if (geteuid() == 0) {
		assert_int_equal(look(path, &real, &error), -1);
		assert_true(real.leads_outside);
		assert_null(real.path);
		assert_expanded(error.message,
				"@/home/link: leads out of the home directory, to @/other/file");
	} else {
		assert_int_equal(look(path, &real, &error), 0);
		assert_expanded(real.path, "@/other/file");
		pga_real_path_free(&real);
	}
	/* Who has no home has no file of it. */
	homeless = true;
	assert_int_equal(look(path, &real, &error), 0);
	assert_expanded(real.path, "@/other/file");
	assert_false(real.leads_outside);
	pga_real_path_free(&real);
	homeless = false;
	/* By its own name it is no file of the home. */
	assert_int_equal(look("other/file", &real, &error), 0);
	assert_false(real.leads_outside);
	pga_real_path_free(&real);
	/* Nor is one whose name only begins so. */
	assert_int_equal(mkdir("homes", 0755), 0);
	make_link("../other/file", "homes/link");
	free(path);
	path = expand("@/homes/link");
	assert_int_equal(look(path, &real, &error), 0);
	assert_expanded(real.path, "@/other/file");
	pga_real_path_free(&real);
	free(path);
}

/* A user whose files are in two places goes on as before; what is somebody else's is refused. */
static void out_of_a_users_home(void **state)
{
	int status = -1;
	pid_t child;

	(void)state;
	if (geteuid() != 0)
		skip();
	put("other/mine", "");
	put("other/roots", "");
	make_link("../other/mine", "home/mine");
	make_link("../other/roots", "home/roots");
	assert_int_equal(chmod(".", 0755) | chown("other/mine", SOMEBODY, SOMEBODY), 0);
	child = fork();
	if (child == 0) {
		struct pga_real_path real;
		struct pga_error error;
		char *mine = expand("@/home/mine");
		char *roots = expand("@/home/roots");
		const bool good = setuid(SOMEBODY) == 0 && look(mine, &real, &error) == 0 &&
				  look(roots, &real, &error) == -1 && real.leads_outside;

		_exit(good ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void a_home_that_is_a_link(void **state)
{
	struct pga_real_path real;
	struct pga_error error;
	char *home = expand("@/homelink");
	char *path = expand("@/homelink/link");

	(void)state;
	make_link("home", "homelink");
	make_link("file", "home/link");
	put("home/file", "");
	assert_int_equal(setenv("HOME", home, 1), 0);
	assert_int_equal(look(path, &real, &error), 0);
	assert_expanded(real.path, "@/home/file");
	assert_true(real.linked);
	pga_real_path_free(&real);
	/* A relative home is none that a path could be below. */
	assert_int_equal(setenv("HOME", "home", 1), 0);
	assert_int_equal(look(path, &real, &error), 0);
	pga_real_path_free(&real);
	free(home);
	free(path);
}

/* ---- the walk itself ---- */

/* What it is told of. */
static int note(void *context, const char *place, const struct stat *status)
{
	pga_text_addf(context, "%s%s ", place, S_ISLNK(status->st_mode) ? "@" : "");
	return strcmp(place, "/tmp/stop") == 0 ? 7 : 0;
}

static void every_place_is_told(void **state)
{
	struct pga_text told = PGA_TEXT_EMPTY;
	struct pga_walk walk;
	struct pga_text path = PGA_TEXT_EMPTY;
	struct pga_text expected = PGA_TEXT_EMPTY;

	(void)state;
	make_link("other/./x", "link");
	put("other/x", "");
	memset(&walk, 0, sizeof walk);
	pga_text_addf(&path, "%s/other/../link", scratch);
	assert_int_equal(pga_walk_go(&walk, path.bytes, note, &told), 0);
	pga_text_addf(&expected, "/ /tmp %s %s/other %s/link@ %s/other %s/other/x ", scratch,
		      scratch, scratch, scratch, scratch);
	assert_string_equal(told.bytes, expected.bytes);
	assert_int_equal(walk.links, 1);
	pga_walk_free(&walk);
	assert_int_equal(walk.links, 0);
	pga_text_free(&told);
	pga_text_free(&path);
	pga_text_free(&expected);
}

/* Another home of a name that is as long. */
static void out_of_another_home(void **state)
{
	struct pga_real_path real;
	struct pga_error error;
	char *path = expand("@/hame/link");

	(void)state;
	assert_int_equal(mkdir("hame", 0755), 0);
	put("other/file", "");
	make_link("../other/file", "hame/link");
	assert_int_equal(look(path, &real, &error), 0);
	assert_false(real.leads_outside);
	assert_true(real.linked);
	pga_real_path_free(&real);
	free(path);
}

/* Names that are nearly "." and "..". */
static void names_with_dots(void **state)
{
	static const struct leads cases[] = {
	    {"home/a./file", "@/home/a./file", false, NULL},
	    {"home/.a/file", "@/home/.a/file", false, NULL},
	    {"home/.../file", "@/home/.../file", false, NULL},
	    {"home/a./../.a/./file", "@/home/.a/file", false, NULL},
	    {"home/a./../none", "@/home/none", false, NULL},
	};

	(void)state;
	assert_int_equal(mkdir("home/a.", 0755) | mkdir("home/.a", 0755) | mkdir("home/...", 0755),
			 0);
	put("home/a./file", "");
	put("home/.a/file", "");
	put("home/.../file", "");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_leads(&cases[i]);
}

static void the_root_without_memory(void **state)
{
	bool failed = true;

	(void)state;
	for (unsigned number = 1; failed; number++) {
		struct pga_real_path real;
		struct pga_error error;
		int result;

		fail_call("realloc", number, 1, ENOMEM);
		result = look("/", &real, &error);
		failed = end_failing();
		assert_int_equal(result, failed ? -1 : 0);
		if (failed)
			assert_true(strstr(error.message, "out of memory") != NULL ||
				    strstr(error.message, strerror(ENOMEM)) != NULL);
		pga_real_path_free(&real);
	}
}

static void every_call_may_fail(void **state)
{
	static const char *const calls[] = {"malloc", "realloc", "strdup", "strndup",   "getcwd",
					    "lstat",  "fstat",   "open",   "readlinkat"};

	(void)state;
	put("home/file", "");
	make_link("home/file", "link");
	for (size_t call = 0; call < sizeof calls / sizeof calls[0]; call++)
		for (unsigned number = 1;; number++) {
			struct pga_real_path real;
			struct pga_error error;
			int result;

			fail_call(calls[call], number, 1, EIO);
			result = look("link", &real, &error);
			if (!end_failing()) {
				assert_int_equal(result, 0);
				pga_real_path_free(&real);
				break;
			}
			/* Whether the last name is a link is all that the very last look is for. */
			if (result == 0) {
				assert_string_equal(calls[call], "lstat");
				assert_false(real.linked);
				pga_real_path_free(&real);
				continue;
			}
			assert_null(real.path);
			/* That a path is not whole says that there was no memory. */
			if (strcmp(calls[call], "realloc") == 0)
				assert_null(strstr(error.message, strerror(EIO)));
			if (strstr(error.message, "out of memory") == NULL &&
			    strcmp(error.message,
				   "could not find the home directory: Input/output error") != 0 &&
			    strstr(error.message, "could not look at link: ") == NULL)
				fail_msg("%s %u: %s", calls[call], number, error.message);
		}
}

#define IN_A_HOME(test) cmocka_unit_test_setup_teardown(test, make_home, remove_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_HOME(where_it_leads),      IN_A_HOME(many_links),
	    IN_A_HOME(links_of_others),     IN_A_HOME(out_of_the_home),
	    IN_A_HOME(out_of_a_users_home), IN_A_HOME(a_home_that_is_a_link),
	    IN_A_HOME(every_place_is_told), IN_A_HOME(every_call_may_fail),
	    IN_A_HOME(out_of_another_home), IN_A_HOME(the_root_without_memory),
	    IN_A_HOME(names_with_dots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
