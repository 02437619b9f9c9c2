#include "anchor/root_crt_path.h"

#include "base/text.h"
#include "policy/linked.h"

#include <stdlib.h>

char *pga_root_crt_path(struct pga_error *error)
{
	struct pga_text path = PGA_TEXT_EMPTY;
	char *home = pga_libpq_home(error);
	char *taken;

	if (home == NULL)
		return NULL;
	pga_text_addf(&path, "%s/.postgresql/root.crt", home);
	free(home);
	taken = pga_text_take(&path);
	if (taken == NULL)
		(void)pga_fail_memory(error);
	return taken;
}
