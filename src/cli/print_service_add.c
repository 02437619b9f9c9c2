/* What service add says, to people and as JSON. */
#include "cli/print_service_add.h"

#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/cmd_service.h"
#include "report/json.h"
#include "policy/secrets.h"

#include <stdlib.h>
#include <string.h>

static void add_value(struct pga_text *text, const struct pga_setting *setting)
{
	if (pga_keyword_is_secret(setting->keyword))
		pga_text_add(text, PGA_MASK);
	else
		pga_text_add_masked(text, setting->value);
}

static json_t *settings_as_json(const struct pga_settings *settings)
{
	json_t *object = json_object();

	for (size_t i = 0; i < settings->count; i++) {
		const struct pga_setting *item = &settings->items[i];
		struct pga_text shown = PGA_TEXT_EMPTY;

		add_value(&shown, item);
		pga_json_set(object, item->keyword, pga_json_text(pga_text_string(&shown)));
		pga_text_free(&shown);
	}
	return object;
}

static json_t *host_as_json(const struct pga_checked_host *item)
{
	const struct pga_handshake *shown = &item->handshake;
	json_t *host =
	    json_pack("{s:o, s:b, s:b}", "host", pga_json_text(pga_host_label(item->host)), "tls",
		      !item->skipped, "trusted", item->trusted);

	if (item->skipped)
		return host;
	pga_json_set(host, "problem",
		     item->problem != NULL ? pga_json_text(item->problem) : json_null());
	if (!shown->shown)
		return host;
	(void)json_object_update_new(
	    host, json_pack("{s:s, s:s, s:o, s:o, s:o, s:s, s:s, s:o, s:s, s:s, s:o?}", "protocol",
			    shown->protocol, "cipher", shown->cipher, "subject",
			    pga_json_text(shown->subject), "issuer", pga_json_text(shown->issuer),
			    "names", pga_json_text(shown->names), "valid_from", shown->valid_from,
			    "valid_to", shown->valid_to, "root",
			    pga_json_text(shown->root != NULL ? shown->root : ""), "root_sha256",
			    shown->root_pin, "key_sha256", shown->key, "anchor",
			    item->pin != NULL ? pga_json_text(item->pin->name) : NULL));
	return host;
}

static json_t *check_as_json(const struct pga_check *check)
{
	json_t *hosts = json_array();

	for (size_t i = 0; i < check->count; i++)
		pga_json_add(hosts, host_as_json(&check->items[i]));
	return hosts;
}

int pga_addition_json(const struct pga_addition *asked, const struct pga_added *added, bool written,
		      int status)
{
	const struct pga_composition *composition = &added->composition;
	const struct pga_changed *changed = &added->changed;
	json_t *object = json_pack("{s:o, s:b, s:s, s:o, s:o, s:o}", "service",
				   pga_json_text(asked->change.name), "written", written, "verdict",
				   pga_entry_state_word(composition->evaluation.state), "reasons",
				   pga_json_lines(pga_text_string(&composition->evaluation.why)),
				   "settings", settings_as_json(&composition->settings), "warnings",
				   pga_json_lines(pga_text_string(&added->warnings)));

	if (changed->path != NULL) {
		pga_json_set(object, "file", pga_json_text(changed->path));
		pga_json_set(object, "line", json_integer((json_int_t)changed->line));
		pga_json_set(object, "replaced", json_boolean(changed->replaced));
		pga_json_set(object, "unchanged", json_boolean(changed->unchanged));
		pga_json_set(object, "dry_run", json_boolean(asked->change.dry_run));
	}
	if (composition->choice.anchor != NULL)
		pga_json_set(object, "anchor", pga_json_text(composition->choice.anchor->name));
	if (asked->check) {
		pga_json_set(object, "check", check_as_json(&added->check));
		pga_json_set(object, "findings", pga_json_findings(&added->findings));
	}
	return pga_json_print(object, status);
}

int pga_addition_refused(const struct pga_addition *asked, const struct pga_added *added)
{
	if (asked->json)
		(void)pga_addition_json(asked, added, false, PGA_EXIT_WEAK);
	(void)fprintf(
	    stderr,
	    "%spganchor: service %s: refused, since it would be weaker than the policy:%s\n",
	    pga_colour(stderr, PGA_RED), asked->change.name, pga_colour(stderr, PGA_PLAIN));
	pga_print_reasons(stderr, pga_text_string(&added->composition.evaluation.why));
	(void)fputs("    nothing was written; leave out what weakens it\n", stderr);
	return PGA_EXIT_WEAK;
}

static void print_field(const char *name, const char *text)
{
	char *printable = pga_printable(text);

	(void)printf("    %-12s %s\n", name, printable != NULL ? printable : "");
	free(printable);
}

static void print_root(const struct pga_checked_host *item)
{
	const struct pga_handshake *shown = &item->handshake;
	struct pga_text text = PGA_TEXT_EMPTY;

	print_field("root", shown->root != NULL ? shown->root : "none: the chain was not verified");
	if (item->pin != NULL)
		pga_text_addf(&text, "anchor %s%s", item->pin->name,
			      item->trusted ? "" : ", which is not valid for this host");
	else
		pga_text_add(&text, "no");
	print_field("sha256", shown->root_pin);
	print_field("pinned", pga_text_string(&text));
	pga_text_free(&text);
}

/* What a server showed that libpq does not believe is no more than what it says of itself. The
 * first problem is that of the whole check, and told as its error. */
static void print_refused(const struct pga_checked_host *item, const char *told)
{
	const struct pga_handshake *shown = &item->handshake;

	print_field("refused", item->problem != told ? item->problem : "as the error says");
	if (!shown->shown)
		return;
	print_field("it showed", shown->subject);
	print_field("names", shown->names);
	print_field("signed by", shown->issuer);
	print_field("valid from", shown->valid_from);
	print_field("valid to", shown->valid_to);
}

static void print_believed(const struct pga_checked_host *item)
{
	const struct pga_handshake *shown = &item->handshake;

	print_field("protocol", shown->protocol);
	print_field("cipher", shown->cipher);
	print_field("certificate", shown->subject);
	print_field("names", shown->names);
	print_field("valid from", shown->valid_from);
	print_field("valid to", shown->valid_to);
	if (shown->key[0] != '\0')
		print_field("key", shown->key);
	print_root(item);
}

void pga_addition_checked(const struct pga_check *check)
{
	for (size_t i = 0; i < check->count; i++) {
		const struct pga_checked_host *item = &check->items[i];

		pga_print(stdout, "checked %s:\n", pga_host_label(item->host));
		if (item->skipped)
			print_field("TLS", "not asked for: nothing to check");
		else if (item->problem != NULL)
			print_refused(item, check->problem);
		else
			print_believed(item);
	}
}

void pga_addition_warnings(const struct pga_text *warnings)
{
	const char *rest = pga_text_string(warnings);
	const char *line;
	size_t length;

	while (pga_next_line(&rest, &line, &length))
		pga_print_warning("%.*s", (int)length, line);
}

/* A command that would fail is none to print. */
static void print_next(const struct pga_addition *asked, const struct pga_added *added)
{
	const struct pga_composition *composition = &added->composition;

	if (asked->change.dry_run && !added->changed.unchanged)
		(void)puts("next: the same command without --dry-run");
	else if (!composition->no_roots)
		pga_print_next_use(asked->change.name);
	else if (pga_settings_value(&asked->wish.settings, "sslrootcert") == NULL)
		pga_print_next_bootstrap();
}

void pga_addition_written(const struct pga_addition *asked, const struct pga_added *added)
{
	const struct pga_changed *changed = &added->changed;
	const struct pga_settings *settings = &added->composition.settings;
	const struct pga_pin *anchor = added->composition.choice.anchor;
	const char *did = changed->replaced ? "replaced" : "wrote";

	if (asked->change.dry_run)
		did = changed->replaced ? "would replace" : "would write";
	if (changed->unchanged)
		did = "nothing to change:";
	pga_print(stdout, "%s [%s] %s %s, line %zu:\n", did, asked->change.name,
		  changed->unchanged || changed->replaced ? "in" : "to", changed->path,
		  changed->line);
	for (size_t i = 0; i < settings->count; i++) {
		struct pga_text shown = PGA_TEXT_EMPTY;

		add_value(&shown, &settings->items[i]);
		pga_print(stdout, "    %s=%s\n", settings->items[i].keyword,
			  pga_text_string(&shown));
		pga_text_free(&shown);
	}
	if (!changed->unchanged && changed->removed.length > 0) {
		(void)printf("in place of:\n");
		pga_print_service_lines(stdout, "    ", pga_text_string(&changed->removed),
					changed->removed.length);
	}
	if (anchor != NULL)
		pga_print(stdout, "anchor: %s, %s\n", anchor->name,
			  added->composition.choice.sslrootcert != NULL
			      ? "through sslrootcert, and no other"
			      : "through ~/.postgresql/root.crt");
	print_next(asked, added);
}
