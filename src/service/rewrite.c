#include "service/rewrite.h"

#include "base/ini.h"
#include "base/ini_cut.h"

#include <string.h>

static const char *line_end_of(struct pga_ini_span line)
{
	if (line.length == 0 || line.bytes[line.length - 1] != '\n')
		return "";
	return line.length > 1 && line.bytes[line.length - 2] == '\r' ? "\r\n" : "\n";
}

/* The line end nearest to the file's end, where a new entry goes. */
static const char *line_end_of_file(const char *bytes, size_t length)
{
	const char *end = memrchr(bytes, '\n', length);

	return end == NULL ? "\n"
			   : line_end_of((struct pga_ini_span){bytes, (size_t)(end - bytes) + 1});
}

static void write_settings(struct pga_text *text, const struct pga_settings *settings,
			   const char *line_end)
{
	for (size_t i = 0; i < settings->count; i++)
		pga_text_addf(text, "%s=%s%s", settings->items[i].keyword, settings->items[i].value,
			      line_end);
}

static void copy_line(struct pga_text *text, const struct pga_ini_line *line)
{
	pga_text_add_bytes(text, line->whole.bytes, line->whole.length);
}

static size_t count_lines(const struct pga_text *text)
{
	size_t lines = 0;

	for (size_t i = 0; i < text->length; i++)
		lines += text->bytes[i] == '\n';
	return lines;
}

static int finish(struct pga_service_edit *edit, struct pga_error *error)
{
	if (!edit->bytes.failed && !edit->removed.failed)
		return 0;
	pga_service_edit_free(edit);
	return pga_fail_memory(error);
}

int pga_service_append(const char *bytes, size_t length, const char *name,
		       const struct pga_settings *settings, struct pga_service_edit *edit,
		       struct pga_error *error)
{
	struct pga_ini_reader reader = pga_ini_start(bytes, length, PGA_INI_PGSERVICE);
	const char *line_end = line_end_of_file(bytes, length);
	struct pga_ini_line line = {.kind = PGA_INI_BLANK};

	memset(edit, 0, sizeof *edit);
	while (pga_ini_next(&reader, &line))
		copy_line(&edit->bytes, &line);
	if (length > 0 && bytes[length - 1] != '\n')
		pga_text_add(&edit->bytes, line_end);
	if (line.kind != PGA_INI_BLANK)
		pga_text_add(&edit->bytes, line_end);
	edit->line = count_lines(&edit->bytes) + 1;
	pga_text_addf(&edit->bytes, "[%s]%s", name, line_end);
	write_settings(&edit->bytes, settings, line_end);
	return finish(edit, error);
}

int pga_service_replace(const char *bytes, size_t length, const char *name,
			const struct pga_settings *settings, struct pga_service_edit *edit,
			struct pga_error *error)
{
	struct pga_ini_reader reader = pga_ini_start(bytes, length, PGA_INI_PGSERVICE);
	struct pga_ini_line line;
	bool inside = false;

	memset(edit, 0, sizeof *edit);
	while (pga_ini_next(&reader, &line)) {
		bool first = false;

		if (line.kind == PGA_INI_SECTION) {
			inside = line.name.bytes != NULL && pga_ini_equals(line.name, name);
			first = inside && edit->sections++ == 0;
			inside = first;
		}
		if (inside && (line.kind == PGA_INI_SETTING || line.kind == PGA_INI_OTHER)) {
			copy_line(&edit->removed, &line);
			continue;
		}
		copy_line(&edit->bytes, &line);
		if (first) {
			const char *line_end = line_end_of(line.whole);

			if (line_end[0] == '\0') {
				line_end = line_end_of_file(bytes, length);
				pga_text_add(&edit->bytes, line_end);
			}
			edit->line = line.number;
			write_settings(&edit->bytes, settings, line_end);
		}
	}
	return finish(edit, error);
}

int pga_service_take_out(const char *bytes, size_t length, const char *name,
			 struct pga_service_edit *edit, struct pga_error *error)
{
	struct pga_ini_cut cut = {.sections = 0};

	memset(edit, 0, sizeof *edit);
	pga_ini_cut(bytes, length, PGA_INI_PGSERVICE, name, &edit->bytes, &cut);
	edit->removed = cut.removed;
	edit->line = cut.line;
	edit->sections = cut.sections;
	return finish(edit, error);
}

/* The last line of the first entry of the name that is its header or a setting; 0: there is none.
 * *has: it has the setting. */
static size_t last_line_of(const char *bytes, size_t length, const char *name, const char *keyword,
			   bool *has)
{
	struct pga_ini_reader reader = pga_ini_start(bytes, length, PGA_INI_PGSERVICE);
	struct pga_ini_line line;
	bool inside = false;
	size_t last = 0;

	*has = false;
	while (pga_ini_next(&reader, &line)) {
		if (line.kind == PGA_INI_SECTION)
			inside =
			    last == 0 && line.name.bytes != NULL && pga_ini_equals(line.name, name);
		if (!inside || line.kind == PGA_INI_BLANK || line.kind == PGA_INI_COMMENT)
			continue;
		last = line.number;
		*has = *has || (line.kind == PGA_INI_SETTING && pga_ini_equals(line.name, keyword));
	}
	return last;
}

int pga_service_set(const char *bytes, size_t length, const char *name, const char *keyword,
		    const char *value, struct pga_service_edit *edit, struct pga_error *error)
{
	struct pga_ini_reader reader = pga_ini_start(bytes, length, PGA_INI_PGSERVICE);
	bool has;
	const size_t last = last_line_of(bytes, length, name, keyword, &has);
	struct pga_ini_line line;
	bool inside = false;

	memset(edit, 0, sizeof *edit);
	while (pga_ini_next(&reader, &line)) {
		const char *line_end = line_end_of(line.whole);

		if (line.kind == PGA_INI_SECTION) {
			inside = edit->sections == 0 && line.name.bytes != NULL &&
				 pga_ini_equals(line.name, name);
			edit->sections += inside;
			edit->line = inside ? line.number : edit->line;
		}
		if (inside && line.kind == PGA_INI_SETTING && pga_ini_equals(line.name, keyword)) {
			copy_line(&edit->removed, &line);
			if (value != NULL)
				pga_text_addf(&edit->bytes, "%s=%s%s", keyword, value, line_end);
			continue;
		}
		copy_line(&edit->bytes, &line);
		if (has || value == NULL || line.number != last)
			continue;
		if (line_end[0] == '\0')
			pga_text_add(&edit->bytes, line_end_of_file(bytes, length));
		pga_text_addf(&edit->bytes, "%s=%s%s", keyword, value, line_end);
	}
	return finish(edit, error);
}

void pga_service_edit_free(struct pga_service_edit *edit)
{
	pga_text_free(&edit->bytes);
	pga_text_free(&edit->removed);
}
