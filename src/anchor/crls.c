#include "anchor/crls.h"

#include "base/file.h"
#include "base/ini.h"
#include "base/paths.h"
#include "policy/linked.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A week, where a CRL does not say when the next one comes. */
#define WEEK ((time_t)7 * 24 * 3600)

int pga_crls_read(struct pga_crls *crls, struct pga_error *error)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	char *path = pga_user_config(PGA_CRLS_FILE);
	bool found = false;
	int result = -1;

	memset(crls, 0, sizeof *crls);
	if (path == NULL)
		return pga_fail_home(error);
	if (pga_file_read(path, &text, &found, error) == 0)
		result = pga_crls_parse(crls, path, pga_text_string(&text), text.length, error);
	pga_text_free(&text);
	free(path);
	return result;
}

struct pga_crl_record *pga_crls_named(const struct pga_crls *crls, const char *name)
{
	for (size_t i = 0; i < crls->count; i++)
		if (strcmp(crls->records[i].name, name) == 0)
			return &crls->records[i];
	return NULL;
}

char *pga_crl_root_path(struct pga_error *error)
{
	struct pga_text path = PGA_TEXT_EMPTY;
	char *home = pga_libpq_home(error);
	char *taken;

	if (home == NULL)
		return NULL;
	pga_text_addf(&path, "%s/.postgresql/root.crl", home);
	free(home);
	taken = pga_text_take(&path);
	if (taken == NULL)
		(void)pga_fail_memory(error);
	return taken;
}

char *pga_crl_scoped_path(const char *anchor, struct pga_error *error)
{
	struct pga_text name = PGA_TEXT_EMPTY;
	char *path = NULL;

	pga_text_addf(&name, "anchors/%s.crl", anchor);
	if (name.failed) {
		(void)pga_fail_memory(error);
	} else {
		path = pga_user_config(pga_text_string(&name));
		if (path == NULL)
			(void)pga_fail_home(error);
	}
	pga_text_free(&name);
	return path;
}

char *pga_crl_path(const struct pga_crl_record *record, struct pga_error *error)
{
	return record->scoped ? pga_crl_scoped_path(record->anchor, error)
			      : pga_crl_root_path(error);
}

int pga_crl_is_there(const struct pga_crl_record *record, bool *there, struct pga_error *error)
{
	struct pga_text bytes = PGA_TEXT_EMPTY;
	struct pga_text rest = PGA_TEXT_EMPTY;
	struct pga_crl_block block = {record, NULL};
	char *path = pga_crl_path(record, error);
	bool found;
	int result = -1;

	if (path != NULL && pga_file_read(path, &bytes, &found, error) == 0)
		result = pga_crl_blocks_cut(&bytes, &block, 1, &rest, error);
	*there = block.pem != NULL;
	free(block.pem);
	free(path);
	pga_text_free(&bytes);
	pga_text_free(&rest);
	return result;
}

time_t pga_crl_time(const char *date)
{
	struct tm tm = {0};
	const char *end = strptime(date, "%Y-%m-%dT%H:%M:%SZ", &tm);

	return end != NULL && *end == '\0' ? timegm(&tm) : -1;
}

time_t pga_crl_due(const struct pga_crl_record *record)
{
	const time_t from = pga_crl_time(record->this_update);
	const time_t to = pga_crl_time(record->next_update);
	const time_t checked = pga_crl_time(record->checked);

	if (record->next_update[0] == '\0' || to < from)
		return checked + WEEK;
	return from + (to - from) / 2;
}

void pga_crl_record_free(struct pga_crl_record *record)
{
	free(record->name);
	free(record->issuer);
	free(record->anchor);
	free(record->source);
	free(record->key);
	free(record->number);
	memset(record, 0, sizeof *record);
}

void pga_crls_free(struct pga_crls *crls)
{
	for (size_t i = 0; i < crls->count; i++)
		pga_crl_record_free(&crls->records[i]);
	free(crls->records);
	memset(crls, 0, sizeof *crls);
}
