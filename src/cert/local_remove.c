/* The local CA is trusted no more, and goes. */
#include "cert/local_ca.h"

#include "base/text.h"
#include "base/transaction.h"
#include "policy/pins.h"

#include <stdlib.h>
#include <string.h>

int pga_local_ca_anchors(struct pga_pins *pins, const char ***names, size_t *count,
			 struct pga_error *error)
{
	*count = 0;
	*names = NULL;
	if (pga_pins_load(pins, NULL, error) != 0)
		return -1;
	*names = calloc(pins->count + 1, sizeof **names);
	if (*names == NULL)
		return pga_fail_memory(error);
	for (size_t i = pins->system_count; i < pins->count; i++)
		if (strcmp(pins->pins[i].source, PGA_LOCAL_CA_SOURCE) == 0)
			(*names)[(*count)++] = pins->pins[i].name;
	return 0;
}

int pga_local_ca_remove_files(const struct pga_local_ca *ca, bool dry_run, bool *removed,
			      struct pga_error *error)
{
	struct pga_transaction_file files[2] = {{.committed = false}};
	struct pga_transaction_file *const order[2] = {&files[0], &files[1]};
	int result = -1;

	*removed = false;
	if (pga_edit_begin(&files[0].edit, ca->key_path, 0600, error) != 0 ||
	    pga_edit_begin(&files[1].edit, ca->crt_path, 0644, error) != 0)
		goto done;
	for (int i = 0; i < 2; i++)
		if (files[i].edit.existed) {
			files[i].change = PGA_REMOVED;
			*removed = true;
		}
	result = dry_run ? 0 : pga_transaction_write(order, 2, error);
done:
	for (int i = 2; i-- > 0;) {
		pga_text_wipe(&files[i].edit.before);
		pga_transaction_end(&files[i]);
	}
	return result;
}
