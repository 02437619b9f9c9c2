/* step-ca's protocol, as far as `step ca certificate` and `step ca renew` speak it. */
#include "ca/stepca_certs.h"

#include "base/unconst.h"
#include "ca/jws.h"
#include "tls/certificate.h"

#include <openssl/rand.h>
#include <openssl/x509.h>

#include <stdlib.h>
#include <string.h>

#define PAGE         "/provisioners?limit=100" /* as many as step-ca hands out at once */
#define MOST         1000                      /* provisioners; no CA comes near it */
#define LONGEST_SAYS 400                       /* bytes of the CA's own words */
#define TOKEN_LIFE   300                       /* seconds, as step has it */

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

static int no_answer_of_ca(const char *url, const char *what, struct pga_error *error)
{
	return pga_fail(error, "is it the address of a step-ca?", "%s: the answer %s", url, what);
}

/* A copy of a text; NULL where it is none, with *failed for want of memory. */
static char *copy_of(const json_t *object, const char *name, bool *failed)
{
	const char *text = json_string_value(json_object_get(object, name));
	char *copy = text != NULL ? strdup(text) : NULL;

	*failed = *failed || (text != NULL && copy == NULL);
	return copy;
}

/* Go's durations: "1h30m", "500ms". In whole seconds; 0 for what is none. */
static long seconds_of(const json_t *claims, const char *name)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = {{"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}, {"h", 3600}, {"m", 60}, {"s", 1}};
	const char *at = json_string_value(json_object_get(claims, name));
	double sum = 0;

	while (at != NULL && *at != '\0') {
		char *end;
		const double number = strtod(at, &end);
		size_t i = 0;

		while (i < sizeof units / sizeof units[0] &&
		       strncmp(end, units[i].unit, strlen(units[i].unit)) != 0)
			i++;
		if (end == at || i == sizeof units / sizeof units[0])
			return 0;
		sum += number * units[i].seconds;
		at = end + strlen(units[i].unit);
	}
	return sum > 0 && sum < 1e9 ? (long)sum : 0;
}

static int add_provisioner(const json_t *one, struct pga_provisioners *provisioners,
			   struct pga_error *error)
{
	const json_t *claims = json_object_get(one, "claims");
	struct pga_provisioner *list =
	    realloc(provisioners->list, (provisioners->count + 1) * sizeof *provisioners->list);
	struct pga_provisioner *added;
	bool failed = list == NULL;

	if (failed)
		return pga_fail_memory(error);
	provisioners->list = list;
	added = &list[provisioners->count++];
	memset(added, 0, sizeof *added);
	added->name = copy_of(one, "name", &failed);
	added->type = copy_of(one, "type", &failed);
	added->kid = copy_of(json_object_get(one, "key"), "kid", &failed);
	added->encrypted_key = copy_of(one, "encryptedKey", &failed);
	added->least = seconds_of(claims, "minTLSCertDuration");
	added->most = seconds_of(claims, "maxTLSCertDuration");
	added->usual = seconds_of(claims, "defaultTLSCertDuration");
	if (failed)
		return pga_fail_memory(error);
	/* What has no name, or no type, cannot be meant by anybody. */
	if (added->name == NULL || added->type == NULL) {
		free(added->name);
		free(added->type);
		free(added->kid);
		free(added->encrypted_key);
		provisioners->count--;
	}
	return 0;
}

/* What may stand in an address: step-ca's cursor is hexadecimal. */
static bool is_cursor(const char *text)
{
	return strlen(text) <= 128 && text[strspn(text, "0123456789abcdefABCDEF")] == '\0';
}

/* One page; *next, the caller's to free, is where the next one begins, NULL behind the last. */
static int read_page(const struct pga_stepca *ca, const char *cursor,
		     struct pga_provisioners *provisioners, char **next, struct pga_error *error)
{
	struct pga_http_request request = {
	    .roots = ca->roots, .if_not_found = not_found, .if_unverified = unverified};
	struct pga_text body = PGA_TEXT_EMPTY;
	json_t *answer = NULL;
	char *url = address(ca, PAGE, cursor, error);
	const json_t *list;
	const char *more;
	int result = -1;

	*next = NULL;
	request.url = url;
	request.date = &provisioners->date;
	if (url == NULL || pga_http_get(ca->http, &request, &body, error) != 0)
		goto done;
	provisioners->here = time(NULL);
	answer = json_loadb(pga_text_string(&body), body.length, JSON_REJECT_DUPLICATES, NULL);
	list = json_object_get(answer, "provisioners");
	if (!json_is_array(list) || provisioners->count + json_array_size(list) > MOST) {
		(void)no_answer_of_ca(url, "is no list of provisioners", error);
		goto done;
	}
	result = 0;
	for (size_t i = 0; i < json_array_size(list) && result == 0; i++)
		result = add_provisioner(json_array_get(list, i), provisioners, error);
	more = json_string_value(json_object_get(answer, "nextCursor"));
	if (result == 0 && more != NULL && more[0] != '\0' && json_array_size(list) > 0 &&
	    is_cursor(more)) {
		*next = strdup(more);
		if (*next == NULL)
			result = pga_fail_memory(error);
	}
done:
	json_decref(answer);
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

void pga_provisioners_free(struct pga_provisioners *provisioners)
{
	for (size_t i = 0; i < provisioners->count; i++) {
		free(provisioners->list[i].name);
		free(provisioners->list[i].type);
		free(provisioners->list[i].kid);
		free(provisioners->list[i].encrypted_key);
	}
	free(provisioners->list);
	memset(provisioners, 0, sizeof *provisioners);
}

long pga_stepca_ahead(time_t date, time_t here)
{
	return date != -1 ? (long)difftime(date, here) : 0;
}

/* Adds one certificate, as OpenSSL writes it: whatever else a CA may say with it stays out. */
static bool add_certificate(const json_t *pem, struct pga_text *chain)
{
	struct pga_certificate certificate;
	struct pga_error ignored;

	if (!json_is_string(pem) || pga_certificate_read(&certificate, "", json_string_value(pem),
							 json_string_length(pem), &ignored) != 0)
		return false;
	pga_text_add(chain, certificate.pem);
	pga_certificate_free(&certificate);
	return true;
}

#define LONGEST_CHAIN 10

/* certChain has all of it; crt and ca the first two, which is what an old step-ca says. */
static bool add_chain(const json_t *answer, struct pga_text *chain)
{
	const json_t *list = json_object_get(answer, "certChain");
	const size_t count = json_array_size(list);

	if (count > LONGEST_CHAIN)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!add_certificate(json_array_get(list, i), chain))
			return false;
	if (count > 0)
		return true;
	return add_certificate(json_object_get(answer, "crt"), chain) &&
	       add_certificate(json_object_get(answer, "ca"), chain);
}

static void keep_words(const struct pga_text *body, struct pga_stepca_answer *answer)
{
	json_t *said = json_loadb(pga_text_string(body), body->length, 0, NULL);
	const char *message = json_string_value(json_object_get(said, "message"));

	if (message != NULL)
		pga_text_add_shortened(&answer->says, message, LONGEST_SAYS);
	json_decref(said);
}

static int read_answer(const char *url, const struct pga_text *body,
		       struct pga_stepca_answer *answer, struct pga_error *error)
{
	json_t *said =
	    json_loadb(pga_text_string(body), body->length, JSON_REJECT_DUPLICATES, NULL);
	int result = 0;

	if (!add_chain(said, &answer->chain))
		result = no_answer_of_ca(url, "has no certificate in it", error);
	if (answer->chain.failed)
		result = pga_fail_memory(error);
	json_decref(said);
	return result;
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
			result = read_answer(url, &body, answer, error);
		else
			keep_words(&body, answer);
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

void pga_stepca_answer_free(struct pga_stepca_answer *answer)
{
	pga_text_free(&answer->says);
	pga_text_free(&answer->chain);
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
