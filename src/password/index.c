#include "password/index.h"

#include "base/ini.h"
#include "base/paths.h"
#include "base/transaction.h"

#include <stdlib.h>
#include <string.h>

int pga_index_read(struct pga_passwords *index, struct pga_error *error)
{
	return pga_passwords_reload(index, NULL, error);
}

const struct pga_password_entry *pga_index_find(const struct pga_passwords *index,
						const struct pga_password_entry *entry)
{
	for (size_t i = 0; i < index->count; i++)
		if (pga_password_entry_is(&index->entries[i], entry))
			return &index->entries[i];
	return NULL;
}

const struct pga_password_entry *pga_index_first(const struct pga_passwords *index,
						 const struct pga_password_entry *entry)
{
	for (size_t i = 0; i < index->count && !pga_password_entry_is(&index->entries[i], entry);
	     i++)
		if (pga_password_entry_meets(&index->entries[i], entry))
			return &index->entries[i];
	return NULL;
}

static bool is_line_of(const struct pga_passwords *index, size_t number,
		       const struct pga_password_entry *entry)
{
	for (size_t i = 0; i < index->count; i++)
		if (index->entries[i].line == number &&
		    pga_password_entry_is(&index->entries[i], entry))
			return true;
	return false;
}

/* The number of the line that a new entry goes before: of the first that is for all that it is for,
 * and more. Behind that, it would never count. 0: none is. */
static size_t line_behind(const struct pga_passwords *index, const struct pga_password_entry *entry)
{
	for (size_t i = 0; i < index->count; i++)
		if (pga_password_entry_covers(&index->entries[i], entry))
			return index->entries[i].line;
	return 0;
}

static void add_line(struct pga_transaction_file *file, const struct pga_passwords *index,
		     const struct pga_password_entry *entry)
{
	struct pga_ini_reader reader = pga_ini_start(pga_text_string(&file->edit.before),
						     file->edit.before.length, PGA_INI_CONF);
	const size_t behind = line_behind(index, entry);
	struct pga_ini_line line;

	while (pga_ini_next(&reader, &line)) {
		if (line.number == behind)
			pga_password_entry_add_line(&file->after, entry);
		pga_text_add_bytes(&file->after, line.whole.bytes, line.whole.length);
	}
	if (behind != 0)
		return;
	if (file->after.length > 0 && file->after.bytes[file->after.length - 1] != '\n')
		pga_text_add(&file->after, "\n");
	pga_password_entry_add_line(&file->after, entry);
}

static void leave_lines_out(struct pga_transaction_file *file, const struct pga_passwords *index,
			    const struct pga_password_entry *entry)
{
	struct pga_ini_reader reader = pga_ini_start(pga_text_string(&file->edit.before),
						     file->edit.before.length, PGA_INI_CONF);
	struct pga_ini_line line;

	while (pga_ini_next(&reader, &line))
		if (!is_line_of(index, line.number, entry))
			pga_text_add_bytes(&file->after, line.whole.bytes, line.whole.length);
}

/* Writes the index with the entry, or without it. */
static int change(const struct pga_password_entry *entry, bool with, struct pga_error *error)
{
	struct pga_transaction_file file = {.change = PGA_UNCHANGED};
	struct pga_transaction_file *const files[] = {&file};
	struct pga_passwords index = {0};
	char *path = pga_user_config(PGA_PASSWORDS_FILE);
	int result = -1;

	if (path == NULL)
		return pga_fail_home(error);
	if (pga_edit_begin(&file.edit, path, 0600, error) != 0)
		goto done;
	if (pga_passwords_parse(&index, path, pga_text_string(&file.edit.before),
				file.edit.before.length, error) != 0)
		goto end;
	if ((pga_index_find(&index, entry) != NULL) == with) {
		result = 0;
		goto end;
	}
	if (with)
		add_line(&file, &index, entry);
	else
		leave_lines_out(&file, &index, entry);
	result =
	    pga_transaction_put(&file, error) == 0 ? pga_transaction_write(files, 1, error) : -1;
end:
	pga_transaction_end(&file);
done:
	pga_passwords_free(&index);
	free(path);
	return result;
}

int pga_index_add(const struct pga_password_entry *entry, struct pga_error *error)
{
	return change(entry, true, error);
}

int pga_index_remove(const struct pga_password_entry *entry, struct pga_error *error)
{
	return change(entry, false, error);
}
