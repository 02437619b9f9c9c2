#include "cli/conninfo_word.h"

#include "base/shell_word.h"

#include <stdbool.h>
#include <string.h>

/* As conninfo_parse() reads a value back: quoted where it has blanks, quotes or backslashes, or is
 * empty. */
void pga_conninfo_add(const char *keyword, const char *value, struct pga_text *conninfo)
{
	bool quoted = value[0] == '\0' || value[strcspn(value, " \t\n\v\f\r'\\")] != '\0';

	pga_text_addf(conninfo, "%s%s=%s", conninfo->length > 0 ? " " : "", keyword,
		      quoted ? "'" : "");
	for (; *value != '\0'; value++)
		pga_text_addf(conninfo, "%s%c", *value == '\'' || *value == '\\' ? "\\" : "",
			      *value);
	if (quoted)
		pga_text_add(conninfo, "'");
}

void pga_conninfo_word(const char *keyword, const char *value, struct pga_text *text)
{
	struct pga_text conninfo = PGA_TEXT_EMPTY;

	pga_conninfo_add(keyword, value, &conninfo);
	pga_text_add_shell_word(text, pga_text_string(&conninfo));
	pga_text_free(&conninfo);
}
