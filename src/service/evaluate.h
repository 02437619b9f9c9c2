/* How an entry stands: what libpq makes of it, and the policy's verdict of that. The entry is
 * judged as it stands in its file, so the caller hides the shell's PG* variables first
 * (policy/linked.h). */
#ifndef PGA_SERVICE_EVALUATE_H
#define PGA_SERVICE_EVALUATE_H

#include "base/error.h"
#include "base/memory_file.h"
#include "policy/auth.h"
#include "policy/effective.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "policy/setting_rules.h"
#include "service/roots.h"
#include "service/servicefile.h"
#include "service/settings.h"

enum pga_entry_state {
	PGA_ENTRY_ALLOWED,
	PGA_ENTRY_WEAK,     /* weaker than policy */
	PGA_ENTRY_BROKEN,   /* libpq refuses the entry, or could never connect with it */
	PGA_ENTRY_UNKNOWN,  /* only an LDAP server could tell */
	PGA_ENTRY_SHADOWED, /* libpq never gets there: an earlier entry has its name */
};

struct pga_evaluation {
	enum pga_entry_state state;
	struct pga_text
	    why; /* reasons or libpq's words, one a line; empty where there is nothing to say */
	struct pga_effective effective; /* options is NULL where libpq was not asked or gave none */
	bool no_roots;                  /* broken, since libpq would find no root to trust */
	bool needs_tls;                 /* some host is reached by TCP, and not exempt */
	bool lock_gss;     /* allowed under the gate alone, which locks gssencmode=disable */
	bool lock_min_tls; /* allowed under the gate alone, which locks ssl_min_protocol_version */
	bool lock_binding; /* allowed under the gate alone, which locks channel_binding=require */
	bool lock_auth;    /* allowed under the gate alone, which locks require_auth to auth */
	char auth[PGA_AUTH_TEXT];
	bool weak[PGA_SETTING_RULE_COUNT]; /* by which settings it is weak, in the order of
					      policy/setting_rules.h */
};

/* The word for it in a table: "allowed", "weak", … */
const char *pga_entry_state_word(enum pga_entry_state state);

/* What judges the entries of one file, one after the other. libpq reads copies of the very bytes
 * that the file's entries were found in. */
struct pga_evaluator {
	const struct pga_service_file *file;
	const struct pga_policy *policy;
	const struct pga_pins *pins; /* the caller may set them: what they refuse is said, too */
	struct pga_memory_file copy; /* of one entry, or of the whole file */
	const char *path;            /* of the copy; of the file itself where there can be none */
	bool whole; /* libpq reads the whole file each time: it refuses one of its lines */
	struct pga_roots roots;
};

/* File, policy and pins must outlive it. To be ended in either case. */
int pga_evaluator_begin(struct pga_evaluator *judging, const struct pga_service_file *file,
			const struct pga_policy *policy, struct pga_error *error);
void pga_evaluator_end(struct pga_evaluator *judging);

/* Judges one entry of the file; one that is as strong as the policy wants it has to have a root to
 * trust, and hosts that can be some. Returns -1 for want of memory. */
int pga_evaluate_entry(struct pga_evaluator *judging, const struct pga_entry *entry,
		       struct pga_evaluation *evaluation, struct pga_error *error);

/* The same without a look at any file that it names, or at its hosts. */
int pga_evaluate_entry_alone(struct pga_evaluator *judging, const struct pga_entry *entry,
			     struct pga_evaluation *evaluation, struct pga_error *error);

/* Judges what libpq reads for this service in the file at read_path, and calls it shown_path in
 * every text. */
int pga_evaluate_service(const char *read_path, const char *shown_path, const char *name,
			 const struct pga_policy *policy, struct pga_evaluation *evaluation,
			 struct pga_error *error);

/* Judges settings that stand in no file yet. */
int pga_evaluate_settings(const struct pga_settings *settings, const struct pga_policy *policy,
			  struct pga_evaluation *evaluation, struct pga_error *error);

void pga_evaluation_free(struct pga_evaluation *evaluation);

#endif
