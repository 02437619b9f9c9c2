#include "profile/apply.h"

#include "anchor/source_records.h"
#include "base/memory_file.h"
#include "base/paths.h"
#include "base/shell_word.h"
#include "tls/x509_text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

const char *pga_applying_word(enum pga_applying action)
{
	static const char *const words[] = {
	    [PGA_APPLY_SAME] = "same",     [PGA_APPLY_ADD] = "add",   [PGA_APPLY_CHANGE] = "change",
	    [PGA_APPLY_REMOVE] = "remove", [PGA_APPLY_KEEP] = "keep",
	};

	return words[action];
}

bool pga_apply_replaces(const struct pga_application *application, const char *name)
{
	for (size_t i = 0; i < application->replaced_count; i++)
		if (strcmp(application->replaced[i], name) == 0)
			return true;
	return false;
}

char *pga_apply_mend(const struct pga_application *application, const char *name)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_text_addf(&text, "%s --replace ", application->again);
	pga_text_add_shell_word(&text, name);
	return pga_text_take(&text);
}

int pga_apply_begin(struct pga_application *application, enum pga_apply_file which, char *path,
		    mode_t mode, struct pga_error *error)
{
	int result = path != NULL
			 ? pga_edit_begin(&application->files[which].edit, path, mode, error)
			 : pga_fail_memory(error);

	free(path);
	return result;
}

/* ---- before ---- */

/* Whether this very version was applied: then what could be asked of a source is none the newer. */
static bool is_settled(const struct pga_application *application)
{
	const struct pga_applied_profile *before =
	    pga_applied_named(&application->applied, application->fetched->profile.name);

	return before != NULL && strcmp(before->digest, application->fetched->digest) == 0;
}

int pga_apply_prepare(struct pga_application *application, pga_profile_asks *asks, void *context,
		      struct pga_error *error)
{
	const struct pga_fetched_profile *fetched = application->fetched;

	if (pga_profile_user_here(&application->user, error) != 0 ||
	    pga_policy_load(&application->policy, error) != 0 ||
	    pga_pins_load(&application->pins, &application->policy, error) != 0 ||
	    pga_applied_load(&application->applied, error) != 0 ||
	    pga_applied_check(&application->applied, fetched, &application->leave, error) != 0)
		return -1;
	return pga_profile_roots_find(&application->roots, &fetched->profile, &application->pins,
				      is_settled(application), asks, context, error);
}

/* ---- the files ---- */

static int begin_own(struct pga_application *application, enum pga_apply_file which,
		     const char *name, struct pga_error *error)
{
	char *path = pga_user_config(name);

	return path != NULL ? pga_apply_begin(application, which, path, 0600, error)
			    : pga_fail_home(error);
}

static int begin_services(struct pga_application *application, struct pga_error *error)
{
	char *path = pga_service_path(PGA_SERVICE_USER, error);

	if (path == NULL)
		return -1;
	if (pga_is_descriptor(path)) {
		(void)pga_fail(
		    error, "let PGSERVICEFILE name a file, or unset it for ~/.pg_service.conf",
		    "%s: a pipe, or what was in one: nothing can be written there", path);
		free(path);
		return -1;
	}
	if (pga_apply_begin(application, PGA_APPLY_SERVICES, path, 0600, error) != 0)
		return -1;
	pga_service_file_free(&application->entries);
	return pga_service_file_read(&application->entries, PGA_SERVICE_USER, error);
}

/* What stands there is read again under the locks: other programs may have changed it since. */
static int read_again(struct pga_application *application, struct pga_error *error)
{
	const struct pga_edit *conf = &application->files[PGA_APPLY_CONF].edit;
	const struct pga_edit *record = &application->files[PGA_APPLY_RECORD].edit;
	const struct pga_edit *begun = &application->files[PGA_APPLY_BEGUN].edit;
	const struct pga_edit *profiles = &application->files[PGA_APPLY_PROFILES].edit;

	pga_policy_free(&application->policy);
	pga_pins_free(&application->pins);
	pga_applied_free(&application->applied);
	memset(&application->applied, 0, sizeof application->applied);
	if (pga_policy_load(&application->policy, error) != 0 ||
	    pga_pins_load(&application->pins, &application->policy, error) != 0 ||
	    pga_pins_parse(&application->own, conf->path,
			   conf->existed ? pga_text_string(&conf->before) : NULL,
			   conf->before.length, error) != 0 ||
	    pga_applied_parse(&application->applied, profiles->path,
			      pga_text_string(&profiles->before), profiles->before.length,
			      error) != 0 ||
	    pga_recorded_parse(&application->begun, begun->path, pga_text_string(&begun->before),
			       begun->before.length, error) != 0)
		return -1;
	return pga_recorded_parse(&application->recorded, record->path,
				  pga_text_string(&record->before), record->before.length, error);
}

/* In one order, as each holds a lock. */
static int begin_all(struct pga_application *application, struct pga_error *error)
{
	const char *name = application->fetched->profile.name;
	char *record;
	char *begun;

	if (begin_own(application, PGA_APPLY_CONF, "anchors.conf", error) != 0 ||
	    begin_own(application, PGA_APPLY_SOURCES, PGA_SOURCE_RECORDS_FILE, error) != 0 ||
	    begin_own(application, PGA_APPLY_PROFILES, PGA_APPLIED_FILE, error) != 0)
		return -1;
	record = pga_recorded_path(name, error);
	if (record == NULL ||
	    pga_apply_begin(application, PGA_APPLY_RECORD, record, 0600, error) != 0)
		return -1;
	begun = pga_recorded_begun_path(name, error);
	if (begun == NULL ||
	    pga_apply_begin(application, PGA_APPLY_BEGUN, begun, 0600, error) != 0 ||
	    read_again(application, error) != 0)
		return -1;
	application->files[PGA_APPLY_BEGUN].edit.unnoted = true;
	return pga_applied_check(&application->applied, application->fetched, &application->leave,
				 error);
}

/* ---- the record ---- */

static int record_anchors(const struct pga_application *application, struct pga_recorded *recorded,
			  struct pga_error *error)
{
	for (size_t i = 0; i < application->anchor_count; i++) {
		const struct pga_apply_anchor *anchor = &application->anchors[i];
		const struct pga_recorded_anchor *before =
		    pga_recorded_anchor_of(&application->recorded, anchor->pin);

		/* What is the user's, or the system's, is not the profile's to take away. */
		if (anchor->system || anchor->root == NULL ||
		    (before == NULL && anchor->action != PGA_APPLY_ADD &&
		     !pga_apply_replaces(application, anchor->name)))
			continue;
		if (pga_recorded_add_anchor(
			recorded, anchor->name, anchor->pin, anchor->root->anchor->hosts,
			before != NULL && anchor->action == PGA_APPLY_KEEP ? before->scoped
									   : anchor->scoped,
			error) != 0)
			return -1;
	}
	return 0;
}

/* A line that the user had before is the user's, even where the profile asks for the same. */
static bool is_of_profile(const struct pga_application *application,
			  const struct pga_apply_policy *policy)
{
	if (!policy->ours || policy->action == PGA_APPLY_REMOVE)
		return false;
	return pga_settings_value(&application->recorded.policy, policy->key) != NULL ||
	       policy->action == PGA_APPLY_ADD || policy->action == PGA_APPLY_CHANGE;
}

static int compose_record(struct pga_application *application, struct pga_error *error)
{
	struct pga_transaction_file *file = &application->files[PGA_APPLY_RECORD];
	struct pga_recorded recorded = {.anchors = NULL};
	int result = record_anchors(application, &recorded, error);

	for (size_t i = 0; result == 0 && i < application->service_count; i++) {
		const struct pga_apply_service *service = &application->services[i];

		if (service->ours)
			result = pga_recorded_add_service(&recorded, service->name,
							  &service->applied, error);
	}
	for (size_t i = 0; result == 0 && i < application->policy_count; i++) {
		const struct pga_apply_policy *policy = &application->policies[i];

		if (is_of_profile(application, policy))
			result =
			    pga_settings_add(&recorded.policy, policy->key, policy->value, error);
	}
	if (result == 0) {
		pga_recorded_write(&recorded, &file->after);
		if (file->after.failed)
			result = pga_fail_memory(error);
		else if (file->after.length != file->edit.before.length ||
			 memcmp(file->after.bytes, pga_text_string(&file->edit.before),
				file->after.length) != 0)
			result = pga_transaction_put(file, error);
	}
	pga_recorded_free(&recorded);
	return result;
}

/* The time in it is that of the change. */
static int compose_profiles(struct pga_application *application, struct pga_error *error)
{
	struct pga_transaction_file *file = &application->files[PGA_APPLY_PROFILES];
	const struct pga_applied_profile *before =
	    pga_applied_named(&application->applied, application->fetched->profile.name);
	char now[PGA_X509_DATE];

	pga_x509_now(now);
	application->before = before != NULL ? before->version : 0;
	pga_applied_set(&file->edit.before, application->fetched,
			before != NULL && is_settled(application) ? before->applied : now,
			&file->after);
	if (file->after.failed)
		return pga_fail_memory(error);
	if (file->after.length == file->edit.before.length &&
	    memcmp(file->after.bytes, pga_text_string(&file->edit.before), file->after.length) == 0)
		return 0;
	return pga_transaction_put(file, error);
}

/* ---- all of it ---- */

static int compose_all(struct pga_application *application, struct pga_error *error)
{
	if (begin_all(application, error) != 0 ||
	    pga_service_file_read(&application->entries, PGA_SERVICE_USER, error) != 0 ||
	    pga_apply_plan_policy(application, error) != 0 ||
	    pga_apply_plan_anchors(application, error) != 0 ||
	    pga_apply_compose_anchors(application, error) != 0 ||
	    begin_services(application, error) != 0 ||
	    pga_apply_plan_services(application, error) != 0 ||
	    pga_apply_compose_services(application, error) != 0)
		return -1;
	return compose_record(application, error) == 0 ? compose_profiles(application, error) : -1;
}

/* What is about to be recorded, for whoever comes when this one was killed. */
static int compose_begun(struct pga_application *application, struct pga_error *error)
{
	const struct pga_transaction_file *record = &application->files[PGA_APPLY_RECORD];
	struct pga_transaction_file *begun = &application->files[PGA_APPLY_BEGUN];

	if (!application->visible)
		return 0;
	pga_apply_copy(&begun->after,
		       record->change != PGA_UNCHANGED ? &record->after : &record->edit.before);
	return pga_transaction_put(begun, error);
}

/* It is in its place now. */
static void forget_begun(const struct pga_application *application)
{
	const struct pga_transaction_file *begun = &application->files[PGA_APPLY_BEGUN];

	if (begun->edit.existed || begun->committed)
		(void)unlink(begun->edit.path);
}

/* The own files first, since others name them; what says that all is done comes last. */
static int write_all(struct pga_application *application, struct pga_error *error)
{
	const size_t count = application->crt_count + PGA_APPLY_FILES;
	struct pga_transaction_file **order = calloc(count, sizeof(struct pga_transaction_file *));
	size_t at = 0;
	int result = -1;

	if (order == NULL)
		return pga_fail_memory(error);
	order[at++] = &application->files[PGA_APPLY_BEGUN];
	order[at++] = &application->files[PGA_APPLY_ROOT_CRT];
	for (size_t i = 0; i < application->crt_count; i++)
		order[at++] = &application->crts[i];
	for (size_t i = PGA_APPLY_ROOT_CRT + 1; i < PGA_APPLY_FILES; i++)
		order[at++] = &application->files[i];
	if (compose_begun(application, error) == 0 &&
	    pga_transaction_stage(order, count, error) == 0 &&
	    pga_apply_prove_anchors(application, error) == 0 &&
	    pga_apply_prove_services(application, error) == 0)
		result = pga_transaction_commit(order, count, error);
	free(order);
	return result;
}

static int note_changes(struct pga_application *application, struct pga_error *error)
{
	application->changes = application->visible = false;
	for (size_t i = PGA_APPLY_BEGUN + 1; i < PGA_APPLY_FILES; i++) {
		const struct pga_transaction_file *file = &application->files[i];

		free(application->paths[i]);
		application->paths[i] = NULL;
		if (file->change == PGA_UNCHANGED)
			continue;
		application->changes = true;
		application->visible =
		    application->visible || (i != PGA_APPLY_RECORD && i != PGA_APPLY_PROFILES);
		application->created[i] = file->change == PGA_CREATED;
		application->paths[i] = strdup(file->edit.path);
		if (application->paths[i] == NULL)
			return pga_fail_memory(error);
	}
	for (size_t i = 0; i < application->crt_count; i++)
		if (application->crts[i].change != PGA_UNCHANGED)
			application->changes = application->visible = true;
	return 0;
}

/* The last first: a directory that was made for it stands in one that was made for another. */
static void end_files(struct pga_application *application)
{
	static const enum pga_apply_file order[] = {
	    PGA_APPLY_SERVICES,
	    PGA_APPLY_ROOT_CRT,
	};
	static const enum pga_apply_file behind[] = {
	    PGA_APPLY_POLICY,   PGA_APPLY_BEGUN,   PGA_APPLY_RECORD,
	    PGA_APPLY_PROFILES, PGA_APPLY_SOURCES, PGA_APPLY_CONF,
	};

	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
		pga_transaction_end(&application->files[order[i]]);
	for (size_t i = application->crt_count; application->crts != NULL && i-- > 0;)
		pga_transaction_end(&application->crts[i]);
	for (size_t i = 0; i < sizeof behind / sizeof behind[0]; i++)
		pga_transaction_end(&application->files[behind[i]]);
	memset(application->files, 0, sizeof application->files);
	free(application->crts);
	application->crts = NULL;
	application->crt_count = 0;
	pga_service_file_free(&application->entries);
	pga_recorded_free(&application->recorded);
	pga_recorded_free(&application->begun);
	pga_pins_free(&application->own);
	memset(&application->own, 0, sizeof application->own);
}

static void forget(struct pga_application *application)
{
	pga_apply_forget_anchors(application);
	pga_apply_forget_services(application);
	for (size_t i = 0; i < application->policy_count; i++) {
		free(application->policies[i].key);
		free(application->policies[i].value);
		free(application->policies[i].why);
		free(application->policies[i].hint);
	}
	free(application->policies);
	application->policies = NULL;
	application->policy_count = 0;
}

/* Each file that is to change is open until all are written. */
static void allow_many_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* Directories of pganchor's own that are empty now; any other is not removed by that. */
static void remove_empty(const struct pga_application *application)
{
	char *path =
	    pga_apply_count(application, PGA_APPLY_REMOVE) > 0 ? pga_user_config("anchors") : NULL;

	if (path != NULL)
		(void)rmdir(path);
	free(path);
}

int pga_apply(struct pga_application *application, bool dry_run, struct pga_error *error)
{
	int result;

	forget(application);
	allow_many_files();
	result = compose_all(application, error);
	if (result == 0)
		result = note_changes(application, error);
	if (result == 0 && !dry_run && application->changes)
		result = write_all(application, error);
	if (result == 0 && !dry_run)
		forget_begun(application);
	end_files(application);
	if (result == 0 && !dry_run)
		remove_empty(application);
	return result;
}

size_t pga_apply_count(const struct pga_application *application, enum pga_applying action)
{
	size_t count = 0;

	for (size_t i = 0; i < application->anchor_count; i++)
		count += application->anchors[i].action == action;
	for (size_t i = 0; i < application->service_count; i++)
		count += application->services[i].action == action;
	for (size_t i = 0; i < application->policy_count; i++)
		count += application->policies[i].action == action;
	return count;
}

void pga_application_free(struct pga_application *application)
{
	forget(application);
	for (size_t i = 0; i < PGA_APPLY_FILES; i++)
		free(application->paths[i]);
	pga_profile_user_free(&application->user);
	pga_policy_free(&application->policy);
	pga_pins_free(&application->pins);
	pga_applied_free(&application->applied);
	pga_profile_roots_free(&application->roots);
	memset(application, 0, sizeof *application);
}
