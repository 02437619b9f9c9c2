/* The CRLs that a new entry of a service has to name: those that are in place for the services of
 * its anchor alone, as "pganchor crl add" has bound the entries that were there before. */
#ifndef PGA_SERVICE_CRL_CHOICE_H
#define PGA_SERVICE_CRL_CHOICE_H

#include "base/error.h"
#include "base/text.h"
#include "policy/pins.h"
#include "service/servicefile.h"
#include "service/settings.h"

/* Adds sslcrl to the settings where the anchor, or else the one whose own file sslrootcert is, has
 * CRLs of its own; what the user has set himself stays. anchor is NULL where none was chosen.
 * Where the entry trusts such an anchor and cannot be bound, adds a line to warnings. Returns -1
 * where crls.conf cannot be read: an entry without its CRLs would take servers that are revoked. */
int pga_crl_choose(const struct pga_pins *pins, const struct pga_pin *anchor,
		   enum pga_service_place place, struct pga_settings *settings,
		   struct pga_text *warnings, struct pga_error *error);

#endif
