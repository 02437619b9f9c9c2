/* A setting of a connection string in a command that is printed. */
#ifndef PGA_CLI_CONNINFO_WORD_H
#define PGA_CLI_CONNINFO_WORD_H

#include "base/text.h"

/* Adds KEYWORD=VALUE to a connection string. */
void pga_conninfo_add(const char *keyword, const char *value, struct pga_text *conninfo);

/* Adds KEYWORD=VALUE of a connection string as one word of a shell's command line. */
void pga_conninfo_word(const char *keyword, const char *value, struct pga_text *text);

#endif
