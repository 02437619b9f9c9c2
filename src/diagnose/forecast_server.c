/* One server of a forecast: what its chain, or the roots that it may end in, come to. */
#include "diagnose/forecast_server.h"

#include "policy/trust.h"
#include "tls/certificate.h"
#include "tls/host_name.h"

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <stdlib.h>
#include <string.h>

struct pga_forecast_server *pga_forecast_add(const struct pga_forecasting *making, const char *host,
					     const char *port, enum pga_seen seen, const char *why)
{
	struct pga_forecast *forecast = making->forecast;
	struct pga_forecast_server *grown =
	    reallocarray(forecast->servers, forecast->count + 1, sizeof *grown);
	struct pga_forecast_server *server;

	if (grown == NULL)
		return NULL;
	forecast->servers = grown;
	server = &grown[forecast->count];
	memset(server, 0, sizeof *server);
	server->service = strdup(making->service);
	server->host = strdup(host);
	server->port = strdup(port);
	server->seen = seen;
	server->system_roots = making->trusted.system;
	server->why = why != NULL ? strdup(why) : NULL;
	forecast->count++;
	return server->service != NULL && server->host != NULL && server->port != NULL &&
		       (why == NULL || server->why != NULL)
		   ? server
		   : NULL;
}

static struct pga_forecast_server *add_host(const struct pga_forecasting *making,
					    const struct pga_checked_host *item, enum pga_seen seen,
					    const char *why)
{
	const char *port = item->host->port;

	return pga_forecast_add(making, pga_host_label(item->host), port[0] != '\0' ? port : "5432",
				seen, why);
}

static bool has_changes(const struct pga_root_changes *changes)
{
	return changes->without_count > 0 || changes->with != NULL;
}

/* The pins, where they count for this host with the changes: without the last of them, there are
 * none. */
static const struct pga_pins *pins_for(const struct pga_forecasting *making,
				       const struct pga_checked_host *item)
{
	const struct pga_forecast_question *question = making->question;
	const struct pga_pins *pins = question->pins;
	bool any = question->policy->user_anchors == PGA_REFUSE;

	if (!pga_trust_by_pins(question->policy, pins) ||
	    question->policy->mode == PGA_MODE_AUDIT ||
	    pga_checked_is_exempt(item, question->policy))
		return NULL;
	for (size_t i = 0; i < pins->count; i++)
		any = any || !pga_root_is_without(question->changes, pins->pins[i].pin);
	return any ? pins : NULL;
}

static struct pga_ends_question question_of(const struct pga_forecasting *making,
					    const struct pga_checked_host *item)
{
	return (struct pga_ends_question){
	    .chain = item->handshake.chain,
	    .as_server = true,
	    .trusted = &making->trusted,
	    .pins = pins_for(making, item),
	    .changes = making->question->changes,
	    .host = pga_host_label(item->host),
	    .now = making->question->now,
	    .last = making->question->last,
	    .server = making->forecast->count - 1,
	};
}

/* For a server that libpq has refused before it looked at the name. */
static bool is_named(const struct pga_forecasting *making, const struct pga_checked_host *item)
{
	const char *mode = pga_effective_value(&making->effective, "sslmode");

	return mode == NULL || strcmp(mode, "verify-full") != 0 ||
	       pga_certificate_names_host(sk_X509_value(item->handshake.chain, 0),
					  pga_host_label(item->host)) != PGA_NAMED_NOT;
}

/* What libpq says of a server that it refuses, where the chain is not why. */
static const char *refusal(const struct pga_forecasting *making,
			   const struct pga_checked_host *item)
{
	if (item->problem == NULL)
		return NULL;
	if (item->handshake.verify_result == X509_V_OK || !has_changes(making->question->changes))
		return item->problem;
	return is_named(making, item) ? NULL : "the certificate is not for this host";
}

static bool stops_now(const struct pga_forecasting *making, size_t first)
{
	const struct pga_ends *ends = &making->forecast->ends;

	for (size_t i = first; i < ends->count; i++)
		if (ends->list[i].at <= making->question->now)
			return true;
	return false;
}

static int look_at_chain(const struct pga_forecasting *making, const struct pga_checked_host *item,
			 struct pga_error *error)
{
	struct pga_forecast *forecast = making->forecast;
	const struct pga_ends_question question = question_of(making, item);
	const size_t first = forecast->ends.count;
	const char *why = refusal(making, item);

	if (pga_ends_find(&question, &forecast->ends, error) != 0)
		return -1;
	if (why == NULL || stops_now(making, first))
		return 0;
	for (size_t i = first; i < forecast->ends.count; i++)
		forecast->ends.list[i].behind = true;
	return pga_ends_add(&forecast->ends, question.server, PGA_END_REFUSED, question.now,
			    item->handshake.subject, why) != NULL
		   ? 0
		   : pga_fail_memory(error);
}

/* Whether a chain can end in it. */
static bool is_usable(const struct pga_ends_question *question, X509 *root, bool *failed)
{
	char pin[PGA_PIN_LENGTH + 1];

	if (root == NULL || (X509_get_extension_flags(root) & EXFLAG_SS) == 0 ||
	    X509_check_trust(root, X509_TRUST_SSL_SERVER, 0) != X509_TRUST_TRUSTED)
		return false;
	*failed = *failed || pga_certificate_pin(root, pin) != 0;
	return !*failed &&
	       (question->pins == NULL ||
		pga_pinned_after(question->pins, question->changes, pin, question->host));
}

static int look_at_root(struct pga_ends_question *question, X509 *root, struct pga_ends *ends,
			struct pga_error *error)
{
	STACK_OF(X509) *alone = sk_X509_new_null();
	const size_t first = ends->count;
	int result = -1;

	if (alone == NULL || sk_X509_push(alone, root) <= 0) {
		(void)pga_fail_memory(error);
	} else {
		question->chain = alone;
		result = pga_ends_find(question, ends, error);
	}
	sk_X509_free(alone);
	for (size_t i = first; i < ends->count; i++)
		ends->list[i].assumed = true;
	return result;
}

/* What has ended is of no account while another root is there. */
static void drop_past(struct pga_ends *ends, size_t first, time_t now)
{
	size_t kept = first;

	for (size_t i = first; i < ends->count; i++) {
		if (ends->list[i].at > now) {
			ends->list[kept++] = ends->list[i];
			continue;
		}
		free(ends->list[i].subject);
		free(ends->list[i].reason);
	}
	ends->count = kept;
}

static int add_no_root(struct pga_forecasting *making, const struct pga_ends_question *question,
		       const char *reason, bool assumed, struct pga_error *error)
{
	struct pga_end *end = pga_ends_add(&making->forecast->ends, question->server,
					   PGA_END_NO_ROOT, question->now, "", reason);

	if (end == NULL)
		return pga_fail_memory(error);
	end->assumed = assumed;
	return 0;
}

/* Of a server that does not say in which root its chain ends: all that it may end in. */
static int look_at_roots(struct pga_forecasting *making, const struct pga_checked_host *item,
			 struct pga_error *error)
{
	struct pga_ends *ends = &making->forecast->ends;
	struct pga_ends_question question = question_of(making, item);
	const STACK_OF(X509_OBJECT) *objects =
	    X509_STORE_get0_objects(SSL_CTX_get_cert_store(making->trusted.tls));
	const size_t first = ends->count;
	size_t usable = 0;
	size_t good = 0;
	bool failed = false;
	bool taken = false;

	question.as_server = false;
	for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
		X509 *root = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
		const size_t before = ends->count;

		if (!is_usable(&question, root, &failed))
			continue;
		usable++;
		if (look_at_root(&question, root, ends, error) != 0)
			return -1;
		good += !stops_now(making, before);
	}
	if (failed)
		return pga_fail_memory(error);
	if (good > 0)
		drop_past(ends, first, question.now);
	for (size_t i = 0; i < making->question->changes->without_count; i++)
		taken = taken || making->trusted.present[i];
	if (usable == 0)
		return add_no_root(making, &question, "no root that is left can be its root", false,
				   error);
	return taken ? add_no_root(making, &question, "its root may be one that is taken away",
				   true, error)
		     : 0;
}

static int tell_not_reached(struct pga_forecasting *making, const struct pga_checked_host *item,
			    struct pga_error *error)
{
	struct pga_findings *findings = &making->forecast->findings;
	const bool answered = item->handshake.answered;

	if (add_host(making, item, PGA_NOT_REACHED, item->problem) == NULL)
		return pga_fail_memory(error);
	pga_findings_add(
	    findings, answered ? PGA_SERVER_WITHOUT_CERTIFICATE : PGA_SERVER_NOT_REACHED,
	    PGA_SEVERITY_WARNING, PGA_ABOUT_SERVERS, "%s: %s %s", making->service,
	    pga_host_label(item->host), answered ? "shows no certificate" : "was not reached");
	pga_findings_detail(findings, "%s", item->problem);
	pga_findings_hint(findings, "what is told of it is of the roots that it may end in alone");
	return look_at_roots(making, item, error);
}

static int look_at_server(struct pga_forecasting *making, const struct pga_checked_host *item,
			  struct pga_error *error)
{
	const char *mode = pga_effective_value(&making->effective, "sslmode");
	struct pga_text why = PGA_TEXT_EMPTY;
	const struct pga_forecast_server *added;

	if (item->skipped) {
		if (item->host->local)
			pga_text_add(&why, "a Unix-domain socket has no TLS");
		else
			pga_text_addf(&why, "sslmode=%s demands no TLS", mode != NULL ? mode : "");
		added =
		    why.failed ? NULL : add_host(making, item, PGA_LEFT_OUT, pga_text_string(&why));
		pga_text_free(&why);
		return added != NULL ? 0 : pga_fail_memory(error);
	}
	if (item->problem != NULL && !item->handshake.shown)
		return tell_not_reached(making, item, error);
	if (add_host(making, item, PGA_SEEN, NULL) == NULL)
		return pga_fail_memory(error);
	return look_at_chain(making, item, error);
}

int pga_forecast_servers(struct pga_forecasting *making, const struct pga_check *check,
			 struct pga_error *error)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < check->count; i++)
		result = look_at_server(making, &check->items[i], error);
	return result;
}
