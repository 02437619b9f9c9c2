/* The options that bootstrap and anchor add share. */
#ifndef PGA_CLI_ADDING_OPTIONS_H
#define PGA_CLI_ADDING_OPTIONS_H

#include "cli/adding.h"

#define PGA_SOURCE_OPTION(source, option, value, what, text)                                  \
	{                                                                                     \
		.name = (option), .kind = PGA_OPTION_VALUE,                                   \
		.target = offsetof(struct pga_adding, locations[PGA_SOURCE_NUMBER_##source]), \
		.argument = (value), .help = (text), .names = (what)                          \
	}

#define PGA_ADDING_VALUE(option, field, value, text)                                              \
	{                                                                                         \
		.name = (option), .kind = PGA_OPTION_VALUE,                                       \
		.target = offsetof(struct pga_adding, field), .argument = (value), .help = (text) \
	}

#define PGA_ADDING_FLAG(option, field, text)                                                   \
	{                                                                                      \
		.name = (option), .target = offsetof(struct pga_adding, field), .help = (text) \
	}

/* What says which root it is. Those of the sources come first: each has its source's number. */
#define PGA_ADDING_WHAT                                                                           \
	PGA_SOURCES(PGA_SOURCE_OPTION),                                                           \
	    PGA_ADDING_VALUE("step-context", request.context, "NAME",                             \
			     "which of the contexts of --step-config; the current one if left "   \
			     "out"),                                                              \
	    PGA_ADDING_VALUE("team", request.team, "NAME",                                        \
			     "what stands for the <> in --team-url"),                             \
	    PGA_ADDING_VALUE("hostaddr", request.address, "ADDRESS",                              \
			     "where the server of --from-server is reached, as at the end of a "  \
			     "tunnel; libpq's"),                                                  \
	    PGA_ADDING_VALUE("fingerprint", fingerprint, "HEX",                                   \
			     "SHA-256 of the root, with or without colons (with --all: of the "   \
			     "whole file); without it, the root is shown on the terminal and "    \
			     "you are asked"),                                                    \
	    PGA_ADDING_VALUE("host", host, "HOST[:PORT]",                                         \
			     "of several roots, take the one by which this PostgreSQL server is " \
			     "verified; no password is sent"),                                    \
	    PGA_ADDING_FLAG("all", all, "pin every root of the source, instead of one"),          \
	{                                                                                         \
		.name = "ca-file", .kind = PGA_OPTION_VALUE,                                      \
		.target = offsetof(struct pga_adding, ca_file), .argument = "FILE",               \
		.help = "the CAs that verify an https address, instead of the system's",          \
		.names = PGA_NAMES_FILE                                                           \
	}

/* What the anchor is to be. */
#define PGA_ADDING_ANCHOR                                                                        \
	{.name = "name",                                                                         \
	 .kind = PGA_OPTION_VALUE,                                                               \
	 .target = offsetof(struct pga_adding, name),                                            \
	 .argument = "NAME",                                                                     \
	 .help = "what to call the anchor; the CA's host, or a name out of the root's, if left " \
		 "out",                                                                          \
	 .names = PGA_NAMES_ANCHOR},                                                             \
	    PGA_ADDING_FLAG("scoped", scoped,                                                    \
			    "leave root.crt alone: only services that name the anchor use it"),  \
	    PGA_ADDING_FLAG("unscoped", unscoped,                                                \
			    "put an anchor that is scoped into root.crt; without it, it stays "  \
			    "so"),                                                               \
	    PGA_ADDING_VALUE("hosts", hosts, "PATTERNS",                                         \
			     "the hosts it is valid for: '*.example.com db.example.org'"),       \
	    PGA_ADDING_FLAG("system", system,                                                    \
			    "pin it for every user of this machine, in /etc/pganchor; as root. " \
			    "No root.crt is touched"),                                           \
	    PGA_ADDING_FLAG("replace", replace,                                                  \
			    "take the place of another root with that name, or change the "      \
			    "anchor's hosts or scope")

/* How the source is asked, and what is done then. */
#define PGA_ADDING_HOW                                                                            \
	PGA_ADDING_VALUE("proxy", request.http.proxy, "URL",                                      \
			 "as curl's; if left out, https_proxy and no_proxy count"),               \
	    {.name = "connect-timeout",                                                           \
	     .kind = PGA_OPTION_SECONDS,                                                          \
	     .target = offsetof(struct pga_adding, request.http.connect_timeout),                 \
	     .argument = "SECONDS",                                                               \
	     .help = "10 if left out"},                                                           \
	    {.name = "max-time",                                                                  \
	     .kind = PGA_OPTION_SECONDS,                                                          \
	     .target = offsetof(struct pga_adding, request.http.max_time),                        \
	     .argument = "SECONDS",                                                               \
	     .help = "for one request; 30 if left out"},                                          \
	    PGA_ADDING_FLAG("yes", yes,                                                           \
			    "nothing is asked where --fingerprint is given; it does not replace " \
			    "the fingerprint"),                                                   \
	    {.name = "dry-run",                                                                   \
	     .letter = 'n',                                                                       \
	     .target = offsetof(struct pga_adding, dry_run),                                      \
	     .help = "do everything but write, and say what would be written"},                   \
	{                                                                                         \
		.name = "json", .letter = 'j', .target = offsetof(struct pga_adding, json),       \
		.help = "report in JSON"                                                          \
	}

#endif
