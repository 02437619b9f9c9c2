#include "cert/acme.h"

#include "anchor/known_roots.h"
#include "base/text.h"
#include "ca/url.h"
#include "cert/words.h"
#include "policy/pins.h"

#include <stdlib.h>
#include <string.h>

int pga_acme_begin(struct pga_acme *acme, struct pga_error *error)
{
	char **const texts[] = {&acme->url,   &acme->listen, &acme->webroot, &acme->dns,
				&acme->email, &acme->anchor, &acme->settings};

	memset(acme, 0, sizeof *acme);
	acme->seconds = PGA_ACME_SECONDS;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (pga_cert_record_set(texts[i], "", error) != 0)
			return -1;
	return 0;
}

void pga_acme_free(struct pga_acme *acme)
{
	free(acme->url);
	free(acme->listen);
	free(acme->webroot);
	free(acme->dns);
	free(acme->email);
	free(acme->anchor);
	free(acme->settings);
	free(acme->client);
	free(acme->roots);
	memset(acme, 0, sizeof *acme);
}

/* ---- in a record: the way, and where; the account's address; the client; and, where there is one,
 * the file of settings ---- */

static const char *way_of(const struct pga_acme *acme)
{
	return acme->dns[0] != '\0' ? "dns-01" : acme->webroot[0] != '\0' ? "webroot" : "http-01";
}

/* Quoted as words.h reads it. */
static void add_word(struct pga_text *words, const char *word)
{
	pga_text_add(words, words->length > 0 ? " \"" : "\"");
	for (; *word != '\0'; word++)
		pga_text_addf(words, *word == '"' || *word == '\\' ? "\\%c" : "%c", *word);
	pga_text_add(words, "\"");
}

int pga_acme_put(const struct pga_acme *acme, struct pga_cert_record *record,
		 struct pga_error *error)
{
	struct pga_text words = PGA_TEXT_EMPTY;
	int result = -1;

	add_word(&words, way_of(acme));
	add_word(&words, acme->dns[0] != '\0'       ? acme->dns
			 : acme->webroot[0] != '\0' ? acme->webroot
						    : acme->listen);
	add_word(&words, acme->email);
	add_word(&words, acme->client);
	if (acme->settings[0] != '\0')
		add_word(&words, acme->settings);
	if (words.failed)
		(void)pga_fail_memory(error);
	else if (pga_cert_record_set(&record->way, PGA_CERT_WAY_ACME, error) == 0 &&
		 pga_cert_record_set(&record->ca, acme->url, error) == 0 &&
		 pga_cert_record_set(&record->anchor, acme->anchor, error) == 0 &&
		 pga_cert_record_set(&record->provisioner, "", error) == 0)
		result = pga_cert_record_set(&record->account, pga_text_string(&words), error);
	pga_text_free(&words);
	return result;
}

int pga_acme_look(const struct pga_cert_record *record, struct pga_acme *acme,
		  struct pga_error *error)
{
	struct pga_words words = {.count = 0};
	char **where = NULL;
	int result = -1;

	if (pga_acme_begin(acme, error) != 0)
		return -1;
	if (pga_words_split(record->account, &words, error) == 0 && words.count >= 3 &&
	    words.count <= 5)
		where = strcmp(words.words[0], "dns-01") == 0    ? &acme->dns
			: strcmp(words.words[0], "webroot") == 0 ? &acme->webroot
								 : &acme->listen;
	if (where == NULL)
		(void)pga_fail(error, "pganchor cert issue --acme makes it anew",
			       "%s: it is not known how its CA is to see whose name it is",
			       record->name);
	else if (pga_cert_record_set(where, words.words[1], error) == 0 &&
		 pga_cert_record_set(&acme->email, words.words[2], error) == 0 &&
		 pga_cert_record_set(&acme->client, words.words[3], error) == 0 &&
		 pga_cert_record_set(&acme->settings, words.words[4], error) == 0 &&
		 pga_cert_record_set(&acme->url, record->ca, error) == 0)
		result = 0;
	pga_words_free(&words);
	return result;
}

int pga_acme_of_record(const struct pga_cert_record *record, struct pga_acme *acme,
		       struct pga_error *error)
{
	if (pga_acme_look(record, acme, error) != 0)
		return -1;
	return record->anchor[0] != '\0' ? pga_acme_find_roots(acme, record->anchor, error) : 0;
}

/* ---- whom to trust ---- */

/* https://HOST:PORT of an address. The caller frees it. */
static char *origin_of(const char *url)
{
	const char *host = strstr(url, "://");

	return host != NULL ? strndup(url, (size_t)(host - url) + 3 + strcspn(host + 3, "/"))
			    : strdup(url);
}

static const struct pga_pin *find_pin(const struct pga_pins *pins, const char *anchor,
				      const char *origin)
{
	if (anchor != NULL)
		return pga_pins_named(pins, anchor);
	for (size_t i = 0; i < pins->count; i++)
		if (pga_ca_url_is_same(pins->pins[i].source, origin))
			return &pins->pins[i];
	return NULL;
}

static int take_root(const struct pga_pins *pins, const struct pga_pin *pin, struct pga_acme *acme,
		     struct pga_error *error)
{
	struct pga_certificate root;
	int result;

	if (!pga_known_root_read(pin, pins, &root))
		return pga_fail(error, "pganchor anchor verify",
				"%s: the file of this anchor does not have its root", pin->name);
	acme->roots = strdup(root.pem);
	pga_certificate_free(&root);
	result = pga_cert_record_set(&acme->anchor, pin->name, error);
	return acme->roots != NULL ? result : pga_fail_memory(error);
}

int pga_acme_find_roots(struct pga_acme *acme, const char *anchor, struct pga_error *error)
{
	struct pga_pins pins;
	const struct pga_pin *pin;
	char *origin = origin_of(acme->url);
	int result = -1;

	if (origin == NULL)
		return pga_fail_memory(error);
	if (pga_pins_load(&pins, NULL, error) == 0) {
		pin = find_pin(&pins, anchor, origin);
		if (pin != NULL)
			result = take_root(&pins, pin, acme, error);
		else
			result = anchor == NULL ? 0
						: pga_fail(error, "pganchor anchor list shows them",
							   "%s: no anchor has this name", anchor);
	}
	pga_pins_free(&pins);
	free(origin);
	return result;
}
