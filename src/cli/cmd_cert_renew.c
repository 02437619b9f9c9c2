/* pganchor cert renew: renews those that are due. */
#include "cli/cmd_cert.h"

#include "base/terminal.h"
#include "base/text.h"
#include "anchor/crls.h"
#include "ca/proxy.h"
#include "cert/acme.h"
#include "cert/renew.h"
#include "cli/bootstrap_copy.h"
#include "cli/cert_reload_options.h"
#include "cli/cli.h"
#include "password/secret.h"
#include "report/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct asked {
	struct pga_renewal_wish wish;
	struct pga_http http;
	bool quiet;
	bool json;
};

/* One certificate, and what came of it. */
struct item {
	struct pga_cert_record *record;
	struct pga_renewal renewal;
};

static const char *word_of(enum pga_renewal_outcome outcome)
{
	static const char *const words[] = {"not-due", "waits",   "would-renew", "renewed-by-other",
					    "told",    "renewed", "failed"};

	return words[outcome];
}

static bool is_failure(const struct pga_renewal *renewal)
{
	return renewal->outcome == PGA_RENEWAL_FAILED || renewal->outcome == PGA_RENEWAL_WAITS;
}

static json_t *text_or_null(const char *text)
{
	return text != NULL && text[0] != '\0' ? pga_json_text(text) : json_null();
}

static json_t *as_json(const struct item *item)
{
	const struct pga_renewal *renewal = &item->renewal;
	char next[PGA_X509_DATE] = "";
	json_t *object = json_object();

	if (renewal->next != 0)
		pga_x509_date_of(renewal->next, next);
	pga_json_set(object, "name", pga_json_text(item->record->name));
	pga_json_set(object, "certificate", pga_json_text(item->record->certificate));
	pga_json_set(object, "change", json_string(word_of(renewal->outcome)));
	pga_json_set(object, "serial", text_or_null(renewal->serial));
	pga_json_set(object, "not_after", text_or_null(renewal->ends));
	pga_json_set(object, is_failure(renewal) ? "next_try" : "due", text_or_null(next));
	pga_json_set(object, "expired", json_boolean(renewal->expired));
	pga_json_set(object, "rekeyed", json_boolean(renewal->rekeyed));
	pga_json_set(object, "reloaded", json_boolean(renewal->reloaded));
	pga_json_set(object, "proved", json_boolean(renewal->proved));
	pga_json_set(object, "taken_back", json_boolean(renewal->taken_back));
	pga_json_set(object, "failures", json_integer((json_int_t)item->record->failures));
	pga_json_set(object, "why",
		     text_or_null(renewal->why.message[0] != '\0'         ? renewal->why.message
				  : renewal->outcome == PGA_RENEWAL_WAITS ? item->record->why
									  : NULL));
	pga_json_set(object, "hint", text_or_null(renewal->why.hint));
	return object;
}

static void print_failure(const struct item *item)
{
	const struct pga_renewal *renewal = &item->renewal;
	char *ends =
	    renewal->ends[0] != '\0' ? pga_cert_from_now(pga_crl_time(renewal->ends)) : NULL;
	char *next = pga_cert_from_now(renewal->next);
	struct pga_error error;

	if (renewal->outcome == PGA_RENEWAL_WAITS)
		(void)pga_fail(&error, "--force tries now",
			       "%s: not renewed, %ld %s: %s; the next try is %s",
			       item->record->name, item->record->failures,
			       item->record->failures == 1 ? "time" : "times", item->record->why,
			       next != NULL ? next : "later");
	else
		(void)pga_fail(&error, renewal->why.hint, "%s: not renewed: %s", item->record->name,
			       renewal->why.message);
	pga_print_error(&error);
	if (renewal->ends[0] != '\0')
		pga_print(stderr, "    the old one %s %s (%s)\n",
			  renewal->expired ? "has ended" : "is as before, and ends", renewal->ends,
			  ends != NULL ? ends : "");
	free(ends);
	free(next);
}

static void print_done(const struct item *item)
{
	const struct pga_renewal *renewal = &item->renewal;

	pga_print(stdout, "%s: renewed%s, serial %s; it ends %s\n", item->record->name,
		  renewal->rekeyed ? " with a new key" : "",
		  renewal->serial != NULL ? renewal->serial : "unknown", renewal->ends);
	if (renewal->proved)
		pga_print(stdout, "    what uses it was told, and shows it\n");
	else if (renewal->reloaded)
		pga_print(stdout, "    what uses it was told; whether it shows it is not seen%s\n",
			  renewal->not_proved.message[0] != '\0' ? "" : ": --prove HOST:PORT");
	if (renewal->not_proved.message[0] != '\0')
		pga_print_warning("%s: the new certificate is in place, but could not be seen in "
				  "use, as the old one could not before: %s",
				  item->record->name, renewal->not_proved.message);
}

static void print_item(const struct item *item, bool quiet)
{
	const struct pga_renewal *renewal = &item->renewal;
	char *when = renewal->next != 0 ? pga_cert_from_now(renewal->next) : NULL;

	switch (renewal->outcome) {
	case PGA_RENEWAL_NOT_DUE:
		if (!quiet)
			pga_print(stdout, "%s: not due yet; it is renewed %s\n", item->record->name,
				  when != NULL ? when : "later");
		break;
	case PGA_RENEWAL_WOULD:
		pga_print(stdout, "%s: would be renewed\n", item->record->name);
		break;
	case PGA_RENEWAL_OTHER:
		pga_print(stdout, "%s: somebody else has just renewed it\n", item->record->name);
		break;
	case PGA_RENEWAL_TOLD:
		pga_print(stdout, "%s: it was renewed before; what uses it was told now\n",
			  item->record->name);
		break;
	case PGA_RENEWAL_DONE:
		print_done(item);
		break;
	case PGA_RENEWAL_WAITS:
	case PGA_RENEWAL_FAILED:
		print_failure(item);
		break;
	}
	free(when);
}

/* Each by itself: that one fails is no reason to leave out the next. */
static int renew(struct pga_cert_records *records, char *const *names, const struct asked *asked,
		 struct pga_error *error)
{
	json_t *items = json_array();
	int status = PGA_EXIT_DONE;
	size_t count = 0;

	for (size_t i = 0; i < records->count; i++) {
		struct item item = {.record = &records->records[i]};
		bool wanted = names[0] == NULL;

		for (size_t j = 0; names[j] != NULL; j++)
			wanted = wanted || strcmp(names[j], item.record->name) == 0;
		/* Without a name, those that come from nowhere are left alone. */
		if (!wanted || (names[0] == NULL && item.record->way[0] == '\0'))
			continue;
		count++;
		if (pga_cert_renew(item.record, &asked->wish, &item.renewal, error) != 0) {
			pga_renewal_free(&item.renewal);
			json_decref(items);
			return -1;
		}
		if (item.renewal.not_noted.message[0] != '\0')
			pga_print_warning("%s: what became of it could not be noted: %s",
					  item.record->name, item.renewal.not_noted.message);
		if (is_failure(&item.renewal))
			status = PGA_EXIT_FAILED;
		if (asked->json)
			pga_json_add(items, as_json(&item));
		else
			print_item(&item, asked->quiet);
		pga_renewal_free(&item.renewal);
	}
	if (asked->json)
		return pga_json_print(json_pack("{s:o, s:b}", "certificates", items, "dry_run",
						(int)asked->wish.dry_run),
				      status);
	json_decref(items);
	if (count == 0 && !asked->quiet)
		(void)puts("no certificate is known here\nnext:\n    pganchor cert issue\nor, for "
			   "what is there already:\n    pganchor cert add");
	return status;
}

/* A certificate of the local CA near the CA's own end has that signed anew, and pinned. */
static bool may_change_pins(const struct pga_cert_records *records)
{
	for (size_t i = 0; i < records->count; i++)
		if (strcmp(records->records[i].way, PGA_CERT_WAY_LOCAL) == 0 &&
		    records->records[i].ca[0] == '\0')
			return true;
	return false;
}

static const struct pga_option options[] = {
    {.name = "expires-in",
     .kind = PGA_OPTION_TAKEN,
     .take = pga_cert_take_span,
     .target = offsetof(struct asked, wish.expires_in),
     .argument = "SPAN",
     .help = "those that end within it, such as 8h or 30d; if left out, those of which two thirds "
	     "of their life are over"},
    {.name = "force",
     .letter = 'f',
     .target = offsetof(struct asked, wish.force),
     .help = "now, due or not, and however often it has failed"},
    {.name = "rekey",
     .target = offsetof(struct asked, wish.rekey),
     .help = "with a new key of the same kind; while both files change, a connection that begins "
	     "may fail"},
    PGA_CERT_RELOAD_OPTIONS(struct asked, wish.reload),
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
     .help = "for one answer of the CA; 30 if left out. For all of what an ACME client does; 600 "
	     "if left out"},
    {.name = "quiet",
     .letter = 'q',
     .target = offsetof(struct asked, quiet),
     .help = "say nothing of those that are not due: so for a timer"},
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct asked, wish.dry_run),
     .help = "ask no CA and change nothing, say what would be renewed"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct asked, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv)
{
	struct asked asked = {.http = {.connect_timeout = PGA_HTTP_CONNECT_TIMEOUT},
			      .wish = {.expires_in = -1, .acme_seconds = PGA_ACME_SECONDS}};
	struct pga_followed_copy copy = {.possible = false};
	struct pga_cert_records records;
	struct pga_error error;
	int status;

	if (!pga_options_read(&pga_cmd_cert_renew, argc, argv, &asked, &status))
		return status;
	pga_secret_hide_process();
	asked.wish.http = &asked.http;
	if (asked.http.max_time > 0)
		asked.wish.acme_seconds = (unsigned)((asked.http.max_time + 999) / 1000);
	else
		asked.http.max_time = PGA_HTTP_MAX_TIME;
	if (pga_reload_check(&asked.wish.reload, &error) != 0 ||
	    (asked.http.proxy != NULL && pga_proxy_check(asked.http.proxy, &error) != 0)) {
		pga_print_error(&error);
		return PGA_EXIT_USAGE;
	}
	status = pga_cert_records_read(&records, &error);
	for (char **name = argv + optind; status == 0 && *name != NULL; name++)
		if (pga_cert_record_named(&records, *name) == NULL)
			status = pga_fail_no_cert(&records, *name, &error);
	if (status == 0) {
		if (!asked.wish.dry_run && may_change_pins(&records))
			pga_followed_copy_begin(&copy);
		status = renew(&records, argv + optind, &asked, &error);
		pga_followed_copy_end(&copy);
	}
	if (status < 0) {
		pga_print_error(&error);
		status = PGA_EXIT_FAILED;
	}
	pga_cert_records_free(&records);
	return status;
}

const struct pga_command pga_cmd_cert_renew = {
    .name = "cert renew",
    .summary = "renew those that are due",
    .usage = "[NAME ...] [OPTION ...]",
    .about =
	"Asks the CA of each certificate that is due for one of the same names and, unless --rekey "
	"says otherwise, the same key: it is asked over TLS that the certificate itself "
	"authenticates. What comes is checked, and takes the place of the old one by one rename, "
	"so "
	"that whoever reads has a certificate and a key that belong together. Then what uses it is "
	"told (--exec, --reload, --signal, or what pganchor cert add was told), and the server "
	"that "
	"--prove names has to show the new one, or else the old one comes back.\n\n"
	"A certificate that was not renewed stays, and is tried again later: at first in minutes, "
	"then in twice as many each time, an hour at most. One that has expired is renewed by a "
	"token of its key, where the provisioner has allowRenewalAfterExpiry.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "the name of a certificate",
    .least = 0,
    .most = 1000,
    .names = PGA_NAMES_CERT,
    .statuses = "Exit status: 0 all are renewed or not due, 1 one was not renewed, 2 usage.",
    .run = run,
};
