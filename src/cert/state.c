#include "cert/state.h"

#include "base/file.h"
#include "cert/key.h"
#include "tls/at_time.h"
#include "tls/certificate.h"
#include "tls/x509_pem.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/sha.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How often both are read where they do not match. */
enum { TRIES = 3 };

X509 *pga_cert_leaf(const struct pga_cert_state *state)
{
	return sk_X509_num(state->chain) > 0 ? sk_X509_value(state->chain, 0) : NULL;
}

time_t pga_cert_due(const X509 *certificate)
{
	const time_t from = pga_time_of(X509_get0_notBefore(certificate));
	const time_t to = pga_time_of(X509_get0_notAfter(certificate));
	unsigned char digest[SHA256_DIGEST_LENGTH] = {0};
	const time_t life = to > from ? to - from : 0;

	(void)X509_digest(certificate, EVP_sha256(), digest, NULL);
	return from + life / 3 * 2 - life / 20 * digest[0] / 255;
}

char *pga_cert_serial(const X509 *certificate, bool decimal)
{
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
	char *digits = NULL;
	char *copy = NULL;

	if (number != NULL)
		digits = decimal ? BN_bn2dec(number) : BN_bn2hex(number);
	if (digits != NULL)
		copy = strdup(digits);
	for (char *at = copy; at != NULL && *at != '\0'; at++)
		*at = pga_lower(*at);
	OPENSSL_free(digits);
	BN_free(number);
	return copy;
}

/* The first fault is the one that is told. */
static void broken(struct pga_cert_state *state, const char *hint, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void broken(struct pga_cert_state *state, const char *hint, const char *format, ...)
{
	va_list arguments;

	if (state->standing == PGA_CERT_BROKEN)
		return;
	state->standing = PGA_CERT_BROKEN;
	va_start(arguments, format);
	(void)vsnprintf(state->fault, sizeof state->fault, format, arguments);
	va_end(arguments);
	(void)snprintf(state->hint, sizeof state->hint, "%s", hint != NULL ? hint : "");
}

static const char issue_again[] = "issue it again: pganchor cert issue";

/* All certificates of the file, the first of which is its own. */
static int read_chain(const char *path, struct pga_cert_state *state, struct pga_error *error)
{
	struct pga_error why;
	bool found = false;
	bool damaged = false;
	const int result = pga_file_read(path, &state->pem, &found, &why);

	if (result != 0)
		broken(state, why.hint, "%s", why.message);
	else if (!found)
		broken(state, issue_again, "%s: there is no certificate", path);
	if (result != 0 || !found)
		return 0;
	state->chain =
	    pga_x509_all_of_pem(pga_text_string(&state->pem), state->pem.length, &damaged);
	if (state->chain == NULL)
		return pga_fail_memory(error);
	if (damaged)
		broken(state, issue_again, "%s: a certificate in it is damaged", path);
	if (sk_X509_num(state->chain) == 0)
		broken(state, issue_again, "%s: no certificate in PEM form", path);
	return 0;
}

/* Modes as libpq and the server check them: be_tls_init() and initialize_SSL() of theirs. */
static void check_mode(const struct pga_cert_files *files, int file, struct pga_cert_state *state)
{
	struct stat status;
	struct pga_text hint = PGA_TEXT_EMPTY;

	if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode))
		return broken(state, NULL, "%s: not a regular file", files->key);
	if ((status.st_mode &
	     (status.st_uid == 0 ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO)) == 0)
		return;
	pga_text_addf(&hint, "chmod %s %s", status.st_uid == 0 ? "0640" : "0600", files->key);
	broken(state, pga_text_string(&hint),
	       "%s: others may read or write the key (mode %04o), and %s refuses it then",
	       files->key, (unsigned)status.st_mode & 07777U,
	       files->server ? "PostgreSQL" : "libpq");
	pga_text_free(&hint);
}

/* No passphrase is asked for; that there is one is told. */
static void read_key(const struct pga_cert_files *files, struct pga_cert_state *state)
{
	const int descriptor = open(files->key, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct pga_text pem = PGA_TEXT_EMPTY;
	struct pga_file_identity stamp;
	struct pga_error why;

	if (descriptor < 0 && errno == ENOENT)
		return broken(state, issue_again, "%s: there is no key", files->key);
	if (descriptor < 0)
		return broken(state, NULL, "%s: %s", files->key, strerror(errno));
	check_mode(files, descriptor, state);
	if (pga_file_read_open(descriptor, files->key, &pem, &stamp, &why) != 0)
		broken(state, why.hint, "%s", why.message);
	else
		state->key = pga_key_read(pga_text_string(&pem), pem.length, files->key, NULL,
					  &state->encrypted, &why);
	if (state->key == NULL && !state->encrypted)
		broken(state, issue_again, "%s: no private key in PEM form", files->key);
	pga_text_wipe(&pem);
	(void)close(descriptor);
}

static int read_both(const struct pga_cert_files *files, struct pga_cert_state *state,
		     struct pga_error *error)
{
	const X509 *leaf;

	if (read_chain(files->certificate, state, error) != 0)
		return -1;
	if (files->key[0] != '\0')
		read_key(files, state);
	leaf = pga_cert_leaf(state);
	if (leaf != NULL && state->key != NULL && X509_check_private_key(leaf, state->key) != 1) {
		ERR_clear_error();
		broken(state,
		       "whoever has changed one of them alone has to bring back the other; "
		       "or pganchor cert issue --force",
		       "%s and %s do not belong together", files->certificate, files->key);
		return 1;
	}
	return 0;
}

static void look_at_time(time_t now, const struct pga_cert_files *files,
			 struct pga_cert_state *state)
{
	const X509 *leaf = pga_cert_leaf(state);

	if (leaf == NULL)
		return;
	state->from = pga_time_of(X509_get0_notBefore(leaf));
	state->to = pga_time_of(X509_get0_notAfter(leaf));
	state->due = pga_cert_due(leaf);
	(void)pga_x509_date(X509_get0_notBefore(leaf), state->not_before);
	(void)pga_x509_date(X509_get0_notAfter(leaf), state->not_after);
	pga_x509_date_of(state->due, state->due_date);
	if (now >= state->to) {
		state->expired = state->standing != PGA_CERT_BROKEN;
		broken(state,
		       "pganchor cert renew, where its CA renews what has expired; else "
		       "pganchor cert issue",
		       "%s: expired %s", files->certificate, state->not_after);
	} else if (now < state->from) {
		broken(state, "is the clock right?", "%s: not valid before %s", files->certificate,
		       state->not_before);
	} else if (now >= state->due && state->standing == PGA_CERT_NOT_DUE) {
		state->standing = PGA_CERT_DUE;
	}
}

int pga_cert_look(const struct pga_cert_files *files, time_t now, struct pga_cert_state *state,
		  struct pga_error *error)
{
	int result = 1;

	for (int i = 0; i < TRIES && result > 0; i++) {
		if (i > 0)
			pga_cert_state_free(state);
		memset(state, 0, sizeof *state);
		result = read_both(files, state, error);
	}
	if (result < 0)
		return -1;
	look_at_time(now, files, state);
	return 0;
}

void pga_cert_state_free(struct pga_cert_state *state)
{
	sk_X509_pop_free(state->chain, X509_free);
	EVP_PKEY_free(state->key);
	pga_text_free(&state->pem);
	memset(state, 0, sizeof *state);
}
