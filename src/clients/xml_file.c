#include "clients/xml_file.h"

#include "base/file.h"
#include "clients/library.h"

#include <stdbool.h>
#include <string.h>

#ifdef HAVE_EXPAT_H

#include <expat.h>

#define FUNCTIONS(X)                   \
	X(XML_ParserCreate)            \
	X(XML_ParserFree)              \
	X(XML_SetUserData)             \
	X(XML_SetElementHandler)       \
	X(XML_SetCharacterDataHandler) \
	X(XML_SetDoctypeDeclHandler)   \
	X(XML_StopParser)              \
	X(XML_Parse)                   \
	X(XML_GetErrorCode)            \
	X(XML_ErrorString)             \
	X(XML_GetCurrentLineNumber)

#define FIELD(name) __typeof__(name) *(name);
static struct {
	FUNCTIONS(FIELD)
} expat;

#define WANTED(function) {#function, &expat.function},
static const struct pga_wanted_function wanted[] = {FUNCTIONS(WANTED)};

#define DEEPEST 200

/* No value that is looked for comes near this, in bytes. */
#define LONGEST_TEXT 10000

struct reading {
	XML_Parser parser;
	const struct pga_xml_events *events;
	void *context;
	struct pga_text text; /* of the element that begun last */
	unsigned depth;
	const char *refused; /* why no more is read; NULL: nothing is wrong */
};

static void refuse(struct reading *reading, const char *why)
{
	reading->refused = why;
	(void)expat.XML_StopParser(reading->parser, XML_FALSE);
}

static void XMLCALL begins(void *context, const XML_Char *name, const XML_Char **attributes)
{
	struct reading *reading = context;

	if (++reading->depth > DEEPEST) {
		refuse(reading, "its elements are too deep");
		return;
	}
	reading->text.length = 0;
	reading->events->begins(reading->context, name, (const char *const *)attributes);
}

static void XMLCALL ends(void *context, const XML_Char *name)
{
	struct reading *reading = context;
	const bool usable = reading->text.length > 0 && reading->text.length <= LONGEST_TEXT;

	reading->depth--;
	reading->events->ends(reading->context, name,
			      usable ? pga_text_string(&reading->text) : "");
	reading->text.length = 0;
}

static void XMLCALL says(void *context, const XML_Char *bytes, int length)
{
	struct reading *reading = context;

	if (reading->text.length <= LONGEST_TEXT)
		pga_text_add_bytes(&reading->text, bytes, (size_t)length);
}

static void XMLCALL has_type(void *context, const XML_Char *name, const XML_Char *system,
			     const XML_Char *public, int internal)
{
	(void)name;
	(void)system;
	(void)public;
	(void)internal;
	refuse(context, "it has a document type of its own");
}

static int parse(struct reading *reading, const char *path, const struct pga_text *content,
		 struct pga_error *error)
{
	XML_Parser parser = reading->parser;

	expat.XML_SetUserData(parser, reading);
	expat.XML_SetElementHandler(parser, begins, ends);
	expat.XML_SetCharacterDataHandler(parser, says);
	expat.XML_SetDoctypeDeclHandler(parser, has_type, NULL);
	/* A file is at most PGA_FILE_LIMIT long: an int holds it. */
	if (expat.XML_Parse(parser, pga_text_string(content), (int)content->length, XML_TRUE) ==
	    XML_STATUS_OK)
		return reading->text.failed ? pga_fail_memory(error) : 0;
	if (reading->refused != NULL)
		return pga_fail(error, NULL, "could not read %s: %s", path, reading->refused);
	return pga_fail(error, NULL, "could not read %s, line %lu: %s", path,
			(unsigned long)expat.XML_GetCurrentLineNumber(parser),
			expat.XML_ErrorString(expat.XML_GetErrorCode(parser)));
}

int pga_xml_read(const char *path, const struct pga_xml_events *events, void *context,
		 struct pga_error *error)
{
	struct reading reading = {.events = events, .context = context};
	struct pga_text content = PGA_TEXT_EMPTY;
	int result = -1;

	if (pga_file_read(path, &content, NULL, error) != 0 ||
	    pga_library_open("libexpat.so.1", "libexpat1", path, wanted,
			     sizeof wanted / sizeof wanted[0], error) != 0)
		goto done;
	reading.parser = expat.XML_ParserCreate(NULL);
	if (reading.parser == NULL) {
		(void)pga_fail_memory(error);
		goto done;
	}
	result = parse(&reading, path, &content, error);
	expat.XML_ParserFree(reading.parser);
done:
	pga_text_free(&reading.text);
	pga_text_free(&content);
	return result;
}

#else

int pga_xml_read(const char *path, const struct pga_xml_events *events, void *context,
		 struct pga_error *error)
{
	(void)events;
	(void)context;
	return pga_fail(error, NULL,
			"could not read %s: this pganchor was built without expat's "
			"header",
			path);
}

#endif
