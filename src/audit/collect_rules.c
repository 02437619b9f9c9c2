/* The rules of pg_hba.conf, as the server reads the file now. */
#include "audit/collect.h"

#include <stdlib.h>
#include <string.h>

#define MOST_RULES 20000

#define COLUMNS                                                                       \
	"line_number, type, pg_catalog.array_to_string(database, ','), "              \
	"pg_catalog.array_to_string(user_name, ','), address, netmask, auth_method, " \
	"pg_catalog.array_to_string(options, ' '), error "                            \
	"FROM pg_catalog.pg_hba_file_rules"

/* Whether the address is one of the server's own machine, so that nothing goes over a network. */
static bool is_own(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0 ||
	       strcmp(address, "samehost") == 0 || strcmp(address, "localhost") == 0;
}

/* "/24" for 255.255.255.0; -1 where it is no such mask. */
static int bits_of(const char *mask)
{
	int bits = 0;
	bool v6 = strchr(mask, ':') != NULL;

	/* PostgreSQL writes both kinds out: groups of 16 bits in hex, or numbers of 8. */
	while (*mask != '\0') {
		char *end;
		unsigned long group;

		if (mask[0] == ':') {
			mask++;
			continue;
		}
		group = strtoul(mask, &end, v6 ? 16 : 10);
		if (end == mask)
			return -1;
		for (; group != 0; group >>= 1)
			bits += (int)(group & 1);
		mask = *end != '\0' ? end + 1 : end;
	}
	return bits;
}

static char *address_of(struct pga_audit *audit, const PGresult *row)
{
	const char *address = PQgetvalue(row, 0, 5);
	const char *mask = PQgetvalue(row, 0, 6);
	struct pga_text text = PGA_TEXT_EMPTY;
	char *copy;

	pga_text_add(&text, address);
	if (mask[0] != '\0')
		pga_text_addf(&text, "/%d", bits_of(mask));
	copy = pga_audit_copy(audit, pga_text_string(&text));
	audit->failed = audit->failed || text.failed;
	pga_text_free(&text);
	return copy;
}

static void take(void *context, const PGresult *row)
{
	struct pga_audit *audit = context;
	struct pga_audit_rule *rule =
	    pga_audit_grow(audit, &audit->rules, &audit->rule_count, sizeof *rule);

	if (rule == NULL)
		return;
	rule->file = pga_audit_column(audit, row, 0);
	rule->line = strtol(PQgetvalue(row, 0, 1), NULL, 10);
	rule->type = pga_audit_column(audit, row, 2);
	rule->databases = pga_audit_column(audit, row, 3);
	rule->users = pga_audit_column(audit, row, 4);
	rule->address = address_of(audit, row);
	rule->method = pga_audit_column(audit, row, 7);
	rule->options = pga_audit_column(audit, row, 8);
	rule->error = pga_audit_column(audit, row, 9);
	rule->remote = rule->type != NULL && strncmp(rule->type, "host", 4) == 0 &&
		       !is_own(PQgetvalue(row, 0, 5));
}

int pga_audit_collect_rules(struct pga_audit *audit, struct pga_audit_connection *connection,
			    struct pga_error *error)
{
	const int asked = pga_audit_ask(connection,
					audit->version >= 160000 ? "SELECT file_name, " COLUMNS
								 : "SELECT '', " COLUMNS,
					MOST_RULES, take, audit, error);

	if (asked < 0)
		return -1;
	if (asked > 0)
		pga_audit_not_seen(audit, "the rules of pg_hba.conf", error->message,
				   "GRANT SELECT ON pg_hba_file_rules TO %s; GRANT EXECUTE ON "
				   "FUNCTION pg_hba_file_rules() TO %s");
	audit->rules_seen = asked == 0;
	return 0;
}
