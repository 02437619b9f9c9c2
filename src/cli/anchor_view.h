/* All that there is to know of the anchors: what list, show and the commands that change one of
 * them look at. */
#ifndef PGA_CLI_ANCHOR_VIEW_H
#define PGA_CLI_ANCHOR_VIEW_H

#include "anchor/source_records.h"
#include "base/error.h"
#include "policy/linked.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "service/servicefile.h"
#include "service/uses.h"
#include "tls/certificate.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct pga_anchor_view {
	struct pga_policy policy;
	struct pga_pins pins; /* the user's too, whether or not the policy lets them count */
	struct pga_source_records records[2]; /* the user's, the system's */
	struct pga_service_file user;
	struct pga_service_file system;
	struct pga_uses uses;
	char *root_crt; /* the user's, as libpq finds it */

	/* What follows is this module's own. */
	struct pga_hidden_environment hidden;
	struct pga_said *said;
};

/* Reads all of it. To be freed in either case. */
int pga_anchor_view_load(struct pga_anchor_view *view, struct pga_error *error);
void pga_anchor_view_free(struct pga_anchor_view *view);

/* The anchor of this name: the user's, unless the system's is asked for. Where the user has none
 * and was not asked for either, the system's. NULL, with the error, where there is none. */
const struct pga_pin *pga_anchor_view_find(const struct pga_anchor_view *view, const char *name,
					   bool system, struct pga_error *error);

enum pga_own_state {
	PGA_OWN_RIGHT,   /* the file has the pinned root, and those that join it */
	PGA_OWN_MISSING, /* it is not there */
	PGA_OWN_OTHER,   /* it has something else, or cannot be read */
};

struct pga_anchor_facts {
	const struct pga_pin *pin;
	const struct pga_source_record *record; /* NULL: none */
	char *path;                             /* of its own file */
	enum pga_own_state own;
	bool in_root_crt;
	bool has_certificate;
	struct pga_certificate certificate; /* out of its own file */
	bool has_days;
	int days;      /* that are left; less than 0: it has expired */
	char *subject; /* the certificate's, or else what anchors.conf says of it; "" where neither
			  does */
	char not_after[PGA_CERTIFICATE_DATE];
	const struct pga_use **uses;
	size_t use_count;
};

/* An anchor of which so many days or less are left expires soon. */
#define PGA_DAYS_SOON 30

/* Returns -1 for want of memory. To be freed in either case. */
int pga_anchor_facts_read(struct pga_anchor_facts *facts, struct pga_anchor_view *view,
			  const struct pga_pin *pin, struct pga_error *error);
void pga_anchor_facts_free(struct pga_anchor_facts *facts);

/* The kind of the source, "" where nobody knows; and where it is. */
const char *pga_anchor_kind(const struct pga_anchor_facts *facts);
const char *pga_anchor_location(const struct pga_anchor_facts *facts);

/* The anchor as JSON, as list and show have it; host patterns as an array of strings; and the
 * entries as an array of objects, with those that a change cuts off told apart. */
json_t *pga_anchor_as_json(const struct pga_anchor_facts *facts,
			   const struct pga_anchor_view *view);
json_t *pga_hosts_as_json(const char *patterns);
json_t *pga_uses_as_json(const struct pga_use *const *uses, size_t count);

#endif
