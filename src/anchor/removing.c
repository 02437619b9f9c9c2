#include "anchor/removing.h"

#include "anchor/own_file.h"
#include "anchor/root_crt.h"
#include "anchor/root_crt_path.h"
#include "base/file.h"
#include "base/text.h"
#include "policy/linked.h"
#include "tls/root_pins.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where the system's are root's to change. */
int pga_removing_begin(struct pga_transaction_file *file, bool system, const char *path,
		       mode_t mode, struct pga_error *error)
{
	if (path == NULL)
		return pga_fail_memory(error);
	if (pga_edit_begin_in(&file->edit, path, mode, system ? 0755 : 0700, error) == 0)
		return 0;
	if (system && geteuid() != 0)
		(void)snprintf(error->hint, sizeof error->hint,
			       "run it as root, such as with sudo; nothing was changed");
	return -1;
}

bool pga_removing_has(const struct pga_removal *result, const char *name)
{
	for (size_t i = 0; i < result->count; i++)
		if (strcmp(result->anchors[i].name, name) == 0)
			return true;
	return false;
}

static bool has_pin(const struct pga_removal *result, const char *pin)
{
	for (size_t i = 0; i < result->count; i++)
		if (strcmp(result->anchors[i].pin, pin) == 0)
			return true;
	return false;
}

static int take_own_file(struct pga_removing *removing, size_t index, struct pga_error *error)
{
	struct pga_removed_anchor *anchor = &removing->result->anchors[index];
	struct pga_transaction_file *crt = &removing->crts[index];
	const struct pga_pin *pin = pga_pins_named(&removing->pins, anchor->name);

	anchor->crt_path = pga_pin_own_file(pin);
	if (pga_removing_begin(crt, removing->result->system, anchor->crt_path, 0644, error) != 0)
		return -1;
	if (!crt->edit.existed)
		return 0;
	if (crt->edit.before.length > 0 &&
	    !pga_own_file_is_right(&crt->edit.before, pin, &removing->pins)) {
		/* That there was no memory to read it is no reason to leave it. */
		if (pga_own_file_is_right(&crt->edit.before, pin, &removing->pins))
			return pga_fail_memory(error);
		anchor->crt_is_other = true;
		return 0;
	}
	crt->change = anchor->crt_change = PGA_REMOVED;
	return 0;
}

/* Whether a root of another anchor stands in this one's own file, and is to go; rest gets what
 * stays. */
static bool is_joined(const struct pga_removing *removing, const struct pga_pin *pin,
		      const struct pga_text *content, struct pga_text *rest)
{
	struct pga_own_file file;
	bool any = false;

	bool readable = pga_own_file_read(&file, content);

	/* There may have been no memory. */
	if (!readable) {
		pga_own_file_free(&file);
		readable = pga_own_file_read(&file, content);
	}
	if (!readable || file.count < 2) {
		pga_own_file_free(&file);
		return false;
	}
	for (size_t i = 0; i < file.count; i++) {
		if (strcmp(file.roots[i].pin, pin->pin) != 0 &&
		    has_pin(removing->result, file.roots[i].pin))
			any = true;
		else
			pga_text_add(rest, file.roots[i].pem);
	}
	pga_own_file_free(&file);
	return any;
}

static int leave_joined(struct pga_removing *removing, const struct pga_pin *pin,
			struct pga_error *error)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	struct pga_text rest = PGA_TEXT_EMPTY;
	struct pga_transaction_file *grown;
	struct pga_error ignored;
	char *path = pga_pin_own_file(pin);
	int result = path != NULL ? 0 : pga_fail_memory(error);

	/* What cannot be read is not joined. */
	if (result != 0 || pga_file_read(path, &content, NULL, &ignored) != 0 ||
	    !is_joined(removing, pin, &content, &rest))
		goto done;
	grown = reallocarray(removing->joined, removing->joined_count + 1, sizeof *grown);
	if (grown == NULL) {
		result = pga_fail_memory(error);
		goto done;
	}
	removing->joined = grown;
	grown += removing->joined_count++;
	memset(grown, 0, sizeof *grown);
	grown->after = rest;
	rest = (struct pga_text)PGA_TEXT_EMPTY;
	result = pga_removing_begin(grown, removing->result->system, path, 0644, error);
	if (result == 0)
		result = pga_transaction_put(grown, error);
done:
	pga_text_free(&content);
	pga_text_free(&rest);
	free(path);
	return result;
}

int pga_removing_own_files(struct pga_removing *removing, struct pga_error *error)
{
	for (size_t i = 0; i < removing->result->count; i++)
		if (take_own_file(removing, i, error) != 0)
			return -1;
	for (size_t i = 0; i < removing->pins.count; i++)
		if (!pga_removing_has(removing->result, removing->pins.pins[i].name) &&
		    leave_joined(removing, &removing->pins.pins[i], error) != 0)
			return -1;
	return 0;
}

static int begin_root(struct pga_removing *removing, struct pga_error *error)
{
	int result;

	removing->result->root_crt.path = pga_root_crt_path(error);
	if (removing->result->root_crt.path == NULL)
		return -1;
	result = pga_removing_begin(&removing->root, false, removing->result->root_crt.path, 0644,
				    error);
	if (removing->root.edit.leads_outside)
		(void)snprintf(error->hint, sizeof error->hint,
			       "replace the link by a copy of the file; nothing was changed");
	return result;
}

/* One that is scoped has nothing to do with root.crt. */
static bool plays_a_part(const struct pga_removal *result)
{
	for (size_t i = 0; i < result->count; i++)
		if (!result->anchors[i].scoped)
			return true;
	return false;
}

/* libpq takes a root.crt without any certificate for a fault, in every connection that uses TLS at
 * all. */
static int put_root(struct pga_removing *removing, bool any, struct pga_error *error)
{
	struct pga_transaction_file *root = &removing->root;

	if (!any && root->after.length > 0)
		return pga_fail(error, "move the file away, or put another root into it",
				"%s: without this root there would be none in it, and libpq would "
				"refuse it; nothing was changed",
				root->edit.path);
	if (pga_transaction_put(root, error) != 0)
		return -1;
	if (!any)
		root->change = PGA_REMOVED;
	removing->result->root_crt.change = root->change;
	return 0;
}

static void note_what_stays(const struct pga_removing *removing, const struct pga_text *pins)
{
	for (size_t i = 0; i < removing->result->count; i++) {
		struct pga_removed_anchor *anchor = &removing->result->anchors[i];

		anchor->stays_in_root_crt = strstr(pga_text_string(pins), anchor->pin) != NULL;
	}
}

int pga_removing_root_crt(struct pga_removing *removing, struct pga_error *error)
{
	struct pga_removal *result = removing->result;
	struct pga_root_crt_cut *cuts;
	struct pga_text pins = PGA_TEXT_EMPTY;
	bool any_cut = false;
	int status = -1;

	if (result->system || !plays_a_part(result))
		return 0;
	cuts = calloc(result->count + 1, sizeof *cuts);
	if (cuts == NULL)
		return pga_fail_memory(error);
	if (begin_root(removing, error) != 0)
		goto done;
	for (size_t i = 0; i < result->count; i++)
		cuts[i] = (struct pga_root_crt_cut){.name = result->anchors[i].name,
						    .pin = result->anchors[i].pin};
	if (pga_root_crt_cut_all(removing->root.edit.path, &removing->root.edit.before, cuts,
				 result->count, &removing->root.after, error) != 0 ||
	    pga_root_pins(removing->root.edit.path, &removing->root.after, &pins, error) != 0)
		goto done;
	for (size_t i = 0; i < result->count; i++) {
		result->anchors[i].cut = cuts[i].cut;
		any_cut = any_cut || cuts[i].cut;
	}
	note_what_stays(removing, &pins);
	status = any_cut ? put_root(removing, pins.length > 0, error) : 0;
done:
	pga_text_free(&pins);
	free(cuts);
	return status;
}
