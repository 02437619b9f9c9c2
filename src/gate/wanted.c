#include "gate/wanted.h"

#include <stdlib.h>
#include <string.h>

void gate_wanted_find(const struct gate_rules *rules, const struct pga_effective *effective,
		      struct gate_wanted *wanted)
{
	struct pga_error error;

	memset(wanted, 0, sizeof *wanted);
	wanted->release = PGA_RELEASE_UNPINNED; /* until more is known */
	if (rules->passwords_broken || rules->passwords.count == 0)
		return;
	wanted->entries = calloc(rules->passwords.count, sizeof *wanted->entries);
	if (wanted->entries == NULL ||
	    pga_hosts_split(pga_effective_value(effective, "host"),
			    pga_effective_value(effective, "hostaddr"),
			    pga_effective_value(effective, "port"), &wanted->hosts, &error) != 0)
		return;
	for (size_t i = 0; i < wanted->hosts.count; i++) {
		const struct pga_host *host = &wanted->hosts.items[i];
		const struct pga_password_entry *entry =
		    pga_password_for_host(&rules->passwords, host, effective);

		if (entry == NULL)
			continue;
		wanted->entries[entry - rules->passwords.entries] = true;
		if (wanted->count++ > 0)
			continue;
		wanted->host = pga_host_label(host);
		wanted->entry = entry;
	}
	wanted->release = pga_release_to_all(&rules->policy, &rules->pins, effective);
}

void gate_wanted_free(struct gate_wanted *wanted)
{
	pga_hosts_free(&wanted->hosts);
	free(wanted->entries);
	memset(wanted, 0, sizeof *wanted);
}

/* In the order of the entries: the first that fits is the first of all of them that does. */
void gate_wanted_add_request(const struct gate_rules *rules, const struct gate_wanted *wanted,
			     struct pga_text *request)
{
	pga_text_add_bytes(request, "passfile", sizeof "passfile");
	for (size_t i = 0; i < rules->passwords.count; i++)
		if (wanted->entries[i])
			pga_password_entry_add_fields(request, &rules->passwords.entries[i]);
}
