#include "cli/bootstrap_warnings.h"

#include "base/terminal.h"
#include "tls/handshake.h"

#include <openssl/x509.h>

#include <time.h>

#define DAY 86400

/* Long enough to ask for the next root, and to bring it to every client. */
#define DAYS_LEFT 21

void pga_warn_of_crls(const struct pga_anchoring *done)
{
	if (done->crl_fault != NULL)
		pga_print_warning("libpq cannot verify this CA's servers yet: %s\n    it wants a "
				  "CRL of every CA where it finds one of any: add those of this CA "
				  "(its root's and its\n    intermediates') to that file, move it "
				  "away, or give connections to this CA an sslcrl of their own",
				  done->crl_fault);
}

void pga_warn_of_scope(const struct pga_anchoring *done)
{
	if (done->kept_scoped)
		pga_print_warning("anchor %s stays scoped, as it was: root.crt is left alone\n    "
				  "the same command with --unscoped puts it there",
				  done->name);
}

void pga_warn_of_rotation(const char *url, const char *name, const char *chain_name)
{
	pga_print_warning("the TLS of %s still comes from anchor %s: anchor %s is proved by its "
			  "fingerprint, and no server of it was seen yet\n    keep both until the "
			  "CA and its servers have moved",
			  url, chain_name, name);
}

static void warn_of_expiry(const struct pga_certificate *root)
{
	time_t soon = time(NULL) + (time_t)DAYS_LEFT * DAY;

	if (X509_cmp_time(X509_get0_notAfter(root->x509), &soon) != 1)
		pga_print_warning("the root expires at %s, and libpq refuses every server of it "
				  "from then on: ask who runs the CA for the next one",
				  root->not_after);
}

static void warn_of_scram(STACK_OF(X509) * chain)
{
	X509 *shown = sk_X509_value(chain, 0);
	const char *algorithm = shown != NULL ? pga_signed_without_digest(shown) : NULL;

	if (algorithm != NULL)
		pga_print_warning(
		    "this CA signs with %s, for which libpq knows no digest: to servers with such "
		    "certificates, SCRAM (password\n    authentication) fails with \"could not "
		    "find "
		    "digest for NID\" unless channel_binding=disable is set; an EC or RSA key of "
		    "the\n    issuing CA avoids it",
		    algorithm);
}

void pga_warn_before_pinning(const struct pga_certificate *root, STACK_OF(X509) * chain)
{
	warn_of_expiry(root);
	warn_of_scram(chain);
}
