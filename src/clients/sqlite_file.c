#include "clients/sqlite_file.h"

#include "base/file.h"
#include "clients/library.h"

#include <stdbool.h>
#include <string.h>

#ifdef HAVE_SQLITE3_H

#include <sqlite3.h>
#include <time.h>

#define FUNCTIONS(X)                \
	X(sqlite3_open_v2)          \
	X(sqlite3_close)            \
	X(sqlite3_db_config)        \
	X(sqlite3_deserialize)      \
	X(sqlite3_limit)            \
	X(sqlite3_set_authorizer)   \
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

/* A question takes milliseconds. The base is the bytes of a file that anybody may have made to keep
 * a reader busy: each few steps of SQLite's machine the processor's clock is looked at, and no step
 * is long, since no value is. */
#define STEPS     10
#define SECONDS   2
#define MOST_ROWS 10000

/* No name, no address and no settings come near this, in bytes. */
#define LONGEST 100000

static double seconds_of_processor(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int is_too_long(void *end)
{
	return seconds_of_processor() > *(double *)end;
}

/* A table is read, and nothing else: what a view or a trigger asks in its stead is the file's. */
static int authorize(void *context, int action, const char *table, const char *column,
		     const char *base, const char *view)
{
	(void)context;
	(void)table;
	(void)column;
	(void)base;
	return view == NULL && (action == SQLITE_SELECT || action == SQLITE_READ) ? SQLITE_OK
										  : SQLITE_DENY;
}

static void restrict_to_reading(sqlite3 *base, double *end)
{
	*end = seconds_of_processor() + SECONDS;
	(void)sqlite.sqlite3_db_config(base, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite.sqlite3_db_config(base, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	(void)sqlite.sqlite3_limit(base, SQLITE_LIMIT_LENGTH, LONGEST);
	sqlite.sqlite3_progress_handler(base, STEPS, is_too_long, end);
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

/* A column that is computed is so by whatever the file says, in one step that no clock is looked at
 * in, and without the authorizer. */
static int refuse_computed(sqlite3 *base, const char *path, struct pga_error *error)
{
	sqlite3_stmt *statement = NULL;
	int step;

	if (sqlite.sqlite3_prepare_v2(base,
				      "SELECT 1 FROM pragma_table_xinfo('server') WHERE hidden > 1",
				      -1, &statement, NULL) != SQLITE_OK)
		return fail(base, path, error);
	step = sqlite.sqlite3_step(statement);
	(void)sqlite.sqlite3_finalize(statement);
	if (step == SQLITE_ROW)
		return pga_fail(error, NULL, "could not read %s: its table has computed columns",
				path);
	return step == SQLITE_DONE ? 0 : fail(base, path, error);
}

static int ask(sqlite3 *base, const char *path, const char *question, pga_sqlite_row *take,
	       void *context, struct pga_error *error)
{
	sqlite3_stmt *statement = NULL;
	double end;
	int result;

	restrict_to_reading(base, &end);
	if (refuse_computed(base, path, error) != 0)
		return -1;
	(void)sqlite.sqlite3_set_authorizer(base, authorize, NULL);
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
