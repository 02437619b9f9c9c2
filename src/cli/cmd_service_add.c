/* pganchor service add: composes an entry, checks it, writes it, and says what it did. */
#include "cli/cmd_cert.h"
#include "cli/cmd_service.h"
#include "policy/linked.h"
#include "policy/secrets.h"

#include "anchor/known_roots.h"
#include "ca/idn.h"
#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/service_check.h"
#include "cli/print_service_add.h"
#include "cli/print_unpinned.h"
#include "cli/service_bundle.h"
#include "report/json.h"
#include "service/surroundings.h"
#include "tls/name_constraints.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What is typed. */
struct typed {
	struct pga_addition asked; /* the first: it is what most options are for */
	struct pga_bundle_wish bundle;
	const char *certificate; /* the name of one of the user's own */
};

static int add_setting(struct pga_addition *asked, const char *keyword, const char *value)
{
	struct pga_error error;
	char *hosts = NULL;
	int result = 0;

	/* libpq looks an international name up, and compares it with the certificate's, byte for
	 * byte: as UTF-8 it is found by neither. */
	if (strcmp(keyword, "host") == 0) {
		hosts = pga_hosts_to_ascii(value, &error);
		result = hosts != NULL ? 0 : -1;
	}
	if (result == 0)
		result = pga_settings_add(&asked->wish.settings, keyword,
					  hosts != NULL ? hosts : value, &error);
	free(hosts);
	return result == 0 ? PGA_EXIT_DONE : pga_usage_error("service add", "%s", error.message);
}

/* A name may hold a "=", but one that starts as a setting does is a name forgotten. */
static bool is_setting(const char *word)
{
	char *keyword = strndup(word, strcspn(word, "="));
	bool known =
	    keyword != NULL && strchr(word, '=') != NULL && pga_linked_libpq_knows(keyword);

	free(keyword);
	return known;
}

static bool has_host(const struct pga_addition *asked)
{
	return pga_settings_value(&asked->wish.settings, "host") != NULL ||
	       pga_settings_value(&asked->wish.settings, "hostaddr") != NULL;
}

/* What is wrong with a word, in which a password may be; as_host: it may be meant for the host. */
static int word_error(const char *word, bool as_host, const char *wrong)
{
	struct pga_text shown = PGA_TEXT_EMPTY;
	const char *text;
	int status;

	pga_text_add_masked(&shown, word);
	text = pga_text_string(&shown);
	if (as_host)
		status = pga_usage_error("service add", "%s: %s; the host is --host %s", text,
					 wrong, text);
	else
		status = pga_usage_error("service add", "%s: %s", text, wrong);
	pga_text_free(&shown);
	return status;
}

/* The words that are no options: the service's name, then settings. */
static int take_words(struct pga_addition *asked, int count, char **words)
{
	for (int i = 0; i < count; i++) {
		char *equals = strchr(words[i], '=');
		int status;

		if (i == 0) {
			asked->change.name = words[0];
			continue;
		}
		if (equals == NULL && !has_host(asked))
			return word_error(words[i], true, "not of the form KEYWORD=VALUE");
		if (equals == NULL || equals == words[i])
			return word_error(words[i], false, "not of the form KEYWORD=VALUE");
		*equals = '\0';
		status = add_setting(asked, words[i], equals + 1);
		if (status != PGA_EXIT_DONE)
			return status;
	}
	if (is_setting(asked->change.name))
		return word_error(asked->change.name, false, "the service's name comes first");
	if (!has_host(asked))
		return pga_usage_error("service add",
				       "no --host: whose certificate should be verified?");
	return PGA_EXIT_DONE;
}

/* The options of psql, which are settings: the keyword is the option's name. */
static int take_setting(void *into, const struct pga_option *option, const char *value)
{
	return add_setting(into, option->name, value);
}

static int take_system(void *into, const struct pga_option *option, const char *value)
{
	struct pga_addition *asked = into;

	(void)option;
	(void)value;
	asked->wish.place = asked->change.place = PGA_SERVICE_SYSTEM;
	return PGA_EXIT_DONE;
}

static const struct pga_option options[] = {
    {.name = "host",
     .letter = 'H',
     .kind = PGA_OPTION_TAKEN,
     .argument = "HOST",
     .help = "the server, by the name that is in its certificate",
     .take = take_setting},
    {.name = "port",
     .letter = 'p',
     .kind = PGA_OPTION_TAKEN,
     .argument = "PORT",
     .help = "5432 if left out",
     .take = take_setting},
    {.name = "dbname",
     .letter = 'd',
     .kind = PGA_OPTION_TAKEN,
     .argument = "NAME",
     .help = "the database",
     .take = take_setting},
    {.name = "user",
     .letter = 'U',
     .kind = PGA_OPTION_TAKEN,
     .argument = "NAME",
     .help = "the role",
     .take = take_setting},
    {.name = "anchor",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_addition, wish.anchor),
     .argument = "NAME",
     .help = "the CA root that is valid for the server, where more than one is",
     .names = PGA_NAMES_ANCHOR},
    {.name = "cert",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct typed, certificate),
     .argument = "NAME",
     .help = "the certificate of yours that it shows, as cert status calls it: its sslcert and "
	     "sslkey"},
    {.name = "from-bundle",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct typed, bundle.source),
     .argument = "FILE|URL",
     .help = "of the roots there, pin the one that signs the server, for that server alone",
     .names = PGA_NAMES_FILE},
    {.name = "fingerprint",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct typed, bundle.fingerprint),
     .argument = "HEX",
     .help = "with --from-bundle: SHA-256 of the root; without it, you are asked"},
    {.name = "ca-file",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct typed, bundle.ca_file),
     .argument = "FILE",
     .help = "with --from-bundle: the CAs that verify its address, instead of the system's",
     .names = PGA_NAMES_FILE},
    {.name = "system",
     .kind = PGA_OPTION_TAKEN,
     .help = "edit the file of the machine, not the user's",
     .take = take_system},
    {.name = "replace",
     .target = offsetof(struct pga_addition, change.replace),
     .help = "an entry of this name may be there: its settings are replaced"},
    {.name = "check",
     .target = offsetof(struct pga_addition, check),
     .help = "connect as far as the TLS handshake first; write nothing if that fails"},
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct pga_addition, change.dry_run),
     .help = "change nothing, say what would be written"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct pga_addition, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv);

const struct pga_command pga_cmd_service_add = {
    .name = "service add",
    .summary = "write an entry with sslmode=verify-full",
    .usage = "NAME --host HOST [OPTION ...] [KEYWORD=VALUE ...]",
    .about = "Writes an entry with sslmode=verify-full. Every setting that the installed libpq "
	     "knows can be given as KEYWORD=VALUE; one that weakens the connection is refused.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "the name of the service",
    .least = 1,
    .most = SIZE_MAX,
    .names = PGA_NAMES_SERVICE,
    .statuses = "Exit status: 0 written, 1 failed, 2 usage, 3 refused as weaker than the policy.",
    .examples =
	"  pganchor service add prod --host db.example.com --dbname shop --check\n"
	"  pganchor service add prod --replace --host db.example.com connect_timeout=5\n"
	"  pganchor service add prod --host db.example.com --from-bundle global-bundle.pem\n",
    .run = run,
};

/* What the shell's environment adds to the entry. */
static int look_around(struct pga_added *added, struct pga_error *error)
{
	int result;

	pga_bring_environment_back();
	result =
	    pga_evaluate_here(&added->composition.settings, &added->policy, &added->here, error);
	return pga_hide_environment_again(error) == 0 ? result : -1;
}

static void add_warning(struct pga_text *warnings, const char *lines)
{
	if (lines[0] == '\0')
		return;
	if (warnings->length > 0)
		pga_text_add(warnings, "\n");
	pga_text_add(warnings, lines);
}

/* A server of a root that is trusted and not pinned is one that the gate refuses; a check has seen
 * that of these servers is. The lines of it are one warning. */
static int warn_of_roots(const struct pga_addition *asked, struct pga_added *added,
			 struct pga_error *error)
{
	const struct pga_evaluation *evaluation = &added->composition.evaluation;
	struct pga_text text = PGA_TEXT_EMPTY;
	struct pga_text line = PGA_TEXT_EMPTY;
	int result;

	if (asked->check || !evaluation->needs_tls)
		return 0;
	result = pga_tell_unpinned(pga_effective_value(&evaluation->effective, "sslrootcert"),
				   &added->policy, &added->pins, &text, error);
	for (const char *at = pga_text_string(&text); *at != '\0';) {
		const char *end = at + strcspn(at, "\n");

		pga_text_add_bytes(&line, at, (size_t)(end - at));
		at = end + strspn(end, "\n ");
		if (*at != '\0')
			pga_text_add(&line, end[-1] == ':' ? " " : "; ");
	}
	if (result == 0 && line.failed)
		result = pga_fail_memory(error);
	if (result == 0)
		add_warning(&added->warnings, pga_text_string(&line));
	pga_text_free(&line);
	pga_text_free(&text);
	return result;
}

/* A CA that can never sign for the host: libpq would refuse each of its certificates. */
static int warn_of_constraints(const struct pga_addition *asked, struct pga_added *added,
			       struct pga_error *error)
{
	const struct pga_pin *anchor = added->composition.choice.anchor;
	const char *hosts = pga_settings_value(&asked->wish.settings, "host");
	struct pga_text outside = PGA_TEXT_EMPTY;
	struct pga_text line = PGA_TEXT_EMPTY;
	struct pga_certificate root;
	int result;

	if (anchor == NULL || hosts == NULL || hosts[0] == '/' ||
	    !pga_known_root_read(anchor, &added->pins, &root))
		return 0;
	result = pga_name_constraints_outside(&root, hosts, &outside, error);
	if (result == 0 && outside.length > 0) {
		pga_text_addf(&line,
			      "anchor %s: its CA may not sign for %s (name constraints), so libpq "
			      "will refuse the server",
			      anchor->name, pga_text_string(&outside));
		add_warning(&added->warnings, pga_text_string(&line));
	}
	if (result == 0 && (line.failed || outside.failed))
		result = pga_fail_memory(error);
	pga_text_free(&outside);
	pga_text_free(&line);
	pga_certificate_free(&root);
	return result;
}

/* What the files say about the new entry. */
static void warn_of_files(const struct pga_addition *asked, struct pga_added *added)
{
	bool system = asked->change.place == PGA_SERVICE_SYSTEM;
	struct pga_service_file other;
	const struct pga_entry *entry;
	struct pga_text text = PGA_TEXT_EMPTY;
	struct pga_error error;

	if (!system && added->changed.readable_by_others &&
	    pga_settings_value(&added->composition.settings, "password") != NULL) {
		pga_text_addf(&text,
			      "%s can be read by others: chmod 600 it, for the password's sake",
			      added->changed.path);
		add_warning(&added->warnings, pga_text_string(&text));
		pga_text_free(&text);
	}
	/* The other file is only read for this; what is wrong with it is said elsewhere. */
	if (pga_service_file_read(&other, system ? PGA_SERVICE_USER : PGA_SERVICE_SYSTEM, &error) !=
	    0)
		return;
	entry = pga_service_file_find(&other, asked->change.name);
	if (entry != NULL) {
		pga_text_addf(&text,
			      system ? "%s, line %zu, has a service %s, too: for you, that entry "
				       "shadows this one"
				     : "%s, line %zu, has a service %s, too: for you, the new "
				       "entry shadows that one",
			      other.path, entry->line, asked->change.name);
		add_warning(&added->warnings, pga_text_string(&text));
		pga_text_free(&text);
	}
	pga_service_file_free(&other);
}

static int add(const struct pga_addition *asked, struct pga_added *added)
{
	struct pga_change change = asked->change;
	struct pga_text around = PGA_TEXT_EMPTY;
	struct pga_error error;
	int status;

	if (pga_service_name_check(asked->change.name, asked->change.replace, &error) != 0 ||
	    pga_policy_load(&added->policy, &error) != 0 ||
	    pga_pins_load(&added->pins, &added->policy, &error) != 0 ||
	    pga_compose(&asked->wish, &added->policy, &added->pins, &added->composition, &error) !=
		0)
		goto failed;
	if (added->composition.evaluation.state != PGA_ENTRY_ALLOWED)
		return pga_addition_refused(asked, added);
	add_warning(&added->warnings, pga_text_string(&added->composition.warnings));
	if (warn_of_roots(asked, added, &error) != 0 ||
	    warn_of_constraints(asked, added, &error) != 0 || look_around(added, &error) != 0)
		goto failed;
	pga_surroundings_tell(&added->here, &around);
	add_warning(&added->warnings, pga_text_string(&around));
	pga_text_free(&around);
	if (added->warnings.failed) {
		(void)pga_fail_memory(&error);
		goto failed;
	}
	if (asked->check) {
		status = pga_addition_check(asked, added);
		if (status != PGA_EXIT_DONE)
			return status;
	}
	change.bound_crls = pga_settings_value(&asked->wish.settings, "sslcrl") == NULL &&
			    pga_settings_value(&added->composition.settings, "sslcrl") != NULL;
	if (pga_service_write(&change, &added->composition.settings, &added->policy,
			      &added->changed, &error) != 0) {
		pga_advise_root_for_file(asked->change.place, &error);
		goto failed;
	}
	warn_of_files(asked, added);
	pga_addition_warnings(&added->warnings);
	if (asked->json)
		return pga_addition_json(asked, added,
					 !asked->change.dry_run && !added->changed.unchanged,
					 PGA_EXIT_DONE);
	pga_addition_written(asked, added);
	return PGA_EXIT_DONE;
failed:
	pga_print_error(&error);
	return PGA_EXIT_FAILED;
}

/* A dry run leaves no anchor that an entry could be bound to. */
static bool is_pinned(const char *name)
{
	struct pga_pins pins;
	struct pga_error ignored;
	bool pinned;

	if (pga_pins_load(&pins, NULL, &ignored) != 0)
		return false;
	pinned = pga_pins_named(&pins, name) != NULL;
	pga_pins_free(&pins);
	return pinned;
}

/* The anchor first: an entry without it would be one that connects to nothing. */
static int add_from_bundle(struct typed *typed, struct pga_added *added)
{
	struct pga_addition *asked = &typed->asked;
	char *name = NULL;
	bool pinned = false;
	int status;

	typed->bundle.entry = &asked->wish;
	typed->bundle.service = asked->change.name;
	typed->bundle.replace = asked->change.replace;
	typed->bundle.dry_run = asked->change.dry_run;
	typed->bundle.json = asked->json;
	status = pga_service_pin_from_bundle(&typed->bundle, &name, &pinned);

	if (status == PGA_EXIT_DONE && asked->change.dry_run && !pinned && !is_pinned(name)) {
		if (asked->json)
			status = pga_json_print(json_pack("{s:o, s:b, s:b, s:o}", "service",
							  pga_json_text(asked->change.name),
							  "written", 0, "dry_run", 1, "anchor",
							  pga_json_text(name)),
						status);
		else
			pga_print(stdout,
				  "Would write service %s with that anchor's file as sslrootcert. "
				  "Nothing "
				  "was changed.\n",
				  asked->change.name);
	} else if (status == PGA_EXIT_DONE) {
		asked->wish.anchor = name;
		status = add(asked, added);
		asked->wish.anchor = NULL;
		if (status != PGA_EXIT_DONE && pinned)
			pga_print_warning("anchor %s is pinned all the same\n    pganchor anchor "
					  "remove %s takes it out",
					  name, name);
	}
	free(name);
	return status;
}

/* The files of a certificate that is known (pganchor cert). */
static int add_certificate(struct typed *typed)
{
	struct pga_cert_records records;
	const struct pga_cert_record *record = NULL;
	struct pga_error error;
	int status = PGA_EXIT_FAILED;

	if (typed->certificate == NULL)
		return PGA_EXIT_DONE;
	if (pga_cert_records_read(&records, &error) == 0) {
		record = pga_cert_record_named(&records, typed->certificate);
		if (record == NULL)
			(void)pga_fail_no_cert(&records, typed->certificate, &error);
	}
	if (record == NULL) {
		pga_print_error(&error);
	} else {
		status = add_setting(&typed->asked, "sslcert", record->certificate);
		if (status == PGA_EXIT_DONE)
			status = add_setting(&typed->asked, "sslkey", record->key);
	}
	pga_cert_records_free(&records);
	return status;
}

static int check_bundle(const struct typed *typed)
{
	if (typed->bundle.source == NULL &&
	    (typed->bundle.fingerprint != NULL || typed->bundle.ca_file != NULL))
		return pga_usage_error("service add", "--%s goes with --from-bundle",
				       typed->bundle.fingerprint != NULL ? "fingerprint"
									 : "ca-file");
	return PGA_EXIT_DONE;
}

static int run(int argc, char **argv)
{
	struct typed typed = {.asked = {.json = false}};
	struct pga_addition *asked = &typed.asked;
	struct pga_added added = {.warnings = PGA_TEXT_EMPTY};
	int status;

	if (pga_options_read(&pga_cmd_service_add, argc, argv, &typed, &status))
		status = take_words(asked, argc - optind, argv + optind);
	else
		goto done;
	if (status == PGA_EXIT_DONE)
		status = add_certificate(&typed);
	if (status == PGA_EXIT_DONE)
		status = check_bundle(&typed);
	if (status == PGA_EXIT_DONE)
		status = typed.bundle.source != NULL ? add_from_bundle(&typed, &added)
						     : add(asked, &added);
done:
	pga_settings_free(&asked->wish.settings);
	pga_changed_free(&added.changed);
	pga_check_free(&added.check);
	pga_evaluation_free(&added.here);
	pga_composition_free(&added.composition);
	pga_pins_free(&added.pins);
	pga_policy_free(&added.policy);
	pga_findings_free(&added.findings);
	pga_text_free(&added.warnings);
	return status;
}
