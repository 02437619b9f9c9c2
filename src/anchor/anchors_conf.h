/* anchors.conf as text: one section set, every other byte kept. policy/pins.h has its format. */
#ifndef PGA_ANCHOR_ANCHORS_CONF_H
#define PGA_ANCHOR_ANCHORS_CONF_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

struct pga_anchor_setting {
	const char *key;
	const char *value; /* NULL: the key is left as it is, there or not */
};

/* Adds to after what stands in before, with these settings in the section [name], which is added at
 * the end where it is missing. Lines whose value does not change keep their bytes. Want of memory
 * is after->failed. */
void pga_anchors_conf_set(const struct pga_text *before, const char *name,
			  const struct pga_anchor_setting *settings, size_t count,
			  struct pga_text *after);

/* Adds to after what stands in before, but for the section [name] and one of the blank lines around
 * it; comments stay. *sections gets how many others there are. Want of memory is after->failed. */
void pga_anchors_conf_cut(const struct pga_text *before, const char *name, struct pga_text *after,
			  size_t *sections);

/* Adds to after what stands in before, with another name for the section [name]; every other byte
 * is kept. Want of memory is after->failed. */
void pga_anchors_conf_rename(const struct pga_text *before, const char *name, const char *new_name,
			     struct pga_text *after);

/* Whether there is nothing in it but what pga_anchors_conf_set() writes into a new one: no comment
 * of somebody else's. */
bool pga_anchors_conf_is_bare(const struct pga_text *content);

/* Adds the section [name] at the end, which has none of this name. */
void pga_anchors_conf_add(const char *name, const struct pga_anchor_setting *settings, size_t count,
			  struct pga_text *after);

/* The list of host patterns as the file has it: one blank between two. The caller frees it; NULL,
 * with the reason, for a list that is empty or has something else in it than patterns. */
char *pga_anchors_conf_hosts(const char *list, struct pga_error *error);

#endif
