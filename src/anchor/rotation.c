#include "anchor/rotation.h"

#include "anchor/rotating.h"
#include "anchor/anchors_conf.h"
#include "anchor/own_file.h"
#include "anchor/proof.h"
#include "anchor/root_crt.h"
#include "base/file.h"
#include "base/paths.h"
#include "base/transaction.h"
#include "policy/joined.h"
#include "policy/linked.h"
#include "policy/system_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int begin_conf(struct pga_rotating *rotating, struct pga_error *error)
{
	const bool system = rotating->is->system;
	struct pga_transaction_file *conf = &rotating->files[PGA_ROTATING_ANCHORS];
	char *path = system ? strdup(PGA_PINS_SYSTEM_DIRECTORY "/anchors.conf")
			    : pga_user_config("anchors.conf");

	if (path == NULL)
		return system ? pga_fail_memory(error) : pga_fail_home(error);
	if (pga_rotating_begin(rotating, conf, path, system ? 0644 : 0600, error) != 0)
		return -1;
	return pga_pins_parse_file(&rotating->before, conf->edit.path,
				   conf->edit.existed ? pga_text_string(&conf->edit.before) : NULL,
				   conf->edit.before.length, system, error);
}

static void set_section(const struct pga_rotating *rotating, const struct pga_member *member,
			struct pga_text *text)
{
	const bool system = rotating->is->system;
	const struct pga_anchor_setting settings[] = {
	    {"source", rotating->is->source},
	    {"hosts", member->hosts},
	    {"scope", system           ? NULL
		      : member->scoped ? "scoped"
				       : "root.crt"},
	    {"pinned", rotating->now},
	    {"subject", member->root->subject},
	    {"not-after", member->root->not_after},
	    {"pin", member->pin}, /* last: policy/pins.h */
	};
	struct pga_text composed = PGA_TEXT_EMPTY;

	pga_anchors_conf_set(text, pga_rotating_name_of(member), settings,
			     sizeof settings / sizeof settings[0], &composed);
	pga_rotating_take(text, &composed);
}

/* A member that takes another's name has that one's section, with its own values. */
static void compose_sections(const struct pga_rotating *rotating, struct pga_text *text)
{
	const struct pga_rotation *is = rotating->is;

	for (size_t i = 0; i < is->count; i++) {
		const struct pga_member *member = &is->members[i];
		struct pga_text composed = PGA_TEXT_EMPTY;
		size_t left;

		if (member->takes == NULL &&
		    !(member->dropped && pga_rotating_taker_of(is, member) == NULL))
			continue;
		pga_anchors_conf_cut(text, member->name, &composed, &left);
		pga_rotating_take(text, &composed);
	}
	for (size_t i = 0; i < is->count; i++)
		if (is->members[i].added || is->members[i].takes != NULL)
			set_section(rotating, &is->members[i], text);
}

/* Read back as the gate will. */
static int check_sections(struct pga_rotating *rotating, struct pga_error *error)
{
	const struct pga_rotation *is = rotating->is;
	const struct pga_transaction_file *conf = &rotating->files[PGA_ROTATING_ANCHORS];

	if (pga_pins_parse_file(&rotating->after, conf->edit.path, pga_text_string(&conf->after),
				conf->after.length, is->system, error) != 0)
		return -1;
	for (size_t i = 0; i < is->count; i++) {
		const struct pga_member *member = &is->members[i];
		const struct pga_pin *pin = pga_pins_find(&rotating->after, member->pin);

		if (member->dropped
			? pin != NULL
			: pin == NULL || strcmp(pin->name, pga_rotating_name_of(member)) != 0)
			return pga_fail(error, "nothing was changed; look at the file",
					"%s: the section of %s does not read back as it should",
					conf->edit.path, member->name);
	}
	return 0;
}

/* Another pganchor may have changed the file since the members were looked at. */
static int check_members(const struct pga_rotating *rotating, struct pga_error *error)
{
	const struct pga_rotation *is = rotating->is;

	for (size_t i = 0; i < is->count; i++) {
		const struct pga_member *member = &is->members[i];
		const struct pga_pin *pin = pga_pins_named(&rotating->before, member->name);

		if (member->added ? pin != NULL || pga_pins_find(&rotating->before, member->pin)
				  : pin == NULL || strcmp(pin->pin, member->pin) != 0)
			return pga_fail(error, "run it again; nothing was changed",
					"anchor %s: was changed meanwhile", member->name);
	}
	return 0;
}

static int compose_conf(struct pga_rotating *rotating, struct pga_error *error)
{
	struct pga_transaction_file *conf = &rotating->files[PGA_ROTATING_ANCHORS];

	if (check_members(rotating, error) != 0)
		return -1;
	pga_text_add_bytes(&conf->after, pga_text_string(&conf->edit.before),
			   conf->edit.before.length);
	compose_sections(rotating, &conf->after);
	if (conf->after.failed)
		return pga_fail_memory(error);
	if (check_sections(rotating, error) != 0)
		return -1;
	if (strcmp(pga_text_string(&conf->after), pga_text_string(&conf->edit.before)) == 0)
		return 0;
	rotating->done->changed = true;
	return pga_transaction_put(conf, error);
}

/* Nothing is kept of an anchor whose record cannot be read. */
static void compose_records(const struct pga_rotating *rotating, struct pga_text *text)
{
	const struct pga_rotation *is = rotating->is;
	struct pga_source_record record = is->record;

	record.checked = record.changed = rotating->now;
	for (size_t i = 0; i < is->count; i++) {
		const struct pga_member *member = &is->members[i];
		struct pga_text composed = PGA_TEXT_EMPTY;

		if (member->dropped || member->takes != NULL) {
			pga_source_records_drop(text, member->name, &composed);
			pga_rotating_take(text, &composed);
		}
	}
	for (size_t i = 0; i < is->count && record.kind != NULL; i++) {
		const struct pga_member *member = &is->members[i];
		struct pga_text composed = PGA_TEXT_EMPTY;

		if (member->added || member->takes != NULL) {
			pga_source_records_set(text, pga_rotating_name_of(member), &record,
					       &composed);
			pga_rotating_take(text, &composed);
		}
	}
}

static int compose_sources(struct pga_rotating *rotating, struct pga_error *error)
{
	struct pga_transaction_file *sources = &rotating->files[PGA_ROTATING_SOURCES];
	char *path;

	if (rotating->files[PGA_ROTATING_ANCHORS].change == PGA_UNCHANGED)
		return 0;
	path = pga_source_records_path(rotating->is->system, error);
	if (path == NULL || pga_rotating_begin(rotating, sources, path,
					       rotating->is->system ? 0644 : 0600, error) != 0)
		return -1;
	pga_text_add_bytes(&sources->after, pga_text_string(&sources->edit.before),
			   sources->edit.before.length);
	compose_records(rotating, &sources->after);
	if (!sources->after.failed &&
	    strcmp(pga_text_string(&sources->after), pga_text_string(&sources->edit.before)) == 0)
		return 0;
	return pga_transaction_put(sources, error);
}

/* What is in the file, or is to be. */
static struct pga_proof_file to_prove(const struct pga_transaction_file *file)
{
	if (file->change == PGA_UNCHANGED)
		return (struct pga_proof_file){file->edit.path, file->edit.path,
					       &file->edit.before};
	return (struct pga_proof_file){file->edit.path, file->edit.staged_path, &file->after};
}

/* Each file that changes, with the root that it is about. */
static int prove(struct pga_rotating *rotating, struct pga_error *error)
{
	const struct pga_rotation *is = rotating->is;

	for (size_t i = 0; i < is->count; i++) {
		const struct pga_member *taker = pga_rotating_taker_of(is, &is->members[i]);
		const struct pga_member *held = taker != NULL ? taker : &is->members[i];
		const struct pga_transaction_file *crt = pga_rotating_own_file(rotating, i);
		const struct pga_transaction_file *root = pga_rotating_root_crt(rotating);
		struct pga_proof_file in_root = {NULL, NULL, NULL};
		struct pga_proof proof = {held->root, is->chain, is->chain_root};
		struct pga_proof_file own;
		char *crl_fault;

		if (crt->change != PGA_CREATED && crt->change != PGA_CHANGED)
			continue;
		own = to_prove(crt);
		if (root->change != PGA_UNCHANGED && root->change != PGA_REMOVED && !held->scoped)
			in_root = to_prove(root);
		if (pga_proof_files(&proof, &own, &in_root, &crl_fault, error) != 0)
			return -1;
		free(rotating->done->crl_fault);
		rotating->done->crl_fault = crl_fault;
	}
	return 0;
}

/* root.crt and the own files come before the pins: what is pinned is there. What is to go has gone
 * then, or is cleared away by the next one. */
static int write_all(struct pga_rotating *rotating, bool dry_run, struct pga_error *error)
{
	struct pga_transaction_file **order =
	    calloc(rotating->count, sizeof(struct pga_transaction_file *));
	size_t count = 0;
	int result = -1;

	if (order == NULL)
		return pga_fail_memory(error);
	order[count++] = pga_rotating_root_crt(rotating);
	for (size_t i = 0; i < rotating->is->count; i++)
		order[count++] = pga_rotating_own_file(rotating, i);
	order[count++] = &rotating->files[PGA_ROTATING_SOURCES];
	order[count++] = &rotating->files[PGA_ROTATING_ANCHORS];
	if (dry_run)
		result = prove(rotating, error);
	else if (pga_transaction_stage(order, count, error) == 0 && prove(rotating, error) == 0)
		result = pga_transaction_commit(order, count, error);
	free(order);
	return result;
}

static int rotate(struct pga_rotating *rotating, bool dry_run, struct pga_error *error)
{
	if (begin_conf(rotating, error) != 0 || compose_conf(rotating, error) != 0 ||
	    compose_sources(rotating, error) != 0)
		return -1;
	for (size_t i = 0; i < rotating->is->count; i++)
		if (pga_rotating_compose_own(rotating, i, error) != 0)
			return -1;
	if (pga_rotating_compose_root(rotating, error) != 0)
		return -1;
	return rotating->done->changed ? write_all(rotating, dry_run, error) : 0;
}

int pga_rotate(const struct pga_rotation *rotation, bool dry_run, struct pga_rotated *rotated,
	       struct pga_error *error)
{
	struct pga_rotating rotating = {
	    .is = rotation, .done = rotated, .count = PGA_ROTATING_OWN + rotation->count + 1};
	const time_t seconds = time(NULL);
	struct tm tm;
	int result;

	memset(rotated, 0, sizeof *rotated);
	if (gmtime_r(&seconds, &tm) != NULL)
		(void)strftime(rotating.now, sizeof rotating.now, "%Y-%m-%dT%H:%M:%SZ", &tm);
	rotating.files = calloc(rotating.count, sizeof *rotating.files);
	if (rotating.files == NULL)
		return pga_fail_memory(error);
	result = rotate(&rotating, dry_run, error);
	if (result != 0)
		rotated->changed = rotated->joined = false;
	for (size_t i = rotating.count; i-- > 0;)
		pga_transaction_end(&rotating.files[i]);
	free(rotating.files);
	pga_pins_free(&rotating.before);
	pga_pins_free(&rotating.after);
	return result;
}
