#include "base/ini_cut.h"

#include <stdbool.h>

/* Where the copy of the lines stands with the sections that are taken out of it. */
struct cutting {
	struct pga_text *after;
	bool inside;        /* of a section of the name */
	bool above_blank;   /* the line above the header, as kept, is blank, or there is none */
	size_t blank_start; /* where the blank line above the header starts in the copy; its length
			       if there is none */
	bool behind;        /* everything since the last line taken out is still to come */
};

static void copy_line(struct pga_text *text, const struct pga_ini_line *line)
{
	pga_text_add_bytes(text, line->whole.bytes, line->whole.length);
}

static void keep_line(struct cutting *cutting, const struct pga_ini_line *line)
{
	const bool blank = line->kind == PGA_INI_BLANK;
	/* A blank line above and one behind: the section had one of them for itself. */
	const bool spare = blank && cutting->behind && cutting->above_blank;

	cutting->behind = false;
	if (spare)
		return;
	cutting->blank_start = cutting->after->length;
	copy_line(cutting->after, line);
	cutting->above_blank = blank;
	if (!blank)
		cutting->blank_start = cutting->after->length;
}

static void look_at_header(struct cutting *cutting, const struct pga_ini_line *line,
			   const char *name, struct pga_ini_cut *cut)
{
	cutting->inside = line->name.bytes != NULL && pga_ini_equals(line->name, name);
	if (!cutting->inside)
		cut->others++;
	else if (cut->sections++ == 0)
		cut->line = line->number;
}

void pga_ini_cut(const char *bytes, size_t length, enum pga_ini_dialect dialect, const char *name,
		 struct pga_text *after, struct pga_ini_cut *cut)
{
	struct pga_ini_reader reader = pga_ini_start(bytes, length, dialect);
	struct cutting cutting = {
	    .after = after, .above_blank = true, .blank_start = after->length};
	struct pga_ini_line line;

	while (pga_ini_next(&reader, &line)) {
		if (line.kind == PGA_INI_SECTION)
			look_at_header(&cutting, &line, name, cut);
		if (cutting.inside && line.kind != PGA_INI_BLANK && line.kind != PGA_INI_COMMENT) {
			copy_line(&cut->removed, &line);
			cutting.behind = true;
		} else {
			keep_line(&cutting, &line);
		}
	}
	/* The section stood last: the blank line that parted it from what is above goes with it. */
	if (cutting.behind && after->bytes != NULL) {
		after->length = cutting.blank_start;
		after->bytes[after->length] = '\0';
	}
}
