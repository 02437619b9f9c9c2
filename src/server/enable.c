/* TLS on: the plan. */
#include "server/change.h"
#include "server/clients.h"
#include "server/copy_plan.h"
#include "server/pair_rule.h"
#include "server/service_pair.h"
#include "server/start.h"

#include "base/text.h"
#include "tls/host_name.h"
#include "tls/host_names.h"
#include "tls/x509_text.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <string.h>

static bool by_service(const struct pga_server_work *work)
{
	return work->target.login.service != NULL;
}

static const char *chosen(const struct pga_server_work *work,
			  const char *const wanted[PGA_SET_COUNT], enum pga_server_setting which)
{
	const char *now = work->settings.of[which].now;

	if (wanted[which] != NULL)
		return wanted[which];
	return now != NULL ? now : "";
}

static bool is_set(const struct pga_server_work *work, enum pga_server_setting which)
{
	const char *now = work->settings.of[which].now;

	return now != NULL && now[0] != '\0' && strcmp(now, "off") != 0;
}

/* The handshake is the proof of the pair, since every view of the server says "applied". */
static int expect(X509 *leaf, char expected[65], struct pga_error *error)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned length = 0;

	if (X509_digest(leaf, EVP_sha256(), sum, &length) != 1)
		return pga_fail_memory(error);
	pga_hex(sum, length, expected);
	return 0;
}

static bool any(const struct pga_server_goal goals[PGA_SET_COUNT])
{
	for (size_t i = 0; i < PGA_SET_COUNT; i++)
		if (goals[i].altered)
			return true;
	return false;
}

static int check_other_files(const struct pga_server_work *work, struct pga_error *error)
{
	static const enum pga_server_setting files[] = {PGA_SEEN_CA, PGA_SEEN_CRL};

	if (!by_service(work))
		return pga_server_check_other_files(&work->target.cluster, &work->settings, error);
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		const char *file = work->settings.of[files[i]].now;

		if (file != NULL && file[0] != '\0' &&
		    pga_service_check_file(&work->target, pga_server_settings[files[i]], file,
					   files[i] == PGA_SEEN_CRL, error) != 0)
			return -1;
	}
	return 0;
}

/* How clients call it: what is typed, and what a service that is verified says. */
static size_t list_hosts(const struct pga_server_work *work, const struct pga_server_wish *wish,
			 const char *hosts[PGA_SERVER_HOSTS + 1])
{
	size_t count = 0;

	for (; count < wish->host_count && count < PGA_SERVER_HOSTS; count++)
		hosts[count] = wish->hosts[count];
	if (by_service(work) && work->target.login.encrypted)
		hosts[count++] = work->target.login.host;
	return count;
}

/* What whoever connects has to be told: the name, and the root, which the file may have at its
 * end. */
static int keep_for_clients(struct pga_server_work *work, STACK_OF(X509) * chain, const char *host,
			    struct pga_error *error)
{
	X509 *last = sk_X509_value(chain, sk_X509_num(chain) - 1);
	struct pga_text names = PGA_TEXT_EMPTY;

	pga_host_names_of(sk_X509_value(chain, 0), &names);
	if (host != NULL)
		work->called = strdup(host);
	else if (names.length > 0)
		work->called =
		    strndup(pga_text_string(&names), strcspn(pga_text_string(&names), "\n"));
	work->issuer = pga_x509_name(X509_get_issuer_name(last));
	pga_text_free(&names);
	if (X509_check_issued(last, last) != X509_V_OK)
		return 0;
	work->no_root = X509_check_ca(last) == 0;
	return work->no_root ? 0 : expect(last, work->root, error);
}

/* Everything that the server would look at. The caller frees the chain. unusable: why it would be
 * of a copy, if it is to be one. */
static int check_files(struct pga_server_work *work, const struct pga_server_wish *wish,
		       const char *const wanted[PGA_SET_COUNT], STACK_OF(X509) * *chain,
		       struct pga_error *unusable, struct pga_error *error)
{
	const struct pga_cluster *cluster = &work->target.cluster;
	const char *hosts[PGA_SERVER_HOSTS + 1];
	const struct pga_server_pair pair = {
	    .certificate = chosen(work, wanted, PGA_SET_CERT),
	    .key = chosen(work, wanted, PGA_SET_KEY),
	    .copied = wish->certificate != NULL && !by_service(work) &&
		      !pga_server_pair_is_usable(cluster, wish->certificate, wish->key, unusable),
	    .passphrase = is_set(work, PGA_SEEN_PASSPHRASE),
	    .ciphers = chosen(work, wanted, PGA_SET_CIPHERS),
	    .tls13 = chosen(work, wanted, PGA_SET_TLS13),
	    .groups = chosen(work, wanted, PGA_SET_GROUPS),
	    .min = chosen(work, wanted, PGA_SET_MIN),
	    .max = chosen(work, wanted, PGA_SET_MAX),
	    .hosts = hosts,
	    .host_count = list_hosts(work, wish, hosts)};
	int result;

	if (pair.passphrase && !is_set(work, PGA_SEEN_PASSPHRASE_RELOAD))
		return pga_fail(error,
				"ssl_passphrase_command_supports_reload = on, if that command asks "
				"nobody; nothing was changed",
				"the server would not load a key with a passphrase at a reload");
	result = by_service(work)
		     ? pga_service_pair_check(&work->target, &pair, &work->plan, chain, error)
		     : pga_server_pair_check(cluster, &pair, &work->plan, chain, error);
	return result == 0 ? expect(sk_X509_value(*chain, 0), work->expected, error) : -1;
}

static int check_pair(struct pga_server_work *work, const struct pga_server_wish *wish,
		      const char *wanted[PGA_SET_COUNT], struct pga_error *error)
{
	const char *hosts[PGA_SERVER_HOSTS + 1];
	struct pga_error unusable = {.message = ""};
	STACK_OF(X509) *chain = NULL;
	int result = check_files(work, wish, wanted, &chain, &unusable, error);

	if (result == 0)
		result = keep_for_clients(
		    work, chain, list_hosts(work, wish, hosts) > 0 ? hosts[0] : NULL, error);
	if (result == 0)
		result = pga_server_look_at_clients(work, wish, chain, error);
	sk_X509_pop_free(chain, X509_free);
	if (result != 0 || unusable.message[0] == '\0')
		return result;
	return pga_server_plan_copy(work, wish, wanted, unusable.message, error);
}

static int read_hosts(struct pga_server_work *work, struct pga_error *error)
{
	const char *path = work->settings.of[PGA_SEEN_HOSTS].now;

	if (!work->target.by_name || path == NULL || path[0] == '\0')
		return 0;
	if (by_service(work))
		return pga_fail(error,
				"at the server, pganchor server enable-tls --data-dir DIRECTORY "
				"does. Nothing was changed",
				"ssl_sni is on: the certificates of %s are not looked at from here",
				path);
	return pga_server_hosts_read(&work->hosts, &work->target.cluster, path, error);
}

/* The pair of one line: the server loads all of them, or none. */
static int check_host(struct pga_server_work *work, const char *const wanted[PGA_SET_COUNT],
		      struct pga_server_host *host, struct pga_error *error)
{
	const char *const name = host->name;
	const struct pga_server_pair pair = {.certificate = host->certificate,
					     .key = host->key,
					     .passphrase = host->passphrase,
					     .ciphers = chosen(work, wanted, PGA_SET_CIPHERS),
					     .tls13 = chosen(work, wanted, PGA_SET_TLS13),
					     .groups = chosen(work, wanted, PGA_SET_GROUPS),
					     .min = chosen(work, wanted, PGA_SET_MIN),
					     .max = chosen(work, wanted, PGA_SET_MAX),
					     .hosts = &name,
					     .host_count = pga_server_host_is_name(host) ? 1 : 0};

	if (pga_server_check_host_ca(&work->target.cluster, host, error) != 0)
		return -1;
	if (host->ca != NULL)
		pga_plan_add(&work->plan, PGA_PLAN_CHECKED,
			     "%s: clients' certificates of %s are verified by it, and OpenSSL "
			     "loads it",
			     host->ca, name);
	if (pga_server_pair_check(&work->target.cluster, &pair, &work->plan, &host->chain, error) !=
	    0)
		return -1;
	return expect(sk_X509_value(host->chain, 0), host->leaf, error);
}

/* Whoever calls it so has to be shown a certificate that names it. */
static int check_called(const struct pga_server_work *work, const char *name,
			struct pga_error *error)
{
	const struct pga_server_host *host = pga_server_host_for(&work->hosts, name);
	const char *path = work->settings.of[PGA_SEEN_HOSTS].now;

	if (host == NULL)
		return pga_fail(error, "a line for it, or for *; nothing was changed",
				"%s: no line is for %s, and the server would refuse whoever calls "
				"it so",
				path, name);
	if (pga_certificate_names_host(sk_X509_value(host->chain, 0), name) == PGA_NAMED_NOT)
		return pga_fail(error,
				"a client with sslmode=verify-full would refuse it; nothing was "
				"changed",
				"%s, line %zu: that certificate does not name %s", host->path,
				host->line, name);
	return 0;
}

static int check_hosts(struct pga_server_work *work, const struct pga_server_wish *wish,
		       const char *const wanted[PGA_SET_COUNT], struct pga_error *error)
{
	const char *path = work->settings.of[PGA_SEEN_HOSTS].now;

	if (wish->certificate != NULL)
		return pga_fail(
		    error,
		    "put HOSTNAME CERTIFICATE KEY there, a line each, and leave out "
		    "--cert and --key. Nothing was changed",
		    "ssl_sni is on, and %s has lines: that of ssl_cert_file is not used", path);
	for (size_t i = 0; i < work->hosts.count; i++)
		if (check_host(work, wanted, &work->hosts.list[i], error) != 0)
			return -1;
	for (size_t i = 0; i < wish->host_count; i++)
		if (check_called(work, wish->hosts[i], error) != 0)
			return -1;
	return pga_server_look_at_clients(work, wish, NULL, error);
}

int pga_server_check_comes_back(struct pga_server_work *work, const struct pga_server_wish *wish,
				const char *const wanted[PGA_SET_COUNT], struct pga_error *error)
{
	/* What is typed there is where it answers, and no name. */
	const struct pga_server_wish same = {.service = wish->service,
					     .directory = wish->directory,
					     .user = wish->user,
					     .policy = wish->policy,
					     .pins = wish->pins};
	struct pga_error ignored;
	STACK_OF(X509) *chain = NULL;
	int result;

	if (by_service(work) && work->target.by_name)
		return 0;
	if (read_hosts(work, error) != 0)
		return -1;
	if (work->hosts.count > 0)
		return check_hosts(work, &same, wanted, error);
	result = check_files(work, &same, wanted, &chain, &ignored, error);
	sk_X509_pop_free(chain, X509_free);
	return result == 0 ? check_other_files(work, error) : -1;
}

static void plan_proof(struct pga_server_work *work)
{
	const char *host = work->target.host;
	const unsigned port = work->target.cluster.port;

	if (work->hosts.count > 0) {
		pga_plan_add(&work->plan, PGA_PLAN_STEP,
			     "a TLS handshake with %s, port %u, by each name of %s has to show the "
			     "certificate of its line; else all is put back",
			     host, port, work->settings.of[PGA_SEEN_HOSTS].now);
		return;
	}
	pga_plan_add(&work->plan, PGA_PLAN_STEP,
		     "a TLS handshake with %s, port %u, has to show this certificate; else all is "
		     "put back",
		     host, port);
	pga_plan_detail(&work->plan, "SHA-256 %s", work->expected);
	if (work->changes && strcmp(work->served, work->expected) == 0)
		pga_plan_add(&work->plan, PGA_PLAN_STEP,
			     "it shows that already: further handshakes have to come to the "
			     "versions and ciphers that are set, and to no others; else all is put "
			     "back");
}

/* Over a session nobody sees whose key it is: what the server then shows tells, if that is another
 * certificate than it has shown before. */
static int check_key_shows(struct pga_server_work *work, struct pga_error *error)
{
	const bool same = strcmp(work->served, work->expected) == 0;

	if (same && pga_server_pair_changes(work->goals))
		return pga_fail(error,
				"at the server, pganchor server enable-tls --data-dir DIRECTORY "
				"looks at the key itself. Nothing was changed",
				"the server shows this very certificate already: no handshake "
				"would tell whether it has taken the key from where it is to be");
	pga_plan_add(&work->plan, PGA_PLAN_WARNING,
		     same ? "the key's mode and owner cannot be seen from here: the server has "
			    "loaded it once, and whether it would again, as it does at its next "
			    "start, is not known"
			  : "the key's mode and owner, and whether it is the certificate's, cannot "
			    "be seen from here: the handshake shows it, and else all is put back");
	return 0;
}

int pga_server_plan_enable(struct pga_server_work *work, const struct pga_server_wish *wish,
			   struct pga_error *error)
{
	const char *wanted[PGA_SET_COUNT] = {
	    [PGA_SET_CERT] = wish->certificate, [PGA_SET_KEY] = wish->key,
	    [PGA_SET_TLS13] = wish->tls13,      [PGA_SET_GROUPS] = wish->groups,
	    [PGA_SET_CIPHERS] = wish->ciphers,  [PGA_SET_MIN] = wish->min,
	    [PGA_SET_MAX] = wish->max,          [PGA_SET_ON] = "on"};

	if (pga_server_settings_check(&work->settings, wanted, error) != 0)
		return -1;
	if (read_hosts(work, error) != 0 ||
	    (work->hosts.count > 0 ? check_hosts(work, wish, wanted, error)
				   : check_pair(work, wish, wanted, error)) != 0 ||
	    check_other_files(work, error) != 0)
		return -1;
	work->on = true;
	pga_server_goals_of(&work->settings, wanted, work->goals, work->back);
	work->changes = any(work->goals);
	if (by_service(work) && check_key_shows(work, error) != 0)
		return -1;
	pga_server_settings_plan(&work->settings, wanted, &work->plan);
	plan_proof(work);
	return pga_plan_check(&work->plan, error);
}
