#include "server/typed.h"

#include "base/shell_word.h"

#include <stdio.h>

void pga_server_add_typed(struct pga_text *text, const char *command, const char *directory,
			  const char *user)
{
	pga_text_addf(text, "pganchor server %s --data-dir ", command);
	pga_text_add_shell_word(text, directory);
	if (user != NULL) {
		pga_text_add(text, " --user ");
		pga_text_add_shell_word(text, user);
	}
}

void pga_server_hint_typed(struct pga_error *error, const char *command, const char *directory,
			   const char *rest)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_server_add_typed(&text, command, directory, NULL);
	pga_text_add(&text, rest);
	if (!text.failed)
		(void)snprintf(error->hint, sizeof error->hint, "%s", pga_text_string(&text));
	pga_text_free(&text);
}
