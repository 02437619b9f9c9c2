#include "anchor/anchor_name.h"

#include "base/text.h"

#include <openssl/x509.h>

#include <stdio.h>
#include <string.h>

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
}

/* The last of those that have one kind. */
static const ASN1_STRING *part_of(const X509_NAME *name, int kind)
{
	int last = -1;

	for (int at = X509_NAME_get_index_by_NID(name, kind, -1); at >= 0;
	     at = X509_NAME_get_index_by_NID(name, kind, at))
		last = at;
	return last >= 0 ? X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, last)) : NULL;
}

/* What is no letter of a name is one dash for all that stand together. */
static void add_letters(const ASN1_STRING *part, char name[PGA_ANCHOR_NAME])
{
	const char *bytes = (const char *)ASN1_STRING_get0_data(part);
	size_t length = 0;

	for (int i = 0; i < ASN1_STRING_length(part) && length + 1 < PGA_ANCHOR_NAME; i++) {
		const char c = pga_lower(bytes[i]);

		if (is_plain(c) && (length > 0 || (c != '.' && c != '_')))
			name[length++] = c;
		else if (length > 0 && name[length - 1] != '-' && c != '\0')
			name[length++] = '-';
	}
	while (length > 0 && (name[length - 1] == '-' || name[length - 1] == '.'))
		length--;
	name[length] = '\0';
}

void pga_anchor_name_of(const struct pga_certificate *root, char name[PGA_ANCHOR_NAME])
{
	static const int kinds[] = {NID_commonName, NID_organizationalUnitName,
				    NID_organizationName};
	const X509_NAME *subject = X509_get_subject_name(root->x509);

	name[0] = '\0';
	for (size_t i = 0; name[0] == '\0' && i < sizeof kinds / sizeof kinds[0]; i++) {
		const ASN1_STRING *part = part_of(subject, kinds[i]);

		if (part != NULL)
			add_letters(part, name);
	}
	if (strlen(name) < 2)
		(void)snprintf(name, PGA_ANCHOR_NAME, "root-%.16s", root->pin);
}
