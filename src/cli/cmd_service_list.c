/* pganchor service list: every entry, where it is, and its verdict. */
#include "cli/cmd_service.h"

#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/print_service_list.h"
#include "cli/print_unpinned.h"
#include "policy/pins.h"
#include "service/list.h"

#include <stdlib.h>

/* As that of "service show": what is weak says more than what is broken. */
static int status_of(const struct pga_service_list *list)
{
	if (list->weak > 0)
		return PGA_EXIT_WEAK;
	return list->broken > 0 ? PGA_EXIT_FAILED : PGA_EXIT_DONE;
}

static void warn_of_file(const struct pga_service_file *user)
{
	if (!user->found && getenv("PGSERVICEFILE") != NULL)
		pga_print_warning("PGSERVICEFILE names %s, which is not there: until it is, libpq "
				  "finds no service at all",
				  user->path);
}

/* Entries are judged by what stands in them; whom libpq then believes depends on root.crt. */
static void warn_of_roots(const struct pga_service_list *list, const struct pga_policy *policy,
			  const struct pga_pins *pins)
{
	struct pga_error error;

	if (list->count > 0 && pga_warn_of_unpinned(NULL, policy, pins, &error) != 0)
		pga_print_warning("%s", error.message);
}

static int print_text(const struct pga_service_list *list,
		      const struct pga_found_services *services, struct pga_error *error)
{
	if (list->count > 0)
		return pga_print_service_list(list, error);
	pga_print_no_service(&services->user, &services->system);
	return 0;
}

static int list(bool json)
{
	struct pga_found_services services;
	struct pga_service_list found = {.entries = NULL};
	struct pga_pins pins = {0};
	struct pga_error error;
	int status = PGA_EXIT_FAILED;

	if (pga_find_services(&services, &error) != 0)
		goto failed;
	if (services.user.count + services.system.count > 0)
		pga_pins_or_none(&pins);
	if (pga_service_list_make(&found, &services.user, &services.system, &services.policy, &pins,
				  &error) != 0)
		goto failed;
	warn_of_file(&services.user);
	if (!json && print_text(&found, &services, &error) != 0)
		goto failed;
	status = status_of(&found);
	/* JSON has the warnings, too; people read what comes last. */
	warn_of_roots(&found, &services.policy, &pins);
	if (json)
		status = pga_print_service_list_json(&found, status);
	goto done;
failed:
	pga_print_error(&error);
done:
	pga_service_list_free(&found);
	pga_pins_free(&pins);
	pga_found_services_free(&services);
	return status;
}

static int run(int argc, char **argv)
{
	bool json = false;
	int status;

	if (!pga_options_read(&pga_cmd_service_list, argc, argv, &json, &status))
		return status;
	return list(json);
}

static const struct pga_option options[] = {
    {.name = "json", .letter = 'j', .target = 0, .help = "report in JSON"},
};

const struct pga_command pga_cmd_service_list = {
    .name = "service list",
    .summary = "show all entries, where each is, and the verdict of each",
    .usage = "[--json]",
    .about = "Shows every entry of the user's pg_service.conf and of the machine's, where it is, "
	     "and the policy's verdict of it as it is there: what the environment would add does "
	     "not count.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .statuses = "Exit status: 0 no entry is weak or broken, 1 failed, or some entry is broken and "
		"none weak, 2 usage, 3 some entry is weaker than the policy.",
    .run = run,
};
