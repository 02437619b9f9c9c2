/* What the four subcommands of `pganchor service` share; each stands in cmd_service_NAME.c. */
#ifndef PGA_CLI_CMD_SERVICE_H
#define PGA_CLI_CMD_SERVICE_H

#include "base/text.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "service/servicefile.h"
#include "service/evaluate.h"

#include <stdio.h>

/* The PG* variables that mean settings are hidden while a subcommand runs. Brings them back, or
 * hides them again, for what has to be seen as the shell has it. Hiding returns -1 for want of
 * memory. */
void pga_bring_environment_back(void);
int pga_hide_environment_again(struct pga_error *error);

/* What the entries are looked at with. */
struct pga_found_services {
	struct pga_service_file user;
	struct pga_service_file system;
	struct pga_policy policy;
};

/* Reads all of it. To be freed in either case. */
int pga_find_services(struct pga_found_services *services, struct pga_error *error);
void pga_found_services_free(struct pga_found_services *services);

/* Reads the pins for what looks at entries alone: pins that cannot be read are warned of, and none
 * then. The caller frees them. */
void pga_pins_or_none(struct pga_pins *pins, const struct pga_policy *policy);

/* Adds the command that writes the entry anew, with all its settings but those that can weaken it;
 * with an anchor (NULL: none) that one's file is in the place of its file of roots. */
void pga_add_replacing_command(const struct pga_entry *entry,
			       const struct pga_evaluation *evaluation, const char *anchor,
			       struct pga_text *command);

/* Prints the commands that use the service. */
void pga_print_next_use(const char *name);

/* Where the machine's file could not be written, which is root's: says so in the error. */
void pga_advise_root_for_file(enum pga_service_place place, struct pga_error *error);

/* Prints the command that brings the root of a server's CA. */
void pga_print_next_bootstrap(void);

/* Prints why an entry stands as it does, a line each, indented. They are masked already: as lines
 * of a file they would be masked once more, the words of the reason with them. */
void pga_print_reasons(FILE *stream, const char *reasons);

/* Prints lines of a service file under each other, indented, passwords masked. */
void pga_print_service_lines(FILE *stream, const char *indent, const char *bytes, size_t length);

#endif
