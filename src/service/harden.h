/* Makes weak entries of a service file verify-full, and puts them back.
 *
 * An entry's servers are looked at, the pinned anchor that has signed each is found, the name that
 * host= has to be is taken from the certificate, and libpq verifies each server with the settings
 * as they are to be, before anything is written. A name out of a certificate is believed only where
 * a pinned anchor has signed it that is valid for this name. Where the environment's settings are
 * not hidden (policy/linked.h), the entries are not judged as they stand in their file. */
#ifndef PGA_SERVICE_HARDEN_H
#define PGA_SERVICE_HARDEN_H

#include "base/error.h"
#include "base/text.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "service/servicefile.h"
#include "service/settings.h"

#include <stdbool.h>
#include <stddef.h>

/* Which entries, and what the user says of them. */
struct pga_harden_wish {
	const char *const *names; /* of entries */
	size_t count;             /* 0: every weak entry of the file */
	enum pga_service_place place;
	const char *host; /* the name in the certificate that is meant, of several hosts as libpq's
			     list, empty where it is found; NULL: it is found */
	const char *anchor; /* whose server it is to be; NULL: any that is pinned */
};

enum pga_harden_state {
	PGA_HARDEN_STRONG, /* as strong as the policy wants it: nothing is to be done */
	PGA_HARDEN_READY,  /* libpq verifies its servers with the settings as they are to be */
	PGA_HARDEN_NAME,   /* which of several names is meant: `names` has them */
	PGA_HARDEN_ANCHOR, /* no anchor that is pinned has signed what `server` shows */
	PGA_HARDEN_STUCK,  /* it cannot be done */
};

/* A setting that is to be another one. */
struct pga_harden_change {
	char *keyword;
	char *before; /* NULL: it was not there */
	char *after;  /* NULL: it goes */
};

/* One entry. Texts out of certificates are names of hosts, and nothing else. */
struct pga_hardening {
	char *name;
	size_t line;
	enum pga_harden_state state;
	bool weak;               /* it is weaker than the policy, as it stands */
	struct pga_text reasons; /* why it is weak, or broken; one a line */
	struct pga_harden_change *changes;
	size_t change_count;
	bool renamed;          /* host becomes a name that the user has not said: to be confirmed */
	char *host;            /* as it is to be; NULL: not changed */
	struct pga_text why;   /* what was taken, and why; one a line */
	char *anchor;          /* that has signed the servers; NULL: not found, or several */
	struct pga_text names; /* one a line: those that may be meant; of PGA_HARDEN_ANCHOR those
				  that the certificate has, which nothing proves */
	size_t hosts;          /* that it has, and */
	size_t sockets;        /* of these, where nothing is verified */
	char *meant;   /* the names that are said to be meant, an element a host; NULL: none */
	size_t about;  /* which host the state is about */
	char *server;  /* HOST:PORT of that; NULL: none */
	unsigned port; /* of that */
	char *address; /* where that is reached, a number; NULL: by its name, or unknown */
	bool fits;     /* of PGA_HARDEN_ANCHOR: the certificate has the name of the entry */
	struct pga_error error; /* of those states that are not done */

	struct pga_settings settings; /* as they are to be, or of a strong one, as they are */
};

struct pga_harden {
	const struct pga_harden_wish *wish;
	struct pga_harden_servers *servers; /* what they have shown */
	struct pga_policy policy;
	struct pga_pins pins;
	struct pga_service_file file;
	struct pga_hardening *items; /* those that were named, in that order; or the weak ones, in
					the file's */
	size_t count;
	size_t others; /* entries of the file that nobody named, and that are not judged: broken, or
			  LDAP's */
	bool readable_by_others;
};

/* Looks at the entries of the wish, which is to outlive this. What cannot be hardened is a state of
 * its entry, and no failure. Nothing is written. To be ended in either case. */
int pga_harden_begin(struct pga_harden *harden, const struct pga_harden_wish *wish,
		     struct pga_error *error);

/* Looks at one of them again, with this name for host= (NULL: that of the wish), by the pins as
 * they are now. */
int pga_harden_again(struct pga_harden *harden, size_t index, const char *host,
		     struct pga_error *error);

/* The name that is said to be meant of the host that the state is about. *name is the caller's to
 * free; NULL: nobody has said. Returns -1 for want of memory. */
int pga_harden_meant(const struct pga_hardening *item, char **name, struct pga_error *error);

/* The list for a wish's host, or pga_harden_again(), in which this name is the one of the host that
 * the state is about. Adds it to list. */
void pga_harden_add_meant(const struct pga_hardening *item, const char *name,
			  struct pga_text *list);

/* How many are in this state. */
size_t pga_harden_count(const struct pga_harden *harden, enum pga_harden_state state);

/* Writes all that are ready, in one transaction with the record by which they can be put back, or
 * with dry_run does all but that. Refuses where the file has changed since it was read. */
int pga_harden_write(struct pga_harden *harden, bool dry_run, struct pga_error *error);

void pga_harden_end(struct pga_harden *harden);

/* ---- The way back, harden_undo.c ---- */

enum pga_unharden_state {
	PGA_UNHARDEN_RESTORED, /* every byte of it is as it was */
	PGA_UNHARDEN_CHANGED,  /* somebody has changed the entry since: it stays */
	PGA_UNHARDEN_GONE,     /* there is no such entry any more */
	PGA_UNHARDEN_UNKNOWN,  /* it was not hardened, or was put back already */
};

struct pga_unhardening {
	char *name;
	enum pga_unharden_state state;
	bool already; /* restored: it was so before */
	size_t line;
	struct pga_text
	    before; /* the lines as they were, and as they are again; no more than those */
	struct pga_text after; /* that differ */
};

struct pga_unharden {
	char *path; /* of the service file */
	struct pga_unhardening *items;
	size_t count;
};

/* Puts the named entries of the file back as they were before they were hardened, or all of its
 * that were (count 0), in one transaction; with dry_run, all but that. One that cannot be put back
 * is a state of it, and no failure. To be ended in either case. */
int pga_unharden(struct pga_unharden *undo, enum pga_service_place place, const char *const *names,
		 size_t count, bool dry_run, struct pga_error *error);
void pga_unharden_end(struct pga_unharden *undo);

#endif
