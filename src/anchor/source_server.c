/* A PostgreSQL server: the root in the chain that it shows to whoever comes. Nothing proves it but
 * the user's word, as with a host's key of ssh, and as there a host that is known must not have
 * another one. */
#include "anchor/source.h"

#include "anchor/known_host.h"
#include "anchor/server_keys.h"
#include "base/memory_file.h"
#include "base/printable.h"
#include "base/text.h"
#include "policy/known_servers.h"
#include "policy/linked.h"
#include "tls/handshake.h"
#include "tls/server_chain.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTHING "Nothing was pinned"

static int read_server(struct pga_source_request *request, const char *typed,
		       struct pga_error *error)
{
	struct pga_text location = PGA_TEXT_EMPTY;
	struct pga_key_choice server;
	unsigned port;

	if (pga_key_choice_read(typed, &server, error) != 0)
		return -1;
	for (char *at = server.host; *at != '\0'; at++)
		*at = pga_lower(*at);
	port = server.port != 0 ? server.port : PGA_DEFAULT_PORT;
	pga_text_addf(&location, strchr(server.host, ':') == NULL ? "%s:%u" : "[%s]:%u",
		      server.host, port);
	request->name = server.host;
	request->hosts = strdup(server.host);
	request->location = pga_text_take(&location);
	return request->location != NULL && request->hosts != NULL ? 0 : pga_fail_memory(error);
}

/* HOST:PORT alone: a name without a port is rather the address of a CA. */
static const char *fits(const char *word)
{
	struct pga_key_choice server;
	struct pga_error error;
	const char *taken = NULL;

	if (word[0] != '/' && word[0] != '.' && pga_key_choice_read(word, &server, &error) == 0) {
		taken = server.port != 0 ? "a PostgreSQL server" : NULL;
		free(server.host);
	}
	return taken;
}

static bool has_signed(X509 *issuer, X509 *certificate)
{
	const bool signs =
	    X509_NAME_cmp(X509_get_subject_name(issuer), X509_get_issuer_name(certificate)) == 0 &&
	    X509_verify(certificate, X509_get0_pubkey(issuer)) == 1;

	ERR_clear_error();
	return signs;
}

/* The self-signed one that the server's own comes from, whatever else is wrong with either: that is
 * for the rules of a root and for libpq to tell. NULL where it is not shown; others do not count.
 */
static X509 *find_root(const STACK_OF(X509) * chain)
{
	X509 *certificate = sk_X509_value(chain, 0);

	for (int steps = 0; steps < sk_X509_num(chain); steps++) {
		X509 *issuer = NULL;

		if (has_signed(certificate, certificate))
			return certificate;
		for (int i = 1; issuer == NULL && i < sk_X509_num(chain); i++)
			if (has_signed(sk_X509_value(chain, i), certificate))
				issuer = sk_X509_value(chain, i);
		if (issuer == NULL)
			break;
		certificate = issuer;
	}
	return NULL;
}

static int take_root(struct pga_candidates *candidates, struct pga_error *error)
{
	X509 *shown = find_root(candidates->chain);
	struct pga_certificate root = {.x509 = NULL};

	if (shown == NULL)
		return 0;
	if (pga_certificate_of(&root, shown, error) != 0)
		return -1;
	if (pga_candidates_add(candidates, &root, error) == 0)
		return 0;
	pga_certificate_free(&root);
	return -1;
}

static int fail_without_root(const struct pga_source_request *request, STACK_OF(X509) * chain,
			     struct pga_error *error)
{
	struct pga_text message = PGA_TEXT_EMPTY;
	struct pga_text hint = PGA_TEXT_EMPTY;
	char *issuer =
	    pga_x509_name(X509_get_issuer_name(sk_X509_value(chain, sk_X509_num(chain) - 1)));

	pga_text_addf(&message, "%s: the server does not send its root", request->location);
	if (issuer != NULL) {
		pga_text_add(&message, ", which it says is ");
		pga_text_add_printable(&message, issuer, "");
	}
	pga_text_addf(
	    &hint,
	    "get the root as a file from who runs the server, and then: pganchor anchor "
	    "add FILE --host %s; or have it put behind the server's certificate, into the "
	    "file of ssl_cert_file. " NOTHING,
	    request->location);
	(void)pga_fail(error, pga_text_string(&hint), "%s", pga_text_string(&message));
	pga_text_free(&message);
	pga_text_free(&hint);
	free(issuer);
	return -1;
}

/* As ssh refuses the key of a host that had another one: the new fingerprint, by which the request
 * has a pin, is the only way past it. */
static int compare_with_known(const struct pga_source_request *request,
			      const struct pga_key_choice *server,
			      struct pga_candidates *candidates, struct pga_error *error)
{
	const struct pga_shown_root shown = {.host = server->host,
					     .port = server->port,
					     .location = request->location,
					     .chain = candidates->chain,
					     .root = &candidates->roots[0]};
	struct pga_text other = PGA_TEXT_EMPTY;
	struct pga_text note = PGA_TEXT_EMPTY;
	int result = pga_known_host_look(&shown, &other, error);

	if (result == 0 && other.length > 0)
		pga_text_addf(&note,
			      "%s: the root of this server has changed: %s; now it shows the root "
			      "SHA-256 %s",
			      request->location, pga_text_string(&other), shown.root->pin);
	if (note.failed)
		result = pga_fail_memory(error);
	else if (note.length > 0 && request->pin[0] == '\0')
		result =
		    pga_fail(error,
			     "this may be an attack, or who runs it has a new CA: get the root's "
			     "fingerprint from them by a way that you trust, and give it: "
			     "--fingerprint HEX, with --replace in the place of the other anchor, "
			     "or with a --name of its own. " NOTHING,
			     "%s", pga_text_string(&note));
	else if (result == 0 && note.length == 0)
		result = pga_known_host_note(&shown, &note, error);
	if (result == 0 && note.length > 0) {
		candidates->note = pga_text_take(&note);
		result = candidates->note != NULL ? 0 : pga_fail_memory(error);
	}
	pga_text_free(&other);
	pga_text_free(&note);
	return result;
}

/* What libpq cannot connect to at all need not be asked about. */
static int check_way(const char *location, bool direct, struct pga_error *error)
{
	const int version = pga_linked_libpq_version();

	if (!direct || pga_linked_libpq_knows("sslnegotiation"))
		return 0;
	return pga_fail(error, "libpq 17 and later can, with sslnegotiation=direct. " NOTHING,
			"%s: the server takes TLS at once alone, and this libpq (%d.%d) asks for "
			"it first",
			location, version / 10000, version % 10000);
}

static int fetch(const struct pga_source_request *request, struct pga_candidates *candidates,
		 struct pga_error *error)
{
	struct pga_key_choice server;
	struct pga_server_said said = {.postgresql = true};
	int result = -1;

	if (pga_key_choice_read(request->location, &server, error) != 0)
		return -1;
	const struct pga_server asked = {.host = server.host,
					 .address = request->address,
					 .port = server.port,
					 .way = PGA_SERVER_EITHER,
					 .connect_timeout = request->http.connect_timeout,
					 .max_time = request->http.max_time};

	candidates->where = strdup(request->location);
	if (candidates->where == NULL)
		(void)pga_fail_memory(error);
	else if (pga_server_chain(&asked, &candidates->chain, &said, error) != 0 ||
		 check_way(request->location, said.direct, error) != 0 ||
		 take_root(candidates, error) != 0)
		;
	else if (candidates->count == 0)
		(void)fail_without_root(request, candidates->chain, error);
	else
		result = compare_with_known(request, &server, candidates, error);
	candidates->other_kind = result != 0 && !said.postgresql;
	free(server.host);
	return result;
}

/* One host, and none of what the environment would add: who is asked, and by which rules, is what
 * was typed. Of CRLs the proof has something to say (anchor/proof.h). */
static int shake_hands(const struct pga_source_request *request,
		       const struct pga_key_choice *server, const char *roots, bool direct,
		       struct pga_handshake *handshake, struct pga_error *error)
{
	char port[16];
	const char *const keywords[] = {"host",        "port",     "sslmode",
					"sslrootcert", "sslcrl",   "sslcert",
					"sslkey",      "hostaddr", direct ? "sslnegotiation" : NULL,
					NULL};
	const char *const values[] = {server->host,
				      port,
				      "verify-full",
				      roots,
				      "/dev/null",
				      "/dev/null/none",
				      "/dev/null/none",
				      request->address != NULL ? request->address : "",
				      direct ? "direct" : NULL,
				      NULL};
	const struct pga_parameters parameters = {keywords, values, 0};
	struct pga_hidden_environment hidden;
	int result;

	(void)snprintf(port, sizeof port, "%u", server->port);
	if (pga_hide_environment(&hidden) != 0)
		return pga_fail_memory(error);
	result = pga_handshake(&parameters, (int)((request->http.max_time + 999) / 1000), handshake,
			       error);
	pga_restore_environment(&hidden);
	return result;
}

static int fail_unverified(const struct pga_source_request *request, const char *reason,
			   const struct pga_handshake *handshake, struct pga_error *error)
{
	struct pga_text message = PGA_TEXT_EMPTY;
	struct pga_text hint = PGA_TEXT_EMPTY;

	pga_text_addf(&message,
		      "%s: libpq does not take this server with this root: ", request->location);
	pga_text_add_printable(&message, reason, "");
	if (handshake->shown && handshake->verify_result == X509_V_OK && handshake->names != NULL) {
		pga_text_add(&hint, "its certificate is for ");
		pga_text_add_shortened(&hint, handshake->names, PGA_LONGEST_SHOWN);
		pga_text_add(&hint, ": ask for the server by such a name. ");
	}
	pga_text_add(&hint, NOTHING);
	(void)pga_fail(error, pga_text_string(&hint), "%s", pga_text_string(&message));
	pga_text_free(&message);
	pga_text_free(&hint);
	return -1;
}

/* As libpq verifies it, by its host name, too; directly where it does not know SSLRequest, and
 * libpq can. */
static int verify_server(const struct pga_source_request *request,
			 const struct pga_key_choice *server, const char *roots,
			 STACK_OF(X509) * *chain, struct pga_error *error)
{
	struct pga_handshake handshake = {.shown = false};
	struct pga_error reason;
	int result = shake_hands(request, server, roots, false, &handshake, &reason);

	if (result != 0 && !handshake.shown && pga_linked_libpq_knows("sslnegotiation")) {
		pga_handshake_free(&handshake);
		result = shake_hands(request, server, roots, true, &handshake, &reason);
	}
	if (result == 0) {
		sk_X509_pop_free(*chain, X509_free);
		*chain = handshake.chain;
		handshake.chain = NULL;
	} else {
		(void)fail_unverified(request, reason.message, &handshake, error);
	}
	pga_handshake_free(&handshake);
	return result;
}

static int verify(const struct pga_source_request *request, const char *roots,
		  STACK_OF(X509) * *chain, struct pga_error *error)
{
	struct pga_memory_file file = PGA_NO_MEMORY_FILE;
	struct pga_key_choice server;
	int result = -1;

	if (pga_key_choice_read(request->location, &server, error) != 0)
		return -1;
	if (pga_memory_file_make(&file, error) == 0 &&
	    pga_memory_file_put(&file, roots, strlen(roots), error) == 0)
		result = verify_server(request, &server, file.path, chain, error);
	pga_memory_file_end(&file);
	free(server.host);
	return result;
}

const struct pga_source pga_source_server = {
    .name = "server", .fits = fits, .read = read_server, .fetch = fetch, .verify = verify};
