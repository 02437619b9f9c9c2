/* The sources of anchors, anchor/source_NAME.c. From these lists come the options, their help and
 * completion, and which source is asked. */
#ifndef PGA_CLI_SOURCES_H
#define PGA_CLI_SOURCES_H

#include "anchor/source.h"
#include "anchor/source_words.h"
#include "cli/options.h"

/* Those with an option that takes their location: SOURCE(NAME, option, what --help calls its value,
 * what that names for the shells, help), with a comma between two. */
#define PGA_SOURCES(SOURCE)                                                                       \
	SOURCE(stepca, "ca-url", "URL", PGA_NAMES_NOTHING,                                        \
	       "the CA: https://ca.example.com:9000, or ca.example.com/prefix"),                  \
	    SOURCE(server, "from-server", "HOST[:PORT]", PGA_NAMES_NOTHING,                       \
		   "a PostgreSQL server: the root in the chain that it shows; the anchor is for " \
		   "that host, unless --hosts says more"),                                        \
	    SOURCE(stepconfig, "step-config", "[PATH]", PGA_NAMES_FILE,                           \
		   "the CA and the fingerprint of an existing configuration of step: $STEPPATH, " \
		   "or ~/.step, if left out"),                                                    \
	    SOURCE(                                                                               \
		team, "team-url", "URL", PGA_NAMES_NOTHING,                                       \
		"an https address, verified by the system's CAs or --ca-file, whose answer says " \
		"which CA is the team's, and its fingerprint; step's <> in it is --team")

extern const struct pga_source pga_source_team;

#endif
