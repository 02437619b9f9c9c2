/* What a server of an entry shows, and which pinned anchor has signed it. */
#include "service/harden_parts.h"

#include "policy/known_servers.h"
#include "policy/trust.h"
#include "tls/crl_trial.h"
#include "tls/host_names.h"

#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>

/* That a server is waited for, in milliseconds, where the entry has no connect_timeout. */
#define TIMEOUT 10000L

/* An empty one of a list is the default. */
static unsigned port_of(const struct pga_host *host)
{
	return host->port[0] != '\0' ? (unsigned)strtoul(host->port, NULL, 10) : PGA_DEFAULT_PORT;
}

static char *label_with_port(const struct pga_host *host)
{
	const char *label = pga_host_label(host);
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_text_addf(&text, strchr(label, ':') == NULL ? "%s:%u" : "[%s]:%u", label,
		      port_of(host));
	return pga_text_take(&text);
}

/* ---- What a server shows ---- */

static long timeout_of(const struct pga_effective *effective)
{
	const char *timeout = pga_effective_value(effective, "connect_timeout");
	const long given = timeout != NULL ? strtol(timeout, NULL, 10) : 0;

	return given > 0 && given < 3600 ? given * 1000 : TIMEOUT;
}

/* sslnegotiation=direct is libpq 17's. */
static enum pga_server_way way_of(const struct pga_effective *effective)
{
	const char *way = pga_effective_value(effective, "sslnegotiation");

	return way != NULL && strcmp(way, "direct") == 0 ? PGA_SERVER_DIRECT : PGA_SERVER_EITHER;
}

/* Whom it is about from now on. */
static int take_server(struct pga_hardening *item, const struct pga_host *host,
		       struct pga_error *error)
{
	free(item->server);
	item->server = label_with_port(host);
	item->port = port_of(host);
	return item->server != NULL ? 0 : pga_fail_memory(error);
}

/* Its texts are the host's. */
static struct pga_server server_of(const struct pga_effective *effective,
				   const struct pga_host *host)
{
	return (struct pga_server){.host = host->name[0] != '\0' ? host->name : host->address,
				   .address = host->address[0] != '\0' ? host->address : NULL,
				   .port = port_of(host),
				   .way = way_of(effective),
				   .connect_timeout = timeout_of(effective),
				   .max_time = 2 * timeout_of(effective)};
}

int pga_harden_add_servers(struct pga_harden_servers **servers,
			   const struct pga_effective *effective, struct pga_error *error)
{
	struct pga_hosts split;
	int result = 0;

	if (pga_hosts_split(pga_effective_value(effective, "host"),
			    pga_effective_value(effective, "hostaddr"),
			    pga_effective_value(effective, "port"), &split, error) != 0)
		return -1;
	for (size_t i = 0; result == 0 && i < split.count; i++) {
		const struct pga_server server = server_of(effective, &split.items[i]);

		if (!split.items[i].local)
			result = pga_harden_servers_add(servers, &server, error);
	}
	pga_hosts_free(&split);
	return result;
}

static int ask_server(struct pga_hardening *item, const struct pga_harden *harden,
		      const struct pga_effective *effective, struct pga_harden_host *host,
		      struct pga_error *error)
{
	const struct pga_server server = server_of(effective, host->host);

	if (take_server(item, host->host, error) != 0)
		return -1;
	if (pga_harden_servers_show(harden->servers, &server, &host->chain, &item->error) == 0)
		return 0;
	if (item->error.hint[0] == '\0')
		(void)snprintf(item->error.hint, sizeof item->error.hint,
			       "what cannot be looked at cannot be verified: try again when the "
			       "server answers");
	return pga_harden_stuck(item, PGA_HARDEN_STUCK);
}

/* ---- Which anchor has signed it ---- */

/* Whether the chain verifies, as libpq verifies it, with the roots of the anchor's own file. */
static int has_signed(const struct pga_pin *anchor, STACK_OF(X509) * chain, bool *signed_by,
		      long *why, struct pga_error *error)
{
	char *path = pga_pin_own_file(anchor);
	const struct pga_trial_files files = {.roots = path};
	STACK_OF(X509) *verified = NULL;
	int result;

	*signed_by = false;
	if (path == NULL)
		return pga_fail(error, "set HOME", "found no home directory for this user");
	result = pga_crl_trial(&files, chain, &verified, why, error);
	*signed_by = verified != NULL;
	sk_X509_pop_free(verified, X509_free);
	free(path);
	return result;
}

/* How good an anchor is for this server: one that is valid for one of its names is better than one
 * that is for none. */
static bool is_valid_for_some(const struct pga_pins *pins, const struct pga_pin *anchor,
			      const struct pga_harden_host *host, const struct pga_text *names)
{
	const char *rest = pga_text_string(names);
	const char *line;
	size_t length;

	if (pga_root_is_valid_for(pins, anchor->pin, pga_host_label(host->host)))
		return true;
	while (pga_next_line(&rest, &line, &length)) {
		char *name = strndup(line, length);
		const bool valid = name != NULL && pga_root_is_valid_for(pins, anchor->pin, name);

		free(name);
		if (valid)
			return true;
	}
	return false;
}

static int fail_unsigned(struct pga_hardening *item, const struct pga_harden_host *host, long why)
{
	X509 *certificate = sk_X509_value(host->chain, 0);

	item->fits = pga_host_names_have(certificate, pga_host_label(host->host));
	pga_host_names_of(certificate, &item->names);
	if (!item->fits)
		item->address = pga_harden_address_of(host->host);
	if (why == X509_V_ERR_CERT_HAS_EXPIRED || why == X509_V_ERR_CERT_NOT_YET_VALID) {
		(void)pga_fail(
		    &item->error,
		    "whoever runs the server or its CA has to renew that certificate, if "
		    "this machine's clock is right",
		    "%s: %s", item->server, X509_verify_cert_error_string(why));
		return pga_harden_stuck(item, PGA_HARDEN_STUCK);
	}
	(void)pga_fail(&item->error, NULL, "no anchor that is pinned has signed what %s shows",
		       item->server);
	return pga_harden_stuck(item, PGA_HARDEN_ANCHOR);
}

static int find_anchor(struct pga_hardening *item, const struct pga_harden *harden,
		       struct pga_harden_host *host, struct pga_error *error)
{
	const struct pga_pins *pins = &harden->pins;
	struct pga_text names = PGA_TEXT_EMPTY;
	long why = X509_V_OK;
	bool valid = false;
	int result = 0;

	pga_host_names_of(sk_X509_value(host->chain, 0), &names);
	for (size_t i = pins->count; result == 0 && i-- > 0;) {
		const struct pga_pin *anchor = &pins->pins[i];
		bool signed_by;
		long fault = X509_V_OK;

		if (harden->wish->anchor != NULL && strcmp(anchor->name, harden->wish->anchor) != 0)
			continue;
		result = has_signed(anchor, host->chain, &signed_by, &fault, error);
		if (result == 0 && !signed_by &&
		    (fault == X509_V_ERR_CERT_HAS_EXPIRED ||
		     fault == X509_V_ERR_CERT_NOT_YET_VALID))
			why = fault;
		if (result != 0 || !signed_by || valid)
			continue;
		valid = is_valid_for_some(pins, anchor, host, &names);
		if (valid || host->anchor == NULL)
			host->anchor = anchor;
	}
	if (result == 0 && names.failed)
		result = pga_fail_memory(error);
	pga_text_free(&names);
	if (result == 0 && host->anchor == NULL)
		result = fail_unsigned(item, host, why);
	return result;
}

int pga_harden_look(struct pga_hardening *item, const struct pga_harden *harden,
		    const struct pga_effective *effective, struct pga_harden_host *host,
		    const char *wanted, struct pga_error *error)
{
	int result;

	if (host->host->local)
		return 0;
	result = ask_server(item, harden, effective, host, error);
	if (result == 0)
		result = find_anchor(item, harden, host, error);
	if (result == 0)
		result = pga_harden_name(item, harden, host, wanted, error);
	return result;
}
