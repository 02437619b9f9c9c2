#include "cli/print_log.h"

#include "base/terminal.h"
#include "base/text.h"
#include "report/json.h"
#include "report/moment.h"
#include "report/table.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum column { PROGRAM, TIMES, LAST, TO, WHY, SENDER, COLUMNS };

static char *copy_of(struct pga_text *text)
{
	char *printable = text->failed ? NULL : pga_printable(pga_text_string(text));

	pga_text_free(text);
	return printable;
}

/* What is one line of the table: JSON tells apart more than that. */
struct row {
	char *cells[COLUMNS];
	unsigned long count;
	time_t last;
};

static int by_cells(const void *left, const void *right)
{
	static const enum column shown[] = {PROGRAM, TO, WHY, SENDER};
	const struct row *a = left;
	const struct row *b = right;
	int order = 0;

	for (size_t i = 0; i < sizeof shown / sizeof shown[0] && order == 0; i++)
		order = strcmp(a->cells[shown[i]], b->cells[shown[i]]);
	return order;
}

static int descending(long long a, long long b)
{
	return (a < b) - (a > b);
}

static int by_count(const void *left, const void *right)
{
	const struct row *a = left;
	const struct row *b = right;
	int order = descending((long long)a->count, (long long)b->count);

	if (order == 0)
		order = descending(a->last, b->last);
	return order != 0 ? order : by_cells(a, b);
}

/* Who sent it, as journald has it from the kernel: the program's name is what the line says itself.
 */
static void add_sender(struct pga_text *text, const struct pga_record *record)
{
	struct passwd *user;

	if (record->uid < 0)
		return;
	user = getpwuid((uid_t)record->uid);
	if (user != NULL)
		pga_text_add(text, user->pw_name);
	else
		pga_text_addf(text, "user %ld", record->uid);
	if (record->exe[0] != '\0')
		pga_text_addf(text, ": %s", record->exe);
}

static bool fill_row(struct row *row, const struct pga_record *record)
{
	char *const *words = record->words;
	const char *host = words[PGA_WORD_HOST];
	struct pga_text text = PGA_TEXT_EMPTY;

	row->count = record->count;
	row->last = record->last;
	row->cells[PROGRAM] = pga_printable(words[PGA_WORD_PROGRAM]);
	row->cells[WHY] = pga_printable(words[PGA_WORD_REASONS]);
	pga_text_add(&text, host[0] != '\0' ? host : words[PGA_WORD_HOSTADDR]);
	if (words[PGA_WORD_PORT][0] != '\0')
		pga_text_addf(&text, ":%s", words[PGA_WORD_PORT]);
	if (words[PGA_WORD_DBNAME][0] != '\0')
		pga_text_addf(&text, "/%s", words[PGA_WORD_DBNAME]);
	row->cells[TO] = copy_of(&text);
	add_sender(&text, record);
	row->cells[SENDER] = copy_of(&text);
	return row->cells[PROGRAM] != NULL && row->cells[WHY] != NULL && row->cells[TO] != NULL &&
	       row->cells[SENDER] != NULL;
}

static void free_row(struct row *row)
{
	for (size_t i = 0; i < COLUMNS; i++)
		free(row->cells[i]);
}

/* Joins the rows that would look the same. Returns how many are left. */
static size_t join(struct row *rows, size_t count)
{
	size_t kept = 0;

	qsort(rows, count, sizeof *rows, by_cells);
	for (size_t i = 0; i < count; i++) {
		struct row *same = kept > 0 ? &rows[kept - 1] : NULL;

		if (same == NULL || by_cells(same, &rows[i]) != 0) {
			rows[kept++] = rows[i];
			continue;
		}
		same->count += rows[i].count;
		if (rows[i].last > same->last)
			same->last = rows[i].last;
		free_row(&rows[i]);
	}
	qsort(rows, kept, sizeof *rows, by_count);
	return kept;
}

static void print_rows(struct row *rows, size_t count, const char **cells)
{
	static const char *const heading[COLUMNS] = {"PROGRAM", "TIMES", "LAST",
						     "TO",      "WHY",   "SENDER"};
	bool any_sender = false;
	size_t columns;

	for (size_t i = 0; i < count; i++)
		any_sender = any_sender || rows[i].cells[SENDER][0] != '\0';
	columns = any_sender ? COLUMNS : SENDER;
	for (size_t i = 0; i < count; i++) {
		struct pga_text times = PGA_TEXT_EMPTY;
		char last[PGA_MOMENT];

		pga_moment(rows[i].last, false, last);
		rows[i].cells[LAST] = strdup(last);
		pga_text_addf(&times, "%lu", rows[i].count);
		rows[i].cells[TIMES] = pga_text_take(&times);
		for (size_t column = 0; column < columns; column++)
			cells[i * columns + column] = rows[i].cells[column];
	}
	pga_print_table(stdout, heading, cells, columns, count, NULL);
}

static void print_nothing(const struct pga_records *records)
{
	pga_print(stdout, "nothing: %s holds no connection that would have been refused%s\n",
		  records->source, geteuid() != 0 ? ", as far as you may read it" : "");
}

int pga_print_log(const struct pga_records *records, struct pga_error *error)
{
	const char **cells = calloc(records->count * COLUMNS + 1, sizeof *cells);
	struct row *rows = calloc(records->count + 1, sizeof *rows);
	bool complete = cells != NULL && rows != NULL;
	size_t count = 0;

	if (records->count == 0)
		print_nothing(records);
	for (; complete && count < records->count; count++)
		complete = fill_row(&rows[count], records->records[count]);
	if (complete && count > 0) {
		count = join(rows, count);
		print_rows(rows, count, cells);
	}
	while (count > 0)
		free_row(&rows[--count]);
	free(rows);
	free(cells);
	return complete ? 0 : pga_fail_memory(error);
}

static json_t *as_json(const struct pga_record *record)
{
	char first[PGA_MOMENT];
	char last[PGA_MOMENT];
	json_t *object = json_object();

	for (int i = 0; i < PGA_WORDS; i++)
		pga_json_set(object, pga_word_key((enum pga_word)i),
			     pga_json_text(record->words[i]));
	pga_moment(record->first, true, first);
	pga_moment(record->last, true, last);
	pga_json_set(object, "count", json_integer((json_int_t)record->count));
	pga_json_set(object, "first", json_string(first));
	pga_json_set(object, "last", json_string(last));
	pga_json_set(object, "last_pid", json_integer(record->last_pid));
	/* Where journald knows the sender. */
	pga_json_set(object, "uid", record->uid >= 0 ? json_integer(record->uid) : json_null());
	pga_json_set(object, "exe",
		     record->exe[0] != '\0' ? pga_json_text(record->exe) : json_null());
	return object;
}

static json_t *time_or_null(time_t when)
{
	char text[PGA_MOMENT];

	if (when <= 0)
		return json_null();
	pga_moment(when, true, text);
	return json_string(text);
}

int pga_print_log_json(const struct pga_records *records, const struct pga_quiet *quiet, int status)
{
	json_t *object = json_object();
	json_t *list = json_array();

	for (size_t i = 0; i < records->count; i++)
		pga_json_add(list, as_json(records->records[i]));
	pga_json_set(object, "source", pga_json_text(records->source));
	pga_json_set(object, "unreadable", json_integer((json_int_t)records->unreadable));
	pga_json_set(object, "logged_since", time_or_null(quiet != NULL ? quiet->since : 0));
	pga_json_set(object, "last_weak", time_or_null(quiet != NULL ? quiet->last : 0));
	pga_json_set(object, "days_without_weak",
		     quiet != NULL && quiet->days >= 0 ? json_integer(quiet->days) : json_null());
	pga_json_set(object, "connections", list);
	return pga_json_print(object, status);
}
