/* What becomes of the services. */
#include "profile/apply.h"

#include "policy/hostlist.h"
#include "policy/linked.h"
#include "profile/merge.h"
#include "service/compose.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is there ---- */

static int copy_settings(const struct pga_settings *from, struct pga_settings *to,
			 struct pga_error *error)
{
	for (size_t i = 0; i < from->count; i++)
		if (pga_settings_add(to, from->items[i].keyword, from->items[i].value, error) != 0)
			return -1;
	return 0;
}

/* Whether the profile has made the entry, and nobody has changed it since. */
static bool is_untouched(const struct pga_application *application, const struct pga_entry *entry,
			 const struct pga_settings *now)
{
	const struct pga_recorded_service *before =
	    pga_recorded_service_of(&application->recorded, entry->name);

	return before != NULL && pga_settings_are_same(now, &before->settings);
}

int pga_apply_find_user(const struct pga_application *application, const char *file,
			const char **user, struct pga_error *error)
{
	const struct pga_service_file *entries = &application->entries;

	*user = NULL;
	for (size_t i = 0; *user == NULL && i < entries->named; i++) {
		const struct pga_entry *entry = entries->by_name[i];
		struct pga_settings now = {NULL, 0};
		const char *root;

		if (pga_apply_read_entry(entries, entry, &now, error) != 0) {
			pga_settings_free(&now);
			return -1;
		}
		root = pga_settings_value(&now, "sslrootcert");
		if (root != NULL && strcmp(root, file) == 0 &&
		    !is_untouched(application, entry, &now))
			*user = entry->name;
		pga_settings_free(&now);
	}
	return 0;
}

/* ---- what is wanted ---- */

/* Whether the anchor is valid for each host of the service. */
static bool is_for(const struct pga_apply_anchor *anchor, const struct pga_hosts *hosts)
{
	for (size_t i = 0; i < hosts->count; i++)
		if (!pga_host_matches_any(anchor->hosts, pga_host_label(&hosts->items[i])))
			return false;
	return hosts->count > 0;
}

/* The anchor that has the name in the profile, as it is called here; of several roots the one that
 * has the name, or else the first. */
static const struct pga_apply_anchor *anchor_named(const struct pga_application *application,
						   const char *name)
{
	const struct pga_apply_anchor *found = NULL;

	for (size_t i = 0; i < application->anchor_count; i++) {
		const struct pga_apply_anchor *anchor = &application->anchors[i];

		if (anchor->root == NULL || strcmp(anchor->root->anchor->name, name) != 0)
			continue;
		if (found == NULL || (anchor->present && strcmp(anchor->name, name) == 0))
			found = anchor;
	}
	return found;
}

static int fail_several(const struct pga_profile_service *service, struct pga_error *error)
{
	return pga_fail(error, "whoever made the profile has to say which: anchor = NAME",
			"service %s: several anchors of the profile are valid for its host",
			service->name);
}

/* The one of the profile's that is valid for its hosts; *anchor is NULL where none is. */
static int choose_anchor(const struct pga_application *application,
			 const struct pga_profile_service *service,
			 const struct pga_settings *settings,
			 const struct pga_apply_anchor **anchor, struct pga_error *error)
{
	const struct pga_profile_anchor *of = NULL;
	struct pga_hosts hosts;
	int result = 0;

	*anchor = NULL;
	if (service->anchor != NULL) {
		*anchor = anchor_named(application, service->anchor);
		return 0;
	}
	if (pga_hosts_split(pga_settings_value(settings, "host"),
			    pga_settings_value(settings, "hostaddr"), NULL, &hosts, error) != 0)
		return -1;
	for (size_t i = 0; result == 0 && i < application->anchor_count; i++) {
		const struct pga_apply_anchor *one = &application->anchors[i];

		if (one->root == NULL || !one->present || !is_for(one, &hosts))
			continue;
		if (of != NULL && of != one->root->anchor)
			result = fail_several(service, error);
		of = one->root->anchor;
		*anchor = anchor_named(application, of->name);
	}
	pga_hosts_free(&hosts);
	return result;
}

/* The file of an anchor that comes is not there yet: it is named as a user would. */
static int wish_for(const struct pga_application *application, struct pga_apply_service *service,
		    struct pga_wish *wish, struct pga_error *error)
{
	const struct pga_apply_anchor *anchor;
	struct pga_settings own = {NULL, 0};
	const char *host;
	int result = -1;

	if (pga_profile_service_settings(service->from, &application->user, &own, error) != 0 ||
	    choose_anchor(application, service->from, &own, &anchor, error) != 0)
		goto done;
	if (anchor != NULL) {
		service->anchor = strdup(anchor->name);
		if (service->anchor == NULL) {
			(void)pga_fail_memory(error);
			goto done;
		}
		if (pga_settings_add(&wish->settings, "sslrootcert", anchor->file, error) != 0)
			goto done;
	}
	host = pga_settings_value(&own, "host");
	service->host = strdup(host != NULL ? host : pga_settings_value(&own, "hostaddr"));
	if (service->host == NULL)
		(void)pga_fail_memory(error);
	else
		result = copy_settings(&own, &wish->settings, error);
done:
	pga_settings_free(&own);
	return result;
}

static int fail_weak(const struct pga_apply_service *service,
		     const struct pga_composition *composition, struct pga_error *error)
{
	return pga_fail(error, "whoever made the profile has to mend it; nothing was changed",
			"service %s: weaker than the policy: %s", service->name,
			pga_text_string(&composition->evaluation.why));
}

/* What the profile wants, as it stands in the file. */
static int compose_wanted(const struct pga_application *application,
			  struct pga_apply_service *service, struct pga_error *error)
{
	struct pga_wish wish = {.place = PGA_SERVICE_USER};
	struct pga_composition composition;
	int result = wish_for(application, service, &wish, error);

	if (result == 0 &&
	    pga_compose(&wish, &application->after, &application->pins, &composition, error) != 0)
		result = -1;
	else if (result == 0) {
		if (composition.evaluation.state != PGA_ENTRY_ALLOWED)
			result = fail_weak(service, &composition, error);
		else
			result = copy_settings(&composition.settings, &service->applied, error);
		pga_composition_free(&composition);
	}
	pga_settings_free(&wish.settings);
	return result;
}

/* ---- what comes of it ---- */

static int keep(const struct pga_application *application, struct pga_apply_service *service,
		const char *why, struct pga_error *error)
{
	service->action = PGA_APPLY_KEEP;
	service->why = strdup(why);
	service->hint = pga_apply_mend(application, service->name);
	return service->why != NULL && service->hint != NULL ? 0 : pga_fail_memory(error);
}

/* How an entry of these settings stands. */
static int judge(const struct pga_application *application, struct pga_apply_service *service,
		 struct pga_text *why, struct pga_error *error)
{
	struct pga_evaluation evaluation;

	if (pga_evaluate_settings(&service->settings, &application->after, &evaluation, error) != 0)
		return -1;
	service->state = evaluation.state;
	pga_text_add(why, pga_text_string(&evaluation.why));
	pga_evaluation_free(&evaluation);
	return why->failed ? pga_fail_memory(error) : 0;
}

static int note_kept(const struct pga_application *application, struct pga_apply_service *service,
		     const struct pga_merged *merged, struct pga_error *error)
{
	struct pga_text why = PGA_TEXT_EMPTY;
	const bool overruled = merged->overruled.length > 0;

	if (merged->kept.length == 0)
		return 0;
	pga_text_addf(&why,
		      overruled ? "your %s stays, and the profile has another" : "your %s stays",
		      pga_text_string(overruled ? &merged->overruled : &merged->kept));
	service->why = pga_text_take(&why);
	service->hint = pga_apply_mend(application, service->name);
	return service->why != NULL && service->hint != NULL ? 0 : pga_fail_memory(error);
}

/* An entry that is there, of which the profile has made some version or is meant to now. */
static int merge_entry(const struct pga_application *application, struct pga_apply_service *service,
		       const struct pga_settings *before, const struct pga_settings *now,
		       struct pga_error *error)
{
	struct pga_merged merged = {.settings = {NULL, 0}};
	struct pga_text why = PGA_TEXT_EMPTY;
	int result = pga_merge(before, now, &service->applied, &merged, error);

	if (result != 0)
		goto done;
	service->ours = true;
	service->settings = merged.settings;
	merged.settings = (struct pga_settings){NULL, 0};
	result = note_kept(application, service, &merged, error);
	if (result == 0)
		result = judge(application, service, &why, error);
	if (result != 0 || merged.difference.length == 0)
		goto done;
	service->action = PGA_APPLY_CHANGE;
	service->difference = merged.difference;
	merged.difference = (struct pga_text)PGA_TEXT_EMPTY;
	if (service->state == PGA_ENTRY_ALLOWED)
		goto done;
	/* What is the user's would be weak beside it: nothing of it is written. */
	pga_settings_free(&service->settings);
	pga_text_free(&service->difference);
	pga_text_free(&why);
	free(service->why);
	free(service->hint);
	result = copy_settings(now, &service->settings, error);
	if (result == 0)
		result = judge(application, service, &why, error);
	if (result == 0)
		result = keep(application, service,
			      "what you have changed does not go together with the profile", error);
done:
	pga_text_free(&why);
	pga_merged_free(&merged);
	return result;
}

static int plan_there(const struct pga_application *application, struct pga_apply_service *service,
		      const struct pga_entry *entry, const struct pga_settings *before,
		      struct pga_error *error)
{
	struct pga_settings now = {NULL, 0};
	struct pga_text why = PGA_TEXT_EMPTY;
	int result = pga_apply_read_entry(&application->entries, entry, &now, error);

	if (result != 0)
		goto done;
	if (pga_apply_replaces(application, service->name)) {
		/* As if all of it had been the profile's. */
		result = merge_entry(application, service, &now, &now, error);
	} else if (before != NULL) {
		result = merge_entry(application, service, before, &now, error);
	} else {
		/* The user's, even where the profile asks for the same. */
		result = copy_settings(&now, &service->settings, error);
		if (result == 0)
			result = judge(application, service, &why, error);
		if (result == 0 && !pga_settings_are_same(&now, &service->applied))
			result = keep(application, service,
				      "there is one of this name, which the profile has not made",
				      error);
	}
done:
	pga_text_free(&why);
	pga_settings_free(&now);
	return result;
}

static int plan_service(struct pga_application *application, const struct pga_profile_service *from,
			struct pga_error *error)
{
	struct pga_apply_service *service = &application->services[application->service_count++];
	const struct pga_entry *entry = pga_service_file_find(&application->entries, from->name);
	const struct pga_recorded_service *before =
	    pga_recorded_service_of(&application->recorded, from->name);

	service->from = from;
	service->name = strdup(from->name);
	if (service->name == NULL)
		return pga_fail_memory(error);
	if (compose_wanted(application, service, error) != 0)
		return -1;
	if (entry != NULL)
		return plan_there(application, service, entry,
				  before != NULL ? &before->settings : NULL, error);
	service->ours = true;
	if (before != NULL && !pga_apply_replaces(application, from->name)) {
		service->state = PGA_ENTRY_BROKEN;
		return keep(application, service, "you have removed it", error);
	}
	service->action = PGA_APPLY_ADD;
	service->state = PGA_ENTRY_ALLOWED;
	return copy_settings(&service->applied, &service->settings, error);
}

static bool is_wanted(const struct pga_profile *profile, const char *name)
{
	for (size_t i = 0; i < profile->service_count; i++)
		if (strcmp(profile->services[i].name, name) == 0)
			return true;
	return false;
}

/* One that the profile had, and has no more. */
static int plan_dropped(struct pga_application *application,
			const struct pga_recorded_service *before, struct pga_error *error)
{
	const struct pga_entry *entry = pga_service_file_find(&application->entries, before->name);
	struct pga_apply_service *service = &application->services[application->service_count];
	const char *host = pga_settings_value(&before->settings, "host");
	struct pga_text why = PGA_TEXT_EMPTY;
	int result = 0;

	if (entry == NULL)
		return 0;
	application->service_count++;
	service->name = strdup(before->name);
	service->host = strdup(host != NULL ? host : "");
	if (service->name == NULL || service->host == NULL)
		return pga_fail_memory(error);
	if (pga_apply_read_entry(&application->entries, entry, &service->settings, error) != 0)
		return -1;
	service->action = PGA_APPLY_REMOVE;
	if (!pga_apply_replaces(application, before->name) &&
	    !pga_settings_are_same(&service->settings, &before->settings)) {
		result = judge(application, service, &why, error);
		if (result == 0)
			result = keep(application, service,
				      "the profile has dropped it, and you have changed it", error);
		pga_text_free(&why);
	}
	return result;
}

void pga_apply_forget_services(struct pga_application *application)
{
	for (size_t i = 0; application->services != NULL && i < application->service_count; i++) {
		struct pga_apply_service *service = &application->services[i];

		free(service->name);
		free(service->anchor);
		free(service->host);
		free(service->why);
		free(service->hint);
		pga_settings_free(&service->settings);
		pga_settings_free(&service->applied);
		pga_text_free(&service->difference);
	}
	free(application->services);
	application->services = NULL;
	application->service_count = 0;
}

int pga_apply_plan_services(struct pga_application *application, struct pga_error *error)
{
	const struct pga_profile *profile = &application->fetched->profile;
	const struct pga_recorded *recorded = &application->recorded;

	application->services = calloc(profile->service_count + recorded->service_count + 1,
				       sizeof *application->services);
	if (application->services == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; i < profile->service_count; i++)
		if (plan_service(application, &profile->services[i], error) != 0)
			return -1;
	for (size_t i = 0; i < recorded->service_count; i++)
		if (!is_wanted(profile, recorded->services[i].name) &&
		    plan_dropped(application, &recorded->services[i], error) != 0)
			return -1;
	return 0;
}
