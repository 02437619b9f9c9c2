#include "probe/questions.h"

#include "probe/startup.h"
#include "tls/dial.h"
#include "tls/x509_text.h"

#include <stdlib.h>
#include <string.h>

/* Nobody's name, and nobody's database: they go out in the clear. */
#define MADE_UP "pganchor-probe"

bool pga_probe_dial_again(const struct pga_probing *probing, struct pga_exchange *exchange)
{
	struct pga_error ignored;

	pga_exchange_leave(exchange);
	exchange->connection = pga_dial_again((const struct sockaddr *)&probing->peer,
					      probing->peer_length, exchange->where, &ignored);
	return exchange->connection >= 0;
}

void pga_probe_dial_others(struct pga_probing *probing)
{
	(void)pga_probe_dial_again(probing, &probing->plain);
	(void)pga_probe_dial_again(probing, &probing->gss);
	(void)pga_probe_dial_again(probing, &probing->direct);
}

/* The first of the groups is that of PostgreSQL up to 17: another one would have it ask again. Of
 * this session nobody tells the group. OpenSSL does not call the list const. */
void pga_probe_ask_others(struct pga_probing *probing)
{
	char groups[] = "P-256:X25519:P-384:P-521";
	struct pga_exchange *direct = &probing->direct;
	struct pga_error ignored;

	if (probing->plain.connection >= 0)
		(void)pga_probe_send_startup(probing, &probing->plain, false,
					     &probing->probe->plain_startup, &ignored);
	if (probing->gss.connection >= 0)
		probing->gss_asked =
		    pga_exchange_ask(&probing->gss, PGA_GSS_REQUEST, &ignored) == PGA_EXCHANGED;
	if (direct->connection >= 0 &&
	    pga_exchange_session(direct, probing->target->trust->trusted.tls, NULL, &ignored) ==
		0 &&
	    SSL_set1_groups_list(direct->tls, groups) == 1)
		probing->direct_asked = pga_exchange_hello(direct, &ignored) == PGA_EXCHANGED;
}

enum pga_exchanged pga_probe_send_startup(struct pga_probing *probing,
					  struct pga_exchange *exchange, bool own_user,
					  struct pga_probe_startup *startup,
					  struct pga_error *error)
{
	const struct pga_probe_target *target = probing->target;
	struct pga_text packet = PGA_TEXT_EMPTY;
	const char *user = own_user ? target->user : MADE_UP;
	const char *dbname = !own_user                ? MADE_UP
			     : target->dbname != NULL ? target->dbname
						      : target->user;
	enum pga_exchanged sent;

	memset(startup, 0, sizeof *startup);
	startup->own_user = own_user;
	pga_startup_compose(user, dbname, &packet);
	if (packet.failed) {
		(void)pga_fail_memory(error);
		sent = PGA_EXCHANGE_FAILED;
	} else {
		sent = pga_exchange_write(exchange, packet.bytes, packet.length, error);
	}
	startup->asked = sent == PGA_EXCHANGED;
	pga_text_free(&packet);
	return sent;
}

void pga_probe_read_startup(struct pga_exchange *exchange, struct pga_probe_startup *startup)
{
	unsigned char bytes[PGA_ANSWER_MOST];
	struct pga_error ignored;
	size_t length = 0;
	size_t got;

	while (startup->asked && length < sizeof bytes &&
	       pga_exchange_read(exchange, bytes + length, sizeof bytes - length, &got, &ignored) ==
		   PGA_EXCHANGED) {
		length += got;
		if (pga_startup_read(bytes, length, startup))
			return;
	}
}

void pga_probe_hear_gss(struct pga_probing *probing)
{
	enum pga_probe_said *gss = &probing->probe->gss;
	struct pga_error ignored;

	if (!probing->gss_asked)
		return;
	switch (pga_exchange_answer(&probing->gss, &ignored)) {
	case PGA_EXCHANGED:
		*gss = PGA_PROBE_YES;
		break;
	case PGA_EXCHANGE_NO:
	case PGA_EXCHANGE_ERROR: /* of one before PostgreSQL 12 */
		*gss = PGA_PROBE_NO;
		break;
	default:
		break;
	}
}

/* In the clear, an error that does not name pg_hba.conf is no word of a client's certificate. */
void pga_probe_hear_plain(struct pga_probing *probing)
{
	struct pga_probe *probe = probing->probe;
	struct pga_probe_startup *startup = &probe->plain_startup;

	pga_probe_read_startup(&probing->plain, startup);
	if (startup->auth == PGA_ASKS_CERTIFICATE)
		startup->auth = PGA_ASKS_REFUSED;
	switch (startup->auth) {
	case PGA_ASKS_UNKNOWN:
	case PGA_ASKS_NOT_UNDERSTOOD:
		probe->plain = PGA_PROBE_NOT_SAID;
		break;
	case PGA_ASKS_NO_ENTRY:
	case PGA_ASKS_REFUSED:
	case PGA_ASKS_CERTIFICATE:
		probe->plain = PGA_PROBE_NO;
		break;
	default:
		probe->plain = PGA_PROBE_YES;
		break;
	}
}

/* A server that shows no certificate to who names no host has to be asked once more, by the name.
 */
static enum pga_exchanged ask_by_name(struct pga_probing *probing)
{
	struct pga_exchange *direct = &probing->direct;
	struct pga_error ignored;

	if (!pga_probe_dial_again(probing, direct) ||
	    pga_exchange_session(direct, probing->target->trust->trusted.tls,
				 probing->target->unnamed ? NULL : probing->target->host,
				 &ignored) != 0)
		return PGA_EXCHANGE_FAILED;
	return pga_exchange_shake_hands(direct, &ignored);
}

int pga_probe_hear_direct(struct pga_probing *probing, X509 *named, struct pga_error *error)
{
	struct pga_exchange *direct = &probing->direct;
	struct pga_probe *probe = probing->probe;
	struct pga_error ignored;
	enum pga_exchanged outcome = PGA_EXCHANGE_FAILED;
	X509 *unnamed;

	if (probing->direct_asked)
		outcome = pga_exchange_shake_hands(direct, &ignored);
	if (outcome == PGA_EXCHANGE_NO_TLS && direct->alert != 0) {
		outcome = ask_by_name(probing);
		probe->other_unnamed =
		    outcome == PGA_EXCHANGED ? PGA_PROBE_YES : PGA_PROBE_NOT_SAID;
	} else if (outcome == PGA_EXCHANGED) {
		unnamed = SSL_get0_peer_certificate(direct->tls);
		probe->other_unnamed = named == NULL || unnamed == NULL || probing->target->unnamed
					   ? PGA_PROBE_NOT_SAID
				       : X509_cmp(named, unnamed) == 0 ? PGA_PROBE_NO
								       : PGA_PROBE_YES;
		if (probe->other_unnamed == PGA_PROBE_YES) {
			probe->unnamed = pga_x509_name(X509_get_subject_name(unnamed));
			if (probe->unnamed == NULL)
				return pga_fail_memory(error);
		}
	}
	if (outcome == PGA_EXCHANGED)
		probe->direct =
		    pga_exchange_chose_postgresql(direct) ? PGA_PROBE_YES : PGA_PROBE_NOT_SAID;
	else if (outcome != PGA_EXCHANGE_FAILED && !probe->settings_refuse_tls)
		probe->direct = PGA_PROBE_NO;
	if (probe->was_direct)
		probe->direct = PGA_PROBE_YES;
	return 0;
}
