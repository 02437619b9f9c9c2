#include "server/hba_change.h"

#include "server/hba_view.h"
#include "server/left.h"
#include "tls/pg_answer.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The server reads its rules as its own user, and so does root for it. */
static void explain_unread(const struct pga_cluster *cluster, struct pga_error *error)
{
	const struct pga_error first = *error;
	const struct passwd *owner = getpwuid(cluster->owner);

	if (geteuid() == 0 && cluster->owner != 0 &&
	    strstr(first.message, strerror(EACCES)) != NULL)
		(void)pga_fail(error,
			       "let that user read it (chmod 0640, with its group): the server "
			       "itself has to, at its next reload. Nothing was changed",
			       "as %s, the server's user: %s",
			       owner != NULL ? owner->pw_name : "its owner", first.message);
}

int pga_hba_find(struct pga_cluster_session *session, const struct pga_cluster *cluster,
		 struct pga_hba_tree *tree, struct pga_error *error)
{
	PGresult *rows = pga_cluster_ask(session, "SHOW hba_file", error);
	struct pga_as_owner as;
	int result = rows != NULL ? pga_cluster_as_owner(cluster, &as, error) : -1;

	if (result == 0) {
		result = pga_hba_tree_read(tree, &pga_hba_local, pga_pg_value(rows, 0, 0),
					   cluster->version, error);
		pga_cluster_as_before(&as);
		if (result != 0)
			explain_unread(cluster, error);
	}
	PQclear(rows);
	return result;
}

/* Whether a file that this user makes can have the group. */
static bool has_group(gid_t group)
{
	gid_t groups[PGA_GROUPS_AT_MOST];
	const int count = getgroups(PGA_GROUPS_AT_MOST, groups);

	for (int i = 0; i < count; i++)
		if (groups[i] == group)
			return true;
	return group == getegid();
}

int pga_hba_change_check_owners(const struct pga_hba_tree *tree,
				const struct pga_transaction_file *files, struct pga_error *error)
{
	struct stat status;

	for (size_t i = 0; geteuid() != 0 && i < tree->part_count; i++) {
		const char *path = tree->parts[i].path;
		const struct passwd *owner;
		const struct group *group;

		if (files[i].change != PGA_CHANGED || stat(path, &status) != 0 ||
		    (status.st_uid == geteuid() && has_group(status.st_gid)))
			continue;
		owner = getpwuid(status.st_uid);
		group = getgrgid(status.st_gid);
		return pga_fail(error,
				"run it as root, such as with sudo, which keeps both. Nothing was "
				"changed",
				"%s belongs to %s:%s, and another file in its place would not",
				path, owner != NULL ? owner->pw_name : "another user",
				group != NULL ? group->gr_name : "another group");
	}
	return 0;
}

int pga_hba_check_view(struct pga_cluster_session *session, const struct pga_hba_tree *tree,
		       bool required, struct pga_error *error)
{
	PGresult *rows = pga_cluster_ask(session, pga_hba_view_question(tree->version), error);
	int result = rows != NULL ? 0 : -1;

	if (result == 0)
		result = pga_hba_view_check(tree, rows, required, error);
	PQclear(rows);
	return result;
}

static int stage(struct pga_hba_change *change, size_t part, struct pga_error *error)
{
	struct pga_transaction_file *file = &change->files[part];
	const struct pga_text *read = &change->tree->parts[part].file.bytes;
	const char *path = change->tree->parts[part].path;

	if (file->change != PGA_CHANGED)
		return 0;
	if (pga_edit_begin(&file->edit, path, 0600, error) != 0)
		return -1;
	file->edit.unnoted = true;
	if (file->edit.before.length != read->length ||
	    memcmp(pga_text_string(&file->edit.before), pga_text_string(read), read->length) != 0)
		return pga_fail(error, "start again; nothing was changed",
				"%s: another program has changed it meanwhile", path);
	return pga_edit_stage(&file->edit, pga_text_string(&file->after), file->after.length,
			      error);
}

int pga_hba_change_write(struct pga_hba_change *change, struct pga_error *error)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < change->tree->part_count; i++)
		result = stage(change, i, error);
	for (size_t i = 0; result == 0 && i < change->tree->part_count; i++) {
		struct pga_transaction_file *file = &change->files[i];

		if (file->change != PGA_CHANGED)
			continue;
		result = pga_edit_apply(&file->edit, false, error);
		file->committed = result == 0;
	}
	return result;
}

int pga_hba_change_load(struct pga_hba_change *change, struct pga_error *error)
{
	change->loaded = true;
	return pga_cluster_reload(change->session, error);
}

int pga_hba_change_put_back(struct pga_hba_change *change, const char *what,
			    struct pga_error *error)
{
	struct pga_error first = *error;
	struct pga_error why;
	struct pga_left left = {.text = ""};

	for (size_t i = change->tree->part_count; i-- > 0;) {
		struct pga_transaction_file *file = &change->files[i];

		if (!file->committed)
			continue;
		if (pga_edit_take_back(&file->edit, &why) == 0)
			file->committed = false;
		else
			pga_left_add(&left, "what stays: %s (%s). ", file->edit.path, why.message);
	}
	if (change->loaded && pga_cluster_reload(change->session, &why) != 0)
		pga_left_add(&left, "what stays: the rules that it has loaded (%s). ", why.message);
	change->stays = left.text[0] != '\0';
	if (!change->stays)
		pga_left_add(&left, "%s%sall was put back as it was", first.hint,
			     first.hint[0] != '\0' ? "; " : "");
	return pga_fail(error, left.text, "%s: %s", what, first.message);
}

void pga_hba_change_keep(struct pga_hba_change *change)
{
	for (size_t i = 0; i < change->tree->part_count; i++)
		if (change->files[i].committed)
			pga_edit_keep(&change->files[i].edit);
}
