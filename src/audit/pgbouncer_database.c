#include "audit/pgbouncer_database.h"

#include <stdlib.h>
#include <string.h>

/* Those of 1.18 to 1.26 that are not looked at. */
static const char *const others[] = {
    "auth_user",         "auth_dbname",        "auth_query",
    "client_encoding",   "datestyle",          "timezone",
    "pool_size",         "min_pool_size",      "reserve_pool",
    "reserve_pool_size", "query_wait_timeout", "max_db_connections",
    "server_lifetime",   "load_balance_hosts", "max_db_client_connections",
    "pool_mode",         "connect_query",      "application_name",
};

struct pair {
	const char *name;
	size_t name_length;
	struct pga_text value;
};

struct cursor {
	const char *bytes;
	size_t length;
	size_t at;
};

static char here(const struct cursor *cursor)
{
	return (char)(cursor->at < cursor->length ? cursor->bytes[cursor->at] : '\0');
}

/* Tabs are none. */
static void skip_spaces(struct cursor *cursor)
{
	while (here(cursor) == ' ')
		cursor->at++;
}

/* Up to the quote that is not doubled. */
static bool take_quoted(struct cursor *cursor, struct pga_text *value)
{
	for (cursor->at++; cursor->at < cursor->length; cursor->at++) {
		if (here(cursor) == '\'') {
			cursor->at++;
			if (here(cursor) != '\'')
				return true;
		}
		pga_text_add_bytes(value, cursor->bytes + cursor->at, 1);
	}
	return false;
}

static bool take_value(struct cursor *cursor, struct pga_text *value)
{
	const size_t start = cursor->at;

	if (here(cursor) == '\'') {
		if (!take_quoted(cursor, value))
			return false;
		/* What stands behind the quote is swallowed. */
		cursor->at += cursor->at < cursor->length;
	} else {
		while (cursor->at < cursor->length && here(cursor) != ' ')
			cursor->at++;
		pga_text_add_bytes(value, cursor->bytes + start, cursor->at - start);
	}
	return value->failed || value->length > 0;
}

static bool take_pair(struct cursor *cursor, struct pair *pair)
{
	const size_t start = cursor->at;

	while (cursor->at < cursor->length && here(cursor) != '=' && here(cursor) != ' ')
		cursor->at++;
	pair->name = cursor->bytes + start;
	pair->name_length = cursor->at - start;
	skip_spaces(cursor);
	if (here(cursor) != '=' || pair->name_length == 0)
		return false;
	cursor->at++;
	skip_spaces(cursor);
	return take_value(cursor, &pair->value);
}

static bool is(const char *word, const struct pair *pair)
{
	return strlen(word) == pair->name_length &&
	       memcmp(word, pair->name, pair->name_length) == 0;
}

static bool is_other(const struct pair *pair)
{
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		if (is(others[i], pair))
			return true;
	return false;
}

static void keep(char **kept, struct pair *pair, bool *failed)
{
	free(*kept);
	*kept = pga_text_take(&pair->value);
	*failed = *failed || *kept == NULL;
}

/* Returns what is wrong with it; NULL: nothing. */
static const char *take(struct pga_pgbouncer_database *database, struct pair *pair, bool *failed)
{
	if (is("host", pair))
		keep(&database->host, pair, failed);
	else if (is("port", pair))
		keep(&database->port, pair, failed);
	else if (is("dbname", pair))
		keep(&database->dbname, pair, failed);
	else if (is("user", pair))
		keep(&database->user, pair, failed);
	else if (is("password", pair))
		database->password = true;
	else if (pair->name_length > 3 && memcmp(pair->name, "ssl", 3) == 0)
		return "pgbouncer has no settings of TLS for one database: server_tls_sslmode is "
		       "for all of them";
	else if (!is_other(pair))
		return "a parameter of a database that pgbouncer does not know";
	return NULL;
}

const char *pga_pgbouncer_take_database(struct pga_pgbouncer_database *database, const char *string,
					size_t length, bool *failed)
{
	struct cursor cursor = {string, length, 0};
	const char *wrong = NULL;

	skip_spaces(&cursor);
	while (wrong == NULL && !*failed && cursor.at < cursor.length) {
		struct pair pair = {.value = PGA_TEXT_EMPTY};

		wrong = take_pair(&cursor, &pair) ? take(database, &pair, failed)
						  : "a connection string that pgbouncer does not "
						    "understand";
		*failed = *failed || pair.value.failed;
		pga_text_wipe(&pair.value);
		skip_spaces(&cursor);
	}
	return wrong;
}

void pga_pgbouncer_free_database(struct pga_pgbouncer_database *database)
{
	free(database->name);
	free(database->host);
	free(database->port);
	free(database->dbname);
	free(database->user);
}
