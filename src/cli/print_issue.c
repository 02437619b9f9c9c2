#include "cli/issuing.h"

#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/cmd_cert.h"
#include "report/json.h"
#include "tls/at_time.h"
#include "tls/x509_text.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void add_names(const struct pga_issuing *issuing, json_t *report)
{
	const struct pga_issue *issue = &issuing->issue;
	json_t *names = json_array();

	for (size_t i = 0; i < issue->name_count; i++)
		pga_json_add(names, pga_json_text(issue->names[i]));
	if (issue->name_count == 0)
		pga_json_add(names, pga_json_text(issue->subject));
	pga_json_set(report, "names", names);
}

int pga_print_issue_json(const struct pga_issuing *issuing)
{
	const struct pga_issue_files *files = &issuing->files;
	const bool issued = issuing->issued.certificate != NULL;
	char until[PGA_X509_DATE] = "";
	json_t *report = json_object();

	if (issued)
		(void)pga_x509_date(X509_get0_notAfter(issuing->issued.certificate), until);
	pga_json_set(report, "name", pga_json_text(files->name));
	pga_json_set(report, "use", json_string(issuing->issue.server ? "server" : "client"));
	pga_json_set(report, "subject", pga_json_text(issuing->subject));
	add_names(issuing, report);
	pga_json_set(report, "ca", pga_json_text(issuing->ca));
	pga_json_set(report, "anchor",
		     issuing->anchor[0] != '\0' ? pga_json_text(issuing->anchor) : json_null());
	pga_json_set(report, "provisioner",
		     issuing->issuer.provisioner != NULL
			 ? pga_json_text(issuing->issuer.provisioner->name)
			 : json_null());
	pga_json_set(report, "certificate", pga_json_text(files->certificate));
	pga_json_set(report, "key", pga_json_text(files->key));
	pga_json_set(report, "encrypted", json_boolean(issuing->asked->encrypt));
	pga_json_set(report, "not_after", issued ? json_string(until) : json_null());
	pga_json_set(report, "replaced", json_boolean(files->replaces));
	pga_json_set(report, "kept", pga_json_lines(pga_text_string(&files->kept)));
	pga_json_set(report, "reloaded", json_boolean(files->reloaded));
	pga_json_set(report, "proved", json_boolean(files->proved));
	pga_json_set(report, "written", json_boolean(issued));
	pga_json_set(report, "dry_run", json_boolean(issuing->asked->dry_run));
	return pga_json_print(report, PGA_EXIT_DONE);
}

void pga_print_issued(const struct pga_issuing *issuing)
{
	const struct pga_issue_files *files = &issuing->files;
	const X509 *certificate = issuing->issued.certificate;
	const time_t until = pga_time_of(X509_get0_notAfter(certificate));
	char date[PGA_X509_DATE] = "";
	char *left = pga_cert_from_now(until);
	const char *rest = pga_text_string(&files->kept);
	const char *line;
	size_t length;

	(void)pga_x509_date(X509_get0_notAfter(certificate), date);
	pga_print(stdout, "Issued a certificate for %s, by %s.\n", issuing->subject, issuing->ca);
	pga_print(stdout, "    certificate  %s\n    key          %s\n    ends         %s, %s\n",
		  files->certificate, files->key, date, left != NULL ? left : "");
	while (pga_next_line(&rest, &line, &length))
		pga_print(stdout, "    kept         %.*s, which was there before\n", (int)length,
			  line);
	if (files->proved)
		pga_print(stdout, "    shown by     %s\n", files->record.prove);
	if (issuing->passphrase.bytes != NULL)
		pga_print(stdout, "The keyring has the key's passphrase, and the gate hands it to "
				  "libpq; without the gate, libpq asks for it.\n");
	else if (!issuing->issue.server && files->is_default)
		pga_print(stdout, "libpq finds both by itself.\n");
	pga_print(stdout, "next:\n    pganchor cert timer enable %s%s\n", files->name,
		  files->server && geteuid() == 0 ? " --system" : "");
	free(left);
}

void pga_print_issue_planned(const struct pga_issuing *issuing)
{
	const struct pga_issue_files *files = &issuing->files;

	pga_print(stdout, "Would have %s issue a certificate for %s%s%s.\n", issuing->ca,
		  issuing->subject, issuing->issuer.provisioner != NULL ? ", by provisioner " : "",
		  issuing->issuer.provisioner != NULL ? issuing->issuer.provisioner->name : "");
	pga_print(stdout, "    certificate  %s\n    key          %s\n", files->certificate,
		  files->key);
	pga_print(stdout, "Nothing was changed%s.\n",
		  files->replaces ? "; what is there would be replaced" : "");
}
