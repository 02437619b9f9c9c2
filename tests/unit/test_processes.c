/* diagnose/processes.h: running programs, in a /proc that the test writes. */
#include "cmocka_start.h"
#include "failing.h"
#include "moved_root.h"

#include "preload/binary.h"
#include "preload/module.h"
#include "diagnose/processes.h"
#include "base/text.h"

#include <malloc.h>
#include <pwd.h>
#include <sys/auxv.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- what the machine is ---- */

static uid_t user;
static uid_t acting; /* effective */
static unsigned binaries_read;
static long binaries_held;

uid_t __wrap_getuid(void);
uid_t __wrap_geteuid(void);

uid_t __wrap_getuid(void)
{
	return user;
}

uid_t __wrap_geteuid(void)
{
	return acting;
}

/* A file says in words what it is: a file of the test's is no program. */
bool pga_binary_read(const char *path, struct pga_binary *binary)
{
	char words[100] = "";
	FILE *file = __real_fopen(moved(path), "r");

	memset(binary, 0, sizeof *binary);
	if (file == NULL || fgets(words, sizeof words, file) == NULL)
		words[0] = '\0';
	if (file != NULL)
		(void)fclose(file);
	binaries_read++;
	binaries_held++;
	binary->exports_libpq = strstr(words, "exports") != NULL;
	binary->has_libpq = strstr(words, "libpq") != NULL;
	binary->calls_tls = strstr(words, "tls") != NULL;
	binary->driver = strstr(words, "driver") != NULL ? "a driver" : NULL;
	binary->interpreter = __real_strdup("/lib/ld.so");
	return strstr(words, "broken") == NULL;
}

void pga_binary_free(struct pga_binary *binary)
{
	binaries_held -= binary->interpreter != NULL;
	free(binary->interpreter);
	memset(binary, 0, sizeof *binary);
}

/* Nobody asks here what is preloaded. */
const char *pga_module_next_entry(const char *preload, size_t *length)
{
	(void)preload;
	(void)length;
	return NULL;
}

/* ---- processes ---- */

#define STATUS "Name:\ta\nUid:\t%u\t5\t5\t5\nGid:\t7\nVmSize:\t1 kB\n"

static void put_of(const char *pid, const char *name, const char *content)
{
	char path[300];

	(void)snprintf(path, sizeof path, "/proc/%s/%s", pid, name);
	put_moved(path, content);
}

/* A process of the user 1000, whose program is of this name and these words. maps has paths alone,
 * one a line. */
static void start(const char *pid, const char *program, const char *words, const char *maps)
{
	char path[300];
	char target[400];
	char copy[1000];
	char *rest = copy;
	const char *line;
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_text_addf(&text, STATUS, 1000U);
	put_of(pid, "status", text.bytes);
	pga_text_free(&text);
	put_of(pid, "comm", "a program\n");
	pga_text_add(&text, "7f00-7f01 rw-p 0 00:00 0\n");
	(void)snprintf(copy, sizeof copy, "%s", maps);
	while ((line = strsep(&rest, "\n")) != NULL)
		pga_text_addf(&text, "7f00-7f01 r-xp 00000000 08:01 1 %s\n", line);
	put_of(pid, "maps", text.bytes);
	pga_text_free(&text);
	put_of(pid, "root/", NULL);
	(void)snprintf(path, sizeof path, "/bin%s/%s", pid, program);
	put_moved(path, words);
	(void)snprintf(target, sizeof target, "%s%s", scratch, path);
	(void)snprintf(path, sizeof path, "proc/%s/exe", pid);
	assert_int_equal(symlink(target, path), 0);
}

/* A library as the process 12 sees it. */
static void put_library(const char *path, const char *words)
{
	char place[200];

	(void)snprintf(place, sizeof place, "root%s", path);
	put_of("12", place, words);
}

/* What is told of a process, in a line. */
static void show(struct pga_text *text, const struct pga_process *process)
{
	pga_text_addf(text, "%ld %s", (long)process->pid, process->name);
	if (process->gate != NULL)
		pga_text_addf(text, " gate %s%s", process->gate,
			      process->gate_deleted ? " gone" : "");
	for (size_t i = 0; i < process->libpq_count; i++) {
		const struct pga_mapped_libpq *libpq = &process->libpqs[i];

		pga_text_addf(text, " libpq %s [%s]%s%s", libpq->path, libpq->version,
			      libpq->hides_tls ? " hides" : "", libpq->deleted ? " gone" : "");
	}
	if (process->inside != NULL)
		pga_text_addf(text, " inside %s%s %s", process->inside,
			      process->own_libpq ? " own" : "",
			      strncmp(process->file, scratch, strlen(scratch)) == 0
				  ? process->file + strlen(scratch)
				  : process->file);
	else
		assert_true(process->file == NULL && !process->own_libpq);
	pga_text_addf(text, "%s%s\n", process->module_missing ? " missing" : "",
		      process->secure ? " secure" : "");
}

/* Looks, and leaves nothing open. */
static char *look(struct pga_processes *processes)
{
	const int before = next_descriptor();
	struct pga_error error;
	struct pga_text text = PGA_TEXT_EMPTY;

	memset(processes, 0x5a, sizeof *processes);
	assert_int_equal(pga_processes_look(processes, &error), 0);
	assert_int_equal(next_descriptor(), before);
	assert_int_equal(binaries_held, 0);
	for (size_t i = 0; i < processes->count; i++)
		show(&text, &processes->list[i]);
	return pga_text_take(&text);
}

static void assert_shown(const char *expected)
{
	struct pga_processes processes;
	char *shown = look(&processes);

	assert_string_equal(shown, expected);
	free(shown);
	pga_processes_free(&processes);
}

static int begin(void **state)
{
	user = 1000;
	acting = 1000;
	binaries_read = 0;
	binaries_held = 0;
	/* What is not set is not zero either. */
	(void)mallopt(M_PERTURB, 0x5a);
	return make_scratch(state);
}

/* ---- whose they are ---- */

static void whose_they_are(void **state)
{
	static const struct {
		const char *status;
		uid_t user;
		uid_t acting;
		const char *name; /* NULL: it is not told of */
	} cases[] = {
	    {"Name:\ta\nUid:\t1000\t5\nVmSize:\t1 kB\n", 1000, 1000, "1000"},
	    {"Name:\ta\nUid:\t1000\t5\nVmSize:\t1 kB\n", 1000, 77, "1000"},
	    {"Name:\ta\nUid:\t1000\t5\nVmSize:\t1 kB\n", 1001, 1001, NULL},
	    {"Name:\ta\nUid:\t1000\t5\nVmSize:\t1 kB\n", 5, 5, NULL},
	    {"Name:\ta\nUid:\t1000\t5\nVmSize:\t1 kB\n", 1001, 0, "1000"},
	    {"Name:\ta\nUid:\t0\t5\nVmSize:\t1 kB\n", 0, 0, "0"},
	    {"Name:\ta\nUid:\t4000000000\t5\nVmSize:\t1 kB\n", 0, 0, "4000000000"},
	    /* The kernel's own threads, and what has ended. */
	    {"Name:\ta\nUid:\t1000\t5\n", 1000, 0, NULL},
	    {"VmSize:\t1\nUid:\t1000\t5\n", 1000, 0, NULL},
	    {"Name:\tVmSize:\nUid:\t1000\t5 VmSize:\n", 1000, 0, NULL},
	    /* What is not as the kernel writes it. */
	    {"Name:\ta\nVmSize:\t1 kB\n", 1000, 0, NULL},
	    {"Name:\ta\nGUid:\t1000\nVmSize:\t1 kB\n", 1000, 0, NULL},
	    {"", 1000, 0, NULL},
	    {NULL, 1000, 0, NULL},
	};

	(void)state;
	start("12", "p", "libpq", "");
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pga_processes processes;
		const struct passwd *entry;
		char *shown;

		if (cases[i].status != NULL)
			put_of("12", "status", cases[i].status);
		else
			assert_int_equal(unlink("proc/12/status"), 0);
		user = cases[i].user;
		acting = cases[i].acting;
		shown = look(&processes);
		if (processes.count != (cases[i].name != NULL ? 1 : 0))
			fail_msg("%s: %s", cases[i].status, shown);
		assert_int_equal(processes.of_all, cases[i].acting == 0);
		if (cases[i].name != NULL) {
			entry = getpwuid((uid_t)strtoul(cases[i].name, NULL, 10));
			assert_string_equal(processes.list[0].user,
					    entry != NULL ? entry->pw_name : cases[i].name);
		}
		free(shown);
		pga_processes_free(&processes);
	}
}

static void which_are_looked_at(void **state)
{
	char own[20];

	(void)state;
	(void)snprintf(own, sizeof own, "%ld", (long)getpid());
	start("9", "p", "libpq", "");
	start("100", "p", "libpq", "");
	start("20", "p", "libpq", "");
	start("3", "p", "", ""); /* nothing to tell of */
	start("self", "p", "libpq", "");
	start(own, "p", "libpq", "");
	put_moved("/proc/1/maps", "");
	put_moved("/proc/uptime", "");
	assert_shown("9 a program inside libpq own /bin9/p missing\n"
		     "20 a program inside libpq own /bin20/p missing\n"
		     "100 a program inside libpq own /bin100/p missing\n");
}

static void what_cannot_be_read(void **state)
{
	static const char *const shown[] = {"", "12 a program inside libpq own /bin12/p missing\n",
					    "12 ? inside libpq own /bin12/p missing\n"};
	struct pga_processes processes;
	struct pga_error error;

	(void)state;
	start("12", "p", "libpq", "");
	start("13", "p", "", "");
	assert_shown(shown[1]);
	deny("open", "/proc/12/comm", EACCES);
	assert_shown(shown[2]);
	deny("open", "/proc/12/maps", EACCES);
	for (size_t others = 0; others < 3; others++) {
		char *text = look(&processes);

		assert_string_equal(text, "");
		assert_int_equal(processes.unreadable, 1 + others);
		free(text);
		pga_processes_free(&processes);
		assert_null(processes.list);
		if (others == 0)
			assert_int_equal(unlink("proc/13/maps"), 0);
		if (others == 1) {
			start("14", "p", "", "");
			assert_int_equal(unlink("proc/14/maps"), 0);
		}
	}
	deny("opendir", "/proc", EACCES);
	assert_int_equal(pga_processes_look(&processes, &error), -1);
	assert_string_equal(error.message, "cannot read /proc: Permission denied");
	assert_string_equal(error.hint, "mount it");
	pga_processes_free(&processes);
	deny(NULL, NULL, 0);
}

/* ---- what is in them ---- */

static void what_is_mapped(void **state)
{
	static const struct {
		const char *maps;
		const char *expected; /* "" nothing; without what is told of every one */
	} cases[] = {
	    {"", ""},
	    {"/l/libc.so.6", ""},
	    {"[stack]", ""},
	    {"/l/libpq.so.5.15", " libpq /l/libpq.so.5.15 [15]"},
	    {"/l/hidden/libpq.so.5.15", " libpq /l/hidden/libpq.so.5.15 [15] hides"},
	    {"/l/broken/libpq.so.5.15", " libpq /l/broken/libpq.so.5.15 [15] hides"},
	    {"/l/none/libpq.so.5.15", " libpq /l/none/libpq.so.5.15 [15]"},
	    {"/l/libpq.so.5.15 (deleted)", " libpq /l/libpq.so.5.15 [15] gone"},
	    {"/l/hidden/libpq.so.5.15 (deleted)", " libpq /l/hidden/libpq.so.5.15 [15] gone"},
	    {"/l/libpq.so.5.15 (delete)", " libpq /l/libpq.so.5.15 (delete) []"},
	    {"/l/libpq.so.5.15 x", " libpq /l/libpq.so.5.15 x []"},
	    /* Versions. */
	    {"/l/libpq.so.5", " libpq /l/libpq.so.5 []"},
	    {"/l/libpq.so", " libpq /l/libpq.so []"},
	    {"/l/libpq.so.5.", " libpq /l/libpq.so.5. []"},
	    {"/l/libpq.so.5.x", " libpq /l/libpq.so.5.x []"},
	    {"/l/libpq.so.5.18b1", " libpq /l/libpq.so.5.18b1 []"},
	    {"/l/libpq.so.5.1", " libpq /l/libpq.so.5.1 [1]"},
	    {"/l/libpq-0a.so.5.17", " libpq /l/libpq-0a.so.5.17 [17]"},
	    {"/l/libpq.so.5.123456789012345",
	     " libpq /l/libpq.so.5.123456789012345 [123456789012345]"},
	    {"/l/libpq.so.5.1234567890123456", " libpq /l/libpq.so.5.1234567890123456 []"},
	    /* Several. */
	    {"/l/libpq.so.5.15\n/l/libpq.so.5.15\n/l/libc.so.6\n/l/libpq.so.5.15",
	     " libpq /l/libpq.so.5.15 [15]"},
	    {"/l/libpq.so.5.15\n/l/libpq.so.5.16\n/l/libpq.so.5.15\n/l/libpq.so.5.16",
	     " libpq /l/libpq.so.5.15 [15] libpq /l/libpq.so.5.16 [16]"},
	    {"/l/renamed.so", " libpq /l/renamed.so [] hides"},
	    {"/l/renamed-tls.so", " libpq /l/renamed-tls.so []"},
	    /* The gate. */
	    {"/l/pganchor-gate.so", " gate /l/pganchor-gate.so"},
	    {"/l/libpganchor.so.0", " gate /l/libpganchor.so.0"},
	    {"/l/pganchor-gate.so (deleted)", " gate /l/pganchor-gate.so gone"},
	    {"/l/none/pganchor-gate.so", " gate /l/none/pganchor-gate.so"},
	    {"/l/other/pganchor-gate.so", ""},
	    {"/l/other/pganchor-gate.so\n/l/pganchor-gate.so", " gate /l/pganchor-gate.so"},
	    {"/l/pganchor-gate.so\n/l/libpganchor.so.0 (deleted)", " gate /l/pganchor-gate.so"},
	    {"/l/pganchor-gate.so\n/l/libpq.so.5.15",
	     " gate /l/pganchor-gate.so libpq /l/libpq.so.5.15 [15]"},
	    /* What brings a way of its own. */
	    {"/l/with.so", " inside libpq own /l/with.so"},
	    {"/l/driver.so", " inside a driver /l/driver.so"},
	    {"/l/both.so", " inside a driver /l/both.so"},
	    {"/l/driver.so\n/l/with.so", " inside a driver /l/driver.so"},
	    {"/l/with.so\n/l/driver.so", " inside libpq own /l/with.so"},
	    {"/l/with.so (deleted)", ""},
	    {"/ (deleted)", ""},
	    {"/l/asyncpg/protocol/protocol.so", " inside asyncpg /l/asyncpg/protocol/protocol.so"},
	    {"/l/x/asyncpg/protocol/protocol.so",
	     " inside asyncpg own /l/x/asyncpg/protocol/protocol.so"},
	    {"/l/driver.so\n/l/libpq.so.5.15\n/l/pganchor-gate.so",
	     " gate /l/pganchor-gate.so libpq /l/libpq.so.5.15 [15] inside a driver /l/driver.so"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pga_text expected = PGA_TEXT_EMPTY;

		assert_int_equal(remove_scratch(NULL) | make_scratch(NULL), 0);
		start("12", "p", "", cases[i].maps);
		put_library("/l/libpq.so.5.15", "libpq exports tls");
		put_library("/l/libpq.so.5.16", "libpq exports tls");
		put_library("/l/hidden/libpq.so.5.15", "libpq exports");
		put_library("/l/broken/libpq.so.5.15", "broken tls");
		put_library("/l/renamed.so", "libpq exports");
		put_library("/l/renamed-tls.so", "libpq exports tls");
		put_library("/l/pganchor-gate.so", "libpq exports");
		put_library("/l/libpganchor.so.0", "libpq exports");
		put_library("/l/other/pganchor-gate.so", "tls");
		put_library("/l/with.so", "libpq");
		put_library("/l/driver.so", "driver");
		put_library("/l/both.so", "driver libpq");
		put_library("/ (deleted)", "driver");
		put_library("/l/x/asyncpg/protocol/protocol.so", "libpq");
		put_library(PGA_MODULE, "");
		if (cases[i].expected[0] != '\0')
			pga_text_addf(&expected, "12 a program%s\n", cases[i].expected);
		{
			struct pga_processes processes;
			char *shown = look(&processes);

			if (strcmp(shown, pga_text_string(&expected)) != 0)
				fail_msg("%s: %s", cases[i].maps, shown);
			free(shown);
			pga_processes_free(&processes);
		}
		pga_text_free(&expected);
	}
}

static void what_the_program_is(void **state)
{
	static const struct {
		const char *program;
		const char *words;
		const char *expected;
	} cases[] = {
	    {"p", "", ""},
	    {"p", "libpq", "12 a program inside libpq own /bin12/p\n"},
	    {"p", "driver", "12 a program inside a driver /bin12/p\n"},
	    {"p", "driver libpq", "12 a program inside a driver /bin12/p\n"},
	    {"pgbouncer", "", "12 a program inside own protocol /bin12/pgbouncer\n"},
	    {"pgbouncer", "libpq", "12 a program inside own protocol own /bin12/pgbouncer\n"},
	    {"pgbouncer", "driver libpq", "12 a program inside own protocol /bin12/pgbouncer\n"},
	    {"pgbouncer", NULL, "12 a program inside own protocol /bin12/pgbouncer\n"},
	    {"p", NULL, ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char path[40];

		assert_int_equal(remove_scratch(NULL) | make_scratch(NULL), 0);
		start("12", cases[i].program, cases[i].words != NULL ? cases[i].words : "", "");
		put_library(PGA_MODULE, "");
		(void)snprintf(path, sizeof path, "bin12/%s", cases[i].program);
		if (cases[i].words == NULL)
			assert_int_equal(unlink(path), 0);
		assert_shown(cases[i].expected);
	}
	/* What is in the program itself comes first. */
	assert_int_equal(remove_scratch(NULL) | make_scratch(NULL), 0);
	start("12", "p", "driver", "/l/with.so");
	put_library("/l/with.so", "libpq");
	put_library(PGA_MODULE, "");
	assert_shown("12 a program inside a driver /bin12/p\n");
}

static void every_file_is_another(struct stat *status)
{
	static ino_t number;

	status->st_dev = 1;
	status->st_ino = ++number;
}

static void every_file_has_one_number(struct stat *status)
{
	static dev_t device;

	status->st_ino = 1;
	status->st_dev = ++device;
}

/* A file is read once, however many processes have it. */
static void files_are_read_once(void **state)
{
	static const struct {
		void (*look)(struct stat *status);
		unsigned read;
	} cases[] = {{NULL, 3}, {every_file_is_another, 5}, {every_file_has_one_number, 5}};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(remove_scratch(NULL) | make_scratch(NULL), 0);
		start("12", "p", "libpq", "/l/libpq.so.5.15\n/l/x.so\n/l/x.so\n/l/libpq.so.5.15");
		start("13", "q", "", "");
		assert_int_equal(unlink("proc/13/exe") | symlink("../12/exe", "proc/13/exe"), 0);
		assert_int_equal(unlink("bin13/q"), 0);
		put_library("/l/libpq.so.5.15", "tls");
		put_library("/l/x.so", "broken");
		binaries_read = 0;
		binaries_held = 0;
		played_look = cases[i].look;
		assert_shown("12 a program libpq /l/libpq.so.5.15 [15] inside libpq own /bin12/p "
			     "missing\n13 a program inside libpq own ../12/exe missing\n");
		played_look = NULL;
		assert_int_equal(binaries_read, cases[i].read);
	}
}

/* ---- where they run, and with which power ---- */

static void where_the_module_is(void **state)
{
	(void)state;
	start("12", "p", "libpq", "");
	assert_shown("12 a program inside libpq own /bin12/p missing\n");
	deny("access", "/proc/12/root/" PGA_MODULE, EACCES);
	assert_shown("12 a program inside libpq own /bin12/p\n");
	deny("access", "/proc/12/root/", EACCES);
	assert_shown("12 a program inside libpq own /bin12/p\n");
	deny(NULL, NULL, 0);
	put_library(PGA_MODULE, "");
	assert_shown("12 a program inside libpq own /bin12/p\n");
	/* Who has the gate has it. */
	start("13", "p", "", "/l/pganchor-gate.so");
	assert_shown("12 a program inside libpq own /bin12/p\n"
		     "13 a program gate /l/pganchor-gate.so\n");
}

static void who_trusts_no_caller(void **state)
{
	static const struct {
		unsigned long words[8];
		size_t length; /* bytes */
		bool secure;
	} cases[] = {
	    {{0}, 0, false},
	    {{AT_SECURE, 1}, 16, true},
	    {{AT_SECURE, 0}, 16, false},
	    {{AT_SECURE + 1, 1}, 16, false},
	    {{1, AT_SECURE, 1, 1}, 32, false},
	    {{1, 1, AT_SECURE, 1}, 32, true},
	    {{AT_SECURE, 1, 1, 1}, 32, true},
	    {{AT_SECURE, 2, AT_SECURE, 0, 3, 3}, 48, true},
	    {{1, 1, AT_SECURE, 1}, 31, false},
	    {{AT_SECURE, 1}, 15, false},
	    {{AT_SECURE, 1}, 8, false},
	};

	(void)state;
	start("12", "p", "libpq", "");
	put_library(PGA_MODULE, "");
	for (size_t i = 0; i < COUNT(cases); i++) {
		FILE *file = fopen("proc/12/auxv", "w");

		assert_non_null(file);
		assert_int_equal(fwrite(cases[i].words, 1, cases[i].length, file), cases[i].length);
		assert_int_equal(fclose(file), 0);
		assert_shown(cases[i].secure ? "12 a program inside libpq own /bin12/p secure\n"
					     : "12 a program inside libpq own /bin12/p\n");
	}
}

/* ---- memory ---- */

static int look_again(struct pga_error *error)
{
	struct pga_processes processes;
	int result = pga_processes_look(&processes, error);

	for (size_t i = 0; i < processes.count; i++) {
		assert_non_null(processes.list[i].name);
		assert_non_null(processes.list[i].user);
		/* What could not be looked at is not said to be missing. */
		assert_false(processes.list[i].module_missing);
		if (result == 0 && processes.list[i].pid == 12)
			assert_true(processes.list[i].libpq_count == 2 &&
				    processes.list[i].gate != NULL);
		for (size_t libpq = 0; libpq < processes.list[i].libpq_count; libpq++)
			assert_non_null(processes.list[i].libpqs[libpq].path);
	}
	/* Nor does one that was found get lost on the way into the list. */
	if (result == 0 && grows_no_more)
		assert_int_equal(processes.count, 2);
	grows_no_more = false;
	pga_processes_free(&processes);
	return result;
}

static void wherever_memory_runs_out(void **state)
{
	(void)state;
	start("12", "p", "driver",
	      "/l/libpq.so.5.15\n/l/libpq.so.5.16\n/l/pganchor-gate.so\n/l/libc.so.6");
	put_library("/l/libpq.so.5.15", "tls");
	start("13", "q", "libpq", "/l/libpq.so.5.16");
	put_of("13", "root" PGA_MODULE, "");
	without_each(look_again, true);
}

#define IN_A_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, begin, remove_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_DIRECTORY(whose_they_are),           IN_A_DIRECTORY(which_are_looked_at),
	    IN_A_DIRECTORY(what_cannot_be_read),      IN_A_DIRECTORY(what_is_mapped),
	    IN_A_DIRECTORY(what_the_program_is),      IN_A_DIRECTORY(files_are_read_once),
	    IN_A_DIRECTORY(where_the_module_is),      IN_A_DIRECTORY(who_trusts_no_caller),
	    IN_A_DIRECTORY(wherever_memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
