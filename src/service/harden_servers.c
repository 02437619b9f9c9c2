/* The servers of all entries that are to be hardened, asked at once. */
#include "service/harden_parts.h"

#include "base/many.h"

#include <stdlib.h>
#include <string.h>

struct shown {
	struct pga_server server; /* its texts are this one's own */
	char *host;
	char *address;
	STACK_OF(X509) * chain; /* NULL: there is none, and error says why */
	struct pga_error error;
};

struct pga_harden_servers {
	struct shown *items;
	size_t count;
	size_t room;
	bool asked;
};

/* What one thread has found out. */
struct answer {
	STACK_OF(X509) * chain;
	struct pga_error error;
};

static bool is_same_text(const char *one, const char *other)
{
	return one == NULL || other == NULL ? one == other : strcmp(one, other) == 0;
}

static bool is_same(const struct pga_server *one, const struct pga_server *other)
{
	return one->port == other->port && one->way == other->way &&
	       one->connect_timeout == other->connect_timeout && one->max_time == other->max_time &&
	       strcmp(one->host, other->host) == 0 && is_same_text(one->address, other->address);
}

static const struct shown *find(const struct pga_harden_servers *servers,
				const struct pga_server *server)
{
	for (size_t i = 0; servers != NULL && i < servers->count; i++)
		if (is_same(&servers->items[i].server, server))
			return &servers->items[i];
	return NULL;
}

static int make_room(struct pga_harden_servers *servers)
{
	const size_t room = servers->room > 0 ? 2 * servers->room : 16;
	struct shown *grown;

	if (servers->count < servers->room)
		return 0;
	grown = reallocarray(servers->items, room, sizeof *grown);
	if (grown == NULL)
		return -1;
	servers->items = grown;
	servers->room = room;
	return 0;
}

int pga_harden_servers_add(struct pga_harden_servers **servers, const struct pga_server *server,
			   struct pga_error *error)
{
	struct shown *shown;

	if (find(*servers, server) != NULL)
		return 0;
	if (*servers == NULL)
		*servers = calloc(1, sizeof **servers);
	if (*servers == NULL || make_room(*servers) != 0)
		return pga_fail_memory(error);
	shown = &(*servers)->items[(*servers)->count];
	memset(shown, 0, sizeof *shown);
	shown->host = strdup(server->host);
	shown->address = server->address != NULL ? strdup(server->address) : NULL;
	if (shown->host == NULL || (server->address != NULL && shown->address == NULL)) {
		free(shown->host);
		free(shown->address);
		return pga_fail_memory(error);
	}
	shown->server = *server;
	shown->server.host = shown->host;
	shown->server.address = shown->address;
	(*servers)->count++;
	return 0;
}

/* ---- in the threads ---- */

static void *ask(void *context, size_t index, bool *failed)
{
	const struct pga_harden_servers *servers = context;
	struct answer *answer = calloc(1, sizeof *answer);

	if (answer != NULL)
		*failed = pga_server_chain(&servers->items[index].server, &answer->chain, NULL,
					   &answer->error) != 0;
	return answer;
}

static void drop(void *result)
{
	struct answer *answer = result;

	if (answer != NULL)
		sk_X509_pop_free(answer->chain, X509_free);
	free(answer);
}

/* ---- in the one that has begun them ---- */

static int take(void *context, size_t index, void *result, struct pga_error *error)
{
	struct pga_harden_servers *servers = context;
	struct answer *answer = result;

	if (answer == NULL)
		return pga_fail_memory(error);
	servers->items[index].chain = answer->chain;
	servers->items[index].error = answer->error;
	free(answer);
	return 0;
}

int pga_harden_servers_ask(struct pga_harden_servers *servers, struct pga_error *error)
{
	const struct pga_many many = {.count = servers != NULL ? servers->count : 0,
				      .work = ask,
				      .take = take,
				      .drop = drop,
				      .context = servers};
	int result;

	/* One alone is asked where it is looked at. */
	if (many.count < 2)
		return 0;
	result = pga_many_run(&many, error);
	if (result > 0)
		pga_many_end(result);
	servers->asked = result == 0;
	return result;
}

int pga_harden_servers_show(const struct pga_harden_servers *servers,
			    const struct pga_server *server, STACK_OF(X509) * *chain,
			    struct pga_error *error)
{
	const struct shown *shown = find(servers, server);

	if (shown == NULL || !servers->asked)
		return pga_server_chain(server, chain, NULL, error);
	*chain = NULL;
	if (shown->chain == NULL) {
		*error = shown->error;
		return -1;
	}
	*chain = X509_chain_up_ref(shown->chain);
	return *chain != NULL ? 0 : pga_fail_memory(error);
}

void pga_harden_servers_free(struct pga_harden_servers *servers)
{
	for (size_t i = 0; servers != NULL && i < servers->count; i++) {
		free(servers->items[i].host);
		free(servers->items[i].address);
		sk_X509_pop_free(servers->items[i].chain, X509_free);
	}
	if (servers != NULL)
		free(servers->items);
	free(servers);
}
