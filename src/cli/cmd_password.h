/* What the subcommands of `pganchor password` share; each stands in cmd_password_NAME.c. */
#ifndef PGA_CLI_CMD_PASSWORD_H
#define PGA_CLI_CMD_PASSWORD_H

#include "base/error.h"
#include "base/text.h"
#include "cli/options.h"
#include "policy/passwords.h"
#include "secret/protocol.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* What is typed behind any of them. */
struct pga_asked_password {
	const char *where; /* the word; NULL: none */
	const char *host;  /* these five: NULL, where they are not given */
	const char *port;
	const char *dbname;
	const char *user;
	const char *key;
	bool service; /* the word is a service's name */
	bool or_all;  /* where no part of one is given, all passwords are meant */
	bool show;
	bool keep;
	bool replace;
	bool yes;
	bool dry_run;
	bool json;
	const char *into;
};

/* The options by which an entry is named, for the table of a command; and whom it is about where no
 * user is said. */
#define PGA_PASSWORD_OPTIONS(whom)                                                      \
	{.name = "service",                                                             \
	 .target = offsetof(struct pga_asked_password, service),                        \
	 .help = "the word is the name of a service, and no host"},                     \
	    {.name = "host",                                                            \
	     .letter = 'H',                                                             \
	     .kind = PGA_OPTION_VALUE,                                                  \
	     .target = offsetof(struct pga_asked_password, host),                       \
	     .argument = "HOST",                                                        \
	     .help = "the server, as connections name it"},                             \
	    {.name = "port",                                                            \
	     .letter = 'p',                                                             \
	     .kind = PGA_OPTION_VALUE,                                                  \
	     .target = offsetof(struct pga_asked_password, port),                       \
	     .argument = "PORT",                                                        \
	     .help = "at this port alone (any)"},                                       \
	    {.name = "dbname",                                                          \
	     .letter = 'd',                                                             \
	     .kind = PGA_OPTION_VALUE,                                                  \
	     .target = offsetof(struct pga_asked_password, dbname),                     \
	     .argument = "NAME",                                                        \
	     .help = "for this database alone (any)"},                                  \
	    {.name = "user",                                                            \
	     .letter = 'U',                                                             \
	     .kind = PGA_OPTION_VALUE,                                                  \
	     .target = offsetof(struct pga_asked_password, user),                       \
	     .argument = "NAME",                                                        \
	     .help = "of this user (" whom ")"},                                        \
	{                                                                               \
		.name = "key", .kind = PGA_OPTION_VALUE,                                \
		.target = offsetof(struct pga_asked_password, key), .argument = "FILE", \
		.help = "the passphrase of this private key", .names = PGA_NAMES_FILE   \
	}

/* Reads the command line, with the word; this process is hidden from here on. Returns as
 * pga_options_read(). */
bool pga_password_options(const struct pga_command *command, int argc, char **argv,
			  struct pga_asked_password *asked, int *status);

/* The entry that is meant, as libpq would have it: what is not said of port and dbname is any, and
 * the user whom libpq would connect as; a private key has to be one that has a passphrase. To be
 * freed by pga_password_entry_end() in any case. */
int pga_password_entry_of(const struct pga_asked_password *asked, struct pga_password_entry *entry,
			  struct pga_error *error);
void pga_password_entry_end(struct pga_password_entry *entry);

/* Reads the index, and behind its entries what the keyring alone has, as far as it can be asked;
 * and which of them are meant. What is not said may be anything. Where none says all that was said,
 * it is the one that the gate would use for the connection; else those that may be for one that was
 * said. chosen[i] says so of list->entries[i]. Both are to be freed in any case. Returns -1 where
 * there is none. */
int pga_password_choose(const struct pga_asked_password *asked, struct pga_passwords *list,
			bool **chosen, struct pga_error *error);

/* Adds "joe at db.example.com, port 5432, database app", or "the private key FILE". */
void pga_password_describe(const struct pga_password_entry *entry, struct pga_text *text);

/* The entry as an object: "kind", and its words. */
json_t *pga_password_as_json(const struct pga_password_entry *entry);

/* Prints the error of a status that is not PGA_SECRET_DONE. Returns PGA_EXIT_FAILED. */
int pga_password_failed(const struct pga_error *error);

#endif
