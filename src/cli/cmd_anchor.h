/* What the subcommands of `pganchor anchor` share; each stands in cmd_anchor_NAME.c. */
#ifndef PGA_CLI_CMD_ANCHOR_H
#define PGA_CLI_CMD_ANCHOR_H

#include "anchor/server_keys.h"
#include "base/error.h"
#include "cli/options.h"
#include "policy/known_servers.h"
#include "policy/policy.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* What is typed behind either; only and yes are accept's. */
struct pga_asked_keys {
	const char *key; /* NULL: any */
	char digits[PGA_PIN_LENGTH + 1];
	bool system;
	bool only;
	bool yes;
	bool dry_run;
	bool json;
};

/* The keys of servers that a command is about, and what becomes of each. */
struct pga_key_list {
	const struct pga_asked_keys *asked;
	struct pga_policy policy;
	struct pga_known_servers known;
	struct pga_key_choice choice;
	char *name; /* the command's word, to be shown */
	struct pga_key_change *changes;
	size_t count;
};

/* Runs one of the commands: reads its options and word, the policy and known_servers.conf, and has
 * `act` do the rest. Returns the exit status. */
int pga_run_on_keys(const struct pga_command *command, int argc, char **argv,
		    int (*act)(struct pga_key_list *list));

/* Adds one; once, however many lines are of it. Returns -1 for want of memory. */
int pga_key_list_add(struct pga_key_list *list, const struct pga_shown_key *shown,
		     enum pga_key_state state, struct pga_error *error);

/* Takes --key, once. */
int pga_take_key(void *into, const struct pga_option *option, const char *value);

/* Whether the line is one of the files that are to be changed. */
bool pga_key_list_has_line(const struct pga_key_list *list, size_t index);

/* Prints what is known of a key, and who has signed for it. */
void pga_print_key(FILE *stream, const struct pga_key_list *list,
		   const struct pga_shown_key *shown);

/* Makes the changes, unless it is a dry run, and reports. Returns the exit status. */
int pga_key_list_apply(const struct pga_key_list *list);

#endif
