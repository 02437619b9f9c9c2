#include "diagnose/going_roots.h"

#include "anchor/proof.h"
#include "base/host.h"
#include "base/path.h"
#include "policy/joined.h"
#include "policy/linked.h"
#include "policy/policy.h"
#include "service/crl_servers.h"
#include "service/roots.h"
#include "tls/x509_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct looking {
	struct pga_going_roots *going;
	const struct pga_refresh *refresh;
	struct pga_refreshed *source;
	const struct pga_crl_servers *servers;
};

static bool goes(const struct pga_refreshed *source, const struct pga_refreshed_root *root)
{
	return source->asked && root->pin != NULL &&
	       (root->state == PGA_ROOT_WITHDRAWN || root->expired);
}

static bool any_goes(const struct pga_refresh *refresh)
{
	for (size_t i = 0; i < refresh->count; i++)
		for (size_t k = 0; k < refresh->sources[i].count; k++)
			if (goes(&refresh->sources[i], &refresh->sources[i].roots[k]))
				return true;
	return false;
}

/* Whether the chain comes from this root, and from no other of its source that stays: one that was
 * made anew with the same key is as good. */
static bool comes_from(const struct looking *looking, STACK_OF(X509) * chain,
		       const struct pga_refreshed_root *root)
{
	const struct pga_refreshed *source = looking->source;

	if (chain == NULL || root->certificate.x509 == NULL ||
	    !pga_proof_ends_in(chain, &root->certificate))
		return false;
	for (size_t i = 0; i < source->count; i++) {
		const struct pga_refreshed_root *other = &source->roots[i];

		if (other != root && other->name != NULL && other->certificate.x509 != NULL &&
		    !goes(source, other) && pga_proof_ends_in(chain, &other->certificate))
			return false;
	}
	return true;
}

static const char *host_of(const struct pga_crl_server *server)
{
	const char *host = NULL;

	for (size_t i = 0; i < server->count; i++) {
		if (strcmp(server->keywords[i], "host") == 0 && server->values[i][0] != '\0')
			return server->values[i];
		if (strcmp(server->keywords[i], "hostaddr") == 0)
			host = server->values[i];
	}
	return host != NULL ? host : "";
}

/* One that has shown nothing, and by whose file and host it may be the root's. */
static bool may_come_from(const struct pga_crl_server *server,
			  const struct pga_refreshed_root *root)
{
	struct pga_error ignored;

	return server->chain == NULL && server->roots != NULL &&
	       pga_host_matches_any(root->pin->hosts, host_of(server)) &&
	       pga_roots_hold(server->roots, root->digits, &ignored) == 0;
}

static int note_late(struct looking *looking, const struct pga_refreshed_root *root,
		     const struct pga_crl_server *server, struct pga_error *error)
{
	struct pga_going_roots *going = looking->going;
	struct pga_late_server *grown =
	    reallocarray(going->late, going->count + 1, sizeof *going->late);
	char ends[PGA_X509_DATE];

	if (grown == NULL)
		return pga_fail_memory(error);
	going->late = grown;
	(void)pga_x509_date(X509_get0_notAfter(sk_X509_value(server->chain, 0)), ends);
	grown[going->count] = (struct pga_late_server){.anchor = strdup(root->name),
						       .server = strdup(server->label),
						       .ends = strdup(ends),
						       .expired = root->expired};
	going->count++;
	if (grown[going->count - 1].anchor == NULL || grown[going->count - 1].server == NULL ||
	    grown[going->count - 1].ends == NULL)
		return pga_fail_memory(error);
	return 0;
}

static int keep(struct pga_refreshed_root *root, struct pga_error *error, const char *format,
		const char *what)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	if (root->why != NULL)
		return 0;
	pga_text_add(&text, format);
	pga_text_add(&text, what);
	root->why = pga_text_take(&text);
	return root->why != NULL ? 0 : pga_fail_memory(error);
}

/* Which servers come from the root, and which may. */
static int look_at_servers(struct looking *looking, struct pga_refreshed_root *root,
			   struct pga_error *error)
{
	for (size_t i = 0; i < looking->servers->count; i++) {
		const struct pga_crl_server *server = &looking->servers->items[i];

		if (comes_from(looking, server->chain, root)) {
			if (note_late(looking, root, server, error) != 0 ||
			    keep(root, error, "it is needed by ", server->label) != 0)
				return -1;
		} else if (may_come_from(server, root) &&
			   keep(root, error, "a server that does not answer may need it: ",
				server->label) != 0) {
			return -1;
		}
	}
	return 0;
}

/* The service by which the own file of the anchor is read; NULL where there is none. */
static const struct pga_crl_server *bound_to(const struct looking *looking,
					     const struct pga_refreshed_root *root)
{
	const struct pga_crl_server *bound = NULL;
	char *path = root->pin != NULL ? pga_pin_own_file(root->pin) : NULL;

	for (size_t i = 0; path != NULL && bound == NULL && i < looking->servers->count; i++)
		if (looking->servers->items[i].roots != NULL &&
		    pga_path_is_same(looking->servers->items[i].roots, path))
			bound = &looking->servers->items[i];
	free(path);
	return bound;
}

/* Another root of the source that is there for all that this one is for; the newest. */
static struct pga_refreshed_root *successor_of(const struct looking *looking,
					       const struct pga_refreshed_root *root)
{
	struct pga_refreshed *source = looking->source;
	struct pga_refreshed_root *found = NULL;

	for (size_t i = 0; i < source->count; i++) {
		struct pga_refreshed_root *other = &source->roots[i];

		if (other != root && other->name != NULL && other->certificate.x509 != NULL &&
		    !goes(source, other) &&
		    (other->pin == NULL ||
		     pga_pin_joins(&looking->refresh->pins, other->digits, root->pin)) &&
		    (found == NULL ||
		     strcmp(other->certificate.not_before, found->certificate.not_before) > 0))
			found = other;
	}
	return found;
}

/* Whether the one was named after the other: NAME-2 after NAME. */
static bool is_named_after(const char *name, const char *other)
{
	const size_t length = strlen(other);

	return strncmp(name, other, length) == 0 && name[length] == '-' &&
	       strspn(name + length + 1, "0123456789") == strlen(name + length + 1);
}

static int drop_one(struct looking *looking, struct pga_refreshed_root *root,
		    struct pga_error *error)
{
	struct pga_refreshed_root *successor = successor_of(looking, root);
	const struct pga_crl_server *bound = bound_to(looking, root);

	if (root->why == NULL && looking->source->chain_root == root &&
	    keep(root, error, "the CA's own TLS still comes from it", "") != 0)
		return -1;
	if (root->why == NULL && successor == NULL &&
	    keep(root, error, "no other anchor is there in its place: pganchor anchor remove ",
		 root->name) != 0)
		return -1;
	if (root->why != NULL)
		return 0;
	if (successor->taken_by == NULL && is_named_after(successor->name, root->name) &&
	    bound_to(looking, successor) == NULL) {
		successor->taken_by = successor->name;
		successor->name = strdup(root->name);
		if (successor->name == NULL)
			return pga_fail_memory(error);
	} else if (bound != NULL) {
		return keep(root, error, "its own file is named by ", bound->label);
	}
	root->dropped = true;
	looking->going->dropped++;
	return 0;
}

static int look(struct looking *looking, bool drop, struct pga_error *error)
{
	for (size_t i = 0; i < looking->refresh->count; i++) {
		looking->source = &looking->refresh->sources[i];
		for (size_t k = 0; k < looking->source->count; k++) {
			struct pga_refreshed_root *root = &looking->source->roots[k];

			if (!goes(looking->source, root))
				continue;
			if (look_at_servers(looking, root, error) != 0 ||
			    (drop && drop_one(looking, root, error) != 0))
				return -1;
		}
	}
	return 0;
}

int pga_going_roots_look(struct pga_going_roots *going, struct pga_refresh *refresh, bool drop,
			 struct pga_error *error)
{
	struct looking looking = {.going = going, .refresh = refresh};
	struct pga_hidden_environment hidden;
	struct pga_crl_servers servers = {.count = 0};
	const struct pga_crl_host none = {.host = NULL};
	struct pga_policy policy = {0};
	int result = -1;

	memset(going, 0, sizeof *going);
	if (!any_goes(refresh))
		return 0;
	if (pga_policy_load(&policy, error) != 0)
		return -1;
	if (pga_hide_environment(&hidden) != 0) {
		pga_policy_free(&policy);
		return pga_fail_memory(error);
	}
	looking.servers = &servers;
	if (pga_crl_servers_ask(&servers, &none, &policy, &refresh->pins, error) == 0)
		result = look(&looking, drop, error);
	pga_restore_environment(&hidden);
	pga_crl_servers_free(&servers);
	pga_policy_free(&policy);
	return result;
}

void pga_going_roots_free(struct pga_going_roots *going)
{
	for (size_t i = 0; i < going->count; i++) {
		free(going->late[i].anchor);
		free(going->late[i].server);
		free(going->late[i].ends);
	}
	free(going->late);
	memset(going, 0, sizeof *going);
}
