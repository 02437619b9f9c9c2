/* Reports in files. */
#ifndef PGA_REPORT_SAVED_H
#define PGA_REPORT_SAVED_H

#include "base/error.h"

/* Writes the text in the place of this file, whole or not at all. A new one can be read by its
 * owner alone: it says what is weak. Returns -1 with the reason, and the file as it was. */
int pga_report_save(const char *path, const char *text, struct pga_error *error);

/* Whether it could be written there, before there is anything to write: nothing is left behind.
 * *place: the file, whatever name it was given; to be freed. Returns -1 with the reason. */
int pga_report_try(const char *path, char **place, struct pga_error *error);

#endif
