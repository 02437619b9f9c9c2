#include "service/crl_servers.h"

#include "anchor/crls.h"
#include "policy/hostlist.h"
#include "policy/linked.h"
#include "service/evaluate.h"
#include "service/roots.h"
#include "tls/certificate.h"
#include "tls/crl_trial.h"
#include "tls/handshake.h"

#include <stdlib.h>
#include <string.h>

/* Where the entry has no connect_timeout. */
#define SECONDS 10

/* No CRL at all: initialize_SSL() takes a file that has none for none. */
#define NO_CRL "/dev/null"

static const char *value_of(const struct pga_effective *effective, const char *keyword)
{
	const char *value = pga_effective_value(effective, keyword);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

static int copy(char **to, const char *from, struct pga_error *error)
{
	*to = from != NULL ? strdup(from) : NULL;
	return from == NULL || *to != NULL ? 0 : pga_fail_memory(error);
}

static int add_parameter(struct pga_crl_server *server, const char *keyword, const char *value,
			 struct pga_error *error)
{
	if (copy(&server->keywords[server->count], keyword, error) != 0)
		return -1;
	if (copy(&server->values[server->count], value, error) != 0) {
		free(server->keywords[server->count]);
		server->keywords[server->count] = NULL;
		return -1;
	}
	server->count++;
	return 0;
}

/* libpq verifies by the roots that it finds with any sslmode but disable; a weaker one goes on
 * without TLS where that fails, which is no way to try one. */
static const char *mode_of(const struct pga_effective *effective)
{
	const char *mode = value_of(effective, "sslmode");

	return mode != NULL && (strcmp(mode, "require") == 0 ||
				strncmp(mode, "verify-", strlen("verify-")) == 0)
		   ? mode
		   : "require";
}

static int fill(struct pga_crl_server *server, const struct pga_effective *effective,
		const struct pga_host *host, struct pga_error *error)
{
	size_t room = 1;

	while (effective->options[room - 1].keyword != NULL)
		room++;
	server->keywords = calloc(room, sizeof *server->keywords);
	server->values = calloc(room, sizeof *server->values);
	if (server->keywords == NULL || server->values == NULL)
		return pga_fail_memory(error);
	for (const PQconninfoOption *option = effective->options; option->keyword != NULL;
	     option++) {
		const char *value = option->val;

		if (strcmp(option->keyword, "host") == 0)
			value = host->name;
		else if (strcmp(option->keyword, "hostaddr") == 0)
			value = host->address;
		else if (strcmp(option->keyword, "port") == 0)
			value = host->port;
		else if (strcmp(option->keyword, "sslmode") == 0)
			value = mode_of(effective);
		else if (strncmp(option->keyword, "service", strlen("service")) == 0 ||
			 strncmp(option->keyword, "sslcrl", strlen("sslcrl")) == 0)
			value = NULL;
		if (value != NULL && value[0] != '\0' &&
		    add_parameter(server, option->keyword, value, error) != 0)
			return -1;
	}
	return 0;
}

static int find_files(struct pga_crl_server *server, const struct pga_effective *effective,
		      struct pga_error *error)
{
	const char *file = value_of(effective, "sslcrl");
	const char *directory = value_of(effective, "sslcrldir");
	const char *roots = value_of(effective, "sslrootcert");
	struct pga_roots places = {0};

	error->message[0] = '\0';
	server->roots = pga_roots_path(&places, roots != NULL ? roots : "", error);
	pga_roots_free(&places);
	if (server->roots == NULL && error->message[0] != '\0')
		return -1;
	server->own_crls = file != NULL || directory != NULL;
	if (copy(&server->crl_file, file, error) != 0 ||
	    copy(&server->crl_directory, directory, error) != 0)
		return -1;
	if (!server->own_crls)
		server->crl_file = pga_crl_root_path(error);
	return server->own_crls || server->crl_file != NULL ? 0 : -1;
}

/* keywords and values, and room for two more and the end. */
static int shake_hands(const struct pga_crl_server *server, const char *crl_file,
		       const char *crl_directory, struct pga_handshake *handshake,
		       struct pga_error *error)
{
	const char **keywords = calloc(server->count + 3, sizeof *keywords);
	const char **values = calloc(server->count + 3, sizeof *values);
	int result = -2;

	if (keywords != NULL && values != NULL) {
		const struct pga_parameters parameters = {keywords, values, 0};

		for (size_t i = 0; i < server->count; i++) {
			keywords[i] = server->keywords[i];
			values[i] = server->values[i];
		}
		keywords[server->count] = "sslcrl";
		values[server->count] = crl_file;
		if (crl_directory != NULL && pga_linked_libpq_knows("sslcrldir")) {
			keywords[server->count + 1] = "sslcrldir";
			values[server->count + 1] = crl_directory;
		}
		result = pga_handshake(&parameters, server->seconds, handshake, error);
	} else {
		memset(handshake, 0, sizeof *handshake);
		(void)pga_fail_memory(error);
	}
	free(keywords);
	free(values);
	return result;
}

static bool is_same_text(const char *one, const char *other)
{
	return one == other || (one != NULL && other != NULL && strcmp(one, other) == 0);
}

static const char *parameter(const struct pga_crl_server *server, const char *keyword)
{
	for (size_t i = 0; i < server->count; i++)
		if (strcmp(server->keywords[i], keyword) == 0)
			return server->values[i];
	return NULL;
}

/* Another service's, which was asked already and would be asked in the same way. */
static const struct pga_crl_server *asked_before(const struct pga_crl_servers *servers,
						 const struct pga_crl_server *server)
{
	static const char *const same[] = {"host",
					   "hostaddr",
					   "port",
					   "sslmode",
					   "sslrootcert",
					   "sslsni",
					   "ssl_min_protocol_version"};

	for (const struct pga_crl_server *other = servers->items; other < server; other++) {
		bool is = true;

		for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
			is = is &&
			     is_same_text(parameter(other, same[i]), parameter(server, same[i]));
		if (is)
			return other;
	}
	return NULL;
}

static int copy_answer(struct pga_crl_server *server, const struct pga_crl_server *other,
		       struct pga_error *error)
{
	server->pin = other->pin;
	server->chain = other->chain != NULL ? X509_chain_up_ref(other->chain) : NULL;
	server->verified = other->verified != NULL ? X509_chain_up_ref(other->verified) : NULL;
	if ((server->chain == NULL) != (other->chain == NULL) ||
	    (server->verified == NULL) != (other->verified == NULL))
		return pga_fail_memory(error);
	return copy(&server->problem, other->problem, error);
}

static int look_at_chain(struct pga_crl_server *server, const struct pga_pins *pins,
			 struct pga_error *error)
{
	const struct pga_trial_files files = {.roots = server->roots};
	char pin[PGA_PIN_LENGTH + 1];
	long result;

	if (server->chain == NULL || server->problem != NULL)
		return 0;
	if (pga_crl_trial(&files, server->chain, &server->verified, &result, error) != 0)
		return -1;
	if (server->verified == NULL)
		return 0;
	if (pga_certificate_pin(sk_X509_value(server->verified, sk_X509_num(server->verified) - 1),
				pin) != 0)
		return pga_fail_memory(error);
	server->pin = pga_pins_find(pins, pin);
	return 0;
}

static int ask(const struct pga_crl_servers *servers, struct pga_crl_server *server,
	       const struct pga_pins *pins, struct pga_error *error)
{
	const struct pga_crl_server *before = asked_before(servers, server);
	struct pga_handshake handshake;
	struct pga_error refused;
	int result;

	if (before != NULL)
		return copy_answer(server, before, error);
	result = shake_hands(server, NO_CRL, NULL, &handshake, &refused);
	if (result < 0)
		server->problem = strdup(refused.message);
	if (handshake.chain != NULL)
		server->chain = X509_chain_up_ref(handshake.chain);
	if ((result < 0 && server->problem == NULL) || result == -2 ||
	    (handshake.chain != NULL && server->chain == NULL))
		result = pga_fail_memory(error);
	else
		result = look_at_chain(server, pins, error);
	pga_handshake_free(&handshake);
	return result;
}

static char *label_of(const char *service, const struct pga_host *host)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	if (service != NULL)
		pga_text_addf(&text, "service %s, ", service);
	pga_text_add(&text, pga_host_label(host));
	return pga_text_take(&text);
}

static int add_server(struct pga_crl_servers *servers, const char *service,
		      enum pga_service_place place, const struct pga_effective *effective,
		      const struct pga_host *host, const struct pga_pins *pins,
		      struct pga_error *error)
{
	struct pga_crl_server *grown =
	    reallocarray(servers->items, servers->count + 1, sizeof *servers->items);
	const char *timeout = value_of(effective, "connect_timeout");
	const long given = timeout != NULL ? strtol(timeout, NULL, 10) : 0;
	struct pga_crl_server *server;

	if (grown == NULL)
		return pga_fail_memory(error);
	servers->items = grown;
	server = &grown[servers->count++];
	memset(server, 0, sizeof *server);
	server->place = place;
	server->seconds = given > 0 && given < SECONDS ? (int)given : SECONDS;
	server->label = label_of(service, host);
	if (server->label == NULL)
		return pga_fail_memory(error);
	if (copy(&server->service, service, error) != 0 ||
	    find_files(server, effective, error) != 0 || fill(server, effective, host, error) != 0)
		return -1;
	return ask(servers, server, pins, error);
}

static int add_hosts(struct pga_crl_servers *servers, const char *service,
		     enum pga_service_place place, const struct pga_effective *effective,
		     const struct pga_pins *pins, struct pga_error *error)
{
	const char *mode = value_of(effective, "sslmode");
	struct pga_hosts hosts;
	int result = 0;

	if (mode != NULL && strcmp(mode, "disable") == 0)
		return 0;
	if (pga_hosts_split(pga_effective_value(effective, "host"),
			    pga_effective_value(effective, "hostaddr"),
			    pga_effective_value(effective, "port"), &hosts, error) != 0)
		return -1;
	for (size_t i = 0; i < hosts.count && result == 0; i++)
		if (!hosts.items[i].local)
			result = add_server(servers, service, place, effective, &hosts.items[i],
					    pins, error);
	pga_hosts_free(&hosts);
	return result;
}

static int add_file(struct pga_crl_servers *servers, enum pga_service_place place,
		    const struct pga_service_file *file, const struct pga_service_file *before,
		    const struct pga_policy *policy, const struct pga_pins *pins,
		    struct pga_error *error)
{
	struct pga_evaluator judging;
	int result = pga_evaluator_begin(&judging, file, policy, error);

	for (size_t i = 0; result == 0 && i < file->count; i++) {
		const struct pga_entry *entry = &file->entries[i];
		struct pga_evaluation evaluation;

		if (entry->name == NULL || entry->shadowed != 0 || entry->ldap ||
		    (before != NULL && pga_service_file_find(before, entry->name) != NULL))
			continue;
		result = pga_evaluate_entry(&judging, entry, &evaluation, error);
		if (result != 0)
			break;
		if (evaluation.effective.options != NULL)
			result = add_hosts(servers, entry->name, place, &evaluation.effective, pins,
					   error);
		pga_evaluation_free(&evaluation);
	}
	pga_evaluator_end(&judging);
	return result;
}

static int add_services(struct pga_crl_servers *servers, const struct pga_policy *policy,
			const struct pga_pins *pins, struct pga_error *error)
{
	struct pga_service_file user = {0};
	struct pga_service_file system = {0};
	int result = -1;

	if (pga_service_file_read(&user, PGA_SERVICE_USER, error) == 0 &&
	    pga_service_file_read(&system, PGA_SERVICE_SYSTEM, error) == 0 &&
	    add_file(servers, PGA_SERVICE_USER, &user, NULL, policy, pins, error) == 0)
		result = add_file(servers, PGA_SERVICE_SYSTEM, &system, &user, policy, pins, error);
	pga_service_file_free(&user);
	pga_service_file_free(&system);
	return result;
}

static int add_host(struct pga_crl_servers *servers, const struct pga_crl_host *host,
		    const struct pga_policy *policy, const struct pga_pins *pins,
		    struct pga_error *error)
{
	struct pga_settings settings = {0};
	struct pga_evaluation evaluation = {0};
	int result = -1;

	if (pga_settings_add(&settings, "host", host->host, error) == 0 &&
	    (host->port == NULL || pga_settings_add(&settings, "port", host->port, error) == 0) &&
	    pga_settings_add(&settings, "sslmode", "verify-full", error) == 0 &&
	    (host->roots == NULL ||
	     pga_settings_add(&settings, "sslrootcert", host->roots, error) == 0) &&
	    pga_evaluate_settings(&settings, policy, &evaluation, error) == 0) {
		if (evaluation.effective.options == NULL)
			result = pga_fail(error, NULL, "--host %s: %s", host->host,
					  pga_text_string(&evaluation.why));
		else
			result = add_hosts(servers, NULL, PGA_SERVICE_USER, &evaluation.effective,
					   pins, error);
		pga_evaluation_free(&evaluation);
	}
	pga_settings_free(&settings);
	return result;
}

int pga_crl_servers_ask(struct pga_crl_servers *servers, const struct pga_crl_host *host,
			const struct pga_policy *policy, const struct pga_pins *pins,
			struct pga_error *error)
{
	memset(servers, 0, sizeof *servers);
	if (host != NULL && host->host != NULL && add_host(servers, host, policy, pins, error) != 0)
		return -1;
	return add_services(servers, policy, pins, error);
}

int pga_crl_server_try(const struct pga_crl_server *server, const char *crl_file,
		       const char *crl_directory, long *result, struct pga_error *error)
{
	struct pga_handshake handshake;
	const int tried = shake_hands(server, crl_file != NULL ? crl_file : NO_CRL, crl_directory,
				      &handshake, error);

	*result = handshake.verify_result;
	pga_handshake_free(&handshake);
	return tried == -1 ? 1 : tried == 0 ? 0 : -1;
}

static void free_server(struct pga_crl_server *server)
{
	for (size_t i = 0; i < server->count; i++) {
		free(server->keywords[i]);
		free(server->values[i]);
	}
	free(server->keywords);
	free(server->values);
	free(server->bound);
	free(server->service);
	free(server->label);
	free(server->roots);
	free(server->crl_file);
	free(server->crl_directory);
	free(server->problem);
	sk_X509_pop_free(server->chain, X509_free);
	sk_X509_pop_free(server->verified, X509_free);
}

void pga_crl_servers_free(struct pga_crl_servers *servers)
{
	for (size_t i = 0; i < servers->count; i++)
		free_server(&servers->items[i]);
	free(servers->items);
	memset(servers, 0, sizeof *servers);
}
