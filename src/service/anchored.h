/* What the pins will make of a server before it is asked: the settings may be as the policy wants
 * them, and the gate still refuse whatever server answers. */
#ifndef PGA_SERVICE_ANCHORED_H
#define PGA_SERVICE_ANCHORED_H

#include "base/error.h"
#include "base/text.h"
#include "policy/effective.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "service/roots.h"

/* Adds why the gate will refuse the servers of some hosts, whoever answers: no anchor is pinned for
 * a host, or none that is, is in the file of roots that libpq will use. What is named is one
 * message a line, each with its advice indented below it; nothing where some anchor of the file is
 * valid for each host. Of a file that holds several anchors, another may be the server's. Only for
 * settings that need TLS. Returns -1 for want of memory. */
int pga_anchored_look(struct pga_roots *roots, const struct pga_effective *effective,
		      const struct pga_policy *policy, const struct pga_pins *pins,
		      struct pga_text *text, struct pga_error *error);

/* What the gate does with a server for which nothing is pinned, as this policy has it: "enforced",
 * such as "will refuse", or what it comes to while the policy only audits. */
const char *pga_anchored_refuses(const struct pga_policy *policy, const char *enforced);

#endif
