#include "probe/chain.h"

#include "policy/trust.h"
#include "tls/at_time.h"
#include "tls/certificate_text.h"
#include "tls/handshake.h"
#include "tls/host_name.h"
#include "tls/twins.h"

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <stdlib.h>
#include <string.h>

static enum pga_probe_fault kind_of(const struct pga_fault *fault)
{
	if (pga_fault_is_of_crl(fault))
		return PGA_FAULT_CRL;
	switch (fault->code) {
	case X509_V_ERR_CERT_REVOKED:
		return PGA_FAULT_REVOKED;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		return PGA_FAULT_SELF_SIGNED;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return PGA_FAULT_EXPIRED;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return PGA_FAULT_NOT_YET_VALID;
	case X509_V_ERR_INVALID_PURPOSE:
		return PGA_FAULT_WRONG_USE;
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
	case X509_V_ERR_CA_MD_TOO_WEAK:
		return PGA_FAULT_WEAK;
	case X509_V_ERR_PERMITTED_VIOLATION:
	case X509_V_ERR_EXCLUDED_VIOLATION:
		return PGA_FAULT_NAME_CONSTRAINTS;
	default:
		return pga_fault_is_no_root(fault) ? PGA_FAULT_UNKNOWN_ROOT : PGA_FAULT_OTHER;
	}
}

/* The lower one explains more. */
static bool note(struct pga_probe *probe, enum pga_probe_fault fault)
{
	const bool heavier = probe->fault == PGA_FAULT_NONE || fault < probe->fault;

	if (heavier)
		probe->fault = fault;
	return heavier;
}

static bool is_shown(STACK_OF(X509) * shown, const X509 *certificate)
{
	for (int i = 0; i < sk_X509_num(shown); i++)
		if (X509_cmp(sk_X509_value(shown, i), certificate) == 0)
			return true;
	return false;
}

static int describe(struct pga_probe_certificate *item, X509 *x509, struct pga_error *error)
{
	struct pga_text key = PGA_TEXT_EMPTY;
	struct pga_text signature = PGA_TEXT_EMPTY;

	if (pga_certificate_of(&item->certificate, x509, error) != 0)
		return -1;
	pga_certificate_tell_key(&item->certificate, &key);
	pga_certificate_tell_signature(&item->certificate, &signature);
	item->key = pga_text_take(&key);
	item->signature = pga_text_take(&signature);
	item->not_before = pga_time_of(X509_get0_notBefore(x509));
	item->not_after = pga_time_of(X509_get0_notAfter(x509));
	return item->key != NULL && item->signature != NULL ? 0 : pga_fail_memory(error);
}

/* Where it verifies, what it was verified by; else what was shown, and nothing of ours. */
static int describe_chain(struct pga_probe *probe, STACK_OF(X509) * chain, STACK_OF(X509) * shown,
			  struct pga_error *error)
{
	probe->chain = calloc((size_t)sk_X509_num(chain) + 1, sizeof *probe->chain);
	if (probe->chain == NULL)
		return pga_fail_memory(error);
	for (int i = 0; i < sk_X509_num(chain); i++) {
		struct pga_probe_certificate *item = &probe->chain[probe->length++];

		if (describe(item, sk_X509_value(chain, i), error) != 0)
			return -1;
		item->sent = is_shown(shown, item->certificate.x509);
		if (probe->earliest != 0 && item->not_after >= probe->earliest)
			continue;
		probe->earliest = item->not_after;
		probe->first_to_end = (size_t)i;
	}
	return 0;
}

static bool is_for_host(const struct pga_pins *pins, const struct pga_pin *pin, const char *host)
{
	return pin != NULL && pga_root_is_valid_for(pins, pin->pin, host);
}

/* The gate's rule of pins, and of twins (service/check.c), which are looked for where the root's
 * own pin is not enough. */
static int look_at_root(const struct pga_probe_target *target, struct pga_probe *probe,
			STACK_OF(X509) * chain, struct pga_error *error)
{
	const struct pga_pins *pins = target->trust->pins;
	struct pga_probe_certificate *root = &probe->chain[probe->length - 1];
	const struct pga_pin *found = pga_pins_find(pins, root->certificate.pin);
	struct pga_twins twins = {NULL, 0};
	int result = 0;

	root->is_root = true;
	if (pins->count > 0 && !is_for_host(pins, found, target->host))
		result = pga_twins_of_chain(
		    chain, SSL_CTX_get_cert_store(target->trust->trusted.tls), &twins, error);
	found = pga_twins_pinned(&twins, root->certificate.pin, pins, target->host);
	root->anchor = found;
	root->anchor_is_for_host = is_for_host(pins, found, target->host);
	pga_twins_free(&twins);
	return result;
}

static void judge_root(const struct pga_probe_target *target, struct pga_probe *probe)
{
	const struct pga_probe_trust *trust = target->trust;
	const struct pga_probe_certificate *root = &probe->chain[probe->length - 1];
	const char *address = target->address[0] != '\0' ? target->address : target->host;

	if (root->anchor_is_for_host || !pga_trust_by_pins(trust->policy, trust->pins) ||
	    pga_policy_exempts(trust->policy, address))
		return;
	(void)note(probe, root->anchor == NULL ? PGA_FAULT_NOT_PINNED : PGA_FAULT_NOT_FOR_HOST);
}

static bool names_an_intermediate(const X509 *certificate)
{
	static const char *const words[] = {"intermediate", "issuing", "sub ca", "subca"};
	char *issuer = pga_x509_name(X509_get_issuer_name(certificate));
	bool names = false;

	for (size_t i = 0; issuer != NULL && i < sizeof words / sizeof words[0]; i++)
		names = names || strcasestr(issuer, words[i]) != NULL;
	free(issuer);
	return names;
}

/* Without the issuer's certificate, nothing proves whether that one is a root. What hints that it
 * is none: where it can be had from (RFC 5280, 4.2.2.1), and what it is called. */
static bool lacks_intermediate(STACK_OF(X509) * shown)
{
	X509 *last = sk_X509_value(shown, sk_X509_num(shown) - 1);
	bool here = false;

	if (X509_NAME_cmp(X509_get_subject_name(last), X509_get_issuer_name(last)) == 0)
		return false;
	if (sk_X509_num(shown) > 1)
		return names_an_intermediate(last);
	here = X509_get_ext_by_NID(last, NID_info_access, -1) >= 0;
	return here || names_an_intermediate(last);
}

static void judge(const struct pga_probe_target *target, struct pga_probe *probe,
		  const struct pga_verified *verified, STACK_OF(X509) * shown)
{
	for (size_t i = 0; i < verified->count; i++)
		if (note(probe, kind_of(&verified->faults[i]))) {
			probe->fault_code = verified->faults[i].code;
			probe->fault_at = (size_t)verified->faults[i].depth;
		}
	if (probe->fault == PGA_FAULT_UNKNOWN_ROOT && lacks_intermediate(shown))
		probe->fault = PGA_FAULT_MISSING_INTERMEDIATE;
	if (target->trust->roots_why != NULL)
		(void)note(probe, PGA_FAULT_NO_ROOTS);
	if (pga_certificate_names_host(sk_X509_value(shown, 0), target->host) == PGA_NAMED_NOT)
		(void)note(probe, PGA_FAULT_WRONG_NAME);
	probe->verified_by_libpq = probe->fault == PGA_FAULT_NONE && !probe->libpq_refuses_tls;
}

static void judge_crls(const struct pga_probe_target *target, struct pga_probe *probe,
		       const struct pga_verified *verified)
{
	if (!target->trust->crls)
		return;
	probe->crl = PGA_PROBE_CRL_GOOD;
	for (size_t i = 0; i < verified->count; i++) {
		const struct pga_fault *fault = &verified->faults[i];

		if (fault->code == X509_V_ERR_CERT_REVOKED) {
			probe->crl = PGA_PROBE_CRL_REVOKED;
			return;
		}
		if (pga_fault_is_of_crl(fault))
			probe->crl = pga_fault_is_of_time(fault) ? PGA_PROBE_CRL_NOT_IN_DATE
								 : PGA_PROBE_CRL_MISSING;
	}
}

/* Whether the chain reaches a root, whatever else is wrong with it. */
static bool has_root(const struct pga_verified *verified)
{
	for (size_t i = 0; i < verified->count; i++)
		if (pga_fault_is_no_root(&verified->faults[i]))
			return false;
	return sk_X509_num(verified->chain) > 0;
}

int pga_probe_chain(const struct pga_probe_target *target, STACK_OF(X509) * shown,
		    struct pga_probe *probe, struct pga_error *error)
{
	X509 *own = sk_X509_value(shown, 0);
	struct pga_verified verified;
	int result =
	    pga_verify_at(shown, target->trust->trusted.tls, true, probe->now, &verified, error);
	const bool built = result == 0 && has_root(&verified);

	if (result == 0)
		result = describe_chain(probe, built ? verified.chain : shown, shown, error);
	if (result == 0 && built)
		result = look_at_root(target, probe, verified.chain, error);
	if (result == 0) {
		judge(target, probe, &verified, shown);
		if (built)
			judge_root(target, probe);
		probe->verified = probe->fault == PGA_FAULT_NONE && !probe->libpq_refuses_tls;
		judge_crls(target, probe, &verified);
		probe->no_digest = pga_signed_without_digest(own);
		probe->names = pga_x509_alternative_names(own);
		if (probe->names == NULL)
			result = pga_fail_memory(error);
	}
	pga_verified_free(&verified);
	return result;
}
