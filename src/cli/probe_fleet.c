#include "cli/probe_many.h"

#include "base/file.h"
#include "base/memory_file.h"
#include "base/terminal.h"
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const char standard_input[] = "standard input";

/* A list may also come through a pipe. */
static int read_all(int file, const char *path, struct pga_text *list, struct pga_error *error)
{
	char bytes[16384];
	ssize_t got;

	while ((got = read(file, bytes, sizeof bytes)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return pga_fail_errno(error, NULL, "could not read %s", path);
		pga_text_add_bytes(list, bytes, (size_t)got);
		if (list->failed)
			return pga_fail_memory(error);
		if (list->length > PGA_FILE_LIMIT)
			return pga_fail(error, NULL, "%s: larger than %zu MiB", path,
					PGA_FILE_LIMIT / 1024 / 1024);
	}
	return 0;
}

static int read_list(const char *path, struct pga_text *list, struct pga_error *error)
{
	int file;
	int result;

	if (strcmp(path, "-") == 0)
		return read_all(STDIN_FILENO, standard_input, list, error);
	file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (file < 0)
		return pga_fail_errno(error, NULL, "could not open %s", path);
	result = read_all(file, path, list, error);
	(void)close(file);
	return result;
}

static int add_list(const struct pga_probe_asked *asked, struct pga_probe_fleet *found,
		    struct pga_error *error)
{
	const char *path = strcmp(asked->file, "-") == 0 ? standard_input : asked->file;
	struct pga_text list = PGA_TEXT_EMPTY;
	int result = read_list(asked->file, &list, error);

	if (result == 0)
		result = pga_fleet_add_list(&found->fleet, path, &list, &found->trusts, error);
	pga_text_free(&list);
	return result;
}

static int add_targets(const struct pga_probe_asked *asked, struct pga_probe_fleet *found,
		       struct pga_error *error)
{
	if (asked->all &&
	    pga_fleet_add_services(&found->fleet, &found->services.user, &found->services.system,
				   &found->trusts, error) != 0)
		return -1;
	if (asked->file != NULL && add_list(asked, found, error) != 0)
		return -1;
	if (asked->word != NULL &&
	    pga_probe_targets_add(&found->fleet.targets, asked->word, &found->trusts, error) != 0)
		return -1;
	return pga_fleet_make(&found->fleet, asked->only, error);
}

/* A list without a server is a mistake; a user without a service is one who has just begun. */
static int check_some(const struct pga_probe_asked *asked, const struct pga_fleet *fleet,
		      int *status, struct pga_error *error)
{
	if (fleet->count > 0)
		return 0;
	if (asked->only != NULL) {
		*status = PGA_EXIT_USAGE;
		return pga_fail(error, NULL, "--only %s: no such server among them", asked->only);
	}
	if (asked->file != NULL)
		return pga_fail(error, NULL, "%s: names no server", asked->file);
	if (fleet->targets.count == 0 && fleet->left_out.length > 0)
		return pga_fail(error, "\"pganchor service list\" shows the services",
				"none of the services has a server to probe");
	return pga_fail(error, "pganchor service add NAME --host HOST adds one",
			"there is no service");
}

int pga_probe_fleet_find(const struct pga_probe_asked *asked, struct pga_probe_fleet *found,
			 int *status, struct pga_error *error)
{
	*status = PGA_EXIT_FAILED;
	found->trusts.policy = &found->services.policy;
	found->trusts.pins = &found->pins;
	if (pga_keep_what_is_read_once("PGSERVICEFILE", false, error) != 0 ||
	    pga_find_services(&found->services, error) != 0 ||
	    pga_pins_load(&found->pins, &found->services.policy, error) != 0 ||
	    add_targets(asked, found, error) != 0)
		return -1;
	return check_some(asked, &found->fleet, status, error);
}

void pga_probe_fleet_free(struct pga_probe_fleet *found)
{
	pga_fleet_free(&found->fleet);
	pga_probe_trusts_free(&found->trusts);
	pga_pins_free(&found->pins);
	pga_found_services_free(&found->services);
}
