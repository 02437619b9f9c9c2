#include "anchor/removal.h"

#include "anchor/anchors_conf.h"
#include "anchor/removing.h"
#include "anchor/source_records.h"
#include "base/guess.h"
#include "base/paths.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Each file that is to go is held open, with its directory. */
#define DESCRIPTORS_EACH  4
#define SPARE_DESCRIPTORS 16

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

static int begin_conf(struct pga_removing *removing, struct pga_error *error)
{
	struct pga_anchor_file *conf = &removing->result->conf;
	const bool system = removing->result->system;

	conf->path = system ? strdup(PGA_PINS_SYSTEM_DIRECTORY "/anchors.conf")
			    : pga_user_config("anchors.conf");
	if (conf->path == NULL)
		return system ? pga_fail_memory(error) : pga_fail_home(error);
	if (pga_removing_begin(&removing->conf, system, conf->path, system ? 0644 : 0600, error) !=
	    0)
		return -1;
	return pga_pins_parse_file(
	    &removing->pins, conf->path,
	    removing->conf.edit.existed ? pga_text_string(&removing->conf.edit.before) : NULL,
	    removing->conf.edit.before.length, system, error);
}

/* Those of all files, for what is said of a name that the one file does not have. */
static int fail_not_here(const struct pga_removing *removing, const char *name,
			 struct pga_error *error)
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

static int find_anchors(struct pga_removing *removing, const char *const *names, size_t count,
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
		if (pga_removing_has(result, names[i]))
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
static int compose_conf(struct pga_removing *removing, struct pga_error *error)
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
static int check_conf(const struct pga_removing *removing, struct pga_error *error)
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
			!pga_removing_has(removing->result, before->name);
	}
	pga_pins_free(&pins);
	return right ? 0
		     : pga_fail(error, "nothing was changed; look at the file",
				"%s: what stays does not read back as it was", conf->edit.path);
}

/* What is only bookkeeping goes where nothing of it stays. */
static int compose_sources(struct pga_removing *removing, struct pga_error *error)
{
	struct pga_removal *result = removing->result;
	struct pga_transaction_file *sources = &removing->sources;
	struct pga_source_records left = {.count = 0};
	struct pga_text content = PGA_TEXT_EMPTY;

	result->sources.path = pga_source_records_path(result->system, error);
	if (result->sources.path == NULL ||
	    pga_removing_begin(sources, result->system, result->sources.path,
			       result->system ? 0644 : 0600, error) != 0)
		return -1;
	pga_text_add_bytes(&content, pga_text_string(&sources->edit.before),
			   sources->edit.before.length);
	for (size_t i = 0; i < result->count; i++) {
		struct pga_text rest = PGA_TEXT_EMPTY;

		pga_source_records_drop(&content, result->anchors[i].name, &rest);
		rest.failed = rest.failed || content.failed;
		pga_text_free(&content);
		content = rest;
	}
	sources->after = content;
	if (content.failed)
		return pga_fail_memory(error);
	if (content.length == sources->edit.before.length)
		return 0;
	if (pga_transaction_put(sources, error) != 0 ||
	    pga_source_records_parse(&left, pga_text_string(&content), content.length, error) !=
		0) {
		pga_source_records_free(&left);
		return -1;
	}
	if (left.count == 0)
		sources->change = PGA_REMOVED;
	result->sources.change = sources->change;
	pga_source_records_free(&left);
	return 0;
}

/* The pins come last: while they are there, the command can simply be run again. root.crt comes
 * first, as the one whose rename can fail (where it is a mount of its own). */
static int write_all(struct pga_removing *removing, struct pga_error *error)
{
	const size_t most =
	    removing->result->count + removing->joined_count + removing->other_count + 3;
	struct pga_transaction_file **order = calloc(most, sizeof(struct pga_transaction_file *));
	size_t count = 0;
	int result;

	if (order == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; i < removing->other_count; i++)
		order[count++] = removing->others[i];
	order[count++] = &removing->root;
	for (size_t i = 0; i < removing->joined_count; i++)
		order[count++] = &removing->joined[i];
	for (size_t i = 0; i < removing->result->count; i++)
		order[count++] = &removing->crts[i];
	order[count++] = &removing->sources;
	order[count++] = &removing->conf;
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
static void remove_empty(const struct pga_removing *removing)
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

static int remove_all(struct pga_removing *removing, const char *const *names, size_t count,
		      bool dry_run, struct pga_error *error)
{
	if (begin_conf(removing, error) != 0 || find_anchors(removing, names, count, error) != 0 ||
	    compose_conf(removing, error) != 0 || check_conf(removing, error) != 0)
		return -1;
	make_room(removing->result->count);
	if (compose_sources(removing, error) != 0 || pga_removing_own_files(removing, error) != 0 ||
	    pga_removing_root_crt(removing, error) != 0)
		return -1;
	return dry_run ? 0 : write_all(removing, error);
}

/* The last first: a directory that was made for it stands in one that was made for another. */
static void end(struct pga_removing *removing)
{
	pga_transaction_end(&removing->root);
	for (size_t i = removing->joined_count; i-- > 0;)
		pga_transaction_end(&removing->joined[i]);
	for (size_t i = removing->result->count; removing->crts != NULL && i-- > 0;)
		pga_transaction_end(&removing->crts[i]);
	pga_transaction_end(&removing->sources);
	pga_transaction_end(&removing->conf);
}

int pga_anchors_remove(const char *const *names, size_t count, bool system, bool dry_run,
		       struct pga_removal *result, struct pga_error *error)
{
	return pga_anchors_remove_with(names, count, system, dry_run, NULL, 0, result, error);
}

int pga_anchors_remove_with(const char *const *names, size_t count, bool system, bool dry_run,
			    struct pga_transaction_file *const *others, size_t other_count,
			    struct pga_removal *result, struct pga_error *error)
{
	struct pga_removing removing = {
	    .result = result, .others = others, .other_count = other_count};
	int status;

	memset(result, 0, sizeof *result);
	result->system = system;
	status = remove_all(&removing, names, count, dry_run, error);
	end(&removing);
	if (status == 0 && !dry_run)
		remove_empty(&removing);
	free(removing.crts);
	free(removing.joined);
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
	free(removal->sources.path);
	free(removal->root_crt.path);
	memset(removal, 0, sizeof *removal);
}
