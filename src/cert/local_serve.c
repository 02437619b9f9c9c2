#include "cert/local_serve.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "base/transaction.h"
#include "cert/cluster_sql.h"
#include "policy/linked.h"
#include "tls/handshake.h"
#include "tls/server_chain.h"
#include "tls/x509_text.h"

#include <openssl/err.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Once more, where the machine is too busy, say. */
#define TRIES 2

/* Nowhere: no file of the user's is to have a say in it. */
#define NO_FILE "/dev/null/none"

static const struct pga_cluster_setting wanted[PGA_TLS_SETTINGS] = {
    [PGA_TLS_CERT] = {"ssl_cert_file", PGA_SERVED_CRT},
    [PGA_TLS_KEY] = {"ssl_key_file", PGA_SERVED_KEY},
    [PGA_TLS_ON] = {"ssl", "on"},
};

/* A verify-full handshake as any client's. Returns -1 unless it was shown this certificate. */
static int shake_hands(const struct pga_local_ca *ca, const struct pga_serving *serving,
		       struct pga_error *error)
{
	char port[16];
	const char *const keywords[] = {"host",    "port",   "sslmode", "sslrootcert",
					"sslcert", "sslcrl", NULL};
	const char *const values[] = {"localhost", port,    "verify-full", ca->crt_path,
				      NO_FILE,     NO_FILE, NULL};
	const struct pga_parameters parameters = {keywords, values, 0};
	struct pga_hidden_environment hidden;
	struct pga_handshake handshake;
	int result;

	(void)snprintf(port, sizeof port, "%u", serving->cluster.port);
	if (pga_hide_environment(&hidden) != 0)
		return pga_fail_memory(error);
	result = pga_handshake(&parameters, 5, &handshake, error);
	pga_restore_environment(&hidden);
	if (result == 0 && (sk_X509_num(handshake.chain) < 1 ||
			    X509_cmp(sk_X509_value(handshake.chain, 0), serving->pair.leaf) != 0))
		result = pga_fail(error, NULL, "it shows another certificate");
	pga_handshake_free(&handshake);
	return result;
}

/* It has loaded its configuration by now, and tells nobody but its log whether it could. */
static int prove(const struct pga_local_ca *ca, struct pga_serving *serving,
		 struct pga_error *error)
{
	for (unsigned tries = 0; shake_hands(ca, serving, error) != 0; tries++) {
		if (tries == TRIES)
			return -1;
		(void)poll(NULL, 0, 100);
	}
	serving->proved = true;
	return 0;
}

static bool is_as_wanted(const struct pga_cluster_setting *before)
{
	for (size_t i = 0; i < PGA_TLS_SETTINGS; i++)
		if (before[i].value == NULL || strcmp(before[i].value, wanted[i].value) != 0)
			return false;
	return true;
}

/* The reason first, and then what stays of it all. */
static int put_back(struct pga_cluster_session *session, struct pga_serving *serving,
		    const struct pga_cluster_setting *before, struct pga_error *error)
{
	const char *log = pga_cluster_log(session);
	struct pga_error why = {.message = ""};
	struct pga_error first = *error;
	struct pga_text hint = PGA_TEXT_EMPTY;

	if (serving->altered ? pga_cluster_alter(session, before, &why) != 0
			     : pga_cluster_reload(session, &why) != 0)
		pga_text_addf(&hint, "what stays: its configuration (%s). ", why.message);
	if (pga_local_pair_take_back(&serving->pair, &why) != 0)
		pga_text_addf(&hint, "what stays: the pair (%s). ", why.message);
	if (hint.length == 0)
		pga_text_add(&hint, "all was put back as it was. ");
	pga_text_addf(&hint, "Its log says why%s%s", log[0] != '\0' ? ": " : "", log);
	(void)pga_fail(error, pga_text_string(&hint),
		       "the server of %s does not show its new certificate: %s",
		       serving->cluster.directory, first.message);
	pga_text_free(&hint);
	return -1;
}

static int change(const struct pga_local_ca *ca, struct pga_cluster_session *session,
		  struct pga_serving *serving, struct pga_error *error)
{
	struct pga_cluster_setting before[PGA_TLS_SETTINGS];

	if (pga_cluster_altered(session, before, error) != 0 ||
	    pga_local_pair_write(&serving->pair, error) != 0)
		return -1;
	serving->altered = !is_as_wanted(before);
	if ((serving->altered ? pga_cluster_alter(session, wanted, error)
			      : pga_cluster_reload(session, error)) == 0 &&
	    prove(ca, serving, error) == 0)
		return 0;
	return put_back(session, serving, before, error);
}

/* Whoever verifies the server by another CA would be refused from then on. What is signed by
 * itself, as Debian's is, verifies nothing. */
static int check_shown(const struct pga_local_ca *ca, const struct pga_serving *serving,
		       struct pga_error *error)
{
	const struct pga_server server = {.host = "localhost",
					  .port = serving->cluster.port,
					  .way = PGA_SERVER_REQUESTED,
					  .connect_timeout = 5000,
					  .max_time = 10000};
	STACK_OF(X509) *chain = NULL;
	struct pga_error ignored;
	int result = 0;

	if (pga_server_chain(&server, &chain, NULL, &ignored) == 0) {
		X509 *leaf = sk_X509_value(chain, 0);
		const X509_NAME *issuer = X509_get_issuer_name(leaf);
		char *name = pga_x509_name(issuer);

		if (X509_NAME_cmp(issuer, X509_get_subject_name(leaf)) != 0 &&
		    X509_verify(leaf, ca->key) != 1)
			result = pga_fail(error,
					  "pganchor bootstrap pins that CA; or --replace, if "
					  "nobody verifies the server by it",
					  "the server shows a certificate already, of the CA %s: "
					  "whoever verifies it would refuse another",
					  name != NULL ? name : "");
		free(name);
		ERR_clear_error();
	}
	sk_X509_pop_free(chain, X509_free);
	return result;
}

/* Signals wait until it stands, or all is as it was. */
static int serve_running(const struct pga_local_ca *ca, const struct pga_serve_wish *wish,
			 struct pga_serving *serving, struct pga_error *error)
{
	struct pga_cluster_session *session =
	    pga_cluster_enter(&serving->cluster, wish->user, error);
	sigset_t signals;
	int result = -1;

	if (session == NULL)
		return -1;
	if (pga_cluster_can_serve(session, wanted, error) == 0 &&
	    pga_local_pair_begin(&serving->pair, ca, &wish->pair, error) == 0 &&
	    (wish->replace || check_shown(ca, serving, error) == 0)) {
		if (wish->dry_run) {
			result = 0;
		} else {
			pga_signals_hold(&signals);
			result = change(ca, session, serving, error);
			pga_signals_release(&signals);
		}
	}
	pga_cluster_leave(session);
	return result;
}

/* Pair and configuration in one: it starts with both, or with what it had. */
static int serve_stopped(const struct pga_local_ca *ca, const struct pga_serve_wish *wish,
			 struct pga_serving *serving, struct pga_error *error)
{
	struct pga_transaction_file conf = {.committed = false};
	struct pga_transaction_file *const files[3] = {&serving->pair.key,
						       &serving->pair.certificate, &conf};
	char *path = pga_cluster_file(&serving->cluster, "postgresql.auto.conf");
	int result = -1;

	if (path == NULL)
		return pga_fail_memory(error);
	if (pga_local_pair_begin(&serving->pair, ca, &wish->pair, error) != 0 ||
	    pga_edit_begin(&conf.edit, path, 0600, error) != 0)
		goto done;
	if (memchr(pga_text_string(&conf.edit.before), '\0', conf.edit.before.length) != NULL) {
		(void)pga_fail(error, "the server could not read it either; nothing was changed",
			       "%s: it has NUL bytes", path);
		goto done;
	}
	pga_cluster_set(&conf.edit.before, wanted, PGA_TLS_SETTINGS, &conf.after);
	serving->altered = conf.after.length != conf.edit.before.length ||
			   memcmp(conf.after.bytes, conf.edit.before.bytes, conf.after.length) != 0;
	if (serving->altered && pga_transaction_put(&conf, error) != 0)
		goto done;
	result = wish->dry_run ? 0 : pga_transaction_write(files, 3, error);
done:
	pga_transaction_end(&conf);
	free(path);
	return result;
}

int pga_local_serve(const struct pga_local_ca *ca, struct pga_serve_wish *wish,
		    struct pga_serving *serving, struct pga_error *error)
{
	memset(serving, 0, sizeof *serving);
	if (pga_cluster_look(&serving->cluster, wish->directory, error) != 0)
		return -1;
	serving->certificate = pga_cluster_file(&serving->cluster, PGA_SERVED_CRT);
	serving->key = pga_cluster_file(&serving->cluster, PGA_SERVED_KEY);
	if (serving->certificate == NULL || serving->key == NULL)
		return pga_fail_memory(error);
	wish->pair.certificate = serving->certificate;
	wish->pair.key = serving->key;
	wish->pair.replace = wish->replace;
	wish->pair.place = "it is another local CA's; nothing was changed. --replace has it signed "
			   "by this one: whoever trusts the other alone is refused then";
	serving->runs = serving->cluster.postmaster != 0;
	return serving->runs ? serve_running(ca, wish, serving, error)
			     : serve_stopped(ca, wish, serving, error);
}

void pga_serving_free(struct pga_serving *serving)
{
	pga_local_pair_end(&serving->pair);
	pga_cluster_free(&serving->cluster);
	free(serving->certificate);
	free(serving->key);
	memset(serving, 0, sizeof *serving);
}
