/* What the files harden_*.c share; service/harden.h is what others see. */
#ifndef PGA_SERVICE_HARDEN_PARTS_H
#define PGA_SERVICE_HARDEN_PARTS_H

#include "policy/hostlist.h"
#include "service/evaluate.h"
#include "service/harden.h"
#include "tls/server_chain.h"

#include <openssl/x509.h>

/* One host of an entry, and what its server shows. */
struct pga_harden_host {
	const struct pga_host *host;
	STACK_OF(X509) * chain;       /* NULL: it is a socket */
	const struct pga_pin *anchor; /* that has signed it */
	char *name;                   /* as it is to be; NULL: as it is */
	char *address;                /* likewise */
};

/* ---- harden_servers.c ---- */

/* What the servers of all entries have shown, asked at once: those that are dead cost their time
 * together. NULL is none. */
struct pga_harden_servers;

/* Adds one that is to be asked, if it is not there yet. */
int pga_harden_servers_add(struct pga_harden_servers **servers, const struct pga_server *server,
			   struct pga_error *error);

/* Asks all of them. Ends the process where a signal that is to end it comes meanwhile. */
int pga_harden_servers_ask(struct pga_harden_servers *servers, struct pga_error *error);

/* What the server shows: as it was asked then, or if it was not, now. The caller frees the chain.
 * Returns -1 with the reason. */
int pga_harden_servers_show(const struct pga_harden_servers *servers,
			    const struct pga_server *server, STACK_OF(X509) * *chain,
			    struct pga_error *error);

void pga_harden_servers_free(struct pga_harden_servers *servers);

/* ---- harden_look.c ---- */

/* Adds those of an entry that are reached by TLS. */
int pga_harden_add_servers(struct pga_harden_servers **servers,
			   const struct pga_effective *effective, struct pga_error *error);

/* Asks the server of one host for its chain, finds the anchor that has signed it, and the name.
 * wanted: the name that is meant; NULL: nobody has said. Returns 0 where all is found; 1 with the
 * item's state and error where not; -1 for want of memory. */
int pga_harden_look(struct pga_hardening *item, const struct pga_harden *harden,
		    const struct pga_effective *effective, struct pga_harden_host *host,
		    const char *wanted, struct pga_error *error);

/* ---- harden_name.c ---- */

/* The address at which it is reached, as a number; the caller frees it. NULL: nobody knows. */
char *pga_harden_address_of(const struct pga_host *host);

/* Decides what host and hostaddr are to be of a server that the anchor has signed. wanted: the name
 * that is meant; NULL: nobody has said. Returns 0 with item->state untouched where it is decided;
 * 1 with the item's state and error where not; -1 for want of memory. */
int pga_harden_name(struct pga_hardening *item, const struct pga_harden *harden,
		    struct pga_harden_host *host, const char *wanted, struct pga_error *error);

/* ---- harden_short.c ---- */

/* The one whole name that this short one can stand for, by what the pinned anchors (or the wish's
 * alone) are valid for; the caller frees it. NULL: there is none, or any, or it is this machine's.
 * Returns -1 for want of memory. */
int pga_harden_whole_name(const char *label, const struct pga_harden *harden, char **name,
			  struct pga_error *error);

/* ---- harden_compose.c ---- */

/* Makes the settings that are to be, and lists what changes. Returns as above. */
int pga_harden_compose(struct pga_hardening *item, const struct pga_harden *harden,
		       const struct pga_evaluation *evaluation, const struct pga_harden_host *hosts,
		       size_t count, struct pga_error *error);

/* Gives an entry that stays as it is its settings. */
int pga_harden_keep(struct pga_hardening *item, const struct pga_evaluation *evaluation,
		    struct pga_error *error);

/* The entry is as it is, for this reason, which the caller has put into its error. Returns 1. */
int pga_harden_stuck(struct pga_hardening *item, enum pga_harden_state state);

#endif
