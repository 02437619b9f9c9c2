/* What the four subcommands of `pganchor service` share; each stands in cmd_service_NAME.c. */
#ifndef PGA_CLI_CMD_SERVICE_H
#define PGA_CLI_CMD_SERVICE_H

#include "base/text.h"
#include "service/servicefile.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>

/* argv[0] is the subcommand's name. The PG* variables that stand for settings are hidden while they
 * run. */
int pga_service_add(int argc, char **argv);
int pga_service_list(int argc, char **argv);
int pga_service_show(int argc, char **argv);
int pga_service_remove(int argc, char **argv);

/* Reports what getopt_long() did not understand. Returns PGA_EXIT_USAGE. */
int pga_service_bad_option(const char *command, char *const *argv);

/* Adds the word as a shell reads it back. Control characters, which a terminal could not take, are
 * written as \xNN. */
void pga_service_shell_word(const char *word, struct pga_text *text);

/* Adds service=NAME as one word of a shell's command line. */
void pga_service_word(const char *name, struct pga_text *text);

/* Prints the commands that use the service. */
void pga_service_print_next(const char *name);

/* Prints lines of a service file under each other, indented, passwords masked. */
void pga_service_print_lines(FILE *stream, const char *indent, const char *bytes, size_t length);

/* A JSON string of any bytes: those that are no UTF-8 are written as \xNN. NULL when memory ran
 * out. */
json_t *pga_service_json(const char *text);

/* The lines of a text as a JSON array of strings. */
json_t *pga_service_json_lines(const char *lines);

/* Prints the object and frees it; NULL is want of memory. Returns the status, or PGA_EXIT_FAILED.
 */
int pga_service_print_json(json_t *object, int status);

#endif
