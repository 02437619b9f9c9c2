/* The roots that pganchor has put into root.crt: those of its anchors, and those that it was killed
 * over before it had pinned them, or when their pins were gone. */
#include "uninstall/plan.h"

#include "anchor/trimmed.h"
#include "base/file.h"
#include "base/path.h"
#include "tls/root_pins.h"

#include <stdlib.h>
#include <string.h>

/* By the manifest, which is written before anything else is. */
static bool is_put_there(const struct pga_uninstall *plan, const char *path, const char *pin)
{
	struct pga_real_path real;
	struct pga_error ignored;
	bool put = pga_manifest_has_root(&plan->manifest, path, pin);

	if (put || pga_real_path(&real, path, &ignored) != 0)
		return put;
	put = pga_manifest_has_root(&plan->manifest, real.path, pin);
	pga_real_path_free(&real);
	return put;
}

enum fate { GOES, STAYS, UNKNOWN };

/* What becomes of a block: that of an anchor of the user's own hand stays. */
static enum fate fate_of(const struct pga_uninstall *plan, const char *path, const char *pin)
{
	enum fate fate = is_put_there(plan, path, pin) ? GOES : UNKNOWN;

	for (size_t i = 0; i < plan->pins.count; i++) {
		const struct pga_pin *pinned = &plan->pins.pins[i];

		if (pinned->system || strcmp(pinned->pin, pin) != 0)
			continue;
		if (!pga_uninstall_is_ours(plan, pinned))
			return STAYS;
		fate = GOES;
	}
	return fate;
}

static void add_name(struct pga_text *names, const char *name)
{
	pga_text_addf(names, "%s%s", names->length > 0 ? ", " : "anchor ", name);
}

/* The file without what goes; names gets those of the anchors. */
static int cut_blocks(const struct pga_uninstall *plan, const struct pga_edit *edit,
		      struct pga_text *rest, struct pga_text *names, struct pga_error *error)
{
	struct pga_root_crt_block *blocks = NULL;
	struct pga_root_crt_cut *cuts = NULL;
	size_t all = 0;
	size_t count = 0;
	int result = pga_root_crt_blocks(&edit->before, &blocks, &all, error);

	if (result == 0)
		cuts = calloc(all + 1, sizeof *cuts);
	if (result == 0 && cuts == NULL)
		result = pga_fail_memory(error);
	for (size_t i = 0; cuts != NULL && i < all; i++)
		if (fate_of(plan, edit->path, blocks[i].pin) == GOES)
			cuts[count++] =
			    (struct pga_root_crt_cut){.name = blocks[i].name, .pin = blocks[i].pin};
	if (result == 0)
		result = pga_root_crt_cut_all(edit->path, &edit->before, cuts, count, rest, error);
	for (size_t i = 0; result == 0 && i < count; i++)
		if (cuts[i].cut)
			add_name(names, cuts[i].name);
	free(cuts);
	pga_root_crt_blocks_free(blocks, all);
	return result;
}

static int cut_root(struct pga_uninstall *plan, struct pga_leave_file *root,
		    struct pga_error *error)
{
	struct pga_text rest = PGA_TEXT_EMPTY;
	struct pga_text pins = PGA_TEXT_EMPTY;
	struct pga_text what = PGA_TEXT_EMPTY;
	const char *path = root->file.edit.path;
	bool untrimmed = false;
	int result = -1;

	if (cut_blocks(plan, &root->file.edit, &rest, &what, error) != 0 ||
	    pga_uninstall_untrim(plan, path, &rest, &untrimmed, error) != 0 ||
	    pga_root_pins(path, &rest, &pins, error) != 0)
		goto done;
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
	return result;
}

static int tell_unknown(struct pga_uninstall *plan, const char *path,
			const struct pga_root_crt_block *block, struct pga_error *error)
{
	struct pga_text what = PGA_TEXT_EMPTY;
	int result;

	pga_text_addf(&what, "the certificate of anchor %s in %s (SHA-256 %s)", block->name, path,
		      block->pin);
	result = what.failed ? pga_fail_memory(error)
			     : pga_leave_keep(plan, pga_text_string(&what),
					      "nothing records that it was put there in this home",
					      "take it out of the file, unless it is yours", error);
	pga_text_free(&what);
	return result;
}

/* Tells of what stays although it is marked as pganchor's. *goes: something is to go. */
static int look_at(struct pga_uninstall *plan, const char *path, const struct pga_text *content,
		   bool *goes, struct pga_error *error)
{
	struct pga_root_crt_block *blocks = NULL;
	size_t count = 0;
	int result = pga_root_crt_blocks(content, &blocks, &count, error);

	for (size_t i = 0; result == 0 && i < count; i++) {
		const enum fate fate = fate_of(plan, path, blocks[i].pin);

		*goes = *goes || fate == GOES;
		if (fate == UNKNOWN)
			result = tell_unknown(plan, path, &blocks[i], error);
	}
	pga_root_crt_blocks_free(blocks, count);
	return result;
}

/* Whether pganchor has, or had, something to do with the file. */
static int is_concerned(const struct pga_uninstall *plan, const char *path, bool *concerned,
			struct pga_error *error)
{
	struct pga_text trimmed = PGA_TEXT_EMPTY;

	pga_text_addf(&trimmed, "%s" PGA_TRIMMED_SUFFIX, path);
	*concerned = !trimmed.failed &&
		     pga_uninstall_is_noted(plan, PGA_NOTE_FILE, pga_text_string(&trimmed));
	for (size_t i = 0; i < plan->pins.count; i++)
		*concerned = *concerned || (!plan->pins.pins[i].scoped &&
					    pga_uninstall_is_ours(plan, &plan->pins.pins[i]));
	if (trimmed.failed)
		return pga_fail_memory(error);
	pga_text_free(&trimmed);
	return 0;
}

/* Of what pganchor has not put there, it is none of our business: it may be a link out of the home,
 * or no PEM. */
int pga_uninstall_plan_root(struct pga_uninstall *plan, const char *path, struct pga_error *error)
{
	const bool noted = pga_uninstall_is_noted(plan, PGA_NOTE_ROOT, path);
	struct pga_text content = PGA_TEXT_EMPTY;
	struct pga_leave_file *root = NULL;
	bool concerned;
	bool found;
	int result = is_concerned(plan, path, &concerned, error);

	if (result == 0 && pga_file_read(path, &content, &found, error) == 0)
		result = look_at(plan, path, &content, &concerned, error);
	else if (result == 0 && (concerned || noted))
		result = -1;
	pga_text_free(&content);
	if (result != 0 || !concerned)
		return result;
	if (pga_leave_open(plan, path, &root, error) != 0)
		return -1;
	if (root == NULL)
		return 0;
	root->rank = PGA_RANK_ROOT_CRT;
	return cut_root(plan, root, error);
}
