#include "clients/connections.h"

#include "policy/effective.h"
#include "policy/linked.h"
#include "policy/secrets.h"
#include "policy/verdict.h"

#include <stdlib.h>
#include <string.h>

/* Nobody has so many connections; a file that has, has them for another reason. */
#define MOST_WEAK 1000

/* The name of a connection: a client may put its whole address there. */
static char *masked(const char *text)
{
	struct pga_text copy = PGA_TEXT_EMPTY;

	pga_text_add_masked(&copy, text);
	pga_text_add(&copy, "");
	return pga_text_take(&copy);
}

/* A host, where it is nothing but one: behind a password that was not escaped it may be more. */
static char *host_shown(const char *host)
{
	static const char of_hosts[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				       "0123456789.-_:,[]/%";

	return strdup(host[strspn(host, of_hosts)] == '\0' ? host : PGA_MASK);
}

static struct pga_kept_connection *grow(struct pga_kept *kept)
{
	struct pga_kept_connection *grown =
	    reallocarray(kept->weak, kept->weak_count + 1, sizeof *kept->weak);

	if (grown == NULL) {
		kept->failed = true;
		return NULL;
	}
	kept->weak = grown;
	return memset(&grown[kept->weak_count], 0, sizeof *grown);
}

static void free_connection(struct pga_kept_connection *connection)
{
	free(connection->name);
	free(connection->host);
	free(connection->why);
	free(connection->file);
}

static void add_weak(const struct pga_store *store, const char *name, const char *host,
		     const char *why)
{
	struct pga_kept *kept = store->kept;
	struct pga_kept_connection *added;

	if (kept->weak_count >= MOST_WEAK || (added = grow(kept)) == NULL)
		return;
	*added = (struct pga_kept_connection){.client = store->client,
					      .name = masked(name != NULL ? name : ""),
					      .host = host_shown(host != NULL ? host : ""),
					      .why = strdup(why),
					      .mend = store->mend,
					      .file = strdup(store->file)};
	if (added->name != NULL && added->host != NULL && added->why != NULL &&
	    added->file != NULL) {
		kept->weak_count++;
		return;
	}
	kept->failed = true;
	free_connection(added);
}

static bool is_exempt(const struct pga_policy *policy, const char *host)
{
	if (host[0] == '/')
		return policy->unix_socket == PGA_ALLOW;
	return pga_policy_exempts(policy, host);
}

void pga_keep(const struct pga_store *store, const char *name, const char *host, const char *why)
{
	store->kept->count++;
	if (why != NULL && !is_exempt(store->kept->policy, host != NULL ? host : ""))
		add_weak(store, name, host, why);
}

/* The first of the reasons, which are lines. */
static char *first_line(const struct pga_text *lines)
{
	const char *rest = pga_text_string(lines);
	const char *line = "";
	size_t length = 0;

	(void)pga_next_line(&rest, &line, &length);
	return strndup(line, length);
}

static void judge(const struct pga_store *store, const char *name, struct pga_effective *effective)
{
	struct pga_verdict verdict;
	char *why = NULL;
	const char *host;

	pga_judge(effective, store->kept->policy, &verdict);
	store->kept->count++;
	if (!verdict.allowed) {
		why = first_line(&verdict.why);
		host = pga_effective_value(effective, "host");
		if (host == NULL || host[0] == '\0')
			host = pga_effective_value(effective, "hostaddr");
		if (why == NULL || pga_may_hold_a_password(effective))
			host = PGA_MASK;
		if (why == NULL)
			store->kept->failed = true;
		else
			add_weak(store, name, host, why);
	}
	free(why);
	pga_verdict_free(&verdict);
}

void pga_keep_libpq(const struct pga_store *store, const char *name, const char *const *keywords,
		    const char *const *values, bool expand)
{
	const struct pga_parameters parameters = {keywords, values, expand ? 1 : 0};
	struct pga_hidden_environment hidden;
	struct pga_effective effective;
	struct pga_error error;
	int asked;

	if (pga_hide_environment(&hidden) != 0) {
		store->kept->failed = true;
		return;
	}
	asked = pga_effective_ask(&pga_linked_libpq, &parameters, &effective, &error);
	if (asked == 0) {
		pga_effective_trace(&pga_linked_libpq, &parameters, &effective);
		judge(store, name, &effective);
		pga_effective_free(&pga_linked_libpq, &effective);
	}
	pga_restore_environment(&hidden);
	if (asked < 0)
		store->kept->failed = true;
}

/* pgjdbc's SslMode, and its documentation of the ssl property: true is verify-full. */
static const struct {
	const char *mode;
	const char *why;
} pgjdbc_modes[] = {
    {"disable", "sslmode=disable: no TLS at all"},
    {"allow", "sslmode=allow: no TLS unless the server asks for it, and no certificate is checked"},
    {"prefer", "sslmode=prefer: without TLS where the server has none, and no certificate is "
	       "checked"},
    {"require", "sslmode=require: the JDBC driver checks no certificate then, not even where there "
		"is a root.crt"},
    {"verify-ca", "sslmode=verify-ca: any server with a certificate of the CA will do, whatever "
		  "its name"},
};

const char *pga_pgjdbc_weakness(const struct pga_driver_settings *settings)
{
	const char *factory = settings->sslfactory;
	const bool on = settings->ssl != NULL &&
			(settings->ssl[0] == '\0' || strcmp(settings->ssl, "true") == 0);

	if (factory != NULL && strstr(factory, "NonValidatingFactory") != NULL)
		return "sslfactory=NonValidatingFactory: no certificate is checked";
	if (settings->sslmode == NULL && on)
		return NULL;
	if (settings->sslmode == NULL)
		return "no sslmode: the JDBC driver prefers TLS, goes on without it, and checks no "
		       "certificate";
	for (size_t i = 0; i < sizeof pgjdbc_modes / sizeof pgjdbc_modes[0]; i++)
		if (strcmp(settings->sslmode, pgjdbc_modes[i].mode) == 0)
			return pgjdbc_modes[i].why;
	return NULL;
}

static void free_unread(struct pga_unread_store *unread)
{
	free(unread->file);
	free(unread->why);
	free(unread->hint);
}

void pga_keep_unread(const struct pga_store *store, const struct pga_error *why)
{
	struct pga_kept *kept = store->kept;
	struct pga_unread_store *grown =
	    reallocarray(kept->unread, kept->unread_count + 1, sizeof *kept->unread);
	struct pga_unread_store *added;

	if (grown == NULL) {
		kept->failed = true;
		return;
	}
	kept->unread = grown;
	added = &grown[kept->unread_count];
	*added = (struct pga_unread_store){store->client, strdup(store->file), strdup(why->message),
					   strdup(why->hint)};
	if (added->file != NULL && added->why != NULL && added->hint != NULL) {
		kept->unread_count++;
		return;
	}
	kept->failed = true;
	free_unread(added);
}

void pga_kept_free(struct pga_kept *kept)
{
	for (size_t i = 0; i < kept->weak_count; i++)
		free_connection(&kept->weak[i]);
	for (size_t i = 0; i < kept->unread_count; i++)
		free_unread(&kept->unread[i]);
	free(kept->weak);
	free(kept->unread);
	kept->weak = NULL;
	kept->unread = NULL;
	kept->weak_count = kept->unread_count = 0;
}
