/* The servers of the profiles' services are looked at, and what comes of it is weighed. */
#include "cli/onboarding.h"

#include "base/terminal.h"
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void tell_done(void *context, size_t done)
{
	const size_t *count = context;

	if (isatty(STDERR_FILENO) != 0)
		(void)fprintf(stderr, "\rservers looked at: %zu of %zu%s", done, *count,
			      done == *count ? "\r\033[K" : "");
}

/* Only what is there has a server to be looked at. */
static bool is_there(const struct pga_apply_service *service)
{
	return service->from != NULL &&
	       !(service->action == PGA_APPLY_KEEP && service->settings.count == 0);
}

static int look_at(struct pga_onboarding *onboarding, struct pga_onboard_profile *profile,
		   const struct pga_policy *policy, const struct pga_pins *pins,
		   struct pga_error *error)
{
	const struct pga_application *application = &profile->application;
	struct pga_checked_service *all =
	    calloc(application->service_count + 1, sizeof *profile->servers);
	size_t count = 0;
	int result;

	profile->servers = calloc(application->service_count + 1, sizeof *profile->servers);
	if (all == NULL || profile->servers == NULL) {
		free(all);
		return pga_fail_memory(error);
	}
	for (size_t i = 0; i < application->service_count; i++)
		if (is_there(&application->services[i]))
			all[count++].name = application->services[i].name;
	if (!onboarding->json && count > 0) {
		pga_print(stdout, "profile %s: looking at %zu %s\n",
			  application->fetched->profile.name, count,
			  count == 1 ? "server" : "servers");
		(void)fflush(stdout);
	}
	result = pga_check_many(all, count, policy, pins, tell_done, &count, error);
	/* In the same order. */
	for (size_t i = 0, next = 0; i < application->service_count; i++)
		if (is_there(&application->services[i]))
			profile->servers[i] = all[next++];
	free(all);
	return result == 0 ? pga_onboard_passwords(onboarding, profile, error) : -1;
}

int pga_onboard_servers(struct pga_onboarding *onboarding, struct pga_error *error)
{
	struct pga_policy policy = {0};
	struct pga_pins pins = {0};
	int result = -1;

	if (pga_policy_load(&policy, error) == 0 && pga_pins_load(&pins, &policy, error) == 0)
		result = 0;
	for (size_t i = 0; result == 0 && i < onboarding->count; i++)
		result = look_at(onboarding, &onboarding->profiles[i], &policy, &pins, error);
	pga_pins_free(&pins);
	pga_policy_free(&policy);
	return result;
}

int pga_onboard_status(const struct pga_onboarding *onboarding)
{
	int status = PGA_EXIT_DONE;

	for (size_t i = 0; i < onboarding->count; i++) {
		const struct pga_onboard_profile *profile = &onboarding->profiles[i];

		for (size_t k = 0; k < profile->application.service_count; k++) {
			const struct pga_apply_service *service = &profile->application.services[k];
			const struct pga_checked_service *server = &profile->servers[k];

			if (!is_there(service))
				continue;
			if (service->state == PGA_ENTRY_WEAK ||
			    (server->problem == NULL && (!server->trusted || server->skipped)))
				return PGA_EXIT_WEAK;
			if (server->problem != NULL)
				status = PGA_EXIT_FAILED;
		}
	}
	return status;
}
