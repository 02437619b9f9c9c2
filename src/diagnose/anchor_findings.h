/* What is to be said of the pinned anchors themselves: which have ended or soon will, and which
 * sources nobody looks after any more. Nobody is asked; the files alone are read. */
#ifndef PGA_DIAGNOSE_ANCHOR_FINDINGS_H
#define PGA_DIAGNOSE_ANCHOR_FINDINGS_H

#include "base/error.h"
#include "policy/pins.h"
#include "report/finding.h"

#include <time.h>

/* The subject of what is found. */
#define PGA_ABOUT_ANCHORS "anchors"

#define PGA_SOON_DAYS        30 /* an anchor ends soon */
#define PGA_BUNDLE_SOON_DAYS 90 /* all roots of a source do */
#define PGA_OLD_YEARS        2  /* a source has not changed for so long */

/* Adds to the findings. An anchor without a file of its own is passed over, as is a source that
 * nothing is recorded of. Returns -1 for want of memory. */
int pga_anchors_judge(const struct pga_pins *pins, time_t now, struct pga_findings *findings,
		      struct pga_error *error);

#endif
