#include "server/place.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "pganchor-server-"

/* Of the certificate's SHA-256, in hex. */
#define DIGITS 16

static const char *const endings[PGA_PLACED_FILES] = {
    [PGA_PLACED_KEY] = ".key", [PGA_PLACED_CERT] = ".crt"};

int pga_server_copy_begin(struct pga_server_copy *copy, const char *certificate, const char *key,
			  const char *leaf, struct pga_error *error)
{
	const char *const paths[PGA_PLACED_FILES] = {
	    [PGA_PLACED_KEY] = key, [PGA_PLACED_CERT] = certificate};

	for (int i = 0; i < PGA_PLACED_FILES; i++) {
		if (asprintf(&copy->names[i], PREFIX "%.*s%s", DIGITS, leaf, endings[i]) < 0) {
			copy->names[i] = NULL;
			return pga_fail_memory(error);
		}
		if (pga_file_read(paths[i], &copy->bytes[i], NULL, error) != 0)
			return -1;
	}
	return 0;
}

void pga_server_copy_free(struct pga_server_copy *copy)
{
	for (int i = 0; i < PGA_PLACED_FILES; i++) {
		free(copy->names[i]);
		pga_text_wipe(&copy->bytes[i]);
		pga_text_wipe(&copy->files[i].before);
		pga_served_file_free(&copy->files[i]);
	}
	memset(copy, 0, sizeof *copy);
}

int pga_server_copy_write(const struct pga_cluster *cluster, struct pga_server_copy *copy,
			  struct pga_error *error)
{
	struct pga_error ignored;

	for (int i = 0; i < PGA_PLACED_FILES; i++)
		if (copy->names[i] != NULL &&
		    pga_served_file_put(cluster, copy->names[i], &copy->bytes[i], &copy->files[i],
					error) != 0) {
			(void)pga_server_copy_take_back(copy, &ignored);
			return -1;
		}
	return 0;
}

int pga_server_copy_take_back(struct pga_server_copy *copy, struct pga_error *error)
{
	int result = 0;

	for (int i = PGA_PLACED_FILES; i-- > 0;)
		if (pga_served_file_take_back(&copy->files[i], error) != 0)
			result = -1;
	return result;
}

bool pga_server_copy_is_name(const char *name)
{
	const size_t prefix = strlen(PREFIX);
	const char *rest = name + prefix;

	if (strncmp(name, PREFIX, prefix) != 0 ||
	    strspn(rest, "0123456789abcdef") != (size_t)DIGITS)
		return false;
	return strcmp(rest + DIGITS, endings[PGA_PLACED_KEY]) == 0 ||
	       strcmp(rest + DIGITS, endings[PGA_PLACED_CERT]) == 0;
}
