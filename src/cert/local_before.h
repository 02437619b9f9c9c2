/* What postgresql.auto.conf was before `ca local serve` changed it: kept beside it, so that --undo
 * can bring it back byte for byte. */
#ifndef PGA_CERT_LOCAL_BEFORE_H
#define PGA_CERT_LOCAL_BEFORE_H

#include "base/error.h"
#include "base/text.h"
#include "cert/cluster.h"

#include <stdbool.h>

#define PGA_SERVED_BEFORE "pganchor-local.before"

#define PGA_SERVED_CONF "postgresql.auto.conf"

#define PGA_SERVED_AT_IT "-"    /* it is at it, or was killed there */
#define PGA_SERVED_LOST  "lost" /* others had changed it before it did so again */

struct pga_served_before {
	bool found;
	bool existed;         /* there was such a file */
	char after[65];       /* SHA-256 of what serve has left; or one of these words */
	struct pga_text conf; /* its bytes before */
};

/* No file is no error. To be freed in either case. */
int pga_served_before_read(const struct pga_cluster *cluster, struct pga_served_before *before,
			   struct pga_error *error);
void pga_served_before_free(struct pga_served_before *before);

/* Whether such a configuration names our pair. */
bool pga_served_names_ours(const struct pga_text *conf);

/* The bytes of the file that keeps it, before the configuration changes from conf (existed: there
 * is one) to what after has; after NULL: that is not known yet, and comes in a second call with
 * `again`. What is there already is what goes on being kept, as long as the configuration names our
 * pair. Returns -1 for want of memory. */
int pga_served_before_compose(const struct pga_served_before *before, bool existed,
			      const struct pga_text *conf, const struct pga_text *after, bool again,
			      struct pga_text *bytes, struct pga_error *error);

/* The configuration without what serve has set: the bytes that it had where nobody else has changed
 * it since, and otherwise what it has now, with the settings of TLS as they were. *gone: there was
 * no file. Returns -1 for want of memory. */
int pga_served_before_restore(const struct pga_served_before *before, const struct pga_text *conf,
			      bool *gone, struct pga_text *bytes, struct pga_error *error);

#endif
