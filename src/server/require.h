/* TLS made required by a server's pg_hba.conf, and nobody locked out who was not named before. */
#ifndef PGA_SERVER_REQUIRE_H
#define PGA_SERVER_REQUIRE_H

#include "base/error.h"
#include "base/transaction.h"
#include "cert/cluster.h"
#include "cert/cluster_sql.h"
#include "server/alone.h"
#include "server/hba_tree.h"

#include <stdbool.h>
#include <stddef.h>

struct pga_require_wish {
	const char *directory;
	const char *user; /* a superuser; NULL: see cert/cluster_sql.h */
	bool writes;      /* whoever else changes the server is waited for */
};

/* Who is connected over TCP without TLS, and could not come back. */
struct pga_plain_session {
	char *pid;
	char *kind; /* backend_type: "client backend", "walsender", … */
	char *user;
	char *database;
	char *application;
	char *address;
	char *since;
	bool gss;      /* it is encrypted by GSSAPI */
	bool shut_out; /* with TLS it would not be let in either */
};

struct pga_locked_out {
	struct pga_plain_session *sessions;
	size_t count;
};

/* A rule that lets somebody in without TLS now who would not be let in with it either: by hostnossl
 * alone, say, or behind a hostssl that rejects. And one of those. */
struct pga_shut_out_rule {
	size_t place;   /* of the tree */
	char *user;     /* +GROUP, /EXPRESSION: one of these; "": whom no rule names */
	char *database; /* likewise */
	char *address;  /* the first of a range; or the name of a host */
	size_t by;      /* the place of the rule that refuses TLS; place_count: none is for it */
};

struct pga_shut_out {
	struct pga_shut_out_rule *rules;
	size_t count;
};

/* What a connection over TCP came to. */
enum pga_let_in {
	PGA_LET_IN_UNKNOWN, /* nobody answers there, or something else went wrong */
	PGA_LET_IN_NOT,     /* no rule lets it in */
	PGA_LET_IN,         /* it was asked for its password, or stands */
};

/* Two connections to the server by one of its own addresses: no password is given. */
struct pga_require_trial {
	char address[64];
	char *user;
	char *database;
	enum pga_let_in plain_before;
	enum pga_let_in encrypted_before;
	enum pga_let_in plain;
	enum pga_let_in encrypted;
};

struct pga_requiring {
	struct pga_cluster cluster;
	struct pga_server_alone alone;
	struct pga_cluster_session *session; /* stands until the end: the way back */
	struct pga_hba_tree tree;
	size_t changes; /* lines that differ */
	bool stale;     /* the server may go by older rules than its files' */
	struct pga_locked_out locked_out;
	struct pga_shut_out shut_out;
	char *named; /* the host that is named in a handshake; NULL: none */
	struct pga_require_trial *trials;
	size_t trial_count;
	struct pga_transaction_file *files; /* of each part of the tree */
	bool proved; /* by such connections: else no changed rule is for an address of this machine
		      */
	const struct pga_hba_line *stays; /* by which this machine's own get in without TLS as
					     before; NULL: none seen */
	const char *stays_path;
};

/* Looks at all of it, and changes nothing. Returns -1 where it cannot be done: the server does not
 * run, has no TLS, or its files are not understood. To be ended in either case. */
int pga_require_plan(struct pga_requiring *requiring, const struct pga_require_wish *wish,
		     struct pga_error *error);

/* Writes the files as their owner, has the server look at them before it loads them, loads them,
 * and proves it. Where that fails, all is put back, and error says so. With nothing to write, they
 * are loaded all the same, and it is proved. */
int pga_require_apply(struct pga_requiring *requiring, struct pga_error *error);
void pga_require_end(struct pga_requiring *requiring);

/* The parts of the above. */
/* here: the server runs on this machine. To be freed in either case. */
int pga_require_find_locked_out(struct pga_cluster_session *session,
				const struct pga_hba_tree *tree, bool here,
				struct pga_locked_out *locked_out, struct pga_error *error);
void pga_locked_out_free(struct pga_locked_out *locked_out);

/* Likewise. Whom the rules name is asked, and who is like nobody whom they name; and the server for
 * its roles, where they have groups. */
int pga_require_find_shut_out(struct pga_cluster_session *session, const struct pga_hba_tree *tree,
			      bool here, struct pga_shut_out *shut_out, struct pga_error *error);
void pga_shut_out_free(struct pga_shut_out *shut_out);

/* Returns -1 where a rule that stays, since it is for the machine itself, would let somebody in by
 * trust or ident without TLS whom a rule before it, which TLS is required by then, asks for more:
 * nobody is to get in easier than before. */
int pga_require_check_wider(const struct pga_hba_tree *tree, struct pga_error *error);

/* Returns -1 where somebody is shut out so, by a rule or as one who is connected, and that was not
 * said to be wanted. */
int pga_require_check_shut_out(const struct pga_locked_out *locked_out,
			       const struct pga_shut_out *shut_out,
			       const struct pga_require_trial *trials, size_t trial_count,
			       struct pga_error *error);

/* Chooses the connections by which it can be proved, and has each made once, as the rules are now:
 * their plain_before and encrypted_before. There may be none. Returns -1 for want of memory, and
 * where the server does not answer a question. They go with the whole (pga_require_end()). */
int pga_require_find_trials(struct pga_requiring *requiring, struct pga_error *error);

/* Has each made again, once the changed rules are loaded. Returns -1 where one without TLS is
 * not known to be kept out, or one with TLS is that was let in before: then the rules are to be put
 * back. */
int pga_require_prove(struct pga_requiring *requiring, struct pga_error *error);

/* One such connection: as far as the server's answer to the startup packet. */
enum pga_let_in pga_require_come(const char *host, unsigned port, const char *user,
				 const char *database, bool encrypted);

#endif
