#include "report/saved.h"

#include "base/edit.h"

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
