/* Reports as JSON. */
#ifndef PGA_REPORT_JSON_H
#define PGA_REPORT_JSON_H

#include <jansson.h>

/* A JSON string of any bytes: those that are no UTF-8 are written as \xNN. NULL when memory ran
 * out. */
json_t *pga_json_text(const char *text);

/* The lines of a text as a JSON array of strings; NULL likewise. */
json_t *pga_json_lines(const char *lines);

/* Prints the object and frees it; NULL is want of memory. All that was warned of so far is among
 * it, as "warnings", where the object has none itself. What could steer a terminal is written as
 * \uNNNN. Returns the status, or PGA_EXIT_FAILED. */
int pga_json_print(json_t *object, int status);

#endif
