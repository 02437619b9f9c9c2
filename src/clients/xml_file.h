/* A file of XML that belongs to another program. */
#ifndef PGA_CLIENTS_XML_FILE_H
#define PGA_CLIENTS_XML_FILE_H

#include "base/error.h"

/* What is told of it, in its order. */
struct pga_xml_events {
	/* An element begins: its attributes are name, value, name, value ... NULL. */
	void (*begins)(void *context, const char *name, const char *const *attributes);
	/* An element ends: with the text in it, without that of elements in it; "" where it has
	 * none, or very much. */
	void (*ends)(void *context, const char *name, const char *text);
};

/* Reads the file. One with a document type of its own, which could say what is not there, or with
 * very deep elements is not read. Returns -1 with the reason; what was told before is true all the
 * same. */
int pga_xml_read(const char *path, const struct pga_xml_events *events, void *context,
		 struct pga_error *error);

#endif
