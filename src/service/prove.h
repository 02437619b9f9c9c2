/* What libpq reads out of a service file before it takes the old one's place. */
#ifndef PGA_SERVICE_PROVE_H
#define PGA_SERVICE_PROVE_H

#include "base/edit.h"
#include "base/error.h"
#include "policy/policy.h"
#include "service/settings.h"

/* libpq reads the staged file: what its entry of this name comes to must be what the settings by
 * themselves come to, in every option that it has, and allowed by the policy. Returns -1 with what
 * is not so. */
int pga_service_prove(const struct pga_edit *file, const char *name,
		      const struct pga_settings *settings, const struct pga_policy *policy,
		      struct pga_error *error);

#endif
