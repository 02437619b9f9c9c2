/* pganchor explain: what libpq would really use for a connection string, and the verdict. */
#include "cli/cli.h"
#include "cli/cmd_service.h"
#include "cli/conninfo_word.h"
#include "report/json.h"
#include "cli/print_unpinned.h"

#include "preload/binary.h"
#include "base/memory_file.h"
#include "base/printable.h"
#include "base/terminal.h"
#include "password/explain.h"
#include "policy/explain.h"
#include "policy/linked.h"
#include "policy/pins.h"
#include "policy/secrets.h"
#include "service/anchored.h"
#include "service/ask.h"
#include "service/roots.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The libpq that was asked, and where the gate looks at its TLS sessions: true for SSL_write. */
static bool look_at_libpq(struct pga_text *version)
{
	const int number = pga_linked_libpq_version();
	struct pga_binary binary;
	bool seen;

	pga_text_addf(version, "%d.%d", number / 10000, number % 10000);
	/* What cannot be read is not known to be hidden. */
	seen = !pga_binary_read(pga_linked_libpq_path(), &binary) || binary.calls_tls;
	pga_binary_free(&binary);
	return seen;
}

static json_t *libpq_as_json(void)
{
	struct pga_text version = PGA_TEXT_EMPTY;
	const bool seen = look_at_libpq(&version);
	json_t *libpq = json_pack(
	    "{s:o, s:o, s:s}", "version", pga_json_text(pga_text_string(&version)), "path",
	    pga_json_text(pga_linked_libpq_path()), "sessions", seen ? "SSL_write" : "hidden");

	pga_text_free(&version);
	return libpq;
}

static void print_libpq(void)
{
	struct pga_text version = PGA_TEXT_EMPTY;
	const bool seen = look_at_libpq(&version);
	char *path = pga_printable(pga_linked_libpq_path());

	(void)printf("\nlibpq %s, %s: %s\n", pga_text_string(&version), path != NULL ? path : "",
		     seen ? "the gate looks at a TLS session before its first SSL_write"
			  : "has no shared OpenSSL: the gate cannot look at a session, and refuses "
			    "what needs TLS");
	free(path);
	pga_text_free(&version);
}

static json_t *setting_as_json(const struct pga_effective *effective,
			       const PQconninfoOption *option)
{
	struct pga_text origin = PGA_TEXT_EMPTY;
	char *shown = pga_setting_shown(effective, option);
	json_t *setting;

	pga_effective_origin(effective, option->keyword, &origin);
	setting = json_pack("{s:s, s:o, s:o}", "keyword", option->keyword, "value",
			    pga_json_text(shown != NULL ? shown : ""), "origin",
			    pga_json_text(pga_text_string(&origin)));
	free(shown);
	pga_text_free(&origin);
	return setting;
}

static int print_json(const struct pga_effective *effective, const struct pga_verdict *verdict,
		      const char *password, const char *but, int status)
{
	json_t *settings = json_array();
	struct pga_text changes = PGA_TEXT_EMPTY;
	struct pga_text notes = PGA_TEXT_EMPTY;
	json_t *report;

	for (const PQconninfoOption *option = effective->options; option->keyword != NULL; option++)
		if (option->val != NULL && option->val[0] != '\0')
			pga_json_add(settings, setting_as_json(effective, option));
	pga_explain_changes(effective, verdict, &changes);
	if (but != NULL)
		pga_text_addf(&notes, "libpq will not connect: %s\n", but);
	pga_explain_notes(effective, &notes);
	pga_text_add(&notes, password);
	report = json_pack("{s:o, s:s, s:o, s:o, s:o, s:o}", "libpq", libpq_as_json(), "verdict",
			   verdict->allowed ? "allowed" : "refused", "reasons",
			   pga_json_lines(pga_text_string(&verdict->why)), "changes",
			   pga_json_lines(pga_text_string(&changes)), "notes",
			   pga_json_lines(pga_text_string(&notes)), "settings", settings);
	pga_text_free(&changes);
	pga_text_free(&notes);
	return pga_json_print(report, status);
}

static int print_text(const struct pga_effective *effective, const struct pga_policy *policy,
		      const struct pga_verdict *verdict, const char *password, const char *but,
		      bool all, int status)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	struct pga_text settings = PGA_TEXT_EMPTY;

	pga_explain_verdict(effective, policy, verdict, but, &text);
	(void)fputs(pga_text_string(&text), stdout);
	if (but != NULL && pga_is_of_root_crt(effective))
		pga_print_next_bootstrap();
	pga_explain_settings(effective, all, &settings);
	(void)printf("\n%s", pga_text_string(&settings));
	if (password[0] != '\0')
		(void)printf("\n%s", password);
	print_libpq();
	pga_text_free(&text);
	pga_text_free(&settings);
	return status;
}

/* The settings may be as the policy wants them, and the server still be refused: what the pins say
 * of its host is known before. */
static int warn_of_pins(struct pga_roots *roots, const struct pga_effective *effective,
			const struct pga_policy *policy, const struct pga_pins *pins,
			const struct pga_verdict *verdict, struct pga_error *error)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	int result;

	if (!verdict->allowed || !verdict->needs_tls)
		return 0;
	result = pga_anchored_look(roots, effective, policy, pins, &text, error);
	if (result == 0 && text.length > 0)
		pga_print_warning("%s", pga_text_string(&text));
	pga_text_free(&text);
	if (result != 0)
		return -1;
	return pga_warn_of_unpinned(pga_effective_value(effective, "sslrootcert"), policy, pins,
				    error);
}

static int warn_of_crls(const struct pga_effective *effective, struct pga_error *error)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	const int result = pga_crls_look(effective, &text, error);

	if (text.length > 0)
		pga_print_warning("%s", pga_text_string(&text));
	pga_text_free(&text);
	return result;
}

/* libpq says of a value that it takes for none, and not where it comes from. */
static void name_variable(const char *conninfo, struct pga_error *error)
{
	PQconninfoOption *options = PQconndefaults();
	struct pga_text quoted = PGA_TEXT_EMPTY;

	for (const PQconninfoOption *option = options;
	     option != NULL && option->keyword != NULL && error->hint[0] == '\0'; option++) {
		const char *value = option->envvar != NULL ? getenv(option->envvar) : NULL;

		if (value == NULL || strstr(conninfo, option->keyword) != NULL ||
		    strstr(error->message, option->keyword) == NULL)
			continue;
		pga_text_free(&quoted);
		pga_text_addf(&quoted, "\"%s\"", value);
		if (strstr(error->message, pga_text_string(&quoted)) != NULL)
			(void)snprintf(error->hint, sizeof error->hint,
				       "it is the value of %s, in the environment", option->envvar);
	}
	pga_text_free(&quoted);
	PQconninfoFree(options);
}

/* A URL in a host's place may have a password in it, so that all of it would be masked. */
static int refuse_url_as_host(const struct pga_effective *effective, struct pga_error *error)
{
	const char *host = pga_effective_value(effective, "host");

	if (host == NULL || strstr(host, "://") == NULL)
		return 0;
	return pga_fail(error, "write the host's name alone, and port, dbname and user as settings",
			"the host is a URL, not the name of a host");
}

struct asked {
	bool json;
	bool all;
};

static int explain(const char *conninfo, const struct asked *asked)
{
	const char *const keywords[] = {"dbname", NULL};
	const char *const values[] = {conninfo, NULL};
	const struct pga_parameters parameters = {keywords, values, 1};
	struct pga_effective effective = {0};
	struct pga_verdict verdict = {0};
	struct pga_policy policy = {0};
	struct pga_pins pins = {0};
	struct pga_roots roots = {0};
	struct pga_text password = PGA_TEXT_EMPTY;
	const char *but = NULL;
	struct pga_error error;
	int status = PGA_EXIT_FAILED;

	if (pga_keep_what_is_read_once("PGSERVICEFILE", false, &error) != 0 ||
	    pga_ask(&parameters, &effective, &error) != 0 ||
	    refuse_url_as_host(&effective, &error) != 0 || pga_policy_load(&policy, &error) != 0 ||
	    pga_pins_load(&pins, &policy, &error) != 0)
		goto failed;
	pga_effective_trace(&pga_linked_libpq, &parameters, &effective);
	pga_judge(&effective, &policy, &verdict);
	if (warn_of_pins(&roots, &effective, &policy, &pins, &verdict, &error) != 0)
		goto failed;
	if (verdict.allowed && verdict.needs_tls &&
	    pga_roots_look(&roots, &effective, &but, &error) != 0)
		but = error.message;
	if (verdict.allowed && verdict.needs_tls && warn_of_crls(&effective, &error) != 0)
		goto failed;
	status = verdict.allowed ? PGA_EXIT_DONE : PGA_EXIT_WEAK;
	pga_password_explain(&effective, &policy, &pins, &password);
	status = asked->json
		     ? print_json(&effective, &verdict, pga_text_string(&password), but, status)
		     : print_text(&effective, &policy, &verdict, pga_text_string(&password), but,
				  asked->all, status);
	goto done;
failed:
	name_variable(conninfo, &error);
	if (error.hint[0] == '\0' && strstr(conninfo, "service=") != NULL)
		(void)snprintf(error.hint, sizeof error.hint,
			       "\"pganchor service list\" shows the services that libpq finds, and "
			       "their files");
	pga_print_error(&error);
done:
	pga_text_free(&password);
	pga_verdict_free(&verdict);
	pga_pins_free(&pins);
	pga_roots_free(&roots);
	pga_policy_free(&policy);
	pga_effective_free(&pga_linked_libpq, &effective);
	return status;
}

/* psql's options: here all of them are words of one connection string. */
static int check_habits(int argc, char **argv)
{
	static const char *const habits[][2] = {
	    {"-p", "port"},     {"-U", "user"},         {"-d", "dbname"},      {"--host", "host"},
	    {"--port", "port"}, {"--username", "user"}, {"--dbname", "dbname"}};
	const char *host = pga_host_behind_h(argc, argv);

	if (host != NULL)
		return pga_usage_error("explain",
				       "-h is --help; the host is a word of the "
				       "connection string: 'host=%s'",
				       host);
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		for (size_t j = 0; j < sizeof habits / sizeof habits[0]; j++)
			if (strncmp(argv[i], habits[j][0], strlen(habits[j][0])) == 0)
				return pga_usage_error(
				    "explain",
				    "%s: it is a word of the connection string: '%s=...'",
				    habits[j][0], habits[j][1]);
	return PGA_EXIT_DONE;
}

/* For libpq, what has no "=" and is no URI is the name of a database (PQconnectdbParams(),
 * expand_dbname), here one of whatever server the environment names, or of this machine's socket:
 * no verdict on that is one on what was meant. */
static bool is_single_word(const char *conninfo)
{
	return conninfo[0] != '\0' && strchr(conninfo, '=') == NULL &&
	       strncmp(conninfo, "postgresql://", strlen("postgresql://")) != 0 &&
	       strncmp(conninfo, "postgres://", strlen("postgres://")) != 0;
}

/* Of another kind than libpq's: what stands behind the scheme may hold a password. */
static int refuse_url(const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:";
	const size_t before = (size_t)(strstr(word, "://") - word);
	const int scheme = strspn(word, plain) > before ? (int)before : 0;
	struct pga_error error;

	(void)pga_fail(&error,
		       "libpq takes postgresql://USER@HOST:PORT/DBNAME, or words: pganchor explain "
		       "'host=HOST dbname=NAME'",
		       "explain: %.*s://...: a URL, and none that libpq knows", scheme, word);
	pga_print_error(&error);
	return PGA_EXIT_USAGE;
}

static int refuse_single_word(const char *word)
{
	static const char *const meant[][2] = {
	    {"host", "a server"}, {"service", "a service"}, {"dbname", "a database"}};
	struct pga_text shown = PGA_TEXT_EMPTY;
	struct pga_text hint = PGA_TEXT_EMPTY;
	struct pga_error error;

	if (strstr(word, "://") != NULL)
		return refuse_url(word);
	pga_text_add_masked(&shown, word);
	pga_text_add(&hint, "nothing was judged; did you mean");
	for (size_t i = 0; i < sizeof meant / sizeof meant[0]; i++) {
		pga_text_addf(&hint, "%s \"pganchor explain ", i > 0 ? "," : "");
		pga_conninfo_word(meant[i][0], pga_text_string(&shown), &hint);
		pga_text_addf(&hint, "\" (%s)", meant[i][1]);
	}
	(void)pga_fail(&error, pga_text_string(&hint),
		       "explain: libpq takes %s for the name of a database, on whatever server it "
		       "finds then",
		       pga_text_string(&shown));
	pga_print_error(&error);
	pga_text_free(&hint);
	pga_text_free(&shown);
	return PGA_EXIT_USAGE;
}

static int run(int argc, char **argv)
{
	struct asked asked = {.json = false};
	int status = check_habits(argc, argv);

	if (status != PGA_EXIT_DONE ||
	    !pga_options_read(&pga_cmd_explain, argc, argv, &asked, &status))
		return status;
	if (argc - optind > 1)
		return pga_usage_error("explain",
				       "one connection string, in quotes where it has blanks");
	if (optind < argc && is_single_word(argv[optind]))
		return refuse_single_word(argv[optind]);
	return explain(optind < argc ? argv[optind] : "", &asked);
}

static const struct pga_option options[] = {
    {.name = "all",
     .target = offsetof(struct asked, all),
     .help = "show what is as libpq has it of its own, too"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct asked, json),
     .help = "report in JSON, of every setting"},
};

const struct pga_command pga_cmd_explain = {
    .name = "explain",
    .summary = "show what libpq would really use for a conninfo, and the verdict",
    .usage = "[--all] [--json] [CONNINFO]",
    .about =
	"Says what the policy's verdict on CONNINFO is (key=value words, or a URI), and what to "
	"change; and shows the settings that libpq would really use, with where each came from: "
	"conninfo, service file, environment or libpq's default. First those that are judged, then "
	"what is set, and with --all libpq's defaults. Without CONNINFO, for what the environment "
	"says. Connects to nothing. Passwords are masked.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .most = SIZE_MAX,
    .statuses = "Exit status: 0 allowed, 1 libpq refuses the settings, or the policy or the pins "
		"cannot be read, 2 usage, 3 weaker than the policy.",
    .examples = "  pganchor explain 'host=db.example.com'\n"
		"  pganchor explain service=prod\n",
    .run = run,
};
