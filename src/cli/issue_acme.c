/* pganchor cert issue --acme. */
#include "cli/issuing.h"

#include "base/terminal.h"
#include "cert/csr.h"
#include "cert/key.h"
#include "cert/pair.h"
#include "cli/cmd_cert.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <stdlib.h>
#include <string.h>

/* A timer has none of the variables that are there now. */
static void warn_of_variables(const struct pga_acme *acme)
{
	if (acme->dns[0] != '\0' && acme->settings[0] == '\0')
		pga_print_warning("a renewal needs the variables of %s, too, and a timer has none "
				  "of them\n    put them in a file: --dns-settings FILE",
				  acme->dns);
}

/* A path is the directory of a web server; all else is where lego answers by itself. */
static int fill(struct pga_issuing *issuing, struct pga_error *error)
{
	const struct pga_issue_asked *asked = issuing->asked;
	struct pga_acme *acme = &issuing->acme;
	struct pga_text email = PGA_TEXT_EMPTY;
	char **where = asked->dns != NULL      ? &acme->dns
		       : asked->http[0] == '/' ? &acme->webroot
					       : &acme->listen;
	char *settings = NULL;
	int result = pga_acme_begin(acme, error);

	acme->seconds = (unsigned)((asked->curl.max_time + 999) / 1000);
	if (result == 0 && asked->dns_settings != NULL) {
		settings = pga_cert_path(asked->dns_settings, error);
		result =
		    settings != NULL ? pga_cert_record_set(&acme->settings, settings, error) : -1;
		free(settings);
	}
	if (asked->email != NULL)
		pga_text_add(&email, asked->email);
	else
		pga_text_addf(&email, "hostmaster@%s", issuing->subject);
	if (result == 0 && email.failed)
		result = pga_fail_memory(error);
	if (result == 0 &&
	    (pga_cert_record_set(&acme->url, asked->acme, error) != 0 ||
	     pga_cert_record_set(&acme->email, pga_text_string(&email), error) != 0 ||
	     pga_cert_record_set(where, asked->dns != NULL ? asked->dns : asked->http, error) != 0))
		result = -1;
	pga_text_free(&email);
	if (result == 0)
		result = pga_acme_choose_client(acme, error);
	return result == 0 ? pga_acme_find_roots(acme, asked->ca, error) : -1;
}

static int make_request(struct pga_issuing *issuing, struct pga_text *csr, struct pga_error *error)
{
	const struct pga_issue *issue = &issuing->issue;
	struct pga_issued *issued = &issuing->issued;
	const char *const alone[] = {issuing->subject};
	const bool some = issue->name_count > 0;

	issued->pkey = pga_key_make(issue->kind, error);
	if (issued->pkey == NULL || pga_key_write(issued->pkey, NULL, &issued->key, error) != 0)
		return -1;
	return pga_csr_make(issued->pkey, issuing->subject, some ? issue->names : alone,
			    some ? issue->name_count : 1, csr, error);
}

/* Whether it is valid for this one; of a wildcard, for what it stands for. */
static bool has_name(X509 *certificate, const char *name)
{
	char *host = strdup(name);
	bool has;

	if (host != NULL && host[0] == '*')
		host[0] = 'a';
	has = host != NULL && (X509_check_host(certificate, host, 0, 0, NULL) == 1 ||
			       X509_check_ip_asc(certificate, host, 0) == 1);
	free(host);
	ERR_clear_error();
	return has;
}

/* What came is what was asked for. */
static int check(const struct pga_issuing *issuing, struct pga_error *error)
{
	const struct pga_issue *issue = &issuing->issue;
	X509 *certificate = issuing->issued.certificate;
	bool all = has_name(certificate, issuing->subject);

	for (size_t i = 0; i < issue->name_count; i++)
		all = all && has_name(certificate, issue->names[i]);
	if (!all)
		return pga_fail(error, "nothing was changed; ask who runs the CA",
				"the CA has signed other names");
	if (X509_cmp_time(X509_get0_notAfter(certificate), NULL) <= 0)
		return pga_fail(error, "is the clock right?",
				"the new certificate has ended already, by this machine's clock");
	return 0;
}

/* Public CAs sign for servers alone; and a CA's own TLS need not come from the root that it signs
 * by. */
static void warn_of_uses(const struct pga_issuing *issuing)
{
	const struct pga_issued *issued = &issuing->issued;
	struct pga_error why;

	if (X509_check_purpose(issued->certificate, X509_PURPOSE_SSL_CLIENT, 0) != 1)
		pga_print_warning(
		    "it is for servers alone (no clientAuth)\n    where a client shows "
		    "it, as a standby, postgres_fdw or pgbouncer may, a server "
		    "refuses it");
	if (issuing->acme.roots != NULL &&
	    pga_pair_check(&issued->chain, issued->pkey, issuing->acme.roots, true, 0, &why) != 0)
		pga_print_warning(
		    "%s\n    clients that have pinned that root alone will refuse the "
		    "server",
		    why.message);
}

static int ask(struct pga_issuing *issuing, struct pga_error *error)
{
	struct pga_issued *issued = &issuing->issued;
	struct pga_text csr = PGA_TEXT_EMPTY;
	int result = make_request(issuing, &csr, error);

	if (result == 0)
		result = pga_acme_issue(&issuing->acme, issuing->files.name, pga_text_string(&csr),
					&issued->chain, error);
	if (result == 0)
		result = pga_pair_check(&issued->chain, issued->pkey, NULL, true, 0, error);
	if (result == 0)
		result = pga_issued_read(issued, error);
	pga_text_free(&csr);
	return result == 0 ? check(issuing, error) : -1;
}

int pga_issue_by_acme(struct pga_issuing *issuing, struct pga_error *error)
{
	if (fill(issuing, error) != 0)
		return -1;
	issuing->ca = issuing->acme.url;
	issuing->anchor = issuing->acme.anchor;
	if (issuing->asked->dry_run)
		return 0;
	if (ask(issuing, error) != 0 ||
	    pga_acme_put(&issuing->acme, &issuing->files.record, error) != 0 ||
	    pga_issue_files_write(&issuing->files, &issuing->issued, NULL, &issuing->asked->reload,
				  error) != 0)
		return -1;
	warn_of_uses(issuing);
	warn_of_variables(&issuing->acme);
	return 0;
}
