/* The wrappers: the functions of libpq that the gate stands before. One list, from which come the
 * gate's exports, the ways in that belong to one libpq each (for GOT entries that are rebound and
 * addresses that dlsym() gives out), and their declarations. */
#ifndef PGA_GATE_WRAPPERS_H
#define PGA_GATE_WRAPPERS_H

#include "gate/libpq.h"

#define GATE_UNWRAP(...) __VA_ARGS__

/* WRAPPER(argument of the list, type, name, (names of the parameters), parameters). Those that a
 * signal handler may call: */
#define GATE_SIGNAL_WRAPPERS(WRAPPER, with)                                                        \
	WRAPPER(with, int, PQcancel, (cancel, errbuf, errbufsize), PGcancel *cancel, char *errbuf, \
		int errbufsize)

#define GATE_OTHER_WRAPPERS(WRAPPER, with)                                                        \
	WRAPPER(with, PGconn *, PQconnectdb, (conninfo), const char *conninfo)                    \
	WRAPPER(with, PGconn *, PQconnectStart, (conninfo), const char *conninfo)                 \
	WRAPPER(with, PGconn *, PQconnectdbParams, (keywords, values, expand_dbname),             \
		const char *const *keywords, const char *const *values, int expand_dbname)        \
	WRAPPER(with, PGconn *, PQconnectStartParams, (keywords, values, expand_dbname),          \
		const char *const *keywords, const char *const *values, int expand_dbname)        \
	WRAPPER(with, PGconn *, PQsetdbLogin,                                                     \
		(pghost, pgport, pgoptions, pgtty, dbName, login, pwd), const char *pghost,       \
		const char *pgport, const char *pgoptions, const char *pgtty, const char *dbName, \
		const char *login, const char *pwd)                                               \
	WRAPPER(with, PostgresPollingStatusType, PQconnectPoll, (conn), PGconn *conn)             \
	WRAPPER(with, void, PQreset, (conn), PGconn *conn)                                        \
	WRAPPER(with, int, PQresetStart, (conn), PGconn *conn)                                    \
	WRAPPER(with, PostgresPollingStatusType, PQresetPoll, (conn), PGconn *conn)               \
	WRAPPER(with, PGPing, PQping, (conninfo), const char *conninfo)                           \
	WRAPPER(with, PGPing, PQpingParams, (keywords, values, expand_dbname),                    \
		const char *const *keywords, const char *const *values, int expand_dbname)        \
	WRAPPER(with, int, PQrequestCancel, (conn), PGconn *conn)                                 \
	WRAPPER(with, PQconninfoOption *, PQconninfo, (conn), PGconn *conn)                       \
	WRAPPER(with, char *, PQerrorMessage, (conn), const PGconn *conn)                         \
	WRAPPER(with, char *, PQhost, (conn), const PGconn *conn)                                 \
	WRAPPER(with, char *, PQhostaddr, (conn), const PGconn *conn)                             \
	WRAPPER(with, char *, PQpass, (conn), const PGconn *conn)                                 \
	WRAPPER(with, char *, PQport, (conn), const PGconn *conn)

#define GATE_WRAPPERS(WRAPPER, with)        \
	GATE_SIGNAL_WRAPPERS(WRAPPER, with) \
	GATE_OTHER_WRAPPERS(WRAPPER, with)

/* What each does: gate_PQconnectdb(libpq, internal, conninfo), …. libpq is the one whose function
 * was called, NULL where there is none; internal: by that libpq itself. */
#define GATE_DECLARE(with, type, name, names, ...) \
	type gate_##name(struct gate_libpq *libpq, bool internal, __VA_ARGS__);
GATE_WRAPPERS(GATE_DECLARE, )

/* The same by the gate that stands before this libpq, which may be another one of the process
 * (peer.h): gate_at_PQconnectdb(libpq, internal, conninfo), …. What programs reach is this. */
#define GATE_DECLARE_AT(with, type, name, names, ...) \
	type gate_at_##name(struct gate_libpq *libpq, bool internal, __VA_ARGS__);
GATE_WRAPPERS(GATE_DECLARE_AT, )

/* gate_at_NAME of the wanted name; NULL where that is no wrapper's. */
gate_function *gate_at(const char *wanted);

/* A wrapper's name, and what is asked for it, until that returns false. Returns whether it never
 * did. */
bool gate_each_wrapper(bool (*visit)(const char *name, void *context), void *context);

/* The way in that stands for this libpq's function of that name; NULL where the name is no
 * wrapper's. For GATE_LIBPQ_BEYOND it is one that refuses. */
void *gate_wrapper(const struct gate_libpq *libpq, const char *name);

/* What stands for libpq's PQconnectPoll where this libpq calls it itself. */
void *gate_own_poll(const struct gate_libpq *libpq);

/* Whether the name is a wrapper's. */
bool gate_is_wrapped(const char *name);

#endif
