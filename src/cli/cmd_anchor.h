/* What the subcommands of `pganchor anchor` share; each stands in cmd_anchor_NAME.c. */
#ifndef PGA_CLI_CMD_ANCHOR_H
#define PGA_CLI_CMD_ANCHOR_H

#include "anchor/server_keys.h"
#include "base/error.h"
#include "policy/known_servers.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* The keys of servers that a command is about, and what becomes of each. */
struct pga_key_list {
	struct pga_known_servers known;
	struct pga_key_choice choice;
	struct pga_key_change *changes;
	size_t count;
};

/* Reads the command's word, its --key (NULL: none) and the user's known_servers. Returns an exit
 * status, PGA_EXIT_DONE if all is well; to be freed in any case. */
int pga_key_list_begin(struct pga_key_list *list, const char *word, const char *key);
void pga_key_list_free(struct pga_key_list *list);

/* Adds one. Returns -1 for want of memory. */
int pga_key_list_add(struct pga_key_list *list, size_t index, enum pga_key_state state,
		     struct pga_error *error);

/* Prints what is known of a key, and who has signed for it. */
void pga_print_key(FILE *stream, const struct pga_known_servers *known,
		   const struct pga_known_key *key);

/* The changes that are to be made, or were, as JSON. */
json_t *pga_key_list_as_json(const struct pga_key_list *list);

/* Makes the changes, unless it is a dry run, and reports. Returns the exit status. */
int pga_key_list_apply(const struct pga_key_list *list, bool dry_run, bool json);

#endif
