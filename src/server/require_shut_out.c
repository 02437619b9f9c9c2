/* Rules that let somebody in without TLS alone: whoever comes by them would not get in with it
 * either. And those that stay, and would let in whom another one has asked for a password. */
#include "server/require.h"

#include "server/hba_address.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* One of the databases and one of the users of a rule. */
struct whom {
	const struct pga_hba_line *line;
	const struct pga_hba_token *database;
	const struct pga_hba_token *user;
};

static bool is_keyword(const struct pga_hba_token *token, const char *word)
{
	return !token->quoted && strcmp(token->value, word) == 0;
}

static bool is_same(const struct pga_hba_token *one, const struct pga_hba_token *other)
{
	return one->quoted == other->quoted && strcmp(one->value, other->value) == 0;
}

/* "all" is all databases, and no replication. */
static bool names_all_of(const struct pga_hba_field *names, const struct pga_hba_token *of)
{
	for (size_t i = 0; i < names->count; i++)
		if (is_same(&names->tokens[i], of) ||
		    (is_keyword(&names->tokens[i], "all") && !is_keyword(of, "replication")))
			return true;
	return false;
}

/* A name that is one and the same for every server, and for nothing else. */
static bool is_plain(const struct pga_hba_token *token)
{
	static const char *const keywords[] = {"all", "sameuser", "samerole", "samegroup"};

	for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
		if (is_keyword(token, keywords[i]))
			return false;
	return token->value[0] != '/' && (token->quoted || token->value[0] != '+');
}

/* "replication" is a name, too: nothing else is for it. */
static bool may_name(const struct pga_hba_field *names, const struct pga_hba_token *of, bool user)
{
	for (size_t i = 0; i < names->count; i++) {
		const struct pga_hba_token *token = &names->tokens[i];

		if (!user && is_keyword(of, "replication") != is_keyword(token, "replication"))
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
	if (is_keyword(line->address, "all") || is_same(line->address, of->address))
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

/* Whether the rule at this place is for those who come so. */
static bool is_for(const struct pga_hba_line *line, bool tls)
{
	if (line->kind != PGA_HBA_RULE)
		return false;
	return line->type == PGA_HBA_HOST || line->type == PGA_HBA_HOSTNOGSSENC ||
	       line->type == (tls ? PGA_HBA_HOSTSSL : PGA_HBA_HOSTNOSSL);
}

/* Whether all of them are kept out, by a rule or for want of one; false where one that comes first,
 * and is not for the machine itself, lets some of them in. */
static bool is_kept_out(const struct pga_hba_tree *tree, const struct whom *whom, bool tls)
{
	for (size_t i = 0; i < tree->place_count; i++) {
		const struct pga_hba_place *place = &tree->places[i];
		const struct pga_hba_line *line = pga_hba_tree_line(tree, i);

		if (!is_for(line, tls))
			continue;
		if (!pga_hba_rejects(line)) {
			if (pga_hba_is_remote(line) &&
			    may_name(&place->databases, whom->database, false) &&
			    may_name(&place->users, whom->user, true) &&
			    may_have_addresses_of(line, whom->line))
				return false;
		} else if (names_all_of(&place->databases, whom->database) &&
			   names_all_of(&place->users, whom->user) &&
			   has_all_addresses_of(line, whom->line)) {
			return true;
		}
	}
	return true;
}

/* Of IPv4 or of IPv6: what "all" is for can be in two rules. */
static bool has_all_of_family(const struct pga_hba_line *line, const struct pga_hba_line *of,
			      int family)
{
	struct pga_hba_range range;
	struct pga_hba_range other;

	if (has_all_addresses_of(line, of))
		return true;
	if (pga_hba_range_of(of, &other))
		return other.family != family;
	if (!pga_hba_range_of(line, &range) || range.family != family)
		return false;
	for (size_t i = 0; i < range.length; i++)
		if (range.mask[i] != 0)
			return false;
	return true;
}

/* Whether all of them are let in by TLS, wherever they come from. */
static bool is_let_in(const struct pga_hba_tree *tree, const struct whom *whom)
{
	bool v4 = false;
	bool v6 = false;

	for (size_t i = 0; i < tree->place_count && !(v4 && v6); i++) {
		const struct pga_hba_place *place = &tree->places[i];
		const struct pga_hba_line *line = pga_hba_tree_line(tree, i);

		if (!is_for(line, true) || !names_all_of(&place->databases, whom->database) ||
		    !names_all_of(&place->users, whom->user))
			continue;
		if (pga_hba_rejects(line) && has_all_addresses_of(line, whom->line))
			return false;
		if (!pga_hba_rejects(line)) {
			v4 = v4 || has_all_of_family(line, whom->line, AF_INET);
			v6 = v6 || has_all_of_family(line, whom->line, AF_INET6);
		}
	}
	return v4 && v6;
}

/* A rule that wants TLS lets in by it itself those who get as far; one that is for nobody then
 * leaves them to others. */
static bool is_shut_out(const struct pga_hba_tree *tree, const struct whom *whom)
{
	if (is_kept_out(tree, whom, false))
		return false;
	return pga_hba_becomes(whom->line) == PGA_HBA_COMMENTED_OUT ? !is_let_in(tree, whom)
								    : is_kept_out(tree, whom, true);
}

/* One at least of those whom the rule is for. */
static bool shuts_out(const struct pga_hba_tree *tree, size_t number)
{
	const struct pga_hba_place *place = &tree->places[number];
	struct whom whom = {.line = pga_hba_tree_line(tree, number)};
	const enum pga_hba_becomes becomes = pga_hba_becomes(whom.line);

	if (becomes != PGA_HBA_NEEDS_TLS && becomes != PGA_HBA_COMMENTED_OUT)
		return false;
	for (size_t i = 0; i < place->databases.count; i++)
		for (size_t k = 0; k < place->users.count; k++) {
			whom.database = &place->databases.tokens[i];
			whom.user = &place->users.tokens[k];
			if (is_shut_out(tree, &whom))
				return true;
		}
	return false;
}

int pga_require_find_shut_out(const struct pga_hba_tree *tree, struct pga_shut_out *shut_out,
			      struct pga_error *error)
{
	shut_out->places = calloc(tree->place_count + 1, sizeof *shut_out->places);
	if (shut_out->places == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; i < tree->place_count; i++)
		if (shuts_out(tree, i))
			shut_out->places[shut_out->count++] = i;
	return 0;
}

int pga_require_check_shut_out(const struct pga_locked_out *locked_out,
			       const struct pga_shut_out *shut_out,
			       const struct pga_require_trial *trials, size_t trial_count,
			       struct pga_error *error)
{
	size_t sessions = 0;
	size_t tried = 0;

	for (size_t i = 0; i < locked_out->count; i++)
		sessions += locked_out->sessions[i].shut_out ? 1 : 0;
	for (size_t i = 0; i < trial_count; i++)
		tried += trials[i].encrypted_before == PGA_LET_IN_NOT ? 1 : 0;
	if (shut_out->count == 0 && sessions == 0 && tried == 0)
		return 0;
	return pga_fail(error,
			"first let them in by hostssl, before any rule that rejects them, and "
			"reload the server; or --lock-out, if nobody comes so. Nothing was changed",
			"whom pg_hba.conf lets in without TLS alone would be locked out: %zu "
			"rule%s, %zu session%s, and %zu of the connections tried",
			shut_out->count, shut_out->count == 1 ? "" : "s", sessions,
			sessions == 1 ? "" : "s", tried);
}

static bool asks_nothing(const struct pga_hba_line *line)
{
	return line->method != NULL && (strcmp(line->method->value, "trust") == 0 ||
					strcmp(line->method->value, "ident") == 0);
}

static bool can_be_of_this_machine(const struct pga_hba_line *line)
{
	struct pga_hba_range range;

	return line->address == NULL || is_keyword(line->address, "all") ||
	       is_keyword(line->address, "samenet") || pga_hba_range_of(line, &range);
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

		if (!is_for(line, false))
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
