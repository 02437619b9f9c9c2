/* Whose name is in what a CA has signed: not a matter of trust, since the CA is, but of whether it
 * does what it was asked for. */
#include "cert/issue.h"

#include "base/terminal.h"
#include "cert/csr.h"
#include "tls/x509_text.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The bytes of an address: of an IPv4 address within IPv6 (::ffff:10.0.0.1) those of the former,
 * which is what step-ca makes of it. */
static const unsigned char *address_of(const GENERAL_NAME *name, int *length)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	const unsigned char *bytes = ASN1_STRING_get0_data(name->d.iPAddress);

	*length = ASN1_STRING_length(name->d.iPAddress);
	if (*length != 16 || memcmp(bytes, mapped, sizeof mapped) != 0)
		return bytes;
	*length = 4;
	return bytes + sizeof mapped;
}

static bool is_same_address(const GENERAL_NAME *left, const GENERAL_NAME *right)
{
	int length;
	int other_length;
	const unsigned char *bytes = address_of(left, &length);
	const unsigned char *other = address_of(right, &other_length);

	return length == other_length && memcmp(bytes, other, (size_t)length) == 0;
}

/* DNS knows no case. */
static bool is_same(GENERAL_NAME *left, GENERAL_NAME *right)
{
	const ASN1_STRING *a;
	const ASN1_STRING *b;

	if (left->type == GEN_IPADD && right->type == GEN_IPADD)
		return is_same_address(left, right);
	if (left->type != right->type || left->type != GEN_DNS)
		return GENERAL_NAME_cmp(left, right) == 0;
	a = left->d.dNSName;
	b = right->d.dNSName;
	return ASN1_STRING_length(a) == ASN1_STRING_length(b) &&
	       strncasecmp((const char *)ASN1_STRING_get0_data(a),
			   (const char *)ASN1_STRING_get0_data(b),
			   (size_t)ASN1_STRING_length(a)) == 0;
}

/* 1 where it has the name, 0 where not, -1 for want of memory. */
static int has_name(const GENERAL_NAMES *names, const char *wanted)
{
	GENERAL_NAME *name = pga_csr_name(wanted);
	int found = 0;

	if (name == NULL)
		return -1;
	for (int i = 0; i < sk_GENERAL_NAME_num(names) && found == 0; i++)
		found = is_same(sk_GENERAL_NAME_value(names, i), name);
	GENERAL_NAME_free(name);
	return found;
}

static int check_alternative(const struct pga_issue *issue, X509 *leaf, GENERAL_NAMES *names,
			     struct pga_error *error)
{
	const char *const alone[] = {issue->subject};
	const bool some = issue->name_count > 0;
	const char *const *wanted = some ? issue->names : alone;
	const size_t count = some ? issue->name_count : 1;
	char *there;

	for (size_t i = 0; i < count; i++) {
		const int found = has_name(names, wanted[i]);

		if (found < 0)
			return pga_fail_memory(error);
		/* A client is known by its common name: its others are only those it asks for. */
		if (found == 0 && (some || issue->server))
			return pga_fail(error, "nothing was changed; ask who runs the CA",
					"the CA has issued a certificate that is not for %s",
					wanted[i]);
	}
	if ((size_t)(sk_GENERAL_NAME_num(names) < 0 ? 0 : sk_GENERAL_NAME_num(names)) <= count)
		return 0;
	there = pga_x509_alternative_names(leaf);
	if (there == NULL)
		return pga_fail_memory(error);
	pga_print_warning("the CA has issued it for more names than it was asked for: %s", there);
	free(there);
	return 0;
}

/* By what PostgreSQL goes by: the first of them. */
static int check_common_name(const struct pga_issue *issue, X509 *leaf, struct pga_error *error)
{
	X509_NAME *subject = X509_get_subject_name(leaf);
	const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	unsigned char *text = NULL;
	int length = -1;
	bool same;

	if (at >= 0)
		length = ASN1_STRING_to_UTF8(
		    &text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	same = length >= 0 && (size_t)length == strlen(issue->subject) &&
	       memcmp(text, issue->subject, (size_t)length) == 0;
	if (length >= 0)
		OPENSSL_free(text);
	ERR_clear_error();
	return same
		   ? 0
		   : pga_fail(error, "nothing was changed; ask who runs the CA",
			      "the CA has issued a certificate that is not for %s", issue->subject);
}

int pga_issue_check_names(const struct pga_issue *issue, X509 *leaf, struct pga_error *error)
{
	GENERAL_NAMES *names;
	int result;

	if (!issue->server && check_common_name(issue, leaf, error) != 0)
		return -1;
	names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	result = check_alternative(issue, leaf, names, error);
	GENERAL_NAMES_free(names);
	ERR_clear_error();
	return result;
}
