/* pganchor cert forget: what is known of a certificate goes, its files stay. */
#include "cli/cmd_cert.h"

#include "base/terminal.h"
#include "cli/cli.h"
#include "report/json.h"

#include <stdio.h>

struct asked {
	bool dry_run;
	bool json;
};

static int forget(const char *name, const struct asked *asked, struct pga_error *error)
{
	struct pga_cert_records records;
	const struct pga_cert_record *record;
	int result = -1;

	if (pga_cert_records_read(&records, error) != 0)
		return -1;
	record = pga_cert_record_named(&records, name);
	if (record == NULL)
		(void)pga_fail_no_cert(&records, name, error);
	else if (asked->dry_run || pga_cert_record_drop(name, error) == 0)
		result = PGA_EXIT_DONE;
	if (result == PGA_EXIT_DONE && asked->json)
		result = pga_json_print(
		    json_pack("{s:o, s:o, s:o, s:b}", "name", pga_json_text(name), "certificate",
			      pga_json_text(record->certificate), "key", pga_json_text(record->key),
			      "dry_run", (int)asked->dry_run),
		    PGA_EXIT_DONE);
	else if (result == PGA_EXIT_DONE)
		pga_print(stdout, "%s %s; %s and %s stay\n",
			  asked->dry_run ? "Would forget" : "Forgot", name, record->certificate,
			  record->key);
	pga_cert_records_free(&records);
	return result;
}

static const struct pga_option options[] = {
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct asked, dry_run),
     .help = "change nothing, say what would be forgotten"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct asked, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv)
{
	struct asked asked = {.json = false};
	struct pga_error error;
	int status;

	if (!pga_options_read(&pga_cmd_cert_forget, argc, argv, &asked, &status))
		return status;
	status = forget(argv[optind], &asked, &error);
	if (status < 0) {
		pga_print_error(&error);
		status = PGA_EXIT_FAILED;
	}
	return status;
}

const struct pga_command pga_cmd_cert_forget = {
    .name = "cert forget",
    .summary = "know one no more; its files stay",
    .usage = "NAME [OPTION ...]",
    .about = "Takes what is known of a certificate out of certs.conf: it is renewed no more. The "
	     "certificate and its key stay where they are, and valid; pganchor cert revoke has the "
	     "CA take it back.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "the name of a certificate",
    .least = 1,
    .most = 1,
    .run = run,
};
