/* What is answered by HTTP: its head, and its body. */
#ifndef PGA_PROBE_HTTP_REPLY_H
#define PGA_PROBE_HTTP_REPLY_H

#include "base/text.h"

#include <stdbool.h>

struct pga_http_reply {
	int status; /* 200, 400, 404, 500, 503 or 504 */
	struct pga_text
	    body; /* freed by whoever has called; that of a status that is not 200 is a line */
};

/* Adds all that is sent; of HEAD, the head alone. A body that is empty is the line of its status.
 */
void pga_http_reply_compose(const struct pga_http_reply *reply, bool without_body,
			    struct pga_text *text);

#endif
