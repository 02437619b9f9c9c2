/* Which of the kinds a rule is for. */
#include "server/client_kinds.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define EXPRESSIONS_FROM 16

static const bool *fail_memory(struct pga_client_kinds *kinds)
{
	(void)pga_fail_memory(&kinds->world->error);
	kinds->world->failed = true;
	return NULL;
}

/* One that stands for a group is a member of what that is one of; of one that stands for an
 * expression nothing else is known. */
static bool ask(struct pga_client_kinds *kinds, struct pga_kind_answer *answer)
{
	const struct pga_kind_names *of = answer->of;
	const char **names = calloc(of->count + 1, sizeof *names);
	bool done = false;

	answer->yes = calloc(of->count + 1, sizeof *answer->yes);
	for (size_t i = 0; names != NULL && i < of->count; i++) {
		const struct pga_kind_name *name = &of->items[i];

		names[i] = name->named || name->others ? name->text
			   : name->text[0] == '+'      ? name->text + 1
						       : "";
	}
	if (names != NULL && answer->yes != NULL)
		done = pga_require_world_ask_all(kinds->world, answer->group, answer->word, names,
						 of->count, answer->yes);
	for (size_t i = 0; done && !answer->group && i < of->count; i++)
		if (!of->items[i].named && of->items[i].text[0] == '/')
			answer->yes[i] = strcmp(of->items[i].text + 1, answer->word) == 0;
	if (names == NULL || answer->yes == NULL)
		(void)fail_memory(kinds);
	free(names);
	return done;
}

/* NULL: it could not be asked, and the world has failed. */
static const bool *answer_of(struct pga_client_kinds *kinds, const struct pga_kind_names *of,
			     bool group, const char *word)
{
	struct pga_kind_answer *more;

	for (size_t i = 0; i < kinds->answer_count; i++) {
		const struct pga_kind_answer *one = &kinds->answers[i];

		if (one->of == of && one->group == group && strcmp(one->word, word) == 0)
			return one->yes;
	}
	more = reallocarray(kinds->answers, kinds->answer_count + 1, sizeof *more);
	if (more == NULL)
		return fail_memory(kinds);
	kinds->answers = more;
	more = &more[kinds->answer_count];
	*more = (struct pga_kind_answer){.of = of, .group = group, .word = strdup(word)};
	if (more->word == NULL)
		return fail_memory(kinds);
	kinds->answer_count++;
	return ask(kinds, more) ? more->yes : NULL;
}

static void add_names(struct pga_client_kinds *kinds, const struct pga_kind_names *names,
		      const struct pga_hba_token *token, uint64_t *side)
{
	const bool group = names == &kinds->users && !token->quoted && token->value[0] == '+';
	const bool expression = kinds->tree->version >= EXPRESSIONS_FROM && token->value[0] == '/';
	const bool *yes =
	    group || expression ? answer_of(kinds, names, group, token->value + 1) : NULL;

	for (size_t i = 0; i < names->count; i++)
		if (pga_hba_is_keyword(token, "all") || (yes != NULL && yes[i]) ||
		    (!group && !expression && names->items[i].named &&
		     strcmp(names->items[i].text, token->value) == 0))
			pga_box_set(side, i);
}

static bool is_same_name(const struct pga_kind_name *user, const struct pga_kind_name *database)
{
	return user->named == database->named && user->others == database->others &&
	       strcmp(user->text, database->text) == 0;
}

/* sameuser, and samerole: the users of each database. */
static void add_pairs(struct pga_client_kinds *kinds, bool role, struct pga_boxes *boxes)
{
	for (size_t i = 1; i < kinds->databases.count; i++) {
		const struct pga_kind_name *database = &kinds->databases.items[i];
		const bool *yes = role && (database->named || database->others)
				      ? answer_of(kinds, &kinds->users, true, database->text)
				      : NULL;
		uint64_t *box = pga_boxes_add(boxes);
		uint64_t *whole = pga_boxes_at(boxes, 0);
		uint64_t *users;

		if (box == NULL)
			return;
		users = pga_box_side(boxes, box, PGA_BOX_USERS);
		memcpy(pga_box_side(boxes, box, PGA_BOX_ADDRESSES),
		       pga_box_side(boxes, whole, PGA_BOX_ADDRESSES),
		       boxes->words[PGA_BOX_ADDRESSES] * sizeof *box);
		pga_box_set(pga_box_side(boxes, box, PGA_BOX_DATABASES), i);
		for (size_t k = 0; k < kinds->users.count; k++)
			if (pga_box_has(pga_box_side(boxes, whole, PGA_BOX_USERS), k) &&
			    (is_same_name(&kinds->users.items[k], database) ||
			     (yes != NULL && yes[k])))
				pga_box_set(users, k);
	}
}

static bool is_host_in(const char *host, const char *of)
{
	const size_t length = strlen(host);
	const size_t suffix = strlen(of);

	return strcasecmp(host, of) == 0 ||
	       (of[0] == '.' && length >= suffix && strcasecmp(host + length - suffix, of) == 0);
}

static bool has_all(const struct pga_hba_range *range)
{
	for (size_t i = 0; i < range->length; i++)
		if (range->mask[i] != 0)
			return false;
	return true;
}

static void add_addresses(const struct pga_client_kinds *kinds, const struct pga_hba_line *line,
			  uint64_t *side)
{
	const struct pga_hba_world *world = &kinds->world->world;
	const bool all = pga_hba_is_keyword(line->address, "all");
	const bool networks = pga_hba_is_keyword(line->address, "samenet");
	const bool own = networks || pga_hba_is_keyword(line->address, "samehost");
	const bool local = strcmp(line->address->value, "localhost") == 0;
	struct pga_hba_range range;
	const bool numbers = pga_hba_range_of(line, &range);

	for (size_t i = 0; i < kinds->address_count; i++) {
		const struct pga_kind_address *one = &kinds->addresses[i];
		bool has = all;

		if (one->host != NULL)
			has = has || (numbers ? range.family == one->range.family && has_all(&range)
					      : !own && is_host_in(one->host->value,
								   line->address->value));
		else
			has = has || (numbers && pga_hba_range_has(&range, &one->range)) ||
			      (own && pga_hba_world_has(world, &one->range, networks)) ||
			      (local && pga_hba_range_is_loopback(&one->range));
		if (has)
			pga_box_set(side, i);
	}
}

void pga_client_kinds_of(struct pga_client_kinds *kinds, size_t place, struct pga_boxes *boxes)
{
	const struct pga_hba_place *rule = &kinds->tree->places[place];
	const struct pga_hba_line *line = pga_hba_tree_line(kinds->tree, place);
	uint64_t *box =
	    line->kind == PGA_HBA_RULE && line->address != NULL ? pga_boxes_add(boxes) : NULL;
	bool same = false;
	bool role = false;

	if (box == NULL)
		return;
	add_addresses(kinds, line, pga_box_side(boxes, box, PGA_BOX_ADDRESSES));
	for (size_t i = 0; i < rule->users.count; i++)
		add_names(kinds, &kinds->users, &rule->users.tokens[i],
			  pga_box_side(boxes, box, PGA_BOX_USERS));
	for (size_t i = 0; i < rule->databases.count; i++) {
		const struct pga_hba_token *token = &rule->databases.tokens[i];
		uint64_t *side = pga_box_side(boxes, box, PGA_BOX_DATABASES);
		const bool physical = pga_box_has(side, 0);

		if (pga_hba_is_keyword(token, "samerole") || pga_hba_is_keyword(token, "samegroup"))
			role = true;
		else if (pga_hba_is_keyword(token, "sameuser"))
			same = true;
		else if (!pga_hba_is_keyword(token, "replication"))
			add_names(kinds, &kinds->databases, token, side);
		/* "all" is all databases, and no replication. */
		side[0] &= ~(uint64_t)1;
		if (physical || pga_hba_is_keyword(token, "replication"))
			pga_box_set(side, 0);
	}
	if (same || role)
		add_pairs(kinds, role, boxes);
}
