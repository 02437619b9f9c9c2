/* The addresses that names of hosts are looked up as. */
#ifndef PGA_SERVICE_ADDRESSES_H
#define PGA_SERVICE_ADDRESSES_H

#include <stdbool.h>

struct addrinfo;

/* Looks it up, or with numeric takes an address alone. freeaddrinfo() frees them; NULL: none. */
struct addrinfo *pga_addresses_find(const char *host, bool numeric);

/* Whether the name is looked up as one of these addresses. */
bool pga_address_leads(const char *name, const struct addrinfo *addresses);

/* Whether both have one in common; either may be none. */
bool pga_addresses_meet(const struct addrinfo *some, const struct addrinfo *others);

/* Whether none of them leaves this machine: true of none at all. */
bool pga_addresses_are_loopback(const struct addrinfo *addresses);

/* One of them as a number: an IPv4 one, which a tunnel's end nearly always has, before others. The
 * caller frees it; NULL: there is none. */
char *pga_address_number(const struct addrinfo *addresses);

#endif
