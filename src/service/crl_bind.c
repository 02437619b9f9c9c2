/* The entries of services that name a file of CRLs: sslcrl. */
#include "service/crl_plan.h"

#include "base/ini.h"
#include "base/memory_file.h"
#include "base/path.h"
#include "policy/policy.h"
#include "service/evaluate.h"
#include "service/rewrite.h"
#include "service/servicefile.h"

#include <stdlib.h>
#include <string.h>

static int begin(struct pga_crl_plan *plan, struct pga_error *error)
{
	char *path;
	int result = -1;

	if (plan->services_begun)
		return 0;
	path = pga_service_path(PGA_SERVICE_USER, error);
	if (path == NULL)
		return -1;
	if (pga_is_descriptor(path))
		(void)pga_fail(
		    error, "let PGSERVICEFILE name a file, or unset it for ~/.pg_service.conf",
		    "%s: a pipe, or what was in one: nothing can be written there", path);
	else
		result = pga_edit_begin(&plan->services.edit, path, 0600, error);
	plan->services_begun = result == 0;
	free(path);
	return result == 0 ? pga_service_text_check(plan->services.edit.path,
						    plan->services.edit.before.bytes,
						    plan->services.edit.before.length, error)
			   : -1;
}

/* What libpq makes of the entry has to be as before, but for the file of CRLs. */
static int check(const struct pga_text *bytes, const char *shown, const char *name,
		 const char *path, struct pga_error *error)
{
	struct pga_memory_file memory = PGA_NO_MEMORY_FILE;
	struct pga_evaluation evaluation = {0};
	struct pga_policy policy;
	const char *value;
	int result = -1;

	if (pga_policy_load(&policy, error) != 0)
		return -1;
	if (pga_memory_file_make(&memory, error) == 0 &&
	    pga_memory_file_put(&memory, pga_text_string(bytes), bytes->length, error) == 0 &&
	    pga_evaluate_service(memory.path, shown, name, &policy, &evaluation, error) == 0) {
		value = evaluation.effective.options != NULL
			    ? pga_effective_value(&evaluation.effective, "sslcrl")
			    : NULL;
		if (value != NULL && strcmp(value, path != NULL ? path : "") == 0)
			result = 0;
		else
			(void)pga_fail(
			    error,
			    "nothing was changed; correct the file with an "
			    "editor first",
			    "service %s: libpq would not read its sslcrl as it should%s%s", name,
			    evaluation.why.length > 0 ? ": " : "",
			    pga_text_string(&evaluation.why));
		pga_evaluation_free(&evaluation);
	}
	pga_memory_file_end(&memory);
	pga_policy_free(&policy);
	return result;
}

int pga_crl_plan_bind(struct pga_crl_plan *plan, const char *service, const char *path,
		      struct pga_error *error)
{
	struct pga_service_edit edit = {.line = 0};
	const struct pga_text *now;
	int result = -1;

	if (begin(plan, error) != 0)
		return -1;
	now = plan->services.change == PGA_UNCHANGED ? &plan->services.edit.before
						     : &plan->services.after;
	if (pga_service_set(pga_text_string(now), now->length, service, "sslcrl", path, &edit,
			    error) != 0)
		return -1;
	if (check(&edit.bytes, plan->services.edit.path, service, path, error) == 0) {
		pga_text_free(&plan->services.after);
		plan->services.after = edit.bytes;
		edit.bytes = (struct pga_text)PGA_TEXT_EMPTY;
		result = pga_transaction_put(&plan->services, error);
		pga_text_addf(path != NULL ? &plan->bound : &plan->unbound, "%s\n", service);
	}
	pga_service_edit_free(&edit);
	if (result == 0 && (plan->bound.failed || plan->unbound.failed))
		result = pga_fail_memory(error);
	return result;
}

/* The file that goes and that this line of an entry names; NULL where it does not. */
static const struct pga_crl_target *gone(const struct pga_crl_plan *plan,
					 const struct pga_ini_line *line, bool *failed)
{
	struct pga_crl_target *target;
	char *path;

	if (line->kind != PGA_INI_SETTING || !pga_ini_equals(line->name, "sslcrl"))
		return NULL;
	path = pga_ini_copy(line->value);
	*failed = path == NULL;
	if (path == NULL)
		return NULL;
	target = pga_crl_plan_target(plan, path);
	free(path);
	return target != NULL && target->anchor != NULL && target->file.change == PGA_REMOVED
		   ? target
		   : NULL;
}

int pga_crl_plan_unbind_all(struct pga_crl_plan *plan, struct pga_error *error)
{
	struct pga_service_file file;
	int result = 0;
	bool any = false;

	for (size_t i = 0; i < plan->target_count; i++)
		any = any || (plan->targets[i].anchor != NULL &&
			      plan->targets[i].file.change == PGA_REMOVED);
	if (!any)
		return 0;
	if (begin(plan, error) != 0 || pga_service_file_read(&file, PGA_SERVICE_USER, error) != 0)
		return -1;
	for (size_t i = 0; i < file.count && result == 0; i++) {
		const struct pga_entry *entry = &file.entries[i];
		struct pga_ini_reader reader = pga_ini_start(
		    file.bytes.bytes + entry->start, entry->end - entry->start, PGA_INI_PGSERVICE);
		struct pga_ini_line line;
		bool failed = false;

		if (entry->name == NULL || entry->shadowed != 0)
			continue;
		while (result == 0 && pga_ini_next(&reader, &line))
			if (gone(plan, &line, &failed) != NULL)
				result = pga_crl_plan_bind(plan, entry->name, NULL, error);
			else if (failed)
				result = pga_fail_memory(error);
	}
	pga_service_file_free(&file);
	return result;
}
