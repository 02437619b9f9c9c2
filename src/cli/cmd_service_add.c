/* pganchor service add: composes an entry, checks it, writes it, and says what it did. */
#include "cli/cmd_service.h"

#include "base/terminal.h"
#include "cli/cli.h"
#include "service/check.h"
#include "service/compose.h"
#include "service/write.h"

#include <stdlib.h>
#include <string.h>

struct request {
	struct pga_wish wish;
	struct pga_change change;
	bool check;
	bool json;
};

struct outcome {
	struct pga_policy policy;
	struct pga_pins pins;
	struct pga_composition composition;
	struct pga_check check;
	struct pga_changed changed;
	struct pga_text warnings; /* those of the composition, and what the files say; one a line */
};

static void print_help(void)
{
	(void)fputs(
	    "usage: pganchor service add NAME --host HOST [OPTION ...] [KEYWORD=VALUE ...]\n\n"
	    "Writes an entry with sslmode=verify-full. Every setting that the installed libpq "
	    "knows can be given\n"
	    "as KEYWORD=VALUE; one that weakens the connection is refused.\n\n"
	    "  -H, --host HOST      the server, by the name that is in its certificate\n"
	    "  -p, --port PORT\n"
	    "  -d, --dbname NAME\n"
	    "  -U, --user NAME\n"
	    "  -a, --anchor NAME    the CA root that vouches for the server, where more than one "
	    "may\n"
	    "  -s, --system         edit the file of the machine, not the user's\n"
	    "  -r, --replace        an entry of this name may be there: its settings are replaced\n"
	    "  -c, --check          connect as far as the TLS handshake first; write nothing if "
	    "that fails\n"
	    "  -n, --dry-run        change nothing, say what would be written\n"
	    "  -j, --json           report as JSON\n"
	    "  -h, --help           show this\n\n"
	    "Exit status: 0 written, 1 failed, 2 usage, 3 refused as weaker than the policy.\n\n"
	    "  pganchor service add prod --host db.example.com --dbname shop --check\n"
	    "  pganchor service add prod --replace --host db.example.com connect_timeout=5\n",
	    stdout);
}

static int take_setting(struct request *request, const char *keyword, const char *value)
{
	struct pga_error error;

	if (pga_settings_add(&request->wish.settings, keyword, value, &error) == 0)
		return PGA_EXIT_DONE;
	return pga_usage_error("service add", "%s", error.message);
}

/* The words that are no options: the service's name, then settings. */
static int take_words(struct request *request, int count, char **words)
{
	for (int i = 0; i < count; i++) {
		char *equals = strchr(words[i], '=');
		int status;

		if (i == 0 && equals == NULL) {
			request->change.name = words[0];
			continue;
		}
		if (request->change.name == NULL)
			return pga_usage_error("service add", "the service's name comes first");
		if (equals == NULL || equals == words[i])
			return pga_usage_error("service add", "%s: not of the form KEYWORD=VALUE",
					       words[i]);
		*equals = '\0';
		status = take_setting(request, words[i], equals + 1);
		if (status != PGA_EXIT_DONE)
			return status;
	}
	if (request->change.name == NULL)
		return pga_usage_error("service add", "no name for the service");
	if (pga_settings_value(&request->wish.settings, "host") == NULL &&
	    pga_settings_value(&request->wish.settings, "hostaddr") == NULL)
		return pga_usage_error("service add",
				       "no --host: whose certificate should be verified?");
	return PGA_EXIT_DONE;
}

/* Options that only give a setting. */
static const char *keyword_of(int option)
{
	static const struct {
		int option;
		const char *keyword;
	} keywords[] = {{'H', "host"}, {'p', "port"}, {'d', "dbname"}, {'U', "user"}};

	for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
		if (keywords[i].option == option)
			return keywords[i].keyword;
	return NULL;
}

static int take_option(struct request *request, int option, char **argv)
{
	switch (option) {
	case 'a':
		request->wish.anchor = optarg;
		break;
	case 's':
		request->wish.place = request->change.place = PGA_SERVICE_SYSTEM;
		break;
	case 'r':
		request->change.replace = true;
		break;
	case 'c':
		request->check = true;
		break;
	case 'n':
		request->change.dry_run = true;
		break;
	case 'j':
		request->json = true;
		break;
	default:
		if (keyword_of(option) != NULL)
			return take_setting(request, keyword_of(option), optarg);
		return pga_service_bad_option("service add", argv);
	}
	return PGA_EXIT_DONE;
}

static json_t *settings_as_json(const struct pga_settings *settings)
{
	json_t *object = json_object();

	for (size_t i = 0; i < settings->count; i++) {
		const struct pga_setting *item = &settings->items[i];
		bool secret = pga_keyword_is_secret(item->keyword);

		(void)json_object_set_new(object, item->keyword,
					  pga_service_json(secret ? "********" : item->value));
	}
	return object;
}

static json_t *host_as_json(const struct pga_checked_host *item)
{
	const struct pga_handshake *shown = &item->handshake;

	if (item->skipped)
		return json_pack("{s:o, s:b}", "host", pga_service_json(item->host->name), "tls",
				 0);
	return json_pack(
	    "{s:o, s:b, s:s, s:s, s:o, s:o, s:s, s:s, s:o, s:s, s:o?, s:b}", "host",
	    pga_service_json(pga_host_label(item->host)), "tls", 1, "protocol", shown->protocol,
	    "cipher", shown->cipher, "subject", pga_service_json(shown->subject), "names",
	    pga_service_json(shown->names), "valid_from", shown->valid_from, "valid_to",
	    shown->valid_to, "root", pga_service_json(shown->root != NULL ? shown->root : ""),
	    "root_sha256", shown->root_pin, "anchor",
	    item->pin != NULL ? pga_service_json(item->pin->name) : NULL, "trusted", item->trusted);
}

static json_t *check_as_json(const struct pga_check *check)
{
	json_t *hosts = json_array();

	for (size_t i = 0; i < check->count; i++)
		(void)json_array_append_new(hosts, host_as_json(&check->items[i]));
	return hosts;
}

static int report_as_json(const struct request *request, const struct outcome *outcome,
			  bool written, int status)
{
	const struct pga_composition *composition = &outcome->composition;
	const struct pga_changed *changed = &outcome->changed;
	json_t *object = json_pack(
	    "{s:o, s:b, s:s, s:o, s:o, s:o}", "service", pga_service_json(request->change.name),
	    "written", written, "verdict", pga_stands_word(composition->standing.stands), "reasons",
	    pga_service_json_lines(pga_text_string(&composition->standing.why)), "settings",
	    settings_as_json(&composition->settings), "warnings",
	    pga_service_json_lines(pga_text_string(&outcome->warnings)));

	if (object != NULL && changed->path != NULL) {
		(void)json_object_set_new(object, "file", pga_service_json(changed->path));
		(void)json_object_set_new(object, "line", json_integer((json_int_t)changed->line));
		(void)json_object_set_new(object, "replaced", json_boolean(changed->replaced));
		(void)json_object_set_new(object, "unchanged", json_boolean(changed->unchanged));
		(void)json_object_set_new(object, "dry_run", json_boolean(request->change.dry_run));
	}
	if (object != NULL && composition->vouching.anchor != NULL)
		(void)json_object_set_new(object, "anchor",
					  pga_service_json(composition->vouching.anchor->name));
	if (object != NULL && request->check)
		(void)json_object_set_new(object, "check", check_as_json(&outcome->check));
	return pga_service_print_json(object, status);
}

static void print_lines(FILE *stream, const char *indent, const char *lines)
{
	while (*lines != '\0') {
		size_t length = strcspn(lines, "\n");

		(void)fprintf(stream, "%s%.*s\n", indent, (int)length, lines);
		lines += length + (lines[length] == '\n');
	}
}

static int refuse(const struct request *request, const struct outcome *outcome)
{
	if (request->json)
		(void)report_as_json(request, outcome, false, PGA_EXIT_WEAK);
	(void)fprintf(
	    stderr,
	    "%spganchor: service %s: refused, since it would be weaker than the policy:%s\n",
	    pga_colour(stderr, PGA_RED), request->change.name, pga_colour(stderr, PGA_PLAIN));
	print_lines(stderr, "    ", pga_text_string(&outcome->composition.standing.why));
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
			      item->trusted ? "" : ", which may not vouch for this host");
	else
		pga_text_add(&text, "no");
	print_field("sha256", shown->root_pin);
	print_field("pinned", pga_text_string(&text));
	pga_text_free(&text);
}

static void print_check(const struct pga_check *check)
{
	for (size_t i = 0; i < check->count; i++) {
		const struct pga_checked_host *item = &check->items[i];
		const struct pga_handshake *shown = &item->handshake;

		(void)printf("checked %s:\n", pga_host_label(item->host));
		if (item->skipped) {
			print_field("TLS", "not asked for: nothing to check");
			continue;
		}
		print_field("protocol", shown->protocol);
		print_field("cipher", shown->cipher);
		print_field("certificate", shown->subject);
		print_field("names", shown->names);
		print_field("valid from", shown->valid_from);
		print_field("valid to", shown->valid_to);
		print_root(item);
	}
}

/* Returns PGA_EXIT_DONE where every host was found to be what the policy wants. */
static int check(const struct request *request, struct outcome *outcome)
{
	struct pga_error error;

	if (pga_check_hosts(&outcome->composition.settings, &outcome->policy, &outcome->pins,
			    &outcome->check, &error) != 0) {
		if (error.next[0] == '\0')
			(void)snprintf(error.next, sizeof error.next,
				       "nothing was written; leave --check out to write the entry "
				       "all the same");
		pga_print_error(&error);
		return PGA_EXIT_FAILED;
	}
	if (!request->json)
		print_check(&outcome->check);
	if (outcome->check.trusted)
		return PGA_EXIT_DONE;
	if (request->json)
		(void)report_as_json(request, outcome, false, PGA_EXIT_WEAK);
	(void)pga_fail(&error, "nothing was written; pganchor bootstrap pins a root",
		       "service %s: the server's chain ends in a root that is not pinned for it, "
		       "and the policy "
		       "(trust = pinned) would refuse it",
		       request->change.name);
	pga_print_error(&error);
	return PGA_EXIT_WEAK;
}

static void add_warning(struct pga_text *warnings, const char *lines)
{
	if (lines[0] == '\0')
		return;
	if (warnings->length > 0)
		pga_text_add(warnings, "\n");
	pga_text_add(warnings, lines);
}

/* What the files say about the new entry. */
static void warn_of_files(const struct request *request, struct outcome *outcome)
{
	bool system = request->change.place == PGA_SERVICE_SYSTEM;
	struct pga_service_file other;
	const struct pga_entry *entry;
	struct pga_text text = PGA_TEXT_EMPTY;
	struct pga_error error;

	if (!system && outcome->changed.readable_by_others &&
	    pga_settings_value(&outcome->composition.settings, "password") != NULL) {
		pga_text_addf(&text,
			      "%s can be read by others: chmod 600 it, for the password's sake",
			      outcome->changed.path);
		add_warning(&outcome->warnings, pga_text_string(&text));
		pga_text_free(&text);
	}
	/* The other file is only read for this; what is wrong with it is said elsewhere. */
	if (pga_service_file_read(&other, system ? PGA_SERVICE_USER : PGA_SERVICE_SYSTEM, &error) !=
	    0)
		return;
	entry = pga_service_file_find(&other, request->change.name);
	if (entry != NULL) {
		pga_text_addf(&text,
			      system ? "%s, line %zu, has a service %s, too: for you, that entry "
				       "shadows this one"
				     : "%s, line %zu, has a service %s, too: for you, the new "
				       "entry shadows that one",
			      other.path, entry->line, request->change.name);
		add_warning(&outcome->warnings, pga_text_string(&text));
		pga_text_free(&text);
	}
	pga_service_file_free(&other);
}

static void print_warnings(const struct pga_text *warnings)
{
	const char *at = pga_text_string(warnings);

	while (*at != '\0') {
		size_t length = strcspn(at, "\n");

		pga_print_warning("%.*s", (int)length, at);
		at += length + (at[length] == '\n');
	}
}

static void print_what_was_written(const struct request *request, const struct outcome *outcome)
{
	const struct pga_changed *changed = &outcome->changed;
	const struct pga_settings *settings = &outcome->composition.settings;
	const struct pga_pin *anchor = outcome->composition.vouching.anchor;
	const char *did = changed->replaced ? "replaced" : "wrote";

	if (request->change.dry_run)
		did = changed->replaced ? "would replace" : "would write";
	if (changed->unchanged)
		did = "nothing to change:";
	(void)printf("%s [%s] %s %s, line %zu:\n", did, request->change.name,
		     changed->unchanged || changed->replaced ? "in" : "to", changed->path,
		     changed->line);
	for (size_t i = 0; i < settings->count; i++)
		(void)printf("    %s=%s\n", settings->items[i].keyword,
			     pga_keyword_is_secret(settings->items[i].keyword)
				 ? "********"
				 : settings->items[i].value);
	if (!changed->unchanged && changed->removed.length > 0) {
		(void)printf("in place of:\n");
		pga_service_print_lines(stdout, "    ", pga_text_string(&changed->removed),
					changed->removed.length);
	}
	if (anchor != NULL)
		(void)printf("anchor: %s, %s\n", anchor->name,
			     anchor->scoped ? "through sslrootcert"
					    : "through ~/.postgresql/root.crt");
	pga_service_print_next(request->change.name);
}

static int add(const struct request *request, struct outcome *outcome)
{
	struct pga_error error;
	int status;

	if (pga_service_name_check(request->change.name, &error) != 0 ||
	    pga_policy_load(&outcome->policy, &error) != 0 ||
	    pga_pins_load(&outcome->pins, &error) != 0 ||
	    pga_compose(&request->wish, &outcome->policy, &outcome->pins, &outcome->composition,
			&error) != 0)
		goto failed;
	if (outcome->composition.standing.stands != PGA_STANDS_ALLOWED)
		return refuse(request, outcome);
	add_warning(&outcome->warnings, pga_text_string(&outcome->composition.warnings));
	if (request->check) {
		status = check(request, outcome);
		if (status != PGA_EXIT_DONE)
			return status;
	}
	if (pga_service_write(&request->change, &outcome->composition.settings, &outcome->policy,
			      &outcome->changed, &error) != 0)
		goto failed;
	warn_of_files(request, outcome);
	print_warnings(&outcome->warnings);
	if (request->json)
		return report_as_json(request, outcome,
				      !request->change.dry_run && !outcome->changed.unchanged,
				      PGA_EXIT_DONE);
	print_what_was_written(request, outcome);
	return PGA_EXIT_DONE;
failed:
	pga_print_error(&error);
	return PGA_EXIT_FAILED;
}

int pga_service_add(int argc, char **argv)
{
	static const struct option options[] = {
	    {"host", required_argument, NULL, 'H'},   {"port", required_argument, NULL, 'p'},
	    {"dbname", required_argument, NULL, 'd'}, {"user", required_argument, NULL, 'U'},
	    {"anchor", required_argument, NULL, 'a'}, {"system", no_argument, NULL, 's'},
	    {"replace", no_argument, NULL, 'r'},      {"check", no_argument, NULL, 'c'},
	    {"dry-run", no_argument, NULL, 'n'},      {"json", no_argument, NULL, 'j'},
	    {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
	};
	struct request request = {.json = false};
	struct outcome outcome = {.warnings = PGA_TEXT_EMPTY};
	int status = PGA_EXIT_DONE;
	int option;

	opterr = 0;
	while (status == PGA_EXIT_DONE &&
	       (option = getopt_long(argc, argv, "H:p:d:U:a:srcnjh", options, NULL)) != -1) {
		if (option == 'h') {
			print_help();
			goto done;
		}
		status = take_option(&request, option, argv);
	}
	if (status == PGA_EXIT_DONE)
		status = take_words(&request, argc - optind, argv + optind);
	if (status == PGA_EXIT_DONE)
		status = add(&request, &outcome);
done:
	pga_settings_free(&request.wish.settings);
	pga_changed_free(&outcome.changed);
	pga_check_free(&outcome.check);
	pga_composition_free(&outcome.composition);
	pga_pins_free(&outcome.pins);
	pga_policy_free(&outcome.policy);
	pga_text_free(&outcome.warnings);
	return status;
}
