/* What pganchor enable has written for the user. */
#include "uninstall/plan.h"

#include "base/home_text.h"
#include "preload/shells.h"

#include <stdlib.h>

/* What somebody has changed is theirs to take out: disable, which would say so, fails. */
static int keep_by_hand(struct pga_uninstall *plan, const struct pga_activation *file,
			struct pga_error *error)
{
	return pga_leave_keep(plan, file->path,
			      "somebody has changed the lines that pganchor enable wrote there",
			      "take them out by hand", error);
}

static int take_out(struct pga_uninstall *plan, struct pga_activation *file,
		    struct pga_error *error)
{
	if (pga_activation_look(file, error) != 0)
		return -1;
	if (file->state == PGA_BY_HAND)
		return keep_by_hand(plan, file, error);
	if (file->state == PGA_OFF)
		return 0;
	if (pga_activation_off(file, false, error) != 0)
		return -1;
	if (!file->changes)
		return 0;
	return pga_leave_add_step(
	    plan, file->file.change == PGA_REMOVED ? PGA_LEAVE_REMOVE : PGA_LEAVE_EDIT, file->path,
	    "what loads the gate", error);
}

static int plan_shells(struct pga_uninstall *plan, struct pga_error *error)
{
	struct pga_shell_files all;
	int result = pga_shell_files_of_all(&all, error);

	for (size_t i = 0; result == 0 && i < all.count; i++) {
		struct pga_activation *file = &plan->activations[plan->activation_count++];

		result = pga_activation_find_shell(file, &all.list[i], error);
		if (result == 0)
			result = take_out(plan, file, error);
	}
	pga_shell_files_free(&all);
	return result;
}

static int plan_way(struct pga_uninstall *plan, enum pga_way way, const char *unit,
		    struct pga_error *error)
{
	struct pga_activation *file = &plan->activations[plan->activation_count++];

	if (pga_activation_find(file, way, NULL, unit, error) != 0)
		return -1;
	return take_out(plan, file, error);
}

int pga_uninstall_plan_gate(struct pga_uninstall *plan, struct pga_error *error)
{
	char **units = NULL;
	size_t count = 0;
	int result;

	if (pga_activation_units(PGA_WAY_USER_UNIT, NULL, &units, &count, error) != 0)
		return -1;
	plan->activations = calloc(1 + PGA_SHELL_FILES + count, sizeof *plan->activations);
	if (plan->activations == NULL) {
		result = pga_fail_memory(error);
		goto done;
	}
	result = plan_way(plan, PGA_WAY_SESSION, NULL, error);
	for (size_t i = 0; result == 0 && i < count; i++)
		result = plan_way(plan, PGA_WAY_USER_UNIT, units[i], error);
	if (result == 0)
		result = plan_shells(plan, error);
done:
	while (count > 0)
		free(units[--count]);
	free(units);
	return result;
}
