/* Paths in an image: a directory that will be the root directory of a machine. */
#ifndef PGA_PRELOAD_IMAGE_H
#define PGA_PRELOAD_IMAGE_H

#include "base/error.h"

#include <stdbool.h>

/* Where this absolute path leads to on the machine that the image will be: symbolic links are
 * followed as there, an absolute one from the image's own root, and none leads out of it. What is
 * not there yet is taken as it is written. root NULL: the path itself, with its links. *linked, if
 * not NULL, is whether the file itself is one there. The caller frees the path; NULL, with the
 * error filled, where it cannot be told. */
char *pga_image_path(const char *root, const char *path, bool *linked, struct pga_error *error);

/* Whether there is a file at this path of the image. */
bool pga_image_has(const char *root, const char *path);

#endif
