/* pganchor: no libpq connection weaker than sslmode=verify-full.
 *
 * Link with -lpganchor before -lpq, and every connection that the program makes through libpq is
 * judged: nothing else has to change. The functions below are for programs that want to ask. They
 * find the libpq of the process at run time; this library needs none itself. All are safe to call
 * from several threads.
 *
 * Released under the PostgreSQL License. */
#ifndef PGANCHOR_H
#define PGANCHOR_H

#ifdef __cplusplus
extern "C" {
#endif

/* libpq-fe.h calls it PGconn. */
struct pg_conn;

/* What the policy says of a connection. */
enum pganchor_verdict {
	PGANCHOR_ERROR = -1,  /* it could not be judged: libpq refuses the settings, or the policy
				 cannot be read */
	PGANCHOR_ALLOWED = 0, /* every host is reached as the policy wants it */
	PGANCHOR_REFUSED =
	    1 /* it is weaker than the policy (where mode = audit, it would be made all the same) */
};

/* Judges a connection string (key=value, or a URI) without connecting: libpq is asked for the
 * effective settings, out of the string, the service file, the environment and its own defaults.
 * Opens no socket. Where reasons is not NULL, it gets a text that the caller frees with
 * pganchor_free: why it is refused, every reason, or what the error is; NULL where it is allowed.
 */
enum pganchor_verdict pganchor_judge(const char *conninfo, char **reasons);

/* The same for what PQconnectdbParams takes. */
enum pganchor_verdict pganchor_judge_params(const char *const *keywords, const char *const *values,
					    int expand_dbname, char **reasons);

/* Says what libpq would really use: a text with the verdict, its reasons and what to change, and
 * behind an empty line one for each setting that has a value, with the value (passwords masked) and
 * where it came from. The caller frees it with pganchor_free; NULL for want of memory. *verdict
 * (may be NULL) gets the verdict. */
char *pganchor_explain(const char *conninfo, enum pganchor_verdict *verdict);

/* Connects like PQconnectdb and PQconnectdbParams, through the gate, also in a program that has not
 * linked or preloaded it before libpq. Never more lenient than the gate; a refused connection is an
 * object in CONNECTION_BAD whose PQerrorMessage says why. Close it with PQfinish. NULL where there
 * is no libpq or no memory. */
struct pg_conn *pganchor_connect(const char *conninfo);
struct pg_conn *pganchor_connect_params(const char *const *keywords, const char *const *values,
					int expand_dbname);

/* Looks at a connection that stands (CONNECTION_OK): its settings, and its TLS session, the pins
 * included. reasons as in pganchor_judge. */
enum pganchor_verdict pganchor_verify(struct pg_conn *conn, char **reasons);

/* Frees a text that a function above gave; NULL is no error. */
void pganchor_free(char *text);

/* The version of the library that is loaded, such as "0.1.0". */
const char *pganchor_version(void);

#ifdef __cplusplus
}
#endif

#endif
