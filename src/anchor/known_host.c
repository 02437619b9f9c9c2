#include "anchor/known_host.h"

#include "anchor/known_roots.h"
#include "anchor/proof.h"
#include "base/host.h"
#include "base/shell_word.h"
#include "policy/known_servers.h"
#include "policy/pins.h"
#include "policy/trust.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Whether the anchor is for this host, and not for every host alike. */
static bool names_host(const struct pga_pin *pin, const char *host)
{
	struct pga_host_set set;
	bool names;

	if (pga_host_set_make(&set, pin->hosts, strlen(pin->hosts)) != 0)
		return pga_host_matches_any(pin->hosts, host);
	names = !set.every && pga_host_set_has(&set, host);
	pga_host_set_free(&set);
	return names;
}

/* Whether what the server shows comes from this anchor, too. */
static bool vouches(const struct pga_pin *pin, const struct pga_pins *pins,
		    const struct pga_shown_root *shown)
{
	struct pga_certificate root = {.x509 = NULL};
	bool comes;

	if (strcmp(pin->pin, shown->root->pin) == 0)
		return true;
	if (!pga_known_root_read(pin, pins, &root))
		return false;
	comes = pga_proof_ends_in(shown->chain, &root);
	pga_certificate_free(&root);
	return comes;
}

static int look_at_pins(const struct pga_shown_root *shown, struct pga_text *other,
			struct pga_error *error)
{
	const struct pga_pin *first = NULL;
	struct pga_pins pins;
	int result = -1;

	if (pga_pins_load(&pins, NULL, error) != 0)
		goto done;
	result = 0;
	for (size_t i = 0; i < pins.count; i++) {
		const struct pga_pin *pin = &pins.pins[i];

		if (!names_host(pin, shown->host) && strcmp(pin->source, shown->location) != 0)
			continue;
		if (vouches(pin, &pins, shown))
			goto done;
		if (first == NULL)
			first = pin;
	}
	if (first != NULL)
		pga_text_addf(other, "anchor %s is pinned for it, with the root SHA-256 %s",
			      first->name, first->pin);
done:
	pga_pins_free(&pins);
	return result;
}

/* The patterns of a list, each as a word of a command. */
static void add_words(struct pga_text *text, const char *list)
{
	static const char between[] = " ,\t";

	for (list += strspn(list, between); *list != '\0'; list += strspn(list, between)) {
		const size_t length = strcspn(list, between);
		char *word = strndup(list, length);

		pga_text_add(text, " ");
		if (word != NULL)
			pga_text_add_shell_word(text, word);
		else
			text->failed = true;
		free(word);
		list += length;
	}
}

int pga_known_host_note(const struct pga_shown_root *shown, struct pga_text *note,
			struct pga_error *error)
{
	struct pga_pins pins;
	const struct pga_pin *pin;
	int result = pga_pins_load(&pins, NULL, error);

	pin = result == 0 ? pga_pins_find(&pins, shown->root->pin) : NULL;
	if (pin != NULL && !pga_root_is_valid_for(&pins, pin->pin, shown->host)) {
		pga_text_addf(note,
			      "anchor %s has this root and is for other hosts alone (%s): the "
			      "gate refuses %s with it; \"pganchor anchor set-hosts %s",
			      pin->name, pin->hosts, shown->host, pin->name);
		add_words(note, pin->hosts);
		add_words(note, shown->host);
		pga_text_add(note, "\" adds it");
		result = note->failed ? pga_fail_memory(error) : 0;
	}
	pga_pins_free(&pins);
	return result;
}

/* The key of the server, and of whoever has signed its certificate. */
static int read_shown(const struct pga_shown_root *shown, struct pga_shown_key *key,
		      struct pga_error *error)
{
	const int issuer = sk_X509_num(shown->chain) > 1 ? 1 : 0;

	key->host = shown->host;
	key->port = shown->port;
	return pga_certificate_key(sk_X509_value(shown->chain, 0), key->key) == 0 &&
		       pga_certificate_key(sk_X509_value(shown->chain, issuer), key->issuer) == 0
		   ? 0
		   : pga_fail_memory(error);
}

/* A server that renews its key with the CA that it has is no other one. */
static int look_at_keys(const struct pga_shown_root *shown, struct pga_text *other,
			struct pga_error *error)
{
	struct pga_known_servers known;
	struct pga_shown_key key;
	const struct pga_known_key *first = NULL;
	int result = -1;

	if (pga_known_servers_load(&known, error) != 0 || read_shown(shown, &key, error) != 0)
		goto done;
	result = 0;
	for (size_t i = 0; i < known.count; i++) {
		const struct pga_known_key *good = &known.keys[i];

		if (!pga_key_is_of_server(&good->shown, &key) || !pga_key_is_good(&known, i))
			continue;
		if (strcmp(good->shown.key, key.key) == 0 ||
		    strcmp(good->shown.issuer, key.issuer) == 0)
			goto done;
		if (first == NULL)
			first = good;
	}
	if (first != NULL)
		pga_text_addf(other,
			      "%sit has shown another key before, SHA-256 %s, which is in "
			      "known_servers.conf",
			      other->length > 0 ? ", and " : "", first->shown.key);
done:
	pga_known_servers_free(&known);
	return result;
}

int pga_known_host_look(const struct pga_shown_root *shown, struct pga_text *other,
			struct pga_error *error)
{
	if (look_at_pins(shown, other, error) != 0 || look_at_keys(shown, other, error) != 0)
		return -1;
	return other->failed ? pga_fail_memory(error) : 0;
}
