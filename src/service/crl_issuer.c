#include "service/crl_issuer.h"

#include "anchor/known_roots.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct finding {
	const struct pga_crl *crl;
	const char *name;
	char *key; /* NULL: nobody so far */
	const struct pga_pin *pin;
	bool named;  /* some certificate has the issuer's name */
	bool failed; /* memory ran out */
};

static bool is_wanted(const struct finding *finding)
{
	return finding->key != NULL &&
	       (finding->name == NULL ||
		(finding->pin != NULL && strcmp(finding->pin->name, finding->name) == 0));
}

static void look_at(struct finding *finding, X509 *certificate, const struct pga_pin *pin)
{
	if (is_wanted(finding) || X509_NAME_cmp(X509_CRL_get_issuer(finding->crl->x509),
						X509_get_subject_name(certificate)) != 0)
		return;
	finding->named = true;
	if (!pga_crl_is_signed_by(finding->crl, certificate))
		return;
	free(finding->key);
	finding->key = pga_crl_key(certificate);
	finding->failed = finding->failed || finding->key == NULL;
	finding->pin = pin;
}

/* The pinned root's own file, which may have others in it that join it. */
static void look_at_pin(struct finding *finding, const struct pga_pin *pin,
			const struct pga_pins *pins)
{
	struct pga_certificate certificate;

	if (!pga_known_root_read(pin, pins, &certificate))
		return;
	look_at(finding, certificate.x509, pin);
	pga_certificate_free(&certificate);
}

int pga_crl_issuer_find(const struct pga_crl *crl, const char *whose,
			const struct pga_crl_servers *servers, const struct pga_pins *pins,
			const char *name, char **key, const struct pga_pin **pin,
			struct pga_error *error)
{
	struct finding finding = {.crl = crl, .name = name};

	for (size_t i = 0; i < pins->count; i++)
		look_at_pin(&finding, &pins->pins[i], pins);
	for (size_t i = 0; i < servers->count; i++) {
		const struct pga_crl_server *server = &servers->items[i];

		for (int j = 1; j < sk_X509_num(server->verified); j++)
			look_at(&finding, sk_X509_value(server->verified, j), server->pin);
	}
	*key = finding.key;
	*pin = finding.pin;
	if (finding.failed)
		return pga_fail_memory(error);
	if (finding.key != NULL)
		return 0;
	if (finding.named)
		return pga_fail(error,
				"it may be damaged, or of another CA with that name; nothing was "
				"changed",
				"%s: the CRL is not signed by the key of %s", whose, crl->issuer);
	return pga_fail(error,
			"--host HOST names a server of that CA, which shows its certificate; "
			"nothing was changed",
			"%s: the CRL is of %s, which is neither a pinned root nor in the chain of "
			"a server that was reached and verified",
			whose, crl->issuer);
}
