/* A server's settings of TLS: what each is and where that comes from, what ALTER SYSTEM has set,
 * and what a change makes of them. */
#ifndef PGA_SERVER_SETTINGS_H
#define PGA_SERVER_SETTINGS_H

#include "base/error.h"
#include "cert/cluster_sql.h"
#include "server/plan.h"

#include <stdbool.h>
#include <stddef.h>

/* Those that a change may set, and those that are only looked at. */
enum pga_server_setting {
	PGA_SET_CERT,
	PGA_SET_KEY,
	PGA_SET_CIPHERS,
	PGA_SET_TLS13,  /* ssl_tls13_ciphers, of 18 and later; this one too: */
	PGA_SET_GROUPS, /* ssl_groups */
	PGA_SET_MIN,
	PGA_SET_MAX,
	PGA_SET_ON,
	PGA_SET_COUNT, /* the last that is set: with it TLS begins */

	PGA_SEEN_LIBRARY = PGA_SET_COUNT,
	PGA_SEEN_ALTER,
	PGA_SEEN_LISTEN,
	PGA_SEEN_PASSPHRASE,
	PGA_SEEN_PASSPHRASE_RELOAD,
	PGA_SEEN_SNI,
	PGA_SEEN_HOSTS, /* hosts_file */
	PGA_SEEN_CA,    /* files that have to load besides: these two */
	PGA_SEEN_CRL,
	PGA_SEEN_CONFIG, /* config_file */
	PGA_SEEN_COUNT
};

/* Their names, as PostgreSQL has them. */
extern const char *const pga_server_settings[PGA_SEEN_COUNT];

/* One, as pg_settings and postgresql.auto.conf have it. Belongs to the settings. */
struct pga_server_value {
	char *now;     /* NULL: this release has no such setting */
	char *source;  /* "default", "configuration file", "command line" */
	char *file;    /* that sets it; NULL: none does */
	char *line;    /* its number there */
	char *altered; /* what ALTER SYSTEM has set; NULL: nothing */
};

struct pga_server_settings {
	struct pga_server_value of[PGA_SEEN_COUNT];
};

/* Asks the server. Returns -1 with the reason where it does not answer. To be freed in either case.
 */
int pga_server_settings_read(struct pga_cluster_session *session,
			     struct pga_server_settings *settings, struct pga_error *error);
void pga_server_settings_free(struct pga_server_settings *settings);

/* Whether they say the same, or both nothing (NULL). */
bool pga_server_value_is(const char *one, const char *other);

/* Asks once more before something is set: returns -1 where somebody has changed one of those that a
 * change may set since these were read. */
int pga_server_settings_stand(struct pga_cluster_session *session,
			      const struct pga_server_settings *settings, struct pga_error *error);

/* Whether these can be set (NULL: stays as it is): returns -1 where the command line of the server
 * says otherwise, or the server was built without TLS or listens on no TCP port. */
int pga_server_settings_check(const struct pga_server_settings *settings,
			      const char *const wanted[PGA_SET_COUNT], struct pga_error *error);

/* Whether it shows each name a certificate of its own (19 and later). */
bool pga_server_settings_by_name(const struct pga_server_settings *settings);

/* Whether they are set in the server's files alone, by hand: it does not allow ALTER SYSTEM (17 and
 * later). */
bool pga_server_settings_by_hand(const struct pga_server_settings *settings);

/* Adds the step to the plan that sets one, or takes back what is set (value NULL): by ALTER SYSTEM,
 * or the line and its place in the files. */
void pga_server_setting_plan(const struct pga_server_settings *settings,
			     enum pga_server_setting which, const char *value,
			     struct pga_server_plan *plan);

/* The same for each that changes, with what it is now. */
void pga_server_settings_plan(const struct pga_server_settings *settings,
			      const char *const wanted[PGA_SET_COUNT],
			      struct pga_server_plan *plan);

/* What ALTER SYSTEM is to say of one of them. */
struct pga_server_goal {
	bool altered;      /* false: it stays as it is */
	const char *value; /* NULL: RESET */
};

/* What sets those that are wanted and differ, and the way back to what ALTER SYSTEM has set before.
 */
void pga_server_goals_of(const struct pga_server_settings *settings,
			 const char *const wanted[PGA_SET_COUNT],
			 struct pga_server_goal goals[PGA_SET_COUNT],
			 struct pga_server_goal back[PGA_SET_COUNT]);

/* Where certificate or key becomes another, ssl is among the goals, too, since it is off in the
 * meantime. */
void pga_server_goals_complete(const struct pga_server_settings *settings,
			       struct pga_server_goal goals[PGA_SET_COUNT],
			       struct pga_server_goal back[PGA_SET_COUNT]);

/* Whether certificate or key is among the goals. ssl is this in the meantime: */
bool pga_server_pair_changes(const struct pga_server_goal goals[PGA_SET_COUNT]);
#define PGA_SET_MEANWHILE "off"

/* Sets and resets them, and has the server load that. Where it fails midway, the way back is the
 * caller's to go. */
int pga_server_settings_alter(struct pga_cluster_session *session,
			      const struct pga_server_goal goals[PGA_SET_COUNT],
			      struct pga_error *error);

#endif
