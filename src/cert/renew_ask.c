#include "cert/renew_ask.h"

#include "base/printable.h"
#include "ca/jws.h"
#include "ca/stepca_certs.h"
#include "cert/acme.h"
#include "cert/authority.h"
#include "cert/csr.h"
#include "cert/issue_again.h"
#include "cert/key.h"
#include "cert/local_renew.h"
#include "cert/pair.h"
#include "tls/x509_pem.h"

#include <jansson.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How long a token is good for. */
#define TOKEN_SECONDS 300

struct asking {
	const struct pga_cert_record *record;
	const struct pga_cert_state *state;
	EVP_PKEY *key; /* a new one; NULL: the old one stays */
	const struct pga_http *http;
	unsigned acme_seconds;
	struct pga_cert_authority authority;
};

/* ---- what came ---- */

static int read_chain(const struct pga_text *pem, STACK_OF(X509) * *chain, struct pga_error *error)
{
	*chain = pga_x509_all_of_pem(pga_text_string(pem), pem->length, NULL);
	if (*chain == NULL)
		return pga_fail_memory(error);
	return sk_X509_num(*chain) > 0
		   ? 0
		   : pga_fail(error, NULL, "the CA's answer holds no certificate");
}

/* Whether both name the same: a renewal changes dates alone. */
static bool same_names(X509 *old, X509 *new)
{
	const int at_old = X509_get_ext_by_NID(old, NID_subject_alt_name, -1);
	const int at_new = X509_get_ext_by_NID(new, NID_subject_alt_name, -1);

	if (X509_NAME_cmp(X509_get_subject_name(old), X509_get_subject_name(new)) != 0 ||
	    (at_old < 0) != (at_new < 0))
		return false;
	return at_old < 0 ||
	       ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(X509_get_ext(old, at_old)),
				     X509_EXTENSION_get_data(X509_get_ext(new, at_new))) == 0;
}

static bool has_each(const GENERAL_NAMES *some, const GENERAL_NAMES *all)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(some); i++) {
		bool there = false;

		for (int j = 0; j < sk_GENERAL_NAME_num(all) && !there; j++)
			there = GENERAL_NAME_cmp(sk_GENERAL_NAME_value(some, i),
						 sk_GENERAL_NAME_value(all, j)) == 0;
		if (!there)
			return false;
	}
	return true;
}

/* The same, in whatever order. The subject is the CA's: many have none by now, and what connects
 * does not look at it. */
static bool same_hosts(X509 *old, X509 *new)
{
	GENERAL_NAMES *before = X509_get_ext_d2i(old, NID_subject_alt_name, NULL, NULL);
	GENERAL_NAMES *now = X509_get_ext_d2i(new, NID_subject_alt_name, NULL, NULL);
	const bool same =
	    before != NULL && now != NULL && has_each(before, now) && has_each(now, before);

	GENERAL_NAMES_free(before);
	GENERAL_NAMES_free(now);
	ERR_clear_error();
	return same;
}

static int check(const struct asking *asking, const struct pga_text *pem, STACK_OF(X509) * chain,
		 struct pga_error *error)
{
	EVP_PKEY *key = asking->key != NULL ? asking->key : asking->state->key;
	X509 *new = sk_X509_value(chain, 0);
	X509 *old = pga_cert_leaf(asking->state);
	const bool by_acme = strcmp(asking->record->way, PGA_CERT_WAY_ACME) == 0;

	if (!(by_acme ? same_hosts(old, new) : same_names(old, new)))
		return pga_fail(error, "pganchor cert inspect shows those of the old one",
				"the CA has signed other names");
	if (X509_cmp_time(X509_get0_notAfter(new), NULL) <= 0)
		return pga_fail(error, "is the clock right?",
				"the new certificate has ended already, by this machine's clock");
	return pga_pair_check(pem, key, asking->authority.roots, asking->record->server, 0, error);
}

/* ---- a step-ca ---- */

/* The token that an expired certificate is renewed by: signed by its key, with its chain. */
static int make_token(const struct asking *asking, struct pga_text *token, struct pga_error *error)
{
	struct pga_text audience = PGA_TEXT_EMPTY;
	const time_t now = time(NULL);
	json_t *certificates = json_array();
	json_t *header = NULL;
	json_t *claims = NULL;
	unsigned char random[32];
	char id[2 * sizeof random + 1];
	char subject[256] = "";
	bool failed = certificates == NULL || RAND_bytes(random, sizeof random) != 1;
	int result = -1;

	for (int i = 0; i < sk_X509_num(asking->state->chain) && !failed; i++) {
		unsigned char *der = NULL;
		const int length = i2d_X509(sk_X509_value(asking->state->chain, i), &der);
		char *text = length > 0 ? malloc((size_t)length / 3 * 4 + 5) : NULL;

		failed = text == NULL || EVP_EncodeBlock((unsigned char *)text, der, length) <= 0 ||
			 json_array_append_new(certificates, json_string(text)) != 0;
		free(text);
		OPENSSL_free(der);
	}
	pga_hex(random, sizeof random, id);
	(void)X509_NAME_get_text_by_NID(X509_get_subject_name(pga_cert_leaf(asking->state)),
					NID_commonName, subject, sizeof subject);
	pga_text_addf(&audience, "%s/1.0/renew", asking->authority.url);
	header = json_pack("{s:O}", "x5cInsecure", certificates);
	claims =
	    json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:s}", "aud", pga_text_string(&audience),
		      "iss", "step-ca-client/1.0", "sub", subject, "iat", (json_int_t)now, "nbf",
		      (json_int_t)now, "exp", (json_int_t)now + TOKEN_SECONDS, "jti", id);
	if (failed || audience.failed || header == NULL || claims == NULL)
		(void)pga_fail_memory(error);
	else
		result = pga_jws_sign(asking->state->key, header, claims, token, error);
	json_decref(certificates);
	json_decref(header);
	json_decref(claims);
	pga_text_free(&audience);
	return result;
}

/* What is posted to /rekey: of the request, the key alone is taken. */
static int make_rekey_body(const struct asking *asking, char **body, struct pga_error *error)
{
	struct pga_text csr = PGA_TEXT_EMPTY;
	json_t *object = NULL;
	char subject[256] = "";
	int result;

	(void)X509_NAME_get_text_by_NID(X509_get_subject_name(pga_cert_leaf(asking->state)),
					NID_commonName, subject, sizeof subject);
	result = pga_csr_make(asking->key, subject, NULL, 0, &csr, error);
	if (result == 0) {
		object = json_pack("{s:s}", "csr", pga_text_string(&csr));
		*body = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
		if (*body == NULL)
			result = pga_fail_memory(error);
	}
	json_decref(object);
	pga_text_free(&csr);
	return result;
}

/* What to type where an expired one is not renewed; without the words where they are too many. */
static void advise(const struct asking *asking, struct pga_text *advice)
{
	static const char expired[] = "it has expired, and its provisioner has no "
				      "allowRenewalAfterExpiry: ";

	pga_text_add(advice, expired);
	pga_cert_issue_again(asking->record, pga_cert_leaf(asking->state), advice);
	if (!advice->failed && advice->length < sizeof((struct pga_error *)NULL)->hint)
		return;
	pga_text_free(advice);
	pga_text_add(advice, expired);
	pga_text_add(advice, "pganchor cert issue");
}

/* A CA says of every refusal the same: what it can be is told here. */
static int explain(const struct asking *asking, const struct pga_stepca_answer *answer,
		   const struct pga_error *why, struct pga_error *error)
{
	const long ahead = pga_stepca_ahead(answer->date, answer->here);
	struct pga_text says = PGA_TEXT_EMPTY;
	struct pga_text advice = PGA_TEXT_EMPTY;
	const char *hint = why->hint;

	if (asking->state->expired)
		advise(asking, &advice);
	pga_text_add_shortened(&says, pga_text_string(&answer->says), PGA_LONGEST_SHOWN);
	if (ahead > 60 || ahead < -60)
		hint = "set the clock: this machine's and the CA's are apart";
	else if (asking->state->expired)
		hint = pga_text_string(&advice);
	else if (answer->status == 401 || answer->status == 403)
		hint =
		    "it may have been revoked, or its provisioner taken away: pganchor cert issue";
	if (answer->status == 401 || answer->status == 403)
		(void)pga_fail(error, hint, "%s does not renew it (HTTP %ld%s%s)",
			       asking->authority.url, answer->status, says.length > 0 ? ": " : "",
			       pga_text_string(&says));
	else
		(void)pga_fail(error, hint, "%s", why->message);
	pga_text_free(&says);
	pga_text_free(&advice);
	return -1;
}

static int ask(const struct asking *asking, const struct pga_http_request *request,
	       struct pga_text *chain, struct pga_error *error)
{
	const struct pga_stepca ca = {asking->http, asking->authority.url, asking->authority.roots};
	struct pga_stepca_answer answer;
	struct pga_error why;
	int result;

	memset(&answer, 0, sizeof answer);
	result = pga_stepca_ask(&ca, asking->key != NULL ? "/1.0/rekey" : "/1.0/renew", request,
				&answer, &why);
	if (result != 0)
		(void)explain(asking, &answer, &why, error);
	else
		pga_text_add(chain, pga_text_string(&answer.chain));
	pga_stepca_answer_free(&answer);
	return result;
}

/* By mutual TLS while the certificate is valid; by a token of its key where it has expired. */
static int ask_stepca(const struct asking *asking, struct pga_text *chain, struct pga_error *error)
{
	struct pga_http_request request = {.json = ""};
	struct pga_text token = PGA_TEXT_EMPTY;
	struct pga_text key = PGA_TEXT_EMPTY;
	char *body = NULL;
	int result;

	if (asking->state->expired && asking->key != NULL)
		return pga_fail(error,
				"pganchor cert renew without --rekey, or pganchor cert issue",
				"an expired certificate gets no new key");
	if (asking->state->expired)
		result = make_token(asking, &token, error);
	else
		result = pga_key_write(asking->state->key, NULL, &key, error);
	if (result == 0 && asking->key != NULL)
		result = make_rekey_body(asking, &body, error);
	if (result == 0) {
		if (asking->state->expired)
			request.bearer = pga_text_string(&token);
		else
			request.certificate = pga_text_string(&asking->state->pem);
		if (!asking->state->expired)
			request.key = pga_text_string(&key);
		if (body != NULL)
			request.json = body;
		result = ask(asking, &request, chain, error);
	}
	free(body);
	pga_text_wipe(&token);
	pga_text_wipe(&key);
	return result;
}

/* By its own record, or else by who has issued it. */
static int find_authority(struct asking *asking, struct pga_error *error)
{
	const struct pga_cert_record *record = asking->record;
	const char *word = record->anchor[0] != '\0' ? record->anchor
			   : record->ca[0] != '\0'   ? record->ca
						     : NULL;

	return pga_cert_authority_find(word, asking->state->chain, &asking->authority, error);
}

/* ---- ACME ---- */

/* The names that the old one has. */
static int ask_acme(struct asking *asking, struct pga_text *chain, struct pga_error *error)
{
	EVP_PKEY *key = asking->key != NULL ? asking->key : asking->state->key;
	struct pga_text csr = PGA_TEXT_EMPTY;
	struct pga_acme acme;
	int result;

	result = pga_acme_of_record(asking->record, &acme, error);
	acme.seconds = asking->acme_seconds;
	if (result == 0)
		result = pga_csr_make_like(key, pga_cert_leaf(asking->state), &csr, error);
	if (result == 0)
		result = pga_acme_issue(&acme, asking->record->name, pga_text_string(&csr), chain,
					error);
	pga_text_free(&csr);
	pga_acme_free(&acme);
	return result;
}

static int ask_way(struct asking *asking, struct pga_text *chain, struct pga_error *error)
{
	const char *way = asking->record->way;

	if (strcmp(way, PGA_CERT_WAY_ACME) == 0)
		return ask_acme(asking, chain, error);
	if (strcmp(way, PGA_CERT_WAY_STEPCA) == 0)
		return find_authority(asking, error) == 0 ? ask_stepca(asking, chain, error) : -1;
	return pga_fail(error, "pganchor cert issue makes it anew",
			way[0] != '\0' ? "what was made by way of \"%s\" is not renewed here"
				       : "nothing is known of where it came from%s",
			way);
}

int pga_renew_ask(const struct pga_cert_record *record, const struct pga_cert_state *state,
		  EVP_PKEY *key, const struct pga_renewal_wish *wish, struct pga_text *chain,
		  X509 **leaf, struct pga_error *error)
{
	struct asking asking = {.record = record,
				.state = state,
				.key = key,
				.http = wish->http,
				.acme_seconds = wish->acme_seconds};
	STACK_OF(X509) *shown = NULL;
	int result;

	*leaf = NULL;
	if (strcmp(record->way, PGA_CERT_WAY_LOCAL) == 0)
		return pga_local_renew(record->ca, pga_cert_leaf(state),
				       key != NULL ? key : state->key, chain, leaf, error);
	result = ask_way(&asking, chain, error);
	if (result == 0 && chain->failed)
		result = pga_fail_memory(error);
	if (result == 0)
		result = read_chain(chain, &shown, error);
	if (result == 0)
		result = check(&asking, chain, shown, error);
	if (result == 0)
		*leaf = sk_X509_shift(shown);
	sk_X509_pop_free(shown, X509_free);
	pga_cert_authority_free(&asking.authority);
	return result;
}
