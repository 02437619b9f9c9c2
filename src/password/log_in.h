/* Whether a server lets somebody in: a real connection, up to the login. */
#ifndef PGA_PASSWORD_LOG_IN_H
#define PGA_PASSWORD_LOG_IN_H

#include "base/error.h"
#include "password/secret.h"

enum pga_login {
	PGA_LOGIN_DONE,   /* it does */
	PGA_LOGIN_WANTED, /* it asks for a password, and none was given */
	PGA_LOGIN_WRONG,  /* not with this password */
	PGA_LOGIN_FAILED, /* for another reason: the error says it */
};

/* Connects with the service, in this environment, and ends the connection. secret: NULL for what
 * libpq finds by itself. Which is not for a service that is not verify-full: its password would go
 * to whoever answers. What the server said is the error. */
enum pga_login pga_log_in(const char *service, const struct pga_secret *secret,
			  struct pga_error *error);

#endif
