#include "server/hba_match.h"

#include <string.h>

/* Of older ones, a slash is a byte like any other. */
#define EXPRESSIONS_FROM 16

struct matching {
	const struct pga_hba_tree *tree;
	const struct pga_hba_world *world;
	const struct pga_hba_client *client;
};

static bool is_member(const struct matching *matching, const char *role)
{
	const struct pga_hba_world *world = matching->world;
	const char *user = matching->client->user;

	return strcmp(user, role) == 0 ||
	       (world->is_member != NULL && world->is_member(world->context, user, role));
}

static bool is_name(const struct matching *matching, const struct pga_hba_token *token,
		    const char *name)
{
	const struct pga_hba_world *world = matching->world;

	if (matching->tree->version >= EXPRESSIONS_FROM && token->value[0] == '/')
		return world->matches != NULL &&
		       world->matches(world->context, token->value + 1, name);
	return strcmp(token->value, name) == 0;
}

static bool names_database(const struct matching *matching, const struct pga_hba_token *token)
{
	const struct pga_hba_client *client = matching->client;
	const bool replication = pga_hba_is_keyword(token, "replication");

	if (client->database[0] == '\0' || replication)
		return client->database[0] == '\0' && replication;
	if (pga_hba_is_keyword(token, "all"))
		return true;
	if (pga_hba_is_keyword(token, "sameuser"))
		return strcmp(client->user, client->database) == 0;
	if (pga_hba_is_keyword(token, "samerole") || pga_hba_is_keyword(token, "samegroup"))
		return is_member(matching, client->database);
	return is_name(matching, token, client->database);
}

static bool is_for_database(const struct matching *matching, const struct pga_hba_field *names)
{
	for (size_t i = 0; i < names->count; i++)
		if (names_database(matching, &names->tokens[i]))
			return true;
	return false;
}

static bool is_for_user(const struct matching *matching, const struct pga_hba_field *names)
{
	for (size_t i = 0; i < names->count; i++) {
		const struct pga_hba_token *token = &names->tokens[i];

		if (!token->quoted && token->value[0] == '+') {
			if (is_member(matching, token->value + 1))
				return true;
		} else if (pga_hba_is_keyword(token, "all") ||
			   is_name(matching, token, matching->client->user)) {
			return true;
		}
	}
	return false;
}

bool pga_hba_world_has(const struct pga_hba_world *world, const struct pga_hba_range *one,
		       bool networks)
{
	for (size_t i = 0; i < world->own_count; i++) {
		struct pga_hba_range own = world->own[i];

		if (!networks)
			memset(own.mask, 0xff, sizeof own.mask);
		if (pga_hba_range_has(&own, one))
			return true;
	}
	return false;
}

static bool is_for_address(const struct matching *matching, const struct pga_hba_line *line)
{
	struct pga_hba_range range;
	struct pga_hba_range one;

	if (line->address == NULL || !pga_hba_range_read(matching->client->address, &one))
		return false;
	if (pga_hba_is_keyword(line->address, "all"))
		return true;
	if (pga_hba_is_keyword(line->address, "samehost") ||
	    pga_hba_is_keyword(line->address, "samenet"))
		return pga_hba_world_has(matching->world, &one,
					 pga_hba_is_keyword(line->address, "samenet"));
	if (pga_hba_range_of(line, &range))
		return pga_hba_range_has(&range, &one);
	if (strcmp(line->address->value, "localhost") == 0)
		return pga_hba_range_is_loopback(&one);
	return matching->client->doubt && !pga_hba_rejects(line);
}

bool pga_hba_is_for(enum pga_hba_type type, enum pga_hba_way way)
{
	switch (type) {
	case PGA_HBA_HOST:
		return true;
	case PGA_HBA_HOSTSSL:
		return way == PGA_HBA_BY_TLS;
	case PGA_HBA_HOSTNOSSL:
		return way != PGA_HBA_BY_TLS;
	case PGA_HBA_HOSTGSSENC:
		return way == PGA_HBA_BY_GSS;
	case PGA_HBA_HOSTNOGSSENC:
		return way != PGA_HBA_BY_GSS;
	default:
		return false;
	}
}

size_t pga_hba_match(const struct pga_hba_tree *tree, const struct pga_hba_world *world,
		     const struct pga_hba_client *client, bool required)
{
	const struct matching matching = {tree, world, client};
	size_t i;

	for (i = 0; i < tree->place_count; i++) {
		const struct pga_hba_place *place = &tree->places[i];
		const struct pga_hba_line *line = pga_hba_tree_line(tree, i);
		enum pga_hba_type type = line->type;

		if (line->kind != PGA_HBA_RULE)
			continue;
		if (required && pga_hba_becomes(line) == PGA_HBA_COMMENTED_OUT)
			continue;
		if (required && pga_hba_becomes(line) == PGA_HBA_NEEDS_TLS)
			type = PGA_HBA_HOSTSSL;
		if (pga_hba_is_for(type, client->way) && is_for_address(&matching, line) &&
		    is_for_database(&matching, &place->databases) &&
		    is_for_user(&matching, &place->users))
			break;
	}
	return i;
}

bool pga_hba_admits(const struct pga_hba_tree *tree, const struct pga_hba_world *world,
		    const struct pga_hba_client *client, bool required)
{
	const size_t place = pga_hba_match(tree, world, client, required);

	return place < tree->place_count && !pga_hba_rejects(pga_hba_tree_line(tree, place));
}
