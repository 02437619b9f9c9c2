/* Pins as they would be. */
#include "service/uses.h"

#include <stdlib.h>
#include <string.h>

int pga_pins_without(struct pga_pins *view, const struct pga_pins *pins,
		     bool (*gone)(const struct pga_pin *pin, const void *context),
		     const void *context, struct pga_error *error)
{
	memset(view, 0, sizeof *view);
	view->pins = calloc(pins->count + 1, sizeof *view->pins);
	if (view->pins == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; i < pins->count; i++) {
		if (gone(&pins->pins[i], context))
			continue;
		view->pins[view->count++] = pins->pins[i];
		view->system_count += i < pins->system_count;
	}
	return pga_pins_index(view, error);
}

static bool none(const struct pga_pin *pin, const void *context)
{
	(void)pin;
	(void)context;
	return false;
}

int pga_pins_with_hosts(struct pga_pins *view, const struct pga_pins *pins,
			const struct pga_pin *changed, char *hosts, struct pga_error *error)
{
	if (pga_pins_without(view, pins, none, NULL, error) != 0)
		return -1;
	view->pins[changed - pins->pins].hosts = hosts;
	return 0;
}

void pga_pins_view_free(struct pga_pins *view)
{
	free(view->pins);
	free(view->by_pin);
	free(view->by_name);
	memset(view, 0, sizeof *view);
}
