#include "service/harden.h"

#include "policy/known_servers.h"
#include "policy/trust.h"
#include "service/harden_parts.h"
#include "tls/crl_trial.h"
#include "tls/server_chain.h"

#include <stdlib.h>
#include <string.h>

/* That a server is waited for, in milliseconds, where the entry has no connect_timeout. */
#define TIMEOUT 10000L

int pga_harden_stuck(struct pga_hardening *item, enum pga_harden_state state)
{
	item->state = state;
	return 1;
}

static void forget(struct pga_hardening *item)
{
	for (size_t i = 0; i < item->change_count; i++) {
		free(item->changes[i].keyword);
		free(item->changes[i].before);
		free(item->changes[i].after);
	}
	free(item->changes);
	free(item->host);
	free(item->anchor);
	free(item->server);
	free(item->address);
	pga_text_free(&item->reasons);
	pga_text_free(&item->why);
	pga_text_free(&item->names);
	pga_settings_free(&item->settings);
	*item = (struct pga_hardening){.name = item->name, .line = item->line};
}

/* An empty one of a list is the default. */
static unsigned port_of(const struct pga_host *host)
{
	return host->port[0] != '\0' ? (unsigned)strtoul(host->port, NULL, 10) : PGA_DEFAULT_PORT;
}

static char *label_with_port(const struct pga_host *host)
{
	const char *label = pga_host_label(host);
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_text_addf(&text, strchr(label, ':') == NULL ? "%s:%u" : "[%s]:%u", label,
		      port_of(host));
	return pga_text_take(&text);
}

/* ---- What a server shows ---- */

static long timeout_of(const struct pga_effective *effective)
{
	const char *timeout = pga_effective_value(effective, "connect_timeout");
	const long given = timeout != NULL ? strtol(timeout, NULL, 10) : 0;

	return given > 0 && given < 3600 ? given * 1000 : TIMEOUT;
}

/* sslnegotiation=direct is libpq 17's. */
static enum pga_server_way way_of(const struct pga_effective *effective)
{
	const char *way = pga_effective_value(effective, "sslnegotiation");

	return way != NULL && strcmp(way, "direct") == 0 ? PGA_SERVER_DIRECT : PGA_SERVER_EITHER;
}

/* Whom it is about from now on. */
static int take_server(struct pga_hardening *item, const struct pga_host *host,
		       struct pga_error *error)
{
	free(item->server);
	item->server = label_with_port(host);
	item->port = port_of(host);
	return item->server != NULL ? 0 : pga_fail_memory(error);
}

static int ask_server(struct pga_hardening *item, const struct pga_effective *effective,
		      struct pga_harden_host *host, struct pga_error *error)
{
	const struct pga_host *asked = host->host;
	const struct pga_server server = {
	    .host = asked->name[0] != '\0' ? asked->name : asked->address,
	    .address = asked->address[0] != '\0' ? asked->address : NULL,
	    .port = port_of(asked),
	    .way = way_of(effective),
	    .connect_timeout = timeout_of(effective),
	    .max_time = 2 * timeout_of(effective)};

	if (take_server(item, asked, error) != 0)
		return -1;
	if (pga_server_chain(&server, &host->chain, NULL, &item->error) == 0)
		return 0;
	if (item->error.hint[0] == '\0')
		(void)snprintf(item->error.hint, sizeof item->error.hint,
			       "what cannot be looked at cannot be verified: try again when the "
			       "server answers");
	return pga_harden_stuck(item, PGA_HARDEN_STUCK);
}

/* ---- Which anchor has signed it ---- */

/* Whether the chain verifies, as libpq verifies it, with the roots of the anchor's own file. */
static int has_signed(const struct pga_pin *anchor, STACK_OF(X509) * chain, bool *signed_by,
		      long *why, struct pga_error *error)
{
	char *path = pga_pin_own_file(anchor);
	const struct pga_trial_files files = {.roots = path};
	STACK_OF(X509) *verified = NULL;
	int result;

	*signed_by = false;
	if (path == NULL)
		return pga_fail(error, "set HOME", "found no home directory for this user");
	result = pga_crl_trial(&files, chain, &verified, why, error);
	*signed_by = verified != NULL;
	sk_X509_pop_free(verified, X509_free);
	free(path);
	return result;
}

/* How good an anchor is for this server: one that is valid for one of its names is better than one
 * that is for none. */
static bool is_valid_for_some(const struct pga_pins *pins, const struct pga_pin *anchor,
			      const struct pga_harden_host *host, const struct pga_text *names)
{
	const char *rest = pga_text_string(names);
	const char *line;
	size_t length;

	if (pga_root_is_valid_for(pins, anchor->pin, pga_host_label(host->host)))
		return true;
	while (pga_next_line(&rest, &line, &length)) {
		char *name = strndup(line, length);
		const bool valid = name != NULL && pga_root_is_valid_for(pins, anchor->pin, name);

		free(name);
		if (valid)
			return true;
	}
	return false;
}

static int fail_unsigned(struct pga_hardening *item, const struct pga_harden_host *host, long why)
{
	X509 *certificate = sk_X509_value(host->chain, 0);

	item->fits = pga_harden_is_for(certificate, pga_host_label(host->host));
	pga_harden_names_of(certificate, &item->names);
	if (!item->fits)
		item->address = pga_harden_address_of(host->host);
	if (why == X509_V_ERR_CERT_HAS_EXPIRED || why == X509_V_ERR_CERT_NOT_YET_VALID) {
		(void)pga_fail(
		    &item->error,
		    "whoever runs the server or its CA has to renew that certificate, if "
		    "this machine's clock is right",
		    "%s: %s", item->server, X509_verify_cert_error_string(why));
		return pga_harden_stuck(item, PGA_HARDEN_STUCK);
	}
	(void)pga_fail(&item->error, NULL, "no anchor that is pinned has signed what %s shows",
		       item->server);
	return pga_harden_stuck(item, PGA_HARDEN_ANCHOR);
}

static int find_anchor(struct pga_hardening *item, const struct pga_harden *harden,
		       struct pga_harden_host *host, struct pga_error *error)
{
	const struct pga_pins *pins = &harden->pins;
	struct pga_text names = PGA_TEXT_EMPTY;
	long why = X509_V_OK;
	bool valid = false;
	int result = 0;

	pga_harden_names_of(sk_X509_value(host->chain, 0), &names);
	for (size_t i = pins->count; result == 0 && i-- > 0;) {
		const struct pga_pin *anchor = &pins->pins[i];
		bool signed_by;
		long fault;

		if (harden->wish->anchor != NULL && strcmp(anchor->name, harden->wish->anchor) != 0)
			continue;
		result = has_signed(anchor, host->chain, &signed_by, &fault, error);
		if (result == 0 && !signed_by &&
		    (fault == X509_V_ERR_CERT_HAS_EXPIRED ||
		     fault == X509_V_ERR_CERT_NOT_YET_VALID))
			why = fault;
		if (result != 0 || !signed_by || valid)
			continue;
		valid = is_valid_for_some(pins, anchor, host, &names);
		if (valid || host->anchor == NULL)
			host->anchor = anchor;
	}
	if (result == 0 && names.failed)
		result = pga_fail_memory(error);
	pga_text_free(&names);
	if (result == 0 && host->anchor == NULL)
		result = fail_unsigned(item, host, why);
	return result;
}

/* ---- An entry ---- */

static int look_at_host(struct pga_hardening *item, const struct pga_harden *harden,
			const struct pga_effective *effective, struct pga_harden_host *host,
			const char *wanted, struct pga_error *error)
{
	int result;

	if (host->host->local)
		return 0;
	result = ask_server(item, effective, host, error);
	if (result == 0)
		result = find_anchor(item, harden, host, error);
	if (result == 0)
		result = pga_harden_name(item, host, &harden->pins, wanted, error);
	return result;
}

static int take_anchor(struct pga_hardening *item, const struct pga_harden_host *hosts,
		       size_t count, struct pga_error *error)
{
	const struct pga_pin *anchor = NULL;

	for (size_t i = 0; i < count; i++) {
		if (hosts[i].anchor == NULL)
			continue;
		if (anchor != NULL && strcmp(anchor->pin, hosts[i].anchor->pin) != 0)
			return 0;
		anchor = hosts[i].anchor;
	}
	if (anchor == NULL)
		return 0;
	item->anchor = strdup(anchor->name);
	return item->anchor != NULL ? 0 : pga_fail_memory(error);
}

static int look_at_hosts(struct pga_hardening *item, const struct pga_harden *harden,
			 const struct pga_evaluation *evaluation, const char *wanted,
			 struct pga_error *error)
{
	const struct pga_effective *effective = &evaluation->effective;
	struct pga_harden_host *hosts = NULL;
	struct pga_hosts split;
	int result = 0;

	if (pga_hosts_split(pga_effective_value(effective, "host"),
			    pga_effective_value(effective, "hostaddr"),
			    pga_effective_value(effective, "port"), &split, error) != 0)
		return -1;
	hosts = calloc(split.count + 1, sizeof *hosts);
	if (hosts == NULL)
		result = pga_fail_memory(error);
	for (size_t i = 0; result == 0 && i < split.count; i++) {
		hosts[i].host = &split.items[i];
		result = look_at_host(item, harden, effective, &hosts[i],
				      split.count == 1 ? wanted : NULL, error);
	}
	if (result == 0)
		result = take_anchor(item, hosts, split.count, error);
	if (result == 0)
		result = pga_harden_compose(item, harden, evaluation, hosts, split.count, error);
	for (size_t i = 0; hosts != NULL && i < split.count; i++) {
		sk_X509_pop_free(hosts[i].chain, X509_free);
		free(hosts[i].name);
		free(hosts[i].address);
	}
	free(hosts);
	pga_hosts_free(&split);
	return result;
}

/* What libpq refuses is not weak, and what nobody can know is neither. */
static int refuse_state(struct pga_hardening *item, const struct pga_evaluation *evaluation)
{
	const char *hint = "correct the file with an editor";

	if (evaluation->no_roots)
		hint = "pganchor bootstrap pins the root of its server's CA";
	else if (evaluation->state == PGA_ENTRY_UNKNOWN)
		hint = "the gate judges it when it connects: pganchor run";
	(void)pga_fail(&item->error, hint, "%s: %s", pga_entry_state_word(evaluation->state),
		       pga_text_string(&evaluation->why));
	return pga_harden_stuck(item, PGA_HARDEN_STUCK);
}

static int look_at_entry(struct pga_hardening *item, const struct pga_harden *harden,
			 struct pga_evaluator *judging, const struct pga_entry *entry,
			 const char *wanted, struct pga_error *error)
{
	struct pga_evaluation evaluation;
	int result = pga_evaluate_entry(judging, entry, &evaluation, error);

	if (result != 0)
		return -1;
	pga_text_add(&item->reasons, pga_text_string(&evaluation.why));
	item->weak = evaluation.state == PGA_ENTRY_WEAK;
	if (evaluation.state == PGA_ENTRY_ALLOWED)
		result = pga_harden_keep(item, &evaluation, error);
	else if (evaluation.state != PGA_ENTRY_WEAK)
		result = refuse_state(item, &evaluation);
	else
		result = look_at_hosts(item, harden, &evaluation, wanted, error);
	if (result >= 0 && (item->reasons.failed || item->why.failed || item->names.failed))
		result = pga_fail_memory(error);
	pga_evaluation_free(&evaluation);
	return result < 0 ? -1 : 0;
}

/* ---- All of them ---- */

static int add_item(struct pga_harden *harden, const struct pga_entry *entry,
		    struct pga_evaluator *judging, struct pga_error *error)
{
	struct pga_hardening *item = &harden->items[harden->count];

	memset(item, 0, sizeof *item);
	item->name = strdup(entry->name);
	item->line = entry->line;
	if (item->name == NULL)
		return pga_fail_memory(error);
	harden->count++;
	return look_at_entry(item, harden, judging, entry, harden->wish->host, error);
}

static int fail_no_such(const struct pga_harden *harden, const char *name, struct pga_error *error)
{
	return pga_fail(error, "\"pganchor service list\" shows those there are",
			"service %s: there is none of this name in %s", name, harden->file.path);
}

static int add_named(struct pga_harden *harden, struct pga_evaluator *judging,
		     struct pga_error *error)
{
	const struct pga_harden_wish *wish = harden->wish;

	/* First all of them are looked up: that costs nothing, and a server seconds. */
	for (size_t i = 0; i < wish->count; i++)
		if (pga_service_file_find(&harden->file, wish->names[i]) == NULL)
			return fail_no_such(harden, wish->names[i], error);
	for (size_t i = 0; i < wish->count; i++) {
		bool twice = false;

		for (size_t k = 0; k < i; k++)
			twice = twice || strcmp(wish->names[i], wish->names[k]) == 0;
		if (!twice && add_item(harden, pga_service_file_find(&harden->file, wish->names[i]),
				       judging, error) != 0)
			return -1;
	}
	return 0;
}

static int add_weak(struct pga_harden *harden, struct pga_evaluator *judging,
		    struct pga_error *error)
{
	for (size_t i = 0; i < harden->file.count; i++) {
		const struct pga_entry *entry = &harden->file.entries[i];
		struct pga_evaluation evaluation;
		enum pga_entry_state state;

		if (pga_evaluate_entry(judging, entry, &evaluation, error) != 0)
			return -1;
		state = evaluation.state;
		pga_evaluation_free(&evaluation);
		harden->others += state == PGA_ENTRY_BROKEN || state == PGA_ENTRY_UNKNOWN;
		if (state == PGA_ENTRY_WEAK && add_item(harden, entry, judging, error) != 0)
			return -1;
	}
	return 0;
}

int pga_harden_begin(struct pga_harden *harden, const struct pga_harden_wish *wish,
		     struct pga_error *error)
{
	struct pga_evaluator judging;
	int result;

	memset(harden, 0, sizeof *harden);
	harden->wish = wish;
	if (pga_policy_load(&harden->policy, error) != 0 ||
	    pga_pins_load(&harden->pins, &harden->policy, error) != 0 ||
	    pga_service_file_read(&harden->file, wish->place, error) != 0)
		return -1;
	if (wish->anchor != NULL && pga_pins_named(&harden->pins, wish->anchor) == NULL)
		return pga_fail(error, "\"pganchor anchor list\" shows those there are",
				"anchor %s: there is none of this name", wish->anchor);
	harden->items = calloc(harden->file.count + wish->count + 1, sizeof *harden->items);
	if (harden->items == NULL)
		return pga_fail_memory(error);
	result = pga_evaluator_begin(&judging, &harden->file, &harden->policy, error);
	if (result == 0)
		result = wish->count > 0 ? add_named(harden, &judging, error)
					 : add_weak(harden, &judging, error);
	pga_evaluator_end(&judging);
	return result;
}

int pga_harden_again(struct pga_harden *harden, size_t index, const char *host,
		     struct pga_error *error)
{
	struct pga_hardening *item = &harden->items[index];
	struct pga_evaluator judging;
	struct pga_pins pins;
	int result = -1;

	if (pga_pins_load(&pins, &harden->policy, error) != 0) {
		pga_pins_free(&pins);
		return -1;
	}
	pga_pins_free(&harden->pins);
	harden->pins = pins;
	forget(item);
	if (pga_evaluator_begin(&judging, &harden->file, &harden->policy, error) == 0)
		result = look_at_entry(item, harden, &judging,
				       pga_service_file_find(&harden->file, item->name),
				       host != NULL ? host : harden->wish->host, error);
	pga_evaluator_end(&judging);
	return result;
}

size_t pga_harden_count(const struct pga_harden *harden, enum pga_harden_state state)
{
	size_t count = 0;

	for (size_t i = 0; i < harden->count; i++)
		count += harden->items[i].state == state;
	return count;
}

void pga_harden_end(struct pga_harden *harden)
{
	for (size_t i = 0; i < harden->count; i++) {
		forget(&harden->items[i]);
		free(harden->items[i].name);
	}
	free(harden->items);
	pga_service_file_free(&harden->file);
	pga_pins_free(&harden->pins);
	pga_policy_free(&harden->policy);
	memset(harden, 0, sizeof *harden);
}
