/* Applying a profile: its anchors, services and policy, in one transaction, over whatever is there.
 *
 * It is a three-way merge. What the last version put there and nobody has changed since follows the
 * profile, or goes with it; what the user has changed, taken away or made stays, and is told. */
#ifndef PGA_PROFILE_APPLY_H
#define PGA_PROFILE_APPLY_H

#include "base/error.h"
#include "base/text.h"
#include "base/transaction.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "profile/applied.h"
#include "profile/recorded.h"
#include "profile/roots.h"
#include "profile/source.h"
#include "service/evaluate.h"
#include "service/servicefile.h"

#include <stdbool.h>
#include <stddef.h>

enum pga_applying {
	PGA_APPLY_SAME,   /* it is so already */
	PGA_APPLY_ADD,    /* it comes */
	PGA_APPLY_CHANGE, /* it becomes another */
	PGA_APPLY_REMOVE, /* the profile has dropped it, and it goes */
	PGA_APPLY_KEEP,   /* it is the user's, and stays as it is */
};

/* "same", "add", … */
const char *pga_applying_word(enum pga_applying action);

struct pga_apply_anchor {
	enum pga_applying action;
	const struct pga_profile_root *root; /* NULL: the profile has none of this pin any more */
	char *name;
	char pin[PGA_PIN_LENGTH + 1];
	char *hosts;
	bool scoped;
	bool system;  /* the system pins it: nothing of it is written */
	bool present; /* it is pinned when all is done */
	char *file;   /* its own: where services find it */
	char *why;    /* for KEEP; else NULL */
	char *hint;   /* likewise: a command */
};

struct pga_apply_service {
	enum pga_applying action;
	const struct pga_profile_service *from; /* NULL: the profile has it no more */
	char *name;
	char *anchor;                 /* the one it is bound to; NULL: none of the profile's */
	char *host;                   /* as the entry is to have it */
	struct pga_settings settings; /* that are to be there; of KEEP, that are there */
	struct pga_settings applied;  /* for the record: what the profile wants */
	bool ours;                    /* it is recorded as the profile's */
	struct pga_text difference;   /* lines "+keyword=value", "-keyword=value" */
	enum pga_entry_state state;   /* of what is there when all is done */
	char *why;                    /* for KEEP, and where some of it is kept; else NULL */
	char *hint;                   /* likewise */
};

struct pga_apply_policy {
	enum pga_applying action;
	char *key;
	char *value; /* that is wanted; of KEEP, that is there */
	bool ours;
	char *why;
	char *hint;
};

enum pga_apply_file {
	PGA_APPLY_BEGUN, /* in the order in which they are written: what is about to be, then own
			    files */
	PGA_APPLY_ROOT_CRT,
	PGA_APPLY_SOURCES,
	PGA_APPLY_CONF,
	PGA_APPLY_SERVICES,
	PGA_APPLY_POLICY,
	PGA_APPLY_RECORD,
	PGA_APPLY_PROFILES,
	PGA_APPLY_FILES,
};

struct pga_application {
	/* Set by the caller. */
	const struct pga_fetched_profile *fetched;
	struct pga_applied_leave leave;
	const char *const *replaced; /* names of anchors and services, and keys of the policy, that
					are to be the profile's whatever is there */
	size_t replaced_count;
	const char *again; /* what the user has typed to get here, for hints */

	struct pga_apply_anchor *anchors;
	size_t anchor_count;
	struct pga_apply_service *services;
	size_t service_count;
	struct pga_apply_policy *policies;
	size_t policy_count;
	unsigned long long before;    /* the version that was applied; 0: none */
	bool changes;                 /* something is to be written, if only the record of it */
	bool visible;                 /* something else than that */
	char *paths[PGA_APPLY_FILES]; /* of those that change; else NULL */
	bool created[PGA_APPLY_FILES];

	/* What follows is profile/'s own. */
	struct pga_profile_user user;
	struct pga_policy policy; /* as it is before */
	struct pga_policy after;  /* as it will be: its lists are those of the one before */
	struct pga_pins pins;     /* as they are before: all */
	struct pga_pins own;      /* those of the user's anchors.conf */
	struct pga_applied applied;
	struct pga_recorded recorded;
	struct pga_recorded begun; /* by a run that was killed: what it would have recorded */
	struct pga_profile_roots roots;
	struct pga_service_file entries;
	struct pga_transaction_file files[PGA_APPLY_FILES];
	struct pga_transaction_file *crts; /* one for each anchor */
	size_t crt_count;
};

/* Finds the roots of the anchors, from their sources where they are not here. Locks nothing, and
 * writes nothing. Returns -1 with the reason. */
int pga_apply_prepare(struct pga_application *application, pga_profile_asks *asks, void *context,
		      struct pga_error *error);

/* Plans, and unless dry_run does it; after another one, anew. Holds locks only meanwhile. On
 * failure, every file is as it was. */
int pga_apply(struct pga_application *application, bool dry_run, struct pga_error *error);

/* How many things become of this. */
size_t pga_apply_count(const struct pga_application *application, enum pga_applying action);

void pga_application_free(struct pga_application *application);

/* ---- what follows is for profile/ alone ---- */

/* Whether the user has said that this is to be the profile's. */
bool pga_apply_replaces(const struct pga_application *application, const char *name);

/* Adds the command that makes it the profile's. NULL for want of memory. */
char *pga_apply_mend(const struct pga_application *application, const char *name);

/* Locks and reads a file; path is taken over. */
int pga_apply_begin(struct pga_application *application, enum pga_apply_file which, char *path,
		    mode_t mode, struct pga_error *error);

/* Puts what was composed in the place of text; adds a copy; notes that the file gets its new bytes
 * where they are others than it has. */
void pga_apply_step(struct pga_text *text, struct pga_text *composed);
void pga_apply_copy(struct pga_text *to, const struct pga_text *from);
int pga_apply_put(struct pga_transaction_file *file, struct pga_error *error);

/* What an entry says: of a keyword that is there twice, libpq takes the first. */
int pga_apply_read_entry(const struct pga_service_file *file, const struct pga_entry *entry,
			 struct pga_settings *settings, struct pga_error *error);

/* Takes what a run that was killed had begun and has written, as the entries, anchors and lines of
 * the policy that are there tell, for recorded. */
int pga_apply_take_begun(struct pga_application *application, const struct pga_settings *policy,
			 struct pga_error *error);

/* Free what was planned, so that it can be planned anew. */
void pga_apply_forget_anchors(struct pga_application *application);
void pga_apply_forget_services(struct pga_application *application);

/* The name of a service that has this file as its sslrootcert, and is not the profile's, or not any
 * more; *user is NULL where there is none. */
int pga_apply_find_user(const struct pga_application *application, const char *file,
			const char **user, struct pga_error *error);

int pga_apply_plan_anchors(struct pga_application *application, struct pga_error *error);
int pga_apply_compose_anchors(struct pga_application *application, struct pga_error *error);
int pga_apply_compose_root_crt(struct pga_application *application, struct pga_error *error);
int pga_apply_prove_anchors(const struct pga_application *application, struct pga_error *error);
int pga_apply_plan_policy(struct pga_application *application, struct pga_error *error);
int pga_apply_plan_services(struct pga_application *application, struct pga_error *error);
int pga_apply_compose_services(struct pga_application *application, struct pga_error *error);
int pga_apply_prove_services(struct pga_application *application, struct pga_error *error);

#endif
