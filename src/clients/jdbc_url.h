/* JDBC's addresses of PostgreSQL, which are not libpq's URIs:
 * jdbc:postgresql://HOST:PORT/DB?K=V&...
 */
#ifndef PGA_CLIENTS_JDBC_URL_H
#define PGA_CLIENTS_JDBC_URL_H

#include <stdbool.h>

struct pga_jdbc_url {
	char *host;    /* as it is there, of several the whole list, without a port where it is
			  one; "" where it has none, which is localhost */
	char *sslmode; /* parameters, decoded; NULL where they are not there */
	char *ssl;
	char *sslfactory;
	bool by_service; /* the rest of it is in pg_service.conf */
	bool failed;     /* memory ran out */
};

/* Reads one. Returns false for an address of something else than PostgreSQL. To be freed in either
 * case. */
bool pga_jdbc_url_read(struct pga_jdbc_url *url, const char *text);

void pga_jdbc_url_free(struct pga_jdbc_url *url);

#endif
