#include "ca/jws.h"

#include "ca/base64url.h"
#include "tls/openssl_error.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include <stdlib.h>
#include <string.h>

#define LONGEST_SIGNATURE 1024 /* RSA of 8192 bits */

/* The algorithms, by what OpenSSL says of the key. */
static const struct algorithm {
	const char *kind;
	const char *group; /* of EC, as OpenSSL calls it; */
	const char *curve; /* as a JWK does */
	const char *alg;
	const char *digest;
	size_t half; /* of an EC signature, whose two numbers stand one behind the other */
} algorithms[] = {
    {"EC", "prime256v1", "P-256", "ES256", "SHA256", 32},
    {"EC", "secp384r1", "P-384", "ES384", "SHA384", 48},
    {"EC", "secp521r1", "P-521", "ES512", "SHA512", 66},
    {"RSA", NULL, NULL, "RS256", "SHA256", 0},
    {"ED25519", NULL, NULL, "EdDSA", NULL, 0},
};

static int refuse(const char *whose, struct pga_error *error)
{
	return pga_fail(error, NULL, "%s: its key is not one that is known", whose);
}

/* A number of the JWK, in bytes, the first of them the greatest. The caller wipes and frees them.
 */
static unsigned char *member(const json_t *jwk, const char *name, size_t *size)
{
	const json_t *text = json_object_get(jwk, name);

	*size = 0;
	return json_is_string(text)
		   ? pga_base64url_decode(json_string_value(text), json_string_length(text), size)
		   : NULL;
}

static BIGNUM *number(const json_t *jwk, const char *name)
{
	size_t size;
	unsigned char *bytes = member(jwk, name, &size);
	BIGNUM *big = bytes != NULL ? BN_bin2bn(bytes, (int)size, BN_secure_new()) : NULL;

	if (bytes != NULL)
		OPENSSL_cleanse(bytes, size);
	free(bytes);
	return big;
}

static EVP_PKEY *from_parameters(const char *kind, OSSL_PARAM_BLD *build)
{
	OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);
	EVP_PKEY *key = NULL;

	if (parameters != NULL && context != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
	    EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, parameters) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	OSSL_PARAM_free(parameters);
	return key;
}

/* X and Y behind the byte that says that both are there. */
static bool push_point(OSSL_PARAM_BLD *build, const json_t *jwk, size_t half,
		       unsigned char point[1 + 2 * 66])
{
	static const char *const names[] = {"x", "y"};

	point[0] = POINT_CONVERSION_UNCOMPRESSED;
	for (size_t i = 0; i < 2; i++) {
		BIGNUM *big = number(jwk, names[i]);
		const bool fits =
		    big != NULL && BN_bn2binpad(big, point + 1 + i * half, (int)half) == (int)half;

		BN_clear_free(big);
		if (!fits)
			return false;
	}
	return OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point,
						1 + 2 * half) == 1;
}

static EVP_PKEY *ec_key(const json_t *jwk)
{
	const char *curve = json_string_value(json_object_get(jwk, "crv"));
	const struct algorithm *algorithm = algorithms;
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	unsigned char point[1 + 2 * 66];
	BIGNUM *secret = number(jwk, "d");
	EVP_PKEY *key = NULL;

	while (algorithm->curve != NULL && (curve == NULL || strcmp(algorithm->curve, curve) != 0))
		algorithm++;
	if (build != NULL && secret != NULL && algorithm->curve != NULL &&
	    OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, algorithm->group,
					    0) == 1 &&
	    push_point(build, jwk, algorithm->half, point) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, secret) == 1)
		key = from_parameters("EC", build);
	OSSL_PARAM_BLD_free(build);
	BN_clear_free(secret);
	return key;
}

static EVP_PKEY *rsa_key(const json_t *jwk)
{
	static const struct {
		const char *name, *parameter;
	} numbers[] = {
	    {"n", OSSL_PKEY_PARAM_RSA_N},          {"e", OSSL_PKEY_PARAM_RSA_E},
	    {"d", OSSL_PKEY_PARAM_RSA_D},          {"p", OSSL_PKEY_PARAM_RSA_FACTOR1},
	    {"q", OSSL_PKEY_PARAM_RSA_FACTOR2},    {"dp", OSSL_PKEY_PARAM_RSA_EXPONENT1},
	    {"dq", OSSL_PKEY_PARAM_RSA_EXPONENT2}, {"qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1},
	};
	enum { NUMBERS = sizeof numbers / sizeof numbers[0] };
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *values[NUMBERS] = {NULL};
	EVP_PKEY *key = NULL;
	bool whole = build != NULL;

	for (size_t i = 0; i < NUMBERS && whole; i++) {
		values[i] = number(jwk, numbers[i].name);
		whole = values[i] != NULL &&
			OSSL_PARAM_BLD_push_BN(build, numbers[i].parameter, values[i]) == 1;
	}
	if (whole)
		key = from_parameters("RSA", build);
	OSSL_PARAM_BLD_free(build);
	for (size_t i = 0; i < NUMBERS; i++)
		BN_clear_free(values[i]);
	return key;
}

static EVP_PKEY *okp_key(const json_t *jwk)
{
	const char *curve = json_string_value(json_object_get(jwk, "crv"));
	size_t size;
	unsigned char *secret = member(jwk, "d", &size);
	EVP_PKEY *key = NULL;

	if (secret != NULL && curve != NULL && strcmp(curve, "Ed25519") == 0)
		key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, size);
	if (secret != NULL)
		OPENSSL_cleanse(secret, size);
	free(secret);
	return key;
}

EVP_PKEY *pga_jwk_key(const json_t *jwk, const char *whose, struct pga_error *error)
{
	const char *type = json_string_value(json_object_get(jwk, "kty"));
	EVP_PKEY *key = NULL;

	if (type != NULL && strcmp(type, "EC") == 0)
		key = ec_key(jwk);
	else if (type != NULL && strcmp(type, "RSA") == 0)
		key = rsa_key(jwk);
	else if (type != NULL && strcmp(type, "OKP") == 0)
		key = okp_key(jwk);
	ERR_clear_error();
	if (key == NULL)
		(void)refuse(whose, error);
	return key;
}

static const struct algorithm *algorithm_of(const EVP_PKEY *key)
{
	char group[64] = "";

	(void)EVP_PKEY_get_group_name(key, group, sizeof group, NULL);
	for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++)
		if (EVP_PKEY_is_a(key, algorithms[i].kind) &&
		    (algorithms[i].group == NULL || strcmp(algorithms[i].group, group) == 0))
			return &algorithms[i];
	return NULL;
}

/* OpenSSL's signature is DER; JWS has the two numbers alone (RFC 7518, 3.4). */
static bool add_ec_signature(const unsigned char *der, size_t size, size_t half,
			     struct pga_text *token)
{
	unsigned char both[2 * 66];
	const unsigned char *at = der;
	ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)size);
	const bool done =
	    signature != NULL &&
	    BN_bn2binpad(ECDSA_SIG_get0_r(signature), both, (int)half) == (int)half &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(signature), both + half, (int)half) == (int)half;

	ECDSA_SIG_free(signature);
	if (done)
		pga_base64url_add(token, both, 2 * half);
	return done;
}

static int add_signature(EVP_PKEY *key, const struct algorithm *algorithm, struct pga_text *token,
			 struct pga_error *error)
{
	unsigned char signature[LONGEST_SIGNATURE];
	size_t size = sizeof signature;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool done =
	    context != NULL && (size_t)EVP_PKEY_get_size(key) <= sizeof signature &&
	    EVP_DigestSignInit_ex(context, NULL, algorithm->digest, NULL, NULL, key, NULL) == 1 &&
	    EVP_DigestSign(context, signature, &size, (const unsigned char *)pga_text_string(token),
			   token->length) == 1;

	EVP_MD_CTX_free(context);
	if (done) {
		pga_text_add(token, ".");
		if (algorithm->half > 0)
			done = add_ec_signature(signature, size, algorithm->half, token);
		else
			pga_base64url_add(token, signature, size);
	}
	if (!done)
		return pga_fail_openssl(error, "could not sign a token");
	return token->failed ? pga_fail_memory(error) : 0;
}

static void add_json(const json_t *json, struct pga_text *token)
{
	char *text = json_dumps(json, JSON_COMPACT);

	if (text != NULL)
		pga_base64url_add(token, text, strlen(text));
	else
		token->failed = true;
	free(text);
}

int pga_jws_sign(EVP_PKEY *key, json_t *header, const json_t *claims, struct pga_text *token,
		 struct pga_error *error)
{
	const struct algorithm *algorithm = algorithm_of(key);
	json_t *whole;

	if (algorithm == NULL)
		return pga_fail(error, NULL, "a key of this kind signs no token");
	whole = header != NULL ? json_copy(header) : json_object();
	if (whole == NULL || json_object_set_new(whole, "alg", json_string(algorithm->alg)) != 0 ||
	    json_object_set_new(whole, "typ", json_string("JWT")) != 0)
		token->failed = true;
	add_json(whole, token);
	pga_text_add(token, ".");
	add_json(claims, token);
	json_decref(whole);
	return token->failed ? pga_fail_memory(error) : add_signature(key, algorithm, token, error);
}

/* A copy; NULL for none, and for want of memory. */
static char *copy_of(const json_t *text)
{
	return json_is_string(text) ? strdup(json_string_value(text)) : NULL;
}

/* -1 for none, and for one that no clock reaches (RFC 3339 ends with the year 9999). */
static time_t moment_of(const json_t *claims, const char *name)
{
	const double moment = json_number_value(json_object_get(claims, name));

	return moment > 0 && moment < 253402300800.0 ? (time_t)moment : -1;
}

int pga_token_read(struct pga_token *token, const char *text, struct pga_error *error)
{
	const char *begin = strchr(text, '.');
	const char *end = begin != NULL ? strchr(begin + 1, '.') : NULL;
	unsigned char *bytes = NULL;
	const json_t *audience;
	size_t size = 0;

	memset(token, 0, sizeof *token);
	token->not_before = token->expires = -1;
	if (end != NULL)
		bytes = pga_base64url_decode(begin + 1, (size_t)(end - begin) - 1, &size);
	if (bytes != NULL)
		token->claims = json_loadb((const char *)bytes, size, JSON_REJECT_DUPLICATES, NULL);
	free(bytes);
	if (!json_is_object(token->claims))
		return pga_fail(error, "it is what step ca token prints",
				"this is no token: a JWT has three parts, with dots between");
	token->subject = copy_of(json_object_get(token->claims, "sub"));
	token->issuer = copy_of(json_object_get(token->claims, "iss"));
	audience = json_object_get(token->claims, "aud");
	token->audience = copy_of(json_is_array(audience) ? json_array_get(audience, 0) : audience);
	token->not_before = moment_of(token->claims, "nbf");
	token->expires = moment_of(token->claims, "exp");
	token->root_pin = json_string_value(json_object_get(token->claims, "sha"));
	token->names = json_object_get(token->claims, "sans");
	if (!json_is_array(token->names))
		token->names = NULL;
	return 0;
}

void pga_token_free(struct pga_token *token)
{
	free(token->subject);
	free(token->issuer);
	free(token->audience);
	json_decref(token->claims);
	memset(token, 0, sizeof *token);
}
