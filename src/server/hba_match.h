/* Which rule of a pg_hba.conf a client comes by, as the server chooses it. */
#ifndef PGA_SERVER_HBA_MATCH_H
#define PGA_SERVER_HBA_MATCH_H

#include "server/hba_address.h"
#include "server/hba_tree.h"

#include <stdbool.h>
#include <stddef.h>

enum pga_hba_way { PGA_HBA_PLAIN, PGA_HBA_BY_TLS, PGA_HBA_BY_GSS };

/* Somebody who comes over TCP. */
struct pga_hba_client {
	const char *user;
	const char *database; /* "": physical replication */
	const char *address;  /* in numbers */
	enum pga_hba_way way;
	bool doubt; /* in whose favour: a rule for the name of a host lets the client in */
};

/* What else the server knows. */
struct pga_hba_world {
	const struct pga_hba_range *own; /* its addresses */
	size_t own_count;
	/* Whether the name matches a regular expression of 16 and later. */
	bool (*matches)(void *context, const char *expression, const char *name);
	/* Whether the user is a member of the role, by however many others. */
	bool (*is_member)(void *context, const char *user, const char *role);
	void *context;
};

/* Whether rules of this type are for those who come so. */
bool pga_hba_is_for(enum pga_hba_type type, enum pga_hba_way way);

/* Whether that is an address of the server's own; networks: or of a network of these. */
bool pga_hba_world_has(const struct pga_hba_world *world, const struct pga_hba_range *one,
		       bool networks);

/* The place of the first rule that is for the client; place_count: none is. required: of the rules
 * that there are when TLS is required. A rule for the name of a host but
 * "localhost" is for nobody, doubt apart, since it would take the server's own resolver: of those
 * that let somebody in without TLS, none stays when it is required. */
size_t pga_hba_match(const struct pga_hba_tree *tree, const struct pga_hba_world *world,
		     const struct pga_hba_client *client, bool required);

/* Whether that rule lets the client in, to be asked for a password maybe. */
bool pga_hba_admits(const struct pga_hba_tree *tree, const struct pga_hba_world *world,
		    const struct pga_hba_client *client, bool required);

#endif
