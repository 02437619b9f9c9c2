/* Connects once for each case on standard input and tells what came of it. A case is a way and its
 * texts, each ended by a NUL:
 *
 *     string CONNINFO | login HOST PORT DBNAME USER | array EXPAND COUNT KEYWORD VALUE ...
 *
 * Answer: "refused", "failed" or "stands", a tab, and PQerrorMessage in one line. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 32

static char *next_text(void)
{
	static char *lines[MOST * 2 + 8];
	static size_t rooms[MOST * 2 + 8];
	static size_t at;

	at = (at + 1) % (MOST * 2 + 8);
	return getdelim(&lines[at], &rooms[at], '\0', stdin) >= 0 ? lines[at] : NULL;
}

static PGconn *connect_array(void)
{
	const char *keywords[MOST + 1] = {NULL};
	const char *values[MOST + 1] = {NULL};
	const int expand = atoi(next_text());
	const int count = atoi(next_text());

	for (int i = 0; i < count && i < MOST; i++) {
		keywords[i] = next_text();
		values[i] = next_text();
	}
	return PQconnectdbParams(keywords, values, expand);
}

static PGconn *connect_login(void)
{
	const char *host = next_text();
	const char *port = next_text();
	const char *dbname = next_text();
	const char *user = next_text();

	return PQsetdbLogin(host, port, NULL, NULL, dbname, user, NULL);
}

int main(void)
{
	const char *way;

	while ((way = next_text()) != NULL) {
		PGconn *conn = strcmp(way, "array") == 0   ? connect_array()
			       : strcmp(way, "login") == 0 ? connect_login()
							   : PQconnectdb(next_text());
		const char *message = PQerrorMessage(conn);

		printf("%s\t", PQstatus(conn) == CONNECTION_OK               ? "stands"
			       : strstr(message, "pganchor refused") != NULL ? "refused"
									     : "failed");
		for (; *message != '\0'; message++)
			putchar(*message == '\n' ? '|' : *message);
		putchar('\n');
		fflush(stdout);
		PQfinish(conn);
	}
	return 0;
}
