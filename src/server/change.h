/* One change of a server's settings: planned, made, proved by what the server then shows, and put
 * back where it does not. */
#ifndef PGA_SERVER_CHANGE_H
#define PGA_SERVER_CHANGE_H

#include "base/error.h"
#include "server/alone.h"
#include "server/hosts_file.h"
#include "server/own_postgres.h"
#include "server/place.h"
#include "server/plan.h"
#include "server/record.h"
#include "server/require_undo.h"
#include "server/settings.h"
#include "server/spoken.h"
#include "server/target.h"

#include <stdbool.h>

/* Names of a server, at most. */
#define PGA_SERVER_HOSTS 64

/* What is asked for. */
struct pga_server_wish {
	const char *directory;           /* of the server's data; NULL: it is that of a service */
	const char *user;                /* a superuser; NULL: see cert/cluster_sql.h */
	const char *service;             /* NULL: it is known by its directory */
	const struct pga_policy *policy; /* that hold for its service */
	const struct pga_pins *pins;
	const char *certificate; /* enable: paths of the pair, at the server; NULL: those that are
				    set */
	const char *key;
	bool linked_by_others; /* somebody else's symbolic link leads there, to any file */
	const char *ciphers;   /* NULL: as they are set */
	const char *tls13;     /* ciphers of TLS 1.3 */
	const char *groups;
	const char *min;
	const char *max;
	const char *const *hosts; /* that the certificate has to name */
	size_t host_count;
	bool writes;         /* whoever else changes the server is waited for */
	bool lock_out;       /* disable, undo: though some would be locked out */
	bool may_be_stopped; /* undo: a server that does not run will do */
};

/* A change that is planned. All zero before it is begun. */
struct pga_server_work {
	const struct pga_server_wish *wish;
	struct pga_server_target target;
	struct pga_server_alone alone;
	bool stopped; /* the server does not run: its files are changed, and nothing is proved */
	struct pga_own_postgres own;         /* of such a server */
	struct pga_server_settings settings; /* before */
	struct pga_server_record record;
	struct pga_server_plan plan;
	struct pga_server_hosts hosts; /* ssl_sni is on: what each has to be shown then */
	struct pga_server_copy copy;   /* of the pair; none where the server can use it */
	char *gone[PGA_PLACED_FILES];  /* undo: copies that go */
	struct pga_server_goal goals[PGA_SET_COUNT];
	struct pga_server_goal back[PGA_SET_COUNT];
	struct pga_unrequiring
	    rules;         /* disable, undo: lines of pg_hba.conf that require TLS no more */
	bool unrequired;   /* that was done */
	bool rules_by_sql; /* undo: these lines, over SQL */
	bool changes;      /* there is something to do */
	bool on;           /* what it comes to */
	char expected[65]; /* certificate that it is to show then; "": TLS, whichever */
	char served[65];   /* that it has shown before; "": none */
	char shown[65];    /* that it shows now, once it is proved */
	bool compared;     /* it would show the same either way: what it speaks tells */
	struct pga_server_spoken spoken; /* before */
	bool untold;   /* no handshake has told whether it has loaded its settings: they come to the
			  same */
	char *called;  /* enable: how clients call it; NULL: no name is known */
	char *issuer;  /* and whose root they need */
	char root[65]; /* its SHA-256; "": nobody here knows it */
	bool no_root;  /* it is signed by itself, and no CA's: nobody can pin that */
	const char *undone; /* undo: the command whose change it puts back; NULL: there was none */
	const char *other_file; /* by a service, which has none: a record of some in the data
				   directory; NULL: none is seen */
};

/* Opens the server and reads what it is set to; for the commands' own plans, which come next. */
int pga_server_work_begin(struct pga_server_work *work, const struct pga_server_wish *wish,
			  struct pga_error *error);
void pga_server_work_end(struct pga_server_work *work);

/* The plans: what is checked and what would be done. Nothing is changed. */
int pga_server_plan_enable(struct pga_server_work *work, const struct pga_server_wish *wish,
			   struct pga_error *error);
int pga_server_plan_disable(struct pga_server_work *work, const struct pga_server_wish *wish,
			    struct pga_error *error);
int pga_server_plan_undo(struct pga_server_work *work, const struct pga_server_wish *wish,
			 struct pga_error *error);

/* Whether settings change that the server lets nobody change but by hand, in its files: the plan
 * has the lines. Then fills error with that, and what to do. */
bool pga_server_work_is_by_hand(const struct pga_server_work *work, struct pga_error *error);

/* Does what is planned. On failure all is put back, and that is said, or what stays. command is
 * what is recorded; NULL: the last change is taken off the record (undo). */
int pga_server_work_do(struct pga_server_work *work, const char *command, struct pga_error *error);

/* What require-tls has changed in pg_hba.conf and has not put back yet is planned to be. */
int pga_server_plan_rules(struct pga_server_work *work, const struct pga_server_wish *wish,
			  struct pga_error *error);

/* Undo: returns -1 where the server would not load what comes back, wanted, as enable-tls looks at
 * it; and what it is to show then is known. */
int pga_server_check_comes_back(struct pga_server_work *work, const struct pga_server_wish *wish,
				const char *const wanted[PGA_SET_COUNT], struct pga_error *error);

/* The same of a service, where hex is what was recorded of it. */
int pga_server_plan_rules_by_sql(struct pga_server_work *work, const char *hex,
				 struct pga_error *error);

/* Adds to the plan what becomes of these lines. */
int pga_server_plan_lines(struct pga_server_plan *plan, const struct pga_hba_record *record,
			  struct pga_error *error);

/* Returns -1 where pg_hba.conf, as it will be, lets some in by TLS alone, who would be locked out
 * without it. */
int pga_server_check_lock_out(struct pga_server_work *work, bool lock_out, struct pga_error *error);

/* Returns -1 where a service would not get in any more without TLS to put it back, or where another
 * server than its own answers. */
int pga_server_check_way_back(struct pga_server_work *work, bool lock_out, struct pga_error *error);

/* Tells who loses TLS where it is switched off, and what that costs. */
int pga_server_warn_of_cost(struct pga_server_work *work, struct pga_error *error);

#endif
