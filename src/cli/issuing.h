/* What pganchor cert issue holds, and what it prints (print_issue.c). */
#ifndef PGA_CLI_ISSUING_H
#define PGA_CLI_ISSUING_H

#include "ca/http.h"
#include "cert/acme.h"
#include "cert/issue.h"
#include "cert/reload.h"
#include "cli/issue_files.h"
#include "password/secret.h"

#include <stdbool.h>

#define PGA_ISSUE_NAMES 100

struct pga_issue_asked {
	struct pga_http curl;
	const char *use;
	const char *subject; /* the word */
	const char *names[PGA_ISSUE_NAMES];
	size_t name_count;
	const char *ca;
	const char *provisioner;
	const char *token;
	const char *password_file;
	const char *acme; /* the address of a directory; NULL: it is a step-ca's way */
	const char *http;
	const char *dns;
	const char *dns_settings;
	const char *email;
	const char *key_kind;
	long lifetime;
	struct pga_issue_place place;
	struct pga_reload reload;
	bool encrypt;
	bool dry_run;
	bool json;
};

/* All of it. */
struct pga_issuing {
	struct pga_issue_asked *asked;
	struct pga_text token_text;
	struct pga_token token; /* what it says; all zero where none was given */
	const char *subject;    /* a word of the command line, the token's, or own_name */
	char own_name[256];
	struct pga_issue issue;
	struct pga_issuer issuer;
	struct pga_issued issued;
	struct pga_issue_files files;
	const char *ca; /* the address of who issues, for reports; and its anchor */
	const char *anchor;
	struct pga_acme acme;
	struct pga_secret passphrase; /* of the key; all zero where it has none */
};

/* By ACME: from the choice of the roots to the files in place. Nothing is done with dry_run but to
 * look. */
int pga_issue_by_acme(struct pga_issuing *issuing, struct pga_error *error);

/* Its report, as text or as JSON, which returns the exit status; and what a dry run would do. */
void pga_print_issued(const struct pga_issuing *issuing);
void pga_print_issue_planned(const struct pga_issuing *issuing);
int pga_print_issue_json(const struct pga_issuing *issuing);

#endif
