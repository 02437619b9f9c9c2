/* pganchor service: the entries of pg_service.conf. */
#include "cli/cmd_service.h"

#include "policy/secrets.h"

#include "base/ini.h"
#include "base/guess.h"
#include "base/memory_file.h"
#include "base/terminal.h"
#include "cli/cli.h"
#include "policy/linked.h"
#include "service/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
    {"add", pga_service_add, "write an entry with sslmode=verify-full"},
    {"list", pga_service_list, "show all entries, where each stands, and the verdict of each"},
    {"show", pga_service_show, "show what one entry comes to, setting by setting"},
    {"remove", pga_service_remove, "take an entry out"},
};

static void print_help(FILE *stream)
{
	(void)fputs("usage: pganchor service COMMAND [OPTION ...]\n\n"
		    "Adds, lists, shows and removes entries of pg_service.conf: the user's "
		    "(~/.pg_service.conf, or\n"
		    "PGSERVICEFILE), or with --system the machine's.\n\ncommands:\n",
		    stream);
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		(void)fprintf(stream, "  %-8s  %s\n", commands[i].name, commands[i].summary);
	(void)fputs("\n  -h, --help  show this, or with a command, the command's options\n\n"
		    "  pganchor service add prod --host db.example.com\n"
		    "  psql service=prod\n",
		    stream);
}

static struct pga_hidden_environment hidden;

void pga_service_show_environment(void)
{
	pga_restore_environment(&hidden);
}

int pga_service_hide_environment(struct pga_error *error)
{
	return pga_hide_environment(&hidden) == 0 ? 0 : pga_fail_memory(error);
}

/* Every entry is looked at as it stands in its file, whatever this shell's environment says. */
static int run_hidden(int (*run)(int, char **), int argc, char **argv)
{
	struct pga_error error;
	int status;

	if (pga_keep_what_is_read_once("PGSERVICEFILE", false, &error) != 0 ||
	    pga_service_hide_environment(&error) != 0) {
		pga_print_error(&error);
		return PGA_EXIT_FAILED;
	}
	status = run(argc, argv);
	pga_service_show_environment();
	return status;
}

static int no_such_command(const char *word)
{
	static const char *const others[][2] = {{"ls", "list"},       {"rm", "remove"},
						{"delete", "remove"}, {"create", "add"},
						{"new", "add"},       {"edit", "add --replace"},
						{"get", "show"},      {"update", "add --replace"}};
	struct pga_guess guess = pga_guess_begin(word);

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		if (strcmp(word, others[i][0]) == 0)
			return pga_no_such_command("service", word, others[i][1]);
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		pga_guess_try(&guess, word, commands[i].name);
	return pga_no_such_command("service", word, guess.best);
}

static int run(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(argv[0], commands[i].name) == 0)
			return run_hidden(commands[i].run, argc, argv);
	return no_such_command(argv[0]);
}

int pga_cmd_service(int argc, char **argv)
{
	if (argc < 2) {
		print_help(stderr);
		return PGA_EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    (strcmp(argv[1], "help") == 0 && argc == 2)) {
		print_help(stdout);
		return PGA_EXIT_DONE;
	}
	if (strcmp(argv[1], "help") == 0) {
		char option[] = "--help";
		char *help[] = {argv[2], option, NULL};

		return run(2, help);
	}
	return run(argc - 1, argv + 1);
}

int pga_services_read(struct pga_services *services, struct pga_error *error)
{
	memset(services, 0, sizeof *services);
	if (pga_policy_load(&services->policy, error) != 0 ||
	    pga_service_file_read(&services->user, PGA_SERVICE_USER, error) != 0)
		return -1;
	return pga_service_file_read(&services->system, PGA_SERVICE_SYSTEM, error);
}

void pga_services_free(struct pga_services *services)
{
	pga_service_file_free(&services->user);
	pga_service_file_free(&services->system);
	pga_policy_free(&services->policy);
}

void pga_services_pins(struct pga_pins *pins)
{
	struct pga_error error;

	if (pga_pins_load(pins, &error) == 0)
		return;
	pga_print_warning("%s", error.message);
	pga_pins_free(pins);
}

void pga_service_print_next(const char *name)
{
	struct pga_text word = PGA_TEXT_EMPTY;

	pga_conninfo_word("service", name, &word);
	(void)printf("next:\n    psql %s\n    pganchor run -- psql %s\n", pga_text_string(&word),
		     pga_text_string(&word));
	pga_text_free(&word);
}

void pga_service_advise_root(enum pga_service_place place, struct pga_error *error)
{
	if (place == PGA_SERVICE_SYSTEM && geteuid() != 0 &&
	    strstr(error->message, strerror(EACCES)) != NULL)
		(void)snprintf(error->next, sizeof error->next,
			       "run it as root, such as with sudo; nothing was changed");
}

void pga_service_print_bootstrap(void)
{
	(void)puts("next:\n    pganchor bootstrap --ca-url URL --fingerprint HEX");
}

void pga_service_print_reasons(FILE *stream, const char *reasons)
{
	while (*reasons != '\0') {
		const size_t length = strcspn(reasons, "\n");

		pga_print(stream, "    %.*s\n", (int)length, reasons);
		reasons += length + (reasons[length] == '\n');
	}
}

void pga_service_print_lines(FILE *stream, const char *indent, const char *bytes, size_t length)
{
	struct pga_ini_reader reader = pga_ini_start(bytes, length, PGA_INI_PGSERVICE);
	struct pga_ini_line line;

	while (pga_ini_next(&reader, &line)) {
		struct pga_text text = PGA_TEXT_EMPTY;
		size_t whole = line.whole.length;
		char *printable;

		while (whole > 0 && strchr("\r\n", line.whole.bytes[whole - 1]) != NULL)
			whole--;
		pga_text_add_masked_line(&text, line.whole.bytes, whole);
		printable = pga_printable(pga_text_string(&text));
		(void)fprintf(stream, "%s%s\n", indent, printable != NULL ? printable : "");
		free(printable);
		pga_text_free(&text);
	}
}
