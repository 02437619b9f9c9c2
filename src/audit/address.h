/* Addresses of pg_hba.conf as ranges. */
#ifndef PGA_AUDIT_ADDRESS_H
#define PGA_AUDIT_ADDRESS_H

#include <stdbool.h>

/* The bits of a mask as PostgreSQL writes it: 24 of "255.255.255.0"; -1 where it is none, or its
 * bits do not follow each other. */
int pga_audit_mask_bits(const char *mask);

/* Whether every client that the later address of a rule is of ("10.1.0.0/16", "all", "samehost",
 * ".example.com") is of the earlier one, too. What cannot be told is not. */
bool pga_audit_address_covers(const char *earlier, const char *later);

/* Whether nobody comes from there but the server's own machine. */
bool pga_audit_address_is_own(const char *address);

/* Whether an address, of a session, is of the machine itself. */
bool pga_audit_is_loopback(const char *address);

#endif
