/* One row for each reason: its id, which stays, and the best grade that is left with it. */
#include "probe/grade.h"

#include "tls/handshake.h"
#include "tls/host_name.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DAY 86400

static void add(struct pga_grade *grade, char letter, const char *id, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void add(struct pga_grade *grade, char letter, const char *id, const char *format, ...)
{
	struct pga_grade_reason *reason;
	va_list arguments;

	if (grade->count == PGA_GRADE_REASONS)
		return;
	reason = &grade->reasons[grade->count++];
	reason->id = id;
	reason->grade = letter;
	va_start(arguments, format);
	(void)vsnprintf(reason->text, sizeof reason->text, format, arguments);
	va_end(arguments);
	if (letter > grade->letter)
		grade->letter = letter;
}

static void grade_trust(struct pga_grade *grade, const struct pga_probe *probe,
			const struct pga_probe_target *target)
{
	const struct pga_probe_certificate *root = &probe->chain[probe->length - 1];

	if (probe->fault == PGA_FAULT_SETTINGS)
		add(grade, 'F', "settings-refused", "libpq does not connect with these settings");
	else if (probe->fault != PGA_FAULT_NONE)
		add(grade, 'F', "not-verified", "the server is not verified: %s",
		    pga_probe_fault_word(probe->fault));
	else if (root->anchor_is_for_host)
		add(grade, 'A', "verified-by-anchor", "verified by the anchor %s",
		    root->anchor->name);
	else if (target->trust->trusted.system)
		add(grade, 'B', "public-ca",
		    "any of the system's CAs may speak for it: no anchor is pinned");
	else
		add(grade, 'B', "root-not-pinned",
		    "libpq trusts its root, and no anchor is pinned");
	if (target->unverified && target->service != NULL)
		add(grade, 'C', "settings-weak",
		    "the settings do not verify it: sslmode is weaker than verify-full");
}

static void grade_session(struct pga_grade *grade, const struct pga_probe *probe,
			  const struct pga_probe_target *target)
{
	if (probe->settings_refuse_tls)
		add(grade, 'F', "settings-refused", "libpq does not connect with these settings");
	else if (probe->libpq_refuses_tls)
		add(grade, 'F', "tls-refused", "libpq and its OpenSSL refuse such TLS: %s",
		    probe->protocol);
	else if (strcmp(probe->protocol, "TLSv1.2") == 0 &&
		 target->trust->policy->min_tls == PGA_TLS_1_3)
		add(grade, 'D', "tls-below-policy", "TLSv1.2, and the policy wants 1.3");
	else if (strcmp(probe->protocol, "TLSv1.3") != 0)
		add(grade, 'B', "tls-1.2", "%s, not TLSv1.3", probe->protocol);
	if (probe->group == NULL && strcmp(probe->protocol, "TLSv1.3") != 0)
		add(grade, 'C', "no-forward-secrecy",
		    "what is recorded today can be read with the server's key tomorrow");
}

static void grade_plain(struct pga_grade *grade, const struct pga_probe *probe)
{
	const struct pga_probe_startup *plain = &probe->plain_startup;

	if (probe->plain != PGA_PROBE_YES)
		return;
	if (plain->auth == PGA_ASKS_TRUST)
		add(grade, 'F', "plain-text-trust",
		    "it lets in whoever comes, without encryption and without a password");
	else if (plain->auth == PGA_ASKS_CLEARTEXT)
		add(grade, 'F', "plain-text-password",
		    "it asks for the password in the clear, without encryption");
	else
		add(grade, 'C', "plain-text-accepted",
		    "it also takes connections without encryption");
}

static void grade_login(struct pga_grade *grade, const struct pga_probe *probe)
{
	switch (probe->tls_startup.auth) {
	case PGA_ASKS_TRUST:
		add(grade, 'F', "auth-trust", "it asks for no password: anybody is let in");
		break;
	case PGA_ASKS_CLEARTEXT:
		add(grade, 'C', "auth-password", "it asks for the password itself");
		break;
	case PGA_ASKS_MD5:
		add(grade, 'C', "auth-md5",
		    "it asks for md5, whose hash is as good as the password");
		break;
	case PGA_ASKS_SCRAM:
		if (probe->no_digest != NULL && probe->tls_startup.plus)
			add(grade, 'D', "channel-binding-broken",
			    "SCRAM of libpq fails with a certificate signed by %s",
			    probe->no_digest);
		else if (!probe->tls_startup.plus)
			add(grade, 'B', "channel-binding-not-offered",
			    "SCRAM without channel binding");
		break;
	default:
		break;
	}
}

static bool is_weak_key(const EVP_PKEY *key)
{
	const int bits = key != NULL ? EVP_PKEY_get_security_bits(key) : 0;

	return bits < 112;
}

static void grade_chain(struct pga_grade *grade, const struct pga_probe *probe)
{
	for (size_t i = 0; i < probe->length; i++) {
		const struct pga_probe_certificate *item = &probe->chain[i];
		int digest = NID_undef;

		if (is_weak_key(X509_get0_pubkey(item->certificate.x509)))
			add(grade, 'D', "weak-key", "a key of the chain is too weak: %s",
			    item->key);
		/* A root's signature of itself is looked at by nobody. */
		if (!item->is_root &&
		    X509_get_signature_info(item->certificate.x509, NULL, NULL, NULL, NULL) == 1 &&
		    OBJ_find_sigid_algs(X509_get_signature_nid(item->certificate.x509), &digest,
					NULL) == 1 &&
		    (digest == NID_sha1 || digest == NID_md5))
			add(grade, 'D', "weak-digest", "signed with %s", item->signature);
	}
}

/* A certificate of a day is renewed within it; so what counts is how much of its life is left. */
static void grade_days(struct pga_grade *grade, const struct pga_probe *probe)
{
	const struct pga_probe_certificate *item = &probe->chain[probe->first_to_end];
	const time_t life = item->not_after - item->not_before;
	const time_t left = item->not_after - probe->now;

	if (left <= 0 || life <= 0)
		return;
	if (left < life / 20 && left < 7 * (time_t)DAY)
		add(grade, 'C', "ends-at-once", "less than a twentieth of its life is left");
	else if (left < life / 6 && left < 30 * (time_t)DAY)
		add(grade, 'B', "ends-soon", "less than a sixth of its life is left");
}

static void grade_names(struct pga_grade *grade, const struct pga_probe *probe,
			const struct pga_probe_target *target)
{
	switch (pga_certificate_names_host(probe->chain[0].certificate.x509, target->host)) {
	case PGA_NAMED_BY_COMMON:
		add(grade, 'C', "common-name-only",
		    "the host is its common name alone, which several drivers do not look at");
		break;
	case PGA_NAMED_AS_DNS:
		add(grade, 'C', "address-as-dns",
		    "the address stands there as a DNS name, which most drivers do not take");
		break;
	default:
		break;
	}
}

static void sort(struct pga_grade *grade)
{
	for (size_t i = 1; i < grade->count; i++)
		for (size_t j = i; j > 0 && grade->reasons[j].grade > grade->reasons[j - 1].grade;
		     j--) {
			const struct pga_grade_reason reason = grade->reasons[j];

			grade->reasons[j] = grade->reasons[j - 1];
			grade->reasons[j - 1] = reason;
		}
}

void pga_grade_make(const struct pga_probe *probe, const struct pga_probe_target *target,
		    struct pga_grade *grade)
{
	memset(grade, 0, sizeof *grade);
	grade->letter = '-';
	if (probe->answer == PGA_PROBE_NO_TLS) {
		add(grade, 'F', "no-tls", "the server does not use TLS");
		grade_plain(grade, probe);
	}
	if (probe->answer != PGA_PROBE_TLS || probe->length == 0) {
		sort(grade);
		return;
	}
	grade->letter = 'A';
	grade_trust(grade, probe, target);
	grade_session(grade, probe, target);
	grade_plain(grade, probe);
	grade_login(grade, probe);
	grade_chain(grade, probe);
	grade_days(grade, probe);
	grade_names(grade, probe, target);
	sort(grade);
}
