/* Logging in to a server, where what is sent of who logs in goes to nobody whose root is not
 * pinned: not though another connection, a moment before, has come to one whose root is. */
#ifndef PGA_SERVICE_PINNED_LOGIN_H
#define PGA_SERVICE_PINNED_LOGIN_H

#include "base/error.h"
#include "policy/pins.h"
#include "policy/policy.h"

#include <libpq-fe.h>

/* Goes on with a connection that PQconnectStartParams() has begun until it stands, or this moment
 * (pga_dial_now()) has come. TLS is looked at once it stands: libpq then returns from
 * PQconnectPoll() in the state CONNECTION_MADE, before the startup packet (fe-connect.c, 9.0 to
 * 19). Who TLS is wanted of is libpq's: what a service says, or a socket, or what is exempt.
 * Returns -1 with the reason; the caller ends the connection. */
int pga_pinned_login(PGconn *connection, long long deadline, const struct pga_policy *policy,
		     const struct pga_pins *pins, struct pga_error *error);

/* libpq's own words for what went wrong with it, their first line; without any, these. Returns -1.
 */
int pga_login_fail(const PGconn *connection, const char *otherwise, struct pga_error *error);

#endif
