/* Four connections, so that no answer waits for another: they are begun together, and each is
 * asked its next question before the answers of the others are waited for. */
#include "probe/probe.h"

#include "probe/chain.h"
#include "probe/client_settings.h"
#include "probe/questions.h"
#include "tls/dial.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Milliseconds that the other questions have, once the first is answered. */
#define OTHERS 3000

static double since(const struct timespec *start)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

/* Keeps what the error says. */
static int take_words(struct pga_probe *probe, struct pga_error *error)
{
	probe->why = strdup(error->message);
	probe->hint = error->hint[0] != '\0' ? strdup(error->hint) : NULL;
	return probe->why != NULL && (error->hint[0] == '\0' || probe->hint != NULL)
		   ? 0
		   : pga_fail_memory(error);
}

static int end(struct pga_probe *probe, enum pga_probe_answer answer, struct pga_error *error)
{
	probe->answer = answer;
	return take_words(probe, error);
}

static bool note_peer(struct pga_probing *probing)
{
	struct pga_probe *probe = probing->probe;

	probing->peer_length = sizeof probing->peer;
	if (getpeername(probing->tls.connection, (struct sockaddr *)&probing->peer,
			&probing->peer_length) != 0)
		return false;
	if (getnameinfo((struct sockaddr *)&probing->peer, probing->peer_length, probe->address,
			sizeof probe->address, NULL, 0, NI_NUMERICHOST) != 0)
		probe->address[0] = '\0';
	return true;
}

/* Returns whether there is a connection; where not, the probe says why, or *failed memory ran out.
 */
static bool dial(struct pga_probing *probing, const struct timespec *start, bool *failed,
		 struct pga_error *error)
{
	const struct pga_probe_target *target = probing->target;
	const char *host = target->address[0] != '\0' ? target->address : target->host;
	struct pga_probe *probe = probing->probe;
	struct addrinfo *addresses;
	int fault;

	if (pga_dial_look_up(host, target->port, &addresses, error) != 0) {
		if (target->meant != NULL)
			(void)snprintf(error->hint, sizeof error->hint, "%s", target->meant);
		*failed = end(probe, PGA_PROBE_UNKNOWN_NAME, error) != 0;
		return false;
	}
	probe->resolved = since(start);
	probing->tls.deadline = pga_dial_now() + probing->limits->max_time;
	probing->tls.connection = pga_dial_one_of(addresses, probing->limits->connect_timeout,
						  probing->tls.deadline, probing->tls.where, error);
	fault = errno;
	freeaddrinfo(addresses);
	probe->connected = since(start) - probe->resolved;
	if (probing->tls.connection >= 0) {
		if (note_peer(probing))
			return true;
		(void)pga_fail_errno(error, NULL, "%s: the connection has ended",
				     probing->tls.where);
	}
	*failed = end(probe, fault == ETIMEDOUT ? PGA_PROBE_TIMED_OUT : PGA_PROBE_NOT_CONNECTED,
		      error) != 0;
	return false;
}

/* Notes that the server asks for one, and has none. */
static int on_certificate_wanted(SSL *session, void *wanted)
{
	(void)session;
	*(bool *)wanted = true;
	return 1;
}

static enum pga_exchanged shake_hands(struct pga_probing *probing, SSL_CTX *context,
				      struct pga_error *error)
{
	const struct pga_probe_target *target = probing->target;

	if (pga_exchange_session(&probing->tls, context, target->unnamed ? NULL : target->host,
				 error) != 0)
		return PGA_EXCHANGE_FAILED;
	SSL_set_cert_cb(probing->tls.tls, on_certificate_wanted,
			&probing->probe->wants_certificate);
	return pga_exchange_shake_hands(&probing->tls, error);
}

/* As far as TLS, on a connection that has just been made. */
static enum pga_exchanged ask_tls(struct pga_probing *probing, SSL_CTX *context, bool direct,
				  struct pga_error *error)
{
	enum pga_exchanged outcome = PGA_EXCHANGED;

	if (!direct) {
		outcome = pga_exchange_ask(&probing->tls, PGA_SSL_REQUEST, error);
		if (outcome == PGA_EXCHANGED)
			outcome = pga_exchange_answer(&probing->tls, error);
	}
	return outcome == PGA_EXCHANGED ? shake_hands(probing, context, error) : outcome;
}

/* The first way, while the others have begun; whoever does not answer it may know another one. */
static enum pga_exchanged ask_first(struct pga_probing *probing, struct pga_error *error)
{
	const struct pga_probe_target *target = probing->target;
	struct pga_exchange *tls = &probing->tls;
	enum pga_exchanged outcome = PGA_EXCHANGED;

	pga_probe_dial_others(probing);
	if (!target->direct) {
		outcome = pga_exchange_ask(tls, PGA_SSL_REQUEST, error);
		if (outcome == PGA_EXCHANGED)
			outcome = pga_exchange_answer(tls, error);
	}
	if (outcome != PGA_EXCHANGED && outcome != PGA_EXCHANGE_NO)
		return outcome;
	pga_probe_ask_others(probing);
	probing->probe->was_direct = target->direct;
	return outcome == PGA_EXCHANGED ? shake_hands(probing, target->trust->trusted.tls, error)
					: outcome;
}

static bool ask_laxly(struct pga_probing *probing)
{
	SSL_CTX *lax = pga_probe_lax_context();
	struct pga_error ignored;
	const bool stands = lax != NULL && ask_tls(probing, lax, probing->target->direct,
						   &ignored) == PGA_EXCHANGED;

	SSL_CTX_free(lax);
	return stands;
}

/* Of TLS that stands without the settings' bounds: whether those alone are against it. */
static bool is_out_of_bounds(const struct pga_probe_trust *trust, const SSL *tls)
{
	const int version = SSL_version(tls);

	return version >= TLS1_2_VERSION &&
	       (version < trust->min_tls || (trust->max_tls != 0 && version > trust->max_tls));
}

static enum pga_exchanged ask_otherwise(struct pga_probing *probing, enum pga_exchanged first)
{
	const struct pga_probe_target *target = probing->target;
	const bool silent = first == PGA_EXCHANGE_CLOSED || first == PGA_EXCHANGE_OTHER;
	const bool answered = probing->tls.answered;
	struct pga_probe *probe = probing->probe;
	struct pga_error ignored;

	if ((!silent && first != PGA_EXCHANGE_NO_TLS) ||
	    !pga_probe_dial_again(probing, &probing->tls))
		return first;
	if (silent) {
		probe->was_direct = true;
		if (ask_tls(probing, target->trust->trusted.tls, true, &ignored) == PGA_EXCHANGED &&
		    pga_exchange_chose_postgresql(&probing->tls)) {
			pga_probe_ask_others(probing);
			return PGA_EXCHANGED;
		}
		probe->was_direct = false;
	} else if (ask_laxly(probing)) {
		probe->libpq_refuses_tls = true;
		probe->settings_refuse_tls = is_out_of_bounds(target->trust, probing->tls.tls);
		return PGA_EXCHANGED;
	}
	probing->tls.answered = answered;
	return first;
}

static enum pga_probe_answer answer_of(enum pga_exchanged outcome)
{
	switch (outcome) {
	case PGA_EXCHANGED:
		return PGA_PROBE_TLS;
	case PGA_EXCHANGE_NO:
		return PGA_PROBE_NO_TLS;
	case PGA_EXCHANGE_ERROR:
		return PGA_PROBE_ERROR;
	case PGA_EXCHANGE_INJECTED:
		return PGA_PROBE_INJECTED;
	case PGA_EXCHANGE_OTHER:
	case PGA_EXCHANGE_NO_ALPN:
		return PGA_PROBE_NOT_POSTGRESQL;
	case PGA_EXCHANGE_CLOSED:
		return PGA_PROBE_CLOSED;
	case PGA_EXCHANGE_NO_TLS:
		return PGA_PROBE_NO_HANDSHAKE;
	case PGA_EXCHANGE_FAILED:
		break;
	}
	return PGA_PROBE_TIMED_OUT;
}

static int look_at_session(struct pga_probing *probing, struct pga_error *error)
{
	SSL *tls = probing->tls.tls;
	STACK_OF(X509) *shown = SSL_get_peer_cert_chain(tls);
	struct pga_probe *probe = probing->probe;
	const char *group = SSL_group_to_name(tls, (int)SSL_get_negotiated_group(tls));

	probe->protocol = strdup(SSL_get_version(tls));
	probe->cipher = strdup(SSL_get_cipher_name(tls));
	probe->group = group != NULL ? strdup(group) : NULL;
	if (probe->protocol == NULL || probe->cipher == NULL ||
	    (group != NULL && probe->group == NULL))
		return pga_fail_memory(error);
	if (sk_X509_num(shown) <= 0) {
		(void)pga_fail(error, NULL, "%s: TLS, and no certificate", probing->tls.where);
		return end(probe, PGA_PROBE_NO_HANDSHAKE, error);
	}
	return pga_probe_chain(probing->target, shown, probe, error);
}

/* The service's names go to no server that is not proved. */
static int ask_all(struct pga_probing *probing, struct pga_error *error)
{
	const struct pga_probe_target *target = probing->target;
	struct pga_probe *probe = probing->probe;
	struct pga_probe_startup *startup = &probe->tls_startup;
	const long long deadline = pga_dial_now() + OTHERS;
	struct pga_error ignored;

	if (deadline < probing->tls.deadline)
		probing->tls.deadline = deadline;
	probing->plain.deadline = probing->tls.deadline;
	probing->gss.deadline = probing->tls.deadline;
	probing->direct.deadline = probing->tls.deadline;
	if (probe->answer == PGA_PROBE_TLS)
		(void)pga_probe_send_startup(probing, &probing->tls,
					     probe->verified && target->user != NULL, startup,
					     &ignored);
	pga_probe_read_startup(&probing->tls, startup);
	if (startup->auth == PGA_ASKS_CERTIFICATE && !probe->wants_certificate)
		startup->auth = PGA_ASKS_REFUSED;
	pga_probe_hear_plain(probing);
	pga_probe_hear_gss(probing);
	return pga_probe_hear_direct(
	    probing, probe->length > 0 ? probe->chain[0].certificate.x509 : NULL, error);
}

static int ask(struct pga_probing *probing, const struct timespec *start, struct pga_error *error)
{
	struct pga_probe *probe = probing->probe;
	enum pga_exchanged outcome;
	bool failed = false;

	if (!dial(probing, start, &failed, error))
		return failed ? -1 : 0;
	outcome = ask_first(probing, error);
	outcome = ask_otherwise(probing, outcome);
	probe->shaken = since(start) - probe->resolved - probe->connected;
	probe->answer = answer_of(outcome);
	probe->postgresql = probing->tls.answered || outcome == PGA_EXCHANGED;
	if (outcome != PGA_EXCHANGED) {
		(void)pga_exchange_fail(&probing->tls, outcome, error);
		if (take_words(probe, error) != 0)
			return -1;
	} else if (look_at_session(probing, error) != 0) {
		return -1;
	}
	return outcome == PGA_EXCHANGED || outcome == PGA_EXCHANGE_NO ||
		       outcome == PGA_EXCHANGE_NO_TLS
		   ? ask_all(probing, error)
		   : 0;
}

int pga_probe_run(const struct pga_probe_target *target, const struct pga_probe_limits *limits,
		  struct pga_probe *probe, struct pga_error *error)
{
	struct pga_probing probing = {.target = target, .limits = limits, .probe = probe};
	const long long deadline = pga_dial_now() + limits->max_time;
	struct timespec start;
	int result;

	memset(probe, 0, sizeof *probe);
	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	probe->now = time(NULL);
	pga_exchange_begin(&probing.tls, target->host, target->port, deadline);
	pga_exchange_begin(&probing.plain, target->host, target->port, deadline);
	pga_exchange_begin(&probing.gss, target->host, target->port, deadline);
	pga_exchange_begin(&probing.direct, target->host, target->port, deadline);
	result = ask(&probing, &start, error);
	if (result == 0 && probe->verified_by_libpq && target->settings != NULL)
		result = pga_client_settings_try(target, probe, deadline, error);
	if (result == 0 && probe->why == NULL && !probe->verified)
		result = pga_probe_explain(target, probe, error);
	probe->all = since(&start);
	pga_exchange_leave(&probing.tls);
	pga_exchange_leave(&probing.plain);
	pga_exchange_leave(&probing.gss);
	pga_exchange_leave(&probing.direct);
	return result;
}

void pga_probe_free(struct pga_probe *probe)
{
	for (size_t i = 0; i < probe->length; i++) {
		pga_certificate_free(&probe->chain[i].certificate);
		free(probe->chain[i].key);
		free(probe->chain[i].signature);
	}
	free(probe->chain);
	free(probe->why);
	free(probe->hint);
	free(probe->protocol);
	free(probe->cipher);
	free(probe->group);
	free(probe->names);
	free(probe->unnamed);
	free(probe->refusal);
	memset(probe, 0, sizeof *probe);
}
