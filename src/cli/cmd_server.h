/* What the subcommands of `pganchor server` share; each stands in cmd_server_NAME.c. */
#ifndef PGA_CLI_CMD_SERVER_H
#define PGA_CLI_CMD_SERVER_H

#include "cli/options.h"
#include "server/change.h"

#include <stdbool.h>
#include <stddef.h>

/* What is typed behind any of them. */
struct pga_asked_server {
	struct pga_server_wish wish;
	const char *hosts[PGA_SERVER_HOSTS];
	char *certificate; /* absolute */
	char *key;
	bool dry_run;
	bool yes;
	bool json;
};

/* The options of all of them, for the table of a command. */
#define PGA_SERVER_OPTIONS                                                                         \
	{.name = "data-dir",                                                                       \
	 .letter = 'D',                                                                            \
	 .kind = PGA_OPTION_VALUE,                                                                 \
	 .target = offsetof(struct pga_asked_server, wish.directory),                              \
	 .argument = "DIRECTORY",                                                                  \
	 .names = PGA_NAMES_DIRECTORY,                                                             \
	 .help = "the data directory of the server, which runs; PGDATA if left out"},              \
	    {.name = "user",                                                                       \
	     .kind = PGA_OPTION_VALUE,                                                             \
	     .target = offsetof(struct pga_asked_server, wish.user),                               \
	     .argument = "NAME",                                                                   \
	     .help = "its superuser; the owner of the directory or PGUSER, and postgres, if left " \
		     "out"},                                                                       \
	    {.name = "yes",                                                                        \
	     .target = offsetof(struct pga_asked_server, yes),                                     \
	     .help = "do it without a question"},                                                  \
	    {.name = "dry-run",                                                                    \
	     .letter = 'n',                                                                        \
	     .target = offsetof(struct pga_asked_server, dry_run),                                 \
	     .help = "check everything, show each step, and change nothing"},                      \
	{                                                                                          \
		.name = "json", .letter = 'j', .target = offsetof(struct pga_asked_server, json),  \
		.help = "report in JSON"                                                           \
	}

/* The names by which clients call the server, of which a service that leads to a socket takes the
 * first. */
#define PGA_SERVER_HOST_OPTION(what)                                          \
	{                                                                     \
		.name = "host", .kind = PGA_OPTION_TAKEN, .argument = "NAME", \
		.take = pga_server_take_host, .help = (what)                  \
	}

int pga_server_take_host(void *into, const struct pga_option *option, const char *value);

/* The words of a subcommand: options, and the name of a service or none. As pga_options_read(). */
bool pga_server_read(const struct pga_command *typed, int argc, char **argv,
		     struct pga_asked_server *asked, int *status);

/* Plans a change of the server, as undo does, say. */
typedef int pga_server_planner(struct pga_server_work *work, const struct pga_server_wish *wish,
			       struct pga_error *error);

/* Plans it, shows it, asks, does it and reports it. The exit status. command: what is recorded;
 * NULL: undo. */
int pga_server_act(const struct pga_command *typed, struct pga_asked_server *asked,
		   const char *command, pga_server_planner *plan);

extern const struct pga_command pga_cmd_server_disable_tls;
extern const struct pga_command pga_cmd_server_enable_tls;
extern const struct pga_command pga_cmd_server_require_tls;
extern const struct pga_command pga_cmd_server_undo;

#endif
