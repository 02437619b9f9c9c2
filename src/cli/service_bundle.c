#include "cli/service_bundle.h"

#include "base/host.h"
#include "base/terminal.h"
#include "cli/adding.h"
#include "cli/cli.h"
#include "service/settings.h"

#include <stdlib.h>
#include <string.h>

/* One server, by the name that is in its certificate. */
static int check_host(const struct pga_bundle_wish *wish, const char **host)
{
	*host = pga_settings_value(&wish->entry->settings, "host");
	if (*host == NULL || pga_settings_value(&wish->entry->settings, "hostaddr") != NULL)
		return pga_usage_error("service add",
				       "--from-bundle: the server is asked by --host alone");
	if (strchr(*host, ',') != NULL || (*host)[0] == '/' || (*host)[0] == '@')
		return pga_usage_error("service add", "--from-bundle: --host is to be one server");
	if (wish->entry->anchor != NULL)
		return pga_usage_error("service add", "--from-bundle and --anchor: one of them");
	return PGA_EXIT_DONE;
}

static int fail_there(const struct pga_bundle_wish *wish, const struct pga_service_file *file,
		      const struct pga_entry *entry, struct pga_error *error)
{
	return pga_fail(error, "--replace puts the new settings in its place; nothing was changed",
			"service %s: already exists in %s, line %zu", wish->service, file->path,
			entry->line);
}

/* What would refuse the entry then, refuses it before anything is pinned for it. */
static int check_entry(const struct pga_bundle_wish *wish, struct pga_error *error)
{
	struct pga_policy policy = {0};
	struct pga_pins none = {0};
	struct pga_composition composition = {0};
	struct pga_service_file file = {0};
	const struct pga_entry *entry;
	int result = -1;

	if (pga_policy_load(&policy, error) != 0 ||
	    pga_service_file_read(&file, wish->entry->place, error) != 0)
		goto done;
	entry = pga_service_file_find(&file, wish->service);
	if (entry != NULL && !wish->replace) {
		(void)fail_there(wish, &file, entry, error);
		goto done;
	}
	if (pga_compose(wish->entry, &policy, &none, &composition, error) != 0)
		goto done;
	if (composition.evaluation.state == PGA_ENTRY_ALLOWED)
		result = 0;
	else
		(void)pga_fail(error, "nothing was changed",
			       "service %s: refused, since it would be weaker than the policy: %s",
			       wish->service, pga_text_string(&composition.evaluation.why));
done:
	pga_composition_free(&composition);
	pga_service_file_free(&file);
	pga_policy_free(&policy);
	return result;
}

/* HOST:PORT, as --host of anchor add has it. */
static char *place_of(const struct pga_bundle_wish *wish, const char *host)
{
	const char *port = pga_settings_value(&wish->entry->settings, "port");
	struct pga_text place = PGA_TEXT_EMPTY;

	pga_text_addf(&place, strchr(host, ':') != NULL ? "[%s]" : "%s", host);
	if (port != NULL && port[0] != '\0')
		pga_text_addf(&place, ":%s", port);
	return pga_text_take(&place);
}

int pga_service_pin_from_bundle(const struct pga_bundle_wish *wish, char **name, bool *pinned)
{
	struct pga_adding adding = {
	    .command = &pga_cmd_service_add,
	    .fingerprint = wish->fingerprint,
	    .ca_file = wish->ca_file,
	    .scoped = true,
	    .system = wish->entry->place == PGA_SERVICE_SYSTEM,
	    .dry_run = wish->dry_run,
	    .json = wish->json,
	    .for_host = true,
	    .request.http = {NULL, PGA_HTTP_CONNECT_TIMEOUT, PGA_HTTP_MAX_TIME}};
	struct pga_error error;
	const char *host;
	char *place;
	int status = check_host(wish, &host);

	if (status != PGA_EXIT_DONE)
		return status;
	place = place_of(wish, host);
	adding.host = place;
	adding.hosts = host;
	if (place == NULL)
		(void)pga_fail_memory(&error);
	if (place == NULL || check_entry(wish, &error) != 0) {
		pga_print_error(&error);
		status = PGA_EXIT_FAILED;
	} else {
		status = pga_adding_run_as(&adding, wish->source);
	}
	*name = adding.installed;
	*pinned = adding.pinned;
	free(place);
	return status;
}
