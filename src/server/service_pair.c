#include "server/service_pair.h"

#include "base/shell_word.h"
#include "base/text.h"
#include "server/chain_rule.h"
#include "server/cipher_rule.h"
#include "tls/pg_answer.h"

#include <libpq-fe.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <stdlib.h>
#include <string.h>

/* No chain, and no file of CAs or CRLs that a server would load, comes near this. */
#define FILE_LIMIT 16777216

/* "FUNCTION(the path REST" with the path by its bytes: nothing in it is read as SQL. */
static PGresult *ask_of_file(const struct pga_server_target *target, const char *before,
			     const char *path, const char *rest, struct pga_error *error)
{
	const size_t length = strlen(path);
	struct pga_text words = PGA_TEXT_EMPTY;
	char *hex = malloc(length * 2 + 1);
	PGresult *rows = NULL;

	if (hex != NULL) {
		pga_hex((const unsigned char *)path, length, hex);
		pga_text_addf(&words,
			      "%spg_catalog.convert_from(pg_catalog.decode('%s', 'hex'), "
			      "'UTF8')%s",
			      before, hex, rest);
	}
	if (hex == NULL || words.failed)
		(void)pga_fail_memory(error);
	else
		rows = pga_cluster_ask(target->session, pga_text_string(&words), error);
	pga_text_free(&words);
	free(hex);
	return rows;
}

static bool is_value(const PGresult *rows, int columns)
{
	return PQntuples(rows) == 1 && PQnfields(rows) == columns && PQgetisnull(rows, 0, 0) == 0;
}

/* Adds the bytes of a file, which the server's user reads. */
static int read_file(const struct pga_server_target *target, const char *path,
		     struct pga_text *bytes, struct pga_error *error)
{
	PGresult *rows = ask_of_file(target, "SELECT pg_catalog.pg_read_binary_file(", path,
				     ", 0, 16777217)", error);
	unsigned char *plain = NULL;
	size_t length = 0;
	int result = -1;

	if (rows == NULL)
		return -1;
	if (is_value(rows, 1))
		plain = PQunescapeBytea((const unsigned char *)pga_pg_value(rows, 0, 0), &length);
	if (plain == NULL) {
		(void)pga_fail(error, NULL, "the server does not show its bytes");
	} else if (length > FILE_LIMIT) {
		(void)pga_fail(error, NULL, "it is larger than %d bytes", FILE_LIMIT);
	} else {
		pga_text_add_bytes(bytes, (const char *)plain, length);
		result = bytes->failed ? pga_fail_memory(error) : 0;
	}
	PQfreemem(plain);
	PQclear(rows);
	return result;
}

/* Whether it is there, and a file. */
static int look_at_key(const struct pga_server_target *target, const char *path,
		       struct pga_error *error)
{
	PGresult *rows = ask_of_file(target, "SELECT size, isdir FROM pg_catalog.pg_stat_file(",
				     path, ", true)", error);
	int result = -1;

	if (rows == NULL)
		return -1;
	if (!is_value(rows, 2))
		(void)pga_fail(error, NULL, "it is not there");
	else if (strcmp(pga_pg_value(rows, 0, 1), "f") != 0)
		(void)pga_fail(error, NULL, "it is a directory");
	else if (strcmp(pga_pg_value(rows, 0, 0), "0") == 0)
		(void)pga_fail(error, NULL, "it is empty");
	else
		result = 0;
	PQclear(rows);
	return result;
}

static void add_path(const struct pga_server_target *target, const char *file,
		     struct pga_text *text)
{
	if (file[0] != '/')
		pga_text_addf(text, "%s/", target->cluster.directory);
	pga_text_add(text, file);
}

/* What is to be typed at the server for a file to be there as it wants it. */
static void add_placing(const struct pga_server_target *target, const char *file,
			struct pga_text *text)
{
	struct pga_text path = PGA_TEXT_EMPTY;

	add_path(target, file, &path);
	pga_text_add(text, "sudo install -m 0600 ");
	pga_text_add_shell_word(text, strrchr(pga_text_string(&path), '/') != NULL
					  ? strrchr(pga_text_string(&path), '/') + 1
					  : file);
	pga_text_add(text, " ");
	pga_text_add_shell_word(text, pga_text_string(&path));
	pga_text_add(text, " && sudo chown --reference=");
	pga_text_add_shell_word(text, target->cluster.directory);
	pga_text_add(text, " ");
	pga_text_add_shell_word(text, pga_text_string(&path));
	text->failed = text->failed || path.failed;
	pga_text_free(&path);
}

static int fail_of_file(const struct pga_server_target *target, const char *file,
			const struct pga_error *why, struct pga_error *error)
{
	const char *said = strstr(why->message, ":  "); /* behind "ERROR", in any language */
	struct pga_text hint = PGA_TEXT_EMPTY;

	pga_text_add(&hint,
		     "nothing was changed. Files are not written from here; at the server: ");
	add_placing(target, file, &hint);
	if (hint.failed)
		(void)pga_fail_memory(error);
	else
		(void)pga_fail(error, pga_text_string(&hint), "%s at the server of service %s: %s",
			       file, target->login.service, said != NULL ? said + 3 : why->message);
	pga_text_free(&hint);
	return -1;
}

static STACK_OF(X509) *
    read_chain(const struct pga_server_target *target, const char *file, struct pga_error *error)
{
	struct pga_text bytes = PGA_TEXT_EMPTY;
	STACK_OF(X509) *chain = NULL;
	struct pga_error why;

	if (read_file(target, file, &bytes, &why) != 0)
		(void)fail_of_file(target, file, &why, error);
	else
		chain = pga_server_chain_read(
		    BIO_new_mem_buf(pga_text_string(&bytes), (int)bytes.length), file, error);
	pga_text_free(&bytes);
	return chain;
}

int pga_service_pair_check(const struct pga_server_target *target,
			   const struct pga_server_pair *pair, struct pga_server_plan *plan,
			   STACK_OF(X509) * *chain, struct pga_error *error)
{
	struct pga_error why;
	int result;

	*chain = read_chain(target, pair->certificate, error);
	if (*chain == NULL)
		return -1;
	if (look_at_key(target, pair->key, &why) != 0) {
		result = fail_of_file(target, pair->key, &why, error);
	} else {
		pga_plan_add(plan, PGA_PLAN_CHECKED, "%s: it is at the server", pair->key);
		result = pga_server_chain_check(*chain, pair->certificate, pair, plan, error);
	}
	if (result == 0)
		result = pga_server_pair_check_settings(pair, plan, error);
	if (result != 0) {
		sk_X509_pop_free(*chain, X509_free);
		*chain = NULL;
	}
	return result;
}

static STACK_OF(X509_INFO) * parse_all(const struct pga_text *bytes)
{
	BIO *bio = BIO_new_mem_buf(pga_text_string(bytes), (int)bytes->length);
	STACK_OF(X509_INFO) *all =
	    bio != NULL ? PEM_X509_INFO_read_bio(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	ERR_clear_error();
	return all;
}

STACK_OF(X509_INFO) * pga_service_read_all(const struct pga_server_target *target, const char *file)
{
	struct pga_text bytes = PGA_TEXT_EMPTY;
	struct pga_error ignored;
	STACK_OF(X509_INFO) *all = NULL;

	if (read_file(target, file, &bytes, &ignored) == 0)
		all = parse_all(&bytes);
	pga_text_free(&bytes);
	return all;
}

/* be_tls_init(): as CAs it has to have certificates, as CRLs anything of a store. */
static bool would_load(const struct pga_text *bytes, bool is_crl)
{
	STACK_OF(X509_INFO) *all = parse_all(bytes);
	bool found = false;

	for (int i = 0; i < sk_X509_INFO_num(all); i++) {
		const X509_INFO *one = sk_X509_INFO_value(all, i);

		found = found || one->x509 != NULL || (is_crl && one->crl != NULL);
	}
	sk_X509_INFO_pop_free(all, X509_INFO_free);
	return found;
}

int pga_service_check_file(const struct pga_server_target *target, const char *setting,
			   const char *file, bool is_crl, struct pga_error *error)
{
	struct pga_text bytes = PGA_TEXT_EMPTY;
	struct pga_error why;
	int result = read_file(target, file, &bytes, &why);

	if (result == 0 && !would_load(&bytes, is_crl))
		result =
		    pga_fail(&why, NULL, "there is no %s in it", is_crl ? "CRL" : "certificate");
	pga_text_free(&bytes);
	return result == 0
		   ? 0
		   : pga_fail(error,
			      "put that right, or ALTER SYSTEM RESET it: the server would load "
			      "nothing of its TLS. Nothing was changed",
			      "%s is %s: %s", setting, file, why.message);
}

void pga_service_leaf_of(const struct pga_server_target *target, const char *file, char leaf[65])
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	struct pga_error ignored;
	STACK_OF(X509) *chain = read_chain(target, file, &ignored);
	unsigned length = 0;

	leaf[0] = '\0';
	if (chain != NULL && X509_digest(sk_X509_value(chain, 0), EVP_sha256(), sum, &length) == 1)
		pga_hex(sum, length, leaf);
	sk_X509_pop_free(chain, X509_free);
	ERR_clear_error();
}
