#include "service/check.h"

#include "policy/joined.h"
#include "policy/trust.h"

#include <stdlib.h>
#include <string.h>

/* Where the entry has no connect_timeout, or libpq would wait for ever (0 and below). */
#define SECONDS 10

static int seconds(const struct pga_effective *effective)
{
	const char *timeout = pga_effective_value(effective, "connect_timeout");
	long given = timeout != NULL ? strtol(timeout, NULL, 10) : 0;

	return given > 0 && given < 86400 ? (int)given : SECONDS;
}

bool pga_demands_tls(const struct pga_effective *effective)
{
	const char *mode = pga_effective_value(effective, "sslmode");

	return mode != NULL &&
	       (strcmp(mode, "require") == 0 || strncmp(mode, "verify-", strlen("verify-")) == 0);
}

/* The settings as parameters, with this one host in place of the lists. Returns how many there are.
 */
static size_t fill(const struct pga_effective *effective, const struct pga_host *host,
		   const char **keywords, const char **values)
{
	size_t count = 0;

	for (const PQconninfoOption *option = effective->options; option->keyword != NULL;
	     option++) {
		const char *value = option->val;

		if (strcmp(option->keyword, "host") == 0)
			value = host->name;
		else if (strcmp(option->keyword, "hostaddr") == 0)
			value = host->address;
		else if (strcmp(option->keyword, "port") == 0)
			value = host->port;
		else if (strncmp(option->keyword, "service", strlen("service")) == 0)
			value = NULL;
		if (value == NULL)
			continue;
		keywords[count] = option->keyword;
		values[count++] = value;
	}
	return count;
}

static int shake_hands(const struct pga_effective *effective, struct pga_checked_host *item,
		       struct pga_error *error)
{
	size_t count = 0;
	const char **keywords;
	const char **values;
	int result = -1;

	while (effective->options[count].keyword != NULL)
		count++;
	keywords = calloc(count + 1, sizeof *keywords);
	values = calloc(count + 1, sizeof *values);
	if (keywords != NULL && values != NULL &&
	    fill(effective, item->host, keywords, values) <= count) {
		const struct pga_parameters parameters = {keywords, values, 0};
		struct pga_error refused;

		result = 0;
		if (pga_handshake(&parameters, seconds(effective), &item->handshake, &refused) !=
		    0) {
			item->problem = strdup(refused.message);
			result = item->problem != NULL ? 0 : -1;
		}
	}
	free(keywords);
	free(values);
	return result == 0 ? 0 : pga_fail_memory(error);
}

static bool is_valid_for(const struct pga_pins *pins, const struct pga_pin *pin,
			 const struct pga_checked_host *item)
{
	return pin != NULL && pga_root_is_valid_for(pins, pin->pin, pga_host_label(item->host));
}

bool pga_checked_is_exempt(const struct pga_checked_host *item, const struct pga_policy *policy)
{
	const char *address =
	    item->host->address[0] != '\0' ? item->host->address : item->host->name;

	return pga_policy_exempts(policy, address);
}

/* The gate's rule (policy trust): as soon as one anchor is pinned, the chain must end in one that
 * is valid for the host. */
static bool is_trusted(const struct pga_checked_host *item, const struct pga_policy *policy,
		       const struct pga_pins *pins)
{
	return !pga_trust_by_pins(policy, pins) || pga_checked_is_exempt(item, policy) ||
	       is_valid_for(pins, item->pin, item);
}

static int check_host(const struct pga_effective *effective, const struct pga_policy *policy,
		      const struct pga_pins *pins, const struct pga_pin *bound,
		      struct pga_checked_host *item, struct pga_error *error)
{
	item->skipped = item->host->local || !pga_demands_tls(effective);
	item->trusted = true;
	if (item->skipped)
		return 0;
	if (shake_hands(effective, item, error) != 0)
		return -1;
	if (item->problem == NULL && item->handshake.root_pin[0] != '\0')
		item->pin = pga_twins_pinned(&item->handshake.twins, item->handshake.root_pin, pins,
					     pga_host_label(item->host));
	item->trusted =
	    item->problem == NULL && is_trusted(item, policy, pins) &&
	    (bound == NULL || (item->pin != NULL && pga_pin_joins(pins, item->pin->pin, bound)));
	return 0;
}

int pga_check_hosts(const struct pga_effective *effective, const struct pga_policy *policy,
		    const struct pga_pins *pins, const struct pga_pin *bound,
		    struct pga_check *check, struct pga_error *error)
{
	memset(check, 0, sizeof *check);
	check->trusted = true;
	if (pga_hosts_split(pga_effective_value(effective, "host"),
			    pga_effective_value(effective, "hostaddr"),
			    pga_effective_value(effective, "port"), &check->hosts, error) != 0)
		return -1;
	check->items = calloc(check->hosts.count, sizeof *check->items);
	if (check->items == NULL) {
		pga_check_free(check);
		return pga_fail_memory(error);
	}
	for (size_t i = 0; i < check->hosts.count; i++) {
		struct pga_checked_host *item = &check->items[check->count++];

		item->host = &check->hosts.items[i];
		if (check_host(effective, policy, pins, bound, item, error) != 0) {
			pga_check_free(check);
			return -1;
		}
		check->trusted = check->trusted && item->trusted;
		if (check->problem == NULL)
			check->problem = item->problem;
	}
	return 0;
}

void pga_check_free(struct pga_check *check)
{
	for (size_t i = 0; check->items != NULL && i < check->count; i++) {
		pga_handshake_free(&check->items[i].handshake);
		free(check->items[i].problem);
	}
	free(check->items);
	pga_hosts_free(&check->hosts);
	memset(check, 0, sizeof *check);
}
