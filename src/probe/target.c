#include "probe/target.h"

#include "base/guess.h"
#include "base/shell_word.h"
#include "policy/hostlist.h"
#include "policy/linked.h"
#include "policy/secrets.h"
#include "probe/client_settings.h"
#include "service/ask.h"
#include "service/host_name.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_PORT 5432

static bool is_conninfo(const char *word)
{
	return strchr(word, '=') != NULL || strstr(word, "://") != NULL;
}

/* What libpq takes (uri_prefix_length() of fe-connect.c). */
static bool is_uri(const char *word)
{
	return strncmp(word, "postgresql://", strlen("postgresql://")) == 0 ||
	       strncmp(word, "postgres://", strlen("postgres://")) == 0 ||
	       strcspn(word, "=") < strcspn(word, ":");
}

/* It may hold a password, and is not told. */
static int refuse_url(struct pga_error *error)
{
	return pga_fail(error, "write HOST:PORT, or postgresql://USER@HOST:PORT/DBNAME",
			"the word is a URL, and none that libpq knows");
}

/* One host that was named by itself. Both are the caller's to free. */
struct named {
	char *host;
	const char *port; /* "" where none was */
	char *bytes;
};

/* HOST, HOST:PORT, [ADDRESS], [ADDRESS]:PORT, or an IPv6 address. */
static int part(const char *word, struct named *named, struct pga_error *error)
{
	const char *colon = strrchr(word, ':');
	const bool bracketed = word[0] == '[';
	char *end;

	named->port = "";
	named->bytes = strdup(word);
	if (named->bytes == NULL)
		return pga_fail_memory(error);
	named->host = named->bytes + (bracketed ? 1 : 0);
	end = bracketed ? strchr(named->host, ']') : NULL;
	if (bracketed && (end == NULL || (end[1] != '\0' && end[1] != ':')))
		return pga_fail(error, "write [ADDRESS]:PORT, such as [::1]:5432",
				"%s: no address in brackets, with a port behind it or none", word);
	if (bracketed && end[1] == ':')
		named->port = end + 2;
	if (bracketed)
		*end = '\0';
	else if (colon != NULL && strchr(word, ':') == colon) {
		named->host[colon - word] = '\0';
		named->port = named->host + (colon - word) + 1;
	}
	if (named->host[0] != '\0' && (named->port[0] != '\0' || word[strlen(word) - 1] != ':'))
		return 0;
	return pga_fail(error, "write HOST, HOST:PORT or the name of a service",
			"%s: no host, or no port behind the colon", word);
}

static int read_port(const char *text, unsigned *port, struct pga_error *error)
{
	char *end;
	unsigned long number;

	*port = DEFAULT_PORT;
	if (text == NULL || text[0] == '\0')
		return 0;
	errno = 0;
	number = strtoul(text, &end, 10);
	while (*end == ' ')
		end++;
	if (errno != 0 || end == text || *end != '\0' || number == 0 || number > 65535)
		return pga_fail(error, "a port is a number from 1 to 65535", "%s: no port", text);
	*port = (unsigned)number;
	return 0;
}

static int copy(const char *value, char **into, struct pga_error *error)
{
	*into = value != NULL && value[0] != '\0' ? strdup(value) : NULL;
	return *into != NULL || value == NULL || value[0] == '\0' ? 0 : pga_fail_memory(error);
}

static char *label(const struct pga_host *host, unsigned port)
{
	const char *name = pga_host_label(host);
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_text_addf(&text, strchr(name, ':') != NULL ? "[%s]:%u" : "%s:%u", name, port);
	return pga_text_take(&text);
}

static int fill(struct pga_probe_target *target, const char *service,
		const struct pga_effective *effective, const struct pga_host *host,
		struct pga_error *error)
{
	const char *mode = pga_effective_value(effective, "sslmode");
	const char *way = pga_effective_value(effective, "sslnegotiation");

	if (read_port(host->port, &target->port, error) != 0)
		return -1;
	target->host = strdup(pga_host_label(host));
	target->address = strdup(host->address);
	target->word = service != NULL ? strdup(service) : label(host, target->port);
	if (target->host == NULL || target->address == NULL || target->word == NULL)
		return pga_fail_memory(error);
	target->direct = way != NULL && strcmp(way, "direct") == 0;
	target->unverified = mode == NULL || strcmp(mode, "verify-full") != 0;
	if (service == NULL)
		return 0;
	if (copy(service, &target->service, error) != 0 ||
	    copy(pga_effective_value(effective, "user"), &target->user, error) != 0)
		return -1;
	return copy(pga_effective_value(effective, "dbname"), &target->dbname, error);
}

static void target_free(struct pga_probe_target *target)
{
	free(target->word);
	free(target->service);
	free(target->host);
	free(target->address);
	free(target->meant);
	free(target->user);
	free(target->dbname);
	pga_client_settings_free(target->settings);
}

static int add_host(struct pga_probe_targets *targets, const char *service,
		    const struct pga_effective *effective, const struct pga_host *host,
		    const struct pga_probe_trust *trust, struct pga_roots *roots,
		    struct pga_error *error)
{
	struct pga_probe_target *grown =
	    reallocarray(targets->list, targets->count + 1, sizeof *grown);
	struct pga_probe_target *target;

	if (grown == NULL)
		return pga_fail_memory(error);
	targets->list = grown;
	target = &grown[targets->count];
	memset(target, 0, sizeof *target);
	target->trust = trust;
	if (fill(target, service, effective, host, error) != 0 ||
	    pga_client_settings_of(target, effective, host, roots, error) != 0) {
		target_free(target);
		return -1;
	}
	targets->count++;
	return 0;
}

/* All hosts of the settings. */
static int add_hosts(struct pga_probe_targets *targets, const char *service,
		     const struct pga_effective *effective, const struct pga_probe_trust *trust,
		     struct pga_roots *roots, struct pga_error *error)
{
	struct pga_hosts hosts;
	size_t before = targets->count;
	int result = pga_hosts_split(pga_effective_value(effective, "host"),
				     pga_effective_value(effective, "hostaddr"),
				     pga_effective_value(effective, "port"), &hosts, error);

	if (result != 0)
		return -1;
	for (size_t i = 0; result == 0 && i < hosts.count; i++)
		if (!hosts.items[i].local)
			result = add_host(targets, service, effective, &hosts.items[i], trust,
					  roots, error);
	if (result == 0 && targets->count == before)
		result = pga_fail(error, "name a host: pganchor probe HOST:PORT",
				  "%s: a Unix-domain socket, which has no TLS to look at",
				  service != NULL ? service : "the connection string");
	pga_hosts_free(&hosts);
	return result;
}

/* What libpq makes of the word. Returns 0, or -1 with its words. */
static int ask(const struct pga_parameters *parameters, struct pga_effective *effective,
	       struct pga_error *error)
{
	memset(effective, 0, sizeof *effective);
	return pga_ask(parameters, effective, error) == 0 ? 0 : -1;
}

static int add_asked(struct pga_probe_targets *targets, const char *service, bool bare,
		     const struct pga_parameters *parameters, struct pga_probe_trusts *trusts,
		     struct pga_error *error)
{
	const struct pga_probe_trust *trust;
	struct pga_effective effective;
	int result;

	if (ask(parameters, &effective, error) != 0)
		return -1;
	result = pga_hosts_check(pga_effective_value(&effective, "host"), error);
	trust = result == 0 ? pga_probe_trust_of(trusts, &effective, bare, error) : NULL;
	result = trust != NULL
		     ? add_hosts(targets, service, &effective, trust, &trusts->roots, error)
		     : -1;
	pga_effective_free(&pga_linked_libpq, &effective);
	return result;
}

static void try_services(struct pga_guess *guess, const char *word,
			 const struct pga_service_file *file)
{
	for (size_t i = 0; i < file->count; i++)
		if (file->entries[i].name != NULL)
			pga_guess_try(guess, word, file->entries[i].name);
}

/* Whoever mistypes the name of a service has named a host. */
static int note_meant(struct pga_probe_target *target, const char *word,
		      const struct pga_probe_trusts *trusts, struct pga_error *error)
{
	struct pga_guess guess = pga_guess_begin(word);
	struct pga_text meant = PGA_TEXT_EMPTY;

	try_services(&guess, word, &trusts->user);
	try_services(&guess, word, &trusts->system);
	if (guess.best != NULL) {
		pga_text_add(&meant, "did you mean the service? pganchor probe ");
		pga_text_add_shell_word(&meant, guess.best);
	} else if (strpbrk(word, ".:") == NULL) {
		pga_text_add(&meant, "check the name, and DNS; no service is called so, either: "
				     "\"pganchor service list\" shows those there are");
	} else {
		return 0;
	}
	target->meant = pga_text_take(&meant);
	return target->meant != NULL ? 0 : pga_fail_memory(error);
}

/* As psql connects to a host that is named by itself and wants it verified. */
static int add_named(struct pga_probe_targets *targets, const char *word,
		     struct pga_probe_trusts *trusts, struct pga_error *error)
{
	struct named named = {NULL, "", NULL};
	int result = part(word, &named, error);

	if (result == 0) {
		const char *const keywords[] = {"host", "port", "sslmode", NULL};
		const char *const values[] = {named.host, named.port, "verify-full", NULL};
		const struct pga_parameters parameters = {keywords, values, 0};
		unsigned port;

		result = read_port(named.port, &port, error);
		if (result == 0)
			result = add_asked(targets, NULL, true, &parameters, trusts, error);
		if (result == 0)
			result =
			    note_meant(&targets->list[targets->count - 1], word, trusts, error);
	}
	free(named.bytes);
	return result;
}

static int read_files(struct pga_probe_trusts *trusts, struct pga_error *error)
{
	if (trusts->files_read)
		return 0;
	if (pga_service_file_read(&trusts->user, PGA_SERVICE_USER, error) != 0 ||
	    pga_service_file_read(&trusts->system, PGA_SERVICE_SYSTEM, error) != 0)
		return -1;
	trusts->files_read = true;
	return 0;
}

int pga_probe_targets_add(struct pga_probe_targets *targets, const char *word,
			  struct pga_probe_trusts *trusts, struct pga_error *error)
{
	const char *const service[] = {"service", NULL};
	const char *const conninfo[] = {"dbname", NULL};
	const char *const values[] = {word, NULL};

	if (strstr(word, "://") != NULL && !is_uri(word))
		return refuse_url(error);
	if (is_conninfo(word)) {
		const struct pga_parameters parameters = {conninfo, values, 1};
		const int added = add_asked(targets, NULL, false, &parameters, trusts, error);

		if (added != 0 && error->hint[0] == '\0' && strstr(word, "service=") != NULL)
			(void)snprintf(error->hint, sizeof error->hint,
				       "\"pganchor service list\" shows the services that libpq "
				       "finds; \"pganchor probe NAME\" probes one");
		return added;
	}
	if (read_files(trusts, error) != 0)
		return -1;
	if (pga_service_file_find(&trusts->user, word) != NULL ||
	    pga_service_file_find(&trusts->system, word) != NULL) {
		const struct pga_parameters parameters = {service, values, 0};

		return add_asked(targets, word, false, &parameters, trusts, error);
	}
	return add_named(targets, word, trusts, error);
}

void pga_probe_targets_free(struct pga_probe_targets *targets)
{
	for (size_t i = 0; i < targets->count; i++)
		target_free(&targets->list[i]);
	free(targets->list);
	memset(targets, 0, sizeof *targets);
}
