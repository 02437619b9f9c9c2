/* All that was seen of one server, over a verified connection to it, and what it comes to:
 * collected by the collect_*.c, judged by the judge_*.c, and shown by whoever reports it.
 *
 * Every text that the server has said is as it said it, but for secrets, which are masked before
 * they get here: whoever prints it makes it printable. Texts are never NULL where nothing else is
 * said; what is not known is "". */
#ifndef PGA_AUDIT_AUDIT_H
#define PGA_AUDIT_AUDIT_H

#include "base/error.h"
#include "base/text.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "report/finding.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* The subjects of the findings, in the order in which they are shown. */
#define PGA_AUDIT_SERVER   "server"      /* that it could not be audited; its release */
#define PGA_AUDIT_SESSIONS "sessions"    /* who is connected now */
#define PGA_AUDIT_OUTWARD  "connections" /* what the server itself connects to */
#define PGA_AUDIT_RULES    "rules"       /* pg_hba.conf */
#define PGA_AUDIT_CERT     "certificate"
#define PGA_AUDIT_SETTINGS "settings"
#define PGA_AUDIT_POOLER   "pgbouncer" /* pgbouncer.ini */
#define PGA_AUDIT_UNSEEN   "unseen"    /* what could not be looked at */

/* A row of pg_stat_activity, with what pg_stat_ssl and pg_stat_gssapi say of it. */
struct pga_audit_session {
	long pid;
	char *kind; /* backend_type: "client backend", "walsender", ... */
	char *user;
	char *database;
	char *application;
	char *address; /* "" for a Unix-domain socket */
	char *since;   /* 2026-11-22T06:00:00Z */
	bool own;      /* it is the audit's */
	bool seen;     /* whether it has TLS is known: else a right is missing */
	bool tls;
	bool gss;       /* encrypted by GSSAPI */
	char *protocol; /* "TLSv1.3"; "" */
	char *cipher;
	long bits;
	char *client; /* the subject of the client's certificate; "" */
};

/* A row of pg_hba_file_rules, in the file's order. */
struct pga_audit_rule {
	char *file; /* "" where the server does not say which (before 16) */
	long line;
	char *type;      /* "host"; "" of a line that has an error */
	char *databases; /* with "," between */
	char *users;
	char *address; /* with "/" and its mask, where there is one */
	char *method;
	char *options; /* with " " between */
	char *error;   /* "" */
	bool remote;   /* it lets somebody in who is not on the server's machine */
};

/* A setting of pg_settings that is about TLS, passwords or listening. */
struct pga_audit_setting {
	char *name;
	char *value;
	char *source; /* "command line", "configuration file", ... */
	char *file;   /* where it is set; "" where that is not known */
	bool pending; /* it is another after the next restart */
	long line;    /* of the file; 0 where that is not known */
};

enum pga_audit_way {
	PGA_AUDIT_RECEIVER,     /* the standby's own connection to its primary */
	PGA_AUDIT_SUBSCRIPTION, /* logical replication */
	PGA_AUDIT_MAPPING,      /* a foreign server as one of its users connects to it */
	PGA_AUDIT_FOREIGN,      /* a foreign server that nobody is mapped to */
	PGA_AUDIT_POOLED,       /* a database of pgbouncer's */
	PGA_AUDIT_DBLINK,       /* what a function, a view or a rule says to dblink */
};

/* A connection that the server itself makes, judged by the gate's own verdict. */
struct pga_audit_outward {
	enum pga_audit_way way;
	char *name;     /* the subscription's, the foreign server's */
	char *database; /* it stands in */
	char *user;     /* whose: the owner, the mapped role ("public"); "" */
	char *shown;    /* its settings, passwords masked */
	bool enabled;
	bool judged;  /* false: why says for what reason it could not be */
	bool allowed; /* the verdict */
	bool old_tls; /* allowed, with a version of TLS that the policy does not take */
	char *why;    /* the reasons, a line each; where it is allowed, what the policy asks for
			 besides, and a gate would see to; "" */
};

/* A certificate that the server has shown in the session. */
struct pga_audit_certificate {
	char *subject;
	char *issuer;
	char *names; /* subject alternative names, ", " between */
	char *from;  /* 2026-11-22T06:00:00Z */
	char *to;
	char *key;       /* "EC P-256", "RSA 2048" */
	char *signature; /* "ecdsa-with-SHA256" */
	char *pin;       /* SHA-256 */
	char *weak;      /* "a key of 1024 bits", "signed by SHA1"; NULL: it is not */
	time_t begins;   /* of `from` */
	time_t ends;     /* of `to` */
};

/* Entries of pg_service.conf here that lead to the same server, by one host, and what they make of
 * the chain that it shows them. */
struct pga_audit_caller {
	char *services; /* with ", " between */
	char *host;
	bool weak;     /* as they are, they verify nobody */
	bool verified; /* as policy and pins want it */
	char *anchor;  /* that the chain ends in; "" */
	char *why;     /* it is not verified; "" */
	char *hint;    /* "" */
};

/* A line of the server's files that it has refused, and refuses at its next start. */
struct pga_audit_refused {
	char *file;
	long line;
	char *name; /* of the setting; "" where the file cannot be read there */
	char *why;
};

/* Somebody for whom, or something by which, passwords are stored as MD5, whatever the server's own
 * password_encryption is. */
struct pga_audit_override {
	char *of;    /* "role app in database shop", "function public.f()" */
	char *mends; /* a command */
};

/* What could not be looked at. */
struct pga_audit_unseen {
	char *what;  /* "the rules of pg_hba.conf" */
	char *why;   /* the server's words */
	char *right; /* what grants it: "GRANT ... TO audit;"; "" where nothing short of superuser
			does */
};

/* A session that was to be ended. */
struct pga_audit_ended {
	long pid;
	bool gone;
	char *why; /* why it is not; "" */
};

struct pga_audit {
	const char *service; /* the caller's */
	bool connected;      /* else the findings say why not, and nothing below is there */
	bool pooler;         /* it is a pgbouncer.ini, by the name of the service; of what is below
				there are settings, rules, what it connects to, and what was not seen */
	char *host;          /* that was connected to */
	char *address;       /* the server's, as it says; "" for a socket */
	char *port;
	char *database;
	char *user;
	bool superuser;
	bool monitor;   /* it is a member of pg_monitor, or may as much */
	bool standby;   /* in recovery */
	bool pooled;    /* a connection pooler is before it */
	int version;    /* 150020 */
	char *release;  /* "15.20 (Debian ...)" */
	char *cluster;  /* cluster_name; "" */
	char *data;     /* data_directory; "" where it may not be seen */
	char *hba_file; /* likewise */
	char *protocol; /* of the audit's own session; "" for a socket */
	char *cipher;   /* likewise */
	char *root;     /* subject of the root that the chain ends in; "" */
	char *root_pin; /* its SHA-256 */
	char *anchor;   /* whose root it is; "" where it is not pinned */
	time_t now;     /* when it was looked at */

	struct pga_audit_session *sessions;
	size_t session_count;
	struct pga_audit_rule *rules;
	size_t rule_count;
	bool rules_seen;
	struct pga_audit_setting *settings;
	size_t setting_count;
	struct pga_audit_outward *outward;
	size_t outward_count;
	struct pga_audit_certificate *chain; /* as it was shown, the server's own first */
	size_t chain_length;
	struct pga_audit_caller *callers;
	size_t caller_count;
	char
	    *file_pin; /* SHA-256 of the certificate in ssl_cert_file; NULL where it was not seen */
	char *file_fault; /* why the server cannot load its pair at the next start; NULL: nothing is
			     known against it */
	bool rules_newer; /* a file of rules was changed since they were loaded */
	bool settings_newer; /* likewise of settings */
	struct pga_audit_refused *refused;
	size_t refused_count;
	char **md5_roles; /* that have a password which is stored as MD5 */
	size_t md5_role_count;
	struct pga_audit_override *overrides;
	size_t override_count;
	struct pga_audit_unseen *unseen;
	size_t unseen_count;

	struct pga_audit_ended *ended; /* of the question's targets, those of this server */
	size_t ended_count;

	struct pga_findings findings;
	bool failed; /* memory ran out: it is not all that there was */
};

/* A session that is to be ended before the server is looked at, if it still is the one that began
 * then, and has no encryption. */
struct pga_audit_target {
	const char *service;
	long pid;
	char *since; /* of the session that was seen */
};

struct pga_audit_question {
	const struct pga_audit_target *targets;
	size_t target_count;
	const char *const *services;
	size_t count;
	size_t jobs;  /* at once; 0: as base/many.h */
	long seconds; /* for one server, all in all */
	const struct pga_policy *policy;
	const struct pga_pins *pins;
	const char *progress; /* as base/many.h */
};

/* Takes what was seen of one server, and owns it (pga_audit_free()). Returns -1 with the error to
 * end it all. */
typedef int pga_audit_take(void *context, struct pga_audit *audit, struct pga_error *error);

/* Audits the servers, several at once, and hands them over in the order of the services: memory
 * stays flat. A server that is not reached, not verified or does not let us in is no failure: its
 * findings say so. No password goes to a server that policy and pins do not trust. Returns 0; -1
 * with the reason; the number of a signal, as pga_many_run(). */
int pga_audit_run(const struct pga_audit_question *question, pga_audit_take *take, void *context,
		  struct pga_error *error);

/* One that is empty; NULL for want of memory. */
struct pga_audit *pga_audit_new(const char *service);
void pga_audit_free(struct pga_audit *audit);

/* Reads and judges a pgbouncer.ini, with what it includes. A file that cannot be read is no
 * failure: the findings say so. NULL for want of memory. */
struct pga_audit *pga_audit_pgbouncer(const char *path, const struct pga_policy *policy);

/* Whether the detail of a finding is a line of a file, and its hint the one that it should be. */
bool pga_audit_is_of_lines(const struct pga_finding *finding);

/* The items of the CIS PostgreSQL benchmark that a finding is about ("CIS 6.8"), with ", " between;
 * "" where there is none. */
const char *pga_audit_cis(enum pga_finding_id id);

/* Words for reports that programs read: they stay. */
const char *pga_audit_way_word(enum pga_audit_way way);

#endif
