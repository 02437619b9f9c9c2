#include "cert/local_sign.h"

#include "base/text.h"
#include "cert/sign.h"
#include "tls/at_time.h"
#include "tls/host_name.h"
#include "tls/name_constraints.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BACKDATE 60

/* OpenSSL takes a common name with a dot in it for the name of a host, where there is no DNS name
 * among the alternative ones, and so one that the CA may not sign for. This one it may, and no
 * server is reached by it. */
#define NAME_OF_CLIENTS "client.localhost"

/* A server's names are the alternative ones. This one is none of a host's, as it has blanks: an
 * address there would be taken for a DNS name, and that for one that the CA may not sign for. */
#define SERVER "pganchor local server"

/* A name of letters, digits, "-", "_" and ".", with "*." in front or not, or an address: nothing
 * that x509v3_config(5) or a reader could take for something else. */
static bool is_name(const char *name)
{
	const char *rest = strncmp(name, "*.", 2) == 0 ? name + 2 : name;

	if (pga_host_is_address(name))
		return true;
	if (strlen(name) > 253 || rest[0] == '\0' || rest[0] == '.' || strstr(rest, "..") != NULL ||
	    rest[strlen(rest) - 1] == '.')
		return false;
	for (; *rest != '\0'; rest++)
		if (!((*rest >= 'a' && *rest <= 'z') || (*rest >= 'A' && *rest <= 'Z') ||
		      (*rest >= '0' && *rest <= '9') || strchr("-_.", *rest) != NULL))
			return false;
	return true;
}

int pga_local_check_names(const struct pga_local_ca *ca, const char *const *names, size_t count,
			  struct pga_error *error)
{
	struct pga_text all = PGA_TEXT_EMPTY;
	struct pga_text outside = PGA_TEXT_EMPTY;
	int result = -1;

	for (size_t i = 0; i < count; i++) {
		if (!is_name(names[i])) {
			(void)pga_fail(error, "such as localhost, app.test or 127.0.0.1",
				       "%s: no name or address of a host", names[i]);
			goto done;
		}
		pga_text_addf(&all, "%s%s", i > 0 ? " " : "", names[i]);
	}
	if (all.failed) {
		(void)pga_fail_memory(error);
		goto done;
	}
	if (count > 0 &&
	    pga_name_constraints_outside(&ca->root, pga_text_string(&all), &outside, error) != 0)
		goto done;
	if (outside.length > 0)
		(void)pga_fail(
		    error,
		    "for other hosts, get a certificate of a CA that is trusted for them: "
		    "pganchor cert issue",
		    "the local CA may not sign for %s: its name constraints "
		    "allow " PGA_LOCAL_CA_SIGNS_FOR " alone, and every client would refuse it",
		    pga_text_string(&outside));
	else
		result = 0;
done:
	pga_text_free(&all);
	pga_text_free(&outside);
	return result;
}

static void add_names(struct pga_text *text, const struct pga_local_wish *wish)
{
	for (size_t i = 0; i < wish->count; i++)
		pga_text_addf(text, "%s%s:%s", i > 0 ? "," : "",
			      pga_host_is_address(wish->names[i]) ? "IP" : "DNS", wish->names[i]);
	if (!wish->server)
		pga_text_add(text, "DNS:" NAME_OF_CLIENTS);
}

/* As strictly as a client could, and for each name as libpq compares. */
static int verify(const struct pga_local_ca *ca, X509 *leaf, const struct pga_local_wish *wish,
		  struct pga_error *error)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	int result = -1;

	if (store == NULL || context == NULL || X509_STORE_add_cert(store, ca->root.x509) != 1 ||
	    X509_STORE_set_flags(store, X509_V_FLAG_X509_STRICT) != 1 ||
	    X509_STORE_set_purpose(store, wish->server ? X509_PURPOSE_SSL_SERVER
						       : X509_PURPOSE_SSL_CLIENT) != 1 ||
	    X509_STORE_CTX_init(context, store, leaf, NULL) != 1)
		(void)pga_fail_memory(error);
	else if (X509_verify_cert(context) != 1)
		(void)pga_fail(
		    error, NULL,
		    "what the local CA has signed does not verify: %s; nothing was written",
		    X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
	else
		result = 0;
	for (size_t i = 0; result == 0 && wish->server && i < wish->count; i++)
		if (wish->names[i][0] != '*' &&
		    pga_certificate_names_host(leaf, wish->names[i]) == PGA_NAMED_NOT)
			result = pga_fail(error, NULL,
					  "what the local CA has signed is not for %s; nothing was "
					  "written",
					  wish->names[i]);
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	ERR_clear_error();
	return result;
}

static X509 *put_together(const struct pga_local_ca *ca, const struct pga_local_wish *wish,
			  X509_NAME *subject, EVP_PKEY *key, struct pga_error *error)
{
	const time_t now = time(NULL);
	const time_t end = pga_time_of(X509_get0_notAfter(ca->root.x509));
	const time_t until = now + wish->lifetime;
	struct pga_text names = PGA_TEXT_EMPTY;
	X509 *leaf = NULL;

	add_names(&names, wish);
	if (names.failed) {
		(void)pga_fail_memory(error);
		return NULL;
	}
	const struct pga_extension extensions[] = {
	    {NID_basic_constraints, "critical,CA:FALSE"},
	    {NID_key_usage, "critical,digitalSignature"},
	    {NID_ext_key_usage, wish->server ? "serverAuth" : "clientAuth"},
	    {NID_subject_alt_name, pga_text_string(&names)},
	    {NID_subject_key_identifier, "hash"},
	    {NID_authority_key_identifier, "keyid:always"},
	};
	const struct pga_to_be_signed what = {.subject = subject,
					      .key = key,
					      .issuer = ca->root.x509,
					      .signer = ca->key,
					      .from = now - BACKDATE,
					      .until = until < end ? until : end,
					      .extensions = extensions,
					      .count = sizeof extensions / sizeof extensions[0]};
	leaf = pga_sign(&what, error);
	pga_text_free(&names);
	return leaf;
}

int pga_local_sign(const struct pga_local_ca *ca, const struct pga_local_wish *wish, EVP_PKEY *key,
		   X509 **leaf, struct pga_error *error)
{
	const char *cn = wish->common_name != NULL ? wish->common_name : SERVER;
	X509_NAME *subject;

	*leaf = NULL;
	if (pga_local_check_names(ca, wish->names, wish->count, error) != 0)
		return -1;
	subject = pga_common_name(NULL, cn);
	if (subject == NULL) {
		ERR_clear_error();
		return pga_fail(error, "1 to 64 characters, in UTF-8",
				"%s: it cannot be the common name of a certificate", cn);
	}
	*leaf = put_together(ca, wish, subject, key, error);
	X509_NAME_free(subject);
	if (*leaf != NULL && verify(ca, *leaf, wish, error) == 0)
		return 0;
	X509_free(*leaf);
	*leaf = NULL;
	return -1;
}

/* The names of an old certificate, one a line; those that were added for a client are no names. */
static int names_of(X509 *old, bool server, struct pga_text *names, struct pga_error *error)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(old, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; server && i < sk_GENERAL_NAME_num(all); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(all, i);
		char address[INET6_ADDRSTRLEN];
		int length;

		if (name->type == GEN_DNS)
			pga_text_addf(names, "%.*s\n", ASN1_STRING_length(name->d.dNSName),
				      ASN1_STRING_get0_data(name->d.dNSName));
		if (name->type != GEN_IPADD)
			continue;
		length = ASN1_STRING_length(name->d.iPAddress);
		/* Of any other length it is none. */
		if ((length == 4 || length == 16) &&
		    inet_ntop(length == 4 ? AF_INET : AF_INET6,
			      ASN1_STRING_get0_data(name->d.iPAddress), address,
			      sizeof address) != NULL)
			pga_text_addf(names, "%s\n", address);
	}
	GENERAL_NAMES_free(all);
	return names->failed ? pga_fail_memory(error) : 0;
}

/* The lines as strings, in the text itself. */
static const char **split(struct pga_text *names, size_t *count)
{
	const char **list = calloc(names->length + 1, sizeof *list);
	char *rest = names->bytes;

	*count = 0;
	for (char *name; list != NULL && (name = strsep(&rest, "\n")) != NULL;)
		if (name[0] != '\0')
			list[(*count)++] = name;
	return list;
}

int pga_local_sign_again(const struct pga_local_ca *ca, X509 *old, EVP_PKEY *key, X509 **leaf,
			 struct pga_error *error)
{
	const time_t from = pga_time_of(X509_get0_notBefore(old));
	struct pga_text names = PGA_TEXT_EMPTY;
	struct pga_local_wish wish = {.lifetime = PGA_LOCAL_LIFETIME};
	const char **list = NULL;
	char cn[256] = "";
	int result = -1;

	*leaf = NULL;
	wish.server = (X509_get_extended_key_usage(old) & XKU_SSL_SERVER) != 0;
	if (pga_time_of(X509_get0_notAfter(old)) - from > BACKDATE)
		wish.lifetime = (long)(pga_time_of(X509_get0_notAfter(old)) - from) - BACKDATE;
	if (X509_NAME_get_text_by_NID(X509_get_subject_name(old), NID_commonName, cn, sizeof cn) >
	    0)
		wish.common_name = cn;
	if (names_of(old, wish.server, &names, error) != 0)
		goto done;
	list = split(&names, &wish.count);
	wish.names = list;
	if (list == NULL)
		(void)pga_fail_memory(error);
	else if (wish.server ? wish.count == 0 : cn[0] == '\0')
		(void)pga_fail(error, "pganchor ca local issue makes one",
			       "the certificate that is there says no name");
	else
		result = pga_local_sign(ca, &wish, key, leaf, error);
done:
	free((void *)list);
	pga_text_free(&names);
	return result;
}
