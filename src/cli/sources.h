/* The sources of anchors, anchor/source_NAME.c, each with the option that takes its location. From
 * this list come the options, their help and completion, and which source is asked. */
#ifndef PGA_CLI_SOURCES_H
#define PGA_CLI_SOURCES_H

#include "anchor/source.h"
#include "cli/options.h"

/* SOURCE(NAME, option, what --help calls its value, what that names for the shells, help), with a
 * comma between two. */
#define PGA_SOURCES(SOURCE)                                \
	SOURCE(stepca, "ca-url", "URL", PGA_NAMES_NOTHING, \
	       "the CA: https://ca.example.com:9000, or ca.example.com/prefix")

#define PGA_SOURCE_OBJECT(source, ...) pga_source_##source

extern const struct pga_source PGA_SOURCES(PGA_SOURCE_OBJECT);

#endif
