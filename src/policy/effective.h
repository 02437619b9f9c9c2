/* The effective settings of a connection: what libpq will really use, after conninfo, URI, service
 * file, environment and its own defaults. libpq is asked; nothing that it parses is parsed here. */
#ifndef PGA_POLICY_EFFECTIVE_H
#define PGA_POLICY_EFFECTIVE_H

#include "base/error.h"
#include "policy/libpq.h"

#include <stdbool.h>
#include <stddef.h>

/* What the tool asks with: no value of target_session_attrs, no port and no address, in any libpq,
 * and no text that a user would write. libpq quotes it in every language. */
#define PGA_PROBE "pganchor-asks-for-the-effective-settings"

enum pga_origin {
	PGA_FROM_UNKNOWN,  /* a connection that was not begun through the gate's own entry points */
	PGA_FROM_CONNINFO, /* the program's connection string or parameters */
	PGA_FROM_SERVICE,  /* the service file */
	PGA_FROM_ENVIRONMENT, /* the setting's own variable, such as PGSSLMODE */
	PGA_FROM_DEFAULT,     /* libpq's default */
};

/* What a program hands to PQconnectdbParams. */
struct pga_parameters {
	const char *const *keywords; /* ended by NULL */
	const char *const *values;
	int expand_dbname;
};

struct pga_effective {
	PQconninfoOption *options; /* libpq's own array, ended by a NULL keyword */
	enum pga_origin
	    *origins;       /* one for each option; NULL where memory ran out or nobody asked */
	char *service;      /* its name and the file that it stands in, once traced; NULL where */
	char *service_file; /* there is none */
	bool ambiguous;     /* pga_is_ambiguous() of the parameters, once traced */
	bool oauth_unsafe;  /* PGOAUTHDEBUG is such that libpq may send OAuth's secrets over plain
			       HTTP, or print them */
};

/* Asks libpq for the settings that these parameters come to, opening no socket and looking up no
 * name. Returns 0 when libpq takes the parameters; 1 when libpq itself refuses them (an unknown
 * keyword, no such service, …), then error->message is libpq's own text and nothing is left to
 * free; -1 for want of memory. How: with a value of target_session_attrs that cannot be valid,
 * PQconnectStartParams stops in connectOptions2(), before it looks up a name; PQconninfo() of that
 * object is complete. */
int pga_effective_ask(const struct pga_libpq *libpq, const struct pga_parameters *parameters,
		      struct pga_effective *effective, struct pga_error *error);

/* At most this many settings are put behind the caller's parameters. */
#define PGA_ADDED 2

/* Begins a connection by these parameters, and by what is added behind them, which overrides them.
 * A NULL keyword ends what is added. NULL for want of memory. */
PGconn *pga_effective_begin(const struct pga_libpq *libpq, const struct pga_parameters *parameters,
			    const char *const added[PGA_ADDED][2]);

/* The connection string among the parameters, which libpq may quote; NULL where there is none.
 * Belongs to the caller of libpq. */
const char *pga_effective_given(const struct pga_parameters *parameters);

/* Begins a connection that can never be: these parameters, and behind them one that cannot be
 * valid. libpq refuses it in its own way, before it looks up a name of a host, with a message that
 * quotes the value (unless it refuses the parameters first), and refuses to reset it; all else that
 * a program does with a failed connection is safe. NULL for want of memory. */
PGconn *pga_effective_failed(const struct pga_libpq *libpq, const struct pga_parameters *parameters,
			     const char *keyword, const char *value);

/* As pga_effective_ask, for the gate: libpq does not look for the password file, so that it warns
 * of its permissions no more often than without the gate. password and passfile are not told, and
 * target_session_attrs is the probe. */
int pga_effective_ask_quietly(const struct pga_libpq *libpq,
			      const struct pga_parameters *parameters,
			      struct pga_effective *effective, struct pga_error *error);

/* The settings of a connection object, as it will really use them. Origins are known where defaults
 * and environment tell. Returns -1 for want of memory. */
int pga_effective_of(const struct pga_libpq *libpq, PGconn *conn, struct pga_effective *effective);

/* Fills in where each setting came from; parameters may be NULL. Only for messages: no verdict
 * hangs on it. */
void pga_effective_trace(const struct pga_libpq *libpq, const struct pga_parameters *parameters,
			 struct pga_effective *effective);

/* The option with this keyword in one of libpq's arrays; NULL where there is none, or no array. */
const PQconninfoOption *pga_option_find(const PQconninfoOption *options, const char *keyword);

/* The value of a setting; "" where it is not set, NULL where this libpq does not know it. */
const char *pga_effective_value(const struct pga_effective *effective, const char *keyword);

/* Adds "conninfo", "service NAME in FILE", "environment VARIABLE" or "libpq's default" to text. */
struct pga_text;
void pga_effective_origin(const struct pga_effective *effective, const char *keyword,
			  struct pga_text *text);

/* Whether these are the settings of a question that goes on to PQconnectPoll (service/ask.c), and
 * so to nowhere: the port is no number, or no host has an address that is one. libpq looks up no
 * name then, and makes no socket. */
bool pga_effective_is_question(const struct pga_effective *effective);

void pga_effective_free(const struct pga_libpq *libpq, struct pga_effective *effective);

#endif
