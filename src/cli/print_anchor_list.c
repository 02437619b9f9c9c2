#include "cli/print_anchor_list.h"

#include "base/text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WIDTH       80
#define BETWEEN     2
#define NAME_WIDTH  20 /* a longer name stands on a line of its own */
#define LEAST_WIDTH 8  /* of a column whose cells are cut */

/* Nobody's lines wrap in a pipe or a file: there nothing is cut. */
static size_t line_width(void)
{
	return isatty(STDOUT_FILENO) == 1 ? WIDTH : SIZE_MAX;
}

static size_t width(const char *text)
{
	size_t count = 0;

	for (; *text != '\0'; text++)
		count += ((unsigned char)*text & 0xC0) != 0x80;
	return count;
}

/* The text, or as many of its characters as fit, and behind them that there are more. */
static char *cut(const char *text, size_t most)
{
	struct pga_text shorter = PGA_TEXT_EMPTY;
	size_t length = 0;

	if (width(text) <= most)
		return strdup(text);
	for (size_t count = 0; text[length] != '\0'; length++) {
		count += ((unsigned char)text[length] & 0xC0) != 0x80;
		if (count == most)
			break;
	}
	pga_text_add_bytes(&shorter, text, length);
	pga_text_add(&shorter, "…");
	return pga_text_take(&shorter);
}

/* What people call it: the common name, or all of it where it has none. */
static char *subject_of(const struct pga_anchor_facts *facts)
{
	const char *name = strstr(facts->subject, "CN=");
	struct pga_text text = PGA_TEXT_EMPTY;

	if (name == NULL)
		return pga_printable(facts->subject);
	for (name += strlen("CN="); *name != '\0' && *name != ','; name++) {
		if (*name == '\\' && name[1] != '\0')
			name++;
		pga_text_add_bytes(&text, name, 1);
	}
	if (text.bytes == NULL)
		pga_text_add(&text, "");
	return pga_text_take(&text);
}

static char *source_of(const struct pga_anchor_facts *facts)
{
	const char *location = pga_anchor_location(facts);
	const char *behind = strstr(location, "://");

	/* The scheme says nothing that the kind does not. */
	if (behind != NULL)
		location = behind + 3;
	return pga_printable(location[0] != '\0' ? location : pga_anchor_kind(facts));
}

static char *days_of(const struct pga_anchor_facts *facts)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	if (!facts->has_days)
		pga_text_add(&text, "?");
	else if (facts->days < 0)
		pga_text_add(&text, "expired");
	else
		pga_text_addf(&text, "%d%s", facts->days,
			      facts->days <= PGA_DAYS_SOON ? " soon" : "");
	return pga_text_take(&text);
}

static char *files_of(const struct pga_anchor_facts *facts)
{
	const bool wanted = !facts->pin->scoped && !facts->pin->system;

	if (facts->own != PGA_OWN_RIGHT || (wanted && !facts->in_root_crt))
		return strdup("MISSING");
	return strdup(facts->in_root_crt ? "root.crt" : "own");
}

static char *services_of(const struct pga_anchor_facts *facts)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_text_add(&text, "");
	/* More than these fit in no column. */
	for (size_t i = 0; i < facts->use_count && text.length < line_width(); i++)
		pga_text_addf(&text, "%s%s", i > 0 ? " " : "", facts->uses[i]->entry->name);
	if (facts->use_count == 0)
		pga_text_add(&text, "-");
	return pga_text_take(&text);
}

int pga_anchor_row_make(struct pga_anchor_row *row, const struct pga_anchor_facts *facts,
			struct pga_error *error)
{
	char *services = services_of(facts);
	bool whole = services != NULL;

	memset(row, 0, sizeof *row);
	row->cells[PGA_ANCHOR_NAME] = strdup(facts->pin->name);
	row->cells[PGA_ANCHOR_SUBJECT] = subject_of(facts);
	row->cells[PGA_ANCHOR_SOURCE] = source_of(facts);
	row->cells[PGA_ANCHOR_DAYS] = days_of(facts);
	row->cells[PGA_ANCHOR_HOSTS] = strdup(facts->pin->hosts);
	row->cells[PGA_ANCHOR_FILES] = files_of(facts);
	row->cells[PGA_ANCHOR_SERVICES] = services != NULL ? pga_printable(services) : NULL;
	free(services);
	for (size_t i = 0; i < PGA_ANCHOR_COLUMNS; i++)
		whole = whole && row->cells[i] != NULL;
	if (!whole)
		return pga_fail_memory(error);
	if ((facts->has_days && facts->days < 0) ||
	    strcmp(row->cells[PGA_ANCHOR_FILES], "MISSING") == 0)
		row->mark = PGA_RED;
	else if (facts->has_days && facts->days <= PGA_DAYS_SOON)
		row->mark = PGA_YELLOW;
	return 0;
}

static const char *const heading[PGA_ANCHOR_COLUMNS] = {"NAME",  "SUBJECT", "SOURCE",  "DAYS",
							"HOSTS", "FILES",   "SERVICES"};

static bool may_be_cut(size_t column)
{
	return column != PGA_ANCHOR_NAME && column != PGA_ANCHOR_DAYS && column != PGA_ANCHOR_FILES;
}

/* How wide each column may be: the widest of them give. */
static void share_width(const struct pga_anchor_row *rows, size_t count,
			size_t widths[PGA_ANCHOR_COLUMNS])
{
	size_t sum = (size_t)(PGA_ANCHOR_COLUMNS - 1) * BETWEEN;

	for (size_t column = 0; column < PGA_ANCHOR_COLUMNS; column++) {
		widths[column] = strlen(heading[column]);
		for (size_t row = 0; row < count; row++) {
			const size_t wide = width(rows[row].cells[column]);

			if (wide > widths[column] &&
			    (column != PGA_ANCHOR_NAME || wide <= NAME_WIDTH))
				widths[column] = wide;
		}
		sum += widths[column];
	}
	while (sum > line_width()) {
		size_t widest = PGA_ANCHOR_SUBJECT;

		for (size_t column = 0; column < PGA_ANCHOR_COLUMNS; column++)
			if (may_be_cut(column) && widths[column] > widths[widest])
				widest = column;
		if (widths[widest] <= LEAST_WIDTH)
			break;
		sum -= widths[widest]-- > 0;
	}
}

static void print_cell(size_t column, const char *cell, const size_t widths[PGA_ANCHOR_COLUMNS])
{
	const size_t wide = width(cell);

	(void)fputs(cell, stdout);
	if (column + 1 < PGA_ANCHOR_COLUMNS)
		(void)printf("%*s",
			     (int)((wide < widths[column] ? widths[column] - wide : 0) + BETWEEN),
			     "");
}

/* A name that is too long stands on a line before the rest. Returns -1 for want of memory. */
static int print_row(const char *const *cells, const size_t widths[PGA_ANCHOR_COLUMNS],
		     enum pga_colour mark)
{
	const char *name = cells[PGA_ANCHOR_NAME];
	int result = 0;

	(void)fputs(mark != PGA_PLAIN ? pga_colour(stdout, mark) : "", stdout);
	if (width(name) > widths[PGA_ANCHOR_NAME]) {
		(void)printf("%s\n", name);
		name = "";
	}
	print_cell(PGA_ANCHOR_NAME, name, widths);
	for (size_t column = 1; column < PGA_ANCHOR_COLUMNS; column++) {
		char *cell = cut(cells[column], widths[column]);

		if (cell == NULL)
			result = -1;
		else
			print_cell(column, cell, widths);
		free(cell);
	}
	(void)printf("%s\n", mark != PGA_PLAIN ? pga_colour(stdout, PGA_PLAIN) : "");
	return result;
}

int pga_print_anchor_rows(const struct pga_anchor_row *rows, size_t count, struct pga_error *error)
{
	size_t widths[PGA_ANCHOR_COLUMNS];
	int result;

	share_width(rows, count, widths);
	result = print_row(heading, widths, PGA_BOLD);
	for (size_t i = 0; i < count && result == 0; i++)
		result = print_row((const char *const *)rows[i].cells, widths, rows[i].mark);
	return result == 0 ? 0 : pga_fail_memory(error);
}

void pga_anchor_rows_free(struct pga_anchor_row *rows, size_t count)
{
	for (size_t i = 0; rows != NULL && i < count; i++)
		for (size_t column = 0; column < PGA_ANCHOR_COLUMNS; column++)
			free(rows[i].cells[column]);
	free(rows);
}
