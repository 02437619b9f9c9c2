#include "cert/pair.h"

#include "base/transaction.h"
#include "cert/pair_swap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CERTIFICATE_MODE 0644
#define MOST_COPIES      1000

static bool is_there(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

static int begin(const struct pga_pair_files *files, const char *path, mode_t mode,
		 struct pga_transaction_file *file, struct pga_error *error)
{
	if (pga_edit_begin(&file->edit, path, mode, error) != 0)
		return -1;
	if (files->owned) {
		file->edit.owned = true;
		file->edit.owner = files->owner;
		file->edit.group = files->group;
	}
	return 0;
}

static int put(struct pga_transaction_file *file, const struct pga_text *bytes,
	       struct pga_error *error)
{
	pga_text_add_bytes(&file->after, pga_text_string(bytes), bytes->length);
	return pga_transaction_put(file, error);
}

/* The bytes of a key, and what was there before it. */
static void end(struct pga_transaction_file *file)
{
	pga_text_wipe(&file->after);
	pga_text_wipe(&file->edit.before);
	pga_transaction_end(file);
}

/* There is no certificate that another key could stand beside. Returns 1 where there is one by now:
 * it is looked at under the lock. */
static int write_first(const struct pga_pair_files *files, const struct pga_text *chain,
		       const struct pga_text *key, struct pga_error *error)
{
	struct pga_transaction_file keys = {.committed = false};
	struct pga_transaction_file certificates = {.committed = false};
	struct pga_transaction_file *const both[] = {&keys, &certificates};
	int result = -1;

	/* The locks in the order in which all take them. */
	if (begin(files, files->certificate, CERTIFICATE_MODE, &certificates, error) != 0 ||
	    begin(files, files->key, files->key_mode, &keys, error) != 0)
		goto done;
	keys.edit.mode = files->key_mode;
	if (certificates.edit.existed)
		result = 1;
	else if (put(&keys, key, error) == 0 && put(&certificates, chain, error) == 0)
		result = pga_transaction_write(both, 2, error);
done:
	end(&certificates);
	end(&keys);
	return result;
}

static int write_certificate(const struct pga_pair_files *files, const struct pga_text *chain,
			     struct pga_error *error)
{
	struct pga_transaction_file file = {.committed = false};
	struct pga_transaction_file *const one[] = {&file};
	int result = -1;

	if (begin(files, files->certificate, CERTIFICATE_MODE, &file, error) == 0 &&
	    put(&file, chain, error) == 0) {
		/* Each renewal would have a line of its own there, for years. */
		file.edit.unnoted = true;
		result = pga_transaction_write(one, 1, error);
	}
	end(&file);
	return result;
}

/* The first name that nothing has yet. The caller frees it. */
static char *name_for_copy(const char *path, struct pga_error *error)
{
	for (int i = 1; i < MOST_COPIES; i++) {
		struct pga_text name = PGA_TEXT_EMPTY;
		char *taken;

		pga_text_addf(&name, i > 1 ? "%s.old%d" : "%s.old", path, i);
		taken = pga_text_take(&name);
		if (taken == NULL) {
			(void)pga_fail_memory(error);
			return NULL;
		}
		if (!is_there(taken))
			return taken;
		free(taken);
	}
	(void)pga_fail(error, "remove those that are not needed", "%s.old: there are too many",
		       path);
	return NULL;
}

/* The copy is theirs whose the file is: root need not know what it copies. */
static int own_as(struct pga_transaction_file *copy, const struct pga_transaction_file *old,
		  struct pga_error *error)
{
	struct stat status;

	if (geteuid() != 0)
		return 0;
	if (stat(old->edit.path, &status) != 0)
		return pga_fail_errno(error, NULL, "%s", old->edit.path);
	copy->edit.owned = true;
	copy->edit.owner = status.st_uid;
	copy->edit.group = status.st_gid;
	return 0;
}

/* A copy of the file beside it, for its owner alone. Nothing there is nothing to keep. */
static int keep_copy(const struct pga_pair_files *files, const char *path, struct pga_text *kept,
		     struct pga_error *error)
{
	struct pga_transaction_file old = {.committed = false};
	struct pga_transaction_file copy = {.committed = false};
	struct pga_transaction_file *const one[] = {&copy};
	char *name = NULL;
	int result = -1;

	if (!is_there(path))
		return 0;
	name = name_for_copy(path, error);
	if (name != NULL && pga_edit_begin(&old.edit, path, 0600, error) == 0 &&
	    begin(files, name, 0600, &copy, error) == 0 && own_as(&copy, &old, error) == 0 &&
	    put(&copy, &old.edit.before, error) == 0)
		result = pga_transaction_write(one, 1, error);
	if (result == 0)
		pga_text_addf(kept, "%s\n", name);
	end(&copy);
	end(&old);
	free(name);
	return result == 0 && kept->failed ? pga_fail_memory(error) : result;
}

void pga_pair_remove_copies(struct pga_text *kept)
{
	const char *rest = pga_text_string(kept);
	const char *line;
	size_t length;

	while (pga_next_line(&rest, &line, &length)) {
		char *path = strndup(line, length);

		if (path != NULL)
			(void)unlink(path);
		free(path);
	}
	pga_text_free(kept);
}

int pga_pair_write(const struct pga_pair_files *files, const struct pga_text *chain,
		   const struct pga_text *key, bool keep_old, struct pga_text *kept,
		   struct pga_error *error)
{
	int result = pga_pair_tidy(files, error);

	if (result == 0 && keep_old)
		result = keep_copy(files, files->certificate, kept, error);
	if (result == 0 && keep_old && key != NULL)
		result = keep_copy(files, files->key, kept, error);
	if (result == 0 && key == NULL)
		result = write_certificate(files, chain, error);
	else if (result == 0)
		result = is_there(files->certificate) ? 1 : write_first(files, chain, key, error);
	if (result > 0)
		result = pga_pair_swap(files, chain, key, error);
	if (result != 0 && keep_old)
		pga_pair_remove_copies(kept);
	return result;
}

int pga_pair_replace(const struct pga_pair_files *files, const struct pga_text *was,
		     const struct pga_text *chain, const struct pga_text *key,
		     struct pga_error *error)
{
	struct pga_edit guard = {.path = NULL};
	struct pga_text kept = PGA_TEXT_EMPTY;
	int result = -1;

	if (pga_pair_tidy(files, error) != 0 ||
	    pga_edit_begin(&guard, files->certificate, CERTIFICATE_MODE, error) != 0)
		return -1;
	if (guard.before.length != was->length ||
	    memcmp(pga_text_string(&guard.before), pga_text_string(was), was->length) != 0)
		result = 1;
	else
		result = pga_pair_write(files, chain, key, false, &kept, error);
	pga_edit_end(&guard);
	pga_text_free(&kept);
	return result;
}
