#include "audit/collect.h"

#include "policy/secrets.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

char *pga_audit_copy(struct pga_audit *audit, const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		audit->failed = true;
	return copy;
}

char *pga_audit_column(struct pga_audit *audit, const PGresult *row, int column)
{
	return pga_audit_copy(audit, pga_audit_value(row, column));
}

char *pga_audit_take_text(struct pga_audit *audit, struct pga_text *text)
{
	char *copy = pga_audit_copy(audit, pga_text_string(text));

	audit->failed = audit->failed || text->failed;
	pga_text_free(text);
	return copy;
}

char *pga_audit_masked(struct pga_audit *audit, const PGresult *row, int column)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_text_add_masked(&text, pga_audit_value(row, column));
	return pga_audit_take_text(audit, &text);
}

bool pga_audit_true(const PGresult *row, int column)
{
	return pga_audit_value(row, column)[0] == 't';
}

void *pga_audit_grow(struct pga_audit *audit, void *list, size_t *count, size_t size)
{
	/* The list is of some struct: its address is read and written as bytes. */
	void *before;
	void *grown;

	memcpy(&before, list, sizeof before);
	grown = reallocarray(before, *count + 1, size);
	if (grown == NULL) {
		audit->failed = true;
		return NULL;
	}
	memcpy(list, &grown, sizeof grown);
	grown = (char *)grown + *count * size;
	memset(grown, 0, size);
	(*count)++;
	return grown;
}

void pga_audit_add_name(struct pga_text *text, const char *name)
{
	pga_text_add(text, "\"");
	for (; *name != '\0'; name++)
		pga_text_addf(text, *name == '"' ? "\"%c" : "%c", *name);
	pga_text_add(text, "\"");
}

void pga_audit_not_seen(struct pga_audit *audit, const char *what, const char *why,
			const char *right)
{
	struct pga_audit_unseen *unseen =
	    pga_audit_grow(audit, &audit->unseen, &audit->unseen_count, sizeof *unseen);
	struct pga_text grant = PGA_TEXT_EMPTY;
	const char *place;

	if (unseen == NULL)
		return;
	while ((place = strstr(right, "%s")) != NULL) {
		pga_text_add_bytes(&grant, right, (size_t)(place - right));
		pga_audit_add_name(&grant, audit->user);
		right = place + strlen("%s");
	}
	pga_text_add(&grant, right);
	unseen->what = pga_audit_copy(audit, what);
	unseen->why = pga_audit_copy(audit, why);
	unseen->right = pga_audit_copy(audit, pga_text_string(&grant));
	audit->failed = audit->failed || grant.failed;
	pga_text_free(&grant);
}

const char *pga_audit_setting(const struct pga_audit *audit, const char *name)
{
	for (size_t i = 0; i < audit->setting_count; i++)
		if (audit->settings[i].name != NULL && strcmp(audit->settings[i].name, name) == 0)
			return audit->settings[i].value;
	return NULL;
}
