/* Commands of pganchor server as they can be typed. */
#ifndef PGA_SERVER_TYPED_H
#define PGA_SERVER_TYPED_H

#include "base/error.h"
#include "base/text.h"

/* Adds "pganchor server COMMAND --data-dir DIRECTORY [--user USER]"; user may be NULL. */
void pga_server_add_typed(struct pga_text *text, const char *command, const char *directory,
			  const char *user);

/* Lets such a command, and what follows it, be the hint of an error that is filled in. */
void pga_server_hint_typed(struct pga_error *error, const char *command, const char *directory,
			   const char *rest);

#endif
