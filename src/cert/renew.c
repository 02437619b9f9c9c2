#include "cert/renew.h"

#include "base/file.h"
#include "cert/key.h"
#include "cert/pair.h"
#include "cert/passphrase.h"
#include "cert/renew_ask.h"
#include "tls/at_time.h"

#include "anchor/crls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

/* All that one renewal has at hand. */
struct renewing {
	struct pga_cert_record *record;
	const struct pga_renewal_wish *wish;
	struct pga_renewal *renewal;
	struct pga_cert_files names;
	struct pga_cert_state state;
	struct pga_pair_files files;
	struct pga_reload reload;
	time_t now;
	EVP_PKEY *key;                /* a new one; NULL: the old one stays */
	struct pga_secret passphrase; /* of the old one, and of the new one; or none */
	struct pga_text chain;        /* the new one, PEM */
	struct pga_text key_pem;
	X509 *leaf;
	bool was_shown; /* a server that is to prove it answered before */
};

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
	if (renewing->record->revoked[0] != '\0') {
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

/* A new key gets what the old one has: its owner, and its mode. */
static void describe_files(struct renewing *renewing)
{
	struct stat status;

	renewing->files = (struct pga_pair_files){.certificate = renewing->record->certificate,
						  .key = renewing->record->key,
						  .key_mode = 0600};
	if (renewing->key == NULL || stat(renewing->record->key, &status) != 0)
		return;
	renewing->files.key_mode = status.st_mode & 0777;
	renewing->files.owned = true;
	renewing->files.owner = status.st_uid;
	renewing->files.group = status.st_gid;
}

/* ---- in place, and back ---- */

/* Whether the files are still the ones that were read: another pganchor, or a person, may have
 * renewed it while the CA was asked. */
static bool is_unchanged(const struct renewing *renewing)
{
	struct pga_text now = PGA_TEXT_EMPTY;
	struct pga_error ignored;
	const bool same =
	    pga_file_read(renewing->record->certificate, &now, NULL, &ignored) == 0 &&
	    now.length == renewing->state.pem.length &&
	    memcmp(pga_text_string(&now), pga_text_string(&renewing->state.pem), now.length) == 0;

	pga_text_free(&now);
	return same;
}

static int put_in_place(struct renewing *renewing, struct pga_error *error)
{
	struct pga_text kept = PGA_TEXT_EMPTY;
	const int result =
	    pga_pair_write(&renewing->files, &renewing->chain,
			   renewing->key != NULL ? &renewing->key_pem : NULL, false, &kept, error);

	pga_text_free(&kept);
	return result;
}

/* The old pair as it was; what uses it is told once more. Adds to why what did not work. */
static void take_back(struct renewing *renewing, struct pga_error *why)
{
	struct pga_text kept = PGA_TEXT_EMPTY;
	struct pga_text key = PGA_TEXT_EMPTY;
	struct pga_error told = *why;
	struct pga_error error;
	int result = 0;

	if (renewing->key != NULL)
		result =
		    pga_key_write(renewing->state.key, renewing->passphrase.bytes, &key, &error);
	if (result == 0)
		result = pga_pair_write(&renewing->files, &renewing->state.pem,
					renewing->key != NULL ? &key : NULL, false, &kept, &error);
	pga_text_wipe(&key);
	pga_text_free(&kept);
	renewing->renewal->taken_back = result == 0;
	if (result != 0) {
		(void)pga_fail(why, told.hint, "%s; and the old one could not be brought back: %s",
			       told.message, error.message);
		return;
	}
	if (pga_reload_is_any(&renewing->reload) && pga_reload_do(&renewing->reload, &error) != 0)
		(void)pga_fail(why, told.hint, "%s (the old one is back, but: %s)", told.message,
			       error.message);
}

/* One look beforehand: of a server that does not run nothing can be proved, and its files are to be
 * in date when it starts. */
static void look_before(struct renewing *renewing)
{
	struct pga_error ignored;

	if (renewing->reload.prove == NULL || renewing->reload.prove[0] == '\0')
		return;
	renewing->was_shown = pga_reload_answers(&renewing->reload, &ignored);
}

static int tell_and_prove(struct renewing *renewing)
{
	struct pga_renewal *renewal = renewing->renewal;
	const bool to_prove = renewing->reload.prove != NULL && renewing->reload.prove[0] != '\0';
	struct pga_error why;

	if (pga_reload_is_any(&renewing->reload)) {
		if (pga_reload_do(&renewing->reload, &why) != 0)
			goto back;
		renewal->reloaded = true;
	}
	if (!to_prove)
		return 0;
	if (pga_reload_prove(&renewing->reload, renewing->leaf,
			     renewing->was_shown ? PGA_RELOAD_SECONDS : 0, &why) == 0) {
		renewal->proved = true;
		return 0;
	}
	if (!renewing->was_shown) {
		renewal->not_proved = why;
		return 0;
	}
back:
	take_back(renewing, &why);
	return fail(renewing, &why);
}

static int exchange(struct renewing *renewing)
{
	struct pga_error why;

	if (pga_passphrase_unlock(renewing->record->key, &renewing->state, &renewing->passphrase,
				  &why) != 0 ||
	    make_key(renewing, &why) != 0 ||
	    pga_renew_ask(renewing->record, &renewing->state, renewing->key, renewing->wish->http,
			  &renewing->chain, &renewing->leaf, &why) != 0)
		return fail(renewing, &why);
	if (!is_unchanged(renewing)) {
		renewing->renewal->outcome = PGA_RENEWAL_OTHER;
		return 1;
	}
	describe_files(renewing);
	look_before(renewing);
	if (put_in_place(renewing, &why) != 0)
		return fail(renewing, &why);
	return tell_and_prove(renewing);
}

/* ---- what is remembered ---- */

static int remember_success(struct renewing *renewing, struct pga_error *error)
{
	struct pga_renewal *renewal = renewing->renewal;
	struct pga_cert_record *record = renewing->record;

	renewal->outcome = PGA_RENEWAL_DONE;
	renewal->rekeyed = renewing->key != NULL;
	renewal->serial = pga_cert_serial(renewing->leaf, false);
	renewal->next = pga_cert_due(renewing->leaf);
	(void)pga_x509_date(X509_get0_notAfter(renewing->leaf), renewal->ends);
	record->failures = 0;
	record->tried[0] = '\0';
	record->revoked[0] = '\0';
	pga_x509_now(record->renewed);
	if (renewal->serial == NULL)
		return pga_fail_memory(error);
	return pga_cert_record_set(&record->why, "", error) == 0
		   ? pga_cert_record_put(record, error)
		   : -1;
}

/* One line, of characters that certs.conf can have. */
static int remember_failure(struct renewing *renewing, struct pga_error *error)
{
	struct pga_cert_record *record = renewing->record;
	char *why = pga_cert_line(renewing->renewal->why.message);
	int result = -1;

	record->failures = record->failures < 1000000 ? record->failures + 1 : record->failures;
	pga_x509_date_of(renewing->now, record->tried);
	if (why == NULL)
		(void)pga_fail_memory(error);
	else
		result = pga_cert_record_set(&record->why, why, error) == 0
			     ? pga_cert_record_put(record, error)
			     : -1;
	free(why);
	renewing->renewal->next = pga_renewal_next(record, &renewing->state);
	return result;
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
	int result = 0;
	int done = 1;

	memset(renewal, 0, sizeof *renewal);
	if (pga_cert_look(&renewing.names, renewing.now, &renewing.state, error) != 0)
		result = -1;
	else if (is_to_be_renewed(&renewing))
		done = exchange(&renewing);
	if (result == 0 && done == 0)
		result = remember_success(&renewing, error);
	else if (result == 0 && renewal->outcome == PGA_RENEWAL_FAILED && !wish->dry_run)
		result = remember_failure(&renewing, error);
	pga_cert_state_free(&renewing.state);
	EVP_PKEY_free(renewing.key);
	X509_free(renewing.leaf);
	pga_text_free(&renewing.chain);
	pga_text_wipe(&renewing.key_pem);
	pga_secret_end(&renewing.passphrase);
	return result;
}

void pga_renewal_free(struct pga_renewal *renewal)
{
	free(renewal->serial);
	memset(renewal, 0, sizeof *renewal);
}
