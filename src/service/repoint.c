#include "service/repoint.h"

#include "base/ini.h"
#include "base/path.h"
#include "service/settings.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool names_a_file(struct pga_ini_span key)
{
	return pga_ini_equals(key, "sslrootcert") || pga_ini_equals(key, "sslcrl");
}

/* *is: whether the value leads to that file. A relative path is another file in every directory. */
static int leads_there(struct pga_ini_span value, const char *path, bool *is,
		       struct pga_error *error)
{
	char *named;

	*is = false;
	if (value.length == 0 || value.bytes[0] != '/')
		return 0;
	named = pga_ini_copy(value);
	if (named == NULL)
		return pga_fail_memory(error);
	*is = strcmp(named, path) == 0 || pga_path_is_same(named, path);
	free(named);
	return 0;
}

static void add_name(struct pga_text *names, struct pga_ini_span name)
{
	if (name.length == 0)
		return;
	pga_text_add_bytes(names, name.bytes, name.length);
	pga_text_add(names, "\n");
}

int pga_service_repoint(const struct pga_text *before, const char *old_path, const char *new_path,
			struct pga_text *after, struct pga_text *names, size_t *count,
			struct pga_error *error)
{
	struct pga_ini_reader reader =
	    pga_ini_start(pga_text_string(before), before->length, PGA_INI_PGSERVICE);
	struct pga_ini_span section = {NULL, 0};
	struct pga_ini_line line;

	*count = 0;
	while (pga_ini_next(&reader, &line)) {
		bool is = false;
		size_t start;

		if (line.kind == PGA_INI_SECTION)
			section = line.name;
		if (line.kind == PGA_INI_SETTING && names_a_file(line.name) &&
		    leads_there(line.value, old_path, &is, error) != 0)
			return -1;
		if (!is) {
			pga_text_add_bytes(after, line.whole.bytes, line.whole.length);
			continue;
		}
		if (line.whole.length - line.value.length + strlen(new_path) >
		    PGA_SERVICE_LINE_LIMIT)
			return pga_fail(error, "choose a shorter name; nothing was changed",
					"%s: too long for a line of a service file", new_path);
		start = (size_t)(line.value.bytes - line.whole.bytes);
		pga_text_add_bytes(after, line.whole.bytes, start);
		pga_text_add(after, new_path);
		pga_text_add_bytes(after, line.value.bytes + line.value.length,
				   line.whole.length - start - line.value.length);
		add_name(names, section);
		++*count;
	}
	return after->failed || names->failed ? pga_fail_memory(error) : 0;
}
