/* pganchor run: starts a program with the gate in it. */
#include "cli/cli.h"

#include "preload/dropin.h"
#include "preload/known.h"
#include "preload/module.h"
#include "preload/program.h"
#include "preload/watch.h"
#include "base/memory_file.h"
#include "base/terminal.h"
#include "base/text.h"
#include "service/ports.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a shell answers for a program that cannot be found, or not be started (POSIX, "Exit Status
 * for Commands"). */
#define EXIT_NOT_FOUND   127
#define EXIT_NOT_STARTED 126

/* What ld.so separates the entries of LD_PRELOAD by (ld.so(8)). Its NUL ends the last. */
static const char separators[] = " :";

/* Adds what LD_PRELOAD holds but for the module. */
static void add_others(struct pga_text *text, const char *preload)
{
	while (*(preload += strspn(preload, separators)) != '\0') {
		const size_t length = strcspn(preload, separators);

		if (!pga_module_is_named(preload, length)) {
			pga_text_add(text, text->length > 0 ? ":" : "");
			pga_text_add_bytes(text, preload, length);
		}
		preload += length;
	}
}

/* Whether the value begins with this entry, and nothing at all is before it. */
static bool begins_with(const char *preload, const char *entry)
{
	const size_t length = strlen(entry);

	return preload != NULL && strncmp(preload, entry, length) == 0 &&
	       memchr(separators, preload[length], sizeof separators) != NULL;
}

/* The gate goes first, so that what else is preloaded meets its calls behind it: what ld.so loads
 * first is what programs are bound to, and what the entries before it lead to, ld.so alone knows.
 * For a program that cannot load it, it goes. */
static int set_preload(enum pga_cover cover)
{
	const char *preload = getenv("LD_PRELOAD");
	struct pga_text text = PGA_TEXT_EMPTY;
	char *entry_32 = cover == PGA_COVERED_32 ? pga_module_entry_32() : NULL;
	const char *entry = entry_32 != NULL ? entry_32 : PGA_MODULE;
	int result = 0;

	if (cover != PGA_UNLOADABLE) {
		pga_text_add(&text, entry);
		if (preload != NULL && pga_puts_libpq_first(preload))
			pga_print_warning("LD_PRELOAD has a libpq before the gate: the gate is put "
					  "in front");
	}
	if (preload != NULL)
		add_others(&text, preload);
	if (text.failed)
		result = -1;
	else if (cover == PGA_UNLOADABLE || !begins_with(preload, entry))
		result = text.length == 0 ? unsetenv("LD_PRELOAD")
					  : setenv("LD_PRELOAD", pga_text_string(&text), 1);
	free(entry_32);
	pga_text_free(&text);
	return result;
}

static void add_port(void *context, unsigned port)
{
	struct pga_watch_ports *ports = context;

	ports->watched[port] = true;
}

/* What the program's file does not tell, its connections will. */
static int watch(const char *program, struct pga_error *error)
{
	static struct pga_watch_ports ports;
	struct pga_error why;

	pga_service_ports(add_port, &ports);
	if (pga_watch_start(&ports, &why) == 0)
		return 0;
	return pga_fail(error,
			"start it without --require: what it starts, and drivers without libpq, "
			"then are not looked at",
			"could not watch the connections of %s: %s", program, why.message);
}

/* Becomes the program; returns only where that fails. */
static int start(char **argv, bool required)
{
	struct pga_error error;
	const enum pga_cover cover = pga_program_look(argv[0], &error);
	int status = PGA_EXIT_FAILED;

	if ((cover == PGA_UNCOVERED || cover == PGA_UNLOADABLE) && required) {
		pga_print_error(&error);
		return PGA_EXIT_WEAK;
	}
	if (cover == PGA_UNCOVERED || cover == PGA_UNLOADABLE || cover == PGA_HINDERED)
		pga_print_warning("%s\n    %s", error.message, error.hint);
	/* The loader only warns of a module that it cannot load, and starts the program without. */
	if (pga_module_loads(PGA_MODULE, false, &error) != 0) {
		(void)snprintf(error.hint, sizeof error.hint,
			       "install pganchor again; nothing was started");
	} else if (pga_keep_what_is_read_once("PGSERVICEFILE", true, &error) != 0) {
		/* The gate asks libpq first, which would leave a pipe empty for the program. */
	} else if (set_preload(cover) != 0) {
		(void)pga_fail_memory(&error);
	} else if (!required || watch(argv[0], &error) == 0) {
		(void)execvp(argv[0], argv);
		status = errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_STARTED;
		(void)pga_fail_errno(&error, NULL, "could not start %s", argv[0]);
	}
	pga_print_error(&error);
	return status;
}

struct asked {
	bool required;
	bool is_bound;
	bool has_dropin;
};

static const struct pga_option options[] = {
    {.name = "require",
     .target = offsetof(struct asked, required),
     .help = "do not start a program that the gate cannot see (exit status 3), and refuse what "
	     "connects without it to PostgreSQL: ports 5432, 6432, PGPORT, and those of the "
	     "service files"},
    /* What pga_module_loads() asks. */
    {.name = "is-bound", .target = offsetof(struct asked, is_bound)},
    /* What preload/dropin.c asks. */
    {.name = "has-dropin", .target = offsetof(struct asked, has_dropin)},
};

/* Whether ld.so has found the drop-in, and the libpq behind it or in its place. */
static int tell_dropin(void)
{
	const char *libpq = pga_dropin_libpq();

	(void)puts(libpq != NULL ? libpq : "no libpq");
	return pga_dropin_is_loaded(false) ? PGA_EXIT_DONE : PGA_EXIT_WEAK;
}

static int run(int argc, char **argv)
{
	struct asked asked = {.required = false};
	int status;

	if (!pga_options_read(&pga_cmd_run, argc, argv, &asked, &status))
		return status;
	if (asked.is_bound)
		return pga_module_is_bound(false) ? PGA_EXIT_DONE : PGA_EXIT_WEAK;
	if (asked.has_dropin)
		return tell_dropin();
	if (optind == argc)
		return pga_usage_error("run", "an argument is missing: the program to start");
	return start(argv + optind, asked.required);
}

const struct pga_command pga_cmd_run = {
    .name = "run",
    .summary = "start a program whose connections are verify-full, or refused",
    .usage = "[--require] [--] PROGRAM [ARGUMENT ...]",
    .about = "Starts PROGRAM with the gate loaded into it (LD_PRELOAD): a connection through libpq "
	     "that is weaker than sslmode=verify-full is refused, and says why. Exit status and "
	     "signals are the program's. A connection that no libpq makes is not seen: where the "
	     "program's file tells that, a warning says so.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .most = SIZE_MAX,
    .names = PGA_NAMES_PROGRAM,
    .stops = true,
    .examples = "  pganchor run -- psql service=prod\n",
    .run = run,
};
