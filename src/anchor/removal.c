#include "anchor/removal.h"

#include "anchor/anchors_conf.h"
#include "anchor/root_crt.h"
#include "base/guess.h"
#include "base/paths.h"
#include "base/text.h"
#include "policy/linked.h"
#include "policy/system_files.h"
#include "tls/certificate.h"
#include "tls/root_pins.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Each file that is to go is held open, with its directory. */
#define DESCRIPTORS_EACH  4
#define SPARE_DESCRIPTORS 16

struct removing {
	struct pga_removal *result;
	struct pga_transaction_file conf; /* in the order in which they are locked */
	struct pga_transaction_file *crts;
	struct pga_transaction_file root;
	struct pga_pins pins;
};

int pga_fail_no_anchor(const struct pga_pins *pins, const char *name, bool system,
		       struct pga_error *error)
{
	const char *none = system ? "\"pganchor anchor list --system\" shows those there are"
				  : "\"pganchor anchor list\" shows those there are";
	struct pga_guess guess = pga_guess_begin(name);
	struct pga_text hint = PGA_TEXT_EMPTY;
	bool other = false;

	for (size_t i = 0; i < pins->count; i++) {
		if (pins->pins[i].system == system)
			pga_guess_try(&guess, name, pins->pins[i].name);
		else
			other = other || strcmp(pins->pins[i].name, name) == 0;
	}
	if (other)
		pga_text_addf(&hint, "%s",
			      system ? "there is one among the user's: leave --system out"
				     : "there is one among the system's: --system, as root");
	else if (guess.best != NULL)
		pga_text_addf(&hint, "did you mean %s? %s", guess.best, none);
	else
		pga_text_add(&hint, none);
	(void)pga_fail(error, pga_text_string(&hint), "anchor %s: %s of this name is pinned", name,
		       system ? "none of the system's" : "none");
	pga_text_free(&hint);
	return -1;
}

/* Where the system's are root's to change. */
static int begin(struct pga_transaction_file *file, bool system, const char *path, mode_t mode,
		 struct pga_error *error)
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

static int begin_conf(struct removing *removing, struct pga_error *error)
{
	struct pga_anchor_file *conf = &removing->result->conf;
	const bool system = removing->result->system;

	conf->path = system ? strdup(PGA_PINS_SYSTEM_DIRECTORY "/anchors.conf")
			    : pga_user_config("anchors.conf");
	if (conf->path == NULL)
		return system ? pga_fail_memory(error) : pga_fail_home(error);
	if (begin(&removing->conf, system, conf->path, system ? 0644 : 0600, error) != 0)
		return -1;
	return pga_pins_parse_file(
	    &removing->pins, conf->path,
	    removing->conf.edit.existed ? pga_text_string(&removing->conf.edit.before) : NULL,
	    removing->conf.edit.before.length, system, error);
}

/* Those of all files, for what is said of a name that the one file does not have. */
static int fail_not_here(const struct removing *removing, const char *name, struct pga_error *error)
{
	struct pga_pins all;
	struct pga_error ignored;
	const struct pga_pin *elsewhere = NULL;

	if (pga_pins_load(&all, NULL, &ignored) != 0)
		return pga_fail_no_anchor(&removing->pins, name, removing->result->system, error);
	for (size_t i = 0; removing->result->system && i < all.system_count; i++)
		if (strcmp(all.pins[i].name, name) == 0)
			elsewhere = &all.pins[i];
	if (elsewhere != NULL)
		(void)pga_fail(error, "take its section out there, as root",
			       "anchor %s: stands in %s, which is not pganchor's to change", name,
			       elsewhere->path);
	else
		(void)pga_fail_no_anchor(&all, name, removing->result->system, error);
	pga_pins_free(&all);
	return -1;
}

static bool is_listed(const struct pga_removal *result, const char *name)
{
	for (size_t i = 0; i < result->count; i++)
		if (strcmp(result->anchors[i].name, name) == 0)
			return true;
	return false;
}

static int find_anchors(struct removing *removing, const char *const *names, size_t count,
			struct pga_error *error)
{
	struct pga_removal *result = removing->result;

	result->anchors = calloc(count + 1, sizeof *result->anchors);
	removing->crts = calloc(count + 1, sizeof *removing->crts);
	if (result->anchors == NULL || removing->crts == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; i < count; i++) {
		const struct pga_pin *pin = pga_pins_named(&removing->pins, names[i]);
		struct pga_removed_anchor *anchor = &result->anchors[result->count];

		if (pin == NULL)
			return fail_not_here(removing, names[i], error);
		if (is_listed(result, names[i]))
			continue;
		anchor->name = strdup(names[i]);
		if (anchor->name == NULL)
			return pga_fail_memory(error);
		result->count++;
		memcpy(anchor->pin, pin->pin, sizeof anchor->pin);
		anchor->scoped = pin->scoped || result->system;
	}
	return 0;
}

/* An anchors.conf without a section is an error, for the gate too: it goes with the last. */
static int compose_conf(struct removing *removing, struct pga_error *error)
{
	struct pga_removal *result = removing->result;
	struct pga_transaction_file *conf = &removing->conf;
	struct pga_text content = PGA_TEXT_EMPTY;

	pga_text_add_bytes(&content, pga_text_string(&conf->edit.before), conf->edit.before.length);
	result->left = removing->pins.count;
	for (size_t i = 0; i < result->count; i++) {
		struct pga_text rest = PGA_TEXT_EMPTY;

		pga_anchors_conf_cut(&content, result->anchors[i].name, &rest, &result->left);
		rest.failed = rest.failed || content.failed;
		pga_text_free(&content);
		content = rest;
	}
	conf->after = content;
	if (pga_transaction_put(conf, error) != 0)
		return -1;
	if (result->left == 0) {
		conf->change = PGA_REMOVED;
		result->comments_lost = !pga_anchors_conf_is_bare(&conf->after);
	}
	result->conf.change = conf->change;
	return 0;
}

/* Read back as the gate will: all that were not meant are as they were. */
static int check_conf(const struct removing *removing, struct pga_error *error)
{
	const struct pga_transaction_file *conf = &removing->conf;
	struct pga_pins pins;
	bool right;

	if (conf->change == PGA_REMOVED)
		return 0;
	if (pga_pins_parse_file(&pins, conf->edit.path, pga_text_string(&conf->after),
				conf->after.length, removing->result->system, error) != 0)
		return -1;
	right = pins.count + removing->result->count == removing->pins.count;
	for (size_t i = 0; right && i < pins.count; i++) {
		const struct pga_pin *before = pga_pins_named(&removing->pins, pins.pins[i].name);

		right = before != NULL && strcmp(before->pin, pins.pins[i].pin) == 0 &&
			strcmp(before->hosts, pins.pins[i].hosts) == 0 &&
			!is_listed(removing->result, before->name);
	}
	pga_pins_free(&pins);
	return right ? 0
		     : pga_fail(error, "nothing was changed; look at the file",
				"%s: what stays does not read back as it was", conf->edit.path);
}

/* Whether it holds the pinned root, and nothing else. */
static bool is_own(const struct pga_text *content, const char *pin)
{
	struct pga_certificate certificate;
	struct pga_error error;
	bool own;

	if (pga_certificate_read(&certificate, "", pga_text_string(content), content->length,
				 &error) != 0)
		return false;
	own = strcmp(certificate.pin, pin) == 0;
	pga_certificate_free(&certificate);
	return own;
}

static int compose_crt(struct removing *removing, size_t index, struct pga_error *error)
{
	struct pga_removed_anchor *anchor = &removing->result->anchors[index];
	struct pga_transaction_file *crt = &removing->crts[index];
	const struct pga_pin pin = {.name = anchor->name, .system = removing->result->system};

	anchor->crt_path = pga_pin_own_file(&pin);
	if (begin(crt, removing->result->system, anchor->crt_path, 0644, error) != 0)
		return -1;
	if (!crt->edit.existed)
		return 0;
	if (crt->edit.before.length > 0 && !is_own(&crt->edit.before, anchor->pin)) {
		anchor->crt_is_other = true;
		return 0;
	}
	crt->change = anchor->crt_change = PGA_REMOVED;
	return 0;
}

static int begin_root(struct removing *removing, struct pga_error *error)
{
	struct pga_text path = PGA_TEXT_EMPTY;
	char *home = pga_libpq_home(error);
	int result;

	if (home == NULL)
		return -1;
	pga_text_addf(&path, "%s/.postgresql/root.crt", home);
	free(home);
	removing->result->root_crt.path = pga_text_take(&path);
	result = begin(&removing->root, false, removing->result->root_crt.path, 0644, error);
	if (removing->root.edit.leads_outside)
		(void)snprintf(error->hint, sizeof error->hint,
			       "replace the link by a copy of the file; nothing was changed");
	return result;
}

/* Whether a part of these bytes looks like a comment of one of the anchors: one that is scoped was
 * mostly never in root.crt, which is not looked at then. */
static bool plays_a_part(const struct pga_removal *result)
{
	for (size_t i = 0; i < result->count; i++)
		if (!result->anchors[i].scoped)
			return true;
	return false;
}

/* libpq takes a root.crt without any certificate for a fault, in every connection that uses TLS at
 * all. */
static int put_root(struct removing *removing, bool any, struct pga_error *error)
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

static int note_what_stays(struct removing *removing, const struct pga_text *pins)
{
	for (size_t i = 0; i < removing->result->count; i++) {
		struct pga_removed_anchor *anchor = &removing->result->anchors[i];

		anchor->stays_in_root_crt = strstr(pga_text_string(pins), anchor->pin) != NULL;
	}
	return 0;
}

static int compose_root(struct removing *removing, struct pga_error *error)
{
	struct pga_removal *result = removing->result;
	struct pga_root_crt_cut *cuts = calloc(result->count + 1, sizeof *cuts);
	struct pga_text pins = PGA_TEXT_EMPTY;
	bool any_cut = false;
	int status = -1;

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
	status = note_what_stays(removing, &pins);
	if (any_cut)
		status = put_root(removing, pins.length > 0, error);
done:
	pga_text_free(&pins);
	free(cuts);
	return status;
}

/* The pins come last: while they are there, the command can simply be run again. root.crt comes
 * first, as the one whose rename can fail (where it is a mount of its own). */
static int write_all(struct removing *removing, struct pga_error *error)
{
	const size_t count = removing->result->count + 2;
	struct pga_transaction_file **order = calloc(count, sizeof(struct pga_transaction_file *));
	int result;

	if (order == NULL)
		return pga_fail_memory(error);
	order[0] = &removing->root;
	for (size_t i = 0; i < removing->result->count; i++)
		order[i + 1] = &removing->crts[i];
	order[count - 1] = &removing->conf;
	result = pga_transaction_write(order, count, error);
	free(order);
	return result;
}

/* Where the soft limit is too low for so many, and the hard one is not. */
static void make_room(size_t count)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
	    limit.rlim_cur / DESCRIPTORS_EACH > count + SPARE_DESCRIPTORS)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* Directories of pganchor's own that are empty now; any other is not removed by that. */
static void remove_empty(const struct removing *removing)
{
	if (removing->conf.change != PGA_REMOVED || removing->result->system)
		return;
	for (const char *const *name = (const char *const[]){"anchors", "", NULL}; *name != NULL;
	     name++) {
		char *path = pga_user_config(*name);

		if (path != NULL)
			(void)rmdir(path);
		free(path);
	}
}

static int remove_all(struct removing *removing, const char *const *names, size_t count,
		      bool dry_run, struct pga_error *error)
{
	if (begin_conf(removing, error) != 0 || find_anchors(removing, names, count, error) != 0 ||
	    compose_conf(removing, error) != 0 || check_conf(removing, error) != 0)
		return -1;
	make_room(removing->result->count);
	for (size_t i = 0; i < removing->result->count; i++)
		if (compose_crt(removing, i, error) != 0)
			return -1;
	if (!removing->result->system && plays_a_part(removing->result) &&
	    compose_root(removing, error) != 0)
		return -1;
	return dry_run ? 0 : write_all(removing, error);
}

int pga_anchors_remove(const char *const *names, size_t count, bool system, bool dry_run,
		       struct pga_removal *result, struct pga_error *error)
{
	struct removing removing = {.result = result};
	int status;

	memset(result, 0, sizeof *result);
	result->system = system;
	status = remove_all(&removing, names, count, dry_run, error);
	/* The last first: a directory that was made for it stands in one that was made for another.
	 */
	pga_transaction_end(&removing.root);
	for (size_t i = result->count; removing.crts != NULL && i-- > 0;)
		pga_transaction_end(&removing.crts[i]);
	pga_transaction_end(&removing.conf);
	if (status == 0 && !dry_run)
		remove_empty(&removing);
	free(removing.crts);
	pga_pins_free(&removing.pins);
	if (status != 0)
		pga_removal_free(result);
	return status;
}

void pga_removal_free(struct pga_removal *removal)
{
	for (size_t i = 0; i < removal->count; i++) {
		free(removal->anchors[i].name);
		free(removal->anchors[i].crt_path);
	}
	free(removal->anchors);
	free(removal->conf.path);
	free(removal->root_crt.path);
	memset(removal, 0, sizeof *removal);
}
