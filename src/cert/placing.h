/* Which key a pair in the making has: certs.conf says so before the pair has its names, so that
 * whoever is killed in between leaves nothing that nobody knows. */
#ifndef PGA_CERT_PLACING_H
#define PGA_CERT_PLACING_H

#include "base/error.h"
#include "cert/record.h"

#include <openssl/evp.h>

#define PGA_KEY_DIGEST 64 /* hexadecimal digits */

/* SHA-256 of the public key, as hexadecimal digits. Returns -1 for want of memory. */
int pga_key_digest(const EVP_PKEY *key, char digest[PGA_KEY_DIGEST + 1], struct pga_error *error);

/* The same of the pair that has the record's names now, or of the key where there is no
 * certificate;
 * "" where nothing is, or it cannot be told. */
int pga_cert_record_key_there(const struct pga_cert_record *record, char digest[PGA_KEY_DIGEST + 1],
			      struct pga_error *error);

/* Whether the pair that a record tells of was begun and is not there: no certificate of such a key
 * has the name, nor, where there is no certificate, the key. Returns 1 then, 0 for any other
 * record, and -1 for want of memory. */
int pga_cert_record_is_unplaced(const struct pga_cert_record *record, struct pga_error *error);

#endif
