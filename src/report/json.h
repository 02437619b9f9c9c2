/* Reports as JSON. */
#ifndef PGA_REPORT_JSON_H
#define PGA_REPORT_JSON_H

#include "report/finding.h"

#include <jansson.h>

/* A JSON string of any bytes: those that are no UTF-8 are written as \xNN. NULL when memory ran
 * out. */
json_t *pga_json_text(const char *text);

/* The lines of a text as a JSON array of strings; NULL likewise. */
json_t *pga_json_lines(const char *lines);

/* Findings as an array of objects, whose members are those of struct pga_finding; NULL likewise.
 * Where they are not all that was found, the report fails. */
json_t *pga_json_findings(const struct pga_findings *findings);

/* Adds the item to the array, or sets a key of the object, which own it from then on. What cannot
 * be added for want of memory, NULL too, makes pga_json_print() fail: a report is whole, or there
 * is none. */
void pga_json_add(json_t *array, json_t *item);
void pga_json_set(json_t *object, const char *key, json_t *value);

/* The object in one line, for a report that is printed as it comes; frees the object. The caller
 * frees the text; NULL for want of memory. May run in several threads, each with objects of its
 * own, which it has made by these functions. */
char *pga_json_line(json_t *object);

/* Prints the object and frees it; NULL is want of memory. All that was warned of so far is among
 * it, as "warnings", where the object has none itself. What could steer a terminal is written as
 * \uNNNN. Returns the status, or EXIT_FAILURE. */
int pga_json_print(json_t *object, int status);

/* The same as one line, without warnings: for reports that are a line for each thing. */
int pga_json_print_line(json_t *object, int status);

#endif
