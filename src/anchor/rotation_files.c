#include "anchor/rotating.h"

#include "anchor/own_file.h"
#include "anchor/root_crt.h"
#include "anchor/root_crt_path.h"
#include "base/file.h"
#include "base/manifest.h"
#include "policy/joined.h"
#include "policy/linked.h"
#include "policy/system_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct pga_transaction_file *pga_rotating_own_file(const struct pga_rotating *rotating,
						   size_t member)
{
	return &rotating->files[PGA_ROTATING_OWN + member];
}

struct pga_transaction_file *pga_rotating_root_crt(const struct pga_rotating *rotating)
{
	return &rotating->files[rotating->count - 1];
}

/* The name that the member has in the end. */
const char *pga_rotating_name_of(const struct pga_member *member)
{
	return member->takes != NULL ? member->takes : member->name;
}

/* The member that takes this one's name; NULL: none does. */
const struct pga_member *pga_rotating_taker_of(const struct pga_rotation *is,
					       const struct pga_member *member)
{
	for (size_t i = 0; i < is->count; i++)
		if (is->members[i].takes != NULL && strcmp(is->members[i].takes, member->name) == 0)
			return &is->members[i];
	return NULL;
}

/* The path of an anchor's own file. The caller frees it; NULL as pga_pin_own_file() is. */
static char *pga_rotating_own_path(const char *name, bool system)
{
	struct pga_pin named = {.name = strdup(name), .system = system};
	char *path = named.name != NULL ? pga_pin_own_file(&named) : NULL;

	free(named.name);
	return path;
}

/* What the gate would refuse is not written: see anchors.c. */
int pga_rotating_begin(struct pga_rotating *rotating, struct pga_transaction_file *file, char *path,
		       mode_t mode, struct pga_error *error)
{
	const bool system = rotating->is->system;
	int result = -1;

	if (path == NULL)
		return pga_fail_memory(error);
	if (!system || pga_system_check_ownership(path, "the system's anchors", error) == 0)
		result = pga_edit_begin_in(&file->edit, path, mode, system ? 0755 : 0700, error);
	if (result != 0 && system && geteuid() != 0)
		(void)snprintf(error->hint, sizeof error->hint, "run it as root");
	free(path);
	return result;
}

/* Puts what was composed in the place of text. */
void pga_rotating_take(struct pga_text *text, struct pga_text *composed)
{
	composed->failed = composed->failed || text->failed;
	pga_text_free(text);
	*text = *composed;
	*composed = (struct pga_text)PGA_TEXT_EMPTY;
}

/* Whether the own file of a member is to hold this other one's root, too: one that the source has
 * no more stays where it is. */
static bool is_joined(const struct pga_rotating *rotating, const struct pga_pin *pin,
		      const struct pga_member *other, struct pga_own_file *file)
{
	return !other->dropped && other->root != NULL && strcmp(other->pin, pin->pin) != 0 &&
	       (other->present || pga_own_file_find(file, other->pin) != NULL) &&
	       pga_pin_joins(&rotating->after, other->pin, pin);
}

static void add_roots(const struct pga_rotating *rotating, const struct pga_member *member,
		      struct pga_own_file *file, struct pga_text *content)
{
	const struct pga_rotation *is = rotating->is;
	const struct pga_pin *pin = pga_pins_find(&rotating->after, member->pin);

	if (member->root != NULL)
		pga_text_add(content, member->root->pem);
	for (size_t i = 0; pin != NULL && i < is->count; i++)
		if (is_joined(rotating, pin, &is->members[i], file))
			pga_text_add(content, is->members[i].root->pem);
}

/* The own file in which what is bound to the member finds its roots. */
int pga_rotating_compose_own(struct pga_rotating *rotating, size_t index, struct pga_error *error)
{
	const struct pga_member *member = &rotating->is->members[index];
	struct pga_transaction_file *crt = pga_rotating_own_file(rotating, index);
	const struct pga_member *taker = pga_rotating_taker_of(rotating->is, member);
	const struct pga_member *held = taker != NULL ? taker : member;
	struct pga_own_file file;

	if (held->root == NULL && !held->dropped)
		return 0;
	if (pga_rotating_begin(rotating, crt,
			       pga_rotating_own_path(member->name, rotating->is->system), 0644,
			       error) != 0)
		return -1;
	if (member->takes != NULL || (member->dropped && taker == NULL)) {
		crt->change = crt->edit.existed ? PGA_REMOVED : PGA_UNCHANGED;
		return 0;
	}
	(void)pga_own_file_read(&file, &crt->edit.before);
	add_roots(rotating, held, &file, &crt->after);
	pga_own_file_free(&file);
	if (!crt->after.failed && crt->edit.existed &&
	    strcmp(pga_text_string(&crt->after), pga_text_string(&crt->edit.before)) == 0)
		return 0;
	rotating->done->changed = rotating->done->joined = true;
	return pga_transaction_put(crt, error);
}

static int cut(const char *path, const char *name, const char *pin, struct pga_text *text,
	       struct pga_error *error)
{
	struct pga_text rest = PGA_TEXT_EMPTY;
	bool any;

	if (pga_root_crt_cut(path, text, name, pin, &rest, &any, error) != 0) {
		pga_text_free(&rest);
		return -1;
	}
	pga_rotating_take(text, &rest);
	return 0;
}

static int add(struct pga_edit *edit, const struct pga_member *member, struct pga_text *text,
	       struct pga_error *error)
{
	const char *path = edit->path;
	struct pga_text more = PGA_TEXT_EMPTY;
	bool holds = false;

	if (pga_root_crt_look_for(path, text, member->pin, &holds, error) != 0)
		return -1;
	if (holds)
		return 0;
	if (pga_root_crt_add(path, text, pga_rotating_name_of(member), member->root, &more,
			     error) != 0) {
		pga_text_free(&more);
		return -1;
	}
	pga_rotating_take(text, &more);
	pga_manifest_note_root(&edit->notes, path, member->pin);
	return 0;
}

static int compose_root_text(const struct pga_rotating *rotating, struct pga_edit *edit,
			     struct pga_text *text, struct pga_error *error)
{
	const struct pga_rotation *is = rotating->is;

	for (size_t i = 0; i < is->count; i++)
		if ((is->members[i].dropped || is->members[i].takes != NULL) &&
		    cut(edit->path, is->members[i].name, is->members[i].pin, text, error) != 0)
			return -1;
	/* One that is missing is brought back. */
	for (size_t i = 0; i < is->count; i++) {
		const struct pga_member *member = &is->members[i];

		if (member->root != NULL && !member->scoped && !member->dropped &&
		    add(edit, member, text, error) != 0)
			return -1;
	}
	return 0;
}

/* Only what comes and goes is root.crt's matter here. */
int pga_rotating_compose_root(struct pga_rotating *rotating, struct pga_error *error)
{
	struct pga_transaction_file *root = pga_rotating_root_crt(rotating);
	bool any = true;
	char *path;

	if (rotating->is->system || rotating->files[PGA_ROTATING_ANCHORS].change == PGA_UNCHANGED)
		return 0;
	path = pga_root_crt_path(error);
	if (path == NULL || pga_rotating_begin(rotating, root, path, 0644, error) != 0)
		return -1;
	pga_text_add_bytes(&root->after, pga_text_string(&root->edit.before),
			   root->edit.before.length);
	if (compose_root_text(rotating, &root->edit, &root->after, error) != 0)
		return -1;
	if (!root->after.failed &&
	    strcmp(pga_text_string(&root->after), pga_text_string(&root->edit.before)) == 0)
		return 0;
	/* libpq takes a root.crt without any certificate for a fault: see anchors.c. */
	if (pga_root_crt_look_for(root->edit.path, &root->after, NULL, &any, error) != 0 ||
	    pga_transaction_put(root, error) != 0)
		return -1;
	if (!any)
		root->change = PGA_REMOVED;
	return 0;
}

/* Whether the file is there, and is not one that begins with this root: which somebody has left who
 * was killed before he pinned it. */
static bool is_others(const char *path, const struct pga_certificate *root)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	struct pga_error ignored;
	const size_t length = strlen(root->pem);
	bool is = access(path, F_OK) == 0;

	if (is && pga_file_read(path, &content, NULL, &ignored) == 0)
		is = content.length < length || memcmp(content.bytes, root->pem, length) != 0;
	pga_text_free(&content);
	return is;
}

static bool is_taken(const struct pga_pins *pins, const char *name,
		     const struct pga_certificate *root, bool system, const char *const *taken,
		     size_t count)
{
	char *path = pga_rotating_own_path(name, system);
	bool is = path == NULL || is_others(path, root);

	for (size_t i = 0; i < pins->count; i++)
		is =
		    is || (pins->pins[i].system == system && strcmp(pins->pins[i].name, name) == 0);
	for (size_t i = 0; i < count; i++)
		is = is || (taken[i] != NULL && strcmp(taken[i], name) == 0);
	free(path);
	return is;
}

/* Of company-2, company: the next is company-3, and not company-2-2. */
static size_t stem_of(const char *name)
{
	const char *dash = strrchr(name, '-');

	if (dash == NULL || dash == name || dash[1] < '1' || dash[1] > '9' ||
	    strspn(dash + 1, "0123456789") != strlen(dash + 1) || strlen(dash + 1) > 3)
		return strlen(name);
	return (size_t)(dash - name);
}

char *pga_rotation_name(const struct pga_pins *pins, const char *name,
			const struct pga_certificate *root, bool system, const char *const *taken,
			size_t count, struct pga_error *error)
{
	const size_t stem = stem_of(name);

	for (unsigned number = 2; number < 1000; number++) {
		struct pga_text text = PGA_TEXT_EMPTY;
		char *made;

		pga_text_addf(&text, "%.*s-%u", (int)(stem < 60 ? stem : 60), name, number);
		made = pga_text_take(&text);
		if (made == NULL) {
			(void)pga_fail_memory(error);
			return NULL;
		}
		if (!is_taken(pins, made, root, system, taken, count))
			return made;
		free(made);
	}
	(void)pga_fail(error, NULL, "anchor %s: all names from %s-2 to %s-999 are taken", name,
		       name, name);
	return NULL;
}
