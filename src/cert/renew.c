#include "cert/renewing.h"

#include "anchor/crls.h"
#include "base/terminal.h"
#include "cert/key.h"
#include "cert/passphrase.h"
#include "cert/renew_ask.h"
#include "tls/certificate.h"

#include <stdlib.h>
#include <string.h>

/* The first pause, and the longest. */
#define FIRST_PAUSE   300
#define LONGEST_PAUSE 3600

struct pga_reload pga_cert_record_reload(const struct pga_cert_record *record)
{
	return (struct pga_reload){.exec = record->exec,
				   .unit = record->reload,
				   .signal = record->signal,
				   .prove = record->prove};
}

static struct pga_reload reload_of(const struct pga_cert_record *record,
				   const struct pga_renewal_wish *wish)
{
	struct pga_reload reload = pga_cert_record_reload(record);

	if (wish->reload.exec != NULL)
		reload.exec = wish->reload.exec;
	if (wish->reload.unit != NULL)
		reload.unit = wish->reload.unit;
	if (wish->reload.signal != NULL)
		reload.signal = wish->reload.signal;
	if (wish->reload.prove != NULL)
		reload.prove = wish->reload.prove;
	return reload;
}

time_t pga_renewal_next(const struct pga_cert_record *record, const struct pga_cert_state *state)
{
	const time_t tried = record->tried[0] != '\0' ? pga_crl_time(record->tried) : 0;
	const time_t life = state->to > state->from ? state->to - state->from : 0;
	const time_t longest = life / 12 < LONGEST_PAUSE ? life / 12 : LONGEST_PAUSE;
	time_t pause = life / 200 < FIRST_PAUSE ? life / 200 : FIRST_PAUSE;

	for (long i = 1; i < record->failures && pause < longest; i++)
		pause *= 2;
	return tried + (pause < longest ? pause : longest);
}

static int fail(const struct renewing *renewing, const struct pga_error *why)
{
	renewing->renewal->why = *why;
	renewing->renewal->outcome = PGA_RENEWAL_FAILED;
	return -1;
}

/* ---- before ---- */

static bool is_due(const struct renewing *renewing)
{
	const struct pga_cert_state *state = &renewing->state;

	if (renewing->wish->force)
		return true;
	if (renewing->wish->expires_in >= 0)
		return renewing->now >= state->to - renewing->wish->expires_in;
	return state->standing == PGA_CERT_DUE || state->expired;
}

/* Whether it goes on: where not, the outcome is there. */
static bool is_to_be_renewed(struct renewing *renewing)
{
	const struct pga_cert_state *state = &renewing->state;
	struct pga_renewal *renewal = renewing->renewal;
	struct pga_error why;

	memcpy(renewal->ends, state->not_after, sizeof renewal->ends);
	renewal->expired = state->expired;
	if (pga_cert_record_revoked(renewing->record, pga_cert_leaf(state))) {
		(void)pga_fail(&why, "pganchor cert issue makes another one", "it was revoked %s",
			       renewing->record->revoked);
		(void)fail(renewing, &why);
		return false;
	}
	if (state->standing == PGA_CERT_BROKEN && !state->expired) {
		(void)pga_fail(&why, state->hint[0] != '\0' ? state->hint : NULL, "%s",
			       state->fault);
		(void)fail(renewing, &why);
		return false;
	}
	renewal->next =
	    renewing->wish->expires_in >= 0 ? state->to - renewing->wish->expires_in : state->due;
	if (!is_due(renewing)) {
		renewal->outcome = PGA_RENEWAL_NOT_DUE;
		return false;
	}
	if (!renewing->wish->force && renewing->record->failures > 0) {
		renewal->next = pga_renewal_next(renewing->record, state);
		/* A clock that was set back has nobody wait for longer. */
		if (renewing->now < renewal->next &&
		    renewal->next - renewing->now <= LONGEST_PAUSE) {
			renewal->outcome = PGA_RENEWAL_WAITS;
			return false;
		}
	}
	renewal->outcome = PGA_RENEWAL_WOULD;
	return !renewing->wish->dry_run;
}

/* A key of the kind that the old one has. */
static int make_key(struct renewing *renewing, struct pga_error *error)
{
	const int kind = EVP_PKEY_get_base_id(renewing->state.key);

	if (!renewing->wish->rekey)
		return 0;
	renewing->key = pga_key_make(kind == EVP_PKEY_RSA       ? PGA_KEY_RSA
				     : kind == EVP_PKEY_ED25519 ? PGA_KEY_ED25519
								: PGA_KEY_EC,
				     error);
	if (renewing->key == NULL)
		return -1;
	return pga_key_write(renewing->key, renewing->passphrase.bytes, &renewing->key_pem, error);
}

/* A run that was killed behind the exchange has told nobody: what uses it would go on with the old
 * one until that ends. */
static int tell_late(struct renewing *renewing)
{
	struct pga_error why;

	pga_renewing_look(renewing);
	renewing->leaf = pga_cert_leaf(&renewing->state);
	if (X509_up_ref(renewing->leaf) != 1) {
		renewing->leaf = NULL;
		(void)pga_fail_memory(&why);
		return fail(renewing, &why);
	}
	if (pga_renewing_tell(renewing, &why) != 0)
		return fail(renewing, &why);
	renewing->renewal->outcome = PGA_RENEWAL_TOLD;
	return 0;
}

/* The key is pganchor's where it has made it now, or had made the old one, and not where a pair of
 * somebody's was renewed. */
static void note_made(struct renewing *renewing)
{
	struct pga_cert_record *record = renewing->record;
	const bool ours =
	    renewing->key != NULL || pga_cert_record_made(record, pga_cert_leaf(&renewing->state));
	char pin[PGA_PIN_LENGTH + 1] = "";
	struct pga_error ignored;

	/* For want of memory it is nobody's, so that a copy is kept of it. */
	if (!ours || renewing->renewal->outcome != PGA_RENEWAL_DONE ||
	    pga_certificate_pin(renewing->leaf, pin) != 0 ||
	    pga_cert_record_set(&record->made, pin, &ignored) != 0)
		record->made[0] = '\0';
}

/* What could not be noted is told, and nothing else comes of it: the files are what counts. */
static void note(struct renewing *renewing)
{
	note_made(renewing);
	if (pga_cert_record_note(renewing->record, &renewing->renewal->not_noted) == 0)
		renewing->renewal->not_noted.message[0] = '\0';
}

/* That it is about to be exchanged is noted first, where somebody is to be told of it. */
static int note_untold(struct renewing *renewing, struct pga_error *error)
{
	if (!pga_reload_is_any(&renewing->reload))
		return 0;
	renewing->record->untold = true;
	return pga_cert_record_note(renewing->record, error);
}

/* Of a pair that whoever has issued it was killed behind: it is there, and may get another key. */
static int note_placed(struct renewing *renewing, struct pga_error *error)
{
	if (renewing->record->placing[0] == '\0')
		return 0;
	renewing->record->placing[0] = '\0';
	return pga_cert_record_note(renewing->record, error);
}

/* Whoever was told meanwhile that it is renewed no more is to be right. What cannot be read says
 * nothing. */
static int check_revoked(const struct renewing *renewing, struct pga_error *why)
{
	struct pga_cert_records records;
	const struct pga_cert_record *there = NULL;
	struct pga_error ignored;
	bool revoked = false;

	if (pga_cert_records_read(&records, &ignored) == 0)
		there = pga_cert_record_named(&records, renewing->record->name);
	if (there != NULL)
		revoked = pga_cert_record_revoked(there, pga_cert_leaf(&renewing->state));
	pga_cert_records_free(&records);
	return revoked ? pga_fail(why, "pganchor cert issue makes another one",
				  "it was revoked in the meantime")
		       : 0;
}

static int exchange(struct renewing *renewing)
{
	struct pga_error why;
	int placed;

	if (note_placed(renewing, &why) != 0)
		return fail(renewing, &why);
	if (pga_passphrase_unlock(renewing->record->key, &renewing->state, &renewing->passphrase,
				  &why) != 0 ||
	    make_key(renewing, &why) != 0 ||
	    pga_renew_ask(renewing->record, &renewing->state, renewing->key, renewing->wish,
			  &renewing->chain, &renewing->leaf, &why) != 0)
		return fail(renewing, &why);
	if (pga_renewing_describe(renewing, &why) != 0)
		return fail(renewing, &why);
	pga_renewing_look(renewing);
	if (note_untold(renewing, &why) != 0)
		return fail(renewing, &why);
	placed = pga_renewing_place(renewing, &why);
	if (placed != 0)
		renewing->record->untold = false;
	if (placed > 0) {
		renewing->renewal->outcome = PGA_RENEWAL_OTHER;
		note(renewing);
		return 1;
	}
	if (placed == 0 &&
	    (check_revoked(renewing, &why) != 0 || pga_renewing_tell(renewing, &why) != 0)) {
		pga_renewing_take_back(renewing, &why);
		renewing->record->untold = !renewing->renewal->taken_back;
		placed = -1;
	}
	if (placed != 0)
		return fail(renewing, &why);
	renewing->renewal->outcome = PGA_RENEWAL_DONE;
	return 0;
}

/* ---- what is remembered ---- */

static void forget_failures(struct pga_cert_record *record)
{
	record->failures = 0;
	record->tried[0] = '\0';
	record->why[0] = '\0';
}

static void remember_success(struct renewing *renewing)
{
	struct pga_renewal *renewal = renewing->renewal;
	struct pga_cert_record *record = renewing->record;

	renewal->rekeyed = renewing->key != NULL;
	renewal->serial = pga_cert_serial(renewing->leaf, false);
	renewal->next = pga_cert_due(renewing->leaf);
	(void)pga_x509_date(X509_get0_notAfter(renewing->leaf), renewal->ends);
	forget_failures(record);
	record->untold = false;
	if (renewal->outcome == PGA_RENEWAL_DONE) {
		struct pga_error ignored;

		pga_x509_now(record->renewed);
		/* Without it, status does not look whether somebody has exchanged it. */
		if (pga_cert_record_set_serial(record, renewing->leaf, &ignored) != 0)
			record->serial[0] = '\0';
	}
	note(renewing);
}

/* In one line, of characters that certs.conf can have. */
static int remember_failure(struct renewing *renewing, struct pga_error *error)
{
	struct pga_cert_record *record = renewing->record;
	char *why = pga_cert_line(renewing->renewal->why.message);

	if (why == NULL)
		return pga_fail_memory(error);
	free(record->why);
	record->why = why;
	record->failures = record->failures < 1000000 ? record->failures + 1 : record->failures;
	pga_x509_date_of(renewing->now, record->tried);
	note(renewing);
	renewing->renewal->next = pga_renewal_next(record, &renewing->state);
	return 0;
}

/* What a killed run has left is a pair that matches; links, and copies of keys, need not stay until
 * it is due. */
static void tidy(struct renewing *renewing)
{
	struct pga_error why;

	if (pga_renewing_describe(renewing, &why) != 0 ||
	    (pga_pair_is_untidy(&renewing->files) && pga_pair_tidy(&renewing->files, &why) != 0))
		pga_print_warning("%s", why.message);
}

static int renew(struct renewing *renewing, struct pga_error *error)
{
	struct pga_renewal *renewal = renewing->renewal;
	int done = 1;

	if (pga_cert_look(&renewing->names, renewing->now, &renewing->state, error) != 0)
		return -1;
	if (is_to_be_renewed(renewing))
		done = exchange(renewing);
	else if (!renewing->wish->dry_run)
		tidy(renewing);
	if (renewal->outcome == PGA_RENEWAL_NOT_DUE && renewing->record->untold &&
	    !renewing->wish->dry_run)
		done = tell_late(renewing);
	if (done == 0)
		remember_success(renewing);
	else if (renewal->outcome == PGA_RENEWAL_FAILED && !renewing->wish->dry_run)
		return remember_failure(renewing, error);
	return 0;
}

int pga_cert_renew(struct pga_cert_record *record, const struct pga_renewal_wish *wish,
		   struct pga_renewal *renewal, struct pga_error *error)
{
	struct renewing renewing = {.record = record,
				    .wish = wish,
				    .renewal = renewal,
				    .names = {record->certificate, record->key, record->server},
				    .reload = reload_of(record, wish),
				    .now = time(NULL)};
	int result;

	memset(renewal, 0, sizeof *renewal);
	result = renew(&renewing, error);
	pga_cert_state_free(&renewing.state);
	EVP_PKEY_free(renewing.key);
	X509_free(renewing.leaf);
	pga_text_free(&renewing.chain);
	pga_text_wipe(&renewing.key_pem);
	pga_text_wipe(&renewing.old_key);
	pga_secret_end(&renewing.passphrase);
	return result;
}

void pga_renewal_free(struct pga_renewal *renewal)
{
	free(renewal->serial);
	memset(renewal, 0, sizeof *renewal);
}
