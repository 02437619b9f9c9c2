/* pganchor cert issue: a certificate from a step-ca, for a key that is made here. */
#include "cli/cmd_cert.h"

#include "base/terminal.h"
#include "cert/passphrase.h"
#include "cert/reload.h"
#include "cli/cert_reload_options.h"
#include "cli/cli.h"
#include "cli/issuing.h"
#include "cli/provisioner_password.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The database's user is, for libpq, whoever the system says it is. */
static int take_own_name(struct pga_issuing *issuing, struct pga_error *error)
{
	const struct passwd *user = getpwuid(geteuid());

	if (user == NULL || strlen(user->pw_name) >= sizeof issuing->own_name)
		return pga_fail(error, "name it: pganchor cert issue NAME",
				"this user has no name that the certificate could have");
	(void)snprintf(issuing->own_name, sizeof issuing->own_name, "%s", user->pw_name);
	return 0;
}

static int read_token(struct pga_issuing *issuing, struct pga_error *error)
{
	const char *file = issuing->asked->token;

	if (file == NULL)
		return 0;
	if (strncmp(file, "eyJ", 3) == 0)
		return pga_fail(error, "give it in a file, or on standard input: --token -",
				"--token: what stands in a command line can be read by others");
	if (pga_read_secret_line(file, "a token", &issuing->token_text, error) != 0 ||
	    pga_token_read(&issuing->token, pga_text_string(&issuing->token_text), error) != 0)
		return -1;
	issuing->issue.token = pga_text_string(&issuing->token_text);
	return 0;
}

/* Whom it is for: the word, or the token's, or who runs this. A server has a name of its own. */
static int choose_subject(struct pga_issuing *issuing, struct pga_error *error)
{
	const struct pga_issue_asked *asked = issuing->asked;
	const char *name = asked->subject != NULL ? asked->subject : issuing->token.subject;

	if (name == NULL && issuing->issue.server)
		return pga_fail(error, "pganchor cert issue --for server db.example.com",
				"whose certificate? name the server as clients call it");
	if (name == NULL) {
		if (take_own_name(issuing, error) != 0)
			return -1;
		name = issuing->own_name;
	}
	issuing->subject = name;
	issuing->issue.subject = name;
	return 0;
}

/* A server is called by its own name, too, where others are named. Without any, those of a token
 * count: the CA wants exactly these. */
static int choose_names(struct pga_issuing *issuing, struct pga_error *error)
{
	struct pga_issue_asked *asked = issuing->asked;
	const json_t *of_token = issuing->token.names;
	bool there = false;

	for (size_t i = 0; i < json_array_size(of_token) && asked->name_count == 0; i++) {
		const char *name = json_string_value(json_array_get(of_token, i));

		if (name == NULL || json_array_size(of_token) > PGA_ISSUE_NAMES)
			return pga_fail(error, NULL, "the token's names are none");
	}
	if (asked->name_count == 0)
		for (size_t i = 0; i < json_array_size(of_token); i++)
			asked->names[asked->name_count++] =
			    json_string_value(json_array_get(of_token, i));
	for (size_t i = 0; i < asked->name_count; i++)
		there = there || strcmp(asked->names[i], issuing->subject) == 0;
	if (asked->name_count > 0 && issuing->issue.server && of_token == NULL && !there &&
	    asked->name_count < PGA_ISSUE_NAMES)
		asked->names[asked->name_count++] = issuing->subject;
	issuing->issue.names = asked->names;
	issuing->issue.name_count = asked->name_count;
	return 0;
}

static int prepare(struct pga_issuing *issuing, struct pga_error *error)
{
	const struct pga_issue_asked *asked = issuing->asked;

	issuing->issue.server = asked->use != NULL && strcmp(asked->use, "server") == 0;
	issuing->issue.kind =
	    asked->key_kind != NULL ? pga_key_kind_of(asked->key_kind) : PGA_KEY_EC;
	issuing->issue.lifetime = asked->lifetime;
	if (read_token(issuing, error) != 0 || choose_subject(issuing, error) != 0 ||
	    choose_names(issuing, error) != 0)
		return -1;
	return pga_issue_files_find(&issuing->files, &asked->place, issuing->subject,
				    issuing->issue.server, error);
}

static int find_issuer(struct pga_issuing *issuing, struct pga_error *error)
{
	const struct pga_issue_asked *asked = issuing->asked;
	const bool by_token = issuing->issue.token != NULL;
	const char *name = asked->provisioner;

	if (by_token)
		name = issuing->token.issuer;
	if (pga_issuer_find(&issuing->issuer, &asked->curl, asked->ca, name, by_token, error) != 0)
		return -1;
	issuing->ca = issuing->issuer.authority.url;
	issuing->anchor = issuing->issuer.authority.anchor;
	pga_issue_warn_of_clock(&issuing->issuer);
	return pga_issue_check(&issuing->issuer, &issuing->issue, error);
}

/* The passphrase is in the keyring before the key is on the disk: one that nobody has would be of
 * no use. */
static int write_files(struct pga_issuing *issuing, struct pga_error *error)
{
	const struct pga_secret *passphrase = &issuing->passphrase;
	const bool encrypted = passphrase->bytes != NULL;
	struct pga_secret before = {NULL, 0};
	struct pga_error why;
	int result = 0;

	if (pga_issue_files_of_stepca(&issuing->files, &issuing->issuer, error) != 0)
		return -1;
	if (encrypted)
		result = pga_passphrase_keep(issuing->files.key, passphrase, &before, error);
	if (result == 0) {
		result = pga_issue_files_write(&issuing->files, &issuing->issued, passphrase->bytes,
					       &issuing->asked->reload, error);
		if (result != 0 && encrypted &&
		    pga_passphrase_take_back(issuing->files.key, &before, &why) != 0)
			pga_print_warning(
			    "the keyring has another passphrase for %s than before: %s",
			    issuing->files.key, why.message);
	}
	pga_secret_end(&before);
	return result;
}

static int sign_and_write(struct pga_issuing *issuing, struct pga_error *error)
{
	const struct pga_issue_asked *asked = issuing->asked;

	if (asked->encrypt && (pga_passphrase_check(error) != 0 ||
			       pga_passphrase_make(&issuing->passphrase, error) != 0))
		return -1;
	issuing->issue.passphrase = issuing->passphrase.bytes;
	if (issuing->issue.token == NULL &&
	    pga_unlock_issuer(&issuing->issuer, asked->password_file, error) != 0)
		return -1;
	return pga_issue_run(&issuing->issuer, &issuing->issue, &issuing->issued, error) == 0
		   ? write_files(issuing, error)
		   : -1;
}

static int issue(struct pga_issuing *issuing, struct pga_error *error)
{
	const struct pga_issue_asked *asked = issuing->asked;

	if (prepare(issuing, error) != 0)
		return -1;
	if (asked->acme != NULL) {
		if (pga_issue_by_acme(issuing, error) != 0)
			return -1;
	} else if (find_issuer(issuing, error) != 0 ||
		   (!asked->dry_run && sign_and_write(issuing, error) != 0)) {
		return -1;
	}
	if (asked->json)
		return pga_print_issue_json(issuing);
	if (asked->dry_run)
		pga_print_issue_planned(issuing);
	else
		pga_print_issued(issuing);
	return PGA_EXIT_DONE;
}

static int take_name(void *into, const struct pga_option *option, const char *value)
{
	struct pga_issue_asked *asked = into;

	(void)option;
	if (value[0] == '\0')
		return pga_usage_error("cert issue", "--san: a name is empty");
	if (asked->name_count == PGA_ISSUE_NAMES)
		return pga_usage_error("cert issue", "--san: more than %d names", PGA_ISSUE_NAMES);
	asked->names[asked->name_count++] = value;
	return PGA_EXIT_DONE;
}

static const struct pga_option options[] = {
    {.name = "for",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_issue_asked, use),
     .argument = "client|server",
     .help = "who shows it; client if left out"},
    {.name = "san",
     .kind = PGA_OPTION_TAKEN,
     .argument = "NAME",
     .help = "a name that it is valid for: of a host, an address, mail, or URI; once for each. "
	     "Its own name alone if left out",
     .take = take_name},
    {.name = "ca",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_issue_asked, ca),
     .argument = "ANCHOR",
     .names = PGA_NAMES_ANCHOR,
     .help = "the anchor, or the address, of the CA; the one from which there is one if left out"},
    {.name = "provisioner",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_issue_asked, provisioner),
     .argument = "NAME",
     .help = "of the CA's, of type JWK; the only one if left out"},
    {.name = "password-file",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_issue_asked, password_file),
     .argument = "FILE",
     .names = PGA_NAMES_FILE,
     .help = "the provisioner's password is its first line; - for standard input. Without it, the "
	     "keyring's, or you are asked"},
    {.name = "token",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_issue_asked, token),
     .argument = "FILE",
     .names = PGA_NAMES_FILE,
     .help = "a one-time token that somebody else has made is its first line; - for standard "
	     "input. No password is wanted then"},
    {.name = "acme",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_issue_asked, acme),
     .argument = "URL",
     .help = "for a server: by ACME, from the CA with this directory, through lego; with --http-01 "
	     "or --dns-01"},
    {.name = "http-01",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_issue_asked, http),
     .argument = "WHERE",
     .help = "the CA asks port 80 of the name: [ADDRESS]:PORT where it is answered by this "
	     "command, and at each renewal, or the directory of a web server that runs there"},
    {.name = "dns-01",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_issue_asked, dns),
     .argument = "PROVIDER",
     .help = "the CA asks DNS, where lego puts a record by way of this provider (lego dnshelp)"},
    {.name = "dns-settings",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_issue_asked, dns_settings),
     .argument = "FILE",
     .names = PGA_NAMES_FILE,
     .help = "lines NAME=VALUE, tokens and passwords among them, that lego's provider wants: read "
	     "now and at each renewal, and kept nowhere else"},
    {.name = "email",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_issue_asked, email),
     .argument = "ADDRESS",
     .help = "where the CA writes to about the account; hostmaster at the name if left out"},
    {.name = "lifetime",
     .kind = PGA_OPTION_TAKEN,
     .target = offsetof(struct pga_issue_asked, lifetime),
     .argument = "SPAN",
     .help = "how long it is valid, such as 8h or 30d; the CA's own if left out",
     .take = pga_cert_take_span},
    {.name = "key",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_issue_asked, key_kind),
     .argument = "ec|rsa|ed25519",
     .help = "the kind of its key: P-256, RSA of 3072 bits, Ed25519; ec if left out"},
    {.name = "encrypt-key",
     .target = offsetof(struct pga_issue_asked, encrypt),
     .help =
	 "the key is under a passphrase that is made here, and that the keyring keeps; the gate "
	 "hands it to libpq. For a client's"},
    {.name = "out-cert",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_issue_asked, place.certificate),
     .argument = "FILE",
     .names = PGA_NAMES_FILE,
     .help = "where the certificate goes, with its chain; a client's: "
	     "~/.postgresql/postgresql.crt if left out"},
    {.name = "out-key",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_issue_asked, place.key),
     .argument = "FILE",
     .names = PGA_NAMES_FILE,
     .help = "where its key goes; a client's: ~/.postgresql/postgresql.key if left out"},
    {.name = "owner",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_issue_asked, place.owner),
     .argument = "USER[:GROUP]",
     .help = "as root: whose files they are to be; the key of root's with a group is for that "
	     "group to read. The directory's owner if left out"},
    {.name = "as",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_issue_asked, place.as),
     .argument = "NAME",
     .help = "what it is called here; client for the one that libpq finds by itself, else its own "
	     "name, if left out"},
    {.name = "force",
     .target = offsetof(struct pga_issue_asked, place.force),
     .help = "what is in these files may be replaced, though pganchor has not put it there; a copy "
	     "stays"},
    PGA_CERT_RELOAD_OPTIONS(struct pga_issue_asked, reload),
    {.name = "proxy",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_issue_asked, curl.proxy),
     .argument = "URL",
     .help = "as curl's; if left out, https_proxy and no_proxy count"},
    {.name = "connect-timeout",
     .kind = PGA_OPTION_SECONDS,
     .target = offsetof(struct pga_issue_asked, curl.connect_timeout),
     .argument = "SECONDS",
     .help = "10 if left out"},
    {.name = "max-time",
     .kind = PGA_OPTION_SECONDS,
     .target = offsetof(struct pga_issue_asked, curl.max_time),
     .argument = "SECONDS",
     .help = "for one request; 30 if left out. With --acme for all of it; 600 if left out"},
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct pga_issue_asked, dry_run),
     .help = "change nothing, ask for no password, say what would be done"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct pga_issue_asked, json),
     .help = "report in JSON"},
};

static int check_acme(const struct pga_issue_asked *asked, struct pga_error *error)
{
	if (asked->use == NULL || strcmp(asked->use, "server") != 0)
		return pga_fail(error, NULL, "--acme is for servers: --for server HOST");
	if ((asked->http == NULL) == (asked->dns == NULL))
		return pga_fail(
		    error, NULL,
		    "how is the CA to see whose name it is? --http-01 :80, or --http-01 "
		    "DIRECTORY, or --dns-01 PROVIDER");
	if (asked->dns == NULL && asked->dns_settings != NULL)
		return pga_fail(error, NULL, "--dns-settings goes with --dns-01 PROVIDER");
	if (asked->token != NULL || asked->password_file != NULL || asked->provisioner != NULL ||
	    asked->lifetime != 0)
		return pga_fail(
		    error, NULL,
		    "--token, --password-file, --provisioner and --lifetime are not for "
		    "--acme");
	if (strncmp(asked->acme, "https://", 8) != 0)
		return pga_fail(error, NULL, "--acme: %s: not an https address", asked->acme);
	return 0;
}

static int check_words(const struct pga_issue_asked *asked, struct pga_error *error)
{
	if (asked->subject != NULL && asked->subject[0] == '\0')
		return pga_fail(error, NULL, "the name that it is for is empty");
	if (asked->use != NULL && strcmp(asked->use, "client") != 0 &&
	    strcmp(asked->use, "server") != 0)
		return pga_fail(error, NULL, "--for: %s: neither client nor server", asked->use);
	if (asked->key_kind != NULL && (strncmp(asked->key_kind, "pkcs11:", 7) == 0 ||
					strncmp(asked->key_kind, "engine:", 7) == 0 ||
					strncmp(asked->key_kind, "tpm", 3) == 0))
		return pga_fail(error,
				"libpq can show such a certificate, by an engine; CAVEATS of "
				"pganchor-cert(1) has how it is made and renewed by hand",
				"--key: %s: a key in a token or TPM is made and used by its own "
				"programs: pganchor makes, signs and renews by keys in files",
				asked->key_kind);
	if (asked->key_kind != NULL && pga_key_kind_of(asked->key_kind) == PGA_KEY_KINDS)
		return pga_fail(error, NULL, "--key: %s: none of ec, rsa and ed25519",
				asked->key_kind);
	if (asked->token != NULL && asked->password_file != NULL)
		return pga_fail(error, NULL, "--token and --password-file: one of them");
	if (asked->token != NULL && asked->provisioner != NULL)
		return pga_fail(error, NULL,
				"--token and --provisioner: a token says by which it is");
	if (asked->acme == NULL &&
	    (asked->http != NULL || asked->dns != NULL || asked->dns_settings != NULL))
		return pga_fail(error, NULL,
				"--http-01, --dns-01 and --dns-settings go with --acme URL");
	if (asked->acme != NULL && check_acme(asked, error) != 0)
		return -1;
	if ((asked->place.certificate == NULL) != (asked->place.key == NULL))
		return pga_fail(error, NULL, "--out-cert and --out-key go together");
	if (asked->use != NULL && strcmp(asked->use, "server") == 0 &&
	    asked->place.certificate == NULL)
		return pga_fail(error, NULL,
				"a server's files are where its ssl_cert_file and ssl_key_file "
				"say: --out-cert FILE --out-key FILE");
	if (asked->encrypt && asked->use != NULL && strcmp(asked->use, "server") == 0)
		return pga_fail(error, NULL,
				"--encrypt-key is for a client's key: a server has no keyring");
	return pga_reload_check(&asked->reload, error);
}

static void end(struct pga_issuing *issuing)
{
	pga_secret_end(&issuing->passphrase);
	pga_issue_files_free(&issuing->files);
	pga_issued_free(&issuing->issued);
	pga_issuer_free(&issuing->issuer);
	pga_acme_free(&issuing->acme);
	pga_token_free(&issuing->token);
	pga_text_wipe(&issuing->token_text);
}

static int run(int argc, char **argv)
{
	struct pga_issue_asked asked = {.curl = {.connect_timeout = PGA_HTTP_CONNECT_TIMEOUT}};
	struct pga_issuing issuing = {.asked = &asked};
	struct pga_error error;
	int status;

	if (!pga_options_read(&pga_cmd_cert_issue, argc, argv, &asked, &status))
		return status;
	asked.subject = optind < argc ? argv[optind] : NULL;
	if (check_words(&asked, &error) != 0) {
		if (error.hint[0] == '\0')
			return pga_usage_error("cert issue", "%s", error.message);
		pga_print_error(&error);
		return PGA_EXIT_USAGE;
	}
	if (asked.curl.max_time == 0)
		asked.curl.max_time =
		    asked.acme != NULL ? PGA_ACME_SECONDS * 1000L : PGA_HTTP_MAX_TIME;
	pga_secret_hide_process();
	status = issue(&issuing, &error);
	if (status < 0) {
		pga_print_error(&error);
		status = PGA_EXIT_FAILED;
	}
	end(&issuing);
	return status;
}

const struct pga_command pga_cmd_cert_issue = {
    .name = "cert issue",
    .summary = "have a step-ca sign a certificate for a new key",
    .usage = "[NAME] [OPTION ...]\n--for server HOST --out-cert FILE --out-key FILE [OPTION ...]",
    .about =
	"Makes a private key, which never leaves this machine, and has a step-ca sign a "
	"certificate for it: by the password of one of its provisioners, which is tried here and "
	"sent nowhere, or by a token. NAME is what the certificate says: the database's user, "
	"yours if left out, or with --for server the host. A client's files are those that libpq "
	"finds by itself. Both files are one thing: at no instant is a certificate beside "
	"another key.",
    .examples = "  pganchor cert issue\n"
		"  pganchor cert issue --for server db.example.com --san db \\\n"
		"    --out-cert server.crt --out-key server.key\n",
    .statuses = "Exit status: 0 issued, 1 failed and nothing changed, 2 usage.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "the name that it is for",
    .least = 0,
    .most = 1,
    .run = run,
};
