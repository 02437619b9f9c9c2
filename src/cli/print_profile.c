#include "cli/print_profile.h"

#include "base/terminal.h"
#include "base/text.h"
#include "cli/anchor_view.h"
#include "report/json.h"

#include <stdlib.h>
#include <string.h>

char *pga_profile_trust_text(const struct pga_fetched_profile *fetched)
{
	static const char *const words[] = {
	    [PGA_PROFILE_BY_OWNER] = "nobody else can write the file",
	    [PGA_PROFILE_BY_DIGEST] = "it has the digest that was given",
	    [PGA_PROFILE_BY_SIGNATURE] = "it is signed",
	    [PGA_PROFILE_BY_SYSTEM] = "the administrator of this machine has put it there",
	    [PGA_PROFILE_BY_USER] = "you gave it",
	};
	struct pga_text text = PGA_TEXT_EMPTY;

	if (fetched->trust == PGA_PROFILE_BY_SIGNATURE)
		pga_text_addf(&text, "signed by the key %s", fetched->key_id);
	else if (fetched->is_signed)
		pga_text_addf(&text, "%s, and signed by the key %s", words[fetched->trust],
			      fetched->key_id);
	else
		pga_text_add(&text, words[fetched->trust]);
	return pga_text_take(&text);
}

const char *pga_profile_trust_word(enum pga_profile_trust trust)
{
	static const char *const words[] = {
	    [PGA_PROFILE_BY_OWNER] = "owner",         [PGA_PROFILE_BY_DIGEST] = "digest",
	    [PGA_PROFILE_BY_SIGNATURE] = "signature", [PGA_PROFILE_BY_SYSTEM] = "system",
	    [PGA_PROFILE_BY_USER] = "user",
	};

	return words[trust];
}

static const char *password_word(enum pga_profile_password password)
{
	static const char *const words[] = {
	    [PGA_PROFILE_PASSWORD_NONE] = "none",
	    [PGA_PROFILE_PASSWORD_ASK] = "ask",
	    [PGA_PROFILE_PASSWORD_KEYRING] = "keyring",
	};

	return words[password];
}

/* ---- for people ---- */

static void print_anchor(const struct pga_profile_anchor *anchor)
{
	pga_print(stdout, "anchor %s: %s, for %s%s\n", anchor->name,
		  anchor->source != NULL ? anchor->source : "in the profile", anchor->hosts,
		  anchor->scoped ? ", scoped" : "");
	for (size_t i = 0; i < anchor->pin_count; i++)
		pga_print(stdout, "    %s\n", anchor->pins[i]);
}

static void print_service(const struct pga_profile_service *service)
{
	pga_print(stdout, "service %s:", service->name);
	for (size_t i = 0; i < service->settings.count; i++)
		pga_print(stdout, " %s=%s", service->settings.items[i].keyword,
			  service->settings.items[i].value);
	if (service->anchor != NULL)
		pga_print(stdout, ", by the anchor %s", service->anchor);
	if (service->password != PGA_PROFILE_PASSWORD_NONE)
		pga_print(stdout, ", password: %s", password_word(service->password));
	(void)puts("");
}

static void print_head(const struct pga_fetched_profile *fetched,
		       const struct pga_applied_profile *before)
{
	const struct pga_profile *profile = &fetched->profile;
	char *trust = pga_profile_trust_text(fetched);

	pga_print(stdout, "%s%s, version %llu%s: %s\n", pga_colour(stdout, PGA_BOLD), profile->name,
		  profile->version, pga_colour(stdout, PGA_PLAIN), fetched->where);
	pga_print(stdout, "    believed: %s\n    sha256: %s\n", trust != NULL ? trust : "?",
		  fetched->digest);
	if (fetched->comment != NULL)
		pga_print(stdout, "    trusted comment: %s\n", fetched->comment);
	if (before == NULL)
		(void)puts("    applied: not yet");
	else
		pga_print(stdout, "    applied: version %llu, %s\n", before->version,
			  before->applied);
	if (profile->message != NULL)
		pga_print(stdout, "    message: %s\n", profile->message);
	free(trust);
}

void pga_print_profile(const struct pga_fetched_profile *fetched, const struct pga_applied *applied)
{
	const struct pga_profile *profile = &fetched->profile;

	print_head(fetched, pga_applied_named(applied, profile->name));
	for (size_t i = 0; i < profile->anchor_count; i++)
		print_anchor(&profile->anchors[i]);
	for (size_t i = 0; i < profile->service_count; i++)
		print_service(&profile->services[i]);
	for (size_t i = 0; i < profile->policy_count; i++)
		pga_print(stdout, "policy: %s = %s\n", profile->policy[i].key,
			  profile->policy[i].value);
}

/* ---- for programs ---- */

static json_t *text_or_null(const char *text)
{
	return text != NULL && text[0] != '\0' ? pga_json_text(text) : json_null();
}

static json_t *anchor_as_json(const struct pga_profile_anchor *anchor)
{
	json_t *pins = json_array();

	for (size_t i = 0; i < anchor->pin_count; i++)
		pga_json_add(pins, json_string(anchor->pins[i]));
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:s}", "anchor", pga_json_text(anchor->name),
			 "source", text_or_null(anchor->source), "certificate",
			 text_or_null(anchor->certificate.pem), "pins", pins, "hosts",
			 pga_hosts_as_json(anchor->hosts), "scope",
			 anchor->scoped ? "scoped" : "root.crt");
}

static json_t *service_as_json(const struct pga_profile_service *service)
{
	json_t *settings = json_object();

	for (size_t i = 0; i < service->settings.count; i++)
		pga_json_set(settings, service->settings.items[i].keyword,
			     pga_json_text(service->settings.items[i].value));
	return json_pack("{s:o, s:o, s:o, s:s}", "service", pga_json_text(service->name),
			 "settings", settings, "anchor", text_or_null(service->anchor), "password",
			 password_word(service->password));
}

static json_t *policy_as_json(const struct pga_profile *profile)
{
	json_t *policy = json_array();

	for (size_t i = 0; i < profile->policy_count; i++)
		pga_json_add(policy,
			     json_pack("{s:o, s:o}", "key", pga_json_text(profile->policy[i].key),
				       "value", pga_json_text(profile->policy[i].value)));
	return policy;
}

json_t *pga_profile_as_json(const struct pga_fetched_profile *fetched,
			    const struct pga_applied *applied)
{
	const struct pga_profile *profile = &fetched->profile;
	const struct pga_applied_profile *before = pga_applied_named(applied, profile->name);
	json_t *anchors = json_array();
	json_t *services = json_array();

	for (size_t i = 0; i < profile->anchor_count; i++)
		pga_json_add(anchors, anchor_as_json(&profile->anchors[i]));
	for (size_t i = 0; i < profile->service_count; i++)
		pga_json_add(services, service_as_json(&profile->services[i]));
	return json_pack(
	    "{s:o, s:I, s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "profile",
	    pga_json_text(profile->name), "version", (json_int_t)profile->version, "message",
	    text_or_null(profile->message), "source", pga_json_text(fetched->where), "digest",
	    fetched->digest, "believed", pga_profile_trust_word(fetched->trust), "key_id",
	    text_or_null(fetched->key_id), "key", text_or_null(fetched->key), "comment",
	    text_or_null(fetched->comment), "version_before",
	    before != NULL ? json_integer((json_int_t)before->version) : json_null(), "anchors",
	    anchors, "services", services, "policy", policy_as_json(profile));
}
