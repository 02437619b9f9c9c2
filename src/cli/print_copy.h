/* What anchor verify has found, for a reader and for a program. */
#ifndef PGA_CLI_PRINT_COPY_H
#define PGA_CLI_PRINT_COPY_H

#include "anchor/installed_roots.h"
#include "password/pins_copy.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* A line with the anchor and both values. */
void pga_print_difference(FILE *stream, const struct pga_pins_difference *difference);

/* What brings back what the keyring has of this anchor: a command for a shell, or the lines of the
 * user's anchors.conf, which pins are, that are to go. */
void pga_print_way_back(FILE *stream, const struct pga_pins_difference *difference,
			const struct pga_pins *pins);

/* Whether both are of the same anchor. */
bool pga_is_same_anchor(const struct pga_pins_difference *one,
			const struct pga_pins_difference *other);

/* The command that brings this root back. */
void pga_print_way_back_to_root(FILE *stream, const struct pga_missing_root *missing);

void pga_print_missing_root(FILE *stream, const struct pga_missing_root *missing);

/* The anchors, the differences and the roots that are missing, each as an array of objects. */
json_t *pga_copy_as_json(const struct pga_pins_copy *copy);
json_t *pga_differences_as_json(const struct pga_pins_difference *differences, size_t count);
json_t *pga_missing_roots_as_json(const struct pga_missing_roots *missing);

#endif
