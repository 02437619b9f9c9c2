#include "server/clients.h"

#include "base/many.h"
#include "probe/callers.h"
#include "server/service_pair.h"
#include "service/addresses.h"
#include "tls/host_names.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <ifaddrs.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

/* ---- where the server listens ---- */

/* Of listen_addresses so many are looked at. */
#define MOST_LISTENED 32

struct listening {
	bool everywhere;
	struct ifaddrs *interfaces; /* where it does; the addresses are theirs then */
	struct addrinfo *own;
	struct addrinfo *named[MOST_LISTENED];
	size_t count;
};

/* The addresses of this machine, as getaddrinfo() would have them. */
static int list_interfaces(struct listening *listening, struct pga_error *error)
{
	size_t count = 0;

	if (getifaddrs(&listening->interfaces) != 0)
		return pga_fail_errno(error, "nothing was changed",
				      "the addresses of this machine cannot be listed");
	for (const struct ifaddrs *one = listening->interfaces; one != NULL; one = one->ifa_next)
		count++;
	listening->own = calloc(count + 1, sizeof *listening->own);
	if (listening->own == NULL)
		return pga_fail_memory(error);
	count = 0;
	for (const struct ifaddrs *one = listening->interfaces; one != NULL; one = one->ifa_next) {
		const int family = one->ifa_addr != NULL ? one->ifa_addr->sa_family : AF_UNSPEC;

		if (family != AF_INET && family != AF_INET6)
			continue;
		listening->own[count] =
		    (struct addrinfo){.ai_family = family, .ai_addr = one->ifa_addr};
		if (count > 0)
			listening->own[count - 1].ai_next = &listening->own[count];
		count++;
	}
	return 0;
}

static bool is_any(const char *address)
{
	return strcmp(address, "*") == 0 || strcmp(address, "0.0.0.0") == 0 ||
	       strcmp(address, "::") == 0;
}

static int find_listening(struct listening *listening, const char *list, struct pga_error *error)
{
	while (*list != '\0' && listening->count < MOST_LISTENED) {
		const size_t length = strcspn(list, ", ");
		char *one = strndup(list, length);

		if (one == NULL)
			return pga_fail_memory(error);
		if (is_any(one))
			listening->everywhere = true;
		else if (one[0] != '\0')
			listening->named[listening->count++] = pga_addresses_find(one, false);
		free(one);
		list += length;
		list += strspn(list, ", ");
	}
	return listening->everywhere ? list_interfaces(listening, error) : 0;
}

static void forget_listening(struct listening *listening)
{
	for (size_t i = 0; i < listening->count; i++)
		if (listening->named[i] != NULL)
			freeaddrinfo(listening->named[i]);
	free(listening->own);
	if (listening->interfaces != NULL)
		freeifaddrs(listening->interfaces);
}

/* A name of this machine may stand for any of 127.0.0.0/8. */
static bool leads_here(const struct pga_callers *callers, size_t index,
		       const struct listening *listening, unsigned port)
{
	const struct addrinfo *addresses = callers->addresses[index];

	if (addresses == NULL)
		return false;
	if (listening->everywhere && callers->fleet.list[index].target->port == port &&
	    pga_addresses_are_loopback(addresses))
		return true;
	if (pga_caller_leads(callers, index, listening->own, port))
		return true;
	for (size_t i = 0; i < listening->count; i++)
		if (pga_caller_leads(callers, index, listening->named[i], port))
			return true;
	return false;
}

/* ---- the chain, as they will be shown it ---- */

static int push(STACK_OF(X509) * chain, X509 *certificate, struct pga_error *error)
{
	if (X509_up_ref(certificate) == 1 && sk_X509_push(chain, certificate) > 0)
		return 0;
	X509_free(certificate);
	return pga_fail_memory(error);
}

static X509 *issuer_among(const STACK_OF(X509_INFO) * list, X509 *certificate)
{
	for (int i = 0; i < sk_X509_INFO_num(list); i++) {
		X509 *one = sk_X509_INFO_value(list, i)->x509;

		if (one != NULL && X509_check_issued(one, certificate) == X509_V_OK)
			return one;
	}
	return NULL;
}

static STACK_OF(X509_INFO) * read_as_owner(const struct pga_cluster *cluster, const char *file)
{
	char *path = file[0] == '/' ? strdup(file) : pga_cluster_file(cluster, file);
	STACK_OF(X509_INFO) *list = NULL;
	struct pga_error ignored;
	struct pga_as_owner as;
	BIO *bio;

	if (path == NULL || pga_cluster_as_owner(cluster, &as, &ignored) != 0) {
		free(path);
		return NULL;
	}
	bio = BIO_new_file(path, "r");
	if (bio != NULL)
		list = PEM_X509_INFO_read_bio(bio, NULL, NULL, NULL);
	BIO_free(bio);
	pga_cluster_as_before(&as);
	free(path);
	return list;
}

/* Where the file has but one, OpenSSL adds the issuers that it finds in ssl_ca_file
 * (ssl_add_cert_chain() of statem_lib.c). */
static int add_issuers(const struct pga_server_work *work, STACK_OF(X509) * chain,
		       struct pga_error *error)
{
	const char *file = work->settings.of[PGA_SEEN_CA].now;
	const struct pga_server_target *target = &work->target;
	STACK_OF(X509_INFO) * list;
	X509 *last = sk_X509_value(chain, 0);
	int result = 0;

	if (sk_X509_num(chain) > 1 || file == NULL || file[0] == '\0')
		return 0;
	list = target->login.service != NULL ? pga_service_read_all(target, file)
					     : read_as_owner(&target->cluster, file);
	while (result == 0 && sk_X509_num(chain) < 10 &&
	       X509_check_issued(last, last) != X509_V_OK &&
	       (last = issuer_among(list, last)) != NULL)
		result = push(chain, last, error);
	sk_X509_INFO_pop_free(list, X509_INFO_free);
	ERR_clear_error();
	return result;
}

static STACK_OF(X509) *
    shown_chain(const struct pga_server_work *work, STACK_OF(X509) * chain, struct pga_error *error)
{
	STACK_OF(X509) *shown = sk_X509_new_null();
	int result = shown != NULL ? 0 : pga_fail_memory(error);

	for (int i = 0; result == 0 && i < sk_X509_num(chain); i++)
		result = push(shown, sk_X509_value(chain, i), error);
	if (result == 0)
		result = add_issuers(work, shown, error);
	if (result == 0)
		return shown;
	sk_X509_pop_free(shown, X509_free);
	return NULL;
}

/* ---- what they make of it ---- */

struct looking {
	struct pga_server_work *work;
	STACK_OF(X509) * chain;
	const struct pga_pins *pins;
	struct pga_callers callers;
	struct pga_probe_targets bare; /* hosts that are named by themselves */
	size_t told;
};

/* An entry that verifies nobody would connect all the same. */
static const char *refusal_of(const struct pga_probe_target *target)
{
	if (target->service == NULL)
		return "could not verify it";
	return target->unverified ? "does not verify it, and could not" : "would not connect";
}

/* What whoever calls it by this host is shown. */
static STACK_OF(X509) * chain_for(const struct looking *looking, const char *host)
{
	const struct pga_server_host *found;

	if (looking->chain != NULL)
		return looking->chain;
	found = pga_server_host_for(&looking->work->hosts, host);
	return found != NULL ? found->chain : NULL;
}

/* The root that this one knows is the one that the others need, too. */
static void keep_root(struct looking *looking, const char *anchor)
{
	const struct pga_pin *pin = pga_pins_named(looking->pins, anchor);
	char *root = looking->work->root;

	if (pin != NULL && root[0] == '\0')
		memcpy(root, pin->pin, sizeof looking->work->root);
}

static int tell(struct looking *looking, const struct pga_probe_target *target, const char *who,
		struct pga_error *error)
{
	struct pga_server_plan *plan = &looking->work->plan;
	struct pga_chain_view view;
	STACK_OF(X509) *chain = chain_for(looking, target->host);
	int result;

	looking->told++;
	if (chain == NULL) {
		pga_plan_add(plan, PGA_PLAN_WARNING, "%s would be refused: no line of %s is for it",
			     who, looking->work->settings.of[PGA_SEEN_HOSTS].now);
		return 0;
	}
	result = pga_chain_view_of(target, chain, &view, error);
	if (result == 0 && view.verified && view.anchor != NULL)
		keep_root(looking, view.anchor);
	if (result == 0 && view.verified && view.anchor != NULL)
		pga_plan_add(plan, PGA_PLAN_CHECKED, "%s verifies it by the anchor %s", who,
			     view.anchor);
	else if (result == 0 && view.verified)
		pga_plan_add(plan, PGA_PLAN_CHECKED, "%s verifies it", who);
	else if (result == 0)
		pga_plan_add(plan, PGA_PLAN_WARNING, "%s %s: %s", who, refusal_of(target),
			     view.why);
	if (result == 0 && !view.verified && view.hint != NULL)
		pga_plan_detail(plan, "%s", view.hint);
	pga_chain_view_free(&view);
	return result;
}

/* Where a service leads to, no name of the server's own is looked up here. */
static const char *addresses_of(const struct pga_server_work *work)
{
	const struct pga_server_target *target = &work->target;

	if (target->login.service == NULL)
		return work->settings.of[PGA_SEEN_LISTEN].now;
	return target->login.address[0] != '\0' ? target->login.address : target->host;
}

static int tell_callers(struct looking *looking, struct pga_error *error)
{
	struct pga_server_work *work = looking->work;
	const struct pga_callers *callers = &looking->callers;
	const char *addresses = addresses_of(work);
	struct listening listening = {.everywhere = false};
	int result = find_listening(&listening, addresses != NULL ? addresses : "", error);

	for (size_t i = 0; result == 0 && i < callers->fleet.count; i++) {
		const struct pga_fleet_server *server = &callers->fleet.list[i];
		struct pga_text who = PGA_TEXT_EMPTY;

		if (!leads_here(callers, i, &listening, work->target.cluster.port))
			continue;
		pga_text_addf(&who, "service %s (%s)", server->services, server->target->host);
		result = who.failed ? pga_fail_memory(error)
				    : tell(looking, server->target, pga_text_string(&who), error);
		pga_text_free(&who);
	}
	forget_listening(&listening);
	return result;
}

static int tell_host(struct looking *looking, const char *host, struct pga_error *error)
{
	struct pga_text word = PGA_TEXT_EMPTY;
	struct pga_text who = PGA_TEXT_EMPTY;
	const size_t at = looking->bare.count;
	int result;

	pga_text_addf(&word, strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host,
		      looking->work->target.cluster.port);
	result = word.failed ? pga_fail_memory(error)
			     : pga_probe_targets_add(&looking->bare, pga_text_string(&word),
						     &looking->callers.trusts, error);
	pga_text_addf(&who, "whoever calls it %s from here", host);
	if (result == 0)
		result = who.failed
			     ? pga_fail_memory(error)
			     : tell(looking, &looking->bare.list[at], pga_text_string(&who), error);
	pga_text_free(&who);
	pga_text_free(&word);
	return result;
}

/* Nobody has said how it is called. */
static int tell_first_name(struct looking *looking, struct pga_error *error)
{
	struct pga_text names = PGA_TEXT_EMPTY;
	int result = 0;

	pga_host_names_of(sk_X509_value(looking->chain, 0), &names);
	if (names.failed)
		result = pga_fail_memory(error);
	else if (names.length > 0) {
		char *first =
		    strndup(pga_text_string(&names), strcspn(pga_text_string(&names), "\n"));

		result = first != NULL ? tell_host(looking, first, error) : pga_fail_memory(error);
		free(first);
	}
	pga_text_free(&names);
	return result;
}

static bool is_told(const struct looking *looking, const char *host)
{
	for (size_t i = 0; i < looking->callers.fleet.count; i++)
		if (looking->callers.addresses[i] != NULL &&
		    strcmp(looking->callers.fleet.list[i].target->host, host) == 0)
			return true;
	return false;
}

static int look(struct looking *looking, const struct pga_server_wish *wish,
		struct pga_error *error)
{
	int result = tell_callers(looking, error);

	for (size_t i = 0; result == 0 && i < wish->host_count; i++)
		if (!is_told(looking, wish->hosts[i]))
			result = tell_host(looking, wish->hosts[i], error);
	if (result == 0 && looking->told == 0 && looking->chain != NULL)
		result = tell_first_name(looking, error);
	return result;
}

/* Where it cannot be found out who trusts what, the server's own side is none the worse. */
static void tell_unknown(struct pga_server_work *work, const struct pga_error *why)
{
	pga_plan_add(&work->plan, PGA_PLAN_WARNING,
		     "what the clients of this machine make of it was not looked at: %s",
		     why->message);
}

int pga_server_look_at_clients(struct pga_server_work *work, const struct pga_server_wish *wish,
			       STACK_OF(X509) * chain, struct pga_error *error)
{
	struct pga_pins pins = {0};
	struct looking looking = {.work = work, .pins = &pins};
	struct pga_policy policy = {0};
	int found;

	if (chain != NULL) {
		looking.chain = shown_chain(work, chain, error);
		if (looking.chain == NULL)
			return -1;
	}
	if (pga_policy_load(&policy, error) != 0 || pga_pins_load(&pins, &policy, error) != 0)
		found = -1;
	else
		found = pga_callers_find(&looking.callers, work->target.cluster.port, &policy,
					 &pins, error);
	if (found > 0)
		pga_many_end(found);
	if (found < 0 || look(&looking, wish, error) != 0)
		tell_unknown(work, error);
	pga_probe_targets_free(&looking.bare);
	pga_callers_free(&looking.callers);
	pga_pins_free(&pins);
	pga_policy_free(&policy);
	sk_X509_pop_free(looking.chain, X509_free);
	return pga_plan_check(&work->plan, error);
}
