/* The bytes of the anchors' files. */
#include "profile/apply.h"

#include "anchor/anchors_conf.h"
#include "anchor/own_file.h"
#include "anchor/source_records.h"
#include "tls/x509_text.h"

#include <stdlib.h>
#include <string.h>

/* Puts what was composed in the place of text. */
void pga_apply_step(struct pga_text *text, struct pga_text *composed)
{
	composed->failed = composed->failed || text->failed;
	pga_text_free(text);
	*text = *composed;
	*composed = (struct pga_text)PGA_TEXT_EMPTY;
}

void pga_apply_copy(struct pga_text *to, const struct pga_text *from)
{
	pga_text_add_bytes(to, pga_text_string(from), from->length);
}

static bool is_changed(const struct pga_transaction_file *file)
{
	const struct pga_text *before = &file->edit.before;

	return file->after.length != before->length ||
	       (before->length > 0 &&
		memcmp(file->after.bytes, before->bytes, before->length) != 0);
}

int pga_apply_put(struct pga_transaction_file *file, struct pga_error *error)
{
	if (file->after.failed)
		return pga_fail_memory(error);
	return is_changed(file) ? pga_transaction_put(file, error) : 0;
}

/* ---- anchors.conf ---- */

/* Where it is from, as anchors.conf has it. */
static const char *source_of(const struct pga_application *application,
			     const struct pga_apply_anchor *anchor)
{
	const struct pga_profile_root *root = anchor->root;

	if (root->location != NULL)
		return root->location;
	return root->anchor->source != NULL ? root->anchor->source : application->fetched->where;
}

static void set_section(const struct pga_application *application,
			const struct pga_apply_anchor *anchor, const char *now,
			struct pga_text *conf)
{
	const bool added = anchor->action == PGA_APPLY_ADD;
	const struct pga_certificate *root = &anchor->root->certificate;
	const struct pga_anchor_setting settings[] = {
	    {"source", added ? source_of(application, anchor) : NULL},
	    {"hosts", anchor->hosts},
	    {"scope", anchor->scoped ? "scoped" : "root.crt"},
	    {"pinned", added ? now : NULL},
	    {"subject", added ? root->subject : NULL},
	    {"not-after", added ? root->not_after : NULL},
	    {"pin", anchor->pin}, /* last: policy/pins.h */
	};
	struct pga_text after = PGA_TEXT_EMPTY;

	pga_anchors_conf_set(conf, anchor->name, settings, sizeof settings / sizeof settings[0],
			     &after);
	pga_apply_step(conf, &after);
}

/* Read back as the gate will. */
static int check_conf(const struct pga_application *application, struct pga_error *error)
{
	const struct pga_transaction_file *conf = &application->files[PGA_APPLY_CONF];
	struct pga_pins pins;
	bool right = true;

	if (conf->change == PGA_UNCHANGED || conf->change == PGA_REMOVED)
		return 0;
	if (pga_pins_parse(&pins, conf->edit.path, pga_text_string(&conf->after),
			   conf->after.length, error) != 0)
		return -1;
	for (size_t i = 0; i < application->anchor_count; i++) {
		const struct pga_apply_anchor *anchor = &application->anchors[i];
		const struct pga_pin *pin = pga_pins_find(&pins, anchor->pin);

		if (anchor->action == PGA_APPLY_REMOVE)
			right = right && pin == NULL;
		if (anchor->action == PGA_APPLY_ADD || anchor->action == PGA_APPLY_CHANGE)
			right = right && pin != NULL && strcmp(pin->name, anchor->name) == 0 &&
				strcmp(pin->hosts, anchor->hosts) == 0 &&
				pin->scoped == anchor->scoped;
	}
	pga_pins_free(&pins);
	return right ? 0
		     : pga_fail(error, "nothing was changed; look at the file",
				"%s: the sections of the profile do not read back as they should",
				conf->edit.path);
}

static int compose_conf(struct pga_application *application, struct pga_error *error)
{
	struct pga_transaction_file *conf = &application->files[PGA_APPLY_CONF];
	char now[PGA_X509_DATE];
	size_t left = application->own.count;

	pga_x509_now(now);
	pga_apply_copy(&conf->after, &conf->edit.before);
	for (size_t i = 0; i < application->anchor_count; i++) {
		const struct pga_apply_anchor *anchor = &application->anchors[i];
		struct pga_text rest = PGA_TEXT_EMPTY;

		if (anchor->action != PGA_APPLY_REMOVE)
			continue;
		pga_anchors_conf_cut(&conf->after, anchor->name, &rest, &left);
		pga_apply_step(&conf->after, &rest);
	}
	for (size_t i = 0; i < application->anchor_count; i++) {
		const struct pga_apply_anchor *anchor = &application->anchors[i];

		if (anchor->action != PGA_APPLY_ADD && anchor->action != PGA_APPLY_CHANGE)
			continue;
		set_section(application, anchor, now, &conf->after);
		left++;
	}
	if (pga_apply_put(conf, error) != 0)
		return -1;
	/* One without a section is an error, for the gate too. */
	if (conf->change != PGA_UNCHANGED && left == 0)
		conf->change = PGA_REMOVED;
	return check_conf(application, error);
}

/* ---- sources.conf ---- */

static int compose_sources(struct pga_application *application, struct pga_error *error)
{
	struct pga_transaction_file *sources = &application->files[PGA_APPLY_SOURCES];
	struct pga_source_records left = {.path = NULL};
	char now[PGA_X509_DATE];
	int result;

	pga_x509_now(now);
	pga_apply_copy(&sources->after, &sources->edit.before);
	for (size_t i = 0; i < application->anchor_count; i++) {
		const struct pga_apply_anchor *anchor = &application->anchors[i];
		const struct pga_profile_root *root = anchor->root;
		struct pga_text text = PGA_TEXT_EMPTY;

		if (anchor->action == PGA_APPLY_REMOVE) {
			pga_source_records_drop(&sources->after, anchor->name, &text);
		} else if (anchor->action == PGA_APPLY_ADD && root->kind != NULL) {
			const struct pga_source_record record = {
			    .kind = root->kind,
			    .location = root->asked != NULL ? root->asked : root->location,
			    .etag = root->etag,
			    .digest = root->digest,
			    .checked = now,
			    .changed = now};

			pga_source_records_set(&sources->after, anchor->name, &record, &text);
		} else {
			continue;
		}
		pga_apply_step(&sources->after, &text);
	}
	if (pga_apply_put(sources, error) != 0 || sources->change == PGA_UNCHANGED)
		return sources->after.failed ? -1 : 0;
	result = pga_source_records_parse(&left, pga_text_string(&sources->after),
					  sources->after.length, error);
	if (result == 0 && left.count == 0)
		sources->change = sources->edit.existed ? PGA_REMOVED : PGA_UNCHANGED;
	pga_source_records_free(&left);
	return result;
}

/* ---- anchors/NAME.crt ---- */

/* Its root, and the others of the same anchor of the profile: while a CA moves from one to the
 * other, what is bound to the one goes on. */
static void add_roots(const struct pga_application *application,
		      const struct pga_apply_anchor *anchor, struct pga_text *text)
{
	pga_text_add(text, anchor->root->certificate.pem);
	for (size_t i = 0; i < application->anchor_count; i++) {
		const struct pga_apply_anchor *other = &application->anchors[i];

		if (other != anchor && other->root != NULL && other->present && !other->system &&
		    other->root->anchor == anchor->root->anchor &&
		    strcmp(other->hosts, anchor->hosts) == 0)
			pga_text_add(text, other->root->certificate.pem);
	}
}

/* Whether a root that goes is in there. */
static bool has_gone(const struct pga_application *application, const struct pga_text *content)
{
	struct pga_own_file file;
	bool has = false;

	if (pga_own_file_read(&file, content))
		for (size_t i = 0; i < application->anchor_count; i++)
			has =
			    has || (application->anchors[i].action == PGA_APPLY_REMOVE &&
				    pga_own_file_find(&file, application->anchors[i].pin) != NULL);
	pga_own_file_free(&file);
	return has;
}

/* Whether what is there is the anchor's, and has all that is to be there. */
static bool is_right(const struct pga_application *application,
		     const struct pga_apply_anchor *anchor, const struct pga_text *content,
		     const struct pga_text *wanted)
{
	const struct pga_pin *mine = pga_pins_find(&application->own, anchor->pin);

	if (content->length == wanted->length &&
	    memcmp(pga_text_string(content), pga_text_string(wanted), wanted->length) == 0)
		return true;
	/* One that is alone here may be joined by others, which a rotation has put there. */
	return mine != NULL && anchor->action != PGA_APPLY_CHANGE &&
	       wanted->length == strlen(anchor->root->certificate.pem) &&
	       pga_own_file_is_right(content, mine, &application->own) &&
	       !has_gone(application, content);
}

static int compose_crt(struct pga_application *application, size_t index, struct pga_error *error)
{
	const struct pga_apply_anchor *anchor = &application->anchors[index];
	struct pga_transaction_file *crt = &application->crts[index];
	struct pga_text wanted = PGA_TEXT_EMPTY;

	if (pga_edit_begin(&crt->edit, anchor->file, 0644, error) != 0)
		return -1;
	if (anchor->action == PGA_APPLY_REMOVE) {
		struct pga_own_file file;

		/* What is something else stays. */
		if (crt->edit.existed && pga_own_file_read(&file, &crt->edit.before) &&
		    pga_own_file_find(&file, anchor->pin) != NULL)
			crt->change = PGA_REMOVED;
		if (crt->edit.existed)
			pga_own_file_free(&file);
		return 0;
	}
	add_roots(application, anchor, &wanted);
	if (wanted.failed)
		return pga_fail_memory(error);
	if (crt->edit.existed && is_right(application, anchor, &crt->edit.before, &wanted)) {
		pga_text_free(&wanted);
		return 0;
	}
	crt->after = wanted;
	return pga_transaction_put(crt, error);
}

/* Whether the file of an anchor that goes is written for another one, which gets its name. */
static bool is_taken_over(const struct pga_application *application, size_t index)
{
	for (size_t i = 0; i < application->anchor_count; i++)
		if (i != index && application->anchors[i].action == PGA_APPLY_ADD &&
		    strcmp(application->anchors[i].name, application->anchors[index].name) == 0)
			return true;
	return false;
}

static int compose_crts(struct pga_application *application, struct pga_error *error)
{
	application->crts = calloc(application->anchor_count + 1, sizeof *application->crts);
	if (application->crts == NULL)
		return pga_fail_memory(error);
	application->crt_count = application->anchor_count;
	for (size_t i = 0; i < application->anchor_count; i++) {
		const struct pga_apply_anchor *anchor = &application->anchors[i];

		if (anchor->system || (!anchor->present && anchor->action != PGA_APPLY_REMOVE) ||
		    (anchor->action == PGA_APPLY_REMOVE ? is_taken_over(application, i)
							: anchor->root == NULL))
			continue;
		if (compose_crt(application, i, error) != 0)
			return -1;
	}
	return 0;
}

int pga_apply_compose_anchors(struct pga_application *application, struct pga_error *error)
{
	return compose_conf(application, error) == 0 && compose_sources(application, error) == 0 &&
		       compose_crts(application, error) == 0 &&
		       pga_apply_compose_root_crt(application, error) == 0
		   ? 0
		   : -1;
}
