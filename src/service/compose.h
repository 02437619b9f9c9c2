/* Makes the settings that a user asked for into an entry that is as strong as the policy wants it.
 */
#ifndef PGA_SERVICE_COMPOSE_H
#define PGA_SERVICE_COMPOSE_H

#include "base/error.h"
#include "base/text.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "service/servicefile.h"
#include "service/settings.h"
#include "service/evaluate.h"
#include "service/choose_anchor.h"

struct pga_wish {
	struct pga_settings settings; /* as the user gave them */
	const char *anchor;           /* the name that the user gave; NULL for none */
	enum pga_service_place place;
};

struct pga_composition {
	struct pga_settings settings; /* what is to be written, in this order */
	struct pga_anchor_choice choice;
	struct pga_evaluation evaluation; /* allowed or weak; anything else is an error */
	struct pga_text warnings;         /* one a line */
	bool no_roots;                    /* libpq would find no root to trust, and not connect */
};

/* Adds to the wish: sslmode=verify-full; gssencmode=disable, since libpq would take a Kerberos
 * ticket's encryption in place of TLS; the file of an anchor that was named or is scoped, and that
 * of root.crt for what it holds, since a PGSSLROOTCERT would else take its place; the file of the
 * anchor's CRLs where they are for its services alone; the policy's
 * lowest TLS version where it is higher than libpq's. What the user set himself is left as it is,
 * and judged. Returns -1 for settings that libpq or the file cannot take, and for an anchor that
 * cannot be used. */
int pga_compose(const struct pga_wish *wish, const struct pga_policy *policy,
		const struct pga_pins *pins, struct pga_composition *composition,
		struct pga_error *error);

void pga_composition_free(struct pga_composition *composition);

#endif
