#include "service/check.h"

#include "base/host.h"

#include <stdlib.h>
#include <string.h>

/* Where the entry has no connect_timeout, or libpq would wait for ever (0 and below). */
#define SECONDS 10

static int seconds(const struct pga_settings *settings)
{
	const char *timeout = pga_settings_value(settings, "connect_timeout");
	long given = timeout != NULL ? strtol(timeout, NULL, 10) : 0;

	return given > 0 && given < 86400 ? (int)given : SECONDS;
}

static bool demands_tls(const struct pga_settings *settings)
{
	const char *mode = pga_settings_value(settings, "sslmode");

	return mode != NULL &&
	       (strcmp(mode, "require") == 0 || strncmp(mode, "verify-", strlen("verify-")) == 0);
}

/* The settings as parameters, with this one host in place of the lists. */
static int shake_hands(const struct pga_settings *settings, const struct pga_host *host,
		       struct pga_handshake *handshake, struct pga_error *error)
{
	const char **keywords = calloc(settings->count + 1, sizeof *keywords);
	const char **values = calloc(settings->count + 1, sizeof *values);
	const struct pga_parameters parameters = {keywords, values, 0};
	int result = -1;

	if (keywords == NULL || values == NULL) {
		(void)pga_fail_memory(error);
		goto done;
	}
	for (size_t i = 0; i < settings->count; i++) {
		const struct pga_setting *item = &settings->items[i];

		keywords[i] = item->keyword;
		values[i] = item->value;
		if (strcmp(item->keyword, "host") == 0)
			values[i] = host->name;
		else if (strcmp(item->keyword, "hostaddr") == 0)
			values[i] = host->address;
		else if (strcmp(item->keyword, "port") == 0)
			values[i] = host->port;
	}
	result = pga_handshake(&parameters, seconds(settings), handshake, error);
done:
	free(keywords);
	free(values);
	return result;
}

/* The gate's rule (policy trust): as soon as one anchor is pinned, the chain must end in one that
 * may vouch for the host. */
static void judge(struct pga_checked_host *item, const struct pga_policy *policy,
		  const struct pga_pins *pins)
{
	const char *label = pga_host_label(item->host);
	const char *address =
	    item->host->address[0] != '\0' ? item->host->address : item->host->name;

	if (item->handshake.root_pin[0] != '\0')
		item->pin = pga_pins_find(pins, item->handshake.root_pin);
	item->trusted = policy->trust != PGA_TRUST_PINNED || pins->count == 0 ||
			pga_policy_exempts(policy, address) ||
			(item->pin != NULL && pga_host_matches_any(item->pin->hosts, label));
}

int pga_check_hosts(const struct pga_settings *settings, const struct pga_policy *policy,
		    const struct pga_pins *pins, struct pga_check *check, struct pga_error *error)
{
	memset(check, 0, sizeof *check);
	check->trusted = true;
	if (pga_hosts_split(pga_settings_value(settings, "host"),
			    pga_settings_value(settings, "hostaddr"),
			    pga_settings_value(settings, "port"), &check->hosts, error) != 0)
		return -1;
	check->items = calloc(check->hosts.count, sizeof *check->items);
	if (check->items == NULL) {
		(void)pga_fail_memory(error);
		goto failed;
	}
	for (size_t i = 0; i < check->hosts.count; i++) {
		struct pga_checked_host *item = &check->items[check->count];

		item->host = &check->hosts.items[i];
		item->skipped = item->host->local || !demands_tls(settings);
		item->trusted = true;
		if (!item->skipped) {
			if (shake_hands(settings, item->host, &item->handshake, error) != 0)
				goto failed;
			judge(item, policy, pins);
		}
		check->trusted = check->trusted && item->trusted;
		check->count++;
	}
	return 0;
failed:
	pga_check_free(check);
	return -1;
}

void pga_check_free(struct pga_check *check)
{
	for (size_t i = 0; i < check->count; i++)
		pga_handshake_free(&check->items[i].handshake);
	free(check->items);
	pga_hosts_free(&check->hosts);
	memset(check, 0, sizeof *check);
}
