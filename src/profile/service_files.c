/* The bytes of pg_service.conf with the services of a profile. */
#include "profile/apply.h"

#include "base/ini.h"
#include "base/manifest.h"
#include "service/rewrite.h"

#include <stdlib.h>
#include <string.h>

int pga_apply_read_entry(const struct pga_service_file *file, const struct pga_entry *entry,
			 struct pga_settings *settings, struct pga_error *error)
{
	struct pga_ini_reader reader = pga_ini_start(pga_text_string(&file->bytes) + entry->start,
						     entry->end - entry->start, PGA_INI_PGSERVICE);
	struct pga_ini_line line;

	while (pga_ini_next(&reader, &line)) {
		char *keyword;
		char *value;
		int result = 0;

		if (line.kind != PGA_INI_SETTING)
			continue;
		keyword = pga_ini_copy(line.name);
		value = pga_ini_copy(line.value);
		if (keyword == NULL || value == NULL)
			result = pga_fail_memory(error);
		else if (pga_settings_value(settings, keyword) == NULL)
			result = pga_settings_add(settings, keyword, value, error);
		free(keyword);
		free(value);
		if (result != 0)
			return -1;
	}
	return 0;
}

/* For the manifest: the lines that "pganchor uninstall" would take out again. */
static int note(struct pga_transaction_file *file, const char *name, bool replaced,
		const struct pga_text *entry, struct pga_error *error)
{
	struct pga_service_edit out;

	if (pga_service_take_out(pga_text_string(entry), entry->length, name, &out, error) != 0)
		return -1;
	pga_manifest_note_service(&file->edit.notes, file->edit.path, name, replaced, &out.removed);
	pga_service_edit_free(&out);
	return file->edit.notes.failed ? pga_fail_memory(error) : 0;
}

static const struct pga_apply_service *changed_as(const struct pga_application *application,
						  const struct pga_entry *entry)
{
	for (size_t i = 0; entry->name != NULL && i < application->service_count; i++)
		if (application->services[i].action == PGA_APPLY_CHANGE &&
		    strcmp(application->services[i].name, entry->name) == 0)
			return &application->services[i];
	return NULL;
}

/* Gives the setting to the entry that text holds; value NULL: takes it out. */
static int set(struct pga_text *text, const char *name, const char *keyword, const char *value,
	       struct pga_error *error)
{
	struct pga_service_edit edit;

	if (pga_service_set(pga_text_string(text), text->length, name, keyword, value, &edit,
			    error) != 0)
		return -1;
	pga_apply_step(text, &edit.bytes);
	pga_service_edit_free(&edit);
	return text->failed ? pga_fail_memory(error) : 0;
}

/* Key by key: what does not change stays as it is written, with the comments around it. */
static int change(const struct pga_apply_service *service, const struct pga_settings *now,
		  struct pga_text *text, struct pga_error *error)
{
	const struct pga_settings *settings = &service->settings;

	for (size_t i = 0; i < now->count; i++)
		if (pga_settings_value(settings, now->items[i].keyword) == NULL &&
		    set(text, service->name, now->items[i].keyword, NULL, error) != 0)
			return -1;
	for (size_t i = 0; i < settings->count; i++) {
		const struct pga_setting *setting = &settings->items[i];
		const char *is = pga_settings_value(now, setting->keyword);

		if ((is == NULL || strcmp(is, setting->value) != 0) &&
		    set(text, service->name, setting->keyword, setting->value, error) != 0)
			return -1;
	}
	return 0;
}

static int change_entry(struct pga_application *application, const struct pga_entry *entry,
			const struct pga_apply_service *service, struct pga_text *after,
			struct pga_error *error)
{
	const struct pga_service_file *entries = &application->entries;
	struct pga_settings now = {NULL, 0};
	struct pga_text text = PGA_TEXT_EMPTY;
	int result = pga_apply_read_entry(entries, entry, &now, error);

	pga_text_add_bytes(&text, pga_text_string(&entries->bytes) + entry->start,
			   entry->end - entry->start);
	if (result == 0)
		result = change(service, &now, &text, error);
	if (result == 0)
		result = note(&application->files[PGA_APPLY_SERVICES], service->name, true, &text,
			      error);
	pga_text_add_bytes(after, pga_text_string(&text), text.length);
	pga_text_free(&text);
	pga_settings_free(&now);
	return result;
}

/* The entries one after the other: only those that change are touched. */
static int rewrite(struct pga_application *application, struct pga_text *after,
		   struct pga_error *error)
{
	const struct pga_service_file *entries = &application->entries;
	const char *bytes = pga_text_string(&entries->bytes);
	size_t at = 0;

	for (size_t i = 0; i < entries->count; i++) {
		const struct pga_entry *entry = &entries->entries[i];
		const struct pga_apply_service *service = changed_as(application, entry);

		if (service == NULL || entry->shadowed != 0)
			continue;
		pga_text_add_bytes(after, bytes + at, entry->start - at);
		at = entry->end;
		if (change_entry(application, entry, service, after, error) != 0)
			return -1;
	}
	pga_text_add_bytes(after, bytes + at, entries->bytes.length - at);
	return after->failed ? pga_fail_memory(error) : 0;
}

static int take_out(const char *name, struct pga_text *text, struct pga_error *error)
{
	struct pga_service_edit edit;

	if (pga_service_take_out(pga_text_string(text), text->length, name, &edit, error) != 0)
		return -1;
	pga_text_free(text);
	*text = edit.bytes;
	edit.bytes = (struct pga_text)PGA_TEXT_EMPTY;
	pga_service_edit_free(&edit);
	return 0;
}

/* Behind all others. The first is put there as "service add" would; what the others stand behind
 * then is the one before them. */
static int append(struct pga_application *application, struct pga_text *after,
		  struct pga_error *error)
{
	struct pga_transaction_file *file = &application->files[PGA_APPLY_SERVICES];
	size_t start = 0;

	for (size_t i = 0; i < application->service_count; i++) {
		const struct pga_apply_service *service = &application->services[i];
		const char *context = pga_text_string(after) + start;
		const size_t length = after->length - start;
		struct pga_service_edit edit;
		struct pga_text added = PGA_TEXT_EMPTY;
		int result;

		if (service->action != PGA_APPLY_ADD)
			continue;
		if (pga_service_append(context, length, service->name, &service->settings, &edit,
				       error) != 0)
			return -1;
		pga_text_add_bytes(&added, pga_text_string(&edit.bytes) + length,
				   edit.bytes.length - length);
		start = after->length;
		pga_text_add_bytes(after, pga_text_string(&added), added.length);
		result = added.failed || after->failed
			     ? pga_fail_memory(error)
			     : note(file, service->name, false, &added, error);
		pga_text_free(&added);
		pga_service_edit_free(&edit);
		if (result != 0)
			return -1;
	}
	return 0;
}

static bool writes(const struct pga_application *application)
{
	for (size_t i = 0; i < application->service_count; i++)
		if (application->services[i].action != PGA_APPLY_SAME &&
		    application->services[i].action != PGA_APPLY_KEEP)
			return true;
	return false;
}

int pga_apply_compose_services(struct pga_application *application, struct pga_error *error)
{
	struct pga_transaction_file *file = &application->files[PGA_APPLY_SERVICES];

	if (!writes(application))
		return 0;
	if (rewrite(application, &file->after, error) != 0)
		return -1;
	/* The last first: the blank line in front of an entry goes with one that stands last. */
	for (size_t i = application->service_count; i-- > 0;)
		if (application->services[i].action == PGA_APPLY_REMOVE &&
		    take_out(application->services[i].name, &file->after, error) != 0)
			return -1;
	if (append(application, &file->after, error) != 0 || pga_transaction_put(file, error) != 0)
		return -1;
	/* One that pganchor has made, and in which nothing is left, goes. */
	if (file->after.length == 0)
		file->change = PGA_REMOVED;
	return 0;
}

/* ---- the proof ---- */

static bool is_same_entry(const struct pga_evaluation *read, const struct pga_evaluation *meant,
			  const char **other)
{
	for (const PQconninfoOption *option = read->effective.options;
	     option != NULL && option->keyword != NULL; option++) {
		const char *value = pga_effective_value(&meant->effective, option->keyword);

		if (strncmp(option->keyword, "service", strlen("service")) == 0 ||
		    (value != NULL && strcmp(option->val != NULL ? option->val : "", value) == 0))
			continue;
		*other = option->keyword;
		return false;
	}
	return read->effective.options != NULL;
}

/* What libpq reads of it has to be what is meant, in every option that it has. */
static int prove(const struct pga_application *application, struct pga_evaluator *judging,
		 const struct pga_apply_service *service, struct pga_error *error)
{
	const struct pga_entry *entry = pga_service_file_find(judging->file, service->name);
	struct pga_evaluation read;
	struct pga_evaluation meant;
	const char *other = "host";
	int result = -1;

	if (entry == NULL)
		return pga_fail(error, "nothing was changed; please report this",
				"service %s: libpq would not find it", service->name);
	if (pga_evaluate_entry_alone(judging, entry, &read, error) != 0)
		return -1;
	if (pga_evaluate_settings(&service->settings, &application->after, &meant, error) != 0)
		goto done;
	if (read.state == PGA_ENTRY_BROKEN)
		(void)pga_fail(error, "nothing was changed; correct the file with an editor first",
			       "service %s: libpq could not read it: %s", service->name,
			       pga_text_string(&read.why));
	else if (!is_same_entry(&read, &meant, &other))
		(void)pga_fail(error, "nothing was changed; please report this",
			       "service %s: %s: libpq would read another value than the one given",
			       service->name, other);
	else
		result = 0;
	pga_evaluation_free(&meant);
done:
	pga_evaluation_free(&read);
	return result;
}

/* Reads the staged file as PGSERVICEFILE would have libpq read it. */
static int read_staged(const char *path, struct pga_service_file *file, struct pga_error *error)
{
	const char *named = getenv("PGSERVICEFILE");
	char *before = named != NULL ? strdup(named) : NULL;
	int result = -1;

	if ((named != NULL && before == NULL) || setenv("PGSERVICEFILE", path, 1) != 0) {
		free(before);
		return pga_fail_memory(error);
	}
	result = pga_service_file_read(file, PGA_SERVICE_USER, error);
	if (before != NULL)
		(void)setenv("PGSERVICEFILE", before, 1);
	else
		(void)unsetenv("PGSERVICEFILE");
	free(before);
	return result;
}

int pga_apply_prove_services(struct pga_application *application, struct pga_error *error)
{
	const struct pga_transaction_file *file = &application->files[PGA_APPLY_SERVICES];
	struct pga_service_file staged = {.path = NULL};
	struct pga_evaluator judging;
	int result = 0;

	if (file->change != PGA_CREATED && file->change != PGA_CHANGED)
		return 0;
	if (read_staged(file->edit.staged_path, &staged, error) != 0)
		return -1;
	if (pga_evaluator_begin(&judging, &staged, &application->after, error) != 0)
		result = -1;
	for (size_t i = 0; result == 0 && i < application->service_count; i++) {
		const struct pga_apply_service *service = &application->services[i];

		if (service->action == PGA_APPLY_ADD || service->action == PGA_APPLY_CHANGE)
			result = prove(application, &judging, service, error);
	}
	pga_evaluator_end(&judging);
	pga_service_file_free(&staged);
	return result;
}
