/* A session of the fake libpq and OpenSSL (gate_fakes.h) under some rules, and what the gate says
 * of it. */
#ifndef PGA_TESTS_PLAYED_SESSION_H
#define PGA_TESTS_PLAYED_SESSION_H

#include "gate/imports.h"
#include "gate/rules.h"
#include "gate/session.h"
#include "gate_fakes.h"
#include "settings.h"

#define DIGITS(two) two two two two two two two two two two two two two two two two
#define PIN(two)    DIGITS(two) DIGITS(two)
#define REFUSED     "pganchor refused the server db.example.com: "
#define UNPINNED                                                                                   \
	REFUSED "its certificate chain ends in a root that is not pinned (SHA-256 " PIN(           \
	    "ab") ")\n"                                                                            \
		  "    if it should not be, somebody may be between you and the server; a new "    \
		  "root "                                                                          \
		  "is pinned by the\n    fingerprint that you get from who runs the CA: pganchor " \
		  "bootstrap --ca-url URL --fingerprint HEX;\n"                                    \
		  "    pganchor bootstrap --pin-existing shows those of root.crt that are not"

static struct gate_libpq *libpq;
static struct gate_rules rules;
static struct settings settings;

static void begin(const char *policy, const char *anchors)
{
	struct pga_error error;

	libpq = fake_libpq();
	memset(&rules, 0, sizeof rules);
	make_policy(&rules.policy, policy);
	make_settings(&settings, "host=db.example.com sslmode=verify-full");
	assert_int_equal(pga_pins_parse(&rules.pins, "anchors.conf", anchors,
					anchors != NULL ? strlen(anchors) : 0, &error),
			 0);
}

static void end(void)
{
	free_policy(&rules.policy);
	pga_pins_free(&rules.pins);
}

#endif
