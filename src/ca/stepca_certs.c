/* step-ca's protocol, as far as `step ca certificate` and `step ca renew` speak it. */
#include "ca/stepca_certs.h"

#include "base/unconst.h"
#include "ca/jws.h"

#include <openssl/rand.h>
#include <openssl/x509.h>

#include <stdlib.h>
#include <string.h>

#define PAGE       "/provisioners?limit=100" /* as many as step-ca hands out at once */
#define TOKEN_LIFE 300                       /* seconds, as step has it */

static char *address(const struct pga_stepca *ca, const char *path, const char *cursor,
		     struct pga_error *error)
{
	struct pga_text url = PGA_TEXT_EMPTY;
	char *text;

	pga_text_addf(&url, "%s%s%s%s", ca->url, path, cursor[0] != '\0' ? "&cursor=" : "", cursor);
	text = pga_text_take(&url);
	if (text == NULL)
		(void)pga_fail_memory(error);
	return text;
}

static const char not_found[] = "is it the address of a step-ca, with its prefix?";
static const char unverified[] =
    "its TLS certificate does not come from a root that is pinned from it, or is not for this "
    "host name: ask who runs the CA, and if it has another root now: pganchor bootstrap --ca-url "
    "URL --fingerprint HEX";

/* One page; *next, the caller's to free, is where the next one begins, NULL behind the last. */
static int read_page(const struct pga_stepca *ca, const char *cursor,
		     struct pga_provisioners *provisioners, char **next, struct pga_error *error)
{
	struct pga_http_request request = {
	    .roots = ca->roots, .if_not_found = not_found, .if_unverified = unverified};
	struct pga_text body = PGA_TEXT_EMPTY;
	char *url = address(ca, PAGE, cursor, error);
	int result = -1;

	*next = NULL;
	request.url = url;
	request.date = &provisioners->date;
	if (url == NULL || pga_http_get(ca->http, &request, &body, error) != 0)
		goto done;
	provisioners->here = time(NULL);
	result = pga_provisioners_add(provisioners, url, pga_text_string(&body), body.length, next,
				      error);
done:
	pga_text_free(&body);
	free(url);
	return result;
}

int pga_stepca_provisioners(const struct pga_stepca *ca, struct pga_provisioners *provisioners,
			    struct pga_error *error)
{
	char *cursor = NULL;
	int result;

	memset(provisioners, 0, sizeof *provisioners);
	do {
		char *next;

		result = read_page(ca, cursor != NULL ? cursor : "", provisioners, &next, error);
		free(cursor);
		cursor = next;
	} while (result == 0 && cursor != NULL);
	free(cursor);
	return result;
}

long pga_stepca_ahead(time_t date, time_t here)
{
	return date != -1 ? (long)difftime(date, here) : 0;
}

int pga_stepca_ask(const struct pga_stepca *ca, const char *path,
		   const struct pga_http_request *request, struct pga_stepca_answer *answer,
		   struct pga_error *error)
{
	struct pga_http_request asked = *request;
	struct pga_text body = PGA_TEXT_EMPTY;
	char *url = address(ca, path, "", error);
	int result = -1;

	memset(answer, 0, sizeof *answer);
	asked.url = url;
	asked.roots = ca->roots;
	asked.status = &answer->status;
	asked.unreached = &answer->unreached;
	asked.date = &answer->date;
	if (asked.if_not_found == NULL)
		asked.if_not_found = not_found;
	if (asked.if_unverified == NULL)
		asked.if_unverified = unverified;
	if (url != NULL) {
		result = pga_http_get(ca->http, &asked, &body, error);
		answer->here = time(NULL);
		if (result == 0)
			result = pga_stepca_answer_read(answer, url, pga_text_string(&body),
							body.length, error);
		else
			pga_stepca_answer_keep_words(answer, pga_text_string(&body), body.length);
	}
	pga_text_free(&body);
	free(url);
	return result;
}

int pga_stepca_sign(const struct pga_stepca *ca, const char *csr, const char *token,
		    const char *not_after, struct pga_stepca_answer *answer,
		    struct pga_error *error)
{
	json_t *posted =
	    json_pack("{s:s, s:s, s:s*}", "csr", csr, "ott", token, "notAfter", not_after);
	char *text = posted != NULL ? json_dumps(posted, JSON_COMPACT) : NULL;
	const struct pga_http_request request = {.json = text};
	int result;

	memset(answer, 0, sizeof *answer);
	result = text != NULL ? pga_stepca_ask(ca, "/1.0/sign", &request, answer, error)
			      : pga_fail_memory(error);
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
	json_decref(posted);
	return result;
}

static json_t *names_of(const struct pga_stepca_claims *claims)
{
	json_t *names = json_array();
	bool added = names != NULL;

	if (claims->name_count == 0)
		added = added && json_array_append_new(names, json_string(claims->subject)) == 0;
	for (size_t i = 0; i < claims->name_count && added; i++)
		added = json_array_append_new(names, json_string(claims->names[i])) == 0;
	if (added)
		return names;
	json_decref(names);
	return NULL;
}

static json_t *claims_of(const struct pga_stepca *ca, const struct pga_provisioner *provisioner,
			 const struct pga_stepca_claims *claims, struct pga_error *error)
{
	unsigned char random[32];
	char id[2 * sizeof random + 1];
	json_t *names = names_of(claims);
	json_t *object = NULL;
	char *audience;

	if (RAND_bytes(random, sizeof random) != 1) {
		(void)pga_fail(error, NULL, "OpenSSL has no random numbers");
		json_decref(names);
		return NULL;
	}
	pga_hex(random, sizeof random, id);
	audience = address(ca, claims->audience, "", error);
	if (audience != NULL && names != NULL)
		object = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:s, s:s*, s:O}", "aud",
				   audience, "iss", provisioner->name, "sub", claims->subject,
				   "iat", (json_int_t)claims->now, "nbf", (json_int_t)claims->now,
				   "exp", (json_int_t)claims->now + TOKEN_LIFE, "jti", id, "sha",
				   claims->root_pin, "sans", names);
	if (object == NULL)
		(void)pga_fail(error, NULL,
			       "could not make a token: out of memory, or a name is not UTF-8");
	free(audience);
	json_decref(names);
	return object;
}

/* The numbers of a key, which are texts there. */
static void wipe_key(json_t *jwk)
{
	for (void *at = json_object_iter(jwk); at != NULL; at = json_object_iter_next(jwk, at)) {
		const json_t *value = json_object_iter_value(at);

		if (json_is_string(value))
			explicit_bzero(pga_unconst(json_string_value(value)),
				       json_string_length(value));
	}
	json_decref(jwk);
}

int pga_stepca_token(const struct pga_stepca *ca, const struct pga_provisioner *provisioner,
		     const char *jwk, const struct pga_stepca_claims *claims,
		     struct pga_text *token, struct pga_error *error)
{
	json_t *secret = json_loads(jwk, JSON_REJECT_DUPLICATES, NULL);
	EVP_PKEY *key = pga_jwk_key(secret, provisioner->name, error);
	json_t *object = key != NULL ? claims_of(ca, provisioner, claims, error) : NULL;
	json_t *header =
	    provisioner->kid != NULL ? json_pack("{s:s}", "kid", provisioner->kid) : json_object();
	int result = -1;

	if (object != NULL)
		result = header != NULL ? pga_jws_sign(key, header, object, token, error)
					: pga_fail_memory(error);
	json_decref(header);
	json_decref(object);
	EVP_PKEY_free(key);
	wipe_key(secret);
	return result;
}
