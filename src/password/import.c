#include "password/import.h"

#include "base/file.h"
#include "base/terminal.h"
#include "base/transaction.h"
#include "password/ask_keyring.h"
#include "password/ask_passfile.h"
#include "password/index.h"
#include "password/keep.h"
#include "policy/release.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 3, 4))) static void leave(struct pga_import_line *line,
							const char *hint, const char *format, ...)
{
	va_list arguments;

	line->state = PGA_IMPORT_LEFT;
	free(line->hint);
	line->hint = hint != NULL ? strdup(hint) : NULL;
	va_start(arguments, format);
	(void)vsnprintf(line->why, sizeof line->why, format, arguments);
	va_end(arguments);
}

/* How to keep by hand what the line has: libpq takes the line first for as long as it is there. */
static void hint_at_set(const struct pga_import *import, struct pga_import_line *line, char *host,
			const char *what)
{
	struct pga_password_entry entry = line->line->entry;
	struct pga_text text = PGA_TEXT_EMPTY;

	entry.words[PGA_SECRET_HOST] = host;
	pga_text_add(&text, "pganchor password set ");
	pga_password_entry_add_words(&text, &entry);
	pga_text_addf(&text,
		      "\n    keeps it for %s; take line %zu out of %s by hand then, since libpq "
		      "takes that first",
		      what, line->line->number, import->path);
	free(line->hint);
	line->hint = pga_text_take(&text);
}

static void hint_at_clear(struct pga_import_line *line)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_text_add(&text,
		     "--replace puts this one in its place; or first: pganchor password clear ");
	pga_password_entry_add_words(&text, &line->line->entry);
	free(line->hint);
	line->hint = pga_text_take(&text);
}

static bool has_empty_word(const struct pga_passfile_line *line)
{
	for (enum pga_secret_word word = 0; word < PGA_SECRET_FILE; word++)
		if (line->entry.words[word][0] == '\0')
			return true;
	return line->password[0] == '\0';
}

/* Which lines the keyring may have, each by itself. */
static void judge(const struct pga_import *import, struct pga_import_line *line)
{
	static char any_server[] = "HOST";
	char *host = line->line->entry.words[PGA_SECRET_HOST];
	enum pga_release release;

	line->state = import->keep ? PGA_IMPORT_COPIED : PGA_IMPORT_MOVED;
	if (has_empty_word(line->line)) {
		leave(line, NULL, "a part of it is empty, by which libpq finds nothing");
	} else if (line->line->starred) {
		leave(line, NULL, "\"\\*\" is a name, and \"*\" any for the keyring");
	} else if (strcmp(host, PGA_PASSWORD_ANY) == 0) {
		leave(line, NULL,
		      "it is for any host, and the keyring's go to servers with an anchor alone");
		hint_at_set(import, line, any_server, "the server HOST, of those that are meant");
	} else if (strcmp(host, "localhost") == 0 && !import->keep) {
		leave(line, NULL,
		      "libpq takes it for Unix-domain sockets, too, which show no certificate");
		hint_at_set(import, line, host, "TCP alone");
	} else if (strlen(line->line->password) > PGA_SECRET_MOST) {
		leave(line, NULL, "the password is too long");
	} else {
		release = pga_release_to(import->policy, import->pins, host);
		if (release != PGA_RELEASE)
			leave(line, pga_release_hint(release), "%s", pga_release_reason(release));
	}
}

static bool is_same_password(const struct pga_passfile_line *one,
			     const struct pga_passfile_line *other)
{
	return pga_password_entry_is(&one->entry, &other->entry) &&
	       strcmp(one->password, other->password) == 0;
}

/* libpq takes the first line that fits: what is behind one that fits all of the same is another's
 * password, or nobody's. One that says the same once more goes where the first goes. */
static void leave_those_never_used(struct pga_import *import)
{
	for (size_t j = 1; j < import->file.count; j++)
		for (size_t i = 0; i < j; i++) {
			const struct pga_passfile_line *first = &import->file.lines[i];

			if ((first->starred && import->file.lines[j].starred) ||
			    !pga_passfile_line_covers(first, &import->file.lines[j].entry) ||
			    is_same_password(first, &import->file.lines[j]))
				continue;
			leave(&import->lines[j], "take the line out, if it is an old one",
			      "it is never used: libpq takes line %zu, which is for the same",
			      first->number);
			break;
		}
}

/* What the keyring has already is not lost to an older file. A dry run goes on without. */
static enum pga_secret_status leave_those_kept_otherwise(struct pga_import *import,
							 struct pga_error *error)
{
	struct pga_passwords kept;
	enum pga_secret_status status = pga_ask_keyring_list(&kept, error);

	if (status != PGA_SECRET_DONE && import->dry_run) {
		pga_print_warning("%s: it may have another password for some of the lines",
				  error->message);
		status = PGA_SECRET_DONE;
	}
	for (size_t i = 0; status == PGA_SECRET_DONE && i < import->file.count; i++) {
		struct pga_import_line *line = &import->lines[i];
		struct pga_secret secret;

		if (line->state == PGA_IMPORT_LEFT ||
		    pga_index_find(&kept, &line->line->entry) == NULL)
			continue;
		status = pga_ask_keyring_get(&line->line->entry, &secret, error);
		if (status == PGA_SECRET_DONE && strcmp(secret.bytes, line->line->password) != 0) {
			leave(line, NULL, "the keyring has another password for it");
			hint_at_clear(line);
		}
		/* It has gone meanwhile. */
		if (status == PGA_SECRET_NONE)
			status = PGA_SECRET_DONE;
		pga_secret_end(&secret);
	}
	pga_passwords_free(&kept);
	return status;
}

/* The first line behind this one that stays, and which libpq would take in its place; NULL. */
static const struct pga_passfile_line *heir(const struct pga_import *import, size_t index)
{
	for (size_t j = index + 1; j < import->file.count; j++)
		if (import->lines[j].state == PGA_IMPORT_LEFT &&
		    pga_password_entry_meets(&import->file.lines[index].entry,
					     &import->file.lines[j].entry))
			return &import->file.lines[j];
	return NULL;
}

/* A line is not taken out where libpq would find another one then, with another password: what
 * libpq finds goes before the keyring. Where one stays for that, others may have to. */
static void leave_those_with_heirs(struct pga_import *import)
{
	bool changed = !import->keep;

	while (changed) {
		changed = false;
		for (size_t i = 0; i < import->file.count; i++) {
			const struct pga_passfile_line *other =
			    import->lines[i].state == PGA_IMPORT_MOVED ? heir(import, i) : NULL;

			if (other == NULL)
				continue;
			leave(&import->lines[i], "take that one out first",
			      "without it libpq would take line %zu", other->number);
			changed = true;
		}
	}
}

/* Whether libpq reads the line as it was read here. Returns -1 where that cannot be told. */
static int check_by_libpq(struct pga_import_line *line, const char *bytes, struct pga_error *error)
{
	const struct pga_passfile_line *at = line->line;
	bool gives = false;

	if (pga_passfile_gives(bytes + at->start, at->end - at->start, &at->entry, at->password,
			       &gives, error) != 0)
		return -1;
	if (!gives)
		leave(line, NULL, "libpq reads another password out of it, or none");
	return 0;
}

static int judge_all(struct pga_import *import, const struct pga_text *bytes,
		     struct pga_error *error)
{
	if (pga_passfile_read(&import->file, pga_text_string(bytes), bytes->length, error) != 0)
		return -1;
	import->lines = calloc(import->file.count + 1, sizeof *import->lines);
	if (import->lines == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; i < import->file.count; i++) {
		struct pga_import_line *line = &import->lines[i];

		line->line = &import->file.lines[i];
		judge(import, line);
		if (line->state != PGA_IMPORT_LEFT &&
		    check_by_libpq(line, pga_text_string(bytes), error) != 0)
			return -1;
	}
	leave_those_never_used(import);
	if (!import->replace && leave_those_kept_otherwise(import, error) != PGA_SECRET_DONE)
		return -1;
	leave_those_with_heirs(import);
	return 0;
}

/* Where it could not be judged to the end, nothing becomes of any line. */
static int plan(struct pga_import *import, const struct pga_text *bytes, struct pga_error *error)
{
	if (judge_all(import, bytes, error) == 0)
		return 0;
	for (size_t i = 0; import->lines != NULL && i < import->file.count; i++)
		if (import->lines[i].state != PGA_IMPORT_LEFT)
			leave(&import->lines[i], NULL, "not every line could be judged");
	return -1;
}

static enum pga_secret_status keep(const struct pga_passfile_line *line, struct pga_error *error)
{
	struct pga_secret secret;
	enum pga_secret_status status = PGA_SECRET_FAILED;

	if (pga_secret_begin(&secret) != 0) {
		(void)pga_fail_memory(error);
		return status;
	}
	secret.length = strlen(line->password);
	memcpy(secret.bytes, line->password, secret.length + 1);
	status = pga_password_keep(&line->entry, &secret, error);
	pga_secret_end(&secret);
	return status;
}

/* Puts all that are to go into the keyring, up to one that fails. */
static enum pga_secret_status keep_all(struct pga_import *import, struct pga_error *error)
{
	enum pga_secret_status status = PGA_SECRET_DONE;

	for (size_t i = 0; i < import->file.count; i++) {
		struct pga_import_line *line = &import->lines[i];

		if (line->state == PGA_IMPORT_LEFT)
			continue;
		if (status == PGA_SECRET_DONE)
			status = keep(line->line, error);
		if (status != PGA_SECRET_DONE)
			leave(line, NULL, "the keyring could not take it");
	}
	leave_those_with_heirs(import);
	return status;
}

static int take_out(struct pga_import *import, struct pga_transaction_file *file,
		    struct pga_error *error)
{
	struct pga_transaction_file *const files[] = {file};
	const char *bytes = pga_text_string(&file->edit.before);
	size_t kept = 0;
	bool some = false;

	for (size_t i = 0; i < import->file.count; i++) {
		if (import->lines[i].state != PGA_IMPORT_MOVED)
			continue;
		pga_text_add_bytes(&file->after, bytes + kept, import->file.lines[i].start - kept);
		kept = import->file.lines[i].end;
		some = true;
	}
	if (!some)
		return 0;
	pga_text_add_bytes(&file->after, bytes + kept, file->edit.before.length - kept);
	return pga_transaction_put(file, error) == 0 ? pga_transaction_write(files, 1, error) : -1;
}

/* Where the file could not be written, all of it is in both places. */
static void note_as_copied(struct pga_import *import)
{
	for (size_t i = 0; i < import->file.count; i++)
		if (import->lines[i].state == PGA_IMPORT_MOVED)
			import->lines[i].state = PGA_IMPORT_COPIED;
}

static enum pga_secret_status change(struct pga_import *import, struct pga_error *error)
{
	struct pga_transaction_file file = {.change = PGA_UNCHANGED};
	struct pga_error later;
	enum pga_secret_status status = PGA_SECRET_FAILED;

	if (pga_edit_begin(&file.edit, import->path, 0600, error) != 0)
		return PGA_SECRET_FAILED;
	file.edit.unnoted = true;
	if (plan(import, &file.edit.before, error) == 0) {
		status = keep_all(import, error);
		if (take_out(import, &file, &later) != 0) {
			note_as_copied(import);
			if (status == PGA_SECRET_DONE)
				*error = later;
			status = PGA_SECRET_FAILED;
		}
	}
	pga_text_wipe(&file.edit.before);
	pga_text_wipe(&file.after);
	pga_transaction_end(&file);
	return status;
}

enum pga_secret_status pga_import_run(struct pga_import *import, struct pga_error *error)
{
	struct pga_text bytes = PGA_TEXT_EMPTY;
	enum pga_secret_status status = PGA_SECRET_FAILED;
	bool found = false;

	if (pga_file_read(import->path, &bytes, &found, error) != 0)
		goto done;
	if (!found) {
		(void)pga_fail(error, "give the file as a word, or set PGPASSFILE",
			       "%s: there is no such file", import->path);
		goto done;
	}
	if (!import->dry_run)
		status = change(import, error);
	else
		status = plan(import, &bytes, error) == 0 ? PGA_SECRET_DONE : PGA_SECRET_FAILED;
done:
	pga_text_wipe(&bytes);
	return status;
}

size_t pga_import_count(const struct pga_import *import, enum pga_import_state state)
{
	size_t count = 0;

	for (size_t i = 0; import->lines != NULL && i < import->file.count; i++)
		count += import->lines[i].line != NULL && import->lines[i].state == state;
	return count;
}

void pga_import_free(struct pga_import *import)
{
	for (size_t i = 0; import->lines != NULL && i < import->file.count; i++)
		free(import->lines[i].hint);
	pga_passfile_free(&import->file);
	free(import->lines);
	import->lines = NULL;
}
