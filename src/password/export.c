#include "password/export.h"

#include "base/file.h"
#include "base/terminal.h"
#include "base/transaction.h"
#include "password/ask_keyring.h"
#include "password/passfile.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As passwordFromFile() undoes it. */
static void add_escaped(struct pga_text *text, const char *bytes, char end)
{
	for (; *bytes != '\0'; bytes++) {
		if (*bytes == ':' || *bytes == '\\')
			pga_text_add(text, "\\");
		pga_text_add_bytes(text, bytes, 1);
	}
	pga_text_add_bytes(text, &end, 1);
}

static void add_entry(struct pga_text *lines, const struct pga_password_entry *entry,
		      const struct pga_secret *secret)
{
	for (enum pga_secret_word word = 0; word < PGA_SECRET_FILE; word++)
		add_escaped(lines, entry->words[word], ':');
	add_escaped(lines, secret->bytes, '\n');
}

static int add_line(struct pga_text *lines, const struct pga_password_entry *entry,
		    struct pga_error *error)
{
	struct pga_secret secret;
	const enum pga_secret_status status = pga_ask_keyring_get(entry, &secret, error);

	if (status == PGA_SECRET_DONE)
		add_entry(lines, entry, &secret);
	pga_secret_end(&secret);
	return status == PGA_SECRET_DONE ? 0 : -1;
}

static int add_lines(struct pga_text *lines, const struct pga_passwords *index, const bool *chosen,
		     struct pga_error *error)
{
	for (size_t i = 0; i < index->count; i++)
		if (chosen[i] && index->entries[i].kind == PGA_SECRET_PASSWORD &&
		    add_line(lines, &index->entries[i], error) != 0)
			return -1;
	return lines->failed ? pga_fail_memory(error) : 0;
}

int pga_export_write(int descriptor, const struct pga_secret *secret, struct pga_error *error)
{
	if (pga_write_all(descriptor, secret->bytes, secret->length) == 0 &&
	    pga_write_all(descriptor, "\n", 1) == 0)
		return 0;
	return pga_fail_errno(error, NULL, "could not write");
}

int pga_export_to(const struct pga_passwords *index, const bool *chosen, int descriptor,
		  struct pga_error *error)
{
	struct pga_text lines = PGA_TEXT_EMPTY;
	int result = add_lines(&lines, index, chosen, error);

	if (result == 0)
		result = pga_write_all(descriptor, pga_text_string(&lines), lines.length) == 0
			     ? 0
			     : pga_fail_errno(error, NULL, "could not write");
	pga_text_wipe(&lines);
	return result;
}

/* Whether the file has this very line. */
static bool has_line(const struct pga_passfile *file, const struct pga_password_entry *entry,
		     const struct pga_secret *secret)
{
	for (size_t i = 0; i < file->count; i++)
		if (!file->lines[i].starred &&
		    pga_password_entry_is(&file->lines[i].entry, entry) &&
		    strcmp(file->lines[i].password, secret->bytes) == 0)
			return true;
	return false;
}

static void warn_of_earlier(const struct pga_passfile *file, const char *path,
			    const struct pga_password_entry *entry)
{
	for (size_t i = 0; i < file->count; i++)
		if (pga_passfile_line_covers(&file->lines[i], entry)) {
			pga_print_warning("%s, line %zu, is for all that the line of %s at %s is "
					  "for: libpq takes that one first",
					  path, file->lines[i].number,
					  entry->words[PGA_SECRET_USER],
					  entry->words[PGA_SECRET_HOST]);
			return;
		}
}

/* Adds what the file does not have yet. Returns how many; -1 with the error. */
static int add_new_lines(struct pga_transaction_file *file, const struct pga_passfile *has,
			 const struct pga_passwords *index, const bool *chosen,
			 struct pga_error *error)
{
	int added = 0;

	for (size_t i = 0; i < index->count; i++) {
		const struct pga_password_entry *entry = &index->entries[i];
		struct pga_secret secret;
		bool there;

		if (!chosen[i] || entry->kind != PGA_SECRET_PASSWORD)
			continue;
		if (pga_ask_keyring_get(entry, &secret, error) != PGA_SECRET_DONE) {
			pga_secret_end(&secret);
			return -1;
		}
		there = has_line(has, entry, &secret);
		if (!there)
			add_entry(&file->after, entry, &secret);
		pga_secret_end(&secret);
		if (!there)
			warn_of_earlier(has, file->edit.path, entry);
		added += !there;
	}
	return file->after.failed ? pga_fail_memory(error) : added;
}

static int append(struct pga_transaction_file *file, const struct pga_passwords *index,
		  const bool *chosen, size_t *added, struct pga_error *error)
{
	struct pga_transaction_file *const files[] = {file};
	const struct pga_text *before = &file->edit.before;
	struct pga_passfile has = {.count = 0};
	int count = -1;

	if (file->edit.existed && (file->edit.mode & 077) != 0)
		return pga_fail(error, "chmod 600 makes it one that libpq reads",
				"%s: others than its user have access to it", file->edit.path);
	pga_text_add_bytes(&file->after, pga_text_string(before), before->length);
	if (before->length > 0 && before->bytes[before->length - 1] != '\n')
		pga_text_add(&file->after, "\n");
	if (pga_passfile_read(&has, pga_text_string(before), before->length, error) == 0)
		count = add_new_lines(file, &has, index, chosen, error);
	pga_passfile_free(&has);
	*added = count > 0 ? (size_t)count : 0;
	if (count <= 0)
		return count;
	return pga_transaction_put(file, error) == 0 ? pga_transaction_write(files, 1, error) : -1;
}

int pga_export_into(const struct pga_passwords *index, const bool *chosen, const char *path,
		    size_t *added, struct pga_error *error)
{
	struct pga_transaction_file file = {.change = PGA_UNCHANGED};
	int result;

	*added = 0;
	if (pga_edit_begin(&file.edit, path, 0600, error) != 0)
		return -1;
	file.edit.unnoted = true; /* the lines that were asked for stay */
	result = append(&file, index, chosen, added, error);
	pga_text_wipe(&file.edit.before);
	pga_text_wipe(&file.after);
	pga_transaction_end(&file);
	return result;
}
