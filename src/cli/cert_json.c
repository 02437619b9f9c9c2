/* A certificate of one's own as JSON. */
#include "cli/cmd_cert.h"

#include "cert/renew.h"
#include "report/json.h"
#include "tls/certificate.h"

#include <openssl/x509v3.h>

#include <stdlib.h>
#include <string.h>

static json_t *text_or_null(const char *text)
{
	return text != NULL && text[0] != '\0' ? pga_json_text(text) : json_null();
}

json_t *pga_cert_names_as_json(X509 *leaf)
{
	char *names = pga_x509_alternative_names(leaf);
	json_t *array = json_array();

	for (char *at = names; at != NULL && *at != '\0';) {
		char *comma = strstr(at, ", ");

		if (comma != NULL)
			*comma = '\0';
		pga_json_add(array, pga_json_text(at));
		at = comma != NULL ? comma + 2 : at + strlen(at);
	}
	if (names == NULL)
		pga_json_add(array, NULL);
	free(names);
	return array;
}

static void add_certificate(json_t *object, X509 *leaf)
{
	char *subject = pga_x509_name(X509_get_subject_name(leaf));
	char *issuer = pga_x509_name(X509_get_issuer_name(leaf));
	char *serial = pga_cert_serial(leaf, false);

	pga_json_set(object, "subject", subject != NULL ? pga_json_text(subject) : NULL);
	pga_json_set(object, "issuer", issuer != NULL ? pga_json_text(issuer) : NULL);
	pga_json_set(object, "serial", serial != NULL ? pga_json_text(serial) : NULL);
	pga_json_set(object, "names", pga_cert_names_as_json(leaf));
	free(subject);
	free(issuer);
	free(serial);
}

static void add_dates(json_t *object, const struct pga_cert_state *state, time_t now)
{
	pga_json_set(object, "not_before", text_or_null(state->not_before));
	pga_json_set(object, "not_after", text_or_null(state->not_after));
	pga_json_set(object, "due", text_or_null(state->due_date));
	pga_json_set(object, "seconds_left",
		     state->to != 0 ? json_integer((json_int_t)(state->to - now)) : json_null());
}

/* What certs.conf says of it. */
static void add_record(json_t *object, const struct pga_cert_record *record,
		       const struct pga_cert_state *state)
{
	char next[PGA_X509_DATE] = "";

	if (record->failures > 0)
		pga_x509_date_of(pga_renewal_next(record, state), next);
	pga_json_set(object, "way", text_or_null(record->way));
	pga_json_set(object, "ca", text_or_null(record->ca));
	pga_json_set(object, "anchor", text_or_null(record->anchor));
	pga_json_set(object, "provisioner", text_or_null(record->provisioner));
	pga_json_set(object, "exec", text_or_null(record->exec));
	pga_json_set(object, "reload", text_or_null(record->reload));
	pga_json_set(object, "signal", text_or_null(record->signal));
	pga_json_set(object, "prove", text_or_null(record->prove));
	pga_json_set(object, "renewed", text_or_null(record->renewed));
	pga_json_set(object, "revoked",
		     text_or_null(pga_cert_record_revoked(record, pga_cert_leaf(state))
				      ? record->revoked
				      : ""));
	pga_json_set(object, "failures", json_integer((json_int_t)record->failures));
	pga_json_set(object, "tried", text_or_null(record->tried));
	pga_json_set(object, "why", text_or_null(record->why));
	pga_json_set(object, "next_try", text_or_null(next));
}

json_t *pga_cert_as_json(const struct pga_cert_view *view)
{
	const struct pga_cert_record *record = view->record;
	const struct pga_cert_state *state = &view->state;
	X509 *leaf = pga_cert_leaf(state);
	json_t *object = json_object();

	pga_json_set(object, "name", pga_json_text(record->name));
	pga_json_set(object, "use", json_string(record->server ? "server" : "client"));
	pga_json_set(object, "certificate", pga_json_text(record->certificate));
	pga_json_set(object, "key", pga_json_text(record->key));
	pga_json_set(object, "state", json_string(pga_cert_standing_word(state->standing)));
	pga_json_set(object, "fault", text_or_null(state->fault));
	pga_json_set(object, "hint", text_or_null(state->hint));
	pga_json_set(object, "exchanged", json_boolean(pga_cert_record_is_of_other(record, leaf)));
	if (leaf != NULL)
		add_certificate(object, leaf);
	add_dates(object, state, time(NULL));
	add_record(object, record, state);
	return object;
}
