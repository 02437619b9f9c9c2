/* The names and dates of certificates, as text. */
#ifndef PGA_TLS_X509_TEXT_H
#define PGA_TLS_X509_TEXT_H

#include <openssl/x509.h>

#include <stdbool.h>
#include <time.h>

#define PGA_X509_DATE 24 /* "2026-11-22T06:00:00Z" */

/* What OpenSSL has written into a memory BIO, which stays the caller's, as is the text. NULL for
 * want of memory. */
char *pga_bio_text(BIO *bio);

/* As RFC 2253 has it, but that UTF-8 stays as it is, cut where it is very long. OpenSSL escapes
 * control characters of ASCII alone. The caller frees it; NULL for want of memory. */
char *pga_x509_name(const X509_NAME *name);

/* Its subject alternative names, "DNS:db.example.com, IP Address:10.0.0.1"; "" where it has none.
 * They are as they stand there: print them through pga_printable(). The caller frees it; NULL for
 * want of memory. */
char *pga_x509_alternative_names(X509 *certificate);

/* Returns false for one that cannot be read; then text is empty. */
bool pga_x509_date(const ASN1_TIME *date, char text[PGA_X509_DATE]);

/* A time since the epoch, and the present time, in the same form. */
void pga_x509_date_of(time_t when, char text[PGA_X509_DATE]);
void pga_x509_now(char text[PGA_X509_DATE]);

#endif
