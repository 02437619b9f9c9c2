/* The anchors that pganchor has pinned: anchors.conf, each one's own file; and who depends on them.
 * Their copies in root.crt are root_crt.c's. */
#include "uninstall/plan.h"

#include "anchor/anchors_conf.h"
#include "anchor/own_file.h"
#include "anchor/root_crt_path.h"
#include "base/file.h"
#include "base/path.h"
#include "base/paths.h"
#include "policy/linked.h"
#include "policy/policy.h"
#include "service/uses.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool pga_uninstall_is_noted(const struct pga_uninstall *plan, enum pga_note_kind kind,
			    const char *path)
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
		ours = pga_uninstall_is_noted(plan, PGA_NOTE_FILE, path);
		free(path);
	}
	return ours;
}

static size_t count_ours(const struct pga_uninstall *plan)
{
	size_t count = 0;

	for (size_t i = 0; i < plan->pins.count; i++)
		count += pga_uninstall_is_ours(plan, &plan->pins.pins[i]);
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

	if (count_ours(plan) == 0)
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
	if (!pga_uninstall_is_noted(plan, PGA_NOTE_FOUND, path))
		return pga_leave_take(plan, path, "", error);
	result =
	    pga_leave_keep(plan, path, "it was there before the anchor of this name", "", error);
	free(path);
	return result;
}

/* Whether a file of this name is the own one of an anchor that is pinned. */
static bool is_of_pin(const struct pga_uninstall *plan, const char *name)
{
	for (size_t i = 0; i < plan->pins.count; i++) {
		const struct pga_pin *pin = &plan->pins.pins[i];
		const size_t length = strlen(pin->name);

		if (!pin->system && strncmp(name, pin->name, length) == 0 &&
		    strcmp(name + length, ".crt") == 0)
			return true;
	}
	return false;
}

/* Whether it is the own file of an anchor that was not pinned any more when pganchor was killed: it
 * was made, in pganchor's own directory, and nothing but certificates is in it. */
static bool is_begun(const struct pga_uninstall *plan, const struct pga_note *note)
{
	const char *suffix = strrchr(note->path, '.');
	const char *slash = strrchr(note->path, '/');
	struct pga_text content = PGA_TEXT_EMPTY;
	struct pga_own_file file = {.count = 0};
	struct pga_error ignored;
	char *directory;
	char *own;
	bool begun = false;

	if (note->kind != PGA_NOTE_FILE || suffix == NULL || strcmp(suffix, ".crt") != 0 ||
	    access(note->path, F_OK) != 0)
		return false;
	own = pga_user_config("anchors");
	directory = strndup(note->path, (size_t)(slash - note->path));
	if (own != NULL && directory != NULL && pga_path_is_same(own, directory) &&
	    !is_of_pin(plan, slash + 1) &&
	    !pga_manifest_has(&plan->manifest, PGA_NOTE_FOUND, note->path) &&
	    pga_file_read(note->path, &content, NULL, &ignored) == 0)
		begun = pga_own_file_read(&file, &content);
	pga_own_file_free(&file);
	pga_text_free(&content);
	free(directory);
	free(own);
	return begun;
}

/* One that a service names is the user's by now: no anchor's that is gone. */
static int plan_begun(struct pga_uninstall *plan, const char *path, struct pga_error *error)
{
	struct pga_service_file user = {.path = NULL};
	int result = pga_service_file_read(&user, PGA_SERVICE_USER, error);

	if (result == 0)
		result = strstr(pga_text_string(&user.bytes), path) != NULL
			     ? pga_leave_keep(plan, path, "a service names it", "", error)
			     : pga_leave_take(plan, strdup(path), "", error);
	pga_service_file_free(&user);
	return result;
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
	result = 0;
	for (size_t i = 0; result == 0 && i < plan->pins.count; i++)
		if (pga_uninstall_is_ours(plan, &plan->pins.pins[i]))
			result = plan_crt(plan, &plan->pins.pins[i], error);
	for (size_t i = 0; result == 0 && i < plan->manifest.count; i++)
		if (is_begun(plan, &plan->manifest.notes[i]))
			result = plan_begun(plan, plan->manifest.notes[i].path, error);
	if (result == 0)
		result = pga_uninstall_plan_root(plan, root, error);
	if (result == 0)
		result = pga_uninstall_plan_trimmed(plan, root, error);
	if (result == 0)
		result = find_cut_off(plan, root, error);
	if (result == 0 && conf != NULL)
		result = plan_conf(plan, conf, error);
done:
	free(path);
	free(root);
	return result;
}
