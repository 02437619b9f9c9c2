/* pganchor onboard, while it runs. */
#ifndef PGA_CLI_ONBOARDING_H
#define PGA_CLI_ONBOARDING_H

#include "base/error.h"
#include "cli/bootstrap_copy.h"
#include "profile/apply.h"
#include "profile/source.h"
#include "service/check_many.h"

#include <stdbool.h>
#include <stddef.h>

#define PGA_ONBOARD_REPLACED 64

/* What became of a service's password. */
enum pga_onboard_password {
	PGA_ONBOARD_NO_PASSWORD, /* the profile says nothing of one */
	PGA_ONBOARD_KEPT,        /* the keyring has it now */
	PGA_ONBOARD_THERE,       /* it had it before */
	PGA_ONBOARD_NOT_WANTED,  /* the server lets the user in without one of the keyring's */
	PGA_ONBOARD_SKIPPED,     /* there was nobody to ask, or no keyring; why says which */
	PGA_ONBOARD_REFUSED,     /* the server did not take what was typed */
	PGA_ONBOARD_NOT_ASKED,   /* the server is not verified */
	PGA_ONBOARD_MISSING,     /* it is expected in the keyring, and not there */
};

const char *pga_onboard_password_word(enum pga_onboard_password password);

/* One profile. */
struct pga_onboard_profile {
	struct pga_application application;
	struct pga_checked_service *servers;  /* one for each service of the application */
	enum pga_onboard_password *passwords; /* likewise */
};

struct pga_onboarding {
	/* As typed. */
	struct pga_profile_source source;
	const char *replaced[PGA_ONBOARD_REPLACED];
	size_t replaced_count;
	struct pga_applied_leave leave;
	bool system_profiles;
	bool yes;
	bool dry_run;
	bool json;

	struct pga_system_profiles fetched;
	struct pga_text again; /* the command, for hints */
	struct pga_onboard_profile *profiles;
	size_t count;
	bool applied;                /* something was written */
	struct pga_text why_skipped; /* why passwords were not asked for; "" where they were */
	struct pga_followed_copy copy;
};

/* Looks at the server of every service that is there, and asks for the passwords. Returns -1 with
 * the reason, which is none of a server's. */
int pga_onboard_servers(struct pga_onboarding *onboarding, struct pga_error *error);

/* The exit status by what came of it: what is weaker than the policy weighs more than what does not
 * answer. */
int pga_onboard_status(const struct pga_onboarding *onboarding);

/* Asks for the passwords of the services whose servers are verified, and keeps those with which the
 * server lets the user in. What it cannot do is told in the table. Returns -1 for want of memory.
 */
int pga_onboard_passwords(struct pga_onboarding *onboarding, struct pga_onboard_profile *profile,
			  struct pga_error *error);

#endif
