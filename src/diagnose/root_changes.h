/* What a forecast is asked to suppose of the roots. */
#ifndef PGA_DIAGNOSE_ROOT_CHANGES_H
#define PGA_DIAGNOSE_ROOT_CHANGES_H

#include "base/error.h"
#include "policy/pins.h"
#include "service/trusted.h"

/* Takes a root away: an anchor's name, or a root's fingerprint. Returns -1 for what is neither. */
int pga_root_changes_without(struct pga_root_changes *changes, const struct pga_pins *pins,
			     const char *word, struct pga_error *error);

/* Adds the certificates of a file, PEM, DER or PKCS#7. Returns -1 where it has none. */
int pga_root_changes_with(struct pga_root_changes *changes, const char *path,
			  struct pga_error *error);

void pga_root_changes_free(struct pga_root_changes *changes);

#endif
