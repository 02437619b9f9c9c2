/* The users, databases and addresses that the rules of a pg_hba.conf tell apart: one of each kind
 * stands for all whom no rule tells from it. */
#ifndef PGA_SERVER_CLIENT_KINDS_H
#define PGA_SERVER_CLIENT_KINDS_H

#include "base/error.h"
#include "server/client_boxes.h"
#include "server/hba_tree.h"
#include "server/require_world.h"

#include <stdbool.h>
#include <stddef.h>

struct pga_kind_name {
	char *text;
	bool named;  /* this very name; else one of the group or of the expression */
	bool others; /* or whoever has no name of these: text is what stands for it */
};

struct pga_kind_names {
	struct pga_kind_name *items;
	size_t count;
};

/* The first address of those that are alike, or a host by its name, with an address of IPv4 or IPv6
 * that no rule has but those that have all of them. */
struct pga_kind_address {
	struct pga_hba_range range;
	const struct pga_hba_token *host; /* NULL: an address */
};

/* For whom of them a group or a regular expression is. */
struct pga_kind_answer {
	const struct pga_kind_names *of;
	bool group;
	char *word;
	bool *yes; /* of each */
};

struct pga_client_kinds {
	const struct pga_hba_tree *tree;
	struct pga_require_world *world;
	struct pga_kind_names users;
	struct pga_kind_names databases; /* number 0 is replication */
	struct pga_kind_address *addresses;
	size_t address_count;
	struct pga_kind_answer *answers;
	size_t answer_count;
};

/* Where groups and expressions are in the rules, the roles and databases that there are count, too.
 * Returns -1 for want of memory; that a question was not answered is the world's to tell. To be
 * freed in either case, before the world's end. */
int pga_client_kinds_find(struct pga_client_kinds *kinds, const struct pga_hba_tree *tree,
			  struct pga_require_world *world, struct pga_error *error);
void pga_client_kinds_free(struct pga_client_kinds *kinds);

/* How many there are of each: for pga_boxes_begin(). */
void pga_client_kinds_count(const struct pga_client_kinds *kinds, size_t counts[PGA_BOX_SIDES]);

/* Adds whomever the rule at this place is for, however they come. */
void pga_client_kinds_of(struct pga_client_kinds *kinds, size_t place, struct pga_boxes *boxes);

#endif
