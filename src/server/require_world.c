#include "server/require_world.h"

#include "base/text.h"
#include "tls/pg_answer.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

/* A text of these bytes, whatever they are. */
static void add_literal(struct pga_text *words, const char *bytes)
{
	pga_text_add(words, "pg_catalog.convert_from(pg_catalog.decode('");
	for (; *bytes != '\0'; bytes++)
		pga_text_addf(words, "%02x", (unsigned)(unsigned char)*bytes);
	pga_text_add(words, "', 'hex'), pg_catalog.getdatabaseencoding())");
}

/* The answer's rows; NULL: there is none. Frees the words. */
static PGresult *ask_rows(struct pga_require_world *world, struct pga_text *words)
{
	PGresult *rows = NULL;

	if (words->failed)
		(void)pga_fail_memory(&world->error);
	else if (!world->failed)
		rows = pga_cluster_ask(world->session, pga_text_string(words), &world->error);
	world->failed = world->failed || rows == NULL;
	pga_text_free(words);
	return rows;
}

/* Whether the server says yes. Frees the words. */
static bool ask(struct pga_require_world *world, struct pga_text *words)
{
	PGresult *rows = ask_rows(world, words);
	const bool yes = rows != NULL && PQntuples(rows) == 1 && pga_pg_value(rows, 0, 0)[0] == 't';

	PQclear(rows);
	return yes;
}

static bool matches(void *context, const char *expression, const char *name)
{
	struct pga_text words = PGA_TEXT_EMPTY;

	pga_text_add(&words, "SELECT ");
	add_literal(&words, name);
	pga_text_add(&words, " COLLATE \"C\" OPERATOR(pg_catalog.~) ");
	add_literal(&words, expression);
	return ask(context, &words);
}

/* By membership alone: to be superuser makes nobody a member. */
static bool is_member(void *context, const char *user, const char *role)
{
	struct pga_text words = PGA_TEXT_EMPTY;

	pga_text_add(&words,
		     "WITH RECURSIVE has(role) AS (SELECT oid FROM pg_catalog.pg_roles WHERE "
		     "rolname = ");
	add_literal(&words, user);
	pga_text_add(&words, " UNION SELECT m.roleid FROM has JOIN pg_catalog.pg_auth_members AS m "
			     "ON m.member = has.role) SELECT EXISTS (SELECT FROM has JOIN "
			     "pg_catalog.pg_roles AS r ON r.oid = has.role WHERE r.rolname = ");
	add_literal(&words, role);
	pga_text_add(&words, ")");
	return ask(context, &words);
}

bool pga_require_world_ask_all(struct pga_require_world *world, bool role, const char *word,
			       const char *const *names, size_t count, bool *yes)
{
	struct pga_text words = PGA_TEXT_EMPTY;
	PGresult *rows;
	bool done;

	if (role) {
		pga_text_add(&words, "WITH RECURSIVE has(member) AS (SELECT oid FROM "
				     "pg_catalog.pg_roles WHERE rolname = ");
		add_literal(&words, word);
		pga_text_add(&words, " UNION SELECT m.member FROM has JOIN "
				     "pg_catalog.pg_auth_members AS m ON m.roleid = has.member) "
				     "SELECT n.name = ");
		add_literal(&words, word);
		pga_text_add(&words, " OR n.name IN (SELECT r.rolname FROM has JOIN "
				     "pg_catalog.pg_roles AS r ON r.oid = has.member)");
	} else {
		pga_text_add(&words, "SELECT n.name COLLATE \"C\" OPERATOR(pg_catalog.~) ");
		add_literal(&words, word);
	}
	pga_text_add(&words, " FROM pg_catalog.unnest(ARRAY[");
	for (size_t i = 0; i < count; i++) {
		pga_text_add(&words, i > 0 ? ", " : "");
		add_literal(&words, names[i]);
	}
	pga_text_add(&words, "]::pg_catalog.text[]) WITH ORDINALITY AS n(name, at) ORDER BY n.at");
	rows = ask_rows(world, &words);
	done = rows != NULL && (size_t)PQntuples(rows) == count;
	for (size_t i = 0; done && i < count; i++)
		yes[i] = pga_pg_value(rows, (int)i, 0)[0] == 't';
	PQclear(rows);
	return done;
}

PGresult *pga_require_world_list(struct pga_require_world *world, bool roles)
{
	struct pga_text words = PGA_TEXT_EMPTY;

	pga_text_add(&words, roles
				 ? "SELECT rolname FROM pg_catalog.pg_roles WHERE rolcanlogin "
				   "ORDER BY oid LIMIT 5000"
				 : "SELECT datname FROM pg_catalog.pg_database WHERE datallowconn "
				   "ORDER BY oid LIMIT 5000");
	return ask_rows(world, &words);
}

/* Of a server elsewhere: the address by which it was reached, and those of the loopback. */
static void learn_addresses(struct pga_require_world *world)
{
	PGresult *rows = pga_cluster_ask(
	    world->session,
	    "SELECT coalesce(pg_catalog.host(pg_catalog.inet_server_addr()), '127.0.0.1')",
	    &world->error);

	world->own = calloc(3, sizeof *world->own);
	world->failed = rows == NULL || world->own == NULL;
	if (rows != NULL && world->own == NULL)
		(void)pga_fail_memory(&world->error);
	if (!world->failed && pga_hba_range_read("127.0.0.1", &world->own[0]) &&
	    pga_hba_range_read("::1", &world->own[1]))
		world->world.own_count =
		    pga_hba_range_read(pga_pg_value(rows, 0, 0), &world->own[2]) ? 3 : 2;
	PQclear(rows);
}

void pga_require_world_begin(struct pga_require_world *world, struct pga_cluster_session *session,
			     bool here)
{
	memset(world, 0, sizeof *world);
	world->session = session;
	if (here) {
		world->own = pga_hba_own_ranges(&world->world.own_count);
		world->failed = world->own == NULL;
		if (world->failed)
			(void)pga_fail(&world->error, NULL,
				       "could not list this machine's addresses: %s",
				       strerror(errno));
	} else {
		learn_addresses(world);
	}
	world->world.own = world->own;
	world->world.matches = matches;
	world->world.is_member = is_member;
	world->world.context = world;
}

int pga_require_world_end(struct pga_require_world *world, struct pga_error *error)
{
	free(world->own);
	world->own = NULL;
	if (world->failed)
		*error = world->error;
	return world->failed ? -1 : 0;
}
