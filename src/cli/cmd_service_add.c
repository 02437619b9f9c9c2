/* pganchor service add: composes an entry, checks it, writes it, and says what it did. */
#include "cli/cmd_service.h"

#include "ca/idn.h"
#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/service_check.h"
#include "cli/print_service_add.h"
#include "cli/print_unpinned.h"
#include "service/surroundings.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

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

static int take_setting(struct pga_addition *asked, const char *keyword, const char *value)
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
	bool known = keyword != NULL && strchr(word, '=') != NULL && pga_settings_known(keyword);

	free(keyword);
	return known;
}

static bool has_host(const struct pga_addition *asked)
{
	return pga_settings_value(&asked->wish.settings, "host") != NULL ||
	       pga_settings_value(&asked->wish.settings, "hostaddr") != NULL;
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
			return pga_usage_error("service add",
					       "%s: not of the form KEYWORD=VALUE; the host is "
					       "--host %s",
					       words[i], words[i]);
		if (equals == NULL || equals == words[i])
			return pga_usage_error("service add", "%s: not of the form KEYWORD=VALUE",
					       words[i]);
		*equals = '\0';
		status = take_setting(asked, words[i], equals + 1);
		if (status != PGA_EXIT_DONE)
			return status;
	}
	if (asked->change.name == NULL)
		return pga_usage_error("service add", "no name for the service");
	if (is_setting(asked->change.name))
		return pga_usage_error("service add", "%s: the service's name comes first",
				       asked->change.name);
	if (!has_host(asked))
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

static const struct option options[] = {
    {"host", required_argument, NULL, 'H'},   {"port", required_argument, NULL, 'p'},
    {"dbname", required_argument, NULL, 'd'}, {"user", required_argument, NULL, 'U'},
    {"anchor", required_argument, NULL, 'a'}, {"system", no_argument, NULL, 's'},
    {"replace", no_argument, NULL, 'r'},      {"check", no_argument, NULL, 'c'},
    {"dry-run", no_argument, NULL, 'n'},      {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
};

static int take_option(struct pga_addition *asked, int option, char **argv)
{
	switch (option) {
	case 'a':
		asked->wish.anchor = optarg;
		break;
	case 's':
		asked->wish.place = asked->change.place = PGA_SERVICE_SYSTEM;
		break;
	case 'r':
		asked->change.replace = true;
		break;
	case 'c':
		asked->check = true;
		break;
	case 'n':
		asked->change.dry_run = true;
		break;
	case 'j':
		asked->json = true;
		break;
	default:
		if (keyword_of(option) != NULL)
			return take_setting(asked, keyword_of(option), optarg);
		return pga_bad_option("service add", argv, options);
	}
	return PGA_EXIT_DONE;
}

/* What the shell's environment adds to the entry. */
static int look_around(struct pga_added *added, struct pga_error *error)
{
	int result;

	pga_service_show_environment();
	result =
	    pga_standing_here(&added->composition.settings, &added->policy, &added->here, error);
	return pga_service_hide_environment(error) == 0 ? result : -1;
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
	const struct pga_standing *standing = &added->composition.standing;
	struct pga_text text = PGA_TEXT_EMPTY;
	struct pga_text line = PGA_TEXT_EMPTY;
	const char *at;
	int result;

	if (asked->check || !standing->needs_tls)
		return 0;
	result = pga_unpinned_tell(pga_effective_value(&standing->effective, "sslrootcert"),
				   &added->policy, &added->pins, &text, error);
	for (at = pga_text_string(&text); *at != '\0';) {
		const size_t length = strcspn(at, "\n");

		pga_text_add_bytes(&line, at, length);
		at += length + strspn(at + length, "\n ");
		if (*at != '\0')
			pga_text_add(&line, line.bytes[line.length - 1] == ':' ? " " : "; ");
	}
	if (result == 0)
		add_warning(&added->warnings, pga_text_string(&line));
	pga_text_free(&line);
	pga_text_free(&text);
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
	struct pga_text around = PGA_TEXT_EMPTY;
	struct pga_error error;
	int status;

	if (pga_service_name_check(asked->change.name, asked->change.replace, &error) != 0 ||
	    pga_policy_load(&added->policy, &error) != 0 ||
	    pga_pins_load(&added->pins, &error) != 0 ||
	    pga_compose(&asked->wish, &added->policy, &added->pins, &added->composition, &error) !=
		0)
		goto failed;
	if (added->composition.standing.stands != PGA_STANDS_ALLOWED)
		return pga_addition_refused(asked, added);
	add_warning(&added->warnings, pga_text_string(&added->composition.warnings));
	if (warn_of_roots(asked, added, &error) != 0 || look_around(added, &error) != 0)
		goto failed;
	pga_surroundings_tell(&added->here, &around);
	add_warning(&added->warnings, pga_text_string(&around));
	pga_text_free(&around);
	if (asked->check) {
		status = pga_addition_check(asked, added);
		if (status != PGA_EXIT_DONE)
			return status;
	}
	if (pga_service_write(&asked->change, &added->composition.settings, &added->policy,
			      &added->changed, &error) != 0) {
		pga_service_advise_root(asked->change.place, &error);
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

int pga_service_add(int argc, char **argv)
{
	struct pga_addition asked = {.json = false};
	struct pga_added added = {.warnings = PGA_TEXT_EMPTY};
	int status = PGA_EXIT_DONE;
	int option;

	opterr = 0;
	while (status == PGA_EXIT_DONE &&
	       (option = getopt_long(argc, argv, "H:p:d:U:a:srcnjh", options, NULL)) != -1) {
		if (option == 'h' && pga_host_behind_h(argc, argv) != NULL) {
			status = pga_usage_error("service add", "-h is --help; the host is -H %s",
						 pga_host_behind_h(argc, argv));
			goto done;
		}
		if (option == 'h') {
			print_help();
			goto done;
		}
		status = take_option(&asked, option, argv);
	}
	if (status == PGA_EXIT_DONE)
		status = take_words(&asked, argc - optind, argv + optind);
	if (status == PGA_EXIT_DONE)
		status = add(&asked, &added);
done:
	pga_settings_free(&asked.wish.settings);
	pga_changed_free(&added.changed);
	pga_check_free(&added.check);
	pga_standing_free(&added.here);
	pga_composition_free(&added.composition);
	pga_pins_free(&added.pins);
	pga_policy_free(&added.policy);
	pga_text_free(&added.warnings);
	return status;
}
