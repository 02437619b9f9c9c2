#include "cert/revoke.h"

#include "base/file.h"
#include "base/text.h"
#include "cert/authority.h"
#include "cert/key.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

const char *const pga_revoke_reasons[] = {
    "unspecified",
    "key-compromise",
    "ca-compromise",
    "affiliation-changed",
    "superseded",
    "cessation-of-operation",
    NULL,
};

int pga_revoke_reason_of(const char *word)
{
	for (int i = 0; pga_revoke_reasons[i] != NULL; i++)
		if (strcmp(word, pga_revoke_reasons[i]) == 0)
			return i;
	return -1;
}

/* passive: it is not renewed, and in the CA's CRL where it has one. */
static char *body_of(const X509 *leaf, int reason)
{
	char *serial = pga_cert_serial(leaf, true);
	json_t *object = NULL;
	char *body = NULL;

	if (serial != NULL)
		object = json_pack("{s:s, s:i, s:s, s:b}", "serial", serial, "reasonCode", reason,
				   "reason", pga_revoke_reasons[reason], "passive", 1);
	if (object != NULL)
		body = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	free(serial);
	return body;
}

/* A run that was killed behind it, or whoever runs the CA: it is what was wanted. */
static bool was_revoked_before(const struct pga_text *answer)
{
	return strstr(pga_text_string(answer), "already revoked") != NULL;
}

/* A step-ca says so in words, and not by HTTP's status alone. */
static int read_answer(const char *url, const struct pga_text *answer, struct pga_error *error)
{
	json_t *said =
	    json_loadb(pga_text_string(answer), answer->length, JSON_REJECT_DUPLICATES, NULL);
	const char *status = json_string_value(json_object_get(said, "status"));
	const bool done = status != NULL && strcmp(status, "ok") == 0;

	json_decref(said);
	return done ? 0
		    : pga_fail(error,
			       "is it the address of a step-ca? whether it was revoked, those who "
			       "run the CA can tell by its serial number",
			       "%s: the answer does not say that it was revoked", url);
}

static int ask(const struct pga_cert_authority *authority, const struct pga_cert_state *state,
	       const char *body, const char *key, const struct pga_http *http,
	       struct pga_error *error)
{
	struct pga_text url = PGA_TEXT_EMPTY;
	struct pga_text answer = PGA_TEXT_EMPTY;
	struct pga_error why;
	long status = 0;
	int result;
	struct pga_http_request request = {
	    .roots = authority->roots,
	    .json = body,
	    .certificate = pga_text_string(&state->pem),
	    .key = key,
	    .status = &status,
	    .if_not_found = "is it the address of a step-ca?",
	    .if_unverified = "pganchor anchor refresh, where the CA has moved to another root",
	};

	pga_text_addf(&url, "%s/1.0/revoke", authority->url);
	request.url = pga_text_string(&url);
	result = url.failed ? pga_fail_memory(&why) : pga_http_get(http, &request, &answer, &why);
	if (result != 0 && status >= 400 && status < 500 && was_revoked_before(&answer))
		result = 0;
	else if (result != 0 && status >= 400 && status < 500)
		(void)pga_fail(error,
			       "it may have been revoked before; pganchor cert inspect shows its "
			       "serial number, for those who run the CA",
			       "%s does not revoke it (HTTP %ld)", authority->url, status);
	else if (result != 0)
		*error = why;
	else
		result = read_answer(request.url, &answer, error);
	pga_text_free(&url);
	pga_text_free(&answer);
	return result;
}

int pga_cert_revoke(const struct pga_cert_record *record, const struct pga_cert_state *state,
		    int reason, const struct pga_http *http, struct pga_error *error)
{
	struct pga_cert_authority authority;
	struct pga_text key = PGA_TEXT_EMPTY;
	char *body = NULL;
	const char *word = record->anchor[0] != '\0' ? record->anchor
			   : record->ca[0] != '\0'   ? record->ca
						     : NULL;
	int result = -1;

	if (pga_cert_leaf(state) == NULL || state->standing == PGA_CERT_BROKEN)
		return pga_fail(error, "those who run the CA can do so by its serial number", "%s",
				state->fault);
	if (state->key == NULL)
		return pga_fail(error, "those who run the CA can do so by its serial number",
				"%s: the key has a passphrase, which nobody is asked for here",
				record->key);
	if (pga_cert_authority_find(word, state->chain, &authority, error) != 0 ||
	    pga_key_write(state->key, NULL, &key, error) != 0)
		goto done;
	body = body_of(pga_cert_leaf(state), reason);
	if (body == NULL)
		(void)pga_fail_memory(error);
	else
		result = ask(&authority, state, body, pga_text_string(&key), http, error);
done:
	free(body);
	pga_text_wipe(&key);
	pga_cert_authority_free(&authority);
	return result;
}

int pga_cert_revoke_look_again(const struct pga_cert_record *record,
			       const struct pga_cert_state *state, struct pga_error *error)
{
	struct pga_text now = PGA_TEXT_EMPTY;
	struct pga_error ignored;
	bool found = false;
	const bool changed =
	    pga_file_read(record->certificate, &now, &found, &ignored) == 0 && found &&
	    (now.length != state->pem.length ||
	     memcmp(pga_text_string(&now), pga_text_string(&state->pem), now.length) != 0);

	pga_text_free(&now);
	return changed ? pga_fail(error, "revoke that one, too, where it is its key that is meant",
				  "it was revoked, and %s has another certificate in the meantime, "
				  "which was not",
				  record->certificate)
		       : 0;
}
