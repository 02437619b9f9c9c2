/* JSON with comments, as VS Code writes its settings. */
#ifndef PGA_CLIENTS_JSONC_H
#define PGA_CLIENTS_JSONC_H

#include "base/text.h"

/* Adds the bytes with blanks in the place of comments, and of commas that nothing follows: what is
 * left is JSON. A byte order mark goes, too. Whatever is no JSON stays none. */
void pga_jsonc_strip(struct pga_text *json, const char *bytes, size_t length);

#endif
