/* pganchor cert add: makes a certificate known that is there, or changes what is known of one. */
#include "cli/cmd_cert.h"

#include "base/path.h"
#include "base/terminal.h"
#include "cert/authority.h"
#include "cert/reload.h"
#include "cli/cert_reload_options.h"
#include "cli/cli.h"
#include "policy/pins.h"
#include "report/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the pair that libpq uses by itself. */
#define DEFAULT_NAME "client"

struct asked {
	const char *certificate;
	const char *key;
	const char *use;
	const char *ca;
	const char *provisioner;
	struct pga_reload reload;
	bool dry_run;
	bool json;
};

struct adding {
	const struct asked *asked;
	struct pga_cert_record record; /* as it is to be */
	struct pga_cert_state state;
	bool known; /* there is a record of this name */
};

/* What is asked for, over what is known already. */
static int take(struct adding *adding, struct pga_error *error)
{
	const struct asked *asked = adding->asked;
	struct pga_cert_record *record = &adding->record;
	const struct {
		char **text;
		const char *value;
	} texts[] = {
	    {&record->provisioner, asked->provisioner}, {&record->exec, asked->reload.exec},
	    {&record->reload, asked->reload.unit},      {&record->signal, asked->reload.signal},
	    {&record->prove, asked->reload.prove},
	};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (texts[i].value != NULL &&
		    pga_cert_record_set(texts[i].text, texts[i].value, error) != 0)
			return -1;
	if (asked->use != NULL)
		record->server = strcmp(asked->use, "server") == 0;
	return 0;
}

/* One path of the user's, or else what is there, or else the default, which becomes the record's.
 */
static int take_path(char **text, const char *typed, char **fallback, struct pga_error *error)
{
	char *path = typed != NULL ? pga_cert_path(typed, error) : NULL;

	if (typed != NULL && path == NULL)
		return -1;
	if (path == NULL && (*text)[0] != '\0')
		return 0;
	free(*text);
	*text = path != NULL ? path : *fallback;
	if (path == NULL)
		*fallback = NULL;
	return 0;
}

static int take_paths(struct adding *adding, struct pga_error *error)
{
	const struct asked *asked = adding->asked;
	char *certificate = NULL;
	char *key = NULL;
	int result = -1;

	if (!adding->known && (asked->certificate == NULL) != (asked->key == NULL))
		return pga_fail(error, "give both: --cert FILE --key FILE",
				"a certificate and its key are two files");
	if (pga_cert_default_paths(&certificate, &key, error) == 0 &&
	    take_path(&adding->record.certificate, asked->certificate, &certificate, error) == 0 &&
	    take_path(&adding->record.key, asked->key, &key, error) == 0)
		result = 0;
	free(certificate);
	free(key);
	return result;
}

/* What is broken is not made known: it could not be renewed. One that has expired may be. */
static int look(struct adding *adding, struct pga_error *error)
{
	const struct pga_cert_record *record = &adding->record;
	const struct pga_cert_files files = {record->certificate, record->key, record->server};

	if (pga_cert_look(&files, time(NULL), &adding->state, error) != 0)
		return -1;
	pga_cert_note_revoked(record, &adding->state);
	if (adding->state.standing == PGA_CERT_BROKEN &&
	    (!adding->state.expired ||
	     pga_cert_record_revoked(record, pga_cert_leaf(&adding->state))))
		return pga_fail(error, adding->state.hint, "%s", adding->state.fault);
	return 0;
}

/* A name for another one would have two of them renew one file. */
static int check_files(const struct pga_cert_records *records, const struct adding *adding,
		       struct pga_error *error)
{
	const struct pga_cert_record *mine = &adding->record;

	for (size_t i = 0; i < records->count; i++) {
		const struct pga_cert_record *other = &records->records[i];

		if (strcmp(other->name, mine->name) != 0 &&
		    (strcmp(other->certificate, mine->certificate) == 0 ||
		     pga_path_is_same(other->certificate, mine->certificate)))
			return pga_fail(error, "pganchor cert forget takes that name away",
					"%s: it is known as %s already", mine->certificate,
					other->name);
	}
	return 0;
}

static int find_authority(struct adding *adding, struct pga_error *error)
{
	struct pga_cert_record *record = &adding->record;
	struct pga_cert_authority authority;
	int result = 0;

	if (adding->asked->ca == NULL && record->way[0] != '\0')
		return 0;
	if (pga_cert_authority_find(adding->asked->ca, adding->state.chain, &authority, error) !=
		0 ||
	    pga_cert_record_set(&record->way, PGA_CERT_WAY_STEPCA, error) != 0 ||
	    pga_cert_record_set(&record->ca, authority.url, error) != 0 ||
	    pga_cert_record_set(&record->anchor, authority.anchor, error) != 0)
		result = -1;
	pga_cert_authority_free(&authority);
	return result;
}

static int print(const struct adding *adding)
{
	struct pga_cert_record record = adding->record;
	const struct pga_cert_view view = {.record = &record, .state = adding->state};
	json_t *report;

	if (adding->asked->json) {
		report = pga_cert_as_json(&view);
		pga_json_set(report, "change", json_string(adding->known ? "changed" : "created"));
		pga_json_set(report, "dry_run", json_boolean(adding->asked->dry_run));
		return pga_json_print(report, PGA_EXIT_DONE);
	}
	pga_print(stdout, "%s %s: %s\n",
		  adding->asked->dry_run ? (adding->known ? "Would change" : "Would add")
		  : adding->known        ? "Changed"
					 : "Added",
		  record.name, record.certificate);
	pga_print(stdout, "    renewed by %s from %s on; it ends %s\n", record.ca,
		  adding->state.due_date, adding->state.not_after);
	if (!adding->asked->dry_run)
		pga_print(stdout, "next:\n    pganchor cert timer enable %s\n", record.name);
	return PGA_EXIT_DONE;
}

static int add(struct adding *adding, const char *name, struct pga_error *error)
{
	struct pga_cert_records records;
	const struct pga_cert_record *known;
	int result = -1;

	if (pga_cert_records_read(&records, error) != 0)
		return -1;
	known = pga_cert_record_named(&records, name);
	adding->known = known != NULL;
	if ((known != NULL ? pga_cert_record_copy(&adding->record, known, error)
			   : pga_cert_record_begin(&adding->record, name, error)) == 0 &&
	    pga_cert_record_set(&adding->record.placing, NULL, error) == 0 &&
	    take(adding, error) == 0 && take_paths(adding, error) == 0 &&
	    check_files(&records, adding, error) == 0 && look(adding, error) == 0 &&
	    find_authority(adding, error) == 0 &&
	    pga_cert_record_set_serial(&adding->record, pga_cert_leaf(&adding->state), error) ==
		0 &&
	    (adding->asked->dry_run || pga_cert_record_put(&adding->record, error) == 0))
		result = print(adding);
	pga_cert_records_free(&records);
	return result;
}

static const struct pga_option options[] = {
    {.name = "cert",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct asked, certificate),
     .argument = "FILE",
     .names = PGA_NAMES_FILE,
     .help = "the certificate, with the chain behind it; ~/.postgresql/postgresql.crt if left out"},
    {.name = "key",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct asked, key),
     .argument = "FILE",
     .names = PGA_NAMES_FILE,
     .help = "its private key; ~/.postgresql/postgresql.key if left out"},
    {.name = "for",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct asked, use),
     .argument = "client|server",
     .help = "who reads both files; client if left out"},
    {.name = "ca",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct asked, ca),
     .argument = "ANCHOR",
     .names = PGA_NAMES_ANCHOR,
     .help = "the anchor, or the address, of the CA that renews it; the one that has issued it if "
	     "left out"},
    {.name = "provisioner",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct asked, provisioner),
     .argument = "NAME",
     .help = "by which it was issued there, for the next issue"},
    PGA_CERT_RELOAD_OPTIONS(struct asked, reload),
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct asked, dry_run),
     .help = "change nothing, say what would be known"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct asked, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv)
{
	struct asked asked = {.json = false};
	struct adding adding = {.asked = &asked};
	struct pga_error error;
	const char *name;
	int status;

	if (!pga_options_read(&pga_cmd_cert_add, argc, argv, &asked, &status))
		return status;
	if (asked.use != NULL && strcmp(asked.use, "client") != 0 &&
	    strcmp(asked.use, "server") != 0)
		return pga_usage_error("cert add", "--for: %s: neither client nor server",
				       asked.use);
	name = optind < argc ? argv[optind] : DEFAULT_NAME;
	if (!pga_pin_name_is_valid(name))
		return pga_usage_error("cert add",
				       "%s: not a name: 1 to 64 of A-Z a-z 0-9 . _ - and neither "
				       "\".\" nor \"-\" in front",
				       name);
	if (pga_reload_check(&asked.reload, &error) != 0) {
		pga_print_error(&error);
		return PGA_EXIT_USAGE;
	}
	status = add(&adding, name, &error);
	if (status < 0) {
		pga_print_error(&error);
		status = PGA_EXIT_FAILED;
	}
	pga_cert_state_free(&adding.state);
	pga_cert_record_free(&adding.record);
	return status;
}

const struct pga_command pga_cmd_cert_add = {
    .name = "cert add",
    .summary = "know one that is there already, and what is to be done when it is renewed",
    .usage = "[NAME] [OPTION ...]",
    .about =
	"Makes a certificate known by a name, that step or somebody else has put there: its two "
	"files, which CA renews it, and what is done once it was renewed. What pganchor cert issue "
	"makes is known already. For a name that is known, what is given here changes, and the "
	"rest "
	"stays; \"\" takes a thing away. The files are only read.",
    .examples = "  pganchor cert add\n"
		"  pganchor cert add db --for server --cert server.crt --key server.key \\\n"
		"    --reload postgresql.service --prove db.example.com\n",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "a name for it",
    .least = 0,
    .most = 1,
    .statuses = "Exit status: 0 known, 1 failed and nothing changed, 2 usage.",
    .run = run,
};
