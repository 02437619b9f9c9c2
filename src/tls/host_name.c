#include "tls/host_name.h"

#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

/* The bytes of an address, 4 or 16 of them; 0: it is none. */
static size_t address_of(const char *host, unsigned char bytes[16])
{
	if (inet_aton(host, (struct in_addr *)(void *)bytes) == 1)
		return 4;
	return inet_pton(AF_INET6, host, bytes) == 1 ? 16 : 0;
}

bool pga_host_is_address(const char *host)
{
	unsigned char bytes[16];

	return address_of(host, bytes) != 0;
}

/* wildcard_certificate_match(): one label, and no part of one. */
static bool matches_wildcard(const char *pattern, const char *host)
{
	const size_t length = strlen(pattern);
	const size_t host_length = strlen(host);
	const char *rest;

	if (length < 3 || strncmp(pattern, "*.", 2) != 0 || length > host_length)
		return false;
	rest = host + host_length - length + 1;
	return strcasecmp(pattern + 1, rest) == 0 && strchr(host, '.') >= rest;
}

/* CVE-2009-4034 */
static bool has_nul(const ASN1_STRING *name)
{
	const size_t length = (size_t)ASN1_STRING_length(name);

	return length > 0 && memchr(ASN1_STRING_get0_data(name), '\0', length) != NULL;
}

static bool is_malformed(const GENERAL_NAME *name)
{
	int length;

	if (name->type == GEN_DNS)
		return has_nul(name->d.dNSName);
	if (name->type != GEN_IPADD)
		return false;
	length = ASN1_STRING_length(name->d.iPAddress);
	return length != 4 && length != 16;
}

static enum pga_named compare_name(const ASN1_STRING *name, const char *host)
{
	const char *bytes = (const char *)ASN1_STRING_get0_data(name);

	if (bytes == NULL || ASN1_STRING_length(name) <= 0 || has_nul(name))
		return PGA_NAMED_NOT;
	if (strcasecmp(bytes, host) == 0)
		return PGA_NAMED_BY_ALTERNATIVE;
	return matches_wildcard(bytes, host) ? PGA_NAMED_BY_WILDCARD : PGA_NAMED_NOT;
}

static enum pga_named compare(const GENERAL_NAME *name, const char *host,
			      const unsigned char *address, size_t address_length)
{
	if (name->type == GEN_IPADD && address_length > 0)
		return (size_t)ASN1_STRING_length(name->d.iPAddress) == address_length &&
			       memcmp(ASN1_STRING_get0_data(name->d.iPAddress), address,
				      address_length) == 0
			   ? PGA_NAMED_BY_ALTERNATIVE
			   : PGA_NAMED_NOT;
	if (name->type != GEN_DNS)
		return PGA_NAMED_NOT;
	if (compare_name(name->d.dNSName, host) == PGA_NAMED_NOT)
		return PGA_NAMED_NOT;
	return address_length > 0 ? PGA_NAMED_AS_DNS : compare_name(name->d.dNSName, host);
}

static enum pga_named compare_common(X509 *certificate, const char *host)
{
	const X509_NAME *subject = X509_get_subject_name(certificate);
	const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	if (at < 0 || compare_name(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)),
				   host) == PGA_NAMED_NOT)
		return PGA_NAMED_NOT;
	return PGA_NAMED_BY_COMMON;
}

enum pga_named pga_certificate_names_host(X509 *certificate, const char *host)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	unsigned char address[16];
	const size_t address_length = address_of(host, address);
	const int own_kind = address_length > 0 ? GEN_IPADD : GEN_DNS;
	enum pga_named named = PGA_NAMED_NOT;
	bool over = false; /* the common name does not count */

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		const enum pga_named one = compare(name, host, address, address_length);

		over = over || name->type == own_kind || is_malformed(name);
		if (is_malformed(name))
			break;
		if (one != PGA_NAMED_NOT && (named == PGA_NAMED_NOT || one < named))
			named = one;
	}
	GENERAL_NAMES_free(names);
	if (named == PGA_NAMED_NOT && !over)
		named = compare_common(certificate, host);
	return named;
}

bool pga_certificate_has_malformed_name(X509 *certificate)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	bool has = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && !has; i++)
		has = is_malformed(sk_GENERAL_NAME_value(names, i));
	GENERAL_NAMES_free(names);
	return has;
}
