/* What `step ca bootstrap` has left in a home: the address of a step-ca, and the fingerprint of its
 * root. It is the word of the user, who has trusted that CA before; no more than what the file's
 * owner alone can write is taken. */
#ifndef PGA_CA_STEP_CONFIG_H
#define PGA_CA_STEP_CONFIG_H

#include "base/error.h"
#include "policy/pins.h"

#include <stddef.h>

struct pga_step_config {
	char *file;    /* that says what follows */
	char *context; /* of step's; NULL: its configuration has none */
	char *ca_url;  /* as the file has it */
	char pin[PGA_PIN_LENGTH + 1];
};

/* Finds and reads it. path: a defaults.json, or a directory such as ~/.step; NULL: $STEPPATH, or
 * else ~/.step. context: which of step's contexts; NULL: the one that step has chosen. Returns -1
 * with the reason: nothing there, no current one of several, a file that others can write, one
 * without an address or a fingerprint. The caller frees it, after an error too. */
int pga_step_config_find(struct pga_step_config *config, const char *path, const char *context,
			 struct pga_error *error);

/* Takes ca_url and pin out of the bytes of a defaults.json, where it has them; whose names it in
 * messages. In the place of those that are there already, as those of a profile are. Returns -1 for
 * what is no such file. */
int pga_step_defaults_parse(struct pga_step_config *config, const char *whose, const char *bytes,
			    size_t length, struct pga_error *error);

/* The file contexts.json: the directory's name of a context's authority and of its profile.
 * context NULL: the only one. They are to be freed, after an error too. */
struct pga_step_context {
	char *name;
	char *authority;
	char *profile;
};
int pga_step_contexts_parse(struct pga_step_context *found, const char *context, const char *whose,
			    const char *bytes, size_t length, struct pga_error *error);

void pga_step_context_free(struct pga_step_context *context);
void pga_step_config_free(struct pga_step_config *config);

#endif
