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

/* The options of all of them, for the table of a command whose target has a wish with a directory
 * and a user: which server, and then whether and how it is done. */
#define PGA_SERVER_LOGIN_OPTIONS(asked)                                                           \
	{.name = "data-dir",                                                                      \
	 .letter = 'D',                                                                           \
	 .kind = PGA_OPTION_VALUE,                                                                \
	 .target = offsetof(struct asked, wish.directory),                                        \
	 .argument = "DIRECTORY",                                                                 \
	 .names = PGA_NAMES_DIRECTORY,                                                            \
	 .help = "the data directory of the server, which runs; PGDATA if left out"},             \
	{                                                                                         \
		.name = "user", .kind = PGA_OPTION_VALUE,                                         \
		.target = offsetof(struct asked, wish.user), .argument = "NAME",                  \
		.help =                                                                           \
		    "its superuser; the owner of the directory or PGUSER, and postgres, if left " \
		    "out"                                                                         \
	}
#define PGA_SERVER_DOING_OPTIONS(asked, dry)                                           \
	{.name = "yes",                                                                \
	 .target = offsetof(struct asked, yes),                                        \
	 .help = "do it without a question"},                                          \
	    {.name = "dry-run",                                                        \
	     .letter = 'n',                                                            \
	     .target = offsetof(struct asked, dry_run),                                \
	     .help = (dry)},                                                           \
	{                                                                              \
		.name = "json", .letter = 'j', .target = offsetof(struct asked, json), \
		.help = "report in JSON"                                               \
	}
#define PGA_SERVER_OPTIONS                             \
	PGA_SERVER_LOGIN_OPTIONS(pga_asked_server),    \
	    PGA_SERVER_DOING_OPTIONS(pga_asked_server, \
				     "check everything, show each step, and change nothing")

/* The names by which clients call the server, of which a service that leads to a socket takes the
 * first. */
#define PGA_SERVER_HOST_OPTION(what)                                          \
	{                                                                     \
		.name = "host", .kind = PGA_OPTION_TAKEN, .argument = "NAME", \
		.take = pga_server_take_host, .help = (what)                  \
	}

/* The options of what switches TLS off; whom: who would be locked out by it. */
#define PGA_SERVER_OFF_OPTIONS(whom)                                                           \
	{.name = "lock-out",                                                                   \
	 .target = offsetof(struct pga_asked_server, wish.lock_out),                           \
	 .help = (whom)},                                                                      \
	    PGA_SERVER_HOST_OPTION("of a SERVICE that leads to a socket: where the server is " \
				   "reached over TCP"),                                        \
	    PGA_SERVER_OPTIONS

/* What stands behind the name of any of them: one server, by its directory or by a service. */
#define PGA_SERVER_WORDS                                                    \
	.usage = "--data-dir DIRECTORY [OPTION ...]\nSERVICE [OPTION ...]", \
	.word = "the name of a service", .most = 1, .names = PGA_NAMES_SERVICE
#define PGA_SERVER_STATUSES(done)                                                                \
	"Exit status: 0 " done "; 1 failed: nothing was changed, or what is said; 2 usage, and " \
	"where there is no terminal to ask on."

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

/* All of a command that has no words but these. */
int pga_server_run(const struct pga_command *typed, int argc, char **argv, const char *command,
		   pga_server_planner *plan);

extern const struct pga_command pga_cmd_server_disable_tls;
extern const struct pga_command pga_cmd_server_enable_tls;
extern const struct pga_command pga_cmd_server_require_tls;
extern const struct pga_command pga_cmd_server_undo;

#endif
