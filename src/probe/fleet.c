#include "probe/fleet.h"

#include "probe/client_settings.h"

#include <stdlib.h>
#include <string.h>

/* An entry that would be refused is none that stops the others. */
static int add_service(struct pga_fleet *fleet, const char *name, struct pga_probe_trusts *trusts)
{
	struct pga_error why;

	if (pga_probe_targets_add(&fleet->targets, name, trusts, &why) != 0)
		pga_text_addf(&fleet->left_out, "%s: %s\n", name, why.message);
	return fleet->left_out.failed ? -1 : 0;
}

int pga_fleet_add_services(struct pga_fleet *fleet, const struct pga_service_file *user,
			   const struct pga_service_file *system, struct pga_probe_trusts *trusts,
			   struct pga_error *error)
{
	const struct pga_service_file *const files[] = {user, system};

	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < files[k]->count; i++) {
			const struct pga_entry *entry = &files[k]->entries[i];

			if (entry->name == NULL || entry->shadowed != 0 ||
			    (k > 0 && pga_service_file_find(user, entry->name) != NULL))
				continue;
			if (add_service(fleet, entry->name, trusts) != 0)
				return pga_fail_memory(error);
		}
	return 0;
}

/* Cuts what is blank off both ends. */
static char *trimmed(const char *line, size_t length)
{
	while (length > 0 && pga_is_blank(line[length - 1]))
		length--;
	while (length > 0 && pga_is_blank(*line)) {
		line++;
		length--;
	}
	return strndup(line, length);
}

static int add_line(struct pga_fleet *fleet, const char *path, size_t number, const char *word,
		    struct pga_probe_trusts *trusts, struct pga_error *error)
{
	struct pga_error why;

	if (word[0] == '\0' || word[0] == '#' ||
	    pga_probe_targets_add(&fleet->targets, word, trusts, &why) == 0)
		return 0;
	return pga_fail(error, why.hint[0] != '\0' ? why.hint : NULL, "%s, line %zu: %s", path,
			number, why.message);
}

int pga_fleet_add_list(struct pga_fleet *fleet, const char *path, const struct pga_text *list,
		       struct pga_probe_trusts *trusts, struct pga_error *error)
{
	const char *rest = pga_text_string(list);
	const char *line;
	size_t length;
	size_t number = 0;

	if (list->length != strlen(rest))
		return pga_fail(error, NULL, "%s: no text: it has a NUL byte", path);
	while (pga_next_line(&rest, &line, &length)) {
		char *word = trimmed(line, length);
		int result;

		if (word == NULL)
			return pga_fail_memory(error);
		result = add_line(fleet, path, ++number, word, trusts, error);
		free(word);
		if (result != 0)
			return -1;
	}
	return 0;
}

static int order_of(const char *one, const char *other)
{
	return strcmp(one != NULL ? one : "", other != NULL ? other : "");
}

/* Zero for two that would be probed alike. */
static int compare(const struct pga_probe_target *a, const struct pga_probe_target *b)
{
	int order = order_of(a->host, b->host);

	if (order == 0)
		order = order_of(a->address, b->address);
	if (order == 0)
		order = (a->port > b->port) - (a->port < b->port);
	if (order == 0)
		order = a->direct - b->direct;
	if (order == 0)
		order = a->unnamed - b->unnamed;
	if (order == 0)
		order = pga_client_settings_compare(a->settings, b->settings);
	if (order == 0)
		order = ((uintptr_t)a->trust > (uintptr_t)b->trust) -
			((uintptr_t)a->trust < (uintptr_t)b->trust);
	return order;
}

/* Those that are alike stay in the order in which they were added. */
static int compare_stably(const void *one, const void *other)
{
	const struct pga_probe_target *a = *(const struct pga_probe_target *const *)one;
	const struct pga_probe_target *b = *(const struct pga_probe_target *const *)other;
	const int order = compare(a, b);

	return order != 0 ? order : (a > b) - (a < b);
}

static char *make_label(const struct pga_probe_target *target)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_text_addf(&text, strchr(target->host, ':') != NULL ? "[%s]:%u" : "%s:%u", target->host,
		      target->port);
	return pga_text_take(&text);
}

/* Adds the server's services, each once: the entry of one may name it several times. */
static char *join_services(const struct pga_probe_target *const *alike, size_t count,
			   const char *between)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	const char *last = NULL;

	for (size_t i = 0; i < count; i++) {
		const char *service = alike[i]->service;

		if (service == NULL || (last != NULL && strcmp(service, last) == 0))
			continue;
		pga_text_addf(&text, "%s%s", text.length > 0 ? between : "", service);
		last = service;
	}
	if (text.failed)
		pga_text_free(&text);
	else if (text.length == 0)
		pga_text_add(&text, "");
	return pga_text_take(&text);
}

static bool is_named(const struct pga_probe_target *target, const char *label, const char *only)
{
	return strcmp(only, label) == 0 || strcmp(only, target->host) == 0 ||
	       strcmp(only, target->word) == 0 || order_of(target->service, only) == 0;
}

/* Whether one of those that are alike is what was asked for. */
static bool is_asked(const struct pga_probe_target *const *alike, size_t count, const char *label,
		     const char *only)
{
	for (size_t i = 0; i < count; i++)
		if (is_named(alike[i], label, only))
			return true;
	return false;
}

static int add_server(struct pga_fleet *fleet, const struct pga_probe_target *const *alike,
		      size_t count, const char *only)
{
	struct pga_fleet_server server = {.target = alike[0], .label = make_label(alike[0])};

	if (server.label == NULL)
		return -1;
	if (only != NULL && !is_asked(alike, count, server.label, only)) {
		free(server.label);
		return 0;
	}
	server.services = join_services(alike, count, ", ");
	server.service_lines = join_services(alike, count, "\n");
	fleet->list[fleet->count++] = server;
	return server.services != NULL && server.service_lines != NULL ? 0 : -1;
}

static int compare_servers(const void *one, const void *other)
{
	const struct pga_fleet_server *a = one;
	const struct pga_fleet_server *b = other;

	return (a->target > b->target) - (a->target < b->target);
}

int pga_fleet_make(struct pga_fleet *fleet, const char *only, struct pga_error *error)
{
	const size_t count = fleet->targets.count;
	const struct pga_probe_target **sorted =
	    calloc(count + 1, sizeof(const struct pga_probe_target *));
	int result = 0;

	fleet->list = calloc(count + 1, sizeof *fleet->list);
	if (sorted == NULL || fleet->list == NULL)
		result = -1;
	for (size_t i = 0; result == 0 && i < count; i++)
		sorted[i] = &fleet->targets.list[i];
	if (result == 0)
		qsort(sorted, count, sizeof(const struct pga_probe_target *), compare_stably);
	for (size_t i = 0, next; result == 0 && i < count; i = next) {
		for (next = i + 1; next < count && compare(sorted[i], sorted[next]) == 0; next++)
			continue;
		result = add_server(fleet, sorted + i, next - i, only);
	}
	if (result == 0)
		qsort(fleet->list, fleet->count, sizeof *fleet->list, compare_servers);
	free(sorted);
	return result == 0 ? 0 : pga_fail_memory(error);
}

void pga_fleet_free(struct pga_fleet *fleet)
{
	for (size_t i = 0; i < fleet->count; i++) {
		free(fleet->list[i].label);
		free(fleet->list[i].services);
		free(fleet->list[i].service_lines);
	}
	free(fleet->list);
	pga_text_free(&fleet->left_out);
	pga_probe_targets_free(&fleet->targets);
	memset(fleet, 0, sizeof *fleet);
}
