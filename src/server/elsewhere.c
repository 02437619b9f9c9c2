#include "server/elsewhere.h"

#include "base/printable.h"
#include "base/text.h"
#include "server/typed.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

char *pga_server_place(const struct pga_cluster *cluster, struct pga_error *error)
{
	struct pga_text place = PGA_TEXT_EMPTY;
	struct stat status;
	char *text;

	if (stat(cluster->directory, &status) != 0) {
		(void)pga_fail_errno(error, "nothing was changed", "%s", cluster->directory);
		return NULL;
	}
	/* JSON takes no other bytes. */
	pga_text_add_printable(&place, cluster->directory, "");
	pga_text_addf(&place, ", inode %llu", (unsigned long long)status.st_ino);
	text = pga_text_take(&place);
	if (text == NULL)
		(void)pga_fail_memory(error);
	return text;
}

int pga_server_is_elsewhere(const struct pga_cluster *cluster, const char *place,
			    struct pga_error *error)
{
	char *own;
	int result;

	if (place == NULL)
		return 0;
	own = pga_server_place(cluster, error);
	if (own == NULL)
		return -1;
	result = strcmp(own, place) != 0;
	free(own);
	return result;
}

int pga_server_fail_elsewhere(const struct pga_cluster *cluster, const char *file,
			      const char *place, const char *moved, struct pga_error *error)
{
	struct pga_text rest = PGA_TEXT_EMPTY;

	(void)pga_fail(error, NULL,
		       "%s/%s tells of a change in %s: it came here with a copy of that "
		       "directory, such as pg_basebackup makes",
		       cluster->directory, file, place);
	pga_text_addf(&rest,
		      " switches TLS off here, whoever switched it on. Where the server itself "
		      "has moved, %s. Nothing was changed",
		      moved);
	pga_server_hint_typed(error, "disable-tls", cluster->directory, pga_text_string(&rest));
	pga_text_free(&rest);
	return -1;
}
