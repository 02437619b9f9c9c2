#include "cert/issue.h"

#include "ca/jwe.h"
#include "cert/csr.h"
#include "cert/pair.h"
#include "cert/lifetime.h"
#include "tls/at_time.h"
#include "tls/x509_pem.h"

#include <openssl/x509v3.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LONGEST_LIST 10 /* names of provisioners in a message */

static bool is_usable(const struct pga_provisioner *provisioner)
{
	return strcmp(provisioner->type, "JWK") == 0 && provisioner->encrypted_key != NULL;
}

/* "NAME (TYPE), …". */
static void list(const struct pga_provisioners *provisioners, struct pga_text *text)
{
	for (size_t i = 0; i < provisioners->count && i < LONGEST_LIST; i++)
		pga_text_addf(text, "%s%s (%s)", i > 0 ? ", " : "", provisioners->list[i].name,
			      provisioners->list[i].type);
	if (provisioners->count > LONGEST_LIST)
		pga_text_addf(text, " and %zu more", provisioners->count - LONGEST_LIST);
	if (provisioners->count == 0)
		pga_text_add(text, "none");
}

static int no_provisioner(const struct pga_issuer *issuer, const char *what,
			  struct pga_error *error)
{
	struct pga_text there = PGA_TEXT_EMPTY;

	list(&issuer->provisioners, &there);
	(void)pga_fail(error,
		       "say which: --provisioner NAME. A password opens one of type JWK; for any "
		       "other, give a token: --token FILE",
		       "%s: %s; it has: %s", issuer->authority.url, what, pga_text_string(&there));
	pga_text_free(&there);
	return -1;
}

static int choose(struct pga_issuer *issuer, const char *name, bool by_token,
		  struct pga_error *error)
{
	struct pga_text what = PGA_TEXT_EMPTY;
	size_t usable = 0;
	int result = 0;

	for (size_t i = 0; i < issuer->provisioners.count; i++) {
		const struct pga_provisioner *one = &issuer->provisioners.list[i];

		if (name != NULL ? strcmp(one->name, name) != 0 : !is_usable(one))
			continue;
		if (issuer->provisioner == NULL || is_usable(one))
			issuer->provisioner = one;
		usable += is_usable(one);
	}
	if (issuer->provisioner == NULL && name != NULL)
		pga_text_addf(&what, "it has no provisioner %s", name);
	else if (issuer->provisioner == NULL)
		pga_text_add(&what, "it has no provisioner that a password opens");
	else if (name == NULL && usable > 1)
		pga_text_add(&what, "it has several provisioners");
	else if (!by_token && !is_usable(issuer->provisioner))
		pga_text_addf(&what, "no password opens its provisioner %s", name);
	if (what.length > 0)
		result = no_provisioner(issuer, pga_text_string(&what), error);
	pga_text_free(&what);
	return result;
}

int pga_issuer_find(struct pga_issuer *issuer, const struct pga_http *http, const char *ca,
		    const char *provisioner, bool by_token, struct pga_error *error)
{
	memset(issuer, 0, sizeof *issuer);
	if (pga_cert_authority_find(ca, NULL, &issuer->authority, error) != 0)
		return -1;
	issuer->ca.http = http;
	issuer->ca.url = issuer->authority.url;
	issuer->ca.roots = issuer->authority.roots;
	return pga_stepca_provisioners(&issuer->ca, &issuer->provisioners, error) == 0
		   ? choose(issuer, provisioner, by_token, error)
		   : -1;
}

int pga_issuer_unlock(struct pga_issuer *issuer, const char *password, size_t length, bool *wrong,
		      struct pga_error *error)
{
	struct pga_text whose = PGA_TEXT_EMPTY;
	int result;

	pga_text_addf(&whose, "provisioner %s of %s", issuer->provisioner->name,
		      issuer->authority.url);
	result = pga_jwe_open(issuer->provisioner->encrypted_key, pga_text_string(&whose), password,
			      length, &issuer->jwk, wrong, error);
	pga_text_free(&whose);
	return result;
}

void pga_issuer_free(struct pga_issuer *issuer)
{
	pga_text_wipe(&issuer->jwk);
	pga_provisioners_free(&issuer->provisioners);
	pga_cert_authority_free(&issuer->authority);
	memset(issuer, 0, sizeof *issuer);
}

/* The CA's time now, as far as it is known. */
static time_t time_there(const struct pga_issuer *issuer)
{
	return time(NULL) + pga_stepca_ahead(issuer->provisioners.date, issuer->provisioners.here);
}

static int check_times(const struct pga_issuer *issuer, const struct pga_token *token,
		       struct pga_error *error)
{
	static const char hint[] = "have another one made: step ca token SUBJECT. It lives for "
				   "five minutes, and was not used";
	const time_t now = time_there(issuer);
	struct pga_text ago = PGA_TEXT_EMPTY;
	int result = 0;

	if (token->expires != -1 && now > token->expires + PGA_ISSUE_LEEWAY) {
		pga_lifetime_tell((long)(now - token->expires), &ago);
		result =
		    pga_fail(error, hint, "the token has expired, %s ago", pga_text_string(&ago));
	} else if (token->not_before != -1 && now < token->not_before - PGA_ISSUE_LEEWAY) {
		pga_lifetime_tell((long)(token->not_before - now), &ago);
		result =
		    pga_fail(error,
			     "is the clock right of the machine that has made it? It was not "
			     "used",
			     "the token is not valid before %s from now", pga_text_string(&ago));
	}
	pga_text_free(&ago);
	return result;
}

/* "https://ca:9000/1.0/sign#…": for this CA, as far as can be told, and for this use. */
static int check_audience(const struct pga_issuer *issuer, const struct pga_token *token,
			  struct pga_error *error)
{
	const char *path;

	if (token->audience == NULL)
		return 0;
	path = strstr(token->audience, "://");
	path = path != NULL ? strchr(path + 3, '/') : NULL;
	if (path == NULL || strstr(path, "sign") != NULL)
		return 0;
	return pga_fail(error, "step ca token makes one to issue by; it was not used",
			"the token is no token to issue by: it is for %s, and this CA is %s",
			token->audience, issuer->authority.url);
}

/* By another address, and of another root: a CA may be called by several names, and may have
 * several roots. */
static int check_ca(const struct pga_issuer *issuer, const struct pga_token *token,
		    struct pga_error *error)
{
	const char *url = issuer->authority.url;

	if (token->audience == NULL || token->root_pin == NULL ||
	    strncmp(token->audience, url, strlen(url)) == 0 ||
	    strcasecmp(token->root_pin, issuer->authority.root_pin) == 0)
		return 0;
	return pga_fail(error, "give its anchor: --ca NAME; it was not used",
			"the token is for %s, with another root, and this CA is %s",
			token->audience, url);
}

static bool has_name(const struct pga_token *token, const char *name)
{
	for (size_t i = 0; i < json_array_size(token->names); i++) {
		const char *one = json_string_value(json_array_get(token->names, i));

		if (one != NULL && strcmp(one, name) == 0)
			return true;
	}
	return false;
}

/* The CA signs exactly what the token says. */
static int check_subject(const struct pga_issue *issue, const struct pga_token *token,
			 struct pga_error *error)
{
	if (token->subject != NULL && strcmp(token->subject, issue->subject) != 0)
		return pga_fail(
		    error, "give that name, or have a token made for this one; it was not used",
		    "the token is for %s, and not for %s", token->subject, issue->subject);
	for (size_t i = 0; i < issue->name_count && token->names != NULL; i++)
		if (!has_name(token, issue->names[i]))
			return pga_fail(error,
					"have one made with it: step ca token SUBJECT --san NAME; "
					"it was not used",
					"the token does not allow the name %s", issue->names[i]);
	return 0;
}

static int check_token(const struct pga_issuer *issuer, const struct pga_issue *issue,
		       struct pga_error *error)
{
	struct pga_token token;
	int result = -1;

	if (pga_token_read(&token, issue->token, error) == 0 &&
	    check_times(issuer, &token, error) == 0 && check_audience(issuer, &token, error) == 0 &&
	    check_ca(issuer, &token, error) == 0 && check_subject(issue, &token, error) == 0)
		result = 0;
	pga_token_free(&token);
	return result;
}

static int check_lifetime(const struct pga_issuer *issuer, const struct pga_issue *issue,
			  struct pga_error *error)
{
	const struct pga_provisioner *provisioner = issuer->provisioner;
	const bool longer = provisioner->most > 0 && issue->lifetime > provisioner->most;
	struct pga_text limit = PGA_TEXT_EMPTY;

	if (issue->lifetime == 0 ||
	    (!longer && (provisioner->least == 0 || issue->lifetime >= provisioner->least)))
		return 0;
	pga_lifetime_tell(longer ? provisioner->most : provisioner->least, &limit);
	(void)pga_fail(error, "nothing was changed; ask for another: --lifetime",
		       "provisioner %s signs for %s at the %s", provisioner->name,
		       pga_text_string(&limit), longer ? "most" : "least");
	pga_text_free(&limit);
	return -1;
}

int pga_issue_check(const struct pga_issuer *issuer, const struct pga_issue *issue,
		    struct pga_error *error)
{
	if (issue->token != NULL && check_token(issuer, issue, error) != 0)
		return -1;
	return issuer->provisioner != NULL ? check_lifetime(issuer, issue, error) : 0;
}

static int make_token(const struct pga_issuer *issuer, const struct pga_issue *issue,
		      struct pga_text *token, struct pga_error *error)
{
	const struct pga_stepca_claims claims = {
	    .subject = issue->subject,
	    .names = issue->names,
	    .name_count = issue->name_count,
	    .audience = "/1.0/sign",
	    .root_pin = issuer->authority.root_pin,
	    .now = time_there(issuer),
	};

	if (issue->token != NULL) {
		pga_text_add(token, issue->token);
		return token->failed ? pga_fail_memory(error) : 0;
	}
	return pga_stepca_token(&issuer->ca, issuer->provisioner, pga_text_string(&issuer->jwk),
				&claims, token, error);
}

/* Signs it; what was signed is looked at before anybody relies on it. */
static int sign(const struct pga_issuer *issuer, const struct pga_issue *issue, const char *csr,
		const char *token, struct pga_issued *issued, struct pga_error *error)
{
	struct pga_stepca_answer answer;
	char until[32] = "";
	int result;

	if (issue->lifetime > 0)
		(void)snprintf(until, sizeof until, "%lds", issue->lifetime);
	result = pga_stepca_sign(&issuer->ca, csr, token, until[0] != '\0' ? until : NULL, &answer,
				 error);
	if (result != 0)
		result = pga_issue_explain(issuer, issue, &answer, error);
	else
		result = pga_pair_check(&answer.chain, issued->pkey, issuer->authority.roots,
					issue->server, time_there(issuer), error);
	if (result == 0) {
		issued->chain = answer.chain;
		answer.chain = (struct pga_text)PGA_TEXT_EMPTY;
	}
	pga_stepca_answer_free(&answer);
	return result;
}

/* The names that the certificate is to have: those that were asked for, or else the subject. */
static int make_csr(const struct pga_issue *issue, EVP_PKEY *key, struct pga_text *csr,
		    struct pga_error *error)
{
	const char *const alone[] = {issue->subject};
	const bool some = issue->name_count > 0;

	return pga_csr_make(key, issue->subject, some ? issue->names : alone,
			    some ? issue->name_count : 1, csr, error);
}

/* Channel binding has a hash of the certificate, by the hash of its signature (RFC 5929, 4.1), and
 * Ed25519 has none: libpq then cannot log in by SCRAM. */
static int check_signature(const struct pga_issue *issue, const struct pga_issued *issued,
			   struct pga_error *error)
{
	if (!issue->server || X509_get_signature_nid(issued->certificate) != NID_ED25519)
		return 0;
	return pga_fail(error,
			"nothing was changed; the CA needs an intermediate with a key of EC "
			"or RSA",
			"the CA signs by Ed25519: libpq could not log in by SCRAM to a server with "
			"such a certificate");
}

int pga_issued_read(struct pga_issued *issued, struct pga_error *error)
{
	issued->certificate =
	    pga_x509_of_pem(pga_text_string(&issued->chain), issued->chain.length);
	return issued->certificate != NULL ? 0 : pga_fail_memory(error);
}

int pga_issue_run(const struct pga_issuer *issuer, const struct pga_issue *issue,
		  struct pga_issued *issued, struct pga_error *error)
{
	struct pga_text token = PGA_TEXT_EMPTY;
	struct pga_text csr = PGA_TEXT_EMPTY;
	int result = -1;

	memset(issued, 0, sizeof *issued);
	issued->pkey = pga_key_make(issue->kind, error);
	if (issued->pkey != NULL &&
	    pga_key_write(issued->pkey, issue->passphrase, &issued->key, error) == 0 &&
	    make_csr(issue, issued->pkey, &csr, error) == 0 &&
	    make_token(issuer, issue, &token, error) == 0 &&
	    sign(issuer, issue, pga_text_string(&csr), pga_text_string(&token), issued, error) == 0)
		result = pga_issued_read(issued, error);
	if (result == 0)
		result = check_signature(issue, issued, error);
	if (result == 0)
		result = pga_issue_check_names(issue, issued->certificate, error);
	pga_text_wipe(&token);
	pga_text_free(&csr);
	return result;
}

void pga_issued_free(struct pga_issued *issued)
{
	pga_text_free(&issued->chain);
	pga_text_wipe(&issued->key);
	EVP_PKEY_free(issued->pkey);
	X509_free(issued->certificate);
	memset(issued, 0, sizeof *issued);
}
