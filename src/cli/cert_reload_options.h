/* The options that say what is done once a certificate's file is another. */
#ifndef PGA_CLI_CERT_RELOAD_OPTIONS_H
#define PGA_CLI_CERT_RELOAD_OPTIONS_H

#include "cert/reload.h"
#include "cli/cmd_cert.h"
#include "cli/options.h"

#include <stddef.h>

/* For a command whose struct has the struct pga_reload of this name. */
#define PGA_CERT_RELOAD_OPTIONS(of, reloading)                                                    \
	{.name = "exec",                                                                          \
	 .kind = PGA_OPTION_VALUE,                                                                \
	 .target = offsetof(of, reloading) + offsetof(struct pga_reload, exec),                   \
	 .argument = "COMMAND",                                                                   \
	 .names = PGA_NAMES_PROGRAM,                                                              \
	 .help = "a program, with its words behind it, that is run once the certificate is "      \
		 "another; no shell reads it"},                                                   \
	    {.name = "reload",                                                                    \
	     .kind = PGA_OPTION_VALUE,                                                            \
	     .target = offsetof(of, reloading) + offsetof(struct pga_reload, unit),               \
	     .argument = "UNIT",                                                                  \
	     .names = PGA_NAMES_UNIT,                                                             \
	     .help = "a unit that systemd reloads then, or restarts where it cannot"},            \
	    {.name = "signal",                                                                    \
	     .kind = PGA_OPTION_TAKEN,                                                            \
	     .target = offsetof(of, reloading) + offsetof(struct pga_reload, signal),             \
	     .argument = "HUP:PIDFILE",                                                           \
	     .names = PGA_NAMES_FILE,                                                             \
	     .help = "a process that gets this signal then: its number is the first line of the " \
		     "file",                                                                      \
	     .take = pga_cert_take_signal},                                                       \
	{                                                                                         \
		.name = "prove", .kind = PGA_OPTION_VALUE,                                        \
		.target = offsetof(of, reloading) + offsetof(struct pga_reload, prove),           \
		.argument = "HOST[:PORT]",                                                        \
		.help =                                                                           \
		    "the server that has to show the new certificate then; where it does not, "   \
		    "the old one comes back"                                                      \
	}

#endif
