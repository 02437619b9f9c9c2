#include "tls/host_names.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

/* Of the names of one certificate so many are taken: a server has a few. */
#define MOST_NAMES 64

/* A name that a resolver can know, and a line of a service file can hold, and a terminal can show:
 * nothing else of a certificate becomes anything but a fault. */
static bool is_name(const unsigned char *bytes, int length)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-_";
	char text[254] = "";

	if (length <= 0 || length >= (int)sizeof text || bytes[0] == '.' || bytes[0] == '-')
		return false;
	memcpy(text, bytes, (size_t)length);
	return strspn(text, allowed) == (size_t)length && text[strspn(text, "0123456789.")] != '\0';
}

static bool has_line(const struct pga_text *lines, const char *line, size_t length)
{
	const char *rest = pga_text_string(lines);
	const char *at;
	size_t other;

	while (pga_next_line(&rest, &at, &other))
		if (other == length && strncmp(at, line, length) == 0)
			return true;
	return false;
}

static void add_name(const ASN1_STRING *string, struct pga_text *names)
{
	const unsigned char *bytes = ASN1_STRING_get0_data(string);
	const int length = ASN1_STRING_length(string);
	char name[254];

	if (!is_name(bytes, length))
		return;
	for (int i = 0; i < length; i++)
		name[i] = pga_lower((char)bytes[i]);
	if (has_line(names, name, (size_t)length))
		return;
	pga_text_add_bytes(names, name, (size_t)length);
	pga_text_add(names, "\n");
}

/* libpq looks at the common name where there is no name among the alternative ones. */
void pga_host_names_of(X509 *certificate, struct pga_text *names)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	const X509_NAME *subject = X509_get_subject_name(certificate);
	bool any = false;
	int index;

	for (int i = 0; i < sk_GENERAL_NAME_num(all) && i < MOST_NAMES; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(all, i);

		if (name->type != GEN_DNS)
			continue;
		any = true;
		add_name(name->d.dNSName, names);
	}
	GENERAL_NAMES_free(all);
	index = any ? -1 : X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	if (index >= 0)
		add_name(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)), names);
	ERR_clear_error();
}

bool pga_host_names_have(X509 *certificate, const char *label)
{
	const bool is =
	    X509_check_ip_asc(certificate, label, 0) == 1 ||
	    X509_check_host(certificate, label, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;

	ERR_clear_error();
	return is;
}
