/* Takes out what pganchor has put in place of CRLs, and that alone. */
#ifndef PGA_SERVICE_CRL_REMOVAL_H
#define PGA_SERVICE_CRL_REMOVAL_H

#include "anchor/crls.h"
#include "base/error.h"
#include "base/text.h"
#include "base/transaction.h"

#include <stdbool.h>
#include <stddef.h>

/* Which: each of these that is set has to be so. */
struct pga_crl_choice {
	const char *const *anchors; /* those of these anchors, NULL behind the last */
	const char *const *names;   /* these, likewise */
	bool all;
};

struct pga_crl_removal;

/* Begins to take those out: their files are locked and read, and nothing is changed yet. With
 * with_services, sslcrl goes with the file that it names from the entries of the user's services;
 * whoever edits that file in the same transaction has to leave it out. Returns NULL with the
 * reason, as for a name that there is none of; where none is chosen, it has no files. */
struct pga_crl_removal *pga_crl_removal_begin(const struct pga_crl_choice *choice,
					      bool with_services, struct pga_error *error);

/* Its files, in the order in which they are to be written: pga_transaction_write() with those of
 * others, or alone. They belong to the removal. */
struct pga_transaction_file *const *pga_crl_removal_files(const struct pga_crl_removal *removal,
							  size_t *count);

/* The names of those that go, one a line, what became the user's meanwhile and stays where it is,
 * and the services that lose their sslcrl. */
const char *pga_crl_removal_names(const struct pga_crl_removal *removal);
const char *pga_crl_removal_left(const struct pga_crl_removal *removal);
const char *pga_crl_removal_services(const struct pga_crl_removal *removal);

/* Gives the locks back; safe on NULL. */
void pga_crl_removal_end(struct pga_crl_removal *removal);

#endif
