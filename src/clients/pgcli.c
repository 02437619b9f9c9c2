/* pgcli's aliases: [alias_dsn] of its config, NAME = URI. */
#include "clients/stores.h"

#include "base/file.h"
#include "base/ini.h"

#include <stdlib.h>
#include <string.h>

/* configobj takes quotes around a value off. */
static void unquote(char *value)
{
	const size_t length = strlen(value);

	if (length >= 2 && (value[0] == '"' || value[0] == '\'') && value[length - 1] == value[0]) {
		memmove(value, value + 1, length - 2);
		value[length - 2] = '\0';
	}
}

static void judge(const struct pga_store *store, const struct pga_ini_line *line)
{
	static const char *const keywords[] = {"dbname", NULL};
	const char *values[] = {NULL, NULL};
	char *name = pga_ini_copy(line->name);
	char *value = pga_ini_copy(line->value);

	if (name == NULL || value == NULL) {
		store->kept->failed = true;
	} else {
		unquote(value);
		values[0] = value;
		pga_keep_libpq(store, name, keywords, values, true);
	}
	free(name);
	free(value);
}

void pga_pgcli_read(const struct pga_store *store)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	struct pga_ini_reader reader;
	struct pga_ini_line line;
	struct pga_error error;
	bool aliases = false;

	if (pga_file_read(store->file, &content, NULL, &error) != 0)
		pga_keep_unread(store, &error);
	reader = pga_ini_start(pga_text_string(&content), content.length, PGA_INI_CONF);
	while (pga_ini_next(&reader, &line)) {
		if (line.kind == PGA_INI_SECTION)
			aliases = pga_ini_equals(line.name, "alias_dsn");
		else if (aliases && line.kind == PGA_INI_SETTING)
			judge(store, &line);
	}
	pga_text_free(&content);
}
