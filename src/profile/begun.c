/* What a run that was killed has written: it is the profile's, as if the run had ended. What it has
 * not come to is nobody's, and what was there as it would have made it was the user's before. */
#include "profile/apply.h"

#include "profile/merge.h"

#include <string.h>

static int take_anchors(struct pga_application *application, struct pga_error *error)
{
	const struct pga_recorded *begun = &application->begun;

	for (size_t i = 0; i < begun->anchor_count; i++) {
		const struct pga_recorded_anchor *anchor = &begun->anchors[i];
		const struct pga_pin *pin = pga_pins_find(&application->own, anchor->pin);

		if (pin != NULL && strcmp(pin->hosts, anchor->hosts) == 0 &&
		    pin->scoped == anchor->scoped &&
		    pga_recorded_take_anchor(&application->recorded, anchor, error) != 0)
			return -1;
	}
	return 0;
}

static int take_service(struct pga_application *application,
			const struct pga_recorded_service *service, struct pga_error *error)
{
	const struct pga_entry *entry = pga_service_file_find(&application->entries, service->name);
	struct pga_settings now = {NULL, 0};
	int result = 0;

	if (entry == NULL)
		return 0;
	result = pga_apply_read_entry(&application->entries, entry, &now, error);
	if (result == 0 && pga_settings_are_same(&now, &service->settings))
		result = pga_recorded_take_service(&application->recorded, service, error);
	pga_settings_free(&now);
	return result;
}

int pga_apply_take_begun(struct pga_application *application, const struct pga_settings *policy,
			 struct pga_error *error)
{
	const struct pga_recorded *begun = &application->begun;
	int result = take_anchors(application, error);

	for (size_t i = 0; result == 0 && i < begun->service_count; i++)
		result = take_service(application, &begun->services[i], error);
	for (size_t i = 0; result == 0 && i < begun->policy.count; i++) {
		const struct pga_setting *line = &begun->policy.items[i];
		const char *is = pga_settings_value(policy, line->keyword);

		if (is != NULL && strcmp(is, line->value) == 0)
			result = pga_recorded_take_policy(&application->recorded, line, error);
	}
	return result;
}
