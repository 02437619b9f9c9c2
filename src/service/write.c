#include "service/write.h"

#include "base/edit.h"
#include "base/manifest.h"
#include "base/memory_file.h"
#include "base/shell_word.h"
#include "service/prove.h"
#include "service/rewrite.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int begin(const struct pga_change *change, struct pga_edit *file,
		 struct pga_changed *changed, struct pga_error *error)
{
	char *path = pga_service_path(change->place, error);
	/* The user's file may get passwords, the machine's is for everybody. */
	bool shared = change->place == PGA_SERVICE_SYSTEM;
	int result = -1;

	if (path == NULL)
		return -1;
	if (pga_is_descriptor(path)) {
		(void)pga_fail(
		    error, "let PGSERVICEFILE name a file, or unset it for ~/.pg_service.conf",
		    "%s: a pipe, or what was in one: nothing can be written there", path);
		free(path);
		return -1;
	}
	if (pga_edit_begin_in(file, path, shared ? 0644 : 0600, shared ? 0755 : 0700, error) == 0) {
		file->unnoted = shared;
		changed->path = strdup(file->path);
		changed->created = !file->existed;
		changed->readable_by_others = (file->mode & 0044) != 0;
		result = changed->path != NULL ? 0 : pga_fail_memory(error);
		if (result == 0)
			result = pga_service_text_check(file->path, file->before.bytes,
							file->before.length, error);
	}
	free(path);
	return result;
}

static bool is_same_text(const struct pga_text *a, const struct pga_text *b)
{
	return a->length == b->length &&
	       (a->length == 0 || memcmp(a->bytes, b->bytes, a->length) == 0);
}

static int store(const struct pga_change *change, struct pga_edit *file,
		 const struct pga_service_edit *edit, const struct pga_settings *settings,
		 const struct pga_policy *policy, struct pga_error *error)
{
	if (pga_edit_stage(file, pga_text_string(&edit->bytes), edit->bytes.length, error) != 0)
		return -1;
	if (settings != NULL && pga_service_prove(file, change->name, settings, policy, error) != 0)
		return -1;
	return change->dry_run ? 0 : pga_edit_commit(file, error);
}

static int fail_there_already(const char *name, const char *path, size_t line,
			      struct pga_error *error)
{
	struct pga_text hint = PGA_TEXT_EMPTY;

	pga_text_addf(&hint,
		      "--replace puts the new settings in its place; this shows it: pganchor "
		      "service show %s",
		      name[0] == '-' ? "-- " : "");
	pga_text_add_shell_word(&hint, name);
	/* A part of a command is none. */
	if (hint.length >= sizeof error->hint) {
		pga_text_free(&hint);
		pga_text_add(&hint, "--replace puts the new settings in its place");
	}
	(void)pga_fail(error, pga_text_string(&hint), "service %s: already exists in %s, line %zu",
		       name, path, line);
	pga_text_free(&hint);
	return -1;
}

/* Makes the new bytes; refuses to touch an entry that nobody asked to replace. */
static int edit_entry(const struct pga_change *change, const struct pga_edit *file,
		      const struct pga_settings *settings, struct pga_service_edit *edit,
		      struct pga_error *error)
{
	const char *bytes = pga_text_string(&file->before);
	size_t length = file->before.length;

	if (pga_service_replace(bytes, length, change->name, settings, edit, error) != 0)
		return -1;
	if (edit->sections > 0 && !change->replace) {
		(void)fail_there_already(change->name, file->path, edit->line, error);
		pga_service_edit_free(edit);
		return -1;
	}
	if (edit->sections > 0)
		return 0;
	pga_service_edit_free(edit);
	return pga_service_append(bytes, length, change->name, settings, edit, error);
}

/* For the manifest: the lines that "pganchor uninstall" would take out again, after the sslcrl that
 * goes with the CRLs. */
static int note(const struct pga_change *change, struct pga_edit *file,
		const struct pga_service_edit *edit, struct pga_error *error)
{
	struct pga_service_edit unbound = {.line = 0};
	const struct pga_text *bytes = &edit->bytes;
	struct pga_service_edit out;
	int result;

	if (change->bound_crls) {
		if (pga_service_set(pga_text_string(bytes), bytes->length, change->name, "sslcrl",
				    NULL, &unbound, error) != 0)
			return -1;
		bytes = &unbound.bytes;
	}
	result =
	    pga_service_take_out(pga_text_string(bytes), bytes->length, change->name, &out, error);
	pga_service_edit_free(&unbound);
	if (result != 0)
		return -1;
	pga_manifest_note_service(&file->notes, file->path, change->name, edit->sections > 0,
				  &out.removed);
	pga_service_edit_free(&out);
	return file->notes.failed ? pga_fail_memory(error) : 0;
}

int pga_service_write(const struct pga_change *change, const struct pga_settings *settings,
		      const struct pga_policy *policy, struct pga_changed *changed,
		      struct pga_error *error)
{
	struct pga_edit file = {.path = NULL};
	struct pga_service_edit edit = {.line = 0};
	int result = -1;

	memset(changed, 0, sizeof *changed);
	if (begin(change, &file, changed, error) != 0)
		goto done;
	if (edit_entry(change, &file, settings, &edit, error) != 0)
		goto done;
	changed->line = edit.line;
	changed->sections = edit.sections;
	changed->replaced = edit.sections > 0;
	changed->unchanged = is_same_text(&edit.bytes, &file.before);
	changed->removed = edit.removed;
	edit.removed = (struct pga_text)PGA_TEXT_EMPTY;
	if (changed->unchanged)
		result = 0;
	else if (note(change, &file, &edit, error) == 0)
		result = store(change, &file, &edit, settings, policy, error);
done:
	if (result != 0)
		pga_changed_free(changed);
	pga_service_edit_free(&edit);
	pga_edit_end(&file);
	return result;
}

int pga_service_delete(const struct pga_change *change, struct pga_changed *changed,
		       struct pga_error *error)
{
	struct pga_edit file = {.path = NULL};
	struct pga_service_edit edit = {.line = 0};
	int result = -1;

	memset(changed, 0, sizeof *changed);
	if (begin(change, &file, changed, error) != 0)
		goto done;
	file.unnoted = true;
	if (pga_service_take_out(pga_text_string(&file.before), file.before.length, change->name,
				 &edit, error) != 0)
		goto done;
	if (edit.sections == 0) {
		(void)pga_fail(error, "\"pganchor service list\" shows those there are",
			       "service %s: there is none of this name in %s", change->name,
			       file.path);
		goto done;
	}
	changed->line = edit.line;
	changed->sections = edit.sections;
	changed->removed = edit.removed;
	edit.removed = (struct pga_text)PGA_TEXT_EMPTY;
	result = store(change, &file, &edit, NULL, NULL, error);
done:
	if (result != 0)
		pga_changed_free(changed);
	pga_service_edit_free(&edit);
	pga_edit_end(&file);
	return result;
}

void pga_changed_free(struct pga_changed *changed)
{
	free(changed->path);
	pga_text_free(&changed->removed);
	memset(changed, 0, sizeof *changed);
}
