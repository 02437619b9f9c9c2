#include "service/harden.h"

#include "service/harden_parts.h"

#include <stdlib.h>
#include <string.h>

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
	free(item->meant);
	free(item->server);
	free(item->address);
	pga_text_free(&item->reasons);
	pga_text_free(&item->why);
	pga_text_free(&item->names);
	pga_settings_free(&item->settings);
	*item = (struct pga_hardening){.name = item->name, .line = item->line};
}

/* ---- An entry ---- */

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

/* Whether the list has a name for each host, and for those alone that have one. */
static bool names_fit(const struct pga_harden_host *hosts, size_t count, const char *meant)
{
	size_t names = 1;

	for (const char *at = meant; *at != '\0'; at++)
		names += *at == ',';
	for (size_t i = 0; names == count && i < count; i++) {
		const size_t length = strcspn(meant, ",");

		if (hosts[i].host->local && length > 0)
			return false;
		meant += length + (meant[length] == ',');
	}
	return names == count;
}

static int take_meant(struct pga_hardening *item, const struct pga_harden_host *hosts, size_t count,
		      const char *meant, struct pga_error *error)
{
	item->hosts = count;
	for (size_t i = 0; i < count; i++)
		item->sockets += hosts[i].host->local;
	if (meant == NULL)
		return 0;
	if (!names_fit(hosts, count, meant)) {
		(void)pga_fail(
		    &item->error,
		    "as host= has them: a name of each, with commas between, and nothing "
		    "where none is to be said or where a socket is",
		    "--host %s: no list of names for the %zu hosts of the entry", meant, count);
		return pga_harden_stuck(item, PGA_HARDEN_STUCK);
	}
	item->meant = strdup(meant);
	return item->meant != NULL ? 0 : pga_fail_memory(error);
}

static int look_at_each(struct pga_hardening *item, const struct pga_harden *harden,
			const struct pga_evaluation *evaluation, const char *wanted,
			struct pga_harden_host *hosts, size_t count, struct pga_error *error)
{
	int result = take_meant(item, hosts, count, wanted, error);

	for (size_t i = 0; result == 0 && i < count; i++) {
		char *name;

		item->about = i;
		if (pga_harden_meant(item, &name, error) != 0)
			return -1;
		result =
		    pga_harden_look(item, harden, &evaluation->effective, &hosts[i], name, error);
		free(name);
	}
	if (result == 0)
		result = take_anchor(item, hosts, count, error);
	if (result == 0)
		result = pga_harden_compose(item, harden, evaluation, hosts, count, error);
	return result;
}

static int look_at_hosts(struct pga_hardening *item, const struct pga_harden *harden,
			 const struct pga_evaluation *evaluation, const char *wanted,
			 struct pga_error *error)
{
	const struct pga_effective *effective = &evaluation->effective;
	struct pga_harden_host *hosts;
	struct pga_hosts split;
	int result;

	if (pga_hosts_split(pga_effective_value(effective, "host"),
			    pga_effective_value(effective, "hostaddr"),
			    pga_effective_value(effective, "port"), &split, error) != 0)
		return -1;
	hosts = calloc(split.count + 1, sizeof *hosts);
	if (hosts == NULL) {
		pga_hosts_free(&split);
		return pga_fail_memory(error);
	}
	for (size_t i = 0; i < split.count; i++)
		hosts[i].host = &split.items[i];
	result = look_at_each(item, harden, evaluation, wanted, hosts, split.count, error);
	for (size_t i = 0; i < split.count; i++) {
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

/* Those that are looked at. */
struct picking {
	struct pga_harden *harden;
	struct pga_evaluator judging;
	const struct pga_entry **entries; /* of the harden's items */
};

/* state: how it stands. The servers of a weak one are going to be asked. */
static int weigh(struct picking *picking, const struct pga_entry *entry,
		 enum pga_entry_state *state, struct pga_error *error)
{
	struct pga_evaluation evaluation;
	int result = 0;

	if (pga_evaluate_entry(&picking->judging, entry, &evaluation, error) != 0)
		return -1;
	*state = evaluation.state;
	if (*state == PGA_ENTRY_WEAK)
		result =
		    pga_harden_add_servers(&picking->harden->servers, &evaluation.effective, error);
	pga_evaluation_free(&evaluation);
	return result;
}

static int pick(struct picking *picking, const struct pga_entry *entry, struct pga_error *error)
{
	struct pga_harden *harden = picking->harden;
	struct pga_hardening *item = &harden->items[harden->count];

	memset(item, 0, sizeof *item);
	item->name = strdup(entry->name);
	item->line = entry->line;
	if (item->name == NULL)
		return pga_fail_memory(error);
	picking->entries[harden->count++] = entry;
	return 0;
}

static int fail_no_such(const struct pga_harden *harden, const char *name, struct pga_error *error)
{
	return pga_fail(error, "\"pganchor service list\" shows those there are",
			"service %s: there is none of this name in %s", name, harden->file.path);
}

static int pick_named(struct picking *picking, struct pga_error *error)
{
	const struct pga_harden *harden = picking->harden;
	const struct pga_harden_wish *wish = harden->wish;

	/* First all of them are looked up: that costs nothing, and a server seconds. */
	for (size_t i = 0; i < wish->count; i++)
		if (pga_service_file_find(&harden->file, wish->names[i]) == NULL)
			return fail_no_such(harden, wish->names[i], error);
	for (size_t i = 0; i < wish->count; i++) {
		const struct pga_entry *entry =
		    pga_service_file_find(&harden->file, wish->names[i]);
		enum pga_entry_state state;
		bool twice = false;

		for (size_t k = 0; k < i; k++)
			twice = twice || strcmp(wish->names[i], wish->names[k]) == 0;
		if (!twice &&
		    (weigh(picking, entry, &state, error) != 0 || pick(picking, entry, error) != 0))
			return -1;
	}
	return 0;
}

static int pick_weak(struct picking *picking, struct pga_error *error)
{
	struct pga_harden *harden = picking->harden;

	for (size_t i = 0; i < harden->file.count; i++) {
		const struct pga_entry *entry = &harden->file.entries[i];
		enum pga_entry_state state;

		if (weigh(picking, entry, &state, error) != 0)
			return -1;
		harden->others += state == PGA_ENTRY_BROKEN || state == PGA_ENTRY_UNKNOWN;
		if (state == PGA_ENTRY_WEAK && pick(picking, entry, error) != 0)
			return -1;
	}
	return 0;
}

static int look_at_picked(struct picking *picking, struct pga_error *error)
{
	struct pga_harden *harden = picking->harden;

	if (pga_harden_servers_ask(harden->servers, error) != 0)
		return -1;
	for (size_t i = 0; i < harden->count; i++)
		if (look_at_entry(&harden->items[i], harden, &picking->judging, picking->entries[i],
				  harden->wish->host, error) != 0)
			return -1;
	return 0;
}

static int look_at_all(struct pga_harden *harden, struct pga_error *error)
{
	struct picking picking = {.harden = harden};
	const size_t most = harden->file.count + harden->wish->count + 1;
	int result;

	harden->items = calloc(most, sizeof *harden->items);
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): of pointers */
	picking.entries = calloc(most, sizeof *picking.entries);
	if (harden->items == NULL || picking.entries == NULL) {
		free(picking.entries);
		return pga_fail_memory(error);
	}
	result = pga_evaluator_begin(&picking.judging, &harden->file, &harden->policy, error);
	if (result == 0)
		result = harden->wish->count > 0 ? pick_named(&picking, error)
						 : pick_weak(&picking, error);
	if (result == 0)
		result = look_at_picked(&picking, error);
	pga_evaluator_end(&picking.judging);
	free(picking.entries);
	return result;
}

/* libpq finds no service at all then, which is not that none is weak. */
static int check_found(const struct pga_harden *harden, struct pga_error *error)
{
	if (harden->file.found || harden->wish->place == PGA_SERVICE_SYSTEM ||
	    getenv("PGSERVICEFILE") == NULL)
		return 0;
	return pga_fail(error, "unset it, or let it name a file",
			"PGSERVICEFILE names %s, which is not there", harden->file.path);
}

int pga_harden_begin(struct pga_harden *harden, const struct pga_harden_wish *wish,
		     struct pga_error *error)
{
	memset(harden, 0, sizeof *harden);
	harden->wish = wish;
	if (pga_policy_load(&harden->policy, error) != 0 ||
	    pga_pins_load(&harden->pins, &harden->policy, error) != 0 ||
	    pga_service_file_read(&harden->file, wish->place, error) != 0 ||
	    check_found(harden, error) != 0)
		return -1;
	if (wish->anchor != NULL && pga_pins_named(&harden->pins, wish->anchor) == NULL)
		return pga_fail(error, "\"pganchor anchor list\" shows those there are",
				"anchor %s: there is none of this name", wish->anchor);
	return look_at_all(harden, error);
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

/* Where the element of this host stands in the list. */
static const char *find_meant(const struct pga_hardening *item, size_t host, size_t *length)
{
	const char *at = item->meant != NULL ? item->meant : "";

	for (; host > 0 && *at != '\0'; host--) {
		at += strcspn(at, ",");
		at += *at == ',';
	}
	*length = strcspn(at, ",");
	return at;
}

int pga_harden_meant(const struct pga_hardening *item, char **name, struct pga_error *error)
{
	size_t length;
	const char *at = find_meant(item, item->about, &length);

	*name = length > 0 ? strndup(at, length) : NULL;
	return length == 0 || *name != NULL ? 0 : pga_fail_memory(error);
}

void pga_harden_add_meant(const struct pga_hardening *item, const char *name, struct pga_text *list)
{
	for (size_t i = 0; i < item->hosts; i++) {
		size_t length;
		const char *at = find_meant(item, i, &length);

		if (i > 0)
			pga_text_add(list, ",");
		if (i == item->about)
			pga_text_add(list, name);
		else
			pga_text_add_bytes(list, at, length);
	}
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
	pga_harden_servers_free(harden->servers);
	pga_service_file_free(&harden->file);
	pga_pins_free(&harden->pins);
	pga_policy_free(&harden->policy);
	memset(harden, 0, sizeof *harden);
}
