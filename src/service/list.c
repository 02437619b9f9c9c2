#include "service/list.h"

#include "policy/linked.h"
#include "policy/secrets.h"

#include <stdlib.h>
#include <string.h>

static const char *const keywords[PGA_TOLD] = {[PGA_TOLD_HOST] = "host",
					       [PGA_TOLD_HOSTADDR] = "hostaddr",
					       [PGA_TOLD_PORT] = "port",
					       [PGA_TOLD_DBNAME] = "dbname",
					       [PGA_TOLD_USER] = "user"};

/* Of ten thousand entries the rest would fill the memory. */
static int keep_what_is_told(struct pga_listed *listed, struct pga_error *error)
{
	struct pga_effective *effective = &listed->evaluation.effective;
	int result = 0;

	for (size_t i = 0; i < PGA_TOLD; i++) {
		const char *value = pga_effective_value(effective, keywords[i]);

		listed->settings[i] = strdup(value != NULL ? value : "");
		if (listed->settings[i] == NULL)
			result = pga_fail_memory(error);
	}
	pga_effective_free(&pga_linked_libpq, effective);
	return result;
}

static int judge(struct pga_evaluator *judging, struct pga_listed *listed, struct pga_error *error)
{
	if (pga_evaluate_entry(judging, listed->entry, &listed->evaluation, error) != 0)
		return -1;
	if (pga_effective_mask(&listed->evaluation.effective) != 0)
		return pga_fail_memory(error);
	return keep_what_is_told(listed, error);
}

/* before: the file that libpq looks into first; NULL: none. */
static int add_file(struct pga_service_list *list, const struct pga_service_file *file,
		    const struct pga_service_file *before, const struct pga_policy *policy,
		    const struct pga_pins *pins, struct pga_error *error)
{
	struct pga_evaluator judging;
	int result = pga_evaluator_begin(&judging, file, policy, error);

	judging.pins = pins;
	for (size_t i = 0; result == 0 && i < file->count; i++) {
		struct pga_listed *listed = &list->entries[list->count++];

		listed->file = file;
		listed->entry = &file->entries[i];
		listed->hidden = before != NULL && listed->entry->name != NULL &&
				 pga_service_file_find(before, listed->entry->name) != NULL;
		result = judge(&judging, listed, error);
		list->weak += listed->evaluation.state == PGA_ENTRY_WEAK;
		list->broken += listed->evaluation.state == PGA_ENTRY_BROKEN;
		list->no_roots += listed->evaluation.no_roots;
	}
	pga_evaluator_end(&judging);
	return result;
}

int pga_service_list_make(struct pga_service_list *list, const struct pga_service_file *user,
			  const struct pga_service_file *system, const struct pga_policy *policy,
			  const struct pga_pins *pins, struct pga_error *error)
{
	memset(list, 0, sizeof *list);
	list->entries = calloc(user->count + system->count + 1, sizeof *list->entries);
	if (list->entries == NULL)
		return pga_fail_memory(error);
	if (add_file(list, user, NULL, policy, pins, error) != 0)
		return -1;
	return add_file(list, system, user, policy, pins, error);
}

void pga_service_list_free(struct pga_service_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		for (size_t k = 0; k < PGA_TOLD; k++)
			free(list->entries[i].settings[k]);
		pga_evaluation_free(&list->entries[i].evaluation);
	}
	free(list->entries);
	memset(list, 0, sizeof *list);
}
