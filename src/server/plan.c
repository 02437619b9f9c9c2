#include "server/plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *pga_plan_word(enum pga_plan_kind kind)
{
	static const char *const words[] = {[PGA_PLAN_CHECKED] = "checked",
					    [PGA_PLAN_WARNING] = "warning",
					    [PGA_PLAN_STEP] = "step"};

	return words[kind];
}

void pga_plan_add(struct pga_server_plan *plan, enum pga_plan_kind kind, const char *format, ...)
{
	struct pga_plan_line *list = realloc(plan->list, (plan->count + 1) * sizeof plan->list[0]);
	struct pga_plan_line *line;
	va_list arguments;

	if (list == NULL) {
		plan->failed = true;
		return;
	}
	plan->list = list;
	line = &list[plan->count];
	*line = (struct pga_plan_line){.kind = kind};
	va_start(arguments, format);
	if (vasprintf(&line->text, format, arguments) < 0) {
		line->text = NULL;
		plan->failed = true;
	} else {
		plan->count++;
	}
	va_end(arguments);
}

void pga_plan_detail(struct pga_server_plan *plan, const char *format, ...)
{
	va_list arguments;

	if (plan->count == 0 || plan->failed)
		return;
	va_start(arguments, format);
	if (vasprintf(&plan->list[plan->count - 1].detail, format, arguments) < 0) {
		plan->list[plan->count - 1].detail = NULL;
		plan->failed = true;
	}
	va_end(arguments);
}

int pga_plan_check(const struct pga_server_plan *plan, struct pga_error *error)
{
	return plan->failed ? pga_fail_memory(error) : 0;
}

void pga_plan_free(struct pga_server_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		free(plan->list[i].text);
		free(plan->list[i].detail);
	}
	free(plan->list);
	memset(plan, 0, sizeof *plan);
}
