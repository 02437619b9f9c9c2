/* What the subcommands of `pganchor cert` share; each stands in cmd_cert_NAME.c. */
#ifndef PGA_CLI_CMD_CERT_H
#define PGA_CLI_CMD_CERT_H

#include "base/error.h"
#include "cert/record.h"
#include "cert/state.h"
#include "cli/options.h"

#include <jansson.h>
#include <stdbool.h>

/* A certificate of the user's and how it stands now. */
struct pga_cert_view {
	struct pga_cert_record *record; /* of the records that were read */
	struct pga_cert_state state;
};

struct pga_cert_views {
	struct pga_cert_records records;
	struct pga_cert_view *list; /* those that were asked for, in the file's order */
	size_t count;
};

/* Reads certs.conf, and looks at those of these names (NULL behind the last; none: at all). To be
 * freed in either case. Returns -1 with the reason: no certificate has such a name. */
int pga_cert_views_read(struct pga_cert_views *views, char *const *names, struct pga_error *error);
void pga_cert_views_free(struct pga_cert_views *views);

/* What was revoked is broken, whoever has not heard of it. */
void pga_cert_note_revoked(const struct pga_cert_record *record, struct pga_cert_state *state);

/* No certificate has this name: says so, with those that there are. Returns -1. */
int pga_fail_no_cert(const struct pga_cert_records *records, const char *name,
		     struct pga_error *error);

/* What is known of it goes, and its timer before it; its files stay. What does not work with the
 * timer alone is warned of. */
int pga_cert_forget(const struct pga_cert_record *record, const struct pga_cert_state *state,
		    struct pga_error *error);

/* "not-due", "due", "broken". */
const char *pga_cert_standing_word(enum pga_cert_standing standing);

/* What there is to say of it, as an object: what it is, how long it is valid, how it is renewed. */
json_t *pga_cert_as_json(const struct pga_cert_view *view);

/* Its alternative names, as an array of "DNS:localhost" and the like. */
json_t *pga_cert_names_as_json(X509 *leaf);

/* "in 3d4h", "3d4h ago". The caller frees it; NULL for want of memory. */
char *pga_cert_from_now(time_t when);

/* An absolute path of what the user typed; it need not be there. The caller frees it; NULL with the
 * reason. */
char *pga_cert_path(const char *typed, struct pga_error *error);

/* The files that libpq uses by itself: ~/.postgresql/postgresql.crt and .key. The caller frees both
 * in either case. */
int pga_cert_default_paths(char **certificate, char **key, struct pga_error *error);

/* Takes a span of time, such as 8h, into a long of the command's. */
int pga_cert_take_span(void *into, const struct pga_option *option, const char *value);

/* Takes HUP:PIDFILE, of which the path becomes an absolute one: it is remembered. */
int pga_cert_take_signal(void *into, const struct pga_option *option, const char *value);

#endif
