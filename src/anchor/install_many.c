#include "anchor/install_many.h"

#include "anchor/anchors_conf.h"
#include "anchor/own_file.h"
#include "anchor/proof.h"
#include "anchor/root_crt.h"
#include "anchor/root_crt_path.h"
#include "base/manifest.h"
#include "base/paths.h"
#include "policy/linked.h"
#include "policy/pins.h"
#include "policy/system_files.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct installing {
	const struct pga_many_anchors *anchors;
	struct pga_many_done *done;
	struct pga_transaction_file conf;
	struct pga_transaction_file sources;
	struct pga_transaction_file root_crt;
	struct pga_transaction_file *crts; /* one for each root */
	struct pga_pins pins;
	const struct pga_pin **known; /* of each root; NULL: it is new */
	void *names;                  /* that are given away in this run: a tree of tsearch(3) */
	char written[PGA_CERTIFICATE_DATE];
};

/* Each file that is to change is open until all are written. */
static void allow_many_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int compare_names(const void *left, const void *right)
{
	return strcmp(left, right);
}

static void keep_name(void *name)
{
	(void)name;
}

static bool is_taken(const struct installing *installing, const char *name)
{
	return pga_pins_named(&installing->pins, name) != NULL ||
	       tfind(name, &installing->names, compare_names) != NULL;
}

/* Of several roots with one name, all but the first have a part of their pins in it. */
static int name_new(struct installing *installing, size_t index, struct pga_error *error)
{
	const struct pga_certificate *root = &installing->anchors->roots[index];
	struct pga_many_anchored *anchored = &installing->done->anchors[index];
	char made[PGA_ANCHOR_NAME];
	char name[PGA_ANCHOR_NAME + 16];

	pga_anchor_name_of(root, made);
	(void)snprintf(name, sizeof name, "%s", made);
	for (int digits = 8; digits <= 12 && is_taken(installing, name); digits += 4)
		(void)snprintf(name, sizeof name, "%s-%.*s", made, digits, root->pin);
	if (is_taken(installing, name))
		return pga_fail(error, "pin it by itself, with a --name of its own",
				"%s (SHA-256 %s): no name is left for it", root->subject,
				root->pin);
	anchored->name = strdup(name);
	if (anchored->name == NULL ||
	    tsearch(anchored->name, &installing->names, compare_names) == NULL)
		return pga_fail_memory(error);
	return 0;
}

/* Finds which are pinned, and names for the others. */
static int settle(struct installing *installing, struct pga_error *error)
{
	const struct pga_many_anchors *anchors = installing->anchors;
	struct pga_many_done *done = installing->done;

	done->anchors = calloc(anchors->count + 1, sizeof *done->anchors);
	installing->known = calloc(anchors->count + 1, sizeof(const struct pga_pin *));
	installing->crts = calloc(anchors->count + 1, sizeof *installing->crts);
	if (done->anchors == NULL || installing->known == NULL || installing->crts == NULL)
		return pga_fail_memory(error);
	done->count = anchors->count;
	for (size_t i = 0; i < anchors->count; i++) {
		const struct pga_pin *pin = pga_pins_find(&installing->pins, anchors->roots[i].pin);

		installing->known[i] = pin;
		done->anchors[i].known = pin != NULL;
		done->new_count += pin == NULL;
		if (pin == NULL) {
			if (name_new(installing, i, error) != 0)
				return -1;
			continue;
		}
		done->anchors[i].name = strdup(pin->name);
		if (done->anchors[i].name == NULL)
			return pga_fail_memory(error);
	}
	return 0;
}

static int begin(const struct installing *installing, struct pga_transaction_file *file, char *path,
		 mode_t mode, struct pga_error *error)
{
	const bool system = installing->anchors->system;
	int result = -1;

	if (path == NULL)
		return pga_fail_memory(error);
	if (!system || pga_anchor_check_owners(path, error) == 0)
		result = pga_edit_begin_in(&file->edit, path, mode, system ? 0755 : 0700, error);
	if (result != 0 && system && geteuid() != 0)
		(void)snprintf(error->hint, sizeof error->hint,
			       "run it as root, such as with sudo");
	return result;
}

static int begin_conf(struct installing *installing, struct pga_error *error)
{
	const bool system = installing->anchors->system;
	struct pga_transaction_file *conf = &installing->conf;

	installing->done->conf.path = system ? strdup(PGA_PINS_SYSTEM_DIRECTORY "/anchors.conf")
					     : pga_user_config("anchors.conf");
	if (installing->done->conf.path == NULL)
		return system ? pga_fail_memory(error) : pga_fail_home(error);
	installing->done->sources.path = pga_source_records_path(system, error);
	if (installing->done->sources.path == NULL ||
	    begin(installing, conf, installing->done->conf.path, system ? 0644 : 0600, error) !=
		0 ||
	    begin(installing, &installing->sources, installing->done->sources.path,
		  system ? 0644 : 0600, error) != 0)
		return -1;
	return pga_pins_parse_file(&installing->pins, installing->done->conf.path,
				   conf->edit.existed ? pga_text_string(&conf->edit.before) : NULL,
				   conf->edit.before.length, system, error);
}

static void add_pin(struct installing *installing, size_t index, struct pga_text *conf)
{
	const struct pga_many_anchors *anchors = installing->anchors;
	const struct pga_certificate *root = &anchors->roots[index];
	const struct pga_anchor_setting settings[] = {
	    {"source", anchors->source},
	    {"hosts", anchors->hosts},
	    {"scope", anchors->system   ? NULL
		      : anchors->scoped ? "scoped"
					: "root.crt"},
	    {"pinned", installing->written},
	    {"subject", root->subject},
	    {"not-after", root->not_after},
	    {"pin", root->pin}, /* last: policy/pins.h */
	};

	pga_anchors_conf_add(installing->done->anchors[index].name, settings,
			     sizeof settings / sizeof settings[0], conf);
}

/* Read back as the gate will. */
static int check_conf(const struct installing *installing, struct pga_error *error)
{
	const struct pga_many_anchors *anchors = installing->anchors;
	const struct pga_transaction_file *conf = &installing->conf;
	struct pga_pins pins;
	bool right = true;

	if (pga_pins_parse_file(&pins, conf->edit.path, pga_text_string(&conf->after),
				conf->after.length, anchors->system, error) != 0)
		return -1;
	for (size_t i = 0; i < anchors->count; i++) {
		const struct pga_pin *pin = pga_pins_find(&pins, anchors->roots[i].pin);

		right = right && pin != NULL &&
			strcmp(pin->name, installing->done->anchors[i].name) == 0;
		if (right && installing->known[i] == NULL)
			right = strcmp(pin->hosts, anchors->hosts != NULL ? anchors->hosts : "*") ==
				    0 &&
				(anchors->system || pin->scoped == anchors->scoped);
	}
	pga_pins_free(&pins);
	return right ? 0
		     : pga_fail(error, "nothing was changed; look at the file",
				"%s: the new sections do not read back as they should",
				conf->edit.path);
}

/* What is there, without the records of these names: what one has that is no anchor is another
 * one's, or of somebody who was killed before he pinned it. */
static int without_records(const struct installing *installing, struct pga_text *after,
			   struct pga_error *error)
{
	const struct pga_text *before = &installing->sources.edit.before;
	struct pga_source_records records = {.path = NULL};
	struct pga_text text = PGA_TEXT_EMPTY;
	int result =
	    pga_source_records_parse(&records, pga_text_string(before), before->length, error);

	pga_text_add_bytes(&text, pga_text_string(before), before->length);
	for (size_t i = 0; result == 0 && i < records.count; i++) {
		struct pga_text less = PGA_TEXT_EMPTY;

		if (tfind(records.sources[i].name, &installing->names, compare_names) == NULL)
			continue;
		pga_source_records_drop(&text, records.sources[i].name, &less);
		pga_text_free(&text);
		text = less;
	}
	pga_text_add_bytes(after, pga_text_string(&text), text.length);
	after->failed = after->failed || text.failed;
	pga_text_free(&text);
	pga_source_records_free(&records);
	return result;
}

static int compose_conf(struct installing *installing, struct pga_error *error)
{
	struct pga_transaction_file *conf = &installing->conf;
	struct pga_transaction_file *sources = &installing->sources;
	struct pga_source_record record = installing->anchors->record;

	if (installing->done->new_count == 0)
		return 0;
	if (record.location == NULL)
		record.location = installing->anchors->source;
	record.checked = record.changed = installing->written;
	pga_text_add_bytes(&conf->after, pga_text_string(&conf->edit.before),
			   conf->edit.before.length);
	if (without_records(installing, &sources->after, error) != 0)
		return -1;
	for (size_t i = 0; i < installing->anchors->count; i++) {
		if (installing->known[i] != NULL)
			continue;
		add_pin(installing, i, &conf->after);
		pga_source_records_add(installing->done->anchors[i].name, &record, &sources->after);
	}
	if (pga_transaction_put(conf, error) != 0 || pga_transaction_put(sources, error) != 0)
		return -1;
	return check_conf(installing, error);
}

static bool crt_is_right(const struct installing *installing, size_t index,
			 const struct pga_text *content)
{
	const char *pem = installing->anchors->roots[index].pem;

	if (installing->known[index] != NULL)
		return pga_own_file_is_right(content, installing->known[index], &installing->pins);
	return content->length == strlen(pem) && memcmp(content->bytes, pem, content->length) == 0;
}

static int compose_crt(struct installing *installing, size_t index, struct pga_error *error)
{
	const struct pga_certificate *root = &installing->anchors->roots[index];
	const struct pga_pin named = {.name = installing->done->anchors[index].name,
				      .system = installing->anchors->system};
	struct pga_transaction_file *crt = &installing->crts[index];
	char *path = pga_pin_own_file(&named);
	int result = begin(installing, crt, path, 0644, error);

	free(path);
	if (result != 0)
		return -1;
	if (crt->edit.existed && crt_is_right(installing, index, &crt->edit.before))
		return 0;
	if (crt->edit.existed && installing->known[index] == NULL)
		return pga_fail(error, "move it away",
				"%s: there is such a file, and it is no anchor's", crt->edit.path);
	pga_text_add(&crt->after, root->pem);
	installing->done->crt_changes++;
	return pga_transaction_put(crt, error);
}

static bool is_for_root_crt(const struct installing *installing, size_t index)
{
	const struct pga_pin *known = installing->known[index];

	return known != NULL ? !known->scoped : !installing->anchors->scoped;
}

static int begin_root(struct installing *installing, struct pga_error *error)
{
	int result;

	installing->done->root_crt.path = pga_root_crt_path(error);
	if (installing->done->root_crt.path == NULL)
		return -1;
	result =
	    begin(installing, &installing->root_crt, installing->done->root_crt.path, 0644, error);
	if (installing->root_crt.edit.leads_outside)
		(void)snprintf(error->hint, sizeof error->hint,
			       "--scoped needs no root.crt; or replace the link by a copy of the "
			       "file. Nothing was changed");
	return result;
}

static int compose_root(struct installing *installing, struct pga_error *error)
{
	const struct pga_many_anchors *anchors = installing->anchors;
	struct pga_transaction_file *root = &installing->root_crt;
	struct pga_root_crt_entry *entries = calloc(anchors->count + 1, sizeof *entries);
	size_t count = 0;
	bool changes = false;
	int result = -1;

	if (entries == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; i < anchors->count; i++)
		if (is_for_root_crt(installing, i))
			entries[count++] = (struct pga_root_crt_entry){
			    installing->done->anchors[i].name, &anchors->roots[i]};
	if (count == 0)
		result = 0;
	else if (begin_root(installing, error) == 0 &&
		 pga_root_crt_add_many(root->edit.path, &root->edit.before, entries, count,
				       &root->after, &changes, error) == 0)
		result = changes ? pga_transaction_put(root, error) : 0;
	for (size_t i = 0; changes && i < count; i++)
		pga_manifest_note_root(&root->edit.notes, root->edit.path,
				       entries[i].certificate->pin);
	free(entries);
	return result;
}

/* What is in the files of new roots is what was written there; root.crt has other roots as well,
 * and is read once as libpq reads it. */
static int prove(const struct installing *installing, struct pga_error *error)
{
	const struct pga_transaction_file *root = &installing->root_crt;
	const bool changed = root->change != PGA_UNCHANGED;
	const struct pga_text *content = changed ? &root->after : &root->edit.before;
	const char *path = changed ? root->edit.staged_path : root->edit.path;

	if (installing->done->root_crt.path == NULL)
		return 0;
	return pga_proof_many(root->edit.path, path, content, installing->anchors->roots,
			      installing->anchors->count, error);
}

static int write_all(struct installing *installing, bool dry_run, struct pga_error *error)
{
	const size_t count = installing->anchors->count;
	struct pga_transaction_file **order;
	int result = -1;

	if (dry_run)
		return prove(installing, error);
	order = calloc(count + 3, sizeof(struct pga_transaction_file *));
	if (order == NULL)
		return pga_fail_memory(error);
	/* In the order of anchors.c. */
	order[0] = &installing->root_crt;
	for (size_t i = 0; i < count; i++)
		order[i + 1] = &installing->crts[i];
	order[count + 1] = &installing->sources;
	order[count + 2] = &installing->conf;
	if (pga_transaction_stage(order, count + 3, error) == 0 && prove(installing, error) == 0)
		result = pga_transaction_commit(order, count + 3, error);
	free(order);
	return result;
}

static int compose_all(struct installing *installing, struct pga_error *error)
{
	if (begin_conf(installing, error) != 0 || settle(installing, error) != 0 ||
	    compose_conf(installing, error) != 0)
		return -1;
	for (size_t i = 0; i < installing->anchors->count; i++)
		if (compose_crt(installing, i, error) != 0)
			return -1;
	return installing->anchors->system ? 0 : compose_root(installing, error);
}

int pga_anchors_install_many(const struct pga_many_anchors *anchors, bool dry_run,
			     struct pga_many_done *done, struct pga_error *error)
{
	struct installing installing = {.anchors = anchors, .done = done};
	int result = -1;

	memset(done, 0, sizeof *done);
	allow_many_files();
	pga_x509_now(installing.written);
	if (compose_all(&installing, error) == 0 && write_all(&installing, dry_run, error) == 0)
		result = 0;
	done->conf.change = installing.conf.change;
	done->sources.change = installing.sources.change;
	done->root_crt.change = installing.root_crt.change;
	pga_transaction_end(&installing.root_crt);
	for (size_t i = anchors->count; installing.crts != NULL && i-- > 0;)
		pga_transaction_end(&installing.crts[i]);
	pga_transaction_end(&installing.sources);
	pga_transaction_end(&installing.conf);
	tdestroy(installing.names, keep_name);
	pga_pins_free(&installing.pins);
	free(installing.known);
	free(installing.crts);
	if (result != 0)
		pga_many_done_free(done);
	return result;
}

void pga_many_done_free(struct pga_many_done *done)
{
	for (size_t i = 0; done->anchors != NULL && i < done->count; i++)
		free(done->anchors[i].name);
	free(done->anchors);
	free(done->conf.path);
	free(done->root_crt.path);
	free(done->sources.path);
	memset(done, 0, sizeof *done);
}
