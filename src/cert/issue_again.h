/* The command that makes a certificate anew, where its CA does not renew it. */
#ifndef PGA_CERT_ISSUE_AGAIN_H
#define PGA_CERT_ISSUE_AGAIN_H

#include "base/text.h"
#include "cert/record.h"

#include <openssl/x509.h>

/* Adds "pganchor cert issue" with what makes one like this leaf, in the same files, from the same
 * CA, as a shell reads it. */
void pga_cert_issue_again(const struct pga_cert_record *record, X509 *leaf,
			  struct pga_text *command);

#endif
