/* The ports on which this user's PostgreSQL servers listen, as far as files and environment tell.
 */
#ifndef PGA_SERVICE_PORTS_H
#define PGA_SERVICE_PORTS_H

/* Takes one of them, perhaps not for the first time. */
typedef void pga_take_port(void *context, unsigned port);

/* Hands over the usual ports of PostgreSQL and its poolers, that of PGPORT, and those of all
 * entries of the user's service file and the machine's, but for the ports below 1024, which are
 * other services'. A file that cannot be read has none. */
void pga_service_ports(pga_take_port *take, void *context);

#endif
