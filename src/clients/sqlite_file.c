#include "clients/sqlite_file.h"

#include "base/file.h"
#include "clients/library.h"

#include <stdbool.h>
#include <string.h>

#ifdef HAVE_SQLITE3_H

#include <sqlite3.h>

#define FUNCTIONS(X)                \
	X(sqlite3_open_v2)          \
	X(sqlite3_close)            \
	X(sqlite3_deserialize)      \
	X(sqlite3_limit)            \
	X(sqlite3_progress_handler) \
	X(sqlite3_prepare_v2)       \
	X(sqlite3_stmt_readonly)    \
	X(sqlite3_step)             \
	X(sqlite3_column_count)     \
	X(sqlite3_column_text)      \
	X(sqlite3_finalize)         \
	X(sqlite3_errmsg)

#define FIELD(name) __typeof__(name) *(name);
static struct {
	FUNCTIONS(FIELD)
} sqlite;

#define WANTED(function) {#function, &sqlite.function},
static const struct pga_wanted_function wanted[] = {FUNCTIONS(WANTED)};

/* A question is a few thousand steps of SQLite's machine; a file that was made to keep it busy ends
 * it here, in less than a second. */
#define STEPS      10000
#define MOST_TURNS 2000
#define MOST_ROWS  10000

/* No name or address comes near this, in bytes. */
#define LONGEST 1000000

static int is_too_long(void *turns)
{
	return ++*(int *)turns > MOST_TURNS;
}

static int fail(sqlite3 *base, const char *path, struct pga_error *error)
{
	return pga_fail(error, NULL, "could not read %s: %s", path, sqlite.sqlite3_errmsg(base));
}

static int read_rows(sqlite3 *base, sqlite3_stmt *statement, const char *path, pga_sqlite_row *take,
		     void *context, struct pga_error *error)
{
	const int count = sqlite.sqlite3_column_count(statement);
	const char *columns[PGA_SQLITE_COLUMNS] = {NULL};
	int rows = 0;
	int step;

	while ((step = sqlite.sqlite3_step(statement)) == SQLITE_ROW) {
		if (++rows > MOST_ROWS)
			return pga_fail(error, NULL, "could not read %s: it has too many rows",
					path);
		for (int i = 0; i < count && i < PGA_SQLITE_COLUMNS; i++)
			columns[i] = (const char *)sqlite.sqlite3_column_text(statement, i);
		take(context, columns);
	}
	return step == SQLITE_DONE ? 0 : fail(base, path, error);
}

static int ask(sqlite3 *base, const char *path, const char *question, pga_sqlite_row *take,
	       void *context, struct pga_error *error)
{
	sqlite3_stmt *statement = NULL;
	int turns = 0;
	int result;

	(void)sqlite.sqlite3_limit(base, SQLITE_LIMIT_LENGTH, LONGEST);
	sqlite.sqlite3_progress_handler(base, STEPS, is_too_long, &turns);
	if (sqlite.sqlite3_prepare_v2(base, question, -1, &statement, NULL) != SQLITE_OK)
		result = fail(base, path, error);
	else if (sqlite.sqlite3_stmt_readonly(statement) == 0)
		result = pga_fail(error, NULL, "could not read %s: the question changes it", path);
	else
		result = read_rows(base, statement, path, take, context, error);
	(void)sqlite.sqlite3_finalize(statement);
	return result;
}

/* SQLite opens no base from memory that was written ahead (its file format, 1.3: bytes 18 and 19
 * are 2); with these as of any other it reads what the file has. */
static void undo_wal(struct pga_text *content)
{
	if (content->length > 20 && content->bytes[18] == 2 && content->bytes[19] == 2)
		content->bytes[18] = content->bytes[19] = 1;
}

int pga_sqlite_ask(const char *path, const char *question, pga_sqlite_row *take, void *context,
		   struct pga_error *error)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	sqlite3 *base = NULL;
	int result = -1;

	if (pga_file_read(path, &content, NULL, error) != 0 ||
	    pga_library_open("libsqlite3.so.0", "libsqlite3-0", path, wanted,
			     sizeof wanted / sizeof wanted[0], error) != 0)
		goto done;
	undo_wal(&content);
	if (sqlite.sqlite3_open_v2(":memory:", &base, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
	    sqlite.sqlite3_deserialize(base, "main", (unsigned char *)content.bytes,
				       (sqlite3_int64)content.length, (sqlite3_int64)content.length,
				       SQLITE_DESERIALIZE_READONLY) != SQLITE_OK) {
		(void)fail(base, path, error);
		goto done;
	}
	result = ask(base, path, question, take, context, error);
done:
	if (base != NULL)
		(void)sqlite.sqlite3_close(base);
	pga_text_free(&content);
	return result;
}

#else

int pga_sqlite_ask(const char *path, const char *question, pga_sqlite_row *take, void *context,
		   struct pga_error *error)
{
	(void)question;
	(void)take;
	(void)context;
	return pga_fail(error, NULL,
			"could not read %s: this pganchor was built without SQLite's "
			"header",
			path);
}

#endif
