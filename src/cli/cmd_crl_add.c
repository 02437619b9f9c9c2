/* pganchor crl add: puts revocation lists in place that do not cut off the user. */
#include "cli/cmd_crl.h"

#include "anchor/server_keys.h"
#include "base/terminal.h"
#include "ca/proxy.h"
#include "cli/cli.h"
#include "report/json.h"
#include "service/crl_add.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct asked {
	struct pga_crl_addition addition;
	const char *host;
	bool yes;
	bool dry_run;
	bool json;
};

static const char *change_of(const struct pga_crl_addition_item *item)
{
	return item->users      ? "user"
	       : item->known    ? "unchanged"
	       : item->replaced ? "replaced"
				: "added";
}

static json_t *text_or_null(const char *text)
{
	return text != NULL && text[0] != '\0' ? pga_json_text(text) : json_null();
}

static json_t *item_as_json(const struct pga_crl_adding *adding,
			    const struct pga_crl_addition_item *item)
{
	const struct pga_crl_record *record = &adding->plan.crls.records[item->record];

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:o, s:I, s:o}", "name",
			 item->users ? json_null() : pga_json_text(record->name), "issuer",
			 pga_json_text(item->crl.issuer), "anchor", text_or_null(record->anchor),
			 "file", pga_json_text(item->path), "source", text_or_null(item->source),
			 "change", change_of(item), "this_update", item->crl.this_update,
			 "next_update", text_or_null(item->crl.next_update), "revoked",
			 (json_int_t)item->crl.revoked, "number", text_or_null(item->crl.number));
}

static int print_json(const struct pga_crl_adding *adding, const struct asked *asked)
{
	json_t *items = json_array();

	for (size_t i = 0; i < adding->count; i++)
		pga_json_add(items, item_as_json(adding, &adding->items[i]));
	return pga_json_print(
	    json_pack(
		"{s:o, s:b, s:o, s:I, s:o, s:o}", "crls", items, "dry_run", (int)asked->dry_run,
		"services", pga_json_lines(pga_text_string(&adding->plan.bound)), "servers_tried",
		(json_int_t)adding->verdicts.tried, "servers_revoked",
		pga_json_lines(pga_text_string(&adding->verdicts.revoked)), "servers_unreached",
		pga_json_lines(pga_text_string(&adding->verdicts.unreached))),
	    PGA_EXIT_DONE);
}

static void print_item(const struct pga_crl_addition_item *item,
		       const struct pga_crl_record *record, bool dry_run)
{
	if (item->users)
		pga_print(stdout,
			  "%s has the CRL of %s already, put there by you: it stays yours\n",
			  item->path, item->crl.issuer);
	else if (item->known)
		pga_print(stdout, "%s has the CRL %s already\n", item->path, record->name);
	else
		pga_print(stdout, "%s %s: the CRL of %s in %s\n",
			  item->replaced ? (dry_run ? "would replace" : "replaced")
					 : (dry_run ? "would add" : "added"),
			  record->name, item->crl.issuer, item->path);
	pga_print(stdout, "    %ld certificate%s revoked, of %s, next %s\n", item->crl.revoked,
		  item->crl.revoked == 1 ? "" : "s", item->crl.this_update,
		  item->crl.next_update[0] != '\0' ? item->crl.next_update : "not said");
}

static void print_text(const struct pga_crl_adding *adding, bool dry_run)
{
	const struct pga_crl_verdicts *verdicts = &adding->verdicts;

	for (size_t i = 0; i < adding->count; i++)
		print_item(&adding->items[i], &adding->plan.crls.records[adding->items[i].record],
			   dry_run);
	pga_print_crl_lines(stdout, dry_run ? "would set sslcrl of service " : "sslcrl of service ",
			    pga_text_string(&adding->plan.bound));
	(void)printf("tried on %zu server%s: libpq takes %zu\n", verdicts->tried,
		     verdicts->tried == 1 ? "" : "s", verdicts->passed);
}

static void warn(const struct pga_crl_adding *adding, bool dry_run)
{
	const struct pga_crl_verdicts *verdicts = &adding->verdicts;

	pga_warn_of_crl_lines("", pga_text_string(&verdicts->revoked),
			      dry_run
				  ? ": its certificate is revoked: libpq would refuse the server"
				  : ": its certificate is revoked: libpq refuses the server "
				    "from now on");
	pga_warn_of_crl_lines("", pga_text_string(&verdicts->still),
			      ": libpq refuses the server, as it did before");
	pga_warn_of_crl_lines("could not be tried: ", pga_text_string(&verdicts->unreached), "");
	pga_warn_of_crl_lines("", pga_text_string(&adding->notes), "");
	pga_warn_of_crl_variables();
}

/* Whether some CRL is to go to root.crl, by which libpq asks for those of all CAs. */
static bool is_for_all(const struct pga_crl_adding *adding)
{
	for (size_t i = 0; i < adding->count; i++)
		if (!adding->plan.crls.records[adding->items[i].record].scoped)
			return true;
	return false;
}

/* The anchor of all of them, where they have one. */
static const char *anchor_of(const struct pga_crl_adding *adding)
{
	const char *anchor = NULL;

	for (size_t i = 0; i < adding->count; i++) {
		const char *own = adding->plan.crls.records[adding->items[i].record].anchor;

		if (own[0] == '\0' || (anchor != NULL && strcmp(anchor, own) != 0))
			return NULL;
		anchor = own;
	}
	return anchor;
}

static bool refuses_other_anchor(const struct pga_crl_adding *adding, const char *anchor)
{
	for (size_t i = 0; i < adding->servers.count; i++) {
		const struct pga_crl_server *server = &adding->servers.items[i];

		if (server->verified != NULL &&
		    (server->pin == NULL || strcmp(server->pin->name, anchor) != 0) &&
		    strstr(pga_text_string(&adding->verdicts.refused), server->label) != NULL)
			return true;
	}
	return false;
}

/* The first of the servers that would be cut off, why, and what would work. */
static int refuse(const struct pga_crl_adding *adding, struct pga_error *error)
{
	const char *refused = pga_text_string(&adding->verdicts.refused);
	const char *anchor = anchor_of(adding);
	struct pga_text hint = PGA_TEXT_EMPTY;

	if (anchor != NULL && is_for_all(adding) && refuses_other_anchor(adding, anchor))
		pga_text_addf(&hint,
			      "nothing was changed. With a CRL in root.crl, libpq wants those of "
			      "every CA: --anchor %s puts it where the services of that anchor "
			      "alone look",
			      anchor);
	else
		pga_text_addf(&hint, "nothing was changed. What would work: %s",
			      adding->verdicts.hint.length > 0
				  ? pga_text_string(&adding->verdicts.hint)
				  : "ask who runs the CA for CRLs that libpq can use");
	(void)pga_fail(error, pga_text_string(&hint), "with it, libpq would refuse a server: %.*s",
		       (int)strcspn(refused, "\n"), refused);
	pga_text_free(&hint);
	return -1;
}

/* Whoever could not be tried may be cut off. */
static int ask(const struct pga_crl_adding *adding, const struct asked *asked,
	       struct pga_error *error)
{
	static const char way[] = "--yes does it all the same; nothing was changed";
	const struct pga_crl_verdicts *verdicts = &adding->verdicts;
	const char *unreached = pga_text_string(&verdicts->unreached);
	struct pga_text first = PGA_TEXT_EMPTY;
	struct pga_text why = PGA_TEXT_EMPTY;
	int result;

	if (asked->yes || asked->dry_run ||
	    (verdicts->unreached.length == 0 && verdicts->tried > 0))
		return 0;
	if (verdicts->unreached.length > 0) {
		pga_text_addf(&first, "These servers could not be tried, and may be cut off:\n%s",
			      unreached);
		pga_text_addf(&why,
			      "a server could not be tried, and may be cut off by the CRL: %.*s",
			      (int)strcspn(unreached, "\n"), unreached);
	} else {
		pga_text_add(&first, "There was no server to try it on.\n");
		pga_text_add(&why, "there is no server to try the CRL on (--host HOST names one)");
	}
	result = pga_ask_about_crls(
	    pga_text_string(&first),
	    "Put it in place all the same? Type yes: ", pga_text_string(&why), way, error);
	pga_text_free(&first);
	pga_text_free(&why);
	return result;
}

static int act(const struct asked *asked)
{
	struct pga_crl_adding adding;
	struct pga_error error;
	int status = PGA_EXIT_FAILED;

	if (pga_crl_adding_begin(&adding, &asked->addition, &error) != 0)
		goto failed;
	if (adding.verdicts.refused.length > 0) {
		pga_warn_of_crl_lines(
		    "would be refused: ", pga_text_string(&adding.verdicts.refused), "");
		(void)refuse(&adding, &error);
		goto failed;
	}
	if (ask(&adding, asked, &error) != 0 ||
	    (!asked->dry_run && pga_crl_adding_write(&adding, &error) != 0))
		goto failed;
	warn(&adding, asked->dry_run);
	status = PGA_EXIT_DONE;
	if (asked->json)
		status = print_json(&adding, asked);
	else
		print_text(&adding, asked->dry_run);
	goto done;
failed:
	pga_print_error(&error);
done:
	pga_crl_adding_end(&adding);
	return status;
}

static const struct pga_option options[] = {
    {.name = "anchor",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct asked, addition.anchor),
     .argument = "NAME",
     .names = PGA_NAMES_ANCHOR,
     .help = "for the services of this anchor alone: they get sslcrl, and root.crl stays as it "
	     "is; so it is for scoped anchors in any case"},
    {.name = "service",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct asked, addition.service),
     .argument = "NAME",
     .names = PGA_NAMES_SERVICE,
     .help = "without an address, the CRLs that the certificates of this service's servers name"},
    {.name = "host",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct asked, host),
     .argument = "HOST[:PORT]",
     .help = "a server to try it on, and to ask which CRLs there are, that is no service's"},
    {.name = "proxy",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct asked, addition.http.proxy),
     .argument = "URL",
     .help = "as curl's; if left out, https_proxy, http_proxy and no_proxy count"},
    {.name = "connect-timeout",
     .kind = PGA_OPTION_SECONDS,
     .target = offsetof(struct asked, addition.http.connect_timeout),
     .argument = "SECONDS",
     .help = "10 if left out"},
    {.name = "max-time",
     .kind = PGA_OPTION_SECONDS,
     .target = offsetof(struct asked, addition.http.max_time),
     .argument = "SECONDS",
     .help = "for one address; 30 if left out"},
    {.name = "yes",
     .target = offsetof(struct asked, yes),
     .help = "do not ask where servers could not be tried; a CRL with which libpq would refuse one "
	     "is not put in place for it"},
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
	struct asked asked = {.addition.http = {.connect_timeout = PGA_HTTP_CONNECT_TIMEOUT,
						.max_time = PGA_HTTP_MAX_TIME}};
	struct pga_key_choice host = {.host = NULL};
	struct pga_error error;
	char port[16];
	int status;

	if (!pga_options_read(&pga_cmd_crl_add, argc, argv, &asked, &status))
		return status;
	if ((asked.host != NULL && pga_key_choice_read(asked.host, &host, &error) != 0) ||
	    (asked.addition.http.proxy != NULL &&
	     pga_proxy_check(asked.addition.http.proxy, &error) != 0)) {
		pga_print_error(&error);
		return PGA_EXIT_USAGE;
	}
	if (host.port != 0) {
		(void)snprintf(port, sizeof port, "%u", host.port);
		asked.addition.host.port = port;
	}
	asked.addition.host.host = host.host;
	asked.addition.sources = (const char *const *)argv + optind;
	asked.addition.count = (size_t)(argc - optind);
	status = act(&asked);
	free(host.host);
	return status;
}

const struct pga_command pga_cmd_crl_add = {
    .name = "crl add",
    .summary = "put CRLs in place that libpq can use",
    .usage = "[URL|FILE|- ...] [OPTION ...]",
    .about =
	"Fetches CRLs, in PEM or DER form, checks that the CA of a pinned root, or one in the "
	"chain of a server, has signed them and that they are in date, and tries them on the "
	"servers of all services, as libpq will: where it would refuse one that it takes now, "
	"nothing is changed, and the reason is said. Then they go to ~/.postgresql/root.crl "
	"beside what is there, or for a scoped anchor to a file of its own, which the services "
	"of that anchor get as their sslcrl.\n\n"
	"Without an address or file, the CRLs are fetched that the servers' certificates name "
	"(their distribution points). libpq wants one of every CA of a chain, the root's own "
	"among them: give several at once where one alone would not do.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "the address or file of a CRL",
    .least = 0,
    .most = 16,
    .names = PGA_NAMES_FILE,
    .statuses = "Exit status: 0 in place, or there already; 1 failed, or libpq would refuse a "
		"server with it: nothing was changed; 2 usage.",
    .examples = "  pganchor crl add\n"
		"  pganchor crl add root.crl https://ca.example.com/1.0/crl\n",
    .run = run,
};
