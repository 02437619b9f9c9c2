/* What systemd says of a service: whether there is one, and what its settings make of a drop-in. */
#ifndef PGA_PRELOAD_UNIT_SETTINGS_H
#define PGA_PRELOAD_UNIT_SETTINGS_H

#include "base/error.h"

#include <stdbool.h>

/* As systemctl show tells them; "" where it does not. */
struct pga_unit_settings {
	bool known;              /* systemd answered */
	char *id;                /* its name; another one where it was asked by an alias */
	char *load_state;        /* "not-found" where there is no such service */
	char *preload;           /* the value of LD_PRELOAD */
	char *unset;             /* UnsetEnvironment= */
	char *root;              /* RootDirectory= or RootImage= */
	char *drop_ins;          /* the paths of its drop-ins */
	char *environment_files; /* PATH (ignore_errors=...), one a line */
};

/* Asks for the service of this name (pga_unit_name()), one of the user's or of the machine's. Where
 * no systemd answers, all is unknown and that is no error; one that does not answer in time is. A
 * template is asked for as an instance of it. settings is to be freed all the same. */
int pga_unit_ask(const char *name, bool user, struct pga_unit_settings *settings,
		 struct pga_error *error);

/* The file that sets LD_PRELOAD for the service after the drop-in pganchor.conf, and so in its
 * place: a drop-in whose name comes later, or an EnvironmentFile= (systemd.exec(5)). The caller
 * frees it; NULL where there is none. */
char *pga_unit_overridden_by(const struct pga_unit_settings *settings);

/* The file of this service, or of its template, below root (NULL: of this machine), where systemd
 * is not there to ask. The caller frees it; NULL where there is none. */
char *pga_unit_file(const char *root, const char *name);

/* Whether this file sets LD_PRELOAD. */
bool pga_unit_file_has_preload(const char *path);

void pga_unit_settings_free(struct pga_unit_settings *settings);

#endif
