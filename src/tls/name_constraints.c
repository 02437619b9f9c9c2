#include "tls/name_constraints.h"

#include "base/printable.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BLANKS " \t\r\n,"

/* A host pattern, or the name of a constraint. */
struct name {
	char text[256]; /* lower case, without "*." and without a dot at the end */
	bool below;     /* the hosts below it alone */
	bool itself;    /* the host of this name (or both) */
	unsigned char address[16];
	int address_length; /* 4 or 16; 0: it is none */
};

static STACK_OF(GENERAL_SUBTREE) * of_kind(const NAME_CONSTRAINTS *constraints, bool permitted)
{
	if (constraints == NULL)
		return NULL;
	return permitted ? constraints->permittedSubtrees : constraints->excludedSubtrees;
}

static bool read_pattern(const char *pattern, size_t length, struct name *name)
{
	memset(name, 0, sizeof *name);
	name->itself = true;
	if (length > 2 && strncmp(pattern, "*.", 2) == 0) {
		name->below = true;
		name->itself = false;
		pattern += 2;
		length -= 2;
	}
	if (length > 0 && pattern[length - 1] == '.')
		length--;
	if (length == 0 || length >= sizeof name->text)
		return false;
	for (size_t i = 0; i < length; i++)
		name->text[i] = pga_lower(pattern[i]);
	if (inet_pton(AF_INET, name->text, name->address) == 1)
		name->address_length = 4;
	else if (inet_pton(AF_INET6, name->text, name->address) == 1)
		name->address_length = 16;
	return true;
}

/* "example.com" of a constraint is that host and all below it, ".example.com" what is below it
 * alone, as OpenSSL has it; "" is every host. */
static bool read_constraint(const ASN1_IA5STRING *string, struct name *name)
{
	const char *bytes = (const char *)ASN1_STRING_get0_data(string);
	size_t length = (size_t)ASN1_STRING_length(string);

	memset(name, 0, sizeof *name);
	name->below = name->itself = true;
	if (length > 0 && bytes[0] == '.') {
		name->itself = false;
		bytes++;
		length--;
	}
	if (length >= sizeof name->text)
		return false;
	for (size_t i = 0; i < length; i++)
		name->text[i] = pga_lower(bytes[i]);
	return true;
}

static bool is_below(const char *name, const char *parent)
{
	const size_t length = strlen(name);
	const size_t parents = strlen(parent);

	return parents == 0 || (length > parents + 1 && name[length - parents - 1] == '.' &&
				strcmp(name + length - parents, parent) == 0);
}

static bool is_name_in(const struct name *name, const struct name *constraint)
{
	return is_below(name->text, constraint->text) ||
	       (constraint->itself && strcmp(name->text, constraint->text) == 0);
}

/* Whether a host of the pattern can be in the constraint, and whether all of them are. */
static bool may_be_in(const struct name *pattern, const struct name *constraint)
{
	if (!pattern->below)
		return is_name_in(pattern, constraint);
	return strcmp(pattern->text, constraint->text) == 0 ||
	       is_below(pattern->text, constraint->text) ||
	       is_below(constraint->text, pattern->text);
}

static bool are_all_in(const struct name *pattern, const struct name *constraint)
{
	if (!pattern->below)
		return is_name_in(pattern, constraint);
	return strcmp(pattern->text, constraint->text) == 0 ||
	       is_below(pattern->text, constraint->text);
}

static bool is_address_in(const struct name *pattern, const ASN1_OCTET_STRING *range)
{
	const unsigned char *bytes = ASN1_STRING_get0_data(range);

	if (ASN1_STRING_length(range) != pattern->address_length * 2)
		return false;
	for (int i = 0; i < pattern->address_length; i++)
		if (((pattern->address[i] ^ bytes[i]) & bytes[pattern->address_length + i]) != 0)
			return false;
	return true;
}

static bool matches(const struct name *pattern, const GENERAL_NAME *base, bool permitted)
{
	struct name constraint;

	if (pattern->address_length > 0)
		return is_address_in(pattern, base->d.iPAddress);
	return read_constraint(base->d.dNSName, &constraint) &&
	       (permitted ? may_be_in(pattern, &constraint) : are_all_in(pattern, &constraint));
}

/* Whether subtrees of the pattern's kind are there, and one that it matches. */
static void look(const struct name *pattern, STACK_OF(GENERAL_SUBTREE) * subtrees, bool permitted,
		 bool *any, bool *matched)
{
	const int kind = pattern->address_length > 0 ? GEN_IPADD : GEN_DNS;

	*any = *matched = false;
	for (int i = 0; i < sk_GENERAL_SUBTREE_num(subtrees); i++) {
		const GENERAL_NAME *base = sk_GENERAL_SUBTREE_value(subtrees, i)->base;

		if (base->type != kind)
			continue;
		*any = true;
		*matched = *matched || matches(pattern, base, permitted);
	}
}

static bool is_outside(const NAME_CONSTRAINTS *constraints, const char *text, size_t length)
{
	struct name pattern;
	bool any;
	bool matched;

	if ((length == 1 && text[0] == '*') || !read_pattern(text, length, &pattern))
		return false;
	look(&pattern, of_kind(constraints, false), false, &any, &matched);
	if (matched)
		return true;
	look(&pattern, of_kind(constraints, true), true, &any, &matched);
	return any && !matched;
}

static NAME_CONSTRAINTS *constraints_of(const struct pga_certificate *certificate)
{
	NAME_CONSTRAINTS *constraints =
	    X509_get_ext_d2i(certificate->x509, NID_name_constraints, NULL, NULL);

	ERR_clear_error();
	return constraints;
}

int pga_name_constraints_outside(const struct pga_certificate *certificate, const char *patterns,
				 struct pga_text *outside, struct pga_error *error)
{
	NAME_CONSTRAINTS *constraints = constraints_of(certificate);

	for (const char *at = patterns + strspn(patterns, BLANKS);
	     constraints != NULL && *at != '\0'; at += strspn(at, BLANKS)) {
		const size_t length = strcspn(at, BLANKS);

		if (is_outside(constraints, at, length))
			pga_text_addf(outside, "%s%.*s", outside->length > 0 ? ", " : "",
				      (int)length, at);
		at += length;
	}
	NAME_CONSTRAINTS_free(constraints);
	return outside->failed ? pga_fail_memory(error) : 0;
}

/* ---- as text ---- */

static void add_range(struct pga_text *text, const ASN1_OCTET_STRING *range)
{
	const unsigned char *bytes = ASN1_STRING_get0_data(range);
	const int length = ASN1_STRING_length(range) / 2;
	char address[INET6_ADDRSTRLEN] = "";
	int bits = 0;

	if ((length != 4 && length != 16) || ASN1_STRING_length(range) != length * 2 ||
	    inet_ntop(length == 4 ? AF_INET : AF_INET6, bytes, address, sizeof address) == NULL) {
		pga_text_add(text, "a damaged range of addresses");
		return;
	}
	for (int i = length; i < length * 2; i++)
		for (int bit = 0x80; bit > 0; bit >>= 1)
			bits += (bytes[i] & bit) != 0;
	pga_text_addf(text, "%s/%d", address, bits);
}

static void add_dns(struct pga_text *text, const ASN1_IA5STRING *string)
{
	struct name constraint;

	if (!read_constraint(string, &constraint))
		pga_text_add(text, "a name that is too long");
	else if (constraint.text[0] == '\0')
		pga_text_add(text, "any name");
	else {
		pga_text_add(text, constraint.itself ? "" : "*.");
		pga_text_add_printable(text, constraint.text, "");
		pga_text_add(text, constraint.itself ? " and below it" : "");
	}
}

/* Those of hosts and addresses; how many. */
static int add_subtrees(struct pga_text *text, STACK_OF(GENERAL_SUBTREE) * subtrees)
{
	int count = 0;

	for (int i = 0; i < sk_GENERAL_SUBTREE_num(subtrees); i++) {
		const GENERAL_NAME *base = sk_GENERAL_SUBTREE_value(subtrees, i)->base;

		if (base->type != GEN_DNS && base->type != GEN_IPADD)
			continue;
		pga_text_add(text, count++ > 0 ? ", " : "");
		if (base->type == GEN_DNS)
			add_dns(text, base->d.dNSName);
		else
			add_range(text, base->d.iPAddress);
	}
	return count;
}

int pga_name_constraints_tell(const struct pga_certificate *certificate, struct pga_text *text,
			      struct pga_error *error)
{
	NAME_CONSTRAINTS *constraints = constraints_of(certificate);
	struct pga_text excluded = PGA_TEXT_EMPTY;

	if (add_subtrees(text, of_kind(constraints, true)) == 0)
		pga_text_add(text, "any host");
	if (add_subtrees(&excluded, of_kind(constraints, false)) > 0)
		pga_text_addf(text, ", but not %s", pga_text_string(&excluded));
	text->failed = text->failed || excluded.failed;
	pga_text_free(&excluded);
	NAME_CONSTRAINTS_free(constraints);
	return text->failed ? pga_fail_memory(error) : 0;
}
