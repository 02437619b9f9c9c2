/* Which name host= has to be for a server's certificate to be its own. */
#include "service/harden_parts.h"

#include "policy/trust.h"
#include "service/addresses.h"
#include "tls/host_names.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

char *pga_harden_address_of(const struct pga_host *host)
{
	struct addrinfo *addresses;
	char *number;

	if (host->address[0] != '\0')
		return strdup(host->address);
	addresses = pga_addresses_find(host->name, false);
	number = pga_address_number(addresses);
	if (addresses != NULL)
		freeaddrinfo(addresses);
	return number;
}

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

/* The one of the names that is looked up as one of the addresses, which the caller frees; *one is
 * NULL where it is not exactly one. */
static int find_leading(const struct pga_text *names, const struct addrinfo *addresses, char **one,
			struct pga_error *error)
{
	const char *rest = pga_text_string(names);
	const char *line;
	size_t length;
	size_t found = 0;

	*one = NULL;
	while (pga_next_line(&rest, &line, &length)) {
		char *name = strndup(line, length);

		if (name == NULL) {
			free(*one);
			*one = NULL;
			return pga_fail_memory(error);
		}
		if (pga_address_leads(name, addresses)) {
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
	return 0;
}

/* The name in its place becomes as the certificate writes it; NULL where it is not among these. */
static void take_spelling(const struct pga_text *names, char **name)
{
	const char *rest = pga_text_string(names);
	const char *line;
	size_t length;

	while (pga_next_line(&rest, &line, &length))
		if (strlen(*name) == length && strncasecmp(line, *name, length) == 0) {
			memcpy(*name, line, length);
			return;
		}
	free(*name);
	*name = NULL;
}

/* Whether the entry says no name of the server: an address, or where a tunnel begins. */
static bool says_no_name(const struct pga_host *host, const struct addrinfo *addresses)
{
	struct addrinfo *number = pga_addresses_find(pga_host_label(host), true);
	const bool is_number = number != NULL;

	if (number != NULL)
		freeaddrinfo(number);
	return is_number || (host->address[0] == '\0' && addresses != NULL &&
			     pga_addresses_are_loopback(addresses));
}

/* Whether the name is looked up, and as none of these addresses. */
static bool leads_elsewhere(const char *name, const struct addrinfo *addresses)
{
	struct addrinfo *found = addresses != NULL ? pga_addresses_find(name, false) : NULL;

	if (found == NULL)
		return false;
	freeaddrinfo(found);
	return !pga_address_leads(name, addresses);
}

/* The name that the entry's is short for, if the certificate has it. Where the short one leads, the
 * whole one must not lead elsewhere; at the beginning of a tunnel it is no server's. */
static int choose_whole(struct pga_hardening *item, const struct pga_harden *harden,
			const struct pga_host *host, const struct addrinfo *addresses,
			const struct pga_text *names, char **name, struct pga_error *error)
{
	const char *label = pga_host_label(host);
	const bool by_name = host->address[0] == '\0';

	*name = NULL;
	if (by_name && addresses != NULL && pga_addresses_are_loopback(addresses))
		return 0;
	if (pga_harden_whole_name(label, harden, name, error) != 0)
		return -1;
	if (*name != NULL)
		take_spelling(names, name);
	if (*name != NULL && by_name && leads_elsewhere(*name, addresses)) {
		free(*name);
		*name = NULL;
	}
	if (*name == NULL)
		return 0;
	pga_text_addf(&item->why,
		      "host=%s: of the names that pinned anchors are valid for, the one that %s "
		      "is short for\n",
		      *name, label);
	return 0;
}

/* One name of several: the one that the entry's is short for, or that is looked up as the address
 * that is connected to. At the end of a tunnel neither can be told. */
static int choose_one(struct pga_hardening *item, const struct pga_harden *harden,
		      const struct pga_harden_host *host, const struct addrinfo *addresses,
		      const struct pga_text *names, char **name, struct pga_error *error)
{
	if (choose_whole(item, harden, host->host, addresses, names, name, error) != 0)
		return -1;
	if (*name != NULL || !says_no_name(host->host, addresses) ||
	    pga_addresses_are_loopback(addresses))
		return 0;
	if (find_leading(names, addresses, name, error) != 0)
		return -1;
	if (*name != NULL)
		pga_text_addf(&item->why,
			      "host=%s: of the names in the certificate, the one that is "
			      "looked up as the same address as %s\n",
			      *name, pga_host_label(host->host));
	return 0;
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

	if (host->host->address[0] != '\0' || addresses == NULL)
		return 0;
	if (!is_number && !pga_addresses_are_loopback(addresses) &&
	    pga_address_leads(host->name, addresses))
		return 0;
	host->address = is_number ? strdup(label) : pga_address_number(addresses);
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
	struct addrinfo *addresses = pga_addresses_find(label, true);
	const bool is_number = addresses != NULL;
	int result;

	host->name = name;
	if (addresses == NULL && host->host->address[0] == '\0')
		addresses = pga_addresses_find(label, false);
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

static int find_name(struct pga_hardening *item, const struct pga_harden *harden,
		     const struct pga_harden_host *host, const struct pga_text *names, char **name,
		     struct pga_error *error)
{
	const char *label =
	    host->host->address[0] != '\0' ? host->host->address : pga_host_label(host->host);
	struct addrinfo *addresses = pga_addresses_find(label, false);
	int result;

	*name = NULL;
	result = take_only(item, host, addresses, names, name, error);
	if (result == 0 && *name == NULL)
		result = choose_one(item, harden, host, addresses, names, name, error);
	if (addresses != NULL)
		freeaddrinfo(addresses);
	if (result == 0 && *name == NULL)
		result = ask_for_name(item, names);
	return result;
}

static int choose(struct pga_hardening *item, const struct pga_harden *harden,
		  struct pga_harden_host *host, const struct pga_text *names,
		  struct pga_error *error)
{
	const struct pga_pins *pins = &harden->pins;
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
		result = find_name(item, harden, host, &valid, &name, error);
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

	if (!pga_host_names_have(sk_X509_value(host->chain, 0), wanted))
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

int pga_harden_name(struct pga_hardening *item, const struct pga_harden *harden,
		    struct pga_harden_host *host, const char *wanted, struct pga_error *error)
{
	const struct pga_pins *pins = &harden->pins;
	X509 *certificate = sk_X509_value(host->chain, 0);
	const char *label = pga_host_label(host->host);
	const bool fits = pga_host_names_have(certificate, label);
	struct pga_text names = PGA_TEXT_EMPTY;
	int result = 0;

	pga_host_names_of(certificate, &names);
	if (names.failed)
		result = pga_fail_memory(error);
	else if (wanted != NULL)
		result = take_wanted(item, host, pins, &names, wanted, error);
	else if (!fits || !pga_root_is_valid_for(pins, host->anchor->pin, label))
		result = choose(item, harden, host, &names, error);
	pga_text_free(&names);
	return result;
}
