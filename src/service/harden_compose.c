/* The settings of an entry as they are to be: those that it has, without what weakens it, and what
 * service add would have written. */
#include "service/harden_parts.h"

#include "policy/known_servers.h"
#include "service/check.h"
#include "service/compose.h"
#include "tls/certificate.h"
#include "tls/crl_trial.h"

#include <stdlib.h>
#include <string.h>

/* ---- What stays ---- */

static bool is_of_entry(const struct pga_effective *effective, const PQconninfoOption *option)
{
	return option->val != NULL && option->val[0] != '\0' && effective->origins != NULL &&
	       effective->origins[option - effective->options] == PGA_FROM_SERVICE &&
	       strncmp(option->keyword, "service", strlen("service")) != 0;
}

int pga_harden_keep(struct pga_hardening *item, const struct pga_evaluation *evaluation,
		    struct pga_error *error)
{
	const struct pga_effective *effective = &evaluation->effective;

	for (const PQconninfoOption *option = effective->options; option->keyword != NULL; option++)
		if (is_of_entry(effective, option) &&
		    pga_settings_add(&item->settings, option->keyword, option->val, error) != 0)
			return -1;
	return 0;
}

/* Whether each server's chain verifies with this file, and ends in a root that is pinned. */
static int is_good_file(const char *path, const struct pga_pins *pins,
			const struct pga_harden_host *hosts, size_t count, bool *good,
			struct pga_error *error)
{
	const struct pga_trial_files files = {.roots = path};

	*good = path[0] == '/';
	for (size_t i = 0; *good && i < count; i++) {
		STACK_OF(X509) *verified = NULL;
		char pin[PGA_PIN_LENGTH + 1];
		long why;

		if (hosts[i].chain == NULL)
			continue;
		if (pga_crl_trial(&files, hosts[i].chain, &verified, &why, error) != 0)
			return -1;
		*good = verified != NULL &&
			pga_certificate_pin(sk_X509_value(verified, sk_X509_num(verified) - 1),
					    pin) == 0 &&
			pga_pins_find(pins, pin) != NULL;
		sk_X509_pop_free(verified, X509_free);
	}
	return 0;
}

/* What a rule of policy/setting_rules.h finds weak goes, and so does what the gate would lock. */
static bool weakens(const struct pga_evaluation *evaluation, const PQconninfoOption *option)
{
	const char *keyword = option->keyword;
	const struct pga_setting_rule *rule = pga_setting_rule(keyword);

	if (strcmp(keyword, "sslmode") == 0 || strcmp(keyword, "sslcompression") == 0)
		return true;
	if (strcmp(keyword, "gssencmode") == 0)
		return strcmp(option->val, "disable") != 0;
	if ((strcmp(keyword, "ssl_min_protocol_version") == 0 && evaluation->lock_min_tls) ||
	    (strcmp(keyword, "channel_binding") == 0 && evaluation->lock_binding) ||
	    (strcmp(keyword, "require_auth") == 0 && evaluation->lock_auth))
		return true;
	return rule != NULL && strncmp(keyword, "host", strlen("host")) != 0 &&
	       evaluation->weak[pga_setting_rule_index(keyword)];
}

static int keep_settings(const struct pga_evaluation *evaluation, const struct pga_pins *pins,
			 const struct pga_harden_host *hosts, size_t count,
			 struct pga_settings *kept, struct pga_error *error)
{
	const struct pga_effective *effective = &evaluation->effective;

	for (const PQconninfoOption *option = effective->options; option->keyword != NULL;
	     option++) {
		bool stays = is_of_entry(effective, option) && !weakens(evaluation, option) &&
			     strcmp(option->keyword, "host") != 0 &&
			     strcmp(option->keyword, "hostaddr") != 0;

		if (stays && strcmp(option->keyword, "sslrootcert") == 0 &&
		    is_good_file(option->val, pins, hosts, count, &stays, error) != 0)
			return -1;
		if (stays && pga_settings_add(kept, option->keyword, option->val, error) != 0)
			return -1;
	}
	return 0;
}

/* ---- Where to ---- */

static bool any_address(const struct pga_harden_host *hosts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (hosts[i].address != NULL || hosts[i].host->address[0] != '\0')
			return true;
	return false;
}

/* libpq's lists: one element a host. */
static int add_hosts(struct pga_hardening *item, const struct pga_harden_host *hosts, size_t count,
		     struct pga_settings *settings, struct pga_error *error)
{
	struct pga_text names = PGA_TEXT_EMPTY;
	struct pga_text addresses = PGA_TEXT_EMPTY;
	bool named = false;
	bool changed = false;
	int result = 0;

	for (size_t i = 0; i < count; i++) {
		const char *name = hosts[i].name != NULL ? hosts[i].name : hosts[i].host->name;

		pga_text_addf(&names, "%s%s", i > 0 ? "," : "", name);
		pga_text_addf(&addresses, "%s%s", i > 0 ? "," : "",
			      hosts[i].address != NULL ? hosts[i].address : hosts[i].host->address);
		named = named || name[0] != '\0';
		changed = changed || hosts[i].name != NULL;
	}
	if (names.failed || addresses.failed)
		result = pga_fail_memory(error);
	if (result == 0 && named)
		result = pga_settings_add(settings, "host", pga_text_string(&names), error);
	if (result == 0 && any_address(hosts, count))
		result = pga_settings_add(settings, "hostaddr", pga_text_string(&addresses), error);
	if (result == 0 && changed) {
		item->host = strdup(pga_text_string(&names));
		result = item->host != NULL ? 0 : pga_fail_memory(error);
	}
	pga_text_free(&names);
	pga_text_free(&addresses);
	return result;
}

/* ---- What changes ---- */

static int add_change(struct pga_hardening *item, const char *keyword, const char *before,
		      const char *after, struct pga_error *error)
{
	struct pga_harden_change *grown =
	    reallocarray(item->changes, item->change_count + 1, sizeof *grown);
	struct pga_harden_change *change;

	if (grown == NULL)
		return pga_fail_memory(error);
	item->changes = grown;
	change = &grown[item->change_count++];
	change->keyword = strdup(keyword);
	change->before = before != NULL ? strdup(before) : NULL;
	change->after = after != NULL ? strdup(after) : NULL;
	if (change->keyword == NULL || (before != NULL && change->before == NULL) ||
	    (after != NULL && change->after == NULL))
		return pga_fail_memory(error);
	return 0;
}

static int find_changes(struct pga_hardening *item, const struct pga_effective *effective,
			struct pga_error *error)
{
	for (size_t i = 0; i < item->settings.count; i++) {
		const struct pga_setting *setting = &item->settings.items[i];
		const PQconninfoOption *option =
		    pga_option_find(effective->options, setting->keyword);
		const char *before =
		    option != NULL && is_of_entry(effective, option) ? option->val : NULL;

		if ((before == NULL || strcmp(before, setting->value) != 0) &&
		    add_change(item, setting->keyword, before, setting->value, error) != 0)
			return -1;
	}
	for (const PQconninfoOption *option = effective->options; option->keyword != NULL; option++)
		if (is_of_entry(effective, option) &&
		    pga_settings_value(&item->settings, option->keyword) == NULL &&
		    add_change(item, option->keyword, option->val, NULL, error) != 0)
			return -1;
	return 0;
}

/* ---- The proof ---- */

static int refuse(struct pga_hardening *item, const char *hint, const char *what)
{
	(void)pga_fail(&item->error, hint, "%s", what);
	return pga_harden_stuck(item, PGA_HARDEN_STUCK);
}

/* The gate would hold the server's key against those that are known. */
static int check_keys(struct pga_hardening *item, const struct pga_policy *policy,
		      const struct pga_check *check)
{
	struct pga_known_servers known = {0};
	struct pga_error error;
	int result = 0;

	if (policy->continuity == PGA_CONTINUITY_OFF)
		return 0;
	if (pga_known_servers_load(&known, &error) != 0)
		result = refuse(item, error.hint, error.message);
	for (size_t i = 0; result == 0 && i < check->count; i++) {
		const struct pga_checked_host *host = &check->items[i];
		struct pga_shown_key shown = {.host = pga_host_label(host->host)};
		enum pga_familiarity familiarity;

		if (host->skipped || host->handshake.key[0] == '\0' ||
		    pga_checked_is_exempt(host, policy))
			continue;
		shown.port = host->host->port[0] != '\0'
				 ? (unsigned)strtoul(host->host->port, NULL, 10)
				 : PGA_DEFAULT_PORT;
		memcpy(shown.key, host->handshake.key, sizeof shown.key);
		memcpy(shown.issuer, host->handshake.issuer_key, sizeof shown.issuer);
		familiarity = pga_known_servers_judge(&known, NULL, policy, &shown);
		if (familiarity != PGA_SERVER_CHANGED && familiarity != PGA_SERVER_REPORTED)
			continue;
		(void)pga_fail(
		    &item->error,
		    "somebody may be between you and the server; if who runs it says that "
		    "this is its new key: pganchor anchor accept",
		    "%s shows another key than before (SHA-256 %s)", shown.host, shown.key);
		result = pga_harden_stuck(item, PGA_HARDEN_STUCK);
	}
	pga_known_servers_free(&known);
	return result;
}

/* libpq's own handshake with each server, by the settings as they are to be. */
static int prove(struct pga_hardening *item, const struct pga_harden *harden,
		 const struct pga_composition *composition, struct pga_error *error)
{
	const struct pga_anchor_choice *choice = &composition->choice;
	struct pga_check check;
	int result = 0;

	if (pga_check_hosts(&composition->evaluation.effective, &harden->policy, &harden->pins,
			    choice->named ? choice->anchor : NULL, &check, error) != 0)
		return -1;
	if (check.problem != NULL)
		result = refuse(item,
				"with the settings that would make it safe, libpq refuses "
				"what answers there",
				check.problem);
	else if (!check.trusted)
		result =
		    refuse(item,
			   "\"pganchor anchor set-hosts NAME PATTERNS\" changes what an "
			   "anchor is valid for",
			   "the gate would refuse the server: its chain ends in a root that is "
			   "not pinned for it");
	else
		result = check_keys(item, &harden->policy, &check);
	pga_check_free(&check);
	return result;
}

/* ---- All of it ---- */

/* Whether the file that the entry would name holds the root that has signed its servers. */
static bool is_chosen(const struct pga_anchor_choice *choice, const struct pga_hardening *item)
{
	return choice->anchor == NULL || item->anchor == NULL ||
	       strcmp(choice->anchor->name, item->anchor) == 0;
}

static int compose(struct pga_wish *wish, const struct pga_hardening *item,
		   const struct pga_harden *harden, struct pga_composition *composition,
		   struct pga_error *error)
{
	const bool given = pga_settings_value(&wish->settings, "sslrootcert") != NULL;

	wish->anchor = given ? NULL : harden->wish->anchor;
	if (pga_compose(wish, &harden->policy, &harden->pins, composition, error) == 0) {
		if (given || wish->anchor != NULL || is_chosen(&composition->choice, item))
			return 0;
		pga_composition_free(composition);
	} else if (given || wish->anchor != NULL || item->anchor == NULL) {
		return -1;
	}
	/* More than one is valid for the hosts: this is the one that has signed. */
	wish->anchor = item->anchor;
	return pga_compose(wish, &harden->policy, &harden->pins, composition, error);
}

static int take_composition(struct pga_hardening *item, const struct pga_harden *harden,
			    const struct pga_evaluation *evaluation,
			    struct pga_composition *composition, struct pga_error *error)
{
	int result;

	if (composition->evaluation.state != PGA_ENTRY_ALLOWED)
		return refuse(item, "what weakens it is not pganchor's to take out",
			      pga_text_string(&composition->evaluation.why));
	result = prove(item, harden, composition, error);
	if (result != 0)
		return result;
	item->settings = composition->settings;
	composition->settings = (struct pga_settings){.count = 0};
	item->state = PGA_HARDEN_READY;
	return find_changes(item, &evaluation->effective, error);
}

int pga_harden_compose(struct pga_hardening *item, const struct pga_harden *harden,
		       const struct pga_evaluation *evaluation, const struct pga_harden_host *hosts,
		       size_t count, struct pga_error *error)
{
	struct pga_wish wish = {.place = harden->wish->place};
	struct pga_composition composition = {.no_roots = false};
	int result = -1;

	if (add_hosts(item, hosts, count, &wish.settings, error) != 0 ||
	    keep_settings(evaluation, &harden->pins, hosts, count, &wish.settings, error) != 0)
		goto done;
	if (compose(&wish, item, harden, &composition, &item->error) != 0)
		result = pga_harden_stuck(item, PGA_HARDEN_STUCK);
	else
		result = take_composition(item, harden, evaluation, &composition, error);
	pga_composition_free(&composition);
done:
	pga_settings_free(&wish.settings);
	return result;
}
