/* TLS on: the plan. */
#include "server/change.h"
#include "server/clients.h"
#include "server/pair_rule.h"
#include "server/start.h"

#include "base/text.h"

#include <openssl/evp.h>

#include <string.h>
#include <unistd.h>

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
static int expect(struct pga_server_work *work, X509 *leaf, struct pga_error *error)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned length = 0;

	if (X509_digest(leaf, EVP_sha256(), sum, &length) != 1)
		return pga_fail_memory(error);
	pga_hex(sum, length, work->expected);
	work->on = true;
	return 0;
}

static bool any(const struct pga_server_goal goals[PGA_SET_COUNT])
{
	for (size_t i = 0; i < PGA_SET_COUNT; i++)
		if (goals[i].altered)
			return true;
	return false;
}

/* What the server cannot use where it is, it gets as a copy. */
static int plan_copy(struct pga_server_work *work, const struct pga_server_wish *wish,
		     const char *wanted[PGA_SET_COUNT], struct pga_error *error)
{
	struct pga_server_copy *copy = &work->copy;

	if (geteuid() == 0 && wish->linked_by_others)
		return pga_fail(error, "name the file that it leads to; nothing was changed",
				"%s: the server's user could not use it there, and what another "
				"user's symbolic link leads to is not copied for it",
				wish->key);
	if (pga_server_copy_begin(copy, wish->certificate, wish->key, work->expected, error) != 0)
		return -1;
	pga_plan_add(
	    &work->plan, PGA_PLAN_WARNING,
	    "%s: the server's user could not use it there, and gets a copy: whoever renews "
	    "it has to run this again",
	    wish->key);
	if (pga_server_settings_by_hand(&work->settings)) {
		pga_plan_add(&work->plan, PGA_PLAN_STEP,
			     "copy %s to %s in the data directory, and %s to %s: mode 0600, of its "
			     "owner",
			     wish->key, copy->names[PGA_PLACED_KEY], wish->certificate,
			     copy->names[PGA_PLACED_CERT]);
	} else {
		pga_plan_add(&work->plan, PGA_PLAN_STEP,
			     "write %s and %s in the data directory, mode 0600",
			     copy->names[PGA_PLACED_KEY], copy->names[PGA_PLACED_CERT]);
	}
	wanted[PGA_SET_CERT] = copy->names[PGA_PLACED_CERT];
	wanted[PGA_SET_KEY] = copy->names[PGA_PLACED_KEY];
	return 0;
}

/* Everything that the server would look at. */
static int check_pair(struct pga_server_work *work, const struct pga_server_wish *wish,
		      const char *wanted[PGA_SET_COUNT], struct pga_error *error)
{
	const struct pga_cluster *cluster = &work->target.cluster;
	const struct pga_server_pair pair = {
	    .certificate = chosen(work, wanted, PGA_SET_CERT),
	    .key = chosen(work, wanted, PGA_SET_KEY),
	    .copied = wish->certificate != NULL &&
		      !pga_server_pair_is_usable(cluster, wish->certificate, wish->key),
	    .passphrase = is_set(work, PGA_SEEN_PASSPHRASE),
	    .ciphers = chosen(work, wanted, PGA_SET_CIPHERS),
	    .min = chosen(work, wanted, PGA_SET_MIN),
	    .max = chosen(work, wanted, PGA_SET_MAX),
	    .hosts = wish->hosts,
	    .host_count = wish->host_count};
	STACK_OF(X509) *chain = NULL;
	int result;

	if (pair.passphrase && !is_set(work, PGA_SEEN_PASSPHRASE_RELOAD))
		return pga_fail(error,
				"ssl_passphrase_command_supports_reload = on, if that command asks "
				"nobody; nothing was changed",
				"the server would not load a key with a passphrase at a reload");
	result = pga_server_pair_check(cluster, &pair, &work->plan, &chain, error);
	if (result == 0)
		result = expect(work, sk_X509_value(chain, 0), error);
	if (result == 0)
		result = pga_server_look_at_clients(work, wish, chain, error);
	sk_X509_pop_free(chain, X509_free);
	return result == 0 && pair.copied ? plan_copy(work, wish, wanted, error) : result;
}

int pga_server_plan_enable(struct pga_server_work *work, const struct pga_server_wish *wish,
			   struct pga_error *error)
{
	const char *wanted[PGA_SET_COUNT] = {
	    [PGA_SET_CERT] = wish->certificate, [PGA_SET_KEY] = wish->key,
	    [PGA_SET_CIPHERS] = wish->ciphers,  [PGA_SET_MIN] = wish->min,
	    [PGA_SET_MAX] = wish->max,          [PGA_SET_ON] = "on"};

	if (pga_server_settings_check(&work->settings, wanted, error) != 0)
		return -1;
	if (is_set(work, PGA_SEEN_SNI))
		pga_plan_add(&work->plan, PGA_PLAN_WARNING,
			     "ssl_sni is on: of the hosts in pg_hosts.conf, each has a certificate "
			     "of its own, which is not looked at here");
	if (check_pair(work, wish, wanted, error) != 0 ||
	    pga_server_check_other_files(&work->target.cluster, &work->settings, error) != 0)
		return -1;
	pga_server_goals_of(&work->settings, wanted, work->goals, work->back);
	work->changes = any(work->goals);
	pga_server_settings_plan(&work->settings, wanted, &work->plan);
	pga_plan_add(&work->plan, PGA_PLAN_STEP,
		     "a TLS handshake with %s, port %u, has to show this certificate; else all is "
		     "put back",
		     work->target.host, work->target.cluster.port);
	pga_plan_detail(&work->plan, "SHA-256 %s", work->expected);
	if (work->changes && strcmp(work->served, work->expected) == 0)
		pga_plan_add(&work->plan, PGA_PLAN_STEP,
			     "it shows that already: further handshakes have to come to the "
			     "versions and ciphers that are set, and to no others; else all is put "
			     "back");
	return pga_plan_check(&work->plan, error);
}
