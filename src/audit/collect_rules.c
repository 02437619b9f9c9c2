/* The rules of pg_hba.conf, as the server reads the file now. */
#include "audit/address.h"
#include "audit/collect.h"
#include "audit/mask.h"
#include "server/hba_shown.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define MOST_RULES 5000

#define COLUMNS                                                                \
	"line_number, type, pg_catalog.array_to_json(database), "              \
	"pg_catalog.array_to_json(user_name), address, netmask, auth_method, " \
	"pg_catalog.array_to_json(options), error "                            \
	"FROM pg_catalog.pg_hba_file_rules"

/* How one element of a list is added. */
typedef void add_element(struct pga_text *text, const char *element);

/* A list of the server's, as text: its elements with this between them. */
static char *list_of(struct pga_audit *audit, const PGresult *row, int column, const char *between,
		     add_element *add)
{
	const char *array = pga_audit_value(row, column);
	json_error_t said;
	json_t *list = array[0] != '\0' ? json_loads(array, 0, &said) : NULL;
	struct pga_text text = PGA_TEXT_EMPTY;
	const json_t *element;
	const bool failed =
	    array[0] != '\0' && list == NULL && json_error_code(&said) == json_error_out_of_memory;
	size_t i;

	json_array_foreach(list, i, element)
	{
		struct pga_text added = PGA_TEXT_EMPTY;

		add(&added, json_is_string(element) ? json_string_value(element) : "");
		if (added.length > 0 && text.length > 0)
			pga_text_add(&text, between);
		pga_text_add_bytes(&text, pga_text_string(&added), added.length);
		text.failed = text.failed || added.failed;
		pga_text_free(&added);
	}
	/* A name in it is no UTF-8. */
	if (list == NULL && !failed)
		pga_text_add(&text, array);
	json_decref(list);
	audit->failed = audit->failed || failed;
	return pga_audit_take_text(audit, &text);
}

static char *address_of(struct pga_audit *audit, const PGresult *row)
{
	const char *address = pga_audit_value(row, 5);
	const char *mask = pga_audit_value(row, 6);
	struct pga_text text = PGA_TEXT_EMPTY;
	const int bits = pga_audit_mask_bits(mask);

	if (mask[0] == '\0' && address[0] != '\0')
		pga_audit_add_word(&text, address);
	else if (bits >= 0)
		pga_text_addf(&text, "%s/%d", address, bits);
	else if (mask[0] != '\0')
		pga_text_addf(&text, "%s %s", address, mask);
	return pga_audit_take_text(audit, &text);
}

static char *error_of(struct pga_audit *audit, const PGresult *row)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_hba_add_error_shown(&text, pga_audit_value(row, 9));
	return pga_audit_take_text(audit, &text);
}

static void take(void *context, const PGresult *row)
{
	struct pga_audit *audit = context;
	struct pga_audit_rule *rule =
	    pga_audit_grow(audit, &audit->rules, &audit->rule_count, sizeof *rule);

	if (rule == NULL)
		return;
	rule->file = pga_audit_column(audit, row, 0);
	rule->line = pga_audit_number(row, 1);
	rule->type = pga_audit_column(audit, row, 2);
	rule->databases = list_of(audit, row, 3, ",", pga_audit_add_word);
	rule->users = list_of(audit, row, 4, ",", pga_audit_add_word);
	rule->address = address_of(audit, row);
	rule->method = pga_audit_column(audit, row, 7);
	rule->options = list_of(audit, row, 8, " ", pga_audit_mask_option);
	rule->error = error_of(audit, row);
	rule->remote = rule->type != NULL && rule->address != NULL &&
		       strncmp(rule->type, "host", 4) == 0 &&
		       !pga_audit_address_is_own(rule->address);
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
	if (connection->cut)
		pga_audit_not_seen(audit, "the rules behind the first 5000", "there are too many",
				   "");
	audit->rules_seen = asked == 0;
	return 0;
}
