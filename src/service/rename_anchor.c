#include "service/rename_anchor.h"

#include "anchor/anchors_conf.h"
#include "anchor/crls.h"
#include "anchor/own_file.h"
#include "anchor/removal.h"
#include "anchor/root_crt.h"
#include "anchor/root_crt_path.h"
#include "anchor/source_records.h"
#include "base/manifest.h"
#include "base/memory_file.h"
#include "base/path.h"
#include "base/paths.h"
#include "base/transaction.h"
#include "policy/linked.h"
#include "service/harden_record.h"
#include "service/repoint.h"
#include "service/rewrite.h"
#include "service/servicefile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct renaming_anchor {
	const char *old_name;
	const char *new_name;
	bool system;
	struct pga_renaming *result;
	struct pga_transaction_file files[PGA_RENAMED_FILES];
	struct pga_pins pins;      /* of anchors.conf, before */
	const struct pga_pin *pin; /* the anchor, by whichever name */
};

/* path is taken over. */
static int begin(struct renaming_anchor *renaming, enum pga_renamed_file which, char *path,
		 mode_t mode, struct pga_error *error)
{
	renaming->result->files[which].path = path;
	if (path == NULL)
		return -1;
	if (pga_edit_begin_in(&renaming->files[which].edit, path, mode,
			      renaming->system ? 0755 : 0700, error) == 0)
		return 0;
	if (renaming->system && geteuid() != 0)
		(void)snprintf(error->hint, sizeof error->hint,
			       "run it as root, such as with sudo; nothing was changed");
	return -1;
}

static mode_t conf_mode(const struct renaming_anchor *renaming)
{
	return renaming->system ? 0644 : 0600;
}

static int put(struct renaming_anchor *renaming, enum pga_renamed_file which,
	       struct pga_error *error)
{
	struct pga_transaction_file *file = &renaming->files[which];

	if (!file->after.failed && file->after.length == file->edit.before.length &&
	    (file->after.length == 0 ||
	     memcmp(file->after.bytes, file->edit.before.bytes, file->after.length) == 0))
		return 0;
	return pga_transaction_put(file, error);
}

static int fail_no_memory_or_home(bool system, struct pga_error *error)
{
	return system ? pga_fail_memory(error) : pga_fail_home(error);
}

static char *own_file(const struct renaming_anchor *renaming, const char *name,
		      struct pga_error *error)
{
	char *copy = strdup(name);
	const struct pga_pin pin = {.name = copy, .system = renaming->system};
	char *path = copy != NULL ? pga_pin_own_file(&pin) : NULL;

	free(copy);
	if (path == NULL)
		(void)pga_fail_memory(error);
	return path;
}

/* Where a rename was killed behind its last step but one, the pin has the new name, and the old
 * file is still there. */
static int find_finished(struct renaming_anchor *renaming, struct pga_error *error)
{
	const struct pga_edit *old = &renaming->files[PGA_RENAMED_OLD_CRT].edit;

	renaming->pin = pga_pins_named(&renaming->pins, renaming->new_name);
	if (renaming->pin == NULL || !old->existed ||
	    !pga_own_file_is_right(&old->before, renaming->pin, &renaming->pins))
		return pga_fail_no_anchor(&renaming->pins, renaming->old_name, renaming->system,
					  error);
	renaming->result->finished = true;
	return 0;
}

static int find_anchor(struct renaming_anchor *renaming, struct pga_error *error)
{
	const struct pga_pin *taken = pga_pins_named(&renaming->pins, renaming->new_name);

	if (!pga_pin_name_is_valid(renaming->new_name))
		return pga_fail(error, "such as company",
				"%s: not 1 to 64 of the letters A-Z a-z 0-9 . _ - with neither . "
				"nor - in front",
				renaming->new_name);
	renaming->pin = pga_pins_named(&renaming->pins, renaming->old_name);
	if (strcmp(renaming->old_name, renaming->new_name) == 0 && renaming->pin != NULL)
		return pga_fail(error, NULL, "anchor %s: that is its name already",
				renaming->new_name);
	if (begin(renaming, PGA_RENAMED_OLD_CRT, own_file(renaming, renaming->old_name, error),
		  0644, error) != 0)
		return -1;
	if (renaming->pin == NULL)
		return find_finished(renaming, error);
	if (taken != NULL)
		return pga_fail(error, "choose another name, or remove that one first",
				"anchor %s: the name is taken by the root %s", taken->name,
				taken->pin);
	return 0;
}

static int begin_conf(struct renaming_anchor *renaming, struct pga_error *error)
{
	const struct pga_edit *edit = &renaming->files[PGA_RENAMED_CONF].edit;
	char *path = renaming->system ? strdup(PGA_PINS_SYSTEM_DIRECTORY "/anchors.conf")
				      : pga_user_config("anchors.conf");

	if (path == NULL)
		return fail_no_memory_or_home(renaming->system, error);
	if (begin(renaming, PGA_RENAMED_CONF, path, conf_mode(renaming), error) != 0)
		return -1;
	return pga_pins_parse_file(&renaming->pins, path,
				   edit->existed ? pga_text_string(&edit->before) : NULL,
				   edit->before.length, renaming->system, error);
}

static int compose_conf(struct renaming_anchor *renaming, struct pga_error *error)
{
	struct pga_transaction_file *conf = &renaming->files[PGA_RENAMED_CONF];
	struct pga_pins pins;
	const struct pga_pin *pin;
	bool right;

	if (renaming->result->finished)
		return 0;
	pga_anchors_conf_rename(&conf->edit.before, renaming->old_name, renaming->new_name,
				&conf->after);
	if (pga_transaction_put(conf, error) != 0 ||
	    pga_pins_parse_file(&pins, conf->edit.path, pga_text_string(&conf->after),
				conf->after.length, renaming->system, error) != 0)
		return -1;
	pin = pga_pins_named(&pins, renaming->new_name);
	right = pin != NULL && strcmp(pin->pin, renaming->pin->pin) == 0 &&
		strcmp(pin->hosts, renaming->pin->hosts) == 0 && pins.count == renaming->pins.count;
	pga_pins_free(&pins);
	return right ? 0
		     : pga_fail(error, "nothing was changed; look at the file",
				"%s: the section does not read back as it should", conf->edit.path);
}

static int compose_sources(struct renaming_anchor *renaming, struct pga_error *error)
{
	struct pga_transaction_file *sources = &renaming->files[PGA_RENAMED_SOURCES];

	if (begin(renaming, PGA_RENAMED_SOURCES, pga_source_records_path(renaming->system, error),
		  conf_mode(renaming), error) != 0)
		return -1;
	pga_source_records_rename(&sources->edit.before, renaming->old_name, renaming->new_name,
				  &sources->after);
	return put(renaming, PGA_RENAMED_SOURCES, error);
}

/* The new file has the bytes of the old one, which goes. What is there already may be that of a
 * rename that was killed. */
static int move(struct renaming_anchor *renaming, enum pga_renamed_file from,
		enum pga_renamed_file to, struct pga_error *error)
{
	struct pga_transaction_file *old = &renaming->files[from];
	struct pga_transaction_file *new = &renaming->files[to];
	const bool same = new->edit.existed &&
			  old->edit.existed &&new->edit.before.length ==
			      old->edit.before.length &&memcmp(pga_text_string(&new->edit.before),
							       pga_text_string(&old->edit.before),
							       old->edit.before.length) == 0;

	if (old->edit.existed)
		old->change = PGA_REMOVED;
	if (same || (!old->edit.existed && !new->edit.existed) || renaming->result->finished)
		return 0;
	if (new->edit.existed)
		return pga_fail(error, "move it away, or choose another name; nothing was changed",
				"%s: there is such a file, and it is no anchor's", new->edit.path);
	new->edit.mode = old->edit.mode;
	pga_text_add_bytes(&new->after, pga_text_string(&old->edit.before),
			   old->edit.before.length);
	return pga_transaction_put(new, error);
}

static int compose_files(struct renaming_anchor *renaming, struct pga_error *error)
{
	if (begin(renaming, PGA_RENAMED_NEW_CRT, own_file(renaming, renaming->new_name, error),
		  0644, error) != 0 ||
	    move(renaming, PGA_RENAMED_OLD_CRT, PGA_RENAMED_NEW_CRT, error) != 0)
		return -1;
	if (renaming->system)
		return 0;
	if (begin(renaming, PGA_RENAMED_OLD_CRL, pga_crl_scoped_path(renaming->old_name, error),
		  0644, error) != 0 ||
	    begin(renaming, PGA_RENAMED_NEW_CRL, pga_crl_scoped_path(renaming->new_name, error),
		  0644, error) != 0)
		return -1;
	return move(renaming, PGA_RENAMED_OLD_CRL, PGA_RENAMED_NEW_CRL, error);
}

/* The CRLs of the anchor, and where those that are scoped are. */
static int compose_crls(struct renaming_anchor *renaming, struct pga_error *error)
{
	struct pga_transaction_file *file = &renaming->files[PGA_RENAMED_CRLS];
	struct pga_crls crls = {.count = 0};
	char *path = renaming->system ? NULL : pga_user_config(PGA_CRLS_FILE);
	bool any = false;
	int result = -1;

	if (renaming->system)
		return 0;
	if (path == NULL)
		return pga_fail_home(error);
	if (begin(renaming, PGA_RENAMED_CRLS, path, 0600, error) != 0)
		return -1;
	if (!file->edit.existed)
		return 0;
	if (pga_crls_parse(&crls, path, pga_text_string(&file->edit.before),
			   file->edit.before.length, error) != 0)
		goto done;
	for (size_t i = 0; i < crls.count; i++) {
		char *name;

		if (strcmp(crls.records[i].anchor, renaming->old_name) != 0)
			continue;
		name = strdup(renaming->new_name);
		if (name == NULL) {
			(void)pga_fail_memory(error);
			goto done;
		}
		free(crls.records[i].anchor);
		crls.records[i].anchor = name;
		any = true;
	}
	if (any)
		pga_crls_compose(&file->edit.before, &crls, &file->after);
	result = any ? put(renaming, PGA_RENAMED_CRLS, error) : 0;
done:
	pga_crls_free(&crls);
	return result;
}

static int compose_root(struct renaming_anchor *renaming, struct pga_error *error)
{
	struct pga_transaction_file *root = &renaming->files[PGA_RENAMED_ROOT_CRT];
	char *path;

	if (renaming->system || renaming->pin->scoped)
		return 0;
	path = pga_root_crt_path(error);
	if (path == NULL || begin(renaming, PGA_RENAMED_ROOT_CRT, path, 0644, error) != 0)
		return -1;
	if (!root->edit.existed)
		return 0;
	if (pga_path_is_same(root->edit.path, renaming->files[PGA_RENAMED_OLD_CRT].edit.path))
		return pga_fail(error, "replace the link by a copy of the file",
				"%s: leads to the anchor's own file, which would go; nothing was "
				"changed",
				root->edit.path);
	pga_root_crt_rename(&root->edit.before, renaming->old_name, renaming->new_name,
			    &root->after);
	return put(renaming, PGA_RENAMED_ROOT_CRT, error);
}

/* What stands in one of the service files, with the new names in the place of the old ones. */
static int compose_entries(const struct renaming_anchor *renaming, const struct pga_text *before,
			   struct pga_text *after, struct pga_text *names, size_t *count,
			   struct pga_error *error)
{
	const struct pga_transaction_file *files = renaming->files;
	struct pga_text half = PGA_TEXT_EMPTY;
	size_t crls = 0;
	int result = pga_service_repoint(before, files[PGA_RENAMED_OLD_CRT].edit.path,
					 files[PGA_RENAMED_NEW_CRT].edit.path,
					 renaming->system ? after : &half, names, count, error);

	if (result == 0 && !renaming->system)
		result = pga_service_repoint(&half, files[PGA_RENAMED_OLD_CRL].edit.path,
					     files[PGA_RENAMED_NEW_CRL].edit.path, after, names,
					     &crls, error);
	*count += crls;
	pga_text_free(&half);
	return result;
}

/* The lines of the entry, as the manifest knows them. */
static int take_lines(struct pga_service_edit *edit, const struct pga_text *bytes, const char *name,
		      struct pga_error *error)
{
	return pga_service_take_out(pga_text_string(bytes), bytes->length, name, edit, error);
}

/* An entry that is as pganchor wrote it is that still. */
static int note_entry(struct pga_transaction_file *file, const struct pga_note *note,
		      struct pga_error *error)
{
	struct pga_service_edit before;
	struct pga_service_edit after;

	if (take_lines(&before, &file->edit.before, note->name, error) != 0)
		return -1;
	if (take_lines(&after, &file->after, note->name, error) != 0) {
		pga_service_edit_free(&before);
		return -1;
	}
	if (before.sections > 0 &&
	    note->digest ==
		pga_manifest_digest(pga_text_string(&before.removed), before.removed.length))
		pga_manifest_note_service(&file->edit.notes, file->edit.path, note->name, true,
					  &after.removed);
	pga_service_edit_free(&before);
	pga_service_edit_free(&after);
	return file->edit.notes.failed ? pga_fail_memory(error) : 0;
}

static int note_entries(struct pga_transaction_file *file, struct pga_error *error)
{
	struct pga_manifest manifest;
	int result = pga_manifest_load(&manifest, error);

	if (result != 0)
		return -1;
	for (size_t i = 0; result == 0 && i < manifest.count; i++) {
		const struct pga_note *note = &manifest.notes[i];

		if ((note->kind == PGA_NOTE_SERVICE || note->kind == PGA_NOTE_REPLACED) &&
		    strcmp(note->path, file->edit.path) == 0)
			result = note_entry(file, note, error);
	}
	pga_manifest_free(&manifest);
	return result;
}

static int repoint_lines(void *context, const struct pga_text *before, struct pga_text *after,
			 struct pga_error *error)
{
	struct pga_text names = PGA_TEXT_EMPTY;
	size_t count = 0;
	const int result = compose_entries(context, before, after, &names, &count, error);

	pga_text_free(&names);
	return result;
}

/* An entry that was hardened, and that nobody has changed, is that still. */
static int compose_hardened(struct renaming_anchor *renaming, enum pga_service_place place,
			    struct pga_error *error)
{
	const bool users = place == PGA_SERVICE_USER;
	const enum pga_renamed_file which =
	    users ? PGA_RENAMED_USER_HARDENED : PGA_RENAMED_SYSTEM_HARDENED;
	const struct pga_transaction_file *services =
	    &renaming->files[users ? PGA_RENAMED_USER_SERVICES : PGA_RENAMED_SYSTEM_SERVICES];
	const struct pga_harden_change_of change = {repoint_lines, renaming};
	struct pga_transaction_file *file = &renaming->files[which];
	char *path = pga_harden_record_path(place, error);

	if (path != NULL && access(path, F_OK) != 0 && errno == ENOENT) {
		free(path);
		return 0;
	}
	if (begin(renaming, which, path, users ? 0600 : 0644, error) != 0)
		return -1;
	file->edit.unnoted = true;
	pga_text_add_bytes(&file->after, pga_text_string(&file->edit.before),
			   file->edit.before.length);
	if (file->after.failed)
		return pga_fail_memory(error);
	if (pga_harden_records_follow(&file->after, services->edit.path, &services->edit.before,
				      &services->after, &change, error) != 0)
		return -1;
	return put(renaming, which, error);
}

static int fail_to_change(const char *path, const char *names, struct pga_error *error)
{
	struct pga_text list = PGA_TEXT_EMPTY;

	for (size_t i = 0; names[i] != '\0' && names[i + 1] != '\0'; i++)
		pga_text_add_bytes(&list, names[i] == '\n' ? " " : &names[i], 1);
	(void)pga_fail(error, "run it as root, or let them name another file first",
		       "%s: the file of the anchor is named by %s; nothing was changed", path,
		       pga_text_string(&list));
	pga_text_free(&list);
	return -1;
}

/* The user's file is written only where an entry changes, and so is the machine's, by root. */
static int compose_services(struct renaming_anchor *renaming, enum pga_service_place place,
			    struct pga_error *error)
{
	const enum pga_renamed_file which =
	    place == PGA_SERVICE_USER ? PGA_RENAMED_USER_SERVICES : PGA_RENAMED_SYSTEM_SERVICES;
	struct pga_transaction_file *file = &renaming->files[which];
	struct pga_service_file now;
	struct pga_text after = PGA_TEXT_EMPTY;
	struct pga_text names = PGA_TEXT_EMPTY;
	size_t count = 0;
	int result = -1;

	if (pga_service_file_read(&now, place, error) != 0)
		return -1;
	if (compose_entries(renaming, &now.bytes, &after, &names, &count, error) != 0)
		goto done;
	if (count == 0) {
		result = 0;
		goto done;
	}
	if ((place == PGA_SERVICE_SYSTEM && geteuid() != 0) || pga_is_descriptor(now.path)) {
		(void)fail_to_change(now.path, pga_text_string(&names), error);
		goto done;
	}
	pga_text_add(&renaming->result->services, pga_text_string(&names));
	if (begin(renaming, which, strdup(now.path), 0600, error) != 0)
		goto done;
	/* It may have changed since. */
	pga_text_free(&names);
	if (compose_entries(renaming, &file->edit.before, &file->after, &names, &count, error) ==
		0 &&
	    note_entries(file, error) == 0 && put(renaming, which, error) == 0)
		result = compose_hardened(renaming, place, error);
done:
	pga_text_free(&after);
	pga_text_free(&names);
	pga_service_file_free(&now);
	return result;
}

static int write_all(struct renaming_anchor *renaming, struct pga_error *error)
{
	static const enum pga_renamed_file order[PGA_RENAMED_FILES] = {
	    PGA_RENAMED_NEW_CRT,
	    PGA_RENAMED_NEW_CRL,
	    PGA_RENAMED_ROOT_CRT,
	    /* A record before its entries: who runs it again that was killed finds it right. */
	    PGA_RENAMED_USER_HARDENED,
	    PGA_RENAMED_SYSTEM_HARDENED,
	    PGA_RENAMED_USER_SERVICES,
	    PGA_RENAMED_SYSTEM_SERVICES,
	    PGA_RENAMED_SOURCES,
	    PGA_RENAMED_CRLS,
	    PGA_RENAMED_CONF,
	    PGA_RENAMED_OLD_CRL,
	    PGA_RENAMED_OLD_CRT,
	};
	struct pga_transaction_file *files[PGA_RENAMED_FILES];

	for (size_t i = 0; i < PGA_RENAMED_FILES; i++)
		files[i] = &renaming->files[order[i]];
	return pga_transaction_write(files, PGA_RENAMED_FILES, error);
}

static int rename_anchor(struct renaming_anchor *renaming, bool dry_run, struct pga_error *error)
{
	if (begin_conf(renaming, error) != 0 || find_anchor(renaming, error) != 0 ||
	    compose_conf(renaming, error) != 0 || compose_sources(renaming, error) != 0 ||
	    compose_crls(renaming, error) != 0 || compose_files(renaming, error) != 0 ||
	    compose_root(renaming, error) != 0 ||
	    compose_services(renaming, PGA_SERVICE_USER, error) != 0 ||
	    compose_services(renaming, PGA_SERVICE_SYSTEM, error) != 0)
		return -1;
	if (renaming->result->services.failed)
		return pga_fail_memory(error);
	return dry_run ? 0 : write_all(renaming, error);
}

int pga_anchor_rename(const char *old_name, const char *new_name, bool system, bool dry_run,
		      struct pga_renaming *renaming, struct pga_error *error)
{
	struct renaming_anchor anchor = {
	    .old_name = old_name, .new_name = new_name, .system = system, .result = renaming};
	int status;

	memset(renaming, 0, sizeof *renaming);
	status = rename_anchor(&anchor, dry_run, error);
	/* The last first: a directory that was made for it stands in one that was made for another.
	 */
	for (size_t i = PGA_RENAMED_FILES; i-- > 0;) {
		renaming->files[i].change = anchor.files[i].change;
		pga_transaction_end(&anchor.files[i]);
	}
	pga_pins_free(&anchor.pins);
	if (status != 0)
		pga_renaming_free(renaming);
	return status;
}

void pga_renaming_free(struct pga_renaming *renaming)
{
	for (size_t i = 0; i < PGA_RENAMED_FILES; i++)
		free(renaming->files[i].path);
	pga_text_free(&renaming->services);
	memset(renaming, 0, sizeof *renaming);
}
