/* pganchor anchor show: all that is known of one anchor. */
#include "base/terminal.h"
#include "cli/anchor_view.h"
#include "cli/cli.h"
#include "report/json.h"
#include "tls/certificate_text.h"
#include "tls/name_constraints.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHORTEST_PIN 6 /* digits by which one is found */

struct showing {
	bool system;
	bool pem;
	bool json;

	struct pga_anchor_view view;
};

static bool is_beginning_of_pin(const char *word)
{
	const size_t length = strlen(word);

	return length >= SHORTEST_PIN && length <= PGA_PIN_LENGTH &&
	       strspn(word, "0123456789abcdefABCDEF") == length;
}

/* The one whose pin begins so; *count says how many sections do. */
static const struct pga_pin *find_by_pin(const struct showing *showing, const char *word,
					 size_t *count)
{
	const struct pga_pins *pins = &showing->view.pins;
	const struct pga_pin *found = NULL;

	*count = 0;
	for (size_t i = pins->count; i-- > 0;) {
		const struct pga_pin *pin = &pins->pins[i];

		if ((showing->system && !pin->system) ||
		    strncasecmp(pin->pin, word, strlen(word)) != 0)
			continue;
		/* The user's section of a root comes before the system's. */
		if (found == NULL)
			found = pin;
		*count += strcmp(found->pin, pin->pin) != 0 || found == pin;
	}
	return found;
}

/* A name comes first. */
static const struct pga_pin *find(const struct showing *showing, const char *word,
				  struct pga_error *error)
{
	const struct pga_pin *pin =
	    pga_anchor_view_find(&showing->view, word, showing->system, error);
	size_t count;

	if (pin != NULL || !is_beginning_of_pin(word))
		return pin;
	pin = find_by_pin(showing, word, &count);
	if (count > 1)
		(void)pga_fail(error, "type more of its digits", "%s: %zu pins begin so", word,
			       count);
	return count == 1 ? pin : NULL;
}

static void print_hosts(const struct pga_pin *pin)
{
	pga_print(stdout, "    hosts        %s\n",
		  strcmp(pin->hosts, "*") == 0 ? "every host" : pin->hosts);
}

static int print_certificate(const struct pga_anchor_facts *facts, struct pga_error *error)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	struct pga_text outside = PGA_TEXT_EMPTY;
	int result = 0;

	if (!facts->has_certificate) {
		pga_print(stdout, "    subject      %s\n    valid        to %.10s\n",
			  facts->subject[0] != '\0' ? facts->subject : "(not known)",
			  facts->not_after[0] != '\0' ? facts->not_after : "(not known)");
		return 0;
	}
	result = pga_certificate_tell(&facts->certificate, &text, error);
	if (result == 0)
		result = pga_name_constraints_outside(&facts->certificate, facts->pin->hosts,
						      &outside, error);
	if (result == 0)
		pga_print(stdout, "%s", pga_text_string(&text));
	if (outside.length > 0)
		pga_print_warning("anchor %s is pinned for %s, for which its CA can never sign",
				  facts->pin->name, pga_text_string(&outside));
	pga_text_free(&text);
	pga_text_free(&outside);
	return result;
}

static void print_source(const struct pga_anchor_facts *facts)
{
	const struct pga_source_record *record = facts->record;
	const char *kind = pga_anchor_kind(facts);
	const char *location = pga_anchor_location(facts);

	pga_print(stdout, "    source       %s%s%s%s\n",
		  location[0] != '\0' ? location : "(not known)", kind[0] != '\0' ? " (" : "", kind,
		  kind[0] != '\0' ? ")" : "");
	if (facts->pin->pinned[0] != '\0')
		pga_print(stdout, "    pinned       %s\n", facts->pin->pinned);
	if (record != NULL && record->checked != NULL)
		pga_print(stdout, "    checked      %s\n", record->checked);
	if (record != NULL && record->changed != NULL)
		pga_print(stdout, "    changed      %s\n", record->changed);
}

static void print_files(const struct pga_anchor_facts *facts, const struct pga_anchor_view *view)
{
	static const char *const states[] = {
	    [PGA_OWN_RIGHT] = "",
	    [PGA_OWN_MISSING] = ": MISSING",
	    [PGA_OWN_OTHER] = ": does not hold the pinned root, or something else too",
	};
	const bool wanted = !facts->pin->scoped && !facts->pin->system;

	pga_print(stdout, "    files        %s, line %zu\n", facts->pin->path, facts->pin->line);
	pga_print(stdout, "                 %s%s\n", facts->path, states[facts->own]);
	if (facts->in_root_crt || wanted)
		pga_print(stdout, "                 %s%s\n", view->root_crt,
			  facts->in_root_crt ? "" : ": MISSING: the root is not in it");
}

static void print_services(const struct pga_anchor_facts *facts)
{
	if (facts->use_count == 0)
		(void)puts("    services     none");
	for (size_t i = 0; i < facts->use_count; i++)
		pga_print(stdout, "    %-12s %s (%s, line %zu)\n", i == 0 ? "services" : "",
			  facts->uses[i]->entry->name, facts->uses[i]->file->path,
			  facts->uses[i]->entry->line);
}

/* The same name or root in another place. */
static void print_others(const struct pga_anchor_facts *facts, const struct pga_pins *pins)
{
	const struct pga_pin *const *sections;
	const size_t count = pga_pins_of_root(pins, facts->pin->pin, &sections);

	for (size_t i = 0; i < count; i++)
		if (sections[i] != facts->pin)
			pga_print(stdout, "    also         %s in %s, for %s\n", sections[i]->name,
				  sections[i]->path, sections[i]->hosts);
	for (size_t i = 0; i < pins->system_count && !facts->pin->system; i++)
		if (strcmp(pins->pins[i].name, facts->pin->name) == 0 &&
		    strcmp(pins->pins[i].pin, facts->pin->pin) != 0)
			pga_print(stdout,
				  "    not          the system's anchor of this name, %.16s…: "
				  "--system shows that one\n",
				  pins->pins[i].pin);
}

static int print_text(const struct showing *showing, const struct pga_anchor_facts *facts,
		      struct pga_error *error)
{
	const struct pga_pin *pin = facts->pin;

	pga_print(stdout, "%s%s%s%s\n", pga_colour(stdout, PGA_BOLD), pin->name,
		  pga_colour(stdout, PGA_PLAIN),
		  pin->system ? ", an anchor of the system's, for every user" : "");
	if (print_certificate(facts, error) != 0)
		return -1;
	pga_print(stdout, "    pin          %s\n", pin->pin);
	print_hosts(pin);
	pga_print(stdout, "    scope        %s\n",
		  pin->system   ? "of those who name its file: root.crt is a user's own"
		  : pin->scoped ? "scoped: not in root.crt"
				: "root.crt");
	print_source(facts);
	print_files(facts, &showing->view);
	print_services(facts);
	print_others(facts, &showing->view.pins);
	return 0;
}

static int print_json(const struct showing *showing, const struct pga_anchor_facts *facts,
		      struct pga_error *error)
{
	json_t *anchor = pga_anchor_as_json(facts, &showing->view);
	struct pga_text key = PGA_TEXT_EMPTY;
	struct pga_text signature = PGA_TEXT_EMPTY;
	struct pga_text may = PGA_TEXT_EMPTY;
	int result = 0;

	if (facts->has_certificate) {
		pga_certificate_tell_key(&facts->certificate, &key);
		pga_certificate_tell_signature(&facts->certificate, &signature);
		result = pga_name_constraints_tell(&facts->certificate, &may, error);
	}
	if (result == 0) {
		pga_json_set(anchor, "key",
			     key.length > 0 ? pga_json_text(pga_text_string(&key)) : json_null());
		pga_json_set(anchor, "signature",
			     signature.length > 0 ? pga_json_text(pga_text_string(&signature))
						  : json_null());
		pga_json_set(anchor, "may_sign_for",
			     may.length > 0 ? pga_json_text(pga_text_string(&may)) : json_null());
		pga_json_set(anchor, "pem",
			     facts->has_certificate ? pga_json_text(facts->certificate.pem)
						    : json_null());
		result = pga_json_print(anchor, PGA_EXIT_DONE);
	} else {
		json_decref(anchor);
	}
	pga_text_free(&key);
	pga_text_free(&signature);
	pga_text_free(&may);
	return result;
}

static int print_pem(const struct pga_anchor_facts *facts, struct pga_error *error)
{
	if (!facts->has_certificate)
		return pga_fail(
		    error,
		    "\"pganchor anchor refresh\" brings it back from its source, as does "
		    "the command that pinned it",
		    "anchor %s: %s does not hold the pinned root", facts->pin->name, facts->path);
	(void)fputs(facts->certificate.pem, stdout);
	return 0;
}

/* Returns the exit status, or -1 with the reason. */
static int show(struct showing *showing, const char *word, struct pga_error *error)
{
	struct pga_anchor_facts facts;
	const struct pga_pin *pin;
	int status;

	if (pga_anchor_view_load(&showing->view, error) != 0)
		return -1;
	pin = find(showing, word, error);
	if (pin == NULL)
		return -1;
	status = pga_anchor_facts_read(&facts, &showing->view, pin, error);
	if (status == 0 && showing->pem)
		status = print_pem(&facts, error);
	else if (status == 0 && showing->json)
		status = print_json(showing, &facts, error);
	else if (status == 0)
		status = print_text(showing, &facts, error);
	pga_anchor_facts_free(&facts);
	return status;
}

static const struct pga_option options[] = {
    {.name = "pem", .target = offsetof(struct showing, pem), .help = "the root alone, in PEM"},
    {.name = "system",
     .target = offsetof(struct showing, system),
     .help = "one of the system's, where the user has one of this name too"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct showing, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv)
{
	struct showing showing = {.json = false};
	struct pga_error error;
	int status;

	if (!pga_options_read(&pga_cmd_anchor_show, argc, argv, &showing, &status))
		return status;
	if (showing.pem && showing.json)
		return pga_usage_error("anchor show", "--pem and --json: one of them; JSON has the "
						      "PEM, too");
	status = show(&showing, argv[optind], &error);
	if (status < 0) {
		pga_print_error(&error);
		status = PGA_EXIT_FAILED;
	}
	pga_anchor_view_free(&showing.view);
	return status;
}

const struct pga_command pga_cmd_anchor_show = {
    .name = "anchor show",
    .summary = "show all that is known of an anchor",
    .usage = "NAME [OPTION ...]",
    .about = "Shows the anchor's root as people read certificates, its pin, hosts and scope, where "
	     "it came from and when, the files that hold it and the services that use it. In the "
	     "place of the name, the first digits of the pin (6 or more) do.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "the name of an anchor",
    .least = 1,
    .most = 1,
    .names = PGA_NAMES_ANCHOR,
    .run = run,
};
