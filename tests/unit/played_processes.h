/* Running programs, in a /proc that a test writes. */
#ifndef PGA_TESTS_PLAYED_PROCESSES_H
#define PGA_TESTS_PLAYED_PROCESSES_H

#include "failing.h"
#include "moved_root.h"

#include "preload/binary.h"
#include "preload/module.h"
#include "diagnose/processes.h"
#include "base/text.h"

#include <malloc.h>

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

#define IN_A_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, begin, remove_scratch)

#endif
