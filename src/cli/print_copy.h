/* What anchor verify has found, for a reader and for a program. */
#ifndef PGA_CLI_PRINT_COPY_H
#define PGA_CLI_PRINT_COPY_H

#include "anchor/installed_roots.h"
#include "password/pins_copy.h"

#include <jansson.h>
#include <stdio.h>

/* A line with the anchor and both values. */
void pga_print_difference(FILE *stream, const struct pga_pins_difference *difference);

void pga_print_missing_root(FILE *stream, const struct pga_missing_root *missing);

/* The anchors, the differences and the roots that are missing, each as an array of objects. */
json_t *pga_copy_as_json(const struct pga_pins_copy *copy);
json_t *pga_differences_as_json(const struct pga_pins_difference *differences, size_t count);
json_t *pga_missing_roots_as_json(const struct pga_missing_roots *missing);

#endif
