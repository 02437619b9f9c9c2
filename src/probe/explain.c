/* The one line that says why a server is not verified, and what to type. Whatever is quoted of the
 * server's certificate was made printable, or is by whoever prints it. */
#include "probe/chain.h"

#include "base/printable.h"
#include "base/shell_word.h"
#include "tls/certificate_text.h"
#include "tls/host_name.h"

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <stdlib.h>
#include <string.h>

#define DAY 86400

/* So many names of a certificate are told. */
#define MOST_NAMES 5

struct explaining {
	const struct pga_probe_target *target;
	const struct pga_probe *probe;
	const struct pga_probe_certificate *at; /* of the chain: which one it is about */
	struct pga_text why;
	struct pga_text hint;
};

static const char *subject(const struct pga_probe_certificate *item)
{
	return item->certificate.subject[0] != '\0' ? item->certificate.subject : "(no subject)";
}

/* "3 days", "5 hours". */
static void tell_span(struct pga_text *text, time_t seconds)
{
	const long days = (long)(seconds / DAY);
	const long hours = (long)(seconds / 3600);
	const long minutes = (long)(seconds / 60);

	if (days > 0)
		pga_text_addf(text, "%ld day%s", days, days > 1 ? "s" : "");
	else if (hours > 0)
		pga_text_addf(text, "%ld hour%s", hours, hours > 1 ? "s" : "");
	else
		pga_text_addf(text, "%ld minute%s", minutes, minutes != 1 ? "s" : "");
}

static void tell_which(struct explaining *explaining)
{
	const struct pga_probe *probe = explaining->probe;

	if (explaining->at == probe->chain)
		pga_text_add(&explaining->why, "the certificate");
	else
		pga_text_addf(&explaining->why, "%s of the chain, %s,",
			      explaining->at->is_root ? "the root" : "the intermediate",
			      subject(explaining->at));
}

/* The names that libpq compares, as far as they are told; *first is the first that can be one
 * host's.
 */
static void tell_names(struct explaining *explaining, X509 *certificate, struct pga_text *first)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	struct pga_text *why = &explaining->why;
	int told = 0;
	int left = 0;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		BIO *bio = BIO_new(BIO_s_mem());
		char *text = NULL;

		if ((name->type == GEN_DNS || name->type == GEN_IPADD) && told == MOST_NAMES)
			left++;
		else if (bio != NULL && (name->type == GEN_DNS || name->type == GEN_IPADD) &&
			 GENERAL_NAME_print(bio, sk_GENERAL_NAME_value(names, i)) > 0)
			text = pga_bio_text(bio);
		BIO_free(bio);
		if (text != NULL && strchr(text, ':') != NULL) {
			const char *value = strchr(text, ':') + 1;

			pga_text_add(why, told++ > 0 ? ", " : "");
			pga_text_add_shortened(why, value, PGA_LONGEST_SHOWN);
			if (name->type == GEN_DNS && first->length == 0 &&
			    strchr(value, '*') == NULL && strlen(value) <= 253)
				pga_text_add(first, value);
		}
		free(text);
	}
	GENERAL_NAMES_free(names);
	if (left > 0)
		pga_text_addf(why, " and %d more", left);
	if (told == 0)
		pga_text_addf(why, "%s (no host's name is in it)",
			      subject(explaining->probe->chain));
}

/* A word of conninfo whose value is a host's name or an address needs no quotes. */
static void explain_name(struct explaining *explaining)
{
	const struct pga_probe_target *target = explaining->target;
	X509 *own = explaining->probe->chain[0].certificate.x509;
	const bool malformed = pga_certificate_has_malformed_name(own);
	struct pga_text first = PGA_TEXT_EMPTY;

	pga_text_add(&explaining->why, "the certificate is for ");
	tell_names(explaining, own, &first);
	pga_text_addf(&explaining->why, "; you asked for %s", target->host);
	if (malformed)
		pga_text_add(&explaining->why, "; and one of its names is malformed, at which "
					       "libpq gives up");
	if (!malformed && first.length > 0 && pga_shell_word_is_plain(pga_text_string(&first)) &&
	    explaining->probe->address[0] != '\0')
		pga_text_addf(&explaining->hint,
			      "use a name that it has: pganchor probe 'host=%s hostaddr=%s "
			      "port=%u'; or have it issued for %s, too",
			      pga_text_string(&first), explaining->probe->address, target->port,
			      target->host);
	else
		pga_text_addf(&explaining->hint, "have the certificate issued for %s",
			      target->host);
	pga_text_free(&first);
}

static void explain_dates(struct explaining *explaining, bool over)
{
	const struct pga_probe_certificate *at = explaining->at;
	struct pga_text *why = &explaining->why;

	tell_which(explaining);
	if (over) {
		pga_text_add(why, " expired ");
		tell_span(why, explaining->probe->now - at->not_after);
		pga_text_addf(why, " ago, on %s", at->certificate.not_after);
		pga_text_add(&explaining->hint,
			     at->is_root
				 ? "\"pganchor anchor refresh\" asks for the CA's new root"
				 : "whoever runs the server renews it; \"pganchor forecast\" "
				   "tells beforehand which ends next");
		return;
	}
	pga_text_add(why, " is not valid yet: in ");
	tell_span(why, at->not_before - explaining->probe->now);
	pga_text_addf(why, ", from %s on", at->certificate.not_before);
	pga_text_add(&explaining->hint, "is the clock of this machine right?");
}

/* Where the issuer's certificate is, as the certificate itself says (RFC 5280, 4.2.2.1). */
static void tell_where(X509 *certificate, struct pga_text *text)
{
	AUTHORITY_INFO_ACCESS *places = X509_get_ext_d2i(certificate, NID_info_access, NULL, NULL);

	for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(places); i++) {
		const ACCESS_DESCRIPTION *place = sk_ACCESS_DESCRIPTION_value(places, i);

		if (OBJ_obj2nid(place->method) != NID_ad_ca_issuers ||
		    place->location->type != GEN_URI)
			continue;
		pga_text_add(text, "it should be at ");
		pga_text_add_shortened(text,
				       (const char *)ASN1_STRING_get0_data(
					   place->location->d.uniformResourceIdentifier),
				       PGA_LONGEST_SHOWN);
		pga_text_add(text, "; ");
		break;
	}
	AUTHORITY_INFO_ACCESS_free(places);
}

static void explain_gap(struct explaining *explaining)
{
	const struct pga_probe *probe = explaining->probe;
	const struct pga_probe_certificate *last = &probe->chain[probe->length - 1];

	pga_text_addf(
	    &explaining->why,
	    "the intermediate is missing: the server does not show the certificate of %s, "
	    "which has signed %s",
	    last->certificate.issuer, subject(last));
	tell_where(last->certificate.x509, &explaining->hint);
	pga_text_add(&explaining->hint,
		     "its CA has it: on the server, append it to the file of ssl_cert_file, behind "
		     "the server's own, and reload");
}

static void explain_root(struct explaining *explaining)
{
	const struct pga_probe *probe = explaining->probe;
	const struct pga_probe_certificate *last = &probe->chain[probe->length - 1];

	if (probe->fault == PGA_FAULT_SELF_SIGNED)
		pga_text_addf(&explaining->why,
			      "the certificate is its own root, %s, which is not trusted here",
			      subject(last));
	else
		pga_text_addf(&explaining->why,
			      "issued by a root that is not trusted here: the chain ends in %s%s",
			      strcmp(last->certificate.subject, last->certificate.issuer) == 0
				  ? ""
				  : "what is signed by ",
			      last->certificate.issuer[0] != '\0' ? last->certificate.issuer
								  : "(no name)");
	pga_text_add(&explaining->hint,
		     "if it is your CA's: pganchor bootstrap --ca-url URL --fingerprint HEX, or "
		     "pganchor bootstrap FILE --fingerprint HEX");
}

static void explain_pin(struct explaining *explaining)
{
	const struct pga_probe *probe = explaining->probe;
	const struct pga_probe_certificate *root = &probe->chain[probe->length - 1];
	const struct pga_pin *anchor = root->anchor;

	if (anchor == NULL) {
		pga_text_addf(&explaining->why,
			      "libpq trusts its root, %s, but no anchor is pinned for it: the gate "
			      "refuses it",
			      subject(root));
		pga_text_add(&explaining->hint,
			     "if it is your CA's: pganchor bootstrap --pin-existing");
		return;
	}
	pga_text_addf(&explaining->why,
		      "the chain ends in the anchor %s, which is valid for %s, and "
		      "not for %s",
		      anchor->name, anchor->hosts, explaining->target->host);
	if (anchor->system) {
		pga_text_addf(&explaining->hint, "the administrator says so in %s", anchor->path);
		return;
	}
	pga_text_addf(&explaining->hint, "if the CA may speak for it: pganchor anchor set-hosts %s",
		      anchor->name);
	for (const char *at = anchor->hosts; *at != '\0';) {
		const size_t blank = strspn(at, ", \t");
		const size_t length = strcspn(at + blank, ", \t");

		if (length > 0)
			pga_text_addf(&explaining->hint, " '%.*s'", (int)length, at + blank);
		at += blank + length;
	}
	pga_text_add(&explaining->hint, " ");
	pga_text_add_shell_word(&explaining->hint, explaining->target->host);
}

static void explain_revoked(struct explaining *explaining)
{
	tell_which(explaining);
	pga_text_addf(&explaining->why, " is revoked by the CRL of %s",
		      explaining->at->certificate.issuer);
	pga_text_add(&explaining->hint, "do not connect: whoever runs the server has to have a new "
					"one issued, and somebody may have its old key");
}

static void explain_crl(struct explaining *explaining)
{
	const bool late = explaining->probe->crl == PGA_PROBE_CRL_NOT_IN_DATE;

	pga_text_addf(&explaining->why, "libpq asks for CRLs here, and %s: %s",
		      late ? "one is out of its time" : "one is missing",
		      X509_verify_cert_error_string(explaining->probe->fault_code));
	pga_text_add(&explaining->hint, late ? "pganchor crl refresh" : "pganchor crl add URL");
}

static void explain_weak(struct explaining *explaining)
{
	tell_which(explaining);
	pga_text_addf(&explaining->why, " is too weak for OpenSSL (%s, %s): %s",
		      explaining->at->key, explaining->at->signature,
		      X509_verify_cert_error_string(explaining->probe->fault_code));
	pga_text_add(
	    &explaining->hint,
	    "have one issued with a key of P-256, or RSA of 2048 bits and more, and SHA-256");
}

static void explain_use(struct explaining *explaining)
{
	tell_which(explaining);
	if (explaining->at == explaining->probe->chain) {
		pga_text_add(&explaining->why,
			     " is not for servers: its extended key usage leaves them out, as one "
			     "that is for clients alone");
		pga_text_add(&explaining->hint, "have one issued for server authentication");
		return;
	}
	pga_text_add(&explaining->why, " is not a CA's that may sign for servers");
}

/* Of a service, where they are; of others, they are in the word, the environment or the home. */
static void tell_settings(struct explaining *explaining)
{
	const char *service = explaining->target->service;

	if (service == NULL)
		return;
	pga_text_add(&explaining->hint, "its settings, and where each comes from: pganchor "
					"explain service=");
	pga_text_add_shell_word(&explaining->hint, service);
}

static void explain_bounds(struct explaining *explaining)
{
	const int most = explaining->target->trust->max_tls;
	const bool newest = strcmp(explaining->probe->protocol, "TLSv1.3") == 0;
	const bool over = most != 0 && most < (newest ? TLS1_3_VERSION : TLS1_2_VERSION);

	pga_text_addf(&explaining->why,
		      "libpq does not connect with these settings: the server comes to %s, and "
		      "%s is %s",
		      explaining->probe->protocol,
		      over ? "ssl_max_protocol_version" : "ssl_min_protocol_version",
		      over ? "lower" : "higher");
	tell_settings(explaining);
}

static void explain_other(struct explaining *explaining)
{
	const struct pga_probe *probe = explaining->probe;

	switch (probe->fault) {
	case PGA_FAULT_NO_ROOTS:
		pga_text_addf(&explaining->why, "there is nothing to verify it with: %s",
			      explaining->target->trust->roots_why);
		pga_text_add(
		    &explaining->hint,
		    "pganchor bootstrap --ca-url URL --fingerprint HEX brings your CA's root");
		break;
	case PGA_FAULT_NAME_CONSTRAINTS:
		tell_which(explaining);
		pga_text_addf(&explaining->why,
			      " is of a CA that may not sign for it: %s (name constraints)",
			      X509_verify_cert_error_string(probe->fault_code));
		break;
	case PGA_FAULT_SETTINGS:
		pga_text_addf(&explaining->why, "libpq does not connect with these settings: %s",
			      probe->refusal);
		tell_settings(explaining);
		break;
	case PGA_FAULT_NONE:
		if (probe->settings_refuse_tls) {
			explain_bounds(explaining);
			break;
		}
		pga_text_addf(&explaining->why,
			      "TLS stands only with what libpq and its OpenSSL refuse: %s, %s",
			      probe->protocol, probe->cipher);
		pga_text_add(&explaining->hint,
			     "on the server: ssl_min_protocol_version = 'TLSv1.2', and ssl_ciphers "
			     "left at its default");
		break;
	default:
		tell_which(explaining);
		pga_text_addf(&explaining->why, " does not verify: %s",
			      X509_verify_cert_error_string(probe->fault_code));
		break;
	}
}

static void explain(struct explaining *explaining)
{
	switch (explaining->probe->fault) {
	case PGA_FAULT_WRONG_NAME:
		explain_name(explaining);
		break;
	case PGA_FAULT_EXPIRED:
	case PGA_FAULT_NOT_YET_VALID:
		explain_dates(explaining, explaining->probe->fault == PGA_FAULT_EXPIRED);
		break;
	case PGA_FAULT_MISSING_INTERMEDIATE:
		explain_gap(explaining);
		break;
	case PGA_FAULT_UNKNOWN_ROOT:
	case PGA_FAULT_SELF_SIGNED:
		explain_root(explaining);
		break;
	case PGA_FAULT_NOT_PINNED:
	case PGA_FAULT_NOT_FOR_HOST:
		explain_pin(explaining);
		break;
	case PGA_FAULT_REVOKED:
		explain_revoked(explaining);
		break;
	case PGA_FAULT_CRL:
		explain_crl(explaining);
		break;
	case PGA_FAULT_WEAK:
		explain_weak(explaining);
		break;
	case PGA_FAULT_WRONG_USE:
		explain_use(explaining);
		break;
	default:
		explain_other(explaining);
		break;
	}
}

int pga_probe_explain(const struct pga_probe_target *target, struct pga_probe *probe,
		      struct pga_error *error)
{
	struct explaining explaining = {.target = target, .probe = probe};
	bool failed;

	if (probe->length == 0)
		return 0;
	explaining.at =
	    &probe->chain[probe->fault_at < probe->length ? probe->fault_at : probe->length - 1];
	explain(&explaining);
	failed = explaining.why.failed || explaining.hint.failed;
	probe->hint = explaining.hint.length > 0 ? pga_text_take(&explaining.hint) : NULL;
	probe->why = pga_text_take(&explaining.why);
	pga_text_free(&explaining.hint);
	return failed || probe->why == NULL ? pga_fail_memory(error) : 0;
}
