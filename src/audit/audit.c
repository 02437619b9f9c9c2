#include "audit/audit.h"

#include <stdlib.h>
#include <string.h>

struct pga_audit *pga_audit_new(const char *service)
{
	struct pga_audit *audit = calloc(1, sizeof *audit);

	if (audit != NULL)
		audit->service = service;
	return audit;
}

/* Frees so many texts, which follow each other in a struct or not. */
#define FREE_ALL(...)                                                   \
	do {                                                            \
		char *const all[] = {__VA_ARGS__};                      \
		for (size_t k = 0; k < sizeof all / sizeof all[0]; k++) \
			free(all[k]);                                   \
	} while (0)

static void free_seen(struct pga_audit *audit)
{
	for (size_t i = 0; i < audit->session_count; i++) {
		struct pga_audit_session *item = &audit->sessions[i];

		FREE_ALL(item->kind, item->user, item->database, item->application, item->address,
			 item->since, item->protocol, item->cipher, item->client);
	}
	for (size_t i = 0; i < audit->rule_count; i++) {
		struct pga_audit_rule *item = &audit->rules[i];

		FREE_ALL(item->file, item->type, item->databases, item->users, item->address,
			 item->method, item->options, item->error);
	}
	for (size_t i = 0; i < audit->setting_count; i++) {
		struct pga_audit_setting *item = &audit->settings[i];

		FREE_ALL(item->name, item->value, item->source, item->file);
	}
	free(audit->sessions);
	free(audit->rules);
	free(audit->settings);
}

static void free_rest(struct pga_audit *audit)
{
	for (size_t i = 0; i < audit->outward_count; i++) {
		struct pga_audit_outward *item = &audit->outward[i];

		FREE_ALL(item->name, item->database, item->user, item->shown, item->why);
	}
	for (size_t i = 0; i < audit->chain_length; i++) {
		struct pga_audit_certificate *item = &audit->chain[i];

		FREE_ALL(item->subject, item->issuer, item->names, item->from, item->to, item->key,
			 item->signature, item->pin, item->weak);
	}
	for (size_t i = 0; i < audit->caller_count; i++) {
		struct pga_audit_caller *item = &audit->callers[i];

		FREE_ALL(item->services, item->host, item->anchor, item->why, item->hint);
	}
	for (size_t i = 0; i < audit->unseen_count; i++)
		FREE_ALL(audit->unseen[i].what, audit->unseen[i].why, audit->unseen[i].right);
	for (size_t i = 0; i < audit->md5_role_count; i++)
		free(audit->md5_roles[i]);
	for (size_t i = 0; i < audit->ended_count; i++)
		free(audit->ended[i].why);
	for (size_t i = 0; i < audit->refused_count; i++)
		FREE_ALL(audit->refused[i].file, audit->refused[i].name, audit->refused[i].why);
	for (size_t i = 0; i < audit->override_count; i++)
		FREE_ALL(audit->overrides[i].of, audit->overrides[i].mends);
	free(audit->overrides);
	free(audit->refused);
	free(audit->ended);
	free(audit->outward);
	free(audit->chain);
	free(audit->callers);
	free(audit->unseen);
	free(audit->md5_roles);
}

void pga_audit_free(struct pga_audit *audit)
{
	if (audit == NULL)
		return;
	free_seen(audit);
	free_rest(audit);
	FREE_ALL(audit->host, audit->address, audit->port, audit->database, audit->user,
		 audit->release, audit->cluster, audit->data, audit->hba_file, audit->protocol,
		 audit->cipher, audit->file_pin, audit->file_fault, audit->root, audit->root_pin,
		 audit->anchor);
	pga_findings_free(&audit->findings);
	free(audit);
}

const char *pga_audit_way_word(enum pga_audit_way way)
{
	static const char *const words[] = {
	    [PGA_AUDIT_RECEIVER] = "wal-receiver", [PGA_AUDIT_SUBSCRIPTION] = "subscription",
	    [PGA_AUDIT_MAPPING] = "user-mapping",  [PGA_AUDIT_FOREIGN] = "foreign-server",
	    [PGA_AUDIT_POOLED] = "pgbouncer",      [PGA_AUDIT_DBLINK] = "dblink",
	};

	return words[way];
}

bool pga_audit_is_of_lines(const struct pga_finding *finding)
{
	return strcmp(finding->subject, PGA_AUDIT_RULES) == 0 ||
	       (strcmp(finding->subject, PGA_AUDIT_POOLER) == 0 &&
		finding->id != PGA_POOLER_FILE_OPEN);
}

/* By the numbers of the benchmarks for PostgreSQL 15, 16 and 17. */
const char *pga_audit_cis(enum pga_finding_id id)
{
	switch (id) {
	case PGA_RULE_WITHOUT_TLS:
	case PGA_SERVER_WITHOUT_TLS:
	case PGA_SESSION_WITHOUT_TLS:
	case PGA_SERVED_CERTIFICATE_OLD:
	case PGA_SERVED_CERTIFICATE_WEAK:
	case PGA_SERVED_CERTIFICATE_REFUSED:
		return "CIS 6.8";
	case PGA_RULE_LOCAL_TRUST:
		return "CIS 5.3";
	case PGA_RULE_TRUST:
	case PGA_RULE_WEAK_PASSWORD:
	case PGA_SERVER_MD5:
	case PGA_ROLES_MD5:
		return "CIS 5.4";
	case PGA_SESSION_TLS_OLD:
	case PGA_SERVER_TLS_OLD:
		return "CIS 6.9";
	case PGA_SESSION_CIPHER_WEAK:
	case PGA_SERVER_CIPHERS_WEAK:
		return "CIS 6.10";
	case PGA_STANDBY_WITHOUT_TLS:
	case PGA_RECEIVER_WEAK:
		return "CIS 6.8, CIS 7.5";
	case PGA_SERVER_RELEASE_OLD:
		return "CIS 1.5";
	default:
		return "";
	}
}
