/* Rules that stay, and would let in whom another one has asked for a password. */
#include "server/require.h"

#include "server/hba_address.h"
#include "server/hba_match.h"

#include <string.h>

/* One of the databases and one of the users of a rule. */
struct whom {
	const struct pga_hba_line *line;
	const struct pga_hba_token *database;
	const struct pga_hba_token *user;
};

static bool is_same(const struct pga_hba_token *one, const struct pga_hba_token *other)
{
	return one->quoted == other->quoted && strcmp(one->value, other->value) == 0;
}

/* "all" is all databases, and no replication. */
static bool names_all_of(const struct pga_hba_field *names, const struct pga_hba_token *of)
{
	for (size_t i = 0; i < names->count; i++)
		if (is_same(&names->tokens[i], of) ||
		    (pga_hba_is_keyword(&names->tokens[i], "all") &&
		     !pga_hba_is_keyword(of, "replication")))
			return true;
	return false;
}

/* A name that is one and the same for every server, and for nothing else. */
static bool is_plain(const struct pga_hba_token *token)
{
	static const char *const keywords[] = {"all", "sameuser", "samerole", "samegroup"};

	for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
		if (pga_hba_is_keyword(token, keywords[i]))
			return false;
	return token->value[0] != '/' && (token->quoted || token->value[0] != '+');
}

/* "replication" is a name, too: nothing else is for it. */
static bool may_name(const struct pga_hba_field *names, const struct pga_hba_token *of, bool user)
{
	for (size_t i = 0; i < names->count; i++) {
		const struct pga_hba_token *token = &names->tokens[i];

		if (!user && pga_hba_is_keyword(of, "replication") !=
				 pga_hba_is_keyword(token, "replication"))
			continue;
		if (!is_plain(token) || !is_plain(of) || strcmp(token->value, of->value) == 0)
			return true;
	}
	return false;
}

static bool has_all_addresses_of(const struct pga_hba_line *line, const struct pga_hba_line *of)
{
	struct pga_hba_range range;
	struct pga_hba_range other;

	if (line->address == NULL || of->address == NULL)
		return false;
	if (pga_hba_is_keyword(line->address, "all") || is_same(line->address, of->address))
		return line->mask == NULL || pga_hba_range_of(line, &range);
	if (!pga_hba_range_of(line, &range) || !pga_hba_range_of(of, &other) ||
	    !pga_hba_range_has(&range, &other))
		return false;
	for (size_t i = 0; i < range.length; i++)
		if ((range.mask[i] & ~other.mask[i]) != 0)
			return false;
	return true;
}

static bool may_have_addresses_of(const struct pga_hba_line *line, const struct pga_hba_line *of)
{
	struct pga_hba_range range;
	struct pga_hba_range other;

	if (!pga_hba_range_of(line, &range) || !pga_hba_range_of(of, &other))
		return true;
	for (size_t i = 0; i < sizeof range.mask; i++)
		range.mask[i] &= other.mask[i];
	return pga_hba_range_has(&range, &other);
}

static bool asks_nothing(const struct pga_hba_line *line)
{
	return line->method != NULL && (strcmp(line->method->value, "trust") == 0 ||
					strcmp(line->method->value, "ident") == 0);
}

static bool can_be_of_this_machine(const struct pga_hba_line *line)
{
	struct pga_hba_range range;

	return line->address == NULL || pga_hba_is_keyword(line->address, "all") ||
	       pga_hba_is_keyword(line->address, "samenet") || pga_hba_range_of(line, &range);
}

/* The first rule that is for some of them without TLS now, and asks them for more; place_count:
 * none is, or they do not get as far as their own. */
static size_t find_asked_before(const struct pga_hba_tree *tree, const struct whom *whom,
				size_t number)
{
	size_t found = tree->place_count;

	for (size_t i = 0; i < number; i++) {
		const struct pga_hba_place *place = &tree->places[i];
		const struct pga_hba_line *line = pga_hba_tree_line(tree, i);

		if (line->kind != PGA_HBA_RULE || !pga_hba_is_for(line->type, PGA_HBA_PLAIN))
			continue;
		if (pga_hba_becomes(line) == PGA_HBA_STAYS) {
			if (names_all_of(&place->databases, whom->database) &&
			    names_all_of(&place->users, whom->user) &&
			    has_all_addresses_of(line, whom->line))
				return tree->place_count;
		} else if (found == tree->place_count && !asks_nothing(line) &&
			   may_name(&place->databases, whom->database, false) &&
			   may_name(&place->users, whom->user, true) &&
			   can_be_of_this_machine(line) &&
			   may_have_addresses_of(line, whom->line)) {
			found = i;
		}
	}
	return found;
}

static int check_wider(const struct pga_hba_tree *tree, const struct whom *whom, size_t number,
		       struct pga_error *error)
{
	const size_t before = find_asked_before(tree, whom, number);

	if (before == tree->place_count)
		return 0;
	return pga_fail(error,
			"put it before that one, if this is how it is meant, or give it another "
			"method. Nothing was changed",
			"%s, line %zu: who comes from this machine without TLS would get in by its "
			"%s, and not by %s as now (%s, line %zu)",
			pga_hba_tree_path(tree, number), whom->line->number,
			whom->line->method->value, pga_hba_tree_line(tree, before)->method->value,
			pga_hba_tree_path(tree, before), pga_hba_tree_line(tree, before)->number);
}

int pga_require_check_wider(const struct pga_hba_tree *tree, struct pga_error *error)
{
	for (size_t i = 0; i < tree->place_count; i++) {
		const struct pga_hba_place *place = &tree->places[i];
		struct whom whom = {.line = pga_hba_tree_line(tree, i)};

		if (!pga_hba_lets_plain_in(whom.line) || pga_hba_is_remote(whom.line) ||
		    !asks_nothing(whom.line))
			continue;
		for (size_t k = 0; k < place->databases.count; k++)
			for (size_t m = 0; m < place->users.count; m++) {
				whom.database = &place->databases.tokens[k];
				whom.user = &place->users.tokens[m];
				if (check_wider(tree, &whom, i, error) != 0)
					return -1;
			}
	}
	return 0;
}
