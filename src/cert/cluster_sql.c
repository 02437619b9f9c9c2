#include "cert/cluster_sql.h"

#include "service/pinned_login.h"
#include "tls/dial.h"
#include "tls/pg_answer.h"

#include <libpq-fe.h>

#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const pga_tls_settings[PGA_TLS_SETTINGS] = {
    [PGA_TLS_CA] = "ssl_ca_file",
    [PGA_TLS_CERT] = "ssl_cert_file",
    [PGA_TLS_KEY] = "ssl_key_file",
    [PGA_TLS_ON] = "ssl",
};

/* How long a login may take, in milliseconds. */
#define LOGIN_TIME 10000

/* How long a server may take to load its configuration, in milliseconds. */
#define LOAD_TIME 15000

/* And to answer a question. */
#define ANSWER_TIME 30000

#define MOST_PARAMETERS 2

struct pga_cluster_session {
	PGconn *connection;
	char *values[PGA_TLS_SETTINGS]; /* of pga_cluster_altered() */
	char *log;
};

static int fail_of(const PGconn *connection, const char *what, struct pga_error *error)
{
	const char *said = PQerrorMessage(connection);

	if (said[0] == '\0')
		said = "the server does not answer";
	return pga_fail(error, NULL, "%s: %.*s", what, (int)strcspn(said, "\n"), said);
}

/* libpq takes hostaddr before the directory of a socket that is the host: then it would log in by
 * TCP, at a server that nobody has verified. What is not in the connection string comes from
 * PGHOSTADDR, or from the service that PGSERVICE names, in a file that may be another one for
 * another user. */
static int check_socket(struct pga_error *error)
{
	PQconninfoOption *defaults = PQconndefaults();
	const char *address = NULL;

	if (defaults == NULL)
		return pga_fail_memory(error);
	for (const PQconninfoOption *option = defaults; option->keyword != NULL; option++)
		if (strcmp(option->keyword, "hostaddr") == 0)
			address = option->val;
	if (address != NULL && address[0] != '\0')
		(void)pga_fail(
		    error, "unset them; nothing was changed",
		    "PGHOSTADDR, or the service of PGSERVICE, has the address %s: it may "
		    "lead to another server than the directory's own",
		    address);
	else
		address = NULL;
	PQconninfoFree(defaults);
	return address == NULL ? 0 : -1;
}

static int connect_by_socket(const struct pga_cluster *cluster, const char *user,
			     PGconn **connection, struct pga_error *error)
{
	char port[16];
	const char *const keywords[] = {
	    "host", "port", "dbname", "user", "application_name", "client_encoding", NULL};
	const char *const values[] = {
	    cluster->socket_directory, port, "postgres", user, "pganchor", "UTF8", NULL};
	struct pga_error ignored;

	(void)snprintf(port, sizeof port, "%u", cluster->port);
	if (check_socket(error) != 0)
		return -1;
	*connection = PQconnectStartParams(keywords, values, 0);
	/* No TLS is on a socket, and nothing to be judged. What went wrong, libpq tells. */
	(void)pga_pinned_login(*connection, pga_dial_now() + LOGIN_TIME, NULL, NULL, &ignored);
	return 0;
}

/* The server takes a client for who its effective user is. Whether it has logged in, the connection
 * tells; -1 where it must not be tried. */
static int connect_as(const struct pga_cluster *cluster, const char *user, bool as_owner,
		      PGconn **connection, struct pga_error *error)
{
	struct pga_as_owner as;
	struct pga_error ignored;
	int result = 0;

	if (!as_owner)
		return connect_by_socket(cluster, user, connection, error);
	if (pga_cluster_as_owner(cluster, &as, &ignored) == 0) {
		result = connect_by_socket(cluster, user, connection, error);
		pga_cluster_as_before(&as);
	}
	return result;
}

static bool is_superuser(const PGconn *connection)
{
	const char *said = PQparameterStatus(connection, "is_superuser");

	return PQstatus(connection) == CONNECTION_OK && said != NULL && strcmp(said, "on") == 0;
}

struct tried {
	const char *user;
	bool as_owner;
};

/* Who is tried, one behind the other. */
static size_t list_users(const struct pga_cluster *cluster, const char *user, struct tried tried[4])
{
	const struct passwd *owner = getpwuid(cluster->owner);
	size_t count = 0;

	if (geteuid() == 0 && cluster->owner != 0) {
		tried[count++] = (struct tried){user != NULL    ? user
						: owner != NULL ? owner->pw_name
								: "postgres",
						true};
		if (user == NULL)
			tried[count++] = (struct tried){"postgres", true};
	}
	tried[count++] = (struct tried){user, false};
	if (user == NULL)
		tried[count++] = (struct tried){"postgres", false};
	return count;
}

/* Whether what answers has its data there: the file that led to it is in the server's own
 * directory, too, and no copy has its times. In a container, or in a copy of the directory, it may
 * name another server's socket. */
static int check_own(struct pga_cluster_session *session, const struct pga_cluster *cluster,
		     struct pga_error *error)
{
	char *path = pga_cluster_file(cluster, "postmaster.pid");
	PGresult *row = pga_cluster_ask(
	    session,
	    "SELECT extract(epoch FROM change)::pg_catalog.int8, extract(epoch FROM "
	    "modification)::pg_catalog.int8, pg_catalog.current_setting('data_directory') FROM "
	    "pg_catalog.pg_stat_file('postmaster.pid')",
	    error);
	struct pga_as_owner as;
	struct stat status;
	int result = row != NULL && path != NULL ? pga_cluster_as_owner(cluster, &as, error) : -1;

	if (path == NULL)
		(void)pga_fail_memory(error);
	if (result == 0) {
		if (stat(path, &status) != 0 ||
		    strtoll(pga_pg_value(row, 0, 0), NULL, 10) != status.st_ctim.tv_sec ||
		    strtoll(pga_pg_value(row, 0, 1), NULL, 10) != status.st_mtim.tv_sec)
			result = pga_fail(error,
					  "name the directory of a server that runs here; one that "
					  "runs in a container is changed from within. Nothing was "
					  "changed",
					  "%s: the server that its postmaster.pid leads to has its "
					  "data elsewhere, in %s",
					  cluster->directory, pga_pg_value(row, 0, 2));
		pga_cluster_as_before(&as);
	}
	PQclear(row);
	free(path);
	return result;
}

struct pga_cluster_session *pga_cluster_enter(const struct pga_cluster *cluster, const char *user,
					      struct pga_error *error)
{
	static const char hint[] =
	    "--user NAME names a superuser who may log in by the Unix-domain socket (PGPASSWORD "
	    "and ~/.pgpass count). Nothing was changed";
	struct pga_cluster_session *session = calloc(1, sizeof *session);
	struct tried tried[4];
	const size_t count = list_users(cluster, user, tried);
	char first[512] = "no connection could be made";

	if (session == NULL) {
		(void)pga_fail_memory(error);
		return NULL;
	}
	if (cluster->socket_directory[0] == '\0')
		(void)snprintf(first, sizeof first, "it has no Unix-domain socket");
	for (size_t i = 0; cluster->socket_directory[0] != '\0' && i < count; i++) {
		const char *said;

		if (connect_as(cluster, tried[i].user, tried[i].as_owner, &session->connection,
			       error) != 0) {
			pga_cluster_leave(session);
			return NULL;
		}
		if (is_superuser(session->connection)) {
			if (pga_cluster_steady(session, error) == 0 &&
			    check_own(session, cluster, error) == 0)
				return session;
			pga_cluster_leave(session);
			return NULL;
		}
		said = PQstatus(session->connection) == CONNECTION_OK
			   ? "its user is no superuser"
			   : PQerrorMessage(session->connection);
		if (i == 0 && said[0] != '\0')
			(void)snprintf(first, sizeof first, "%.*s", (int)strcspn(said, "\n"), said);
		else if (i == 0)
			(void)snprintf(first, sizeof first, "the server does not answer");
		PQfinish(session->connection);
		session->connection = NULL;
	}
	(void)pga_fail(error, hint, "could not log in to the server of %s as its superuser: %s",
		       cluster->directory, first);
	pga_cluster_leave(session);
	return NULL;
}

struct pga_cluster_session *pga_cluster_session_of(PGconn *connection, struct pga_error *error)
{
	struct pga_cluster_session *session = calloc(1, sizeof *session);

	if (session == NULL) {
		PQfinish(connection);
		(void)pga_fail_memory(error);
		return NULL;
	}
	session->connection = connection;
	return session;
}

void pga_cluster_leave(struct pga_cluster_session *session)
{
	if (session == NULL)
		return;
	PQfinish(session->connection);
	for (size_t i = 0; i < PGA_TLS_SETTINGS; i++)
		free(session->values[i]);
	free(session->log);
	free(session);
}

/* The rest of PQexec(), in a bounded time, of what was sent. NULL where it was not answered: the
 * connection is of no use any more then. */
static PGresult *answer(struct pga_cluster_session *session)
{
	const long long deadline = pga_dial_now() + ANSWER_TIME;
	PGresult *result = NULL;
	PGresult *next;
	bool lost = false;

	while ((next = pga_pg_answer(session->connection, deadline, &lost)) != NULL) {
		PQclear(result);
		result = next;
	}
	if (!lost)
		return result;
	PQclear(result);
	return NULL;
}

static PGresult *execute(struct pga_cluster_session *session, const char *words)
{
	return PQsendQuery(session->connection, words) == 1 ? answer(session) : NULL;
}

/* The rows of an answer, or NULL with the reason. */
static PGresult *rows_of(struct pga_cluster_session *session, PGresult *result,
			 struct pga_error *error)
{
	if (PQresultStatus(result) == PGRES_TUPLES_OK)
		return result;
	PQclear(result);
	(void)fail_of(session->connection, "could not ask the server for its settings", error);
	return NULL;
}

PGresult *pga_cluster_ask(struct pga_cluster_session *session, const char *question,
			  struct pga_error *error)
{
	return rows_of(session, execute(session, question), error);
}

PGresult *pga_cluster_ask_with(struct pga_cluster_session *session, const char *question,
			       const struct pga_text *const *parameters, int count,
			       struct pga_error *error)
{
	const Oid bytea = 17; /* src/include/catalog/pg_type.dat */
	const Oid types[MOST_PARAMETERS] = {bytea, bytea};
	const int binary[MOST_PARAMETERS] = {1, 1};
	const char *values[MOST_PARAMETERS] = {NULL};
	int lengths[MOST_PARAMETERS] = {0};
	PGresult *result = NULL;

	for (int i = 0; i < count && i < MOST_PARAMETERS; i++) {
		values[i] = pga_text_string(parameters[i]);
		lengths[i] = (int)parameters[i]->length;
	}
	if (PQsendQueryParams(session->connection, question, count, types, values, lengths, binary,
			      0) == 1)
		result = answer(session);
	return rows_of(session, result, error);
}

/* A server of an older version does not have all of them. */
int pga_cluster_steady(struct pga_cluster_session *session, struct pga_error *error)
{
	PGresult *rows = pga_cluster_ask(
	    session,
	    "SELECT pg_catalog.set_config('search_path', '', false) UNION ALL "
	    "SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings "
	    "WHERE name OPERATOR(pg_catalog.=) ANY (ARRAY['idle_session_timeout', "
	    "'idle_in_transaction_session_timeout', 'statement_timeout', 'lock_timeout', "
	    "'transaction_timeout'])",
	    error);

	PQclear(rows);
	return rows != NULL ? 0 : -1;
}

/* A setting that the command line has is no other's to change. */
static int check_setting(const char *name, const char *value, const char *source,
			 const struct pga_cluster_setting *wanted, struct pga_error *error)
{
	if (strcmp(name, "ssl_library") == 0 && value[0] == '\0')
		return pga_fail(error, "install a build of PostgreSQL with OpenSSL",
				"the server was built without TLS");
	if (strcmp(name, "listen_addresses") == 0 && value[0] == '\0')
		return pga_fail(error,
				"ALTER SYSTEM SET listen_addresses = 'localhost', and restart it",
				"the server listens on no TCP port, and there is no TLS on a "
				"Unix-domain socket");
	if (strcmp(name, "allow_alter_system") == 0 && strcmp(value, "off") == 0)
		return pga_fail(
		    error,
		    "set ssl, ssl_cert_file and ssl_key_file where the server's "
		    "configuration is kept; pganchor ca local issue makes the pair",
		    "the server does not allow ALTER SYSTEM (allow_alter_system is off)");
	for (size_t i = 0; i < PGA_TLS_SETTINGS; i++)
		if (wanted[i].name != NULL && strcmp(name, wanted[i].name) == 0 &&
		    strcmp(source, "command line") == 0 && strcmp(value, wanted[i].value) != 0)
			return pga_fail(error, "start it without that option",
					"%s is \"%s\" by the command line that the server was "
					"started with, which nothing else can change",
					name, value);
	return 0;
}

int pga_cluster_can_serve(struct pga_cluster_session *session,
			  const struct pga_cluster_setting *wanted, struct pga_error *error)
{
	PGresult *rows = pga_cluster_ask(
	    session,
	    "SELECT name, setting, source FROM pg_catalog.pg_settings WHERE name IN "
	    "('ssl', 'ssl_ca_file', 'ssl_cert_file', 'ssl_key_file', 'ssl_library', "
	    "'listen_addresses', 'allow_alter_system') ORDER BY 1",
	    error);
	int result = rows != NULL ? 0 : -1;

	for (int i = 0; result == 0 && i < PQntuples(rows); i++)
		result = check_setting(pga_pg_value(rows, i, 0), pga_pg_value(rows, i, 1),
				       pga_pg_value(rows, i, 2), wanted, error);
	PQclear(rows);
	return result;
}

int pga_cluster_altered(struct pga_cluster_session *session,
			struct pga_cluster_setting before[PGA_TLS_SETTINGS],
			struct pga_error *error)
{
	PGresult *rows =
	    pga_cluster_check_config(session, error) == 0
		? pga_cluster_ask(
		      session,
		      "SELECT pg_catalog.lower(name), " PGA_SQL_SETTING
		      " FROM pg_catalog.pg_file_settings WHERE " PGA_SQL_IS_ALTERED
		      " AND pg_catalog.lower(name) IN ('ssl', 'ssl_ca_file', 'ssl_cert_file', "
		      "'ssl_key_file') ORDER BY seqno",
		      error)
		: NULL;
	int result = rows != NULL ? 0 : -1;

	for (size_t k = 0; k < PGA_TLS_SETTINGS; k++)
		before[k] = (struct pga_cluster_setting){pga_tls_settings[k], NULL};
	for (int i = 0; result == 0 && i < PQntuples(rows); i++)
		for (size_t k = 0; k < PGA_TLS_SETTINGS; k++) {
			if (strcmp(pga_pg_value(rows, i, 0), before[k].name) != 0)
				continue;
			free(session->values[k]);
			session->values[k] = strdup(pga_pg_value(rows, i, 1));
			before[k].value = session->values[k];
			if (before[k].value == NULL)
				result = pga_fail_memory(error);
		}
	PQclear(rows);
	return result;
}

int pga_cluster_command(struct pga_cluster_session *session, const char *words,
			struct pga_error *error)
{
	PGresult *result = execute(session, words);
	const ExecStatusType status = PQresultStatus(result);

	PQclear(result);
	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return 0;
	return fail_of(session->connection, "could not change the server's configuration", error);
}

int pga_cluster_alter_one(struct pga_cluster_session *session,
			  const struct pga_cluster_setting *setting, struct pga_error *error)
{
	struct pga_text words = PGA_TEXT_EMPTY;
	char *literal = NULL;
	int result = -1;

	if (setting->value == NULL) {
		pga_text_addf(&words, "ALTER SYSTEM RESET %s", setting->name);
	} else {
		literal =
		    PQescapeLiteral(session->connection, setting->value, strlen(setting->value));
		pga_text_addf(&words, "ALTER SYSTEM SET %s = %s", setting->name,
			      literal != NULL ? literal : "");
	}
	if (words.failed || (setting->value != NULL && literal == NULL))
		(void)pga_fail_memory(error);
	else
		result = pga_cluster_command(session, pga_text_string(&words), error);
	PQfreemem(literal);
	pga_text_free(&words);
	return result;
}

/* What alone could not be applied, such as what is for the server's start, keeps it from nothing
 * else. These texts are never translated. */
int pga_cluster_check_config(struct pga_cluster_session *session, struct pga_error *error)
{
	PGresult *rows =
	    pga_cluster_ask(session,
			    "SELECT coalesce(sourcefile, ''), coalesce(sourceline, 0), error "
			    "FROM pg_catalog.pg_file_settings WHERE error OPERATOR(pg_catalog.<>) "
			    "'setting could not be applied' ORDER BY seqno LIMIT 1",
			    error);
	int result = rows != NULL ? 0 : -1;

	if (rows != NULL && PQntuples(rows) > 0)
		result = pga_fail(error, "mend it there; nothing was changed",
				  "%s, line %s: the server says: %s; so it loads nothing of its "
				  "configuration",
				  pga_pg_value(rows, 0, 0), pga_pg_value(rows, 0, 1),
				  pga_pg_value(rows, 0, 2));
	PQclear(rows);
	return result;
}

/* When this session has loaded its configuration last; "" where it cannot be told. */
static void load_time(struct pga_cluster_session *session, char time[64])
{
	struct pga_error ignored;
	PGresult *rows =
	    pga_cluster_ask(session, "SELECT pg_catalog.pg_conf_load_time()", &ignored);

	(void)snprintf(time, 64, "%s", rows != NULL ? pga_pg_value(rows, 0, 0) : "");
	PQclear(rows);
}

/* The server tells its sessions when it has read its configuration, and takes no connection before
 * it has loaded its certificate, too. */
int pga_cluster_reload(struct pga_cluster_session *session, struct pga_error *error)
{
	const long long deadline = pga_dial_now() + LOAD_TIME;
	char before[64];
	char now[64];
	int pause = 1;

	load_time(session, before);
	if (pga_cluster_command(session, "SELECT pg_catalog.pg_reload_conf()", error) != 0)
		return -1;
	for (;;) {
		load_time(session, now);
		if (strcmp(before, now) != 0)
			return 0;
		if (pga_dial_now() > deadline)
			return pga_fail(error, NULL,
					"the server was told to load its configuration, and has "
					"not done so in %d seconds",
					LOAD_TIME / 1000);
		(void)poll(NULL, 0, pause);
		pause = pause < 100 ? pause * 2 : pause;
	}
}

int pga_cluster_alter(struct pga_cluster_session *session,
		      const struct pga_cluster_setting settings[PGA_TLS_SETTINGS],
		      struct pga_error *error)
{
	/* Whoever is killed here leaves a server that starts: with one file of each pair it would
	 * not, but without TLS it does. */
	static const struct pga_cluster_setting off = {"ssl", "off"};

	if (pga_cluster_alter_one(session, &off, error) != 0)
		return -1;
	for (size_t i = 0; i < PGA_TLS_SETTINGS; i++)
		if (settings[i].name != NULL &&
		    pga_cluster_alter_one(session, &settings[i], error) != 0)
			return -1;
	return pga_cluster_reload(session, error);
}

char *pga_cluster_show(struct pga_cluster_session *session, enum pga_tls_setting setting,
		       struct pga_error *error)
{
	struct pga_text words = PGA_TEXT_EMPTY;
	PGresult *rows = NULL;
	char *value = NULL;

	pga_text_addf(&words, "SELECT setting FROM pg_catalog.pg_settings WHERE name = '%s'",
		      pga_tls_settings[setting]);
	if (!words.failed)
		rows = pga_cluster_ask(session, pga_text_string(&words), error);
	if (words.failed ||
	    (rows != NULL &&
	     (value = strdup(PQntuples(rows) == 1 ? pga_pg_value(rows, 0, 0) : "")) == NULL))
		(void)pga_fail_memory(error);
	PQclear(rows);
	pga_text_free(&words);
	return value;
}

const char *pga_cluster_log(struct pga_cluster_session *session)
{
	struct pga_error ignored;
	PGresult *rows =
	    session->log == NULL
		? pga_cluster_ask(session, "SELECT coalesce(pg_catalog.pg_current_logfile(), '')",
				  &ignored)
		: NULL;

	if (rows != NULL && PQntuples(rows) == 1)
		session->log = strdup(pga_pg_value(rows, 0, 0));
	PQclear(rows);
	return session->log != NULL ? session->log : "";
}
