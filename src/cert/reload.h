/* What is done once a certificate's file is another: a program is run, a unit reloaded, a process
 * signalled, and then a server asked whether it shows the new one. */
#ifndef PGA_CERT_RELOAD_H
#define PGA_CERT_RELOAD_H

#include "base/error.h"

#include <openssl/x509.h>

#include <stdbool.h>

/* Each is "" or NULL where there is nothing to do. */
struct pga_reload {
	const char *exec;   /* a program and its words, with blanks between: no shell reads them,
			       but quotes and backslashes keep blanks together as in one */
	const char *unit;   /* that systemd reloads, or restarts where it cannot; several with
			       blanks between */
	const char *signal; /* HUP:PATH, where PATH has the number of the process in its first line
			     */
	const char *prove;  /* HOST:PORT, or HOST */
};

#define PGA_RELOAD_PORT 5432U /* where prove names none */

#define PGA_RELOAD_UNITS 8 /* as many at most */

/* How long a server may take until it shows the new one, in seconds. */
#define PGA_RELOAD_SECONDS 20

/* Whether all of it can be understood. Returns -1 with what cannot. */
int pga_reload_check(const struct pga_reload *reload, struct pga_error *error);

/* Whether there is anything to do. */
bool pga_reload_is_any(const struct pga_reload *reload);

/* Does it: the program, the unit, the signal. Returns -1 with the reason of the first that fails;
 * 1, with what is missing, where the process that would get the signal does not run. */
int pga_reload_do(const struct pga_reload *reload, struct pga_error *error);

/* Whether the server shows any certificate now. */
bool pga_reload_answers(const struct pga_reload *reload, struct pga_error *error);

/* Asks the server until it shows this certificate, for so many seconds at most. Returns -1 with
 * what it shows instead, or why it cannot be asked. */
int pga_reload_prove(const struct pga_reload *reload, const X509 *certificate, unsigned seconds,
		     struct pga_error *error);

#endif
