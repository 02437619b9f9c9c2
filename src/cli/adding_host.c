/* The root of a bundle that a server needs: found as libpq itself finds it. */
#include "cli/adding.h"

#include "anchor/proof.h"
#include "base/memory_file.h"
#include "base/printable.h"
#include "base/text.h"
#include "policy/linked.h"
#include "tls/handshake.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Seconds that the server has. */
#define PATIENCE 10

struct place {
	char *host;
	const char *port; /* NULL: libpq's own */
};

static int fail_form(const char *text, struct pga_error *error)
{
	return pga_fail(error, "such as --host db.example.com, db.example.com:5433 or [::1]:5433",
			"--host: %s: not a host, with its port or without", text);
}

/* The host is cut out of a copy, in which the port stays. */
static int read_place(struct place *place, const char *text, struct pga_error *error)
{
	char *host = strdup(text);
	char *port = NULL;
	size_t length;

	place->host = host;
	place->port = NULL;
	if (host == NULL)
		return pga_fail_memory(error);
	length = strlen(host);
	if (host[0] == '[') {
		char *end = strchr(host, ']');

		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			return fail_form(text, error);
		port = end[1] == ':' ? end + 2 : NULL;
		*end = '\0';
		memmove(host, host + 1, (size_t)(end - host));
	} else if (strchr(host, ':') != NULL && strchr(host, ':') == strrchr(host, ':')) {
		port = strchr(host, ':') + 1;
		port[-1] = '\0';
	}
	if (host[0] == '\0' || host[0] == '/' || strpbrk(host, " \t\n,/@'\"") != NULL ||
	    (port != NULL &&
	     (port[0] == '\0' || strlen(port) > 5 || port[strspn(port, "0123456789")] != '\0' ||
	      strtol(port, NULL, 10) < 1 || strtol(port, NULL, 10) > 65535)) ||
	    length > 300)
		return fail_form(text, error);
	place->port = port;
	return 0;
}

int pga_adding_check_host(const char *text, struct pga_error *error)
{
	struct place place;
	const int result = read_place(&place, text, error);

	free(place.host);
	return result;
}

static int shake_hands(const struct place *place, const char *roots,
		       struct pga_handshake *handshake, struct pga_error *error)
{
	const char *keywords[] = {"host",   "sslmode", "sslrootcert", "user",
				  "dbname", "sslcert", "sslkey",      "connect_timeout",
				  "sslcrl", NULL,      NULL};
	const char *values[] = {place->host, "verify-full", roots,   "pganchor",
				"pganchor",  "/none",       "/none", "10",
				"/none",     NULL,          NULL};

	if (place->port != NULL) {
		keywords[9] = "port";
		values[9] = place->port;
	}
	const struct pga_parameters parameters = {keywords, values, 0};

	return pga_handshake(&parameters, PATIENCE, handshake, error);
}

/* With all of these roots, or with roots[index] alone. */
static int try_roots(const struct place *place, const struct pga_candidates *found,
		     const struct pga_certificate *alone, struct pga_handshake *handshake,
		     struct pga_error *error)
{
	struct pga_memory_file file = PGA_NO_MEMORY_FILE;
	struct pga_text pem = PGA_TEXT_EMPTY;
	int result = -1;

	memset(handshake, 0, sizeof *handshake);
	for (size_t i = 0; alone == NULL && i < found->count; i++)
		pga_text_add(&pem, found->roots[i].pem);
	if (alone != NULL)
		pga_text_add(&pem, alone->pem);
	if (pem.failed)
		(void)pga_fail_memory(error);
	else if (pga_memory_file_make(&file, error) == 0 &&
		 pga_memory_file_put(&file, pem.bytes, pem.length, error) == 0)
		result = shake_hands(place, file.path, handshake, error);
	pga_memory_file_end(&file);
	pga_text_free(&pem);
	return result;
}

static size_t index_of(const struct pga_candidates *found, const char *pin)
{
	size_t i = 0;

	while (i < found->count && strcmp(found->roots[i].pin, pin) != 0)
		i++;
	return i;
}

/* Whether one of the chain says that it was issued by a certificate of this name. */
static bool names(const STACK_OF(X509) * chain, const struct pga_certificate *root)
{
	for (int i = 0; i < sk_X509_num(chain); i++)
		if (X509_NAME_cmp(X509_get_issuer_name(sk_X509_value(chain, i)),
				  X509_get_subject_name(root->x509)) == 0)
			return true;
	return false;
}

/* Whether libpq refused the server for something else than its certificate, which is for this
 * host: by the gate, where that is on and the root is not pinned yet. */
static bool is_for_host(const struct place *place, X509 *certificate)
{
	return X509_check_host(certificate, place->host, 0, 0, NULL) == 1 ||
	       X509_check_ip_asc(certificate, place->host, 0) == 1;
}

/* OpenSSL takes the first root of a name; of several with one name, each is tried alone. */
static int try_each(const struct place *place, const struct pga_candidates *found,
		    struct pga_handshake *handshake, size_t *index, struct pga_error *error)
{
	STACK_OF(X509) *chain =
	    handshake->chain != NULL ? X509_chain_up_ref(handshake->chain) : NULL;
	int result = -1;

	for (size_t i = 0; result != 0 && i < found->count && sk_X509_num(chain) > 0; i++) {
		if (!names(chain, &found->roots[i]) || !pga_proof_ends_in(chain, &found->roots[i]))
			continue;
		pga_handshake_free(handshake);
		if (try_roots(place, found, &found->roots[i], handshake, error) == 0 ||
		    (handshake->chain != NULL && handshake->verify_result == X509_V_OK &&
		     is_for_host(place, sk_X509_value(handshake->chain, 0)) &&
		     pga_proof_ends_in(handshake->chain, &found->roots[i]))) {
			*index = i;
			result = 0;
		}
	}
	ERR_clear_error();
	sk_X509_pop_free(chain, X509_free);
	return result;
}

static int explain(const char *host, const struct pga_candidates *found,
		   const struct pga_handshake *handshake, struct pga_error *error)
{
	const struct pga_error said = *error;
	const char *hint = "its certificate is of another CA, or is not for this host name. "
			   "Nothing was pinned";

	if (!handshake->answered)
		return pga_fail(error,
				"is it the right host and port? without --host, the root is chosen "
				"from a list, or by --fingerprint. Nothing was pinned",
				"--host %s: the server could not be asked: %s", host, said.message);
	if (!handshake->shown)
		return pga_fail(error,
				"does the server have TLS (ssl = on)? without --host, the root is "
				"chosen from a list, or by --fingerprint. Nothing was pinned",
				"--host %s: no TLS with the server: %s", host, said.message);
	if (handshake->verify_result == X509_V_ERR_CERT_HAS_EXPIRED)
		hint = "a certificate of its chain has expired: who runs the server renews it. "
		       "Nothing was pinned";
	if (found->count == 1)
		return pga_fail(error, hint,
				"--host %s: the server is not verified by the root of %s: %s", host,
				found->where, said.message);
	return pga_fail(error, hint,
			"--host %s: the server is not verified by any of the %zu roots of %s: %s",
			host, found->count, found->where, said.message);
}

int pga_adding_find_by_host(const char *host, struct pga_candidates *found, size_t *index,
			    struct pga_error *error)
{
	struct pga_hidden_environment hidden;
	struct pga_handshake handshake = {.answered = false};
	struct place place;
	int result = read_place(&place, host, error);

	if (result != 0)
		goto done;
	/* What is asked is what was typed. */
	result = pga_hide_environment(&hidden) == 0 ? 0 : pga_fail_memory(error);
	if (result != 0)
		goto done;
	result = try_roots(&place, found, NULL, &handshake, error);
	if (result == 0)
		*index = index_of(found, handshake.root_pin);
	else if (handshake.chain != NULL)
		result = try_each(&place, found, &handshake, index, error);
	pga_restore_environment(&hidden);
	if (result == 0 && *index == found->count)
		result = pga_fail(error, "nothing was pinned",
				  "--host %s: its chain ends in none of the roots of %s", host,
				  found->where);
	else if (result != 0)
		(void)explain(host, found, &handshake, error);
	if (result == 0) {
		sk_X509_pop_free(found->chain, X509_free);
		found->chain = handshake.chain;
		handshake.chain = NULL;
	}
	pga_handshake_free(&handshake);
done:
	free(place.host);
	return result;
}
