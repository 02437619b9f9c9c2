#include "cli/bootstrap_warnings.h"

#include "base/terminal.h"
#include "base/text.h"
#include "tls/handshake.h"
#include "tls/name_constraints.h"

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

int pga_warn_of_constraints(const struct pga_certificate *root, const char *hosts,
			    struct pga_error *error)
{
	struct pga_text outside = PGA_TEXT_EMPTY;
	struct pga_text may = PGA_TEXT_EMPTY;
	int result = pga_name_constraints_outside(root, hosts, &outside, error);

	if (result == 0 && outside.length > 0) {
		result = pga_name_constraints_tell(root, &may, error);
		if (result == 0)
			pga_print_warning(
			    "the CA can never sign for %s: its certificate says that "
			    "it may sign for %s\n    libpq refuses such servers of it, "
			    "whatever --hosts says",
			    pga_text_string(&outside), pga_text_string(&may));
	}
	pga_text_free(&outside);
	pga_text_free(&may);
	return result;
}

static void warn_of_expiry(const struct pga_certificate *root)
{
	time_t soon = time(NULL) + (time_t)DAYS_LEFT * DAY;

	if (X509_cmp_time(X509_get0_notAfter(root->x509), &soon) != 1)
		pga_print_warning("the root expires at %s, and libpq refuses every server of it "
				  "from then on: ask who runs the CA for the next one",
				  root->not_after);
}

/* Of a root whose servers nobody has seen, its own key tells what it signs with itself. */
static void warn_of_scram(const struct pga_certificate *root, STACK_OF(X509) * chain)
{
	X509 *shown = sk_X509_value(chain, 0);
	const char *algorithm = pga_signed_without_digest(shown != NULL ? shown : root->x509);

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
	warn_of_scram(root, chain);
}
