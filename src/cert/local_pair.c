#include "cert/local_pair.h"

#include "base/text.h"
#include "tls/at_time.h"
#include "tls/host_name.h"
#include "tls/x509_pem.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <string.h>
#include <time.h>

static bool has_signed(const struct pga_local_ca *ca, X509 *certificate)
{
	const bool yes = X509_verify(certificate, ca->key) == 1;

	ERR_clear_error();
	return yes;
}

/* Whether it is for all of these names, or the user, of this use, and two thirds of its time are
 * before it. */
static bool is_right(X509 *old, const struct pga_local_wish *wish)
{
	const time_t end = pga_time_of(X509_get0_notAfter(old));
	const time_t third = (end - pga_time_of(X509_get0_notBefore(old))) / 3;
	const uint32_t use = X509_get_extended_key_usage(old);
	char cn[256] = "";

	if (time(NULL) > end - 2 * third ||
	    (use & (wish->server ? XKU_SSL_SERVER : XKU_SSL_CLIENT)) == 0)
		return false;
	for (size_t i = 0; wish->server && i < wish->count; i++)
		if (wish->names[i][0] == '*' ||
		    pga_certificate_names_host(old, wish->names[i]) == PGA_NAMED_NOT)
			return false;
	(void)X509_NAME_get_text_by_NID(X509_get_subject_name(old), NID_commonName, cn, sizeof cn);
	return wish->server || strcmp(cn, wish->common_name) == 0;
}

/* What is there: a pair of this CA's, a key alone, or nothing. */
static int look(struct pga_local_pair *pair, const struct pga_local_ca *ca,
		const struct pga_local_pair_wish *wish, EVP_PKEY **key, X509 **old,
		struct pga_error *error)
{
	static const char hint[] = "move it away, or choose other files; nothing was changed";
	const struct pga_edit *crt = &pair->certificate.edit;
	const struct pga_edit *own = &pair->key.edit;

	if (crt->existed) {
		*old = pga_x509_of_pem(pga_text_string(&crt->before), crt->before.length);
		if (*old != NULL && wish->replace && !has_signed(ca, *old)) {
			X509_free(*old);
			*old = NULL;
		} else if (*old == NULL || !has_signed(ca, *old)) {
			return pga_fail(error,
					*old != NULL && wish->place != NULL ? wish->place : hint,
					"%s: there is such a file, and it is no certificate of the "
					"local CA",
					crt->path);
		}
		if (!own->existed)
			return pga_fail(error, hint, "%s: its private key, %s, is missing",
					crt->path, own->path);
	}
	if (!own->existed)
		return 0;
	*key = pga_key_read(pga_text_string(&own->before), own->before.length, own->path, NULL,
			    NULL, error);
	if (*key == NULL)
		return -1;
	if (*old != NULL && EVP_PKEY_eq(*key, X509_get0_pubkey(*old)) != 1)
		return pga_fail(error, hint, "%s: it is not the key of %s", own->path, crt->path);
	return 0;
}

static int put_key(struct pga_transaction_file *file, EVP_PKEY *key, struct pga_error *error)
{
	return pga_key_write(key, NULL, &file->after, error) == 0 ? pga_transaction_put(file, error)
								  : -1;
}

static int put_certificate(struct pga_transaction_file *file, X509 *leaf, struct pga_error *error)
{
	return pga_x509_add_pem(leaf, &file->after, error) == 0 ? pga_transaction_put(file, error)
								: -1;
}

int pga_local_pair_begin(struct pga_local_pair *pair, const struct pga_local_ca *ca,
			 const struct pga_local_pair_wish *wish, struct pga_error *error)
{
	EVP_PKEY *key = NULL;
	X509 *old = NULL;
	int result = -1;

	memset(pair, 0, sizeof *pair);
	if (pga_edit_begin(&pair->key.edit, wish->key, 0600, error) != 0 ||
	    pga_edit_begin(&pair->certificate.edit, wish->certificate, 0644, error) != 0 ||
	    look(pair, ca, wish, &key, &old, error) != 0)
		goto done;
	pair->has_key = key != NULL;
	pga_text_add_bytes(&pair->before, pga_text_string(&pair->certificate.edit.before),
			   pair->certificate.edit.before.length);
	if (pair->before.failed) {
		(void)pga_fail_memory(error);
		goto done;
	}
	pair->renewed = pair->certificate.edit.existed;
	if (old != NULL && wish->keep && is_right(old, &wish->wish)) {
		pair->kept = true;
		pair->leaf = old;
		old = NULL;
		result = 0;
		goto done;
	}
	if (key == NULL && ((key = pga_key_make(wish->kind, error)) == NULL ||
			    put_key(&pair->key, key, error) != 0))
		goto done;
	if (pga_local_sign(ca, &wish->wish, key, &pair->leaf, error) == 0)
		result = put_certificate(&pair->certificate, pair->leaf, error);
done:
	EVP_PKEY_free(key);
	X509_free(old);
	return result;
}

static void wipe_edits(struct pga_local_pair *pair)
{
	pga_text_wipe(&pair->key.after);
	pga_text_wipe(&pair->key.edit.before);
}

int pga_local_pair_write(struct pga_local_pair *pair, struct pga_error *error)
{
	struct pga_transaction_file *const files[2] = {&pair->key, &pair->certificate};

	return pair->kept ? 0 : pga_transaction_write(files, 2, error);
}

/* One file as it was: with these bytes, or gone. */
static int put_back(struct pga_transaction_file *file, const char *path,
		    const struct pga_text *before, struct pga_error *error)
{
	struct pga_transaction_file *const files[1] = {file};
	int result = pga_edit_begin(&file->edit, path, 0600, error);

	if (result == 0 && before != NULL) {
		pga_text_add_bytes(&file->after, pga_text_string(before), before->length);
		result = pga_transaction_put(file, error);
	} else if (result == 0) {
		file->change = file->edit.existed ? PGA_REMOVED : PGA_UNCHANGED;
	}
	if (result == 0)
		result = pga_transaction_write(files, 1, error);
	pga_text_wipe(&file->edit.before);
	pga_transaction_end(file);
	return result;
}

/* The certificate first: a key alone troubles nobody. */
int pga_local_pair_take_back(struct pga_local_pair *pair, struct pga_error *error)
{
	struct pga_transaction_file file = {.committed = false};
	int result;

	if (pair->kept)
		return 0;
	result = put_back(&file, pair->certificate.edit.path, pair->renewed ? &pair->before : NULL,
			  error);
	memset(&file, 0, sizeof file);
	if (result == 0 && !pair->has_key)
		result = put_back(&file, pair->key.edit.path, NULL, error);
	return result;
}

void pga_local_pair_end(struct pga_local_pair *pair)
{
	wipe_edits(pair);
	pga_text_free(&pair->before);
	/* The last first, as anchors.c has it. */
	pga_transaction_end(&pair->certificate);
	pga_transaction_end(&pair->key);
	X509_free(pair->leaf);
	memset(pair, 0, sizeof *pair);
}
