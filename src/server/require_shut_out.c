/* Rules that let somebody in without TLS alone: whoever comes by them would not get in with it
 * either. Whoever can come is walked through the rules as they are, and as they are to become. */
#include "server/require.h"

#include "server/client_kinds.h"
#include "server/hba_match.h"
#include "server/require_world.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct walk {
	const struct pga_hba_tree *tree;
	struct pga_client_kinds *kinds;
	size_t counts[PGA_BOX_SIDES];
	struct pga_boxes shut_out; /* whoever would get in neither with TLS nor without it */
};

static bool becomes_other(const struct pga_hba_line *line)
{
	const enum pga_hba_becomes becomes = pga_hba_becomes(line);

	return becomes == PGA_HBA_NEEDS_TLS || becomes == PGA_HBA_COMMENTED_OUT;
}

/* Those who use TLS: rules that become hostssl are, too, and none that is commented out. */
static bool is_for_tls(const struct pga_hba_line *line)
{
	return line->kind == PGA_HBA_RULE && pga_hba_is_for(line->type, PGA_HBA_BY_TLS);
}

/* Those who do not. */
static bool is_for_plain(const struct pga_hba_line *line)
{
	return line->kind == PGA_HBA_RULE && pga_hba_is_for(line->type, PGA_HBA_PLAIN);
}

static void begin_with_all(const struct walk *walk, struct pga_boxes *all)
{
	uint64_t *box;

	pga_boxes_begin(all, walk->counts);
	box = pga_boxes_add(all);
	for (int side = 0; box != NULL && side < PGA_BOX_SIDES; side++)
		pga_box_set_all(pga_box_side(all, box, (enum pga_box_side)side),
				walk->counts[side]);
}

/* Whoever is left and comes to this rule: they go from one set to the other, which may be NULL. */
static void move_by_rule(const struct walk *walk, size_t place, struct pga_boxes *left,
			 struct pga_boxes *to)
{
	struct pga_boxes rule;

	pga_boxes_begin(&rule, walk->counts);
	pga_client_kinds_of(walk->kinds, place, &rule);
	for (size_t i = 0; i < rule.count; i++)
		pga_boxes_move(left, pga_boxes_at(&rule, i), to);
	left->failed = left->failed || rule.failed;
	pga_boxes_free(&rule);
}

/* Adds the boxes of one set to another. */
static void add_all(struct pga_boxes *to, const struct pga_boxes *from)
{
	for (size_t i = 0; i < from->count; i++) {
		uint64_t *box = pga_boxes_add(to);

		if (box != NULL)
			memcpy(box, pga_boxes_at(from, i), to->stride * sizeof *box);
	}
	to->failed = to->failed || from->failed;
}

/* Who would be refused with TLS, without those who still get in without it. */
static void find_refused(struct walk *walk)
{
	struct pga_boxes left;
	struct pga_boxes plain;

	pga_boxes_begin(&walk->shut_out, walk->counts);
	begin_with_all(walk, &left);
	for (size_t i = 0; i < walk->tree->place_count; i++) {
		const struct pga_hba_line *line = pga_hba_tree_line(walk->tree, i);

		if (is_for_tls(line))
			move_by_rule(walk, i, &left,
				     pga_hba_rejects(line) ? &walk->shut_out : NULL);
	}
	add_all(&walk->shut_out, &left);
	pga_boxes_free(&left);
	pga_boxes_begin(&plain, walk->counts);
	begin_with_all(walk, &left);
	for (size_t i = 0; i < walk->tree->place_count; i++) {
		const struct pga_hba_line *line = pga_hba_tree_line(walk->tree, i);

		if (is_for_plain(line) && !becomes_other(line))
			move_by_rule(walk, i, &left, pga_hba_rejects(line) ? NULL : &plain);
	}
	for (size_t i = 0; i < plain.count; i++)
		pga_boxes_move(&walk->shut_out, pga_boxes_at(&plain, i), NULL);
	walk->shut_out.failed = walk->shut_out.failed || left.failed || plain.failed;
	pga_boxes_free(&left);
	pga_boxes_free(&plain);
}

static char *name_of(const struct pga_kind_name *name)
{
	return strdup(name->others ? "" : name->text);
}

/* The rule by which the client is refused with TLS; place_count: none is for it. */
static size_t find_refusal(const struct walk *walk, const size_t client[PGA_BOX_SIDES])
{
	struct pga_boxes left;
	size_t i;

	pga_boxes_begin(&left, walk->counts);
	(void)pga_boxes_add(&left);
	for (int side = 0; left.count > 0 && side < PGA_BOX_SIDES; side++)
		pga_box_set(pga_box_side(&left, pga_boxes_at(&left, 0), (enum pga_box_side)side),
			    client[side]);
	for (i = 0; left.count > 0 && i < walk->tree->place_count; i++) {
		if (is_for_tls(pga_hba_tree_line(walk->tree, i)))
			move_by_rule(walk, i, &left, NULL);
		if (left.count == 0)
			break;
	}
	pga_boxes_free(&left);
	return i;
}

static int add(struct pga_shut_out *shut_out, const struct walk *walk, size_t place,
	       const size_t client[PGA_BOX_SIDES], struct pga_error *error)
{
	const struct pga_client_kinds *kinds = walk->kinds;
	const struct pga_kind_address *address = &kinds->addresses[client[PGA_BOX_ADDRESSES]];
	struct pga_shut_out_rule *rule = &shut_out->rules[shut_out->count++];
	char text[INET6_ADDRSTRLEN] = "";

	(void)inet_ntop(address->range.family, address->range.address, text, sizeof text);
	*rule = (struct pga_shut_out_rule){
	    .place = place,
	    .user = name_of(&kinds->users.items[client[PGA_BOX_USERS]]),
	    .database = client[PGA_BOX_DATABASES] == 0
			    ? strdup("replication")
			    : name_of(&kinds->databases.items[client[PGA_BOX_DATABASES]]),
	    .address = strdup(address->host != NULL ? address->host->value : text),
	    .by = find_refusal(walk, client)};
	return rule->user != NULL && rule->database != NULL && rule->address != NULL
		   ? 0
		   : pga_fail_memory(error);
}

/* Each rule in its order, with those who come to it without TLS now. */
static int find(struct walk *walk, struct pga_shut_out *shut_out, struct pga_error *error)
{
	struct pga_boxes left;
	size_t client[PGA_BOX_SIDES];
	int result = 0;

	find_refused(walk);
	begin_with_all(walk, &left);
	for (size_t i = 0; result == 0 && i < walk->tree->place_count; i++) {
		const struct pga_hba_line *line = pga_hba_tree_line(walk->tree, i);
		struct pga_boxes by;

		if (!is_for_plain(line))
			continue;
		pga_boxes_begin(&by, walk->counts);
		move_by_rule(walk, i, &left, &by);
		if (becomes_other(line) && pga_boxes_meet(&by, &walk->shut_out, client))
			result = add(shut_out, walk, i, client, error);
		left.failed = left.failed || by.failed;
		pga_boxes_free(&by);
	}
	if (result == 0 && (left.failed || walk->shut_out.failed))
		result = pga_fail(error, NULL,
				  "whom the rules of %s let in cannot be told: they are too many, "
				  "or memory ran out",
				  walk->tree->parts[0].path);
	pga_boxes_free(&left);
	pga_boxes_free(&walk->shut_out);
	return result;
}

int pga_require_find_shut_out(struct pga_cluster_session *session, const struct pga_hba_tree *tree,
			      bool here, struct pga_shut_out *shut_out, struct pga_error *error)
{
	struct pga_require_world world;
	struct pga_client_kinds kinds = {.tree = tree};
	struct walk walk = {.tree = tree, .kinds = &kinds};
	int result = 0;

	shut_out->rules = calloc(tree->place_count + 1, sizeof *shut_out->rules);
	if (shut_out->rules == NULL)
		return pga_fail_memory(error);
	pga_require_world_begin(&world, session, here);
	result = pga_client_kinds_find(&kinds, tree, &world, error);
	pga_client_kinds_count(&kinds, walk.counts);
	if (result == 0)
		result = find(&walk, shut_out, error);
	pga_client_kinds_free(&kinds);
	if (pga_require_world_end(&world, result == 0 ? error : &world.error) != 0)
		result = -1;
	return result;
}

void pga_shut_out_free(struct pga_shut_out *shut_out)
{
	for (size_t i = 0; i < shut_out->count; i++) {
		free(shut_out->rules[i].user);
		free(shut_out->rules[i].database);
		free(shut_out->rules[i].address);
	}
	free(shut_out->rules);
	memset(shut_out, 0, sizeof *shut_out);
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
