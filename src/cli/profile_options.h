/* The options that say which profile is meant, and why it is believed. */
#ifndef PGA_CLI_PROFILE_OPTIONS_H
#define PGA_CLI_PROFILE_OPTIONS_H

#include "cli/options.h"
#include "profile/source.h"

#define PGA_PROFILE_OPTION(type, option, field, what, value, text)                           \
	{                                                                                    \
		.name = (option), .kind = PGA_OPTION_VALUE, .target = offsetof(type, field), \
		.argument = (value), .help = (text), .names = (what)                         \
	}

#define PGA_PROFILE_SECONDS(type, option, field, text)                                         \
	{                                                                                      \
		.name = (option), .kind = PGA_OPTION_SECONDS, .target = offsetof(type, field), \
		.argument = "SECONDS", .help = (text)                                          \
	}

/* A type and its member cannot stand in parentheses.
 * NOLINTBEGIN(bugprone-macro-parentheses)
 *
 * For a struct of this type that has a struct pga_profile_source as a member of this name. */
#define PGA_PROFILE_SOURCE_OPTIONS(type, member)                                                   \
	PGA_PROFILE_OPTION(type, "sha256", member.sha256, PGA_NAMES_NOTHING, "HEX",                \
			   "the digest of the profile's bytes, as sha256sum shows it"),            \
	    PGA_PROFILE_OPTION(type, "public-key", member.public_key, PGA_NAMES_FILE, "KEY",       \
			       "the key that the profile has to be signed by: minisign's file, "   \
			       "or the key itself; those in /etc/pganchor/profile-keys.d if left " \
			       "out"),                                                             \
	    PGA_PROFILE_OPTION(type, "ca-file", member.ca_file, PGA_NAMES_FILE, "FILE",            \
			       "the CAs that verify an https address; without it, the digest or "  \
			       "the signature alone counts"),                                      \
	    PGA_PROFILE_OPTION(type, "proxy", member.http.proxy, PGA_NAMES_NOTHING, "URL",         \
			       "as curl's; if left out, https_proxy and no_proxy count"),          \
	    PGA_PROFILE_SECONDS(type, "connect-timeout", member.http.connect_timeout,              \
				"10 if left out"),                                                 \
	    PGA_PROFILE_SECONDS(type, "max-time", member.http.max_time,                            \
				"for one request; 30 if left out")

/* NOLINTEND(bugprone-macro-parentheses) */

/* The source before its options are read. */
#define PGA_PROFILE_SOURCE_START                                     \
	{                                                            \
		.http = {                                            \
			.connect_timeout = PGA_HTTP_CONNECT_TIMEOUT, \
			.max_time = PGA_HTTP_MAX_TIME                \
		}                                                    \
	}

#endif
