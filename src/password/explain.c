#include "password/explain.h"

#include "policy/passwords.h"
#include "policy/release.h"

static const struct pga_password_entry *first_of(const struct pga_passwords *index,
						 const struct pga_hosts *hosts,
						 const struct pga_effective *effective)
{
	const struct pga_password_entry *entry = NULL;

	for (size_t i = 0; entry == NULL && i < hosts->count; i++)
		entry = pga_password_for_host(index, &hosts->items[i], effective);
	return entry;
}

void pga_password_explain(const struct pga_effective *effective, const struct pga_policy *policy,
			  const struct pga_pins *pins, struct pga_text *text)
{
	const enum pga_release release = pga_release_to_all(policy, pins, effective);
	const char *password = pga_effective_value(effective, "password");
	const struct pga_password_entry *entry = NULL;
	struct pga_passwords index = {0};
	struct pga_hosts hosts = {0};
	struct pga_error error;

	if ((password == NULL || password[0] == '\0') &&
	    pga_passwords_reload(&index, NULL, &error) == 0 &&
	    pga_hosts_split(pga_effective_value(effective, "host"),
			    pga_effective_value(effective, "hostaddr"),
			    pga_effective_value(effective, "port"), &hosts, &error) == 0)
		entry = first_of(&index, &hosts, effective);
	if (entry != NULL) {
		pga_text_addf(
		    text,
		    "the keyring has a password for it (passwords.conf, line %zu): ", entry->line);
		if (release == PGA_RELEASE)
			pga_text_add(text, "the gate hands it over where libpq finds none\n");
		else
			pga_text_addf(text, "it stays there, %s\n", pga_release_reason(release));
	}
	pga_hosts_free(&hosts);
	pga_passwords_free(&index);
}
