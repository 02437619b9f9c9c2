#include "cli/service_check.h"

#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/cmd_service.h"
#include "cli/print_unpinned.h"
#include "policy/known_servers.h"

#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>

/* Why libpq refused a server, and what there is to do about it. */
struct reason {
	enum pga_finding_id id;
	const char *hint;
};

static const struct reason not_reached = {
    PGA_SERVER_NOT_REACHED,
    "nothing was written; leave --check out to write the entry all the same"};
static const struct reason no_certificate = {
    PGA_SERVER_WITHOUT_CERTIFICATE,
    "nothing was written. What answers there shows no certificate: is it the port of a PostgreSQL "
    "server that has TLS?"};
static const struct reason not_verified = {
    PGA_SERVER_NOT_VERIFIED,
    "nothing was written. This may be another server than you mean; what it shows is no reason to "
    "believe it"};
static const struct reason not_in_date = {
    PGA_SERVER_CERTIFICATE_NOT_IN_DATE,
    "nothing was written. Whoever runs the server or its CA has to renew that certificate, if this "
    "machine's clock is right"};
static const struct reason no_crl = {
    PGA_SERVER_WITHOUT_CRL,
    "nothing was written. libpq wants a CRL, in date, of every CA of the chain where it finds one "
    "of any (sslcrl, sslcrldir, or ~/.postgresql/root.crl): bring the CRLs of this server's CAs "
    "there"};
static const struct reason revoked = {
    PGA_SERVER_CERTIFICATE_REVOKED,
    "nothing was written. Its CA has taken that certificate back: this is no server to talk to"};
static const struct reason unknown_root = {
    PGA_SERVER_ROOT_UNKNOWN,
    "nothing was written. No root that libpq trusts here has signed what the server shows: this "
    "may be another server than you mean, and what it shows is no reason to believe it"};
/* Without a root certificate, libpq advises to change sslmode "to disable server certificate
 * verification", and only then names that keyword. */
static const struct reason no_roots = {
    PGA_ROOTS_MISSING,
    "nothing was written. Leave sslmode as it is: without verification, anybody could be the "
    "server. What is missing is the root of its CA: pganchor bootstrap fetches and pins it"};

/* Why OpenSSL did not verify a certificate; all that can be said otherwise is that it may be
 * another server's. */
static const struct reason *reason_of_certificate(long result)
{
	switch (result) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return &not_in_date;
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_CRL_NOT_YET_VALID:
	case X509_V_ERR_DIFFERENT_CRL_SCOPE:
		return &no_crl;
	case X509_V_ERR_CERT_REVOKED:
		return &revoked;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return &unknown_root;
	default:
		return NULL;
	}
}

/* That of the first host of which there is something to say. */
static const struct reason *reason_of(const struct pga_check *check)
{
	const struct reason *reason = &not_reached;

	if (strstr(check->problem, "sslmode") != NULL)
		return &no_roots;
	for (size_t i = check->count; i-- > 0;) {
		const struct pga_checked_host *item = &check->items[i];
		const struct reason *of_certificate =
		    reason_of_certificate(item->handshake.verify_result);

		if (item->problem != NULL && of_certificate != NULL)
			reason = of_certificate;
		else if (item->problem != NULL && item->handshake.answered)
			reason = item->handshake.shown ? &not_verified : &no_certificate;
	}
	return reason;
}

/* Says why the entry is not written, in the report too. */
static int refuse(const struct pga_addition *asked, struct pga_added *added, enum pga_finding_id id,
		  const struct pga_error *why, int status)
{
	pga_findings_add(&added->findings, id, PGA_SEVERITY_ERROR, "service", "%s", why->message);
	pga_findings_hint(&added->findings, "%s", why->hint);
	if (asked->json)
		(void)pga_addition_json(asked, added, false, status);
	pga_print_error(why);
	return status;
}

/* What libpq says of a server that it does not believe; its words tell how to believe it all the
 * same. */
static int fail_check(const struct pga_addition *asked, struct pga_added *added)
{
	const struct reason *reason = reason_of(&added->check);
	struct pga_error error;

	(void)pga_fail(&error, reason->hint, "service %s: %s", asked->change.name,
		       added->check.problem);
	return refuse(asked, added, reason->id, &error, PGA_EXIT_FAILED);
}

static const struct pga_checked_host *untrusted(const struct pga_check *check)
{
	for (size_t i = 0; i < check->count; i++)
		if (!check->items[i].trusted)
			return &check->items[i];
	return NULL;
}

/* The gate would refuse what libpq takes. */
static int fail_untrusted(const struct pga_addition *asked, struct pga_added *added)
{
	const struct pga_anchor_choice *choice = &added->composition.choice;
	const struct pga_checked_host *item = untrusted(&added->check);
	enum pga_finding_id id = PGA_ROOT_NOT_PINNED;
	struct pga_error error;

	if (choice->named) {
		id = PGA_ROOT_OF_ANOTHER_ANCHOR;
		(void)pga_fail(&error, "nothing was written",
			       "service %s: the server's chain does not end in the anchor %s",
			       asked->change.name, choice->anchor->name);
	} else if (item != NULL && item->pin == NULL && item->handshake.root != NULL) {
		(void)pga_fail(
		    &error,
		    pga_is_of_root_crt(&added->here.effective)
			? "nothing was written; \"pganchor bootstrap --ca-url URL --fingerprint "
			  "HEX\" pins a root, and \"pganchor bootstrap --pin-existing\" those "
			  "that are in root.crt"
			: "nothing was written; \"pganchor bootstrap --ca-url URL --fingerprint "
			  "HEX\" pins a root, by the fingerprint that you get from who runs the CA",
		    "service %s: the chain of %s ends in the root %s (SHA-256 %s), which is "
		    "not pinned: the gate would refuse the server (trust = pinned)",
		    asked->change.name, pga_host_label(item->host), item->handshake.root,
		    item->handshake.root_pin);
	} else {
		id = PGA_ROOT_NOT_PINNED_FOR_HOST;
		(void)pga_fail(
		    &error,
		    "nothing was written; \"pganchor anchor set-hosts NAME PATTERNS\" changes "
		    "what an anchor is valid for",
		    "service %s: the server's chain ends in a root that is not pinned "
		    "for it, and the policy (trust = pinned) would refuse it",
		    asked->change.name);
	}
	return refuse(asked, added, id, &error, PGA_EXIT_WEAK);
}

/* Whether the gate would hold the server's key against those that are known; false: it would not
 * look. */
static bool look_at_key(const struct pga_added *added, const struct pga_checked_host *item,
			struct pga_shown_key *shown)
{
	if (item->skipped || item->handshake.key[0] == '\0' ||
	    pga_checked_is_exempt(item, &added->policy))
		return false;
	shown->host = pga_host_label(item->host);
	shown->port = item->host->port[0] != '\0' ? (unsigned)strtoul(item->host->port, NULL, 10)
						  : PGA_DEFAULT_PORT;
	memcpy(shown->key, item->handshake.key, sizeof shown->key);
	memcpy(shown->issuer, item->handshake.issuer_key, sizeof shown->issuer);
	return true;
}

/* The first server with a key that is none of those that are known of it. */
static bool find_changed(const struct pga_added *added, const struct pga_known_servers *known,
			 struct pga_shown_key *shown)
{
	enum pga_familiarity familiarity;

	for (size_t i = 0; i < added->check.count; i++) {
		if (!look_at_key(added, &added->check.items[i], shown))
			continue;
		familiarity = pga_known_servers_judge(known, NULL, &added->policy, shown);
		if (familiarity == PGA_SERVER_CHANGED || familiarity == PGA_SERVER_REPORTED)
			return true;
	}
	return false;
}

/* Warns, or refuses: as the policy has it for what the gate would say. */
static int tell_key(const struct pga_addition *asked, struct pga_added *added,
		    enum pga_finding_id id, const struct pga_error *why)
{
	if (added->policy.continuity == PGA_CONTINUITY_REQUIRE &&
	    added->policy.mode == PGA_MODE_ENFORCE)
		return refuse(asked, added, id, why, PGA_EXIT_WEAK);
	pga_findings_add(&added->findings, id, PGA_SEVERITY_WARNING, "service", "%s", why->message);
	pga_findings_hint(&added->findings, "%s", why->hint);
	pga_print_warning("%s\n    %s", why->message, why->hint);
	return PGA_EXIT_DONE;
}

/* The gate holds against those that are known what libpq believes for the CA's sake. */
static int check_keys(const struct pga_addition *asked, struct pga_added *added)
{
	struct pga_text server = PGA_TEXT_EMPTY;
	struct pga_text hint = PGA_TEXT_EMPTY;
	struct pga_known_servers known = {0};
	struct pga_shown_key shown;
	struct pga_error error;
	int status = PGA_EXIT_DONE;

	if (added->policy.continuity == PGA_CONTINUITY_OFF)
		return PGA_EXIT_DONE;
	if (pga_known_servers_load(&known, &error) != 0) {
		status = tell_key(asked, added, PGA_KNOWN_SERVERS_UNREADABLE, &error);
	} else if (find_changed(added, &known, &shown)) {
		pga_key_add_server(&server, &shown);
		pga_text_add(&hint, "somebody may be between you and the server; if who runs it "
				    "says that this is its new key: ");
		pga_key_add_accept(&hint, &known, &shown, true);
		(void)pga_fail(&error, pga_text_string(&hint),
			       "service %s: %s shows another key than before (SHA-256 %s)",
			       asked->change.name, pga_text_string(&server), shown.key);
		status = tell_key(asked, added, PGA_SERVER_KEY_CHANGED, &error);
	}
	pga_text_free(&server);
	pga_text_free(&hint);
	pga_known_servers_free(&known);
	return status;
}

/* The settings with the environment as it is, which would refuse what the entry alone allows. */
static int fail_here(const struct pga_addition *asked, struct pga_added *added)
{
	const bool weak = added->here.state == PGA_ENTRY_WEAK;
	struct pga_error error;

	(void)pga_fail(&error, "nothing was written; unset the variable, or give the setting",
		       "service %s: %s with the environment of this shell: %s", asked->change.name,
		       weak ? "weaker than the policy" : "libpq refuses it",
		       pga_text_string(&added->here.why));
	return refuse(asked, added, weak ? PGA_ENVIRONMENT_WEAKENS : PGA_ENVIRONMENT_BREAKS, &error,
		      weak ? PGA_EXIT_WEAK : PGA_EXIT_FAILED);
}

/* To be told before it fails: libpq's own words name no way out, and the policy takes the one that
 * there would be. */
static void warn_of_scram(const struct pga_added *added)
{
	const char *binding = pga_effective_value(&added->here.effective, "channel_binding");
	const bool required = added->policy.channel_binding == PGA_BINDING_REQUIRE ||
			      (binding != NULL && strcmp(binding, "require") == 0);

	if (binding == NULL || strcmp(binding, "disable") == 0)
		return;
	for (size_t i = 0; i < added->check.count; i++) {
		const struct pga_checked_host *item = &added->check.items[i];

		if (item->handshake.no_digest != NULL)
			pga_print_warning(
			    "the certificate of %s is signed with %s, for which libpq knows no "
			    "digest: SCRAM (password authentication) will fail with \"could not "
			    "find digest for NID\"%s\n    an EC or RSA key of the issuing CA "
			    "avoids "
			    "it",
			    pga_host_label(item->host), item->handshake.no_digest,
			    required ? ", and no other login is bound to the TLS channel, as "
				       "channel_binding=require wants it"
				     : " unless channel_binding=disable is set");
	}
}

int pga_addition_check(const struct pga_addition *asked, struct pga_added *added)
{
	const struct pga_anchor_choice *choice = &added->composition.choice;
	struct pga_error error;
	int result;

	if (added->here.state != PGA_ENTRY_ALLOWED)
		return fail_here(asked, added);
	pga_bring_environment_back();
	result = pga_check_hosts(&added->here.effective, &added->policy, &added->pins,
				 choice->named ? choice->anchor : NULL, &added->check, &error);
	if (pga_hide_environment_again(&error) != 0 || result != 0) {
		pga_print_error(&error);
		return PGA_EXIT_FAILED;
	}
	if (!asked->json)
		pga_addition_checked(&added->check);
	if (added->check.problem != NULL)
		return fail_check(asked, added);
	warn_of_scram(added);
	return added->check.trusted ? check_keys(asked, added) : fail_untrusted(asked, added);
}
