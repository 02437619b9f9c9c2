/* pganchor cert inspect: what stands in a certificate of one's own. */
#include "cli/cmd_cert.h"

#include "base/terminal.h"
#include "base/text.h"
#include "cli/cli.h"
#include "report/json.h"
#include "tls/certificate.h"
#include "tls/certificate_text.h"

#include <openssl/x509v3.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct asked {
	const char *key;
	bool json;
};

struct inspecting {
	const struct asked *asked;
	struct pga_cert_records records;
	struct pga_cert_record
	    record; /* a copy of what is known, or what is made up of the files */
	bool known;
	struct pga_cert_state state;
};

/* The key beside a certificate that nobody knows: FILE.key for FILE.crt, where there is one. */
static int guess_key(struct inspecting *inspecting, const char *certificate,
		     struct pga_error *error)
{
	const char *typed = inspecting->asked->key;
	const size_t length = strlen(certificate);
	struct pga_text key = PGA_TEXT_EMPTY;
	char *path;
	int result;

	if (typed == NULL && length > 4 &&
	    (strcmp(certificate + length - 4, ".crt") == 0 ||
	     strcmp(certificate + length - 4, ".pem") == 0)) {
		pga_text_add_bytes(&key, certificate, length - 4);
		pga_text_add(&key, ".key");
		if (access(pga_text_string(&key), F_OK) == 0)
			typed = pga_text_string(&key);
	}
	path = typed != NULL ? pga_cert_path(typed, error) : strdup("");
	result = path != NULL ? pga_cert_record_set(&inspecting->record.key, path, error) : -1;
	free(path);
	pga_text_free(&key);
	return result;
}

/* A name, or else a file; without a word, what libpq uses by itself. */
static int find(struct inspecting *inspecting, const char *word, struct pga_error *error)
{
	const struct pga_cert_record *record =
	    word != NULL ? pga_cert_record_named(&inspecting->records, word) : NULL;
	char *certificate = NULL;
	char *key = NULL;
	int result = -1;

	if (record == NULL && word != NULL && strchr(word, '/') == NULL && access(word, F_OK) != 0)
		return pga_fail_no_cert(&inspecting->records, word, error);
	if (record == NULL && word != NULL)
		certificate = pga_cert_path(word, error);
	else if (record == NULL && pga_cert_default_paths(&certificate, &key, error) != 0)
		goto done;
	if (record == NULL && certificate == NULL)
		goto done;
	if (record == NULL)
		record = pga_cert_record_of_file(&inspecting->records, certificate);
	inspecting->known = record != NULL;
	if (record != NULL)
		result = pga_cert_record_copy(&inspecting->record, record, error);
	else if (pga_cert_record_begin(&inspecting->record, "", error) == 0 &&
		 pga_cert_record_set(&inspecting->record.certificate, certificate, error) == 0)
		result = key != NULL && inspecting->asked->key == NULL
			     ? pga_cert_record_set(&inspecting->record.key, key, error)
			     : guess_key(inspecting, certificate, error);
done:
	free(certificate);
	free(key);
	return result;
}

static void line(struct pga_text *text, const char *word, const char *value)
{
	if (value != NULL && value[0] != '\0')
		pga_text_addf(text, "  %-12s %s\n", word, value);
}

/* "client, server": what it may be used for. */
static void tell_use(X509 *leaf, struct pga_text *text)
{
	const uint32_t use = X509_get_extended_key_usage(leaf);
	const bool client = use == UINT32_MAX || (use & XKU_SSL_CLIENT) != 0;
	const bool server = use == UINT32_MAX || (use & XKU_SSL_SERVER) != 0;

	line(text, "use",
	     client && server ? "client and server"
	     : client         ? "client alone"
	     : server         ? "server alone: PostgreSQL refuses it of a client"
			      : "neither client nor server");
}

static void tell_chain(const struct pga_cert_state *state, struct pga_text *text)
{
	for (int i = 1; i < sk_X509_num(state->chain); i++) {
		char *name = pga_x509_name(X509_get_subject_name(sk_X509_value(state->chain, i)));

		line(text, i == 1 ? "chain" : "", name);
		text->failed = text->failed || name == NULL;
		free(name);
	}
	if (sk_X509_num(state->chain) == 1)
		line(text, "chain",
		     "none behind it: where its CA is not the root itself, whoever sees it cannot "
		     "verify it");
}

static int tell(const struct inspecting *inspecting, struct pga_text *text, struct pga_error *error)
{
	const struct pga_cert_state *state = &inspecting->state;
	X509 *leaf = pga_cert_leaf(state);
	struct pga_certificate certificate;
	struct pga_text key = PGA_TEXT_EMPTY;
	char *serial = pga_cert_serial(leaf, false);
	char *names = pga_x509_alternative_names(leaf);

	if (serial == NULL || names == NULL || pga_certificate_of(&certificate, leaf, error) != 0) {
		free(serial);
		free(names);
		return pga_fail_memory(error);
	}
	pga_certificate_tell_key(&certificate, &key);
	line(text, "subject", certificate.subject);
	line(text, "names", names);
	line(text, "issuer", certificate.issuer);
	line(text, "serial", serial);
	line(text, "sha256", certificate.pin);
	pga_text_addf(text, "  %-12s %s to %s\n", "valid", state->not_before, state->not_after);
	line(text, "due", state->due_date);
	line(text, "key", pga_text_string(&key));
	tell_use(leaf, text);
	tell_chain(state, text);
	line(text, "key file", inspecting->record.key);
	if (state->encrypted)
		line(text, "", "it has a passphrase: whether it is this certificate's is not seen");
	else if (state->key != NULL && X509_check_private_key(leaf, state->key) == 1)
		line(text, "", "it is this certificate's");
	text->failed = text->failed || key.failed;
	pga_text_free(&key);
	pga_certificate_free(&certificate);
	free(serial);
	free(names);
	return text->failed ? pga_fail_memory(error) : 0;
}

static int print(struct inspecting *inspecting, struct pga_error *error)
{
	const struct pga_cert_record *record = &inspecting->record;
	struct pga_text text = PGA_TEXT_EMPTY;
	json_t *report;
	const struct pga_cert_view view = {.record = &inspecting->record,
					   .state = inspecting->state};
	int result = 0;

	if (inspecting->asked->json) {
		report = pga_cert_as_json(&view);
		if (!inspecting->known)
			pga_json_set(report, "name", json_null());
		return pga_json_print(report, PGA_EXIT_DONE);
	}
	if (pga_cert_leaf(&inspecting->state) != NULL)
		result = tell(inspecting, &text, error);
	if (result == 0) {
		pga_print(stdout, "%s%s%s\n", record->name, inspecting->known ? ": " : "",
			  record->certificate);
		pga_print(stdout, "%s", pga_text_string(&text));
		if (!inspecting->known)
			(void)puts("not known here, and so renewed by nobody of pganchor: pganchor "
				   "cert add");
	}
	pga_text_free(&text);
	return result;
}

static int inspect(struct inspecting *inspecting, const char *word, struct pga_error *error)
{
	struct pga_cert_files files;
	struct pga_error fault;
	int status;

	if (pga_cert_records_read(&inspecting->records, error) != 0 ||
	    find(inspecting, word, error) != 0)
		return -1;
	files = (struct pga_cert_files){inspecting->record.certificate, inspecting->record.key,
					inspecting->record.server};
	if (pga_cert_look(&files, time(NULL), &inspecting->state, error) != 0)
		return -1;
	pga_cert_note_revoked(&inspecting->record, &inspecting->state);
	status = print(inspecting, error);
	if (status != PGA_EXIT_DONE)
		return status;
	if (inspecting->state.standing == PGA_CERT_BROKEN && !inspecting->asked->json) {
		(void)pga_fail(&fault, inspecting->state.hint, "%s", inspecting->state.fault);
		pga_print_error(&fault);
	}
	return inspecting->state.standing == PGA_CERT_BROKEN ? PGA_EXIT_FAILED : PGA_EXIT_DONE;
}

static const struct pga_option options[] = {
    {.name = "key",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct asked, key),
     .argument = "FILE",
     .names = PGA_NAMES_FILE,
     .help = "the private key of a file that is not known here; the one of its name beside it if "
	     "left out"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct asked, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv)
{
	struct asked asked = {.json = false};
	struct inspecting inspecting = {.asked = &asked};
	struct pga_error error;
	int status;

	if (!pga_options_read(&pga_cmd_cert_inspect, argc, argv, &asked, &status))
		return status;
	status = inspect(&inspecting, optind < argc ? argv[optind] : NULL, &error);
	if (status < 0) {
		pga_print_error(&error);
		status = PGA_EXIT_FAILED;
	}
	pga_cert_state_free(&inspecting.state);
	pga_cert_record_free(&inspecting.record);
	pga_cert_records_free(&inspecting.records);
	return status;
}

const struct pga_command pga_cmd_cert_inspect = {
    .name = "cert inspect",
    .summary = "what stands in one, and whether its key belongs to it",
    .usage = "[NAME|FILE] [OPTION ...]",
    .about =
	"Shows a certificate of one's own: whose it is, for which names, who has signed it, "
	"how long it is valid, for what it may be used, what is behind it in its chain, and "
	"whether the key beside it is its own. Without a word it is the one that libpq uses by "
	"itself, ~/.postgresql/postgresql.crt.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "the name or file of a certificate",
    .least = 0,
    .most = 1,
    .names = PGA_NAMES_FILE,
    .statuses = "Exit status: 0 it can be used, 1 it is broken, 2 usage.",
    .run = run,
};
