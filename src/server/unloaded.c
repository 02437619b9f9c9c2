#include "server/unloaded.h"

#include "server/left.h"
#include "server/sql_file.h"
#include "tls/pg_answer.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

/* In microseconds: a file's time is of the kernel's last tick. */
#define CLOCK_STEP 20000

/* In microseconds. The time of its last change of any kind: a file that was moved there keeps its
 * other one. And the link's own, if it is one. */
static long long time_of(const char *path)
{
	struct stat of[2];
	long long latest = 0;

	if (stat(path, &of[0]) != 0 || lstat(path, &of[1]) != 0)
		return LLONG_MAX - CLOCK_STEP;
	for (size_t i = 0; i < 2; i++) {
		const long long changed =
		    (long long)of[i].st_ctim.tv_sec * 1000000 + of[i].st_ctim.tv_nsec / 1000;

		if (changed > latest)
			latest = changed;
	}
	return latest;
}

/* No file that was loaded then can seem to be changed later; one that was not, may by a tick seem
 * to be changed before. */
int pga_unloaded_look(struct pga_cluster_session *session, struct pga_hba_tree *tree, bool *stale,
		      struct pga_error *error)
{
	PGresult *row = pga_cluster_ask(
	    session,
	    "SELECT pg_catalog.floor(EXTRACT(epoch FROM pg_catalog.pg_conf_load_time()) "
	    "OPERATOR(pg_catalog.*) 1000000)::bigint",
	    error);
	long long loaded;

	if (row == NULL)
		return -1;
	loaded = strtoll(pga_pg_value(row, 0, 0), NULL, 10);
	PQclear(row);
	for (size_t i = 0; i < tree->part_count; i++) {
		const long long changed = time_of(tree->parts[i].path);

		tree->parts[i].unloaded = changed > loaded;
		*stale = *stale || changed + CLOCK_STEP >= loaded;
	}
	return 0;
}

int pga_unloaded_look_by_sql(struct pga_cluster_session *session, struct pga_hba_tree *tree,
			     struct pga_error *error)
{
	for (size_t i = 0; i < tree->part_count; i++)
		if (pga_sql_file_is_unloaded(session, tree->parts[i].path, &tree->parts[i].unloaded,
					     error) != 0)
			return -1;
	return 0;
}

void pga_unloaded_explain(const struct pga_hba_tree *tree, struct pga_error *error)
{
	const struct pga_error first = *error;
	struct pga_left left = {.text = ""};
	const char *before = "; but by now the server has loaded what was new in ";

	pga_left_add(&left, "%s", first.hint);
	for (size_t i = 0; i < tree->part_count; i++)
		if (tree->parts[i].unloaded) {
			pga_left_add(&left, "%s%s", before, tree->parts[i].path);
			before = ", ";
		}
	(void)pga_fail(error, left.text, "%s", first.message);
}
