/* Two servers as an audit has seen them: one with something of everything that is weak, in which
 * the texts of strangers are hostile, and one that could not be connected to. */
#ifndef PGA_TESTS_UNIT_SAMPLE_AUDIT_H
#define PGA_TESTS_UNIT_SAMPLE_AUDIT_H

#include "audit/audit.h"

#define T(text) ((char[]){text})

#define HBA "/etc/postgresql/15/main/pg_hba.conf"

static struct pga_audit_session sample_sessions[] = {
    {4711, T("client backend"), T("shop"), T("orders"), T("<script>alert(1)</script>"),
     T("10.20.0.17"), T("2026-11-28T22:41:07Z"), false, true, false, false, T(""), T(""), 0, T("")},
    {4712, T("walsender"), T("replicator"), T(""), T("standby-b"), T("10.20.0.9"),
     T("2026-11-21T03:00:12Z"), false, true, false, false, T(""), T(""), 0, T("")},
    {4720, T("client backend"), T("alice"), T("orders"), T("psql\033[31m"), T("10.20.4.2"),
     T("2026-11-29T00:58:31Z"), false, true, true, false, T("TLSv1.3"), T("TLS_AES_256_GCM_SHA384"),
     256, T("CN=alice")},
    {4731, T("client backend"), T("postgres"), T("postgres"), T("cron"), T(""),
     T("2026-11-29T01:00:00Z"), false, true, false, false, T(""), T(""), 0, T("")},
    {4740, T("client backend"), T("auditor"), T("postgres"), T("pganchor"), T("10.20.4.2"),
     T("2026-11-29T01:02:03Z"), true, true, true, false, T("TLSv1.3"), T("TLS_AES_256_GCM_SHA384"),
     256, T("")},
};

static struct pga_audit_rule sample_rules[] = {
    {T(""), 89, T("local"), T("all"), T("postgres"), T(""), T("peer"), T(""), T(""), false},
    {T(""), 97, T("host"), T("all"), T("all"), T("127.0.0.1/32"), T("scram-sha-256"), T(""), T(""),
     false},
    {T(""), 102, T("host"), T("orders"), T("shop"), T("10.20.0.0/16"), T("md5"), T(""), T(""),
     true},
    {T(""), 103, T("host"), T("replication"), T("replicator"), T("10.20.0.9/32"), T("trust"), T(""),
     T(""), true},
    {T(""), 104, T("hostssl"), T("all"), T("all"), T("0.0.0.0/0"), T("scram-sha-256"), T(""), T(""),
     true},
};

static struct pga_audit_setting sample_settings[] = {
    {T("ssl"), T("on"), T("configuration file"), T("/etc/postgresql/15/main/postgresql.conf"),
     false, 7},
    {T("ssl_min_protocol_version"), T("TLSv1"), T("configuration file"),
     T("/etc/postgresql/15/main/postgresql.conf"), false, 7},
    {T("password_encryption"), T("md5"), T("configuration file"),
     T("/etc/postgresql/15/main/conf.d/old settings.conf"), false, 7},
    {T("listen_addresses"), T("*"), T("command line"), T(""), true, 0},
};

static struct pga_audit_outward sample_outward[] = {
    {PGA_AUDIT_SUBSCRIPTION, T("orders_in"), T("orders"), T("postgres"),
     T("host=db2.example.test user=repl password=******** sslmode=require"), true, true, false,
     false, T("sslmode=require does not verify the server")},
    {PGA_AUDIT_FOREIGN, T("archive"), T("orders"), T(""),
     T("host=archive.example.test sslmode=verify-full"), true, true, true, false, T("")},
};

static struct pga_audit_certificate sample_chain[] = {
    {T("CN=db1.example.test"), T("CN=Example Intermediate CA"),
     T("DNS:db1.example.test, DNS:db.example.test"), T("2026-11-01T00:00:00Z"),
     T("2026-12-04T00:00:00Z"), T("EC P-256"), T("ecdsa-with-SHA256"),
     T("6b1f0d2c8e3a47959f21b3f0a1c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6"), NULL, 1793491200,
     1796342400},
    {T("CN=Example Intermediate CA"), T("CN=Example Root CA"), T(""), T("2026-01-01T00:00:00Z"),
     T("2031-01-01T00:00:00Z"), T("EC P-256"), T("ecdsa-with-SHA256"),
     T("0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9"), NULL, 1767225600,
     1924992000},
};

static struct pga_audit_unseen sample_unseen[] = {
    {T("the options of user mappings"), T("permission denied for table pg_user_mapping"), T("")},
    {T("the settings of files"), T("permission denied for view pg_file_settings"),
     T("GRANT SELECT ON pg_file_settings TO auditor; GRANT EXECUTE ON FUNCTION "
       "pg_show_all_file_settings() TO auditor;")},
};

static char *sample_md5_roles[] = {T("shop"), T("legacy<br>app")};

static void sample_add(struct pga_findings *findings, enum pga_finding_id id,
		       enum pga_severity severity, const char *subject, const char *object,
		       const char *const texts[3])
{
	pga_findings_add(findings, id, severity, subject, "%s", texts[0]);
	if (object != NULL)
		pga_findings_object(findings, "%s", object);
	if (texts[1] != NULL)
		pga_findings_detail(findings, "%s", texts[1]);
	if (texts[2] != NULL)
		pga_findings_hint(findings, "%s", texts[2]);
}

static void sample_findings_of_rules(struct pga_findings *findings)
{
	static const char *const plain[] = {HBA ":102: lets clients in without TLS",
					    "host orders shop 10.20.0.0/16 md5",
					    "hostssl orders shop 10.20.0.0/16 scram-sha-256"};
	static const char *const trust[] = {
	    HBA ":103: anybody who reaches the server is whoever they say",
	    "host replication replicator 10.20.0.9/32 trust",
	    "hostssl replication replicator 10.20.0.9/32 scram-sha-256"};

	sample_add(findings, PGA_RULE_WITHOUT_TLS, PGA_SEVERITY_ERROR, PGA_AUDIT_RULES, HBA ":102",
		   plain);
	sample_add(findings, PGA_RULE_TRUST, PGA_SEVERITY_ERROR, PGA_AUDIT_RULES, HBA ":103",
		   trust);
}

static void sample_findings(struct pga_findings *findings)
{
	static const char *const session[] = {
	    "shop@orders from 10.20.0.17 (<script>alert(1)</script>) is not encrypted",
	    "since 2026-11-28T22:41:07Z, process 4711",
	    "give it sslmode=verify-full (pganchor service harden), and require TLS"};
	static const char *const standby[] = {
	    "replicator from 10.20.0.9 (standby-b) is sent the write-ahead log without encryption",
	    "since 2026-11-21T03:00:12Z, process 4712",
	    "give its primary_conninfo sslmode=verify-full"};
	static const char *const old[] = {"TLS 1.0 is allowed", "ssl_min_protocol_version is TLSv1",
					  "ALTER SYSTEM SET ssl_min_protocol_version = 'TLSv1.2'"};
	static const char *const release[] = {"PostgreSQL 15.20 is the last release of 15", NULL,
					      NULL};
	static const char *const unseen[] = {"the options of user mappings were not seen",
					     "permission denied for table pg_user_mapping", NULL};

	sample_add(findings, PGA_SERVER_RELEASE_OLD, PGA_SEVERITY_OK, PGA_AUDIT_SERVER, NULL,
		   release);
	sample_add(findings, PGA_SESSION_WITHOUT_TLS, PGA_SEVERITY_ERROR, PGA_AUDIT_SESSIONS,
		   "4711", session);
	sample_add(findings, PGA_STANDBY_WITHOUT_TLS, PGA_SEVERITY_ERROR, PGA_AUDIT_SESSIONS,
		   "4712", standby);
	sample_findings_of_rules(findings);
	sample_add(findings, PGA_SERVER_TLS_OLD, PGA_SEVERITY_WARNING, PGA_AUDIT_SETTINGS,
		   "ssl_min_protocol_version", old);
	sample_add(findings, PGA_AUDIT_INCOMPLETE, PGA_SEVERITY_NOTE, PGA_AUDIT_UNSEEN, NULL,
		   unseen);
}

#define LIST(of, counted) .of = sample_##of, .counted = sizeof sample_##of / sizeof sample_##of[0]

static const struct pga_audit sample_seen = {
    .service = "orders",
    .connected = true,
    .host = T("db1.example.test"),
    .address = T("10.20.0.5"),
    .port = T("5432"),
    .database = T("postgres"),
    .user = T("auditor"),
    .monitor = true,
    .version = 150020,
    .release = T("15.20 (Debian 15.20-0+deb12u1)"),
    .cluster = T("15/main"),
    .data = T("/var/lib/postgresql/15/main"),
    .hba_file = T(HBA),
    .protocol = T("TLSv1.3"),
    .cipher = T("TLS_AES_256_GCM_SHA384"),
    .root = T("CN=Example Root CA"),
    .root_pin = T("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca"
		  "495991b7852b855"),
    .anchor = T("example"),
    .now = 1795914123,
    .rules_seen = true,
    LIST(sessions, session_count),
    LIST(rules, rule_count),
    LIST(settings, setting_count),
    LIST(outward, outward_count),
    LIST(chain, chain_length),
    LIST(unseen, unseen_count),
    LIST(md5_roles, md5_role_count)};

/* Its findings are the caller's to free, and no more. */
static struct pga_audit sample_weak(void)
{
	struct pga_audit audit = sample_seen;

	sample_findings(&audit.findings);
	return audit;
}

static struct pga_audit sample_not_reached(void)
{
	struct pga_audit audit = {.service = "reports & <b>more</b>"};
	static const char *const texts[] = {"db3.example.test was not connected to",
					    "certificate verify failed",
					    "pganchor probe db3.example.test says why"};

	sample_add(&audit.findings, PGA_NOT_AUDITED, PGA_SEVERITY_ERROR, PGA_AUDIT_SERVER, NULL,
		   texts);
	return audit;
}

#endif
