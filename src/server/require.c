#include "server/require.h"

#include "base/cleanup.h"
#include "server/hba_change.h"
#include "server/left.h"
#include "server/require_undo.h"
#include "server/start.h"
#include "server/target.h"
#include "server/typed.h"
#include "server/unloaded.h"
#include "tls/pg_answer.h"

#include <stdlib.h>
#include <string.h>

/* A setting of the server. The caller frees it; NULL with the reason. */
static char *show(struct pga_requiring *requiring, const char *question, struct pga_error *error)
{
	PGresult *rows = pga_cluster_ask(requiring->session, question, error);
	char *value =
	    rows != NULL && PQntuples(rows) == 1 ? strdup(pga_pg_value(rows, 0, 0)) : NULL;

	if (rows != NULL && value == NULL)
		(void)pga_fail_memory(error);
	PQclear(rows);
	return value;
}

/* "on" is what a server says, too, that could not load its pair, and does without TLS. */
static int check_served(const struct pga_requiring *requiring, struct pga_error *error)
{
	struct pga_server_target target = {.cluster = requiring->cluster,
					   .session = requiring->session};
	char leaf[65];
	int result = pga_server_target_find_host(&target, error);

	/* Nobody comes over the network where it does not listen. */
	if (result == 0 && target.host[0] != '\0' &&
	    pga_server_target_shows(&target, leaf, error) == 0) {
		result = pga_fail(
		    error, NULL,
		    "the server of %s answers on port %u that it has no TLS, though ssl is on: "
		    "whoever has to use it could not get in",
		    requiring->cluster.directory, requiring->cluster.port);
		pga_server_hint_typed(error, "enable-tls", requiring->cluster.directory,
				      " looks at its pair, and its log says why. Nothing was "
				      "changed");
	}
	free(target.host);
	return result;
}

/* Without TLS, hostssl lets nobody in. */
static int check_tls(struct pga_requiring *requiring, struct pga_error *error)
{
	char *ssl = show(requiring, "SHOW ssl", error);
	int result = ssl != NULL ? 0 : -1;

	if (result == 0 && strcmp(ssl, "on") != 0) {
		result = pga_fail(error, NULL,
				  "the server of %s has no TLS (ssl is off): whoever has to use it "
				  "could not get in",
				  requiring->cluster.directory);
		pga_server_hint_typed(error, "enable-tls", requiring->cluster.directory,
				      " switches it on. Nothing was changed");
	}
	free(ssl);
	if (result != 0 || check_served(requiring, error) != 0)
		return -1;
	if (pga_server_check_start(&requiring->cluster, requiring->session, error) != 0)
		return -1;
	return pga_server_find_named(&requiring->cluster, requiring->session, &requiring->named,
				     error);
}

static int read_rules(struct pga_requiring *requiring, struct pga_error *error)
{
	int result = pga_hba_find(requiring->session, &requiring->cluster, &requiring->tree, error);

	if (result == 0)
		result = pga_hba_check_view(requiring->session, &requiring->tree, false, error);
	for (size_t i = 0; result == 0 && i < requiring->tree.place_count; i++)
		if (pga_hba_becomes(pga_hba_tree_line(&requiring->tree, i)) == PGA_HBA_CANNOT)
			result = pga_fail(error, "write it without @; nothing was changed",
					  "%s, line %zu: a field of it comes from another file",
					  pga_hba_tree_path(&requiring->tree, i),
					  pga_hba_tree_line(&requiring->tree, i)->number);
	return result;
}

/* The new bytes of each part; they are locked until the end. */
static int begin_files(struct pga_requiring *requiring, struct pga_error *error)
{
	const struct pga_hba_tree *tree = &requiring->tree;

	requiring->files = calloc(tree->part_count, sizeof *requiring->files);
	if (requiring->files == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; i < tree->part_count; i++) {
		struct pga_transaction_file *file = &requiring->files[i];
		const struct pga_hba_part *part = &tree->parts[i];
		const size_t changes = pga_hba_require_tls(&part->file, &file->after);

		if (file->after.failed)
			return pga_fail_memory(error);
		requiring->changes += changes;
		if (changes > 0)
			file->change = PGA_CHANGED;
	}
	return pga_hba_change_check_owners(tree, requiring->files, error);
}

int pga_require_plan(struct pga_requiring *requiring, const struct pga_require_wish *wish,
		     struct pga_error *error)
{
	memset(requiring, 0, sizeof *requiring);
	if (pga_cluster_look(&requiring->cluster, wish->directory, error) != 0)
		return -1;
	if (requiring->cluster.postmaster == 0)
		return pga_fail(error, "start it; nothing was changed",
				"the server of %s does not run: it has to look at its rules itself "
				"before they count",
				requiring->cluster.directory);
	if (wish->writes &&
	    pga_server_alone_begin(&requiring->alone, &requiring->cluster, error) != 0)
		return -1;
	requiring->session = pga_cluster_enter(&requiring->cluster, wish->user, error);
	if (requiring->session == NULL ||
	    (wish->writes &&
	     pga_server_alone_at(requiring->session, requiring->cluster.directory, error) != 0) ||
	    pga_cluster_check_config(requiring->session, error) != 0 ||
	    check_tls(requiring, error) != 0 || read_rules(requiring, error) != 0 ||
	    pga_unloaded_look(requiring->session, &requiring->tree, &requiring->stale, error) !=
		0 ||
	    pga_require_check_wider(&requiring->tree, error) != 0 ||
	    begin_files(requiring, error) != 0 ||
	    pga_require_find_locked_out(requiring->session, &requiring->tree, true,
					&requiring->locked_out, error) != 0 ||
	    pga_require_find_shut_out(requiring->session, &requiring->tree, true,
				      &requiring->shut_out, error) != 0)
		return -1;
	return pga_require_find_trials(requiring, error);
}

/* With lines that stay changed, the record stays, too: it is the way back. */
static void take_record_back(struct pga_served_file *record, struct pga_error *error)
{
	const struct pga_error first = *error;
	struct pga_left left = {.text = ""};
	struct pga_error why;

	if (pga_served_file_take_back(record, &why) == 0)
		return;
	pga_left_add(&left, "what stays: %s in the data directory, of no lines (%s)",
		     PGA_HBA_BEFORE, why.message);
	(void)pga_fail(error, left.text, "%s", first.message);
}

/* The files want TLS by now, and which rules are loaded no time tells for sure: one file may have
 * gone, or a clock been set back. */
static int load(struct pga_requiring *requiring, struct pga_error *error)
{
	struct pga_error why;

	if (pga_cluster_reload(requiring->session, &why) == 0 &&
	    pga_require_prove(requiring, &why) == 0) {
		requiring->stale = false;
		return 0;
	}
	return pga_fail(error, "no file was changed, and the server goes by them as they are now",
			"TLS is not required: %s", why.message);
}

static int change(struct pga_requiring *requiring, struct pga_error *error)
{
	struct pga_hba_change change = {
	    .session = requiring->session, .tree = &requiring->tree, .files = requiring->files};
	struct pga_served_file record = {.written = false};
	int result = pga_require_record(requiring, &record, error);

	if (result == 0 && (result = pga_hba_change_write(&change, error)) == 0)
		result = pga_hba_check_view(requiring->session, &requiring->tree, true, error);
	if (result == 0)
		result = pga_hba_change_load(&change, error);
	if (result == 0)
		result = pga_require_prove(requiring, error);
	if (result == 0) {
		requiring->stale = false;
		pga_hba_change_keep(&change);
	} else {
		result = pga_hba_change_put_back(&change, "TLS is not required", error);
		if (!change.stays)
			take_record_back(&record, error);
		if (change.loaded && !change.stays)
			pga_unloaded_explain(&requiring->tree, error);
	}
	pga_served_file_free(&record);
	return result;
}

/* Signals wait until it stands, or all is as it was. */
int pga_require_apply(struct pga_requiring *requiring, struct pga_error *error)
{
	sigset_t signals;
	int result;

	pga_signals_hold(&signals);
	result = requiring->changes > 0 ? change(requiring, error) : load(requiring, error);
	pga_signals_release(&signals);
	return result;
}

void pga_require_end(struct pga_requiring *requiring)
{
	for (size_t i = 0; requiring->files != NULL && i < requiring->tree.part_count; i++)
		pga_transaction_end(&requiring->files[i]);
	free(requiring->files);
	pga_locked_out_free(&requiring->locked_out);
	pga_shut_out_free(&requiring->shut_out);
	for (size_t i = 0; i < requiring->trial_count; i++) {
		free(requiring->trials[i].user);
		free(requiring->trials[i].database);
	}
	free(requiring->trials);
	free(requiring->named);
	pga_hba_tree_free(&requiring->tree);
	pga_cluster_leave(requiring->session);
	pga_server_alone_end(&requiring->alone);
	pga_cluster_free(&requiring->cluster);
	memset(requiring, 0, sizeof *requiring);
}
