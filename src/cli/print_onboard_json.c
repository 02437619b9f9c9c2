#include "cli/print_onboard.h"

#include "cli/anchor_view.h"
#include "cli/print_profile.h"

#include "policy/secrets.h"
#include "report/json.h"

#include <stdlib.h>
#include <string.h>

static json_t *or_null(const char *text)
{
	return text != NULL ? pga_json_text(text) : json_null();
}

static json_t *anchors(const struct pga_application *application)
{
	json_t *list = json_array();

	for (size_t i = 0; i < application->anchor_count; i++) {
		const struct pga_apply_anchor *anchor = &application->anchors[i];

		pga_json_add(list, json_pack("{s:o, s:s, s:o, s:s, s:b, s:s, s:o, s:o}", "anchor",
					     pga_json_text(anchor->name), "pin", anchor->pin,
					     "hosts", pga_hosts_as_json(anchor->hosts), "scope",
					     anchor->scoped ? "scoped" : "root.crt", "system",
					     (int)anchor->system, "action",
					     pga_applying_word(anchor->action), "why",
					     or_null(anchor->why), "hint", or_null(anchor->hint)));
	}
	return list;
}

static json_t *settings_of(const struct pga_settings *settings)
{
	json_t *object = json_object();

	for (size_t i = 0; i < settings->count; i++) {
		const struct pga_setting *item = &settings->items[i];
		struct pga_text shown = PGA_TEXT_EMPTY;

		if (pga_keyword_is_secret(item->keyword))
			pga_text_add(&shown, PGA_MASK);
		else
			pga_text_add_masked(&shown, item->value);
		pga_json_set(object, item->keyword, pga_json_text(pga_text_string(&shown)));
		pga_text_free(&shown);
	}
	return object;
}

static json_t *server_of(const struct pga_checked_service *server)
{
	bool known;
	const long days = pga_onboard_days(server->valid_to, &known);

	if (!server->done)
		return json_null();
	return json_pack("{s:b, s:b, s:b, s:o, s:o, s:o, s:o}", "verified", (int)server->verified,
			 "trusted", (int)server->trusted, "answered", (int)server->answered,
			 "problem", or_null(server->problem), "anchor", or_null(server->anchor),
			 "valid_to", known ? pga_json_text(server->valid_to) : json_null(),
			 "days_left", known ? json_integer(days) : json_null());
}

static json_t *services(const struct pga_onboard_profile *profile)
{
	const struct pga_application *application = &profile->application;
	json_t *list = json_array();

	for (size_t i = 0; i < application->service_count; i++) {
		const struct pga_apply_service *service = &application->services[i];
		json_t *object = json_pack(
		    "{s:o, s:o, s:o, s:s, s:s, s:o, s:o, s:o}", "service",
		    pga_json_text(service->name), "host", pga_json_text(service->host), "anchor",
		    or_null(service->anchor), "action", pga_applying_word(service->action),
		    "verdict", pga_entry_state_word(service->state), "settings",
		    settings_of(&service->settings), "why", or_null(service->why), "hint",
		    or_null(service->hint));

		pga_json_set(object, "server",
			     profile->servers != NULL ? server_of(&profile->servers[i])
						      : json_null());
		pga_json_set(object, "password",
			     profile->passwords != NULL
				 ? pga_json_text(pga_onboard_password_word(profile->passwords[i]))
				 : json_null());
		pga_json_add(list, object);
	}
	return list;
}

static json_t *policies(const struct pga_application *application)
{
	json_t *list = json_array();

	for (size_t i = 0; i < application->policy_count; i++) {
		const struct pga_apply_policy *policy = &application->policies[i];

		pga_json_add(list, json_pack("{s:o, s:o, s:s, s:o, s:o}", "key",
					     pga_json_text(policy->key), "value",
					     pga_json_text(policy->value), "action",
					     pga_applying_word(policy->action), "why",
					     or_null(policy->why), "hint", or_null(policy->hint)));
	}
	return list;
}

static json_t *profile_as_json(const struct pga_onboard_profile *profile)
{
	const struct pga_application *application = &profile->application;
	const struct pga_fetched_profile *fetched = application->fetched;

	return json_pack(
	    "{s:o, s:I, s:o, s:o, s:o, s:s, s:s, s:b, s:o, s:o, s:o}", "name",
	    pga_json_text(fetched->profile.name), "version", (json_int_t)fetched->profile.version,
	    "applied_version",
	    application->before != 0 ? json_integer((json_int_t)application->before) : json_null(),
	    "message", or_null(fetched->profile.message), "source", pga_json_text(fetched->where),
	    "digest", fetched->digest, "believed", pga_profile_trust_word(fetched->trust),
	    "changed", (int)application->visible, "anchors", anchors(application), "services",
	    services(profile), "policy_keys", policies(application));
}

int pga_print_onboard_json(const struct pga_onboarding *onboarding, int status)
{
	json_t *list = json_array();

	for (size_t i = 0; i < onboarding->count; i++)
		pga_json_add(list, profile_as_json(&onboarding->profiles[i]));
	return pga_json_print(
	    json_pack("{s:o, s:b}", "profiles", list, "dry_run", (int)onboarding->dry_run), status);
}
