#include "server/client_kinds.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

/* Of older ones, a slash is a byte like any other. */
#define EXPRESSIONS_FROM 16

/* Who has no name of the rules' is asked about by these. */
#define ANYBODY  "pganchor: anybody else"
#define ANYTHING "pganchor: anything else"

static bool is_group(const struct pga_hba_token *token)
{
	return !token->quoted && token->value[0] == '+';
}

static bool is_expression(const struct pga_client_kinds *kinds, const struct pga_hba_token *token)
{
	return kinds->tree->version >= EXPRESSIONS_FROM && token->value[0] == '/';
}

static bool is_samerole(const struct pga_hba_token *token)
{
	return pga_hba_is_keyword(token, "samerole") || pga_hba_is_keyword(token, "samegroup");
}

/* ---- names ---- */

static int add_name(struct pga_kind_names *names, const char *text, bool named, bool others,
		    struct pga_error *error)
{
	struct pga_kind_name *more;

	for (size_t i = 0; i < names->count; i++)
		if (names->items[i].named == named && strcmp(names->items[i].text, text) == 0)
			return 0;
	more = reallocarray(names->items, names->count + 1, sizeof *more);
	if (more == NULL)
		return pga_fail_memory(error);
	names->items = more;
	more = &more[names->count];
	*more = (struct pga_kind_name){.text = strdup(text), .named = named, .others = others};
	if (more->text == NULL)
		return pga_fail_memory(error);
	names->count++;
	return 0;
}

/* Whoever else is there, one of a group is added, and one whom an expression means. */
static int add_token(const struct pga_client_kinds *kinds, struct pga_kind_names *names,
		     const struct pga_hba_token *token, bool *asks, struct pga_error *error)
{
	const bool user = names == &kinds->users;

	if (pga_hba_is_keyword(token, "all") ||
	    (!user &&
	     (pga_hba_is_keyword(token, "sameuser") || pga_hba_is_keyword(token, "replication"))))
		return 0;
	if (!user && is_samerole(token)) {
		*asks = true;
		return 0;
	}
	if (!(user && is_group(token)) && !is_expression(kinds, token))
		return add_name(names, token->value, true, false, error);
	*asks = true;
	return add_name(names, token->value, false, false, error);
}

static int add_field(struct pga_client_kinds *kinds, struct pga_kind_names *names,
		     const struct pga_hba_field *field, bool *asks, struct pga_error *error)
{
	for (size_t i = 0; i < field->count; i++)
		if (add_token(kinds, names, &field->tokens[i], asks, error) != 0)
			return -1;
	return 0;
}

/* Those whom the server has. */
static int add_known(struct pga_client_kinds *kinds, struct pga_kind_names *names,
		     struct pga_error *error)
{
	PGresult *rows = pga_require_world_list(kinds->world, names == &kinds->users);
	int result = 0;

	for (int i = 0; rows != NULL && result == 0 && i < PQntuples(rows); i++)
		result = add_name(names, PQgetvalue(rows, i, 0), true, false, error);
	PQclear(rows);
	return result;
}

/* A database of each user's name, for sameuser. */
static int add_same(struct pga_client_kinds *kinds, struct pga_error *error)
{
	for (size_t i = 0; i < kinds->users.count; i++)
		if (kinds->users.items[i].named &&
		    add_name(&kinds->databases, kinds->users.items[i].text, true, false, error) !=
			0)
			return -1;
	return 0;
}

static int find_names(struct pga_client_kinds *kinds, struct pga_error *error)
{
	bool ask_users = false;
	bool ask_databases = false;
	bool same = false;

	/* No database has this name: this one comes first in the list. */
	if (add_name(&kinds->databases, "", false, false, error) != 0)
		return -1;
	for (size_t i = 0; i < kinds->tree->place_count; i++) {
		const struct pga_hba_place *place = &kinds->tree->places[i];

		if (pga_hba_tree_line(kinds->tree, i)->type == PGA_HBA_LOCAL)
			continue;
		if (add_field(kinds, &kinds->users, &place->users, &ask_users, error) != 0 ||
		    add_field(kinds, &kinds->databases, &place->databases, &ask_databases, error) !=
			0)
			return -1;
		for (size_t k = 0; k < place->databases.count; k++)
			same = same ||
			       pga_hba_is_keyword(&place->databases.tokens[k], "sameuser") ||
			       is_samerole(&place->databases.tokens[k]);
	}
	if ((ask_users || ask_databases) && add_known(kinds, &kinds->users, error) != 0)
		return -1;
	if (ask_databases && add_known(kinds, &kinds->databases, error) != 0)
		return -1;
	if (same && add_same(kinds, error) != 0)
		return -1;
	return add_name(&kinds->users, ANYBODY, false, true, error) == 0 &&
		       add_name(&kinds->databases, ANYBODY, false, true, error) == 0 &&
		       add_name(&kinds->databases, ANYTHING, false, true, error) == 0
		   ? 0
		   : -1;
}

/* ---- addresses ---- */

static int add_address(struct pga_client_kinds *kinds, const struct pga_hba_range *range,
		       const struct pga_hba_token *host, struct pga_error *error)
{
	struct pga_kind_address *more;

	for (size_t i = 0; i < kinds->address_count; i++)
		if (kinds->addresses[i].range.family == range->family &&
		    (host == NULL
			 ? kinds->addresses[i].host == NULL &&
			       memcmp(kinds->addresses[i].range.address, range->address,
				      range->length) == 0
			 : kinds->addresses[i].host != NULL &&
			       strcasecmp(kinds->addresses[i].host->value, host->value) == 0))
			return 0;
	more = reallocarray(kinds->addresses, kinds->address_count + 1, sizeof *more);
	if (more == NULL)
		return pga_fail_memory(error);
	kinds->addresses = more;
	more = &more[kinds->address_count++];
	*more = (struct pga_kind_address){.range = *range, .host = host};
	memset(more->range.mask, 0xff, sizeof more->range.mask);
	return 0;
}

/* Its first address, and the one behind its last. */
static int add_range(struct pga_client_kinds *kinds, const struct pga_hba_range *range,
		     struct pga_error *error)
{
	struct pga_hba_range first = *range;
	struct pga_hba_range behind = *range;
	size_t i = range->length;

	for (size_t k = 0; k < range->length; k++) {
		first.address[k] &= range->mask[k];
		behind.address[k] |= (unsigned char)~range->mask[k];
	}
	while (i > 0 && ++behind.address[i - 1] == 0)
		i--;
	if (add_address(kinds, &first, NULL, error) != 0)
		return -1;
	return i > 0 ? add_address(kinds, &behind, NULL, error) : 0;
}

static int add_words(struct pga_client_kinds *kinds, const char *const *words, size_t count,
		     struct pga_error *error)
{
	struct pga_hba_range range;

	for (size_t i = 0; i < count; i++)
		if (pga_hba_range_read(words[i], &range) &&
		    add_address(kinds, &range, NULL, error) != 0)
			return -1;
	return 0;
}

static int add_host(struct pga_client_kinds *kinds, const struct pga_hba_token *host,
		    struct pga_error *error)
{
	static const char *const words[] = {"0.0.0.0", "::"};
	struct pga_hba_range range;

	for (size_t i = 0; i < 2; i++)
		if (pga_hba_range_read(words[i], &range) &&
		    add_address(kinds, &range, host, error) != 0)
			return -1;
	return 0;
}

static bool is_host(const struct pga_hba_token *address)
{
	return !pga_hba_is_keyword(address, "all") && !pga_hba_is_keyword(address, "samehost") &&
	       !pga_hba_is_keyword(address, "samenet") && strcmp(address->value, "localhost") != 0;
}

static int find_addresses(struct pga_client_kinds *kinds, struct pga_error *error)
{
	static const char *const first[] = {"0.0.0.0", "::"};
	static const char *const loopback[] = {"127.0.0.0", "128.0.0.0", "::1", "::2"};
	const struct pga_hba_world *world = &kinds->world->world;
	struct pga_hba_range range;

	for (size_t i = 0; i < kinds->tree->place_count; i++) {
		const struct pga_hba_line *line = pga_hba_tree_line(kinds->tree, i);
		int result = 0;

		if (line->address == NULL)
			continue;
		if (pga_hba_range_of(line, &range))
			result = add_range(kinds, &range, error);
		else if (is_host(line->address))
			result = add_host(kinds, line->address, error);
		if (result != 0)
			return -1;
	}
	for (size_t i = 0; i < world->own_count; i++) {
		range = world->own[i];
		if (add_range(kinds, &range, error) != 0)
			return -1;
		memset(range.mask, 0xff, sizeof range.mask);
		if (add_range(kinds, &range, error) != 0)
			return -1;
	}
	return add_words(kinds, loopback, 4, error) == 0 ? add_words(kinds, first, 2, error) : -1;
}

int pga_client_kinds_find(struct pga_client_kinds *kinds, const struct pga_hba_tree *tree,
			  struct pga_require_world *world, struct pga_error *error)
{
	memset(kinds, 0, sizeof *kinds);
	kinds->tree = tree;
	kinds->world = world;
	return find_names(kinds, error) == 0 ? find_addresses(kinds, error) : -1;
}

static void free_names(struct pga_kind_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i].text);
	free(names->items);
}

void pga_client_kinds_free(struct pga_client_kinds *kinds)
{
	free_names(&kinds->users);
	free_names(&kinds->databases);
	for (size_t i = 0; i < kinds->answer_count; i++) {
		free(kinds->answers[i].word);
		free(kinds->answers[i].yes);
	}
	free(kinds->answers);
	free(kinds->addresses);
	memset(kinds, 0, sizeof *kinds);
}

void pga_client_kinds_count(const struct pga_client_kinds *kinds, size_t counts[PGA_BOX_SIDES])
{
	counts[PGA_BOX_USERS] = kinds->users.count;
	counts[PGA_BOX_DATABASES] = kinds->databases.count;
	counts[PGA_BOX_ADDRESSES] = kinds->address_count;
}
