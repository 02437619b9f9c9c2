#include "report/saved.h"

#include "base/edit.h"
#include "base/text.h"

#include <string.h>

int pga_report_save(const char *path, const char *text, struct pga_error *error)
{
	struct pga_edit edit = {0};
	int status = -1;

	if (pga_edit_begin(&edit, path, 0600, error) != 0)
		return -1;
	edit.unnoted = true;
	if (pga_edit_stage(&edit, text, strlen(text), error) == 0 &&
	    pga_edit_commit(&edit, error) == 0)
		status = 0;
	pga_edit_end(&edit);
	return status;
}

int pga_report_try(const char *path, char **place, struct pga_error *error)
{
	struct pga_edit edit = {0};
	struct pga_text text = PGA_TEXT_EMPTY;
	int status = -1;

	*place = NULL;
	if (pga_edit_begin(&edit, path, 0600, error) != 0)
		return -1;
	edit.unnoted = true;
	pga_text_addf(&text, "%s/%s", edit.directory.path, edit.name);
	if (pga_edit_stage(&edit, "", 0, error) == 0) {
		*place = pga_text_take(&text);
		status = *place != NULL ? 0 : pga_fail_memory(error);
	}
	pga_text_free(&text);
	pga_edit_end(&edit);
	return status;
}
