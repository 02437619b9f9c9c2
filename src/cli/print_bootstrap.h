/* What bootstrap says. */
#ifndef PGA_CLI_PRINT_BOOTSTRAP_H
#define PGA_CLI_PRINT_BOOTSTRAP_H

#include "anchor/anchors.h"
#include "tls/certificate.h"
#include "cli/bootstrap_existing.h"

#include <jansson.h>
#include <stdbool.h>

/* Say what was done, and what was pinned beside it, to standard output, and what it means for other
 * connections, to standard error. The JSON returns the exit status: all has been done by then, and
 * what is no UTF-8 is shown as \xNN. url is where the root was asked for, and kind what its source
 * is: one that is known can be from elsewhere. */
void pga_report_text(const struct pga_anchoring *done, const struct pga_certificate *root,
		     const struct pga_existing *existing, const char *url, bool dry_run);
int pga_report_json(const struct pga_anchoring *done, const struct pga_certificate *root,
		    const char *kind, const struct pga_existing *existing, bool dry_run);
/* A line of what became of a file, and what it is; none where it was left as it is. */
void pga_print_anchor_file(const struct pga_anchor_file *file, bool dry_run, const char *what);
/* The path of a file, and what became of it; null where it plays no part. */
json_t *pga_json_file(const struct pga_anchor_file *file);
void pga_report_warnings(const struct pga_anchoring *done, bool dry_run);

#endif
