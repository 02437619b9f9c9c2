#include "anchor/rotation.h"

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

/* The files in the order in which they are locked; an own file for each member between. */
enum { ANCHORS_CONF, SOURCES_CONF, OWN_FILES };

struct rotating {
	const struct pga_rotation *is;
	struct pga_rotated *done;
	struct pga_transaction_file *files;
	size_t count;
	struct pga_pins before; /* of anchors.conf */
	struct pga_pins after;
	char now[PGA_CERTIFICATE_DATE];
};

static struct pga_transaction_file *own_file(const struct rotating *rotating, size_t member)
{
	return &rotating->files[OWN_FILES + member];
}

static struct pga_transaction_file *root_crt(const struct rotating *rotating)
{
	return &rotating->files[rotating->count - 1];
}

/* The name that the member has in the end. */
static const char *name_of(const struct pga_member *member)
{
	return member->takes != NULL ? member->takes : member->name;
}

/* The member that takes this one's name; NULL: none does. */
static const struct pga_member *taker_of(const struct pga_rotation *is,
					 const struct pga_member *member)
{
	for (size_t i = 0; i < is->count; i++)
		if (is->members[i].takes != NULL && strcmp(is->members[i].takes, member->name) == 0)
			return &is->members[i];
	return NULL;
}

/* The path of an anchor's own file. The caller frees it; NULL as pga_pin_own_file() is. */
static char *own_path(const char *name, bool system)
{
	struct pga_pin named = {.name = strdup(name), .system = system};
	char *path = named.name != NULL ? pga_pin_own_file(&named) : NULL;

	free(named.name);
	return path;
}

/* What the gate would refuse is not written: see anchors.c. */
static int begin(struct rotating *rotating, struct pga_transaction_file *file, char *path,
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

static int begin_conf(struct rotating *rotating, struct pga_error *error)
{
	const bool system = rotating->is->system;
	struct pga_transaction_file *conf = &rotating->files[ANCHORS_CONF];
	char *path = system ? strdup(PGA_PINS_SYSTEM_DIRECTORY "/anchors.conf")
			    : pga_user_config("anchors.conf");

	if (path == NULL)
		return system ? pga_fail_memory(error) : pga_fail_home(error);
	if (begin(rotating, conf, path, system ? 0644 : 0600, error) != 0)
		return -1;
	return pga_pins_parse_file(&rotating->before, conf->edit.path,
				   conf->edit.existed ? pga_text_string(&conf->edit.before) : NULL,
				   conf->edit.before.length, system, error);
}

/* Puts what was composed in the place of text. */
static void take(struct pga_text *text, struct pga_text *composed)
{
	composed->failed = composed->failed || text->failed;
	pga_text_free(text);
	*text = *composed;
	*composed = (struct pga_text)PGA_TEXT_EMPTY;
}

static void set_section(const struct rotating *rotating, const struct pga_member *member,
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

	pga_anchors_conf_set(text, name_of(member), settings, sizeof settings / sizeof settings[0],
			     &composed);
	take(text, &composed);
}

/* A member that takes another's name has that one's section, with its own values. */
static void compose_sections(const struct rotating *rotating, struct pga_text *text)
{
	const struct pga_rotation *is = rotating->is;

	for (size_t i = 0; i < is->count; i++) {
		const struct pga_member *member = &is->members[i];
		struct pga_text composed = PGA_TEXT_EMPTY;
		size_t left;

		if (member->takes == NULL && !(member->dropped && taker_of(is, member) == NULL))
			continue;
		pga_anchors_conf_cut(text, member->name, &composed, &left);
		take(text, &composed);
	}
	for (size_t i = 0; i < is->count; i++)
		if (is->members[i].added || is->members[i].takes != NULL)
			set_section(rotating, &is->members[i], text);
}

/* Read back as the gate will. */
static int check_sections(struct rotating *rotating, struct pga_error *error)
{
	const struct pga_rotation *is = rotating->is;
	const struct pga_transaction_file *conf = &rotating->files[ANCHORS_CONF];

	if (pga_pins_parse_file(&rotating->after, conf->edit.path, pga_text_string(&conf->after),
				conf->after.length, is->system, error) != 0)
		return -1;
	for (size_t i = 0; i < is->count; i++) {
		const struct pga_member *member = &is->members[i];
		const struct pga_pin *pin = pga_pins_find(&rotating->after, member->pin);

		if (member->dropped ? pin != NULL
				    : pin == NULL || strcmp(pin->name, name_of(member)) != 0)
			return pga_fail(error, "nothing was changed; look at the file",
					"%s: the section of %s does not read back as it should",
					conf->edit.path, member->name);
	}
	return 0;
}

/* Another pganchor may have changed the file since the members were looked at. */
static int check_members(const struct rotating *rotating, struct pga_error *error)
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

static int compose_conf(struct rotating *rotating, struct pga_error *error)
{
	struct pga_transaction_file *conf = &rotating->files[ANCHORS_CONF];

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
static void compose_records(const struct rotating *rotating, struct pga_text *text)
{
	const struct pga_rotation *is = rotating->is;
	struct pga_source_record record = is->record;

	record.checked = record.changed = rotating->now;
	for (size_t i = 0; i < is->count; i++) {
		const struct pga_member *member = &is->members[i];
		struct pga_text composed = PGA_TEXT_EMPTY;

		if (member->dropped || member->takes != NULL) {
			pga_source_records_drop(text, member->name, &composed);
			take(text, &composed);
		}
	}
	for (size_t i = 0; i < is->count && record.kind != NULL; i++) {
		const struct pga_member *member = &is->members[i];
		struct pga_text composed = PGA_TEXT_EMPTY;

		if (member->added || member->takes != NULL) {
			pga_source_records_set(text, name_of(member), &record, &composed);
			take(text, &composed);
		}
	}
}

static int compose_sources(struct rotating *rotating, struct pga_error *error)
{
	struct pga_transaction_file *sources = &rotating->files[SOURCES_CONF];
	char *path;

	if (rotating->files[ANCHORS_CONF].change == PGA_UNCHANGED)
		return 0;
	path = pga_source_records_path(rotating->is->system, error);
	if (path == NULL ||
	    begin(rotating, sources, path, rotating->is->system ? 0644 : 0600, error) != 0)
		return -1;
	pga_text_add_bytes(&sources->after, pga_text_string(&sources->edit.before),
			   sources->edit.before.length);
	compose_records(rotating, &sources->after);
	if (!sources->after.failed &&
	    strcmp(pga_text_string(&sources->after), pga_text_string(&sources->edit.before)) == 0)
		return 0;
	return pga_transaction_put(sources, error);
}

/* Whether the own file of a member is to hold this other one's root, too: one that the source has
 * no more stays where it is. */
static bool is_joined(const struct rotating *rotating, const struct pga_pin *pin,
		      const struct pga_member *other, struct pga_own_file *file)
{
	return !other->dropped && other->root != NULL && strcmp(other->pin, pin->pin) != 0 &&
	       (other->present || pga_own_file_find(file, other->pin) != NULL) &&
	       pga_pin_joins(&rotating->after, other->pin, pin);
}

static void add_roots(const struct rotating *rotating, const struct pga_member *member,
		      struct pga_own_file *file, struct pga_text *content)
{
	const struct pga_rotation *is = rotating->is;
	const struct pga_pin *pin = pga_pins_find(&rotating->after, member->pin);

	pga_text_add(content, member->root->pem);
	for (size_t i = 0; pin != NULL && i < is->count; i++)
		if (is_joined(rotating, pin, &is->members[i], file))
			pga_text_add(content, is->members[i].root->pem);
}

/* The own file in which what is bound to the member finds its roots. */
static int compose_own(struct rotating *rotating, size_t index, struct pga_error *error)
{
	const struct pga_member *member = &rotating->is->members[index];
	struct pga_transaction_file *crt = own_file(rotating, index);
	const struct pga_member *taker = taker_of(rotating->is, member);
	const struct pga_member *held = taker != NULL ? taker : member;
	struct pga_own_file file;

	if (held->root == NULL && !held->dropped)
		return 0;
	if (begin(rotating, crt, own_path(member->name, rotating->is->system), 0644, error) != 0)
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
	take(text, &rest);
	return 0;
}

static int add(const char *path, const struct pga_member *member, struct pga_text *text,
	       struct pga_error *error)
{
	struct pga_text more = PGA_TEXT_EMPTY;
	bool holds = false;

	if (pga_root_crt_look_for(path, text, member->pin, &holds, error) != 0)
		return -1;
	if (holds)
		return 0;
	if (pga_root_crt_add(path, text, name_of(member), member->root, &more, error) != 0) {
		pga_text_free(&more);
		return -1;
	}
	take(text, &more);
	return 0;
}

static int compose_root_text(const struct rotating *rotating, const char *path,
			     struct pga_text *text, struct pga_error *error)
{
	const struct pga_rotation *is = rotating->is;

	for (size_t i = 0; i < is->count; i++)
		if ((is->members[i].dropped || is->members[i].takes != NULL) &&
		    cut(path, is->members[i].name, is->members[i].pin, text, error) != 0)
			return -1;
	/* One that is missing is brought back. */
	for (size_t i = 0; i < is->count; i++) {
		const struct pga_member *member = &is->members[i];

		if (member->root != NULL && !member->scoped && !member->dropped &&
		    add(path, member, text, error) != 0)
			return -1;
	}
	return 0;
}

/* Only what comes and goes is root.crt's matter here. */
static int compose_root(struct rotating *rotating, struct pga_error *error)
{
	struct pga_transaction_file *root = root_crt(rotating);
	struct pga_text path = PGA_TEXT_EMPTY;
	bool any = true;
	char *home;

	if (rotating->is->system || rotating->files[ANCHORS_CONF].change == PGA_UNCHANGED)
		return 0;
	home = pga_libpq_home(error);
	if (home == NULL)
		return -1;
	pga_text_addf(&path, "%s/.postgresql/root.crt", home);
	free(home);
	if (begin(rotating, root, pga_text_take(&path), 0644, error) != 0)
		return -1;
	pga_text_add_bytes(&root->after, pga_text_string(&root->edit.before),
			   root->edit.before.length);
	if (compose_root_text(rotating, root->edit.path, &root->after, error) != 0)
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

/* What is in the file, or is to be. */
static struct pga_proof_file to_prove(const struct pga_transaction_file *file)
{
	if (file->change == PGA_UNCHANGED)
		return (struct pga_proof_file){file->edit.path, file->edit.path,
					       &file->edit.before};
	return (struct pga_proof_file){file->edit.path, file->edit.staged_path, &file->after};
}

/* Each file that changes, with the root that it is about. */
static int prove(struct rotating *rotating, struct pga_error *error)
{
	const struct pga_rotation *is = rotating->is;

	for (size_t i = 0; i < is->count; i++) {
		const struct pga_member *taker = taker_of(is, &is->members[i]);
		const struct pga_member *held = taker != NULL ? taker : &is->members[i];
		const struct pga_transaction_file *crt = own_file(rotating, i);
		const struct pga_transaction_file *root = root_crt(rotating);
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
static int write_all(struct rotating *rotating, bool dry_run, struct pga_error *error)
{
	struct pga_transaction_file **order = calloc(rotating->count, sizeof *order);
	size_t count = 0;
	int result = -1;

	if (order == NULL)
		return pga_fail_memory(error);
	order[count++] = root_crt(rotating);
	for (size_t i = 0; i < rotating->is->count; i++)
		order[count++] = own_file(rotating, i);
	order[count++] = &rotating->files[SOURCES_CONF];
	order[count++] = &rotating->files[ANCHORS_CONF];
	if (dry_run)
		result = prove(rotating, error);
	else if (pga_transaction_stage(order, count, error) == 0 && prove(rotating, error) == 0)
		result = pga_transaction_commit(order, count, error);
	free(order);
	return result;
}

static int rotate(struct rotating *rotating, bool dry_run, struct pga_error *error)
{
	if (begin_conf(rotating, error) != 0 || compose_conf(rotating, error) != 0 ||
	    compose_sources(rotating, error) != 0)
		return -1;
	for (size_t i = 0; i < rotating->is->count; i++)
		if (compose_own(rotating, i, error) != 0)
			return -1;
	if (compose_root(rotating, error) != 0)
		return -1;
	return rotating->done->changed ? write_all(rotating, dry_run, error) : 0;
}

int pga_rotate(const struct pga_rotation *rotation, bool dry_run, struct pga_rotated *rotated,
	       struct pga_error *error)
{
	struct rotating rotating = {
	    .is = rotation, .done = rotated, .count = OWN_FILES + rotation->count + 1};
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
	char *path = own_path(name, system);
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
