/* pganchor cert revoke: the CA takes a certificate back. */
#include "cli/cmd_cert.h"

#include "base/terminal.h"
#include "base/text.h"
#include "cert/issue_again.h"
#include "cert/passphrase.h"
#include "cert/revoke.h"
#include "cli/cli.h"
#include "cli/question.h"
#include "password/secret.h"
#include "report/json.h"
#include "tls/certificate.h"

#include <stdio.h>
#include <string.h>

struct asked {
	struct pga_http http;
	const char *reason;
	bool yes;
	bool dry_run;
	bool json;
};

static const char way[] = "where it is meant: --yes";

static int consent(const struct pga_cert_view *view, struct pga_error *error)
{
	struct pga_question asking;
	struct pga_answer answer;
	int result;

	if (!pga_question_possible())
		return pga_fail(error, way, "%s: nobody can be asked whether it is to be revoked",
				view->record->name);
	if (pga_question_begin(&asking, way, error) != 0)
		return -1;
	pga_print(asking.out, "%s: %s\n    valid until %s\n", view->record->name,
		  view->record->certificate, view->state.not_after);
	result =
	    pga_question_ask(&asking, "revoke it for ever? Type yes to do so: ", &answer, error);
	if (result == 0 && !(answer.whole && strcmp(answer.text, "yes") == 0))
		result = pga_fail(error, way, "not wanted by you; nothing was changed");
	pga_question_end(&asking);
	return result;
}

static void print_revoked(const struct pga_cert_view *view)
{
	struct pga_text again = PGA_TEXT_EMPTY;

	pga_cert_issue_again(view->record, pga_cert_leaf(&view->state), &again);
	pga_print(
	    stdout,
	    "%s: revoked. It is not renewed any more; servers that look at no CRL of the CA's "
	    "take it until %s\nnext:\n    %s\n",
	    view->record->name, view->state.not_after,
	    again.failed ? "pganchor cert issue" : pga_text_string(&again));
	pga_text_free(&again);
}

static int print(const struct pga_cert_view *view, const struct asked *asked)
{
	if (asked->json)
		return pga_json_print(json_pack("{s:o, s:o, s:s, s:b, s:b}", "name",
						pga_json_text(view->record->name), "certificate",
						pga_json_text(view->record->certificate), "reason",
						asked->reason, "revoked", (int)!asked->dry_run,
						"dry_run", (int)asked->dry_run),
				      PGA_EXIT_DONE);
	if (asked->dry_run)
		pga_print(stdout, "Would have %s revoked by %s\n", view->record->name,
			  view->record->ca);
	else
		print_revoked(view);
	return PGA_EXIT_DONE;
}

/* A key that has a passphrase is one whose passphrase the keyring may have. */
static int ask_ca(struct pga_cert_view *view, const struct asked *asked, struct pga_error *error)
{
	struct pga_secret passphrase = {NULL, 0};
	int result = pga_passphrase_unlock(view->record->key, &view->state, &passphrase, error);

	if (result == 0)
		result = pga_cert_revoke(view->record, &view->state,
					 pga_revoke_reason_of(asked->reason), &asked->http, error);
	pga_secret_end(&passphrase);
	return result;
}

/* The local CA has nothing that a server could look at. */
static int is_revocable(const struct pga_cert_record *record, struct pga_error *error)
{
	if (strcmp(record->way, PGA_CERT_WAY_LOCAL) != 0)
		return 0;
	return pga_fail(error, "pganchor ca local remove: nobody trusts what it has signed then",
			"%s: the local CA has issued it, and has no list of what is revoked",
			record->name);
}

static int note_revoked(struct pga_cert_view *view, struct pga_error *error)
{
	struct pga_error why;
	struct pga_text hint = PGA_TEXT_EMPTY;
	char pin[PGA_PIN_LENGTH + 1] = "";

	pga_x509_now(view->record->revoked);
	(void)pga_fail_memory(&why);
	if (pga_certificate_pin(pga_cert_leaf(&view->state), pin) == 0 &&
	    pga_cert_record_set(&view->record->revoked_pin, pin, &why) == 0 &&
	    pga_cert_record_note(view->record, &why) == 0)
		return pga_cert_revoke_look_again(view->record, &view->state, error);
	pga_text_addf(&hint, "pganchor cert revoke %s --yes notes it", view->record->name);
	(void)pga_fail(error, pga_text_string(&hint),
		       "%s: the CA has revoked it, but that could not be noted here: %s",
		       view->record->name, why.message);
	pga_text_free(&hint);
	return -1;
}

static int revoke(struct pga_cert_view *view, const struct asked *asked, struct pga_error *error)
{
	if (is_revocable(view->record, error) != 0)
		return -1;
	if (!asked->dry_run) {
		if ((!asked->yes && consent(view, error) != 0) || ask_ca(view, asked, error) != 0)
			return -1;
		if (note_revoked(view, error) != 0)
			return -1;
	}
	return print(view, asked);
}

static const struct pga_option options[] = {
    {.name = "reason",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct asked, reason),
     .argument = "WORD",
     .help = "unspecified (if left out), key-compromise, affiliation-changed, superseded or "
	     "cessation-of-operation"},
    {.name = "proxy",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct asked, http.proxy),
     .argument = "URL",
     .help = "as curl's; if left out, https_proxy, http_proxy and no_proxy count"},
    {.name = "connect-timeout",
     .kind = PGA_OPTION_SECONDS,
     .target = offsetof(struct asked, http.connect_timeout),
     .argument = "SECONDS",
     .help = "10 if left out"},
    {.name = "max-time",
     .kind = PGA_OPTION_SECONDS,
     .target = offsetof(struct asked, http.max_time),
     .argument = "SECONDS",
     .help = "for the CA's answer; 30 if left out"},
    {.name = "yes", .target = offsetof(struct asked, yes), .help = "do not ask"},
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct asked, dry_run),
     .help = "ask no CA, say what would be revoked"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct asked, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv)
{
	struct asked asked = {
	    .reason = "unspecified",
	    .http = {.connect_timeout = PGA_HTTP_CONNECT_TIMEOUT, .max_time = PGA_HTTP_MAX_TIME}};
	struct pga_cert_views views;
	struct pga_error error;
	int status;

	if (!pga_options_read(&pga_cmd_cert_revoke, argc, argv, &asked, &status))
		return status;
	pga_secret_hide_process();
	if (pga_revoke_reason_of(asked.reason) < 0)
		return pga_usage_error("cert revoke", "--reason: %s: no reason", asked.reason);
	status = pga_cert_views_read(&views, argv + optind, &error);
	if (status == 0)
		status = revoke(&views.list[0], &asked, &error);
	if (status < 0) {
		pga_print_error(&error);
		status = PGA_EXIT_FAILED;
	}
	pga_cert_views_free(&views);
	return status;
}

const struct pga_command pga_cmd_cert_revoke = {
    .name = "cert revoke",
    .summary = "have its CA take one back",
    .usage = "NAME [OPTION ...]",
    .about =
	"Has the step-ca that has issued a certificate revoke it, for ever: it is asked over TLS "
	"that the certificate itself authenticates, so that nobody else's can be meant. It is then "
	"renewed no more. A server goes on taking it until it ends, unless it looks at a CRL of "
	"the CA's. The files stay.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "the name of a certificate",
    .least = 1,
    .most = 1,
    .names = PGA_NAMES_CERT,
    .statuses = "Exit status: 0 revoked; 1 failed, or not wanted by you; 2 usage.",
    .run = run,
};
