#include "service/ports.h"

#include "service/servicefile.h"
#include "base/ini.h"
#include "base/terminal.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* PostgreSQL's own, and the one that pgbouncer, pgcat and odyssey listen on as they come. */
static const unsigned usual[] = {5432, 6432};

#define FIRST_OWN 1024
#define LAST      65535

/* A list of ports, one for each host (libpq's "port"). What is no number libpq refuses. */
static void take_list(const char *list, pga_take_port *take, void *context)
{
	for (;;) {
		const unsigned long port = strtoul(list, NULL, 10);

		if (port >= FIRST_OWN && port <= LAST)
			take(context, (unsigned)port);
		list = strchr(list, ',');
		if (list == NULL)
			return;
		list++;
	}
}

/* The lines themselves are read, and libpq is not asked: an entry that is hidden by another, or
 * that libpq refuses today, has a port of PostgreSQL's all the same. */
static void take_file(enum pga_service_place place, pga_take_port *take, void *context)
{
	struct pga_service_file file = {0};
	struct pga_error error;
	struct pga_ini_line line;

	if (pga_service_file_read(&file, place, &error) != 0) {
		pga_print_warning("%s: ports in it are not watched", error.message);
	} else {
		struct pga_ini_reader reader = pga_ini_start(pga_text_string(&file.bytes),
							     file.bytes.length, PGA_INI_PGSERVICE);

		while (pga_ini_next(&reader, &line)) {
			char *value = NULL;

			if (line.kind == PGA_INI_SETTING && pga_ini_equals(line.name, "port"))
				value = pga_ini_copy(line.value);
			if (value != NULL)
				take_list(value, take, context);
			free(value);
		}
	}
	pga_service_file_free(&file);
}

/* The file that counts where PGSERVICEFILE is not set: a program that is started with another
 * environment has it. */
static void take_default_file(pga_take_port *take, void *context)
{
	const char *set = getenv("PGSERVICEFILE");
	char *kept = set != NULL ? strdup(set) : NULL;

	if (kept != NULL && unsetenv("PGSERVICEFILE") == 0) {
		take_file(PGA_SERVICE_USER, take, context);
		(void)setenv("PGSERVICEFILE", kept, 1);
	}
	free(kept);
}

void pga_service_ports(pga_take_port *take, void *context)
{
	const char *environment = getenv("PGPORT");

	for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
		take(context, usual[i]);
	if (environment != NULL)
		take_list(environment, take, context);
	take_file(PGA_SERVICE_USER, take, context);
	take_default_file(take, context);
	take_file(PGA_SERVICE_SYSTEM, take, context);
}
