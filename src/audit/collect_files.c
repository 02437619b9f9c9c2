/* The files that the server will load at its next start, against what it serves now: after a reload
 * that has failed, every view says that all is well. */
#include "audit/collect.h"

#include "tls/bundle.h"
#include "tls/certificate.h"
#include "tls/x509_pem.h"

#include <string.h>

/* A PEM file is ASCII: "escape" has it as it is. */
static const char certificate[] = "SELECT pg_catalog.encode(pg_catalog.pg_read_binary_file("
				  "pg_catalog.current_setting('ssl_cert_file')), 'escape')";

/* What waits for a restart, and is good, is told as "could not be applied", too. Values are not
 * asked for. */
static const char refused[] =
    "SELECT f.sourcefile, f.sourceline, f.name, f.error FROM pg_catalog.pg_file_settings f "
    "WHERE f.error IS NOT NULL AND NOT EXISTS (SELECT FROM pg_catalog.pg_settings s "
    "WHERE pg_catalog.lower(s.name) OPERATOR(pg_catalog.=) pg_catalog.lower(f.name) AND "
    "s.pending_restart) ORDER BY f.seqno";

#define MOST_REFUSED 100

static const char key[] = "SELECT (pg_catalog.pg_stat_file("
			  "pg_catalog.current_setting('ssl_key_file'))).size";

static void take_certificate(void *context, const PGresult *row)
{
	struct pga_audit *audit = context;
	const char *pem = pga_audit_value(row, 0);
	X509 *x509 = pga_x509_of_pem(pem, strlen(pem));
	struct pga_bundle bundle = {0};
	struct pga_error why;
	char pin[PGA_PIN_LENGTH + 1] = "";

	if (x509 != NULL)
		(void)pga_certificate_pin(x509, pin);
	else
		audit->file_fault = pga_audit_copy(audit, "ssl_cert_file has no certificate");
	/* The others of its chain are loaded with it. */
	if (x509 != NULL && pga_bundle_read(&bundle, "ssl_cert_file", pem, strlen(pem), &why) != 0)
		audit->file_fault = pga_audit_copy(audit, why.message);
	pga_bundle_free(&bundle);
	audit->file_pin = pga_audit_copy(audit, pin);
	X509_free(x509);
}

static void take_key(void *context, const PGresult *row)
{
	struct pga_audit *audit = context;

	if (audit->file_fault == NULL && strcmp(pga_audit_value(row, 0), "0") == 0)
		audit->file_fault = pga_audit_copy(audit, "ssl_key_file is empty");
}

static void take_nothing(void *context, const PGresult *row)
{
	(void)context;
	(void)row;
}

/* Whether it was refused for want of a right (42501), and not because of the file. */
static bool is_no_right(const struct pga_audit_connection *connection)
{
	return strcmp(connection->sqlstate, "42501") == 0;
}

static void take_refused(void *context, const PGresult *row)
{
	struct pga_audit *audit = context;
	struct pga_audit_refused *item =
	    pga_audit_grow(audit, &audit->refused, &audit->refused_count, sizeof *item);

	if (item == NULL)
		return;
	item->file = pga_audit_column(audit, row, 0);
	item->line = pga_audit_number(row, 1);
	item->name = pga_audit_masked(audit, row, 2);
	item->why = pga_audit_masked(audit, row, 3);
}

int pga_audit_collect_refused(struct pga_audit *audit, struct pga_audit_connection *connection,
			      struct pga_error *error)
{
	const int asked =
	    pga_audit_ask(connection, refused, MOST_REFUSED, take_refused, audit, error);

	if (asked > 0)
		pga_audit_not_seen(audit, "whether the server starts with its files",
				   error->message,
				   "GRANT SELECT ON pg_file_settings TO %s; GRANT EXECUTE ON "
				   "FUNCTION pg_show_all_file_settings() TO %s");
	return asked < 0 ? -1 : 0;
}

/* Files that it needs besides, where they are set. */
static int look_for_others(struct pga_audit *audit, struct pga_audit_connection *connection,
			   struct pga_error *error)
{
	static const char *const names[] = {"ssl_ca_file", "ssl_crl_file"};
	int asked = 0;

	for (size_t i = 0; asked >= 0 && i < sizeof names / sizeof names[0]; i++) {
		const char *path = pga_audit_setting(audit, names[i]);
		struct pga_text question = PGA_TEXT_EMPTY;

		if (path == NULL || path[0] == '\0')
			continue;
		pga_text_addf(&question,
			      "SELECT (pg_catalog.pg_stat_file(pg_catalog.current_setting('%s')))"
			      ".size",
			      names[i]);
		asked = pga_audit_ask(connection, pga_text_string(&question), 1, take_nothing, NULL,
				      error);
		audit->failed = audit->failed || question.failed;
		pga_text_free(&question);
		if (asked > 0 && audit->file_fault == NULL && !is_no_right(connection))
			audit->file_fault = pga_audit_copy(audit, error->message);
	}
	return asked < 0 ? -1 : 0;
}

int pga_audit_collect_files(struct pga_audit *audit, struct pga_audit_connection *connection,
			    struct pga_error *error)
{
	const char *on = pga_audit_setting(audit, "ssl");
	const char *by_name = pga_audit_setting(audit, "ssl_sni");
	int asked;

	/* From 19 on, each name can have a certificate of its own, in another file. */
	if (on == NULL || strcmp(on, "on") != 0 || (by_name != NULL && strcmp(by_name, "on") == 0))
		return 0;
	asked = pga_audit_ask(connection, certificate, 1, take_certificate, audit, error);
	if (asked > 0 && is_no_right(connection)) {
		pga_audit_not_seen(audit, "whether the server's certificate is the one in its file",
				   error->message, "");
		return 0;
	}
	if (asked == 0)
		asked = pga_audit_ask(connection, key, 1, take_key, audit, error);
	if (asked > 0 && audit->file_fault == NULL && !is_no_right(connection))
		audit->file_fault = pga_audit_copy(audit, error->message);
	return asked < 0 ? -1 : look_for_others(audit, connection, error);
}

/* Whether one of these files is newer than what the server has loaded, to the second. */
#define NEWER                                                                    \
	"SELECT pg_catalog.max((pg_catalog.pg_stat_file(f.name)).modification) " \
	"OPERATOR(pg_catalog.>) pg_catalog.pg_conf_load_time() FROM (SELECT DISTINCT "

static void take_newer(void *context, const PGresult *row)
{
	bool *newer = context;

	*newer = pga_audit_true(row, 0);
}

int pga_audit_collect_newer(struct pga_audit *audit, struct pga_audit_connection *connection,
			    struct pga_error *error)
{
	static const char settings[] =
	    NEWER "sourcefile FROM pg_catalog.pg_file_settings) AS f(name)";
	static const char rules[] = NEWER "pg_catalog.current_setting('hba_file')) AS f(name)";
	static const char rules_16[] = NEWER "file_name FROM pg_catalog.pg_hba_file_rules) AS "
					     "f(name)";
	int asked =
	    pga_audit_ask(connection, settings, 1, take_newer, &audit->settings_newer, error);

	if (asked >= 0)
		asked = pga_audit_ask(connection, audit->version >= 160000 ? rules_16 : rules, 1,
				      take_newer, &audit->rules_newer, error);
	if (asked > 0)
		pga_audit_not_seen(audit, "whether the rules of the file are those in force",
				   error->message, "");
	return asked < 0 ? -1 : 0;
}
