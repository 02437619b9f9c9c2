/* The user's own certificates, and the file that knows them: certs.conf beside anchors.conf. A
 * section each:
 *
 *     [NAME]
 *     certificate = absolute path of the chain, the certificate itself first
 *     key = absolute path of its private key
 *     use = client | server: who reads them, and so which modes their files may have
 *     way = step-ca | local | acme: how it was made, and is renewed; absent: it is not renewed
 *     ca = the address of its CA
 *     anchor = whose root its CA's own TLS comes from
 *     provisioner = by which it was issued there
 *     account = where what the way needs besides is kept, for the way itself to read
 *     exec, reload, signal = what is done once the file is another (cert/reload.h)
 *     prove = HOST:PORT of the server that shows it then
 *     serial = of the certificate that pganchor has put there last, in hex
 *     placing = the digests of the keys of a pair that is about to have these names for the first
 *         time, and of what a killed run has left there (cert/placing.h); it goes once it works
 *     made = SHA-256 of the certificate whose key pganchor has made, too, and put there last: any
 *         other pair in its place is somebody's
 *     renewed = when it came from its CA
 *     revoked, revoked-sha256 = when the CA was told to take it back, which is renewed no more; and
 *         which certificate that was
 *     untold = yes: it was exchanged, and what uses it was not told yet
 *     failures, tried, why = how often in a row it was not renewed, when last, and why
 *
 * Nothing secret stands there, and no trust rests on it. */
#ifndef PGA_CERT_RECORD_H
#define PGA_CERT_RECORD_H

#include "base/error.h"
#include "base/text.h"
#include "tls/x509_text.h"

#include <openssl/x509.h>

#include <stdbool.h>
#include <stddef.h>

#define PGA_CERTS_FILE "certs.conf"

#define PGA_CERT_WAY_STEPCA "step-ca"
#define PGA_CERT_WAY_LOCAL  "local"
#define PGA_CERT_WAY_ACME   "acme"

/* Each text is "" where nothing is said; the record owns them. */
struct pga_cert_record {
	char *name;
	char *certificate;
	char *key;
	bool server;
	bool untold;
	char *way; /* one of the words above */
	char *ca;
	char *anchor;
	char *provisioner;
	char *account;
	char *exec;
	char *reload;
	char *signal;
	char *prove;
	char *serial;
	char *placing;
	char *made; /* two, with a blank between, while the one takes the place of the other */
	char *revoked_pin;
	char renewed[PGA_X509_DATE]; /* 2026-11-22T06:00:00Z */
	char revoked[PGA_X509_DATE];
	char tried[PGA_X509_DATE];
	char *why;
	long failures;
};

/* The texts by their keys in certs.conf, in its order. */
enum { PGA_CERT_TEXTS = 16 };
extern const char *const pga_cert_text_keys[PGA_CERT_TEXTS];
char **pga_cert_record_text(struct pga_cert_record *record, size_t i);
const char *pga_cert_record_says(const struct pga_cert_record *record, size_t i);

struct pga_cert_records {
	struct pga_cert_record *records; /* in the file's order */
	size_t count;
};

/* Reads certs.conf; no file is no certificates. One whose pair was begun, and is not there, is left
 * out. To be freed in either case. Returns -1, with the line, for what is no such file. */
int pga_cert_records_read(struct pga_cert_records *records, struct pga_error *error);

/* The same of these bytes; path is for the messages. */
int pga_cert_records_parse(struct pga_cert_records *records, const char *path, const char *bytes,
			   size_t length, struct pga_error *error);

/* NULL where there is none. */
struct pga_cert_record *pga_cert_record_named(const struct pga_cert_records *records,
					      const char *name);

/* The one whose certificate is this file; NULL likewise. */
struct pga_cert_record *pga_cert_record_of_file(const struct pga_cert_records *records,
						const char *certificate);

/* All texts "", so that it can be filled in by pga_cert_record_set(). Returns -1 for want of
 * memory; to be freed in either case. */
int pga_cert_record_begin(struct pga_cert_record *record, const char *name,
			  struct pga_error *error);

/* Whether the certificate is the one, by SHA-256, that pganchor has put there last, with a key of
 * its own making; and whether it is the one that was revoked. NULL is none, and counts as revoked
 * where it is not known which was. */
bool pga_cert_record_made(const struct pga_cert_record *record, const X509 *leaf);
bool pga_cert_record_revoked(const struct pga_cert_record *record, const X509 *leaf);

/* Whether certs.conf can have this text. */
bool pga_cert_record_can_say(const char *text);

/* Lets *text, one of the record's, be a copy of the value (NULL: ""). */
int pga_cert_record_set(char **text, const char *value, struct pga_error *error);

/* Whether the certificate that is there is another one than pganchor has put there: somebody has
 * exchanged it, or a pganchor was ended before it could note its own. */
bool pga_cert_record_is_of_other(const struct pga_cert_record *record, const X509 *leaf);

/* Notes that pganchor has put this one there. */
int pga_cert_record_set_serial(struct pga_cert_record *record, const X509 *leaf,
			       struct pga_error *error);

/* A text as one line that certs.conf can have: what steers is made harmless, and it is cut where it
 * is long. The caller frees it; NULL for want of memory. */
char *pga_cert_line(const char *text);

/* A copy of all of it, to be freed in either case. */
int pga_cert_record_copy(struct pga_cert_record *copy, const struct pga_cert_record *record,
			 struct pga_error *error);

void pga_cert_record_free(struct pga_cert_record *record);
void pga_cert_records_free(struct pga_cert_records *records);

/* Where the file is. The caller frees it; NULL with the reason. */
char *pga_cert_records_path(struct pga_error *error);

/* Adds to after what stands in before, with this record as the section of its name; comments stay,
 * in front. With record NULL: without the section `drop`. Returns -1 for what certs.conf cannot say
 * (a text with a control character, a path that is not absolute), and where before is no such file.
 */
int pga_cert_records_compose(const char *path, const struct pga_text *before,
			     const struct pga_cert_record *record, const char *drop,
			     struct pga_text *after, struct pga_error *error);

/* The same in the file itself, alone. */
int pga_cert_record_put(const struct pga_cert_record *record, struct pga_error *error);
int pga_cert_record_drop(const char *name, struct pga_error *error);

/* The same of one that was issued: where another run has renewed it meanwhile, and said so, what is
 * said of the certificate itself is what that one has said. */
int pga_cert_record_put_issued(struct pga_cert_record *record, struct pga_error *error);

/* Notes what became of it, from renewed to failures, and what was made and revoked where the record
 * says so: whatever else somebody has changed there meanwhile stays so, and one that was forgotten
 * stays forgotten. */
int pga_cert_record_note(const struct pga_cert_record *record, struct pga_error *error);

#endif
