/* A profile: the file that a company hands out, with its anchors, services and policy. One INI
 * file, UTF-8, of at most PGA_PROFILE_LIMIT bytes (pganchor-profile(5)):
 *
 *     [profile]
 *     name = acme
 *     version = 7
 *     message = Questions: #databases
 *
 *     [anchor acme-ca]
 *     source = https://ca.acme.example:9000
 *     certificate = BASE64 of the DER form, in the place of a source
 *     fingerprint = SHA-256 of the root, or of each root that may be it, with blanks between
 *     hosts = *.db.acme.example
 *     scope = root.crt | scoped
 *
 *     [service orders]
 *     host = orders.db.acme.example
 *     user = %u
 *     anchor = acme-ca
 *     password = none | ask | keyring
 *
 *     [policy]
 *     channel-binding = require
 *
 * What is read is complete: every name is a valid one, every fingerprint a pin, every service one
 * that this libpq takes and that is verify-full. A profile says nothing that is weaker than what
 * holds without it, and holds no secret. */
#ifndef PGA_PROFILE_PROFILE_H
#define PGA_PROFILE_PROFILE_H

#include "base/error.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "service/settings.h"
#include "tls/certificate.h"

#include <stdbool.h>
#include <stddef.h>

#define PGA_PROFILE_LIMIT    ((size_t)1024 * 1024)
#define PGA_PROFILE_ANCHORS  256
#define PGA_PROFILE_SERVICES 4096
#define PGA_PROFILE_ROOTS    16 /* fingerprints of one anchor */

struct pga_profile_anchor {
	char *name;   /* as pga_pin_name_is_valid() */
	char *source; /* what "pganchor bootstrap SOURCE" takes; NULL: the certificate is there */
	struct pga_certificate certificate; /* x509 is NULL where there is a source; its pin is
					       among the pins; whether it
					       can be an anchor has not been looked at */
	char (*pins)[PGA_PIN_LENGTH + 1];   /* the root is one of these, at least one; while a CA
					       moves to another root, the new one stands first */
	size_t pin_count;
	char *hosts;       /* patterns with one blank between two */
	bool scoped;       /* not for root.crt */
	size_t scope_line; /* where that stands; 0: nowhere */
	size_t line;       /* of its section, from 1 */
};

enum pga_profile_password {
	PGA_PROFILE_PASSWORD_NONE,    /* the default: it is nobody's business here */
	PGA_PROFILE_PASSWORD_ASK,     /* asked for, and kept in the keyring */
	PGA_PROFILE_PASSWORD_KEYRING, /* expected in the keyring, and not asked for */
};

struct pga_profile_service {
	char *name;                   /* as pga_service_name_check() */
	struct pga_settings settings; /* as written, in the order of the file: with their %u. host
					 is among them; sslmode and what else is pganchor's is not
				       */
	char *anchor;                 /* of this profile; NULL: as "service add" chooses */
	enum pga_profile_password password;
	size_t password_line; /* where that stands; 0: nowhere */
	size_t line;
};

/* A line of [policy]: a key of pganchor-policy(5) and its value, none weaker than the default. */
struct pga_profile_policy {
	char *key;
	char *value;
	size_t line;
};

struct pga_profile {
	char *name;
	unsigned long long version; /* from 1; the greater is the newer */
	char *message;              /* a line; NULL: none */
	char *path;                 /* what pga_profile_read() was told: for messages */
	struct pga_profile_anchor *anchors;
	size_t anchor_count;
	struct pga_profile_service *services;
	size_t service_count;
	struct pga_profile_policy *policy;
	size_t policy_count;
};

/* Reads the bytes of a profile, without a network or a look at any other file. path: for messages.
 * libpq is asked about the services, with the environment that there is hidden: not for a process
 * with threads. Returns -1, with the file and the line, for what is no profile; then nothing is
 * left to free. */
int pga_profile_read(struct pga_profile *profile, const char *path, const char *bytes,
		     size_t length, struct pga_error *error);

void pga_profile_free(struct pga_profile *profile);

/* The anchor of this name; NULL where the profile has none. */
const struct pga_profile_anchor *pga_profile_anchor_named(const struct pga_profile *profile,
							  const char *name);

/* Who uses a profile: what stands for the letters behind a percent sign. */
struct pga_profile_user {
	char *login; /* %u */
	char *home;  /* %h */
};

/* The user that this process is: by the password file, as libpq takes the name. The caller frees
 * both with pga_profile_user_free(). Returns -1 with the reason. */
int pga_profile_user_here(struct pga_profile_user *user, struct pga_error *error);
void pga_profile_user_free(struct pga_profile_user *user);

/* The settings of the service for this user, as "pganchor service add" would be given them. Starts
 * all zero; the caller frees them, after an error too. Returns -1 with the reason: a login name
 * that no line can hold, say. */
int pga_profile_service_settings(const struct pga_profile_service *service,
				 const struct pga_profile_user *user, struct pga_settings *settings,
				 struct pga_error *error);

/* Whether the line of [policy] asks for more than this policy has already: what has to be written
 * into the user's own file for it to hold. */
bool pga_profile_policy_is_stricter(const struct pga_profile_policy *line,
				    const struct pga_policy *policy);

#endif
