/* The sources that a word without an option may mean. */
#ifndef PGA_ANCHOR_SOURCE_WORDS_H
#define PGA_ANCHOR_SOURCE_WORDS_H

#include "anchor/source.h"

/* In the order in which they are asked: SOURCE(NAME), with a comma between two. */
#define PGA_SOURCES_OF_WORDS(SOURCE)                                                    \
	SOURCE(stdin), SOURCE(stepconfig), SOURCE(file), SOURCE(https), SOURCE(stepca), \
	    SOURCE(server)

#define PGA_SOURCE_OBJECT(source, ...) pga_source_##source

extern const struct pga_source PGA_SOURCES_OF_WORDS(PGA_SOURCE_OBJECT);

#endif
