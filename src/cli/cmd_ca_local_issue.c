/* pganchor ca local issue: a certificate for a server on this machine, or a client. */
#include "base/terminal.h"
#include "cert/local_pair.h"
#include "cli/cli.h"
#include "cli/cmd_ca.h"
#include "cli/cmd_cert.h"
#include "cli/local_pair_options.h"
#include "password/secret.h"
#include "report/json.h"
#include "tls/x509_text.h"

#include <pwd.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct asked {
	struct pga_local_pair_wish pair;
	const char *use;
	const char *kind;
	const char *out; /* without .crt and .key */
	const char *directory;
	bool dry_run;
	bool json;

	char *certificate;
	char *key;
};

static const char *const names_of_loopback[] = {"localhost", "127.0.0.1", "::1"};

/* The user's name on this machine is the default of libpq's for the database user, too. */
static int settle_user(struct asked *asked, struct pga_error *error)
{
	const struct passwd *user = getpwuid(geteuid());
	struct pga_local_wish *wish = &asked->pair.wish;

	if (wish->count > 1)
		return pga_fail(error, "pganchor ca local issue --for client NAME",
				"a client's certificate has one name: its database user's");
	wish->common_name = wish->count == 1 ? wish->names[0] : user != NULL ? user->pw_name : NULL;
	wish->count = 0;
	wish->names = NULL;
	if (wish->common_name != NULL)
		return 0;
	(void)pga_fail(error, "give the database user's name",
		       "this user has no name on this machine");
	return -1;
}

/* The files are called after the first name, with none of "*" and "/" in it. */
static int settle_files(struct asked *asked, struct pga_error *error)
{
	const struct pga_local_wish *wish = &asked->pair.wish;
	const char *name = wish->server ? wish->names[0] : wish->common_name;
	struct pga_text path = PGA_TEXT_EMPTY;
	char *out = strdup(asked->out != NULL ? asked->out : name);
	char *whole = NULL;
	int result = -1;

	for (char *at = out; asked->out == NULL && at != NULL && *at != '\0'; at++)
		if (*at == '*' || *at == '/' || *at == ':' || (*at == '.' && at == out))
			*at = '_';
	whole = out != NULL ? pga_cert_path(out, error) : NULL;
	if (whole == NULL)
		goto done;
	pga_text_addf(&path, "%s.crt", whole);
	asked->certificate = pga_text_take(&path);
	pga_text_addf(&path, "%s.key", whole);
	asked->key = pga_text_take(&path);
	asked->pair.certificate = asked->certificate;
	asked->pair.key = asked->key;
	result = asked->certificate != NULL && asked->key != NULL ? 0 : pga_fail_memory(error);
done:
	if (out == NULL)
		(void)pga_fail_memory(error);
	free(whole);
	free(out);
	return result;
}

static int settle(struct asked *asked, struct pga_error *error)
{
	struct pga_local_wish *wish = &asked->pair.wish;

	if (wish->server && wish->count == 0) {
		wish->names = names_of_loopback;
		wish->count = sizeof names_of_loopback / sizeof names_of_loopback[0];
	}
	if (!wish->server && settle_user(asked, error) != 0)
		return -1;
	return settle_files(asked, error);
}

static int print_json(const struct asked *asked, const struct pga_local_pair *pair,
		      const char *name)
{
	char not_after[PGA_X509_DATE];
	char *subject = pga_x509_name(X509_get_subject_name(pair->leaf));
	json_t *object;

	(void)pga_x509_date(X509_get0_notAfter(pair->leaf), not_after);
	object = json_pack("{s:o, s:o, s:o, s:s, s:o, s:o, s:s, s:b, s:b}", "name",
			   name != NULL ? pga_json_text(name) : json_null(), "certificate",
			   pga_json_text(pair->certificate.edit.path), "key",
			   pga_json_text(pair->key.edit.path), "use",
			   asked->pair.wish.server ? "server" : "client", "subject",
			   subject != NULL ? pga_json_text(subject) : NULL, "names",
			   pga_cert_names_as_json(pair->leaf), "not_after", not_after, "renewed",
			   (int)pair->renewed, "dry_run", (int)asked->dry_run);
	free(subject);
	return pga_json_print(object, PGA_EXIT_DONE);
}

static void print_text(const struct asked *asked, const struct pga_local_pair *pair,
		       const char *name)
{
	const struct pga_local_wish *wish = &asked->pair.wish;
	char not_after[PGA_X509_DATE];

	(void)pga_x509_date(X509_get0_notAfter(pair->leaf), not_after);
	pga_print(stdout, "%s a certificate for ", asked->dry_run ? "Would issue" : "Issued");
	for (size_t i = 0; i < wish->count; i++)
		pga_print(stdout, "%s%s", i > 0 ? ", " : "", wish->names[i]);
	if (!wish->server)
		pga_print(stdout, "the database user %s", wish->common_name);
	pga_print(stdout, ", valid to %s\n    %s\n    %s%s\n", not_after,
		  pair->certificate.edit.path, pair->key.edit.path,
		  pair->has_key ? " (the key that was there)" : "");
	if (name != NULL)
		pga_print(stdout, "next:\n    pganchor cert timer enable %s\n", name);
	if (asked->dry_run)
		(void)puts("This was a dry run: nothing was changed.");
}

static char *know(const struct asked *asked, const struct pga_local_pair *pair)
{
	const struct pga_local_wish *wish = &asked->pair.wish;
	const struct pga_local_known known = {.name =
						  wish->server ? wish->names[0] : wish->common_name,
					      .certificate = pair->certificate.edit.path,
					      .key = pair->key.edit.path,
					      .server = wish->server,
					      .directory = asked->directory,
					      .leaf = pair->leaf,
					      .fresh = true};

	return asked->dry_run ? NULL : pga_ca_local_know(&known);
}

static int issue(const struct asked *asked, const struct pga_local_ca *ca)
{
	struct pga_local_pair pair;
	struct pga_error error;
	char *name = NULL;
	int status = PGA_EXIT_FAILED;

	if (pga_local_pair_begin(&pair, ca, &asked->pair, &error) == 0 &&
	    (asked->dry_run || pga_local_pair_write(&pair, &error) == 0)) {
		status = PGA_EXIT_DONE;
		name = know(asked, &pair);
		if (asked->json)
			status = print_json(asked, &pair, name);
		else
			print_text(asked, &pair, name);
	} else {
		pga_print_error(&error);
	}
	pga_local_pair_end(&pair);
	free(name);
	return status;
}

/* The user's own is made where there is none yet; that of a directory has to be there. */
static int find_ca(const struct asked *asked, struct pga_local_ca *ca, struct pga_error *error)
{
	const struct pga_local_ca_wish wish = {.lifetime = PGA_LOCAL_CA_LIFETIME,
					       .dry_run = asked->dry_run};
	struct pga_local_ca_made made;

	if (pga_local_ca_open(ca, asked->directory, error) != 0)
		return -1;
	if (asked->directory != NULL)
		return ca->found ? 0 : pga_fail_no_local_ca(ca, error);
	if (pga_ca_local_ensure(ca, &wish, &made, error) != 0)
		return -1;
	pga_print_ca_local(asked->json ? stderr : stdout, ca, &made, asked->dry_run, false);
	pga_local_ca_made_free(&made);
	return 0;
}

static int act(struct asked *asked)
{
	struct pga_local_ca ca = {.found = false};
	struct pga_error error;
	int status = PGA_EXIT_FAILED;

	if (settle(asked, &error) != 0 || find_ca(asked, &ca, &error) != 0)
		pga_print_error(&error);
	else
		status = issue(asked, &ca);
	pga_local_ca_free(&ca);
	free(asked->certificate);
	free(asked->key);
	return status;
}

static const struct pga_option options[] = {
    {.name = "for",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct asked, use),
     .argument = "server|client",
     .help = "who shows it; server if left out"},
    {.name = "out",
     .letter = 'o',
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct asked, out),
     .argument = "PATH",
     .names = PGA_NAMES_FILE,
     .help = "where they go, without the .crt and .key that are added; the first name, here, if "
	     "left out"},
    PGA_LOCAL_PAIR_OPTIONS(struct asked, pair.wish.lifetime, kind, directory),
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct asked, dry_run),
     .help = "do everything but write, and say what would be written"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct asked, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv)
{
	struct asked asked = {.pair = {.wish = {.lifetime = PGA_LOCAL_LIFETIME}}};
	int status;

	if (!pga_options_read(&pga_cmd_ca_local_issue, argc, argv, &asked, &status))
		return status;
	pga_secret_hide_process();
	if (asked.use != NULL && strcmp(asked.use, "server") != 0 &&
	    strcmp(asked.use, "client") != 0)
		return pga_usage_error("ca local issue", "--for: %s: neither server nor client",
				       asked.use);
	asked.pair.kind = asked.kind != NULL ? pga_key_kind_of(asked.kind) : PGA_KEY_EC;
	if (asked.pair.kind == PGA_KEY_KINDS)
		return pga_usage_error("ca local issue", "--key: %s: none of ec, rsa and ed25519",
				       asked.kind);
	if (asked.pair.wish.lifetime > PGA_LOCAL_LONGEST ||
	    asked.pair.wish.lifetime < PGA_LOCAL_SHORTEST)
		return pga_usage_error("ca local issue",
				       "--lifetime: a certificate is valid for 1m to 397d");
	asked.pair.wish.server = asked.use == NULL || strcmp(asked.use, "server") == 0;
	asked.pair.wish.names = (const char *const *)argv + optind;
	asked.pair.wish.count = (size_t)(argc - optind);
	return act(&asked);
}

const struct pga_command pga_cmd_ca_local_issue = {
    .name = "ca local issue",
    .summary = "a certificate for a server here, or a client",
    .usage = "[NAME ...] [OPTION ...]",
    .about =
	"Has the local CA, which is made where there is none yet, sign a certificate for these "
	"names and addresses of this machine (localhost, 127.0.0.1 and ::1 if left out), or "
	"with --for client for a database user. Names that its constraints do not cover are "
	"refused: every client would refuse them, too. The key is made here, and nobody but "
	"you can read it; one that is there already is kept.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "a host's name or address, or a database user",
    .least = 0,
    .most = 64,
    .statuses = "Exit status: 0 issued; 1 failed: nothing was changed; 2 usage.",
    .examples = "  pganchor ca local issue localhost app.test\n"
		"  pganchor ca local issue --for client alice\n",
    .run = run,
};
