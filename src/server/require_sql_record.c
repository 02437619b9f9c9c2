#include "server/require_sql_record.h"

#include "base/text.h"
#include "server/change.h"
#include "server/hba_change.h"
#include "server/require_sql.h"
#include "server/require_undo.h"
#include "server/target.h"

#include <stdlib.h>
#include <string.h>

static char *hex_of(const struct pga_text *bytes)
{
	char *hex = malloc(bytes->length * 2 + 1);

	if (hex != NULL)
		pga_hex((const unsigned char *)pga_text_string(bytes), bytes->length, hex);
	return hex;
}

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = c != '\0' ? strchr(digits, c) : NULL;

	return found != NULL ? (int)(found - digits) : -1;
}

/* As far as it is hex; the rest is noticed by who reads the bytes. */
static void add_bytes_of(const char *hex, struct pga_text *bytes)
{
	while (digit(hex[0]) >= 0 && digit(hex[1]) >= 0) {
		const char byte = (char)(unsigned char)(digit(hex[0]) * 16 + digit(hex[1]));

		pga_text_add_bytes(bytes, &byte, 1);
		hex += 2;
	}
}

static int push(struct pga_sql_record *record, const struct pga_hba_tree *tree,
		struct pga_error *error)
{
	struct pga_server_change change = {.command = "require-tls", .served = ""};
	struct pga_text bytes = PGA_TEXT_EMPTY;
	char *hex = NULL;
	int result;

	pga_hba_record_begin(&bytes, NULL);
	pga_hba_record_add_changes(tree, &bytes);
	if (!bytes.failed)
		hex = hex_of(&bytes);
	change.hba = hex;
	result = hex != NULL ? pga_server_record_push(&record->record, &change, error)
			     : pga_fail_memory(error);
	free(hex);
	pga_text_free(&bytes);
	return result;
}

int pga_sql_record_write(struct pga_sql_record *record, const struct pga_service_login *login,
			 const struct pga_hba_tree *tree, struct pga_error *error)
{
	struct pga_servers_entry entry = {.service = login->service, .address = login->address};
	unsigned port;

	memset(record, 0, sizeof *record);
	if (pga_server_target_lock(login, error) != 0 ||
	    pga_server_identify(login->session, &record->system, &record->directory, &port,
				error) != 0)
		return -1;
	entry.system = record->system;
	entry.directory = record->directory;
	return pga_server_record_read_of(&entry, &record->record, error) == 0 &&
		       push(record, tree, error) == 0
		   ? pga_server_record_write(NULL, &record->record, &record->kept, error)
		   : -1;
}

void pga_sql_record_take_back(struct pga_sql_record *record, struct pga_error *error)
{
	const struct pga_error first = *error;
	struct pga_error why;

	if (pga_server_record_take_back(&record->record, &record->kept, &why) != 0)
		(void)pga_fail(error, first.hint, "%s; and the record of it stays: %s",
			       first.message, why.message);
}

void pga_sql_record_free(struct pga_sql_record *record)
{
	pga_server_record_free(&record->record);
	pga_served_file_free(&record->kept);
	free(record->system);
	free(record->directory);
	memset(record, 0, sizeof *record);
}

static void plan_steps(struct pga_server_work *work)
{
	const struct pga_unrequiring *rules = &work->rules;

	for (size_t i = 0; i < rules->tree.part_count; i++)
		if (rules->files[i].change != PGA_UNCHANGED)
			pga_plan_add(&work->plan, PGA_PLAN_STEP,
				     "write %s by lo_export, in place, which is not atomic",
				     rules->tree.parts[i].path);
	pga_plan_add(&work->plan, PGA_PLAN_STEP,
		     "SELECT pg_reload_conf(), once pg_hba_file_rules shows no error");
	pga_plan_add(&work->plan, PGA_PLAN_STEP,
		     "a new connection by service %s has to get in; else it is written back",
		     work->target.login.service);
}

int pga_server_plan_rules_by_sql(struct pga_server_work *work, const char *hex,
				 struct pga_error *error)
{
	struct pga_unrequiring *rules = &work->rules;
	struct pga_text bytes = PGA_TEXT_EMPTY;
	int result;

	work->rules_by_sql = true;
	work->on = work->served[0] != '\0';
	add_bytes_of(hex, &bytes);
	result = bytes.failed ? pga_fail_memory(error)
			      : pga_hba_record_parse(&rules->record, pga_text_string(&bytes),
						     bytes.length, error);
	pga_text_free(&bytes);
	if (result != 0 || pga_require_sql_read(&work->target.login, &rules->tree, error) != 0 ||
	    pga_hba_check_view(work->target.session, &rules->tree, false, error) != 0 ||
	    pga_unrequire_plan_lines(rules, error) != 0 ||
	    pga_server_plan_lines(&work->plan, &rules->record, error) != 0)
		return -1;
	work->changes = rules->restored > 0;
	if (work->changes)
		plan_steps(work);
	return pga_plan_check(&work->plan, error);
}
