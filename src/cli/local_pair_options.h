/* The options of what a local CA signs: how long, for which kind of key, by which CA. */
#ifndef PGA_CLI_LOCAL_PAIR_OPTIONS_H
#define PGA_CLI_LOCAL_PAIR_OPTIONS_H

#include "cli/cmd_cert.h"
#include "cli/options.h"

#include <stddef.h>

/* For a command whose struct has these: seconds, and two words. */
#define PGA_LOCAL_PAIR_OPTIONS(of, lifetime, kind_of_key, directory)                             \
	{.name = "lifetime",                                                                     \
	 .kind = PGA_OPTION_TAKEN,                                                               \
	 .target = offsetof(of, lifetime),                                                       \
	 .take = pga_cert_take_span,                                                             \
	 .argument = "SPAN",                                                                     \
	 .help = "how long it is valid, such as 12h; 90d if left out, and 397d at most"},        \
	    {.name = "key",                                                                      \
	     .kind = PGA_OPTION_VALUE,                                                           \
	     .target = offsetof(of, kind_of_key),                                                \
	     .argument = "ec|rsa|ed25519",                                                       \
	     .help = "the kind of a new key: P-256, RSA of 3072 bits, Ed25519; ec if left out"}, \
	{                                                                                        \
		.name = "ca", .kind = PGA_OPTION_VALUE, .target = offsetof(of, directory),       \
		.argument = "DIRECTORY", .names = PGA_NAMES_DIRECTORY,                           \
		.help =                                                                          \
		    "where the CA is, if not in the place of your own: such as another user's, " \
		    "as root"                                                                    \
	}

#endif
