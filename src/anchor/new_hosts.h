/* Another list of hosts for an anchor. */
#ifndef PGA_ANCHOR_NEW_HOSTS_H
#define PGA_ANCHOR_NEW_HOSTS_H

#include "anchor/anchors.h"
#include "base/error.h"

#include <stdbool.h>

/* Has the user's anchor of this name, or the system's, be valid for these host patterns, which
 * pga_anchors_conf_hosts() has made. Every other byte of anchors.conf stays. Returns -1, with
 * nothing changed, where there is no such anchor, or anything else fails. With dry_run, all is
 * done but the writing. conf gets the file, whose path the caller frees, after an error too. */
int pga_anchor_set_hosts(const char *name, const char *hosts, bool system, bool dry_run,
			 struct pga_anchor_file *conf, struct pga_error *error);

#endif
