/* The anchors that pganchor has pinned: anchors.conf, each one's own file, its copy in root.crt;
 * and who depends on them. */
#include "uninstall/plan.h"

#include "anchor/anchors_conf.h"
#include "anchor/root_crt.h"
#include "anchor/root_crt_path.h"
#include "anchor/trimmed.h"
#include "base/path.h"
#include "base/paths.h"
#include "policy/linked.h"
#include "policy/policy.h"
#include "service/uses.h"
#include "tls/root_pins.h"

#include <stdlib.h>
#include <string.h>

/* Whether the manifest has such a note of the file that the path really leads to. */
static bool is_noted(const struct pga_uninstall *plan, enum pga_note_kind kind, const char *path)
{
	struct pga_real_path real;
	struct pga_error ignored;
	bool noted;

	if (path == NULL || pga_real_path(&real, path, &ignored) != 0)
		return false;
	noted = pga_manifest_has(&plan->manifest, kind, real.path);
	pga_real_path_free(&real);
	return noted;
}

/* A section of a user's own hand says nothing of when it was pinned. */
bool pga_uninstall_is_ours(const struct pga_uninstall *plan, const struct pga_pin *pin)
{
	char *path = NULL;
	bool ours = !pin->system && pin->pinned[0] != '\0';

	if (!pin->system && !ours) {
		path = pga_pin_own_file(pin);
		ours = is_noted(plan, PGA_NOTE_FILE, path);
		free(path);
	}
	return ours;
}

static size_t count_ours(const struct pga_uninstall *plan, bool in_root_crt)
{
	size_t count = 0;

	for (size_t i = 0; i < plan->pins.count; i++)
		count += pga_uninstall_is_ours(plan, &plan->pins.pins[i]) &&
			 (!in_root_crt || !plan->pins.pins[i].scoped);
	return count;
}

static int add_name(struct pga_text *names, const char *name)
{
	pga_text_addf(names, "%s%s", names->length > 0 ? ", " : "anchor ", name);
	return names->failed ? -1 : 0;
}

/* Nothing but what pganchor writes is left, or all of it is: an anchors.conf without a section is
 * an error, so it goes with the last, unless such a one was found. */
static int put_conf(struct pga_uninstall *plan, struct pga_leave_file *conf, size_t left,
		    const struct pga_text *rest, const char *what, struct pga_error *error)
{
	const struct pga_text nothing = PGA_TEXT_EMPTY;

	if (left == 0 && (pga_anchors_conf_is_bare(rest) ||
			  pga_manifest_has(&plan->manifest, PGA_NOTE_FILE, conf->file.edit.path)))
		rest = &nothing;
	return pga_leave_put(plan, conf, rest, what, error);
}

static int plan_conf(struct pga_uninstall *plan, struct pga_leave_file *conf,
		     struct pga_error *error)
{
	struct pga_text bytes = PGA_TEXT_EMPTY;
	struct pga_text what = PGA_TEXT_EMPTY;
	size_t left = 0;
	int result = 0;

	if (count_ours(plan, false) == 0)
		return 0;
	pga_text_add_bytes(&bytes, pga_text_string(&conf->file.edit.before),
			   conf->file.edit.before.length);
	for (size_t i = plan->pins.count; result == 0 && i-- > 0;) {
		const struct pga_pin *pin = &plan->pins.pins[i];
		struct pga_text rest = PGA_TEXT_EMPTY;

		if (!pga_uninstall_is_ours(plan, pin))
			continue;
		pga_anchors_conf_cut(&bytes, pin->name, &rest, &left);
		rest.failed = rest.failed || bytes.failed;
		pga_text_free(&bytes);
		bytes = rest;
		result = add_name(&what, pin->name);
	}
	if (result == 0)
		result = put_conf(plan, conf, left, &bytes, pga_text_string(&what), error);
	else
		(void)pga_fail_memory(error);
	pga_text_free(&bytes);
	pga_text_free(&what);
	return result;
}

/* anchors/NAME.crt. One that was there before, pganchor has written over: it stays, since what it
 * was is not known. */
static int plan_crt(struct pga_uninstall *plan, const struct pga_pin *pin, struct pga_error *error)
{
	char *path = pga_pin_own_file(pin);
	int result;

	if (path == NULL)
		return pga_fail_memory(error);
	if (!is_noted(plan, PGA_NOTE_FOUND, path))
		return pga_leave_take(plan, path, "", error);
	result =
	    pga_leave_keep(plan, path, "it was there before the anchor of this name", "", error);
	free(path);
	return result;
}

static int cut_root(struct pga_uninstall *plan, struct pga_leave_file *root,
		    struct pga_error *error)
{
	struct pga_root_crt_cut *cuts = calloc(plan->pins.count + 1, sizeof *cuts);
	struct pga_text rest = PGA_TEXT_EMPTY;
	struct pga_text pins = PGA_TEXT_EMPTY;
	struct pga_text what = PGA_TEXT_EMPTY;
	const char *path = root->file.edit.path;
	bool untrimmed = false;
	size_t count = 0;
	int result = -1;

	for (size_t i = 0; cuts != NULL && i < plan->pins.count; i++)
		if (pga_uninstall_is_ours(plan, &plan->pins.pins[i]))
			cuts[count++] = (struct pga_root_crt_cut){.name = plan->pins.pins[i].name,
								  .pin = plan->pins.pins[i].pin};
	if (cuts == NULL) {
		(void)pga_fail_memory(error);
		goto done;
	}
	if (pga_root_crt_cut_all(path, &root->file.edit.before, cuts, count, &rest, error) != 0 ||
	    pga_uninstall_untrim(plan, path, &rest, &untrimmed, error) != 0 ||
	    pga_root_pins(path, &rest, &pins, error) != 0)
		goto done;
	for (size_t i = 0; i < count; i++)
		if (cuts[i].cut)
			(void)add_name(&what, cuts[i].name);
	if (untrimmed && what.length == 0)
		pga_text_add(&what, "the roots that were trimmed");
	result = what.failed ? pga_fail_memory(error) : 0;
	if (result == 0 && what.length > 0)
		result = pga_leave_put(plan, root, &rest, pga_text_string(&what), error);
	if (result == 0 && what.length > 0 && pins.length == 0 && rest.length > 0)
		result = pga_leave_keep(
		    plan, path, "no certificate is left in it, and libpq refuses such a file",
		    "move it away", error);
done:
	pga_text_free(&rest);
	pga_text_free(&pins);
	pga_text_free(&what);
	free(cuts);
	return result;
}

/* Of what pganchor has not put there, it is none of our business: it may be a link out of the home,
 * or no PEM. */
static int plan_root(struct pga_uninstall *plan, const char *path, const struct pga_text *trimmed,
		     struct pga_error *error)
{
	struct pga_leave_file *root;

	if (count_ours(plan, true) == 0 && !is_noted(plan, PGA_NOTE_FILE, pga_text_string(trimmed)))
		return 0;
	if (pga_leave_open(plan, path, &root, error) != 0)
		return -1;
	if (root == NULL)
		return 0;
	root->rank = PGA_RANK_ROOT_CRT;
	return cut_root(plan, root, error);
}

/* As pins.c has it, for pga_pins_without(). */
static bool is_gone(const struct pga_pin *pin, const void *context)
{
	return pga_uninstall_is_ours(context, pin);
}

/* Whether the entry is one of those that go. */
static bool goes(const struct pga_uninstall *plan, const struct pga_use *use)
{
	for (size_t i = 0; plan->taken != NULL && i < plan->manifest.count; i++)
		if (plan->taken[i] && strcmp(plan->manifest.notes[i].name, use->entry->name) == 0 &&
		    pga_path_is_same(plan->manifest.notes[i].path, use->file->path))
			return true;
	return false;
}

static int add_cut_off(struct pga_uninstall *plan, const struct pga_use *use, bool wholly,
		       struct pga_error *error)
{
	struct pga_leave_cut_off *grown =
	    reallocarray(plan->cut_off, plan->cut_off_count + 1, sizeof *plan->cut_off);
	struct pga_leave_cut_off cut = {.service = strdup(use->entry->name),
					.path = strdup(use->file->path),
					.line = use->entry->line,
					.wholly = wholly};

	if (grown != NULL)
		plan->cut_off = grown;
	if (grown == NULL || cut.service == NULL || cut.path == NULL) {
		free(cut.service);
		free(cut.path);
		return pga_fail_memory(error);
	}
	plan->cut_off[plan->cut_off_count++] = cut;
	return 0;
}

static int compare_uses(struct pga_uninstall *plan, const struct pga_uses *uses,
			const struct pga_pins *then, struct pga_error *error)
{
	for (size_t i = 0; i < uses->count; i++) {
		const struct pga_use *use = &uses->uses[i];
		enum pga_use_loss loss;

		if (use->hidden || use->entry->name == NULL || goes(plan, use))
			continue;
		loss = pga_use_loses(uses, use, then);
		if (loss != PGA_USE_LOSES_NOTHING &&
		    add_cut_off(plan, use, loss == PGA_USE_LOSES_ALL, error) != 0)
			return -1;
	}
	return 0;
}

static int find_cut_off(struct pga_uninstall *plan, const char *root_crt, struct pga_error *error)
{
	struct pga_policy policy = {0};
	struct pga_service_file user = {.path = NULL};
	struct pga_service_file system = {.path = NULL};
	struct pga_uses uses = {.uses = NULL};
	struct pga_pins then = {.pins = NULL};
	int result = -1;

	if (pga_policy_load(&policy, error) == 0 &&
	    pga_service_file_read(&user, PGA_SERVICE_USER, error) == 0 &&
	    pga_service_file_read(&system, PGA_SERVICE_SYSTEM, error) == 0 &&
	    pga_uses_find(&uses, &user, &system, &policy, &plan->pins, root_crt, error) == 0 &&
	    pga_pins_without(&then, &plan->pins, is_gone, plan, error) == 0)
		result = compare_uses(plan, &uses, &then, error);
	pga_pins_view_free(&then);
	pga_uses_free(&uses);
	pga_service_file_free(&user);
	pga_service_file_free(&system);
	pga_policy_free(&policy);
	return result;
}

/* Locked in the order in which anchors/anchors.c locks them. */
int pga_uninstall_plan_anchors(struct pga_uninstall *plan, struct pga_error *error)
{
	char *path = pga_user_config("anchors.conf");
	char *root = pga_root_crt_path(error);
	struct pga_text trimmed = PGA_TEXT_EMPTY;
	struct pga_leave_file *conf = NULL;
	int result = -1;

	if (path == NULL) {
		(void)pga_fail_home(error);
		goto done;
	}
	if (root == NULL || pga_leave_open(plan, path, &conf, error) != 0 ||
	    pga_pins_load(&plan->pins, NULL, error) != 0)
		goto done;
	if (conf != NULL)
		conf->rank = PGA_RANK_PINS;
	pga_text_addf(&trimmed, "%s" PGA_TRIMMED_SUFFIX, root);
	result = trimmed.failed ? pga_fail_memory(error) : 0;
	for (size_t i = 0; result == 0 && i < plan->pins.count; i++)
		if (pga_uninstall_is_ours(plan, &plan->pins.pins[i]))
			result = plan_crt(plan, &plan->pins.pins[i], error);
	if (result == 0)
		result = plan_root(plan, root, &trimmed, error);
	if (result == 0)
		result = pga_uninstall_plan_trimmed(plan, root, error);
	if (result == 0)
		result = find_cut_off(plan, root, error);
	if (result == 0 && conf != NULL)
		result = plan_conf(plan, conf, error);
done:
	pga_text_free(&trimmed);
	free(path);
	free(root);
	return result;
}
