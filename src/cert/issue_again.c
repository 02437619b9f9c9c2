#include "cert/issue_again.h"

#include "base/shell_word.h"

#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void add(struct pga_text *command, const char *option, const char *value)
{
	if (value[0] == '\0')
		return;
	pga_text_addf(command, " %s ", option);
	pga_text_add_shell_word(command, value);
}

/* A name as --san takes it; "" for what it does not. */
static void name_text(const GENERAL_NAME *name, char text[256])
{
	const ASN1_STRING *value = name->d.ia5;
	const unsigned char *bytes;

	text[0] = '\0';
	if (name->type != GEN_DNS && name->type != GEN_EMAIL && name->type != GEN_URI &&
	    name->type != GEN_IPADD)
		return;
	bytes = ASN1_STRING_get0_data(value);
	if (name->type != GEN_IPADD && strnlen((const char *)bytes, 256) < 256)
		(void)snprintf(text, 256, "%.*s", ASN1_STRING_length(value), bytes);
	else if (name->type == GEN_IPADD && ASN1_STRING_length(value) == 4)
		(void)inet_ntop(AF_INET, bytes, text, 256);
	else if (name->type == GEN_IPADD && ASN1_STRING_length(value) == 16)
		(void)inet_ntop(AF_INET6, bytes, text, 256);
}

/* Those besides its own, which it gets by itself. */
static void add_names(struct pga_text *command, X509 *leaf, const char *subject)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	const int count = sk_GENERAL_NAME_num(names);

	for (int i = 0; i < count; i++) {
		char text[256];

		name_text(sk_GENERAL_NAME_value(names, i), text);
		if (count > 1 || strcmp(text, subject) != 0)
			add(command, "--san", text);
	}
	GENERAL_NAMES_free(names);
}

/* Root says whose they are, as they are now. */
static void add_owner(struct pga_text *command, const char *path)
{
	struct stat status;
	struct pga_text owner = PGA_TEXT_EMPTY;
	const struct passwd *user;
	const struct group *group;

	if (geteuid() != 0 || stat(path, &status) != 0)
		return;
	user = getpwuid(status.st_uid);
	group = status.st_uid == 0 && status.st_gid != 0 ? getgrgid(status.st_gid) : NULL;
	if (user != NULL) {
		pga_text_add(&owner, user->pw_name);
		pga_text_add(&owner, group != NULL ? ":" : "");
		pga_text_add(&owner, group != NULL ? group->gr_name : "");
		add(command, "--owner", pga_text_string(&owner));
	}
	command->failed = command->failed || owner.failed;
	pga_text_free(&owner);
}

void pga_cert_issue_again(const struct pga_cert_record *record, X509 *leaf,
			  struct pga_text *command)
{
	char subject[256] = "";

	(void)X509_NAME_get_text_by_NID(X509_get_subject_name(leaf), NID_commonName, subject,
					sizeof subject);
	pga_text_add(command, "pganchor cert issue");
	if (subject[0] != '\0') {
		pga_text_add(command, " ");
		pga_text_add_shell_word(command, subject);
	}
	if (record->server)
		pga_text_add(command, " --for server");
	add_names(command, leaf, subject);
	add(command, "--ca", record->anchor);
	add(command, "--provisioner", record->provisioner);
	add(command, "--out-cert", record->certificate);
	add(command, "--out-key", record->key);
	if (record->server)
		add_owner(command, record->key);
	add(command, "--as", record->name);
}
