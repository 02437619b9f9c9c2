/* What each part of an audit asks the server, and keeps. None of them fails but for a connection
 * that is lost (-1, with the reason): what the server does not tell is among what was not seen. */
#ifndef PGA_AUDIT_COLLECT_H
#define PGA_AUDIT_COLLECT_H

#include "audit/audit.h"
#include "audit/connect.h"
#include "probe/callers.h"

/* Who it is, and who is asking; its settings; its certificate, and the roles whose passwords are
 * MD5. */
int pga_audit_collect_server(struct pga_audit *audit, struct pga_audit_connection *connection,
			     struct pga_error *error);
int pga_audit_collect_settings(struct pga_audit *audit, struct pga_audit_connection *connection,
			       struct pga_error *error);
/* How passwords are stored where it is not the session's value that counts, behind the settings. */
int pga_audit_collect_overrides(struct pga_audit *audit, struct pga_audit_connection *connection,
				struct pga_error *error);
/* The files of its pair, as they are now. */
int pga_audit_collect_files(struct pga_audit *audit, struct pga_audit_connection *connection,
			    struct pga_error *error);
/* Whether its files of settings and rules were changed since it has loaded them. */
int pga_audit_collect_newer(struct pga_audit *audit, struct pga_audit_connection *connection,
			    struct pga_error *error);
/* The lines of its settings that it does not take. */
int pga_audit_collect_refused(struct pga_audit *audit, struct pga_audit_connection *connection,
			      struct pga_error *error);
int pga_audit_collect_roles(struct pga_audit *audit, struct pga_audit_connection *connection,
			    struct pga_error *error);
void pga_audit_collect_chain(struct pga_audit *audit, const struct pga_audit_connection *connection,
			     const struct pga_pins *pins);
/* What the entries that lead to the same server make of its chain, once its settings are known. */
int pga_audit_collect_callers(struct pga_audit *audit, struct pga_audit_connection *connection,
			      const struct pga_callers *callers, struct pga_error *error);
int pga_audit_collect_sessions(struct pga_audit *audit, struct pga_audit_connection *connection,
			       struct pga_error *error);
int pga_audit_collect_rules(struct pga_audit *audit, struct pga_audit_connection *connection,
			    struct pga_error *error);

/* What the server connects to, with the verdict on it. */
int pga_audit_collect_outward(struct pga_audit *audit, struct pga_audit_connection *connection,
			      const struct pga_policy *policy, struct pga_error *error);

/* The same of what functions, views and rules say to dblink. */
int pga_audit_collect_dblink(struct pga_audit *audit, struct pga_audit_connection *connection,
			     const struct pga_policy *policy, struct pga_error *error);

/* Ends those of the question's targets that are this server's. */
int pga_audit_terminate(struct pga_audit *audit, struct pga_audit_connection *connection,
			const struct pga_audit_question *question, struct pga_error *error);

/* ---- for those ---- */

/* A copy of a column of the row; "" where it is null. Running out of memory is remembered. */
char *pga_audit_column(struct pga_audit *audit, const PGresult *row, int column);
/* The same of what anybody may have written, with what may be a secret in it masked. */
char *pga_audit_masked(struct pga_audit *audit, const PGresult *row, int column);
char *pga_audit_copy(struct pga_audit *audit, const char *text);
/* What the text says, for good: it is empty afterwards. */
char *pga_audit_take_text(struct pga_audit *audit, struct pga_text *text);
/* Adds a name as SQL takes it, in quotes. */
void pga_audit_add_name(struct pga_text *text, const char *name);
bool pga_audit_true(const PGresult *row, int column);

/* Makes room for one more element, all zero, behind so many of this size; NULL for want of memory,
 * which is remembered. *list and *count grow. */
void *pga_audit_grow(struct pga_audit *audit, void *list, size_t *count, size_t size);

/* Says that this could not be looked at: why, and what would grant it ("%s": the user, quoted; ""
 * where nothing short of a superuser may). */
void pga_audit_not_seen(struct pga_audit *audit, const char *what, const char *why,
			const char *right);

/* The setting; NULL where it was not seen. */
const char *pga_audit_setting(const struct pga_audit *audit, const char *name);

/* Judges the connection settings of this text, as libpq parses it (or of options of a foreign
 * server, as a JSON array of "keyword=value" each, and of the mapping; NULL: none), by the gate's
 * verdict, with nothing of this machine's environment: fills in what is shown, and the verdict. */
void pga_audit_judge_conninfo(struct pga_audit *audit, struct pga_audit_outward *outward,
			      const char *conninfo, const struct pga_policy *policy);
void pga_audit_judge_options(struct pga_audit *audit, struct pga_audit_outward *outward,
			     const char *server, const char *mapping,
			     const struct pga_policy *policy);
/* The same of settings that are "keyword=value" each; NULL behind the last. */
void pga_audit_judge_settings_of(struct pga_audit *audit, struct pga_audit_outward *outward,
				 const char *const *settings, const struct pga_policy *policy);

#endif
