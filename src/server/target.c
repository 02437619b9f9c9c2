#include "server/target.h"

#include "base/text.h"
#include "tls/server_chain.h"

#include <libpq-fe.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <stdlib.h>
#include <string.h>

/* The first of listen_addresses, a list with commas; one that stands for all is "localhost". */
static char *first_address(const char *list)
{
	const size_t length = strcspn(list, ", ");
	char *one = strndup(list, length);

	if (one == NULL)
		return NULL;
	if (strcmp(one, "*") == 0 || strcmp(one, "0.0.0.0") == 0 || strcmp(one, "::") == 0) {
		free(one);
		return strdup("localhost");
	}
	return one;
}

int pga_server_target_find_host(struct pga_server_target *target, struct pga_error *error)
{
	PGresult *rows = pga_cluster_ask(target->session,
					 "SELECT setting FROM pg_catalog.pg_settings WHERE name = "
					 "'listen_addresses'",
					 error);

	if (rows == NULL)
		return -1;
	target->host = first_address(PQntuples(rows) == 1 ? PQgetvalue(rows, 0, 0) : "");
	PQclear(rows);
	return target->host != NULL ? 0 : pga_fail_memory(error);
}

int pga_server_target_open(struct pga_server_target *target, const char *directory,
			   const char *user, struct pga_error *error)
{
	memset(target, 0, sizeof *target);
	if (pga_cluster_look(&target->cluster, directory, error) != 0)
		return -1;
	if (target->cluster.postmaster == 0)
		return pga_fail(
		    error,
		    "start it: what is changed has to be proved. Where its log says that "
		    "its TLS keeps it from that, pg_ctl -o '-c ssl=off' start does",
		    "%s: its server does not run", target->cluster.directory);
	target->session = pga_cluster_enter(&target->cluster, user, error);
	if (target->session == NULL)
		return -1;
	return pga_server_target_find_host(target, error);
}

void pga_server_target_close(struct pga_server_target *target)
{
	pga_cluster_leave(target->session);
	pga_cluster_free(&target->cluster);
	free(target->host);
	memset(target, 0, sizeof *target);
}

static int ask(const struct pga_server_target *target, const char *name, char leaf[65],
	       struct pga_server_said *said, struct pga_error *error)
{
	const struct pga_server server = {.host = name,
					  .address = target->host,
					  .port = target->cluster.port,
					  .way = PGA_SERVER_REQUESTED,
					  .connect_timeout = 5000,
					  .max_time = 10000};
	unsigned char sum[EVP_MAX_MD_SIZE];
	STACK_OF(X509) *chain = NULL;
	unsigned length = 0;
	int result = -1;

	leaf[0] = '\0';
	if (pga_server_chain(&server, &chain, said, error) != 0) {
		result = said->without ? 0 : -1;
	} else if (X509_digest(sk_X509_value(chain, 0), EVP_sha256(), sum, &length) == 1) {
		pga_hex(sum, length, leaf);
		result = 1;
	} else {
		(void)pga_fail_memory(error);
	}
	sk_X509_pop_free(chain, X509_free);
	ERR_clear_error();
	return result;
}

int pga_server_target_shows(const struct pga_server_target *target, char leaf[65],
			    struct pga_error *error)
{
	struct pga_server_said said = {.without = false};
	const int result = ask(target, target->host, leaf, &said, error);

	return result < 0 && target->by_name && said.postgresql ? 1 : result;
}

int pga_server_target_shows_to(const struct pga_server_target *target, const char *name,
			       char leaf[65], struct pga_error *error)
{
	struct pga_server_said said = {.without = false};

	/* No name goes out for an address, whichever that is. */
	return ask(target, name != NULL ? name : "127.0.0.1", leaf, &said, error);
}
