/* Which name host= has to be for a server's certificate to be its own. */
#include "service/harden_parts.h"

#include "policy/trust.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

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
void pga_harden_names_of(X509 *certificate, struct pga_text *names)
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

bool pga_harden_is_for(X509 *certificate, const char *label)
{
	const bool is =
	    X509_check_ip_asc(certificate, label, 0) == 1 ||
	    X509_check_host(certificate, label, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;

	ERR_clear_error();
	return is;
}

/* ---- Addresses ---- */

static struct addrinfo *look_up(const char *host, bool numeric)
{
	const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM,
					.ai_flags = numeric ? AI_NUMERICHOST : 0};
	struct addrinfo *found = NULL;

	return getaddrinfo(host, NULL, &wanted, &found) == 0 ? found : NULL;
}

static bool is_same_address(const struct addrinfo *one, const struct addrinfo *other)
{
	const struct sockaddr_in *left = (const void *)one->ai_addr;
	const struct sockaddr_in *right = (const void *)other->ai_addr;
	const struct sockaddr_in6 *left6 = (const void *)one->ai_addr;
	const struct sockaddr_in6 *right6 = (const void *)other->ai_addr;

	if (one->ai_family != other->ai_family)
		return false;
	return one->ai_family == AF_INET
		   ? left->sin_addr.s_addr == right->sin_addr.s_addr
		   : memcmp(&left6->sin6_addr, &right6->sin6_addr, sizeof left6->sin6_addr) == 0;
}

static bool have_one_in_common(const struct addrinfo *some, const struct addrinfo *others)
{
	for (const struct addrinfo *one = some; one != NULL; one = one->ai_next)
		for (const struct addrinfo *other = others; other != NULL; other = other->ai_next)
			if (is_same_address(one, other))
				return true;
	return false;
}

/* Whether the name is looked up as one of these addresses. */
static bool leads_to(const char *name, const struct addrinfo *addresses)
{
	struct addrinfo *found = look_up(name, false);
	const bool leads = have_one_in_common(found, addresses);

	if (found != NULL)
		freeaddrinfo(found);
	return leads;
}

static bool is_loopback(const struct addrinfo *address)
{
	const struct sockaddr_in *in = (const void *)address->ai_addr;
	const struct sockaddr_in6 *in6 = (const void *)address->ai_addr;

	return address->ai_family == AF_INET ? ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET
					     : IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

static bool are_loopback(const struct addrinfo *addresses)
{
	for (; addresses != NULL; addresses = addresses->ai_next)
		if (!is_loopback(addresses))
			return false;
	return true;
}

/* As a number: an IPv4 one, which a tunnel's end nearly always has, before others. */
static char *number_of(const struct addrinfo *addresses)
{
	const struct addrinfo *best = addresses;
	char number[NI_MAXHOST];

	for (const struct addrinfo *one = addresses; one != NULL; one = one->ai_next)
		if (one->ai_family == AF_INET && best->ai_family != AF_INET)
			best = one;
	if (best == NULL || getnameinfo(best->ai_addr, best->ai_addrlen, number, sizeof number,
					NULL, 0, NI_NUMERICHOST) != 0)
		return NULL;
	return strdup(number);
}

char *pga_harden_address_of(const struct pga_host *host)
{
	struct addrinfo *addresses;
	char *number;

	if (host->address[0] != '\0')
		return strdup(host->address);
	addresses = look_up(host->name, false);
	number = number_of(addresses);
	if (addresses != NULL)
		freeaddrinfo(addresses);
	return number;
}

/* ---- The choice ---- */

/* Of the certificate's names those that the anchor is valid for. */
static void leave_valid(const struct pga_text *names, const struct pga_pins *pins,
			const struct pga_pin *anchor, struct pga_text *valid)
{
	const char *rest = pga_text_string(names);
	const char *line;
	size_t length;

	while (pga_next_line(&rest, &line, &length)) {
		char *name = strndup(line, length);

		valid->failed = valid->failed || name == NULL;
		if (name != NULL && pga_root_is_valid_for(pins, anchor->pin, name))
			pga_text_addf(valid, "%s\n", name);
		free(name);
	}
}

static void add_list(struct pga_text *text, const char *lines)
{
	const char *separator = "";
	const char *line;
	size_t length;

	while (pga_next_line(&lines, &line, &length)) {
		pga_text_add(text, separator);
		pga_text_add_bytes(text, line, length);
		separator = ", ";
	}
}

static int fail_other_hosts(struct pga_hardening *item, const struct pga_pins *pins,
			    const struct pga_pin *anchor, const struct pga_text *names,
			    const char *label)
{
	const char *name = pga_text_string(names);
	char *first = strndup(name, strcspn(name, "\n"));
	const char *which = first != NULL && first[0] != '\0' ? first : label;
	const struct pga_pin *refused = pga_root_refused(pins, anchor->pin, which);
	struct pga_text hint = PGA_TEXT_EMPTY;

	if (refused == NULL)
		refused = anchor;
	if (refused->system)
		pga_text_addf(&hint, "%s, as root, says which hosts it is valid for",
			      refused->path);
	else
		pga_text_addf(&hint, "if that is its server: pganchor anchor set-hosts %s '%s,%s'",
			      refused->name, refused->hosts, which);
	(void)pga_fail(&item->error, pga_text_string(&hint),
		       "anchor %s has signed what %s shows, and is not valid for %s (hosts = %s)",
		       refused->name, item->server, which, refused->hosts);
	pga_text_free(&hint);
	free(first);
	return pga_harden_stuck(item, PGA_HARDEN_STUCK);
}

/* Nobody is meant by a name that the certificate has not. */
static int fail_wanted(struct pga_hardening *item, const char *wanted, const struct pga_text *names)
{
	struct pga_text list = PGA_TEXT_EMPTY;

	add_list(&list, pga_text_string(names));
	if (list.length > 0)
		(void)pga_fail(&item->error, "--host takes one of these",
			       "the certificate that %s shows is for %s, and not for %s",
			       item->server, pga_text_string(&list), wanted);
	else
		(void)pga_fail(&item->error, NULL, "the certificate that %s shows is not for %s",
			       item->server, wanted);
	pga_text_free(&list);
	return pga_harden_stuck(item, PGA_HARDEN_STUCK);
}

static size_t count_lines(const struct pga_text *text)
{
	size_t count = 0;

	for (size_t i = 0; i < text->length; i++)
		count += text->bytes[i] == '\n';
	return count;
}

enum sign { LEADS_THERE, STARTS_SO };

/* Whether exactly one of the names has the sign: *one is that, which the caller frees. */
static void find_one(const struct pga_text *names, const char *label,
		     const struct addrinfo *addresses, enum sign sign, char **one,
		     struct pga_error *error, int *result)
{
	const char *rest = pga_text_string(names);
	const size_t length_of_label = strlen(label);
	const char *line;
	size_t length;
	size_t found = 0;

	*one = NULL;
	while (*result == 0 && pga_next_line(&rest, &line, &length)) {
		char *name = strndup(line, length);

		if (name == NULL) {
			*result = pga_fail_memory(error);
		} else if (sign == LEADS_THERE ? leads_to(name, addresses)
					       : strncasecmp(name, label, length_of_label) == 0 &&
						     name[length_of_label] == '.') {
			found++;
			free(*one);
			*one = name;
			name = NULL;
		}
		free(name);
	}
	if (found != 1) {
		free(*one);
		*one = NULL;
	}
}

/* Whether the entry says no name of the server: an address, or where a tunnel begins. */
static bool says_no_name(const struct pga_host *host, const struct addrinfo *addresses)
{
	struct addrinfo *number = look_up(pga_host_label(host), true);
	const bool is_number = number != NULL;

	if (number != NULL)
		freeaddrinfo(number);
	return is_number ||
	       (host->address[0] == '\0' && addresses != NULL && are_loopback(addresses));
}

/* One name of several: the one that is looked up as the address that is connected to, or that the
 * entry's is short for. At the end of a tunnel neither can be told. */
static int choose_one(struct pga_hardening *item, const struct pga_harden_host *host,
		      const struct addrinfo *addresses, const struct pga_text *names, char **name,
		      struct pga_error *error)
{
	const char *label = pga_host_label(host->host);
	int result = 0;

	if (strchr(label, '.') == NULL && strchr(label, ':') == NULL) {
		find_one(names, label, NULL, STARTS_SO, name, error, &result);
		if (*name != NULL)
			pga_text_addf(&item->why,
				      "host=%s: of the names in the certificate, the one that %s "
				      "is short for\n",
				      *name, label);
	}
	if (result == 0 && *name == NULL && says_no_name(host->host, addresses) &&
	    !are_loopback(addresses)) {
		find_one(names, label, addresses, LEADS_THERE, name, error, &result);
		if (*name != NULL)
			pga_text_addf(&item->why,
				      "host=%s: of the names in the certificate, the one that is "
				      "looked up as the same address as %s\n",
				      *name, label);
	}
	return result;
}

static int ask_for_name(struct pga_hardening *item, const struct pga_text *names)
{
	struct pga_text list = PGA_TEXT_EMPTY;

	add_list(&list, pga_text_string(names));
	pga_text_add(&item->names, pga_text_string(names));
	(void)pga_fail(&item->error, NULL, "%s shows a certificate for %s: %s", item->server,
		       pga_text_string(&list),
		       count_lines(names) == 1 ? "is that the server that is meant?"
					       : "which of them is meant?");
	pga_text_free(&list);
	return pga_harden_stuck(item, PGA_HARDEN_NAME);
}

/* The address of the server where the new name does not lead to it, as behind a tunnel. */
static int choose_address(struct pga_hardening *item, struct pga_harden_host *host,
			  const struct addrinfo *addresses, bool is_number, struct pga_error *error)
{
	const char *label = pga_host_label(host->host);

	if (host->host->address[0] != '\0')
		return 0;
	if (!is_number && !are_loopback(addresses) && leads_to(host->name, addresses))
		return 0;
	host->address = is_number ? strdup(label) : number_of(addresses);
	if (host->address == NULL)
		return pga_fail_memory(error);
	pga_text_addf(&item->why, "hostaddr=%s: there the server is reached, %s\n", host->address,
		      is_number ? "as before"
				: "where its name is not looked up as the same address");
	return 0;
}

/* host= becomes this name. */
static int take_name(struct pga_hardening *item, struct pga_harden_host *host, char *name,
		     struct pga_error *error)
{
	const char *label = pga_host_label(host->host);
	struct addrinfo *addresses = look_up(label, true);
	const bool is_number = addresses != NULL;
	int result;

	host->name = name;
	if (addresses == NULL && host->host->address[0] == '\0')
		addresses = look_up(label, false);
	result = choose_address(item, host, addresses, is_number, error);
	if (addresses != NULL)
		freeaddrinfo(addresses);
	return result;
}

/* The only one. A whole name that the entry has is another server's than the certificate's, which
 * may be anybody's who has one of the same CA: there a person is asked. */
static int take_only(struct pga_hardening *item, const struct pga_harden_host *host,
		     const struct addrinfo *addresses, const struct pga_text *names, char **name,
		     struct pga_error *error)
{
	if (count_lines(names) != 1 || !says_no_name(host->host, addresses))
		return 0;
	*name = strndup(names->bytes, names->length - 1);
	if (*name == NULL)
		return pga_fail_memory(error);
	pga_text_addf(&item->why,
		      "host=%s: the one name in the certificate that anchor %s is valid for\n",
		      *name, host->anchor->name);
	return 0;
}

static int find_name(struct pga_hardening *item, const struct pga_harden_host *host,
		     const struct pga_text *names, char **name, struct pga_error *error)
{
	const char *label =
	    host->host->address[0] != '\0' ? host->host->address : pga_host_label(host->host);
	struct addrinfo *addresses = look_up(label, false);
	int result;

	*name = NULL;
	result = take_only(item, host, addresses, names, name, error);
	if (result == 0 && *name == NULL)
		result = choose_one(item, host, addresses, names, name, error);
	if (addresses != NULL)
		freeaddrinfo(addresses);
	if (result == 0 && *name == NULL)
		result = ask_for_name(item, names);
	return result;
}

static int choose(struct pga_hardening *item, struct pga_harden_host *host,
		  const struct pga_pins *pins, const struct pga_text *names,
		  struct pga_error *error)
{
	const struct pga_pin *anchor = host->anchor;
	struct pga_text valid = PGA_TEXT_EMPTY;
	char *name = NULL;
	int result;

	leave_valid(names, pins, anchor, &valid);
	if (valid.failed)
		result = pga_fail_memory(error);
	else if (valid.length == 0)
		result = fail_other_hosts(item, pins, anchor, names, pga_host_label(host->host));
	else
		result = find_name(item, host, &valid, &name, error);
	if (result == 0) {
		item->renamed = true;
		result = take_name(item, host, name, error);
	}
	pga_text_free(&valid);
	return result;
}

/* The name that the user has said. */
static int take_wanted(struct pga_hardening *item, struct pga_harden_host *host,
		       const struct pga_pins *pins, const struct pga_text *names,
		       const char *wanted, struct pga_error *error)
{
	char *name;

	if (!pga_harden_is_for(sk_X509_value(host->chain, 0), wanted))
		return fail_wanted(item, wanted, names);
	if (!pga_root_is_valid_for(pins, host->anchor->pin, wanted)) {
		struct pga_text only = PGA_TEXT_EMPTY;
		int result;

		pga_text_addf(&only, "%s\n", wanted);
		result = only.failed ? pga_fail_memory(error)
				     : fail_other_hosts(item, pins, host->anchor, &only, wanted);
		pga_text_free(&only);
		return result;
	}
	if (strcmp(host->host->name, wanted) == 0)
		return 0;
	name = strdup(wanted);
	if (name == NULL)
		return pga_fail_memory(error);
	pga_text_addf(&item->why, "host=%s: as you say, and the certificate is for it\n", wanted);
	return take_name(item, host, name, error);
}

int pga_harden_name(struct pga_hardening *item, struct pga_harden_host *host,
		    const struct pga_pins *pins, const char *wanted, struct pga_error *error)
{
	X509 *certificate = sk_X509_value(host->chain, 0);
	const char *label = pga_host_label(host->host);
	const bool fits = pga_harden_is_for(certificate, label);
	struct pga_text names = PGA_TEXT_EMPTY;
	int result = 0;

	pga_harden_names_of(certificate, &names);
	if (names.failed)
		result = pga_fail_memory(error);
	else if (wanted != NULL)
		result = take_wanted(item, host, pins, &names, wanted, error);
	else if (!fits || !pga_root_is_valid_for(pins, host->anchor->pin, label))
		result = choose(item, host, pins, &names, error);
	pga_text_free(&names);
	return result;
}
