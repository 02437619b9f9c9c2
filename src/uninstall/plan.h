/* The way back: what pganchor has put into a home, and how each of it goes. All of it is planned,
 * with the files locked and read, before any of it is done; a dry run is the plan. */
#ifndef PGA_UNINSTALL_PLAN_H
#define PGA_UNINSTALL_PLAN_H

#include "anchor/root_crt.h"
#include "base/error.h"
#include "base/manifest.h"
#include "base/text.h"
#include "base/transaction.h"
#include "policy/pins.h"
#include "preload/enable.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum pga_leave_action {
	PGA_LEAVE_REMOVE,    /* a file goes */
	PGA_LEAVE_EDIT,      /* what is pganchor's goes out of it */
	PGA_LEAVE_PUT_BACK,  /* it is again what was found, to the byte */
	PGA_LEAVE_DIRECTORY, /* goes, where it is empty then */
	PGA_LEAVE_CLEAR,     /* an entry of the keyring goes */
};

struct pga_leave_step {
	enum pga_leave_action action;
	char *path;
	char *what; /* is in it, for the reader; "" where the path says it */
};

/* What stays although it is pganchor's or was, and why. */
struct pga_leave_kept {
	char *what;
	char *why;
	char *hint; /* or "" */
};

/* A service that stays, and depends on what goes. */
struct pga_leave_cut_off {
	char *service;
	char *path; /* of its file */
	size_t line;
	bool wholly; /* none of its hosts has an anchor any more */
};

/* In which order the files are written; within one, as they were opened. A file of CRLs goes before
 * the roots that it is about: with it and without them, libpq would refuse every server. root.crt
 * is the one whose rename may fail (where it is a mount of its own). While the pins are there, all
 * of it can simply be run again. */
enum pga_leave_rank {
	PGA_RANK_SERVICES,
	PGA_RANK_CRLS,
	PGA_RANK_ROOT_CRT,
	PGA_RANK_OTHERS,
	PGA_RANK_PINS,
	PGA_RANKS,
};

struct pga_leave_file {
	struct pga_transaction_file file;
	struct timespec modified; /* the time that it gets, */
	bool dated;               /* if so */
	enum pga_leave_rank rank; /* PGA_RANK_OTHERS unless said */
};

struct pga_uninstall {
	bool keep_services; /* entries of service files stay */
	bool passwords;     /* what the keyring has goes, too */

	struct pga_manifest manifest;
	bool *taken;          /* for each note: its service goes */
	struct pga_pins pins; /* all of them */
	struct pga_leave_file **files;
	size_t file_count;
	struct pga_activation *activations;
	size_t activation_count;

	struct pga_leave_step *steps;
	size_t step_count;
	struct pga_leave_kept *kept;
	size_t kept_count;
	struct pga_leave_cut_off *cut_off;
	size_t cut_off_count;

	bool keeps_index; /* passwords.conf stays */
	bool has_copy;    /* the keyring has a copy of the pins */
	bool changed;     /* something was done, whatever failed then */
};

/* Plans it. To be ended in any case. */
int pga_uninstall_plan(struct pga_uninstall *plan, struct pga_error *error);

/* Does it: all files in one transaction, then what is empty. Where it fails, plan->changed says
 * whether something was changed all the same. */
int pga_uninstall_do(struct pga_uninstall *plan, struct pga_error *error);

void pga_uninstall_end(struct pga_uninstall *plan);

/* What follows is for uninstall/ alone: the parts of the plan, each for one kind of thing. */
int pga_uninstall_plan_gate(struct pga_uninstall *plan, struct pga_error *error);
int pga_uninstall_plan_timer(struct pga_uninstall *plan, struct pga_error *error);
int pga_uninstall_stop_timer(struct pga_uninstall *plan, struct pga_error *error);
int pga_uninstall_plan_services(struct pga_uninstall *plan, struct pga_error *error);
int pga_uninstall_plan_anchors(struct pga_uninstall *plan, struct pga_error *error);
int pga_uninstall_plan_certs(struct pga_uninstall *plan, struct pga_error *error);
int pga_uninstall_plan_crls(struct pga_uninstall *plan, struct pga_error *error);
int pga_uninstall_plan_own_files(struct pga_uninstall *plan, struct pga_error *error);
int pga_uninstall_plan_profiles(struct pga_uninstall *plan, struct pga_error *error);
int pga_uninstall_plan_leftovers(struct pga_uninstall *plan, struct pga_error *error);
int pga_uninstall_plan_directories(struct pga_uninstall *plan, struct pga_error *error);

/* What goes out of root.crt; path is where it is. */
int pga_uninstall_plan_root(struct pga_uninstall *plan, const char *path, struct pga_error *error);

/* Where the file of roots was trimmed, rest, which is what it is without the anchors that go,
 * becomes what it was, without them too. */
int pga_uninstall_untrim(struct pga_uninstall *plan, const char *path, struct pga_text *rest,
			 bool *untrimmed, struct pga_error *error);

/* The same of all files but root.crt. */
int pga_uninstall_plan_trimmed(struct pga_uninstall *plan, const char *root_crt,
			       struct pga_error *error);

/* Removes what was planned of what others have left. */
void pga_uninstall_sweep(const struct pga_uninstall *plan);

/* Gives all locks back. */
void pga_uninstall_let_go(struct pga_uninstall *plan);

/* Whether the manifest has such a note of the file that the path really leads to. */
bool pga_uninstall_is_noted(const struct pga_uninstall *plan, enum pga_note_kind kind,
			    const char *path);

/* Whether the anchor is one that pganchor has pinned. */
bool pga_uninstall_is_ours(const struct pga_uninstall *plan, const struct pga_pin *pin);

/* Takes the sslcrl that names a file of an anchor's CRLs out of the bytes of a service file, and
 * adds to what is told of the file. */
int pga_uninstall_unbind_crls(struct pga_text *bytes, struct pga_text *what,
			      struct pga_error *error);

/* Puts entries of the service file that were hardened back in its bytes, and adds to what is told
 * of the file. */
int pga_uninstall_unharden(struct pga_uninstall *plan, const char *path, struct pga_text *bytes,
			   struct pga_text *what, struct pga_error *error);

/* Add to the lists; -1 for want of memory. */
int pga_leave_add_step(struct pga_uninstall *plan, enum pga_leave_action action, const char *path,
		       const char *what, struct pga_error *error);
int pga_leave_keep(struct pga_uninstall *plan, const char *what, const char *why, const char *hint,
		   struct pga_error *error);

/* Locks and reads a file; *file is NULL where it is not there. The plan owns it. */
int pga_leave_open(struct pga_uninstall *plan, const char *path, struct pga_leave_file **file,
		   struct pga_error *error);

/* The file is to have these bytes, or those that were found once, where these are they but for an
 * end of the last line; it goes where nothing is left in it and pganchor has made it. */
int pga_leave_put(struct pga_uninstall *plan, struct pga_leave_file *file,
		  const struct pga_text *rest, const char *what, struct pga_error *error);

/* The file goes, if it is there. */
int pga_leave_take(struct pga_uninstall *plan, char *path, const char *what,
		   struct pga_error *error);

#endif
