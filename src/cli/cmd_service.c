/* pganchor service: the entries of pg_service.conf. */
#include "cli/cmd_service.h"

#include "policy/secrets.h"

#include "base/ini.h"
#include "base/memory_file.h"
#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/conninfo_word.h"
#include "cli/commands.h"
#include "policy/linked.h"
#include "service/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct pga_command *const commands[] = {
    &pga_cmd_service_add,  &pga_cmd_service_harden, &pga_cmd_service_list,
    &pga_cmd_service_show, &pga_cmd_service_remove, NULL,
};

static const struct pga_habit habits[] = {
    {"ls", "list"}, {"rm", "remove"},          {"delete", "remove"}, {"create", "add"},
    {"new", "add"}, {"edit", "add --replace"}, {"get", "show"},      {"update", "add --replace"},
    {NULL, NULL},
};

static int run(int argc, char **argv);

const struct pga_command pga_cmd_service = {
    .name = "service",
    .summary = "add, harden, list, show and remove entries of pg_service.conf",
    .about = "Adds, hardens, lists, shows and removes entries of pg_service.conf: the user's "
	     "(~/.pg_service.conf, or PGSERVICEFILE), or with --system the machine's.",
    .examples = "  pganchor service add prod --host db.example.com\n"
		"  psql service=prod\n",
    .run = run,
    .commands = commands,
    .habits = habits,
};

static struct pga_hidden_environment hidden;

void pga_bring_environment_back(void)
{
	pga_restore_environment(&hidden);
}

int pga_hide_environment_again(struct pga_error *error)
{
	return pga_hide_environment(&hidden) == 0 ? 0 : pga_fail_memory(error);
}

/* Every entry is looked at as it is in its file, whatever this shell's environment says. */
static int run(int argc, char **argv)
{
	struct pga_error error;
	int status;

	if (pga_keep_what_is_read_once("PGSERVICEFILE", false, &error) != 0 ||
	    pga_hide_environment_again(&error) != 0) {
		pga_print_error(&error);
		return PGA_EXIT_FAILED;
	}
	status = pga_commands_run(&pga_cmd_service, argc, argv);
	pga_bring_environment_back();
	return status;
}

int pga_find_services(struct pga_found_services *services, struct pga_error *error)
{
	memset(services, 0, sizeof *services);
	if (pga_policy_load(&services->policy, error) != 0 ||
	    pga_service_file_read(&services->user, PGA_SERVICE_USER, error) != 0)
		return -1;
	return pga_service_file_read(&services->system, PGA_SERVICE_SYSTEM, error);
}

void pga_found_services_free(struct pga_found_services *services)
{
	pga_service_file_free(&services->user);
	pga_service_file_free(&services->system);
	pga_policy_free(&services->policy);
}

void pga_pins_or_none(struct pga_pins *pins, const struct pga_policy *policy)
{
	struct pga_error error;

	if (pga_pins_load(pins, policy, &error) == 0)
		return;
	pga_print_warning("%s", error.message);
	pga_pins_free(pins);
}

void pga_print_next_use(const char *name)
{
	struct pga_text word = PGA_TEXT_EMPTY;

	pga_conninfo_word("service", name, &word);
	(void)printf("next:\n    psql %s\n    pganchor run -- psql %s\n", pga_text_string(&word),
		     pga_text_string(&word));
	pga_text_free(&word);
}

void pga_advise_root_for_file(enum pga_service_place place, struct pga_error *error)
{
	if (place == PGA_SERVICE_SYSTEM && geteuid() != 0 &&
	    strstr(error->message, strerror(EACCES)) != NULL)
		(void)snprintf(error->hint, sizeof error->hint,
			       "run it as root, such as with sudo; nothing was changed");
}

void pga_print_next_bootstrap(void)
{
	(void)puts("next:\n    pganchor bootstrap --ca-url URL --fingerprint HEX");
}

void pga_print_reasons(FILE *stream, const char *reasons)
{
	const char *line;
	size_t length;

	while (pga_next_line(&reasons, &line, &length))
		pga_print(stream, "    %.*s\n", (int)length, line);
}

void pga_print_service_lines(FILE *stream, const char *indent, const char *bytes, size_t length)
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
