/* A running server asked, as its superuser, by its Unix-domain socket: what its TLS is set to, and
 * that set by ALTER SYSTEM. */
#ifndef PGA_CERT_CLUSTER_SQL_H
#define PGA_CERT_CLUSTER_SQL_H

#include "base/error.h"
#include "base/text.h"
#include "cert/cluster.h"

#include <libpq-fe.h>
#include <stdbool.h>

/* The settings that serve changes. */
enum pga_tls_setting { PGA_TLS_CA, PGA_TLS_CERT, PGA_TLS_KEY, PGA_TLS_ON, PGA_TLS_SETTINGS };
extern const char *const pga_tls_settings[PGA_TLS_SETTINGS];

struct pga_cluster_session;

/* Connects as this superuser (NULL: PGUSER, or the user's own name, and postgres): as root first as
 * the server's owner, for peer authentication. Passwords are found as libpq finds them. NULL with
 * the reason, also where what answers has its data in another directory. To be ended by
 * pga_cluster_leave(), which takes NULL, too. */
struct pga_cluster_session *pga_cluster_enter(const struct pga_cluster *cluster, const char *user,
					      struct pga_error *error);
void pga_cluster_leave(struct pga_cluster_session *session);

/* The rows of a question, in a bounded time; NULL with the server's reason. The caller clears them.
 */
PGresult *pga_cluster_ask(struct pga_cluster_session *session, const char *question,
			  struct pga_error *error);

/* The same with the bytes of $1, $2, … (bytea), which are no words of the question. */
PGresult *pga_cluster_ask_with(struct pga_cluster_session *session, const char *question,
			       const struct pga_text *const *parameters, int count,
			       struct pga_error *error);

/* A command, likewise. */
int pga_cluster_command(struct pga_cluster_session *session, const char *words,
			struct pga_error *error);

/* A session of a connection that stands, and is the session's from then on; NULL for want of
 * memory: then it is ended. */
struct pga_cluster_session *pga_cluster_session_of(PGconn *connection, struct pga_error *error);

/* Has the server neither end the session nor cut a question short, whatever its role, its database
 * or the server is set to: it is the way back while connections are tried elsewhere. And nothing is
 * looked up in a schema that others can write to. */
int pga_cluster_steady(struct pga_cluster_session *session, struct pga_error *error);

/* Whether TLS can be changed there at all by ALTER SYSTEM, and be seen then: returns -1 where the
 * command line says otherwise, the server was built without TLS, or listens nowhere. */
int pga_cluster_can_serve(struct pga_cluster_session *session,
			  const struct pga_cluster_setting *wanted, struct pga_error *error);

/* Returns -1, with the place and the server's reason, where an error in its configuration keeps it
 * from loading any of it: pg_file_settings ends there, too, and does not show what
 * postgresql.auto.conf says. */
int pga_cluster_check_config(struct pga_cluster_session *session, struct pga_error *error);

/* Of a row of pg_file_settings: what a setting says, ssl as pg_settings has it, since a boolean has
 * many words; and whether ALTER SYSTEM has set it. A name may be in capitals. */
#define PGA_SQL_SETTING                                                                 \
	"CASE WHEN pg_catalog.lower(name) OPERATOR(pg_catalog.=) 'ssl' THEN CASE WHEN " \
	"setting::pg_catalog.bool THEN 'on' ELSE 'off' END ELSE setting END"
#define PGA_SQL_IS_ALTERED                                                                 \
	"sourcefile OPERATOR(pg_catalog.=) (pg_catalog.current_setting('data_directory') " \
	"OPERATOR(pg_catalog.||) '/postgresql.auto.conf')"

/* What postgresql.auto.conf says of them, each NULL where it does not. Belong to the session. */
int pga_cluster_altered(struct pga_cluster_session *session,
			struct pga_cluster_setting before[PGA_TLS_SETTINGS],
			struct pga_error *error);

/* Sets them, or resets those whose value is NULL, lets be those without a name, and has the server
 * load its configuration. */
int pga_cluster_alter(struct pga_cluster_session *session,
		      const struct pga_cluster_setting settings[PGA_TLS_SETTINGS],
		      struct pga_error *error);

/* Has it load its configuration and its certificate anew, and waits until it has: whoever connects
 * then is shown what it has come to. Returns -1 where it has not done so in a bounded time. */
int pga_cluster_reload(struct pga_cluster_session *session, struct pga_error *error);

/* What a setting is now, by pg_settings. The caller frees it; NULL with the reason. */
char *pga_cluster_show(struct pga_cluster_session *session, enum pga_tls_setting setting,
		       struct pga_error *error);

/* ALTER SYSTEM SET NAME = 'VALUE', or RESET NAME where the value is NULL: whoever has set all that
 * belongs together has it loaded then by pga_cluster_reload(). */
int pga_cluster_alter_one(struct pga_cluster_session *session,
			  const struct pga_cluster_setting *setting, struct pga_error *error);

/* Where its log is, for a hint; "" where it does not say. Belongs to the session. */
const char *pga_cluster_log(struct pga_cluster_session *session);

#endif
