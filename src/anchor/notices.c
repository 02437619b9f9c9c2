/* One line a notice: subject, kind, seconds since 1970, pin or "-", message, with a tab between. */
#include "anchor/notices.h"

#include "base/file.h"
#include "base/paths.h"
#include "base/printable.h"
#include "base/transaction.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SUBJECT, KIND, SINCE, PIN, MESSAGE, FIELDS };

#define LONGEST ((size_t)600) /* of a message, in bytes */

char *pga_notices_path(void)
{
	const char *state = secure_getenv("XDG_STATE_HOME");
	struct pga_text path = PGA_TEXT_EMPTY;
	char *home = NULL;
	char *taken;

	if (state != NULL && state[0] == '/') {
		pga_text_add(&path, state);
	} else {
		home = pga_home();
		if (home == NULL)
			return NULL;
		pga_text_addf(&path, "%s/.local/state", home);
		free(home);
	}
	pga_text_add(&path, "/pganchor/notices");
	taken = pga_text_take(&path);
	if (taken == NULL)
		errno = ENOMEM;
	return taken;
}

bool pga_notices_any(void)
{
	char *path = pga_notices_path();
	const bool any = path != NULL && access(path, F_OK) == 0;

	free(path);
	return any;
}

static void free_notice(struct pga_notice *notice)
{
	free(notice->subject);
	free(notice->kind);
	free(notice->message);
}

void pga_notices_free(struct pga_notices *notices)
{
	for (size_t i = 0; i < notices->count; i++)
		free_notice(&notices->list[i]);
	free(notices->list);
	memset(notices, 0, sizeof *notices);
}

/* Takes the notice over. */
static int add(struct pga_notices *notices, struct pga_notice *notice, struct pga_error *error)
{
	struct pga_notice *grown =
	    reallocarray(notices->list, notices->count + 1, sizeof *notices->list);

	if (grown != NULL)
		notices->list = grown;
	if (grown == NULL || notice->subject == NULL || notice->kind == NULL ||
	    notice->message == NULL) {
		free_notice(notice);
		return pga_fail_memory(error);
	}
	grown[notices->count++] = *notice;
	return 0;
}

/* Splits a line into its fields; false for one that is no notice. */
static bool split(char *line, char *fields[FIELDS])
{
	for (int i = 0; i < FIELDS; i++) {
		fields[i] = line;
		if (i == MESSAGE)
			break;
		line = strchr(line, '\t');
		if (line == NULL)
			return false;
		*line++ = '\0';
	}
	return fields[SUBJECT][0] != '\0' && fields[KIND][0] != '\0' && fields[MESSAGE][0] != '\0';
}

static char *printable(const char *message)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	struct pga_text cut = PGA_TEXT_EMPTY;

	pga_text_add_printable(&text, message, "");
	pga_text_add_shortened(&cut, pga_text_string(&text), LONGEST);
	cut.failed = cut.failed || text.failed;
	pga_text_free(&text);
	return pga_text_take(&cut);
}

static int add_line(struct pga_notices *notices, const char *bytes, size_t length,
		    struct pga_error *error)
{
	struct pga_notice notice = {0};
	char *fields[FIELDS];
	char *line = strndup(bytes, length);
	int result = 0;

	if (line == NULL)
		return pga_fail_memory(error);
	if (split(line, fields)) {
		notice.subject = strdup(fields[SUBJECT]);
		notice.kind = strdup(fields[KIND]);
		notice.message = printable(fields[MESSAGE]);
		notice.since = (time_t)strtoll(fields[SINCE], NULL, 10);
		if (strlen(fields[PIN]) == PGA_PIN_LENGTH)
			memcpy(notice.pin, fields[PIN], sizeof notice.pin);
		result = add(notices, &notice, error);
	}
	free(line);
	return result;
}

/* A line that is none of ours is left out: nothing of what it says can be acted on. */
static int parse(struct pga_notices *notices, const struct pga_text *content,
		 struct pga_error *error)
{
	const char *rest = pga_text_string(content);
	const char *line;
	size_t length;

	while (pga_next_line(&rest, &line, &length))
		if (length > 0 && add_line(notices, line, length, error) != 0)
			return -1;
	return 0;
}

static bool is_settled(const struct pga_notice *notice, const struct pga_pins *pins)
{
	return pga_pins_named(pins, notice->subject) == NULL ||
	       (notice->pin[0] != '\0' && pga_pins_find(pins, notice->pin) != NULL);
}

static void drop(struct pga_notices *notices, size_t index)
{
	free_notice(&notices->list[index]);
	notices->count--;
	memmove(&notices->list[index], &notices->list[index + 1],
		(notices->count - index) * sizeof *notices->list);
}

int pga_notices_load(struct pga_notices *notices, const struct pga_pins *pins,
		     struct pga_error *error)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	char *path = pga_notices_path();
	bool found;
	int result = -1;

	memset(notices, 0, sizeof *notices);
	if (path == NULL)
		return pga_fail_home(error);
	if (pga_file_read(path, &content, &found, error) == 0)
		result = content.failed ? pga_fail_memory(error) : parse(notices, &content, error);
	for (size_t i = notices->count; i-- > 0;)
		if (is_settled(&notices->list[i], pins))
			drop(notices, i);
	pga_text_free(&content);
	free(path);
	return result;
}

static bool is_about(const struct pga_notice *notice, const struct pga_notice_change *change)
{
	return strcmp(notice->subject, change->subject) == 0 &&
	       strcmp(notice->kind, change->kind) == 0;
}

/* One that is there already keeps the time since which it is. */
static int make_change(struct pga_notices *notices, const struct pga_notice_change *change,
		       struct pga_error *error)
{
	struct pga_notice notice = {.since = time(NULL)};

	for (size_t i = notices->count; i-- > 0;) {
		if (!is_about(&notices->list[i], change))
			continue;
		notice.since = notices->list[i].since;
		drop(notices, i);
	}
	if (change->message == NULL)
		return 0;
	notice.subject = strdup(change->subject);
	notice.kind = strdup(change->kind);
	notice.message = printable(change->message);
	if (change->pin != NULL && strlen(change->pin) == PGA_PIN_LENGTH)
		memcpy(notice.pin, change->pin, sizeof notice.pin);
	return add(notices, &notice, error);
}

static void write_down(const struct pga_notices *notices, struct pga_text *after)
{
	const size_t first =
	    notices->count > PGA_NOTICES_MOST ? notices->count - PGA_NOTICES_MOST : 0;

	for (size_t i = first; i < notices->count; i++) {
		const struct pga_notice *notice = &notices->list[i];

		pga_text_addf(after, "%s\t%s\t%lld\t%s\t%s\n", notice->subject, notice->kind,
			      (long long)notice->since, notice->pin[0] != '\0' ? notice->pin : "-",
			      notice->message);
	}
}

static int compose(struct pga_transaction_file *file, const struct pga_notice_change *changes,
		   size_t count, struct pga_error *error)
{
	const struct pga_text *before = &file->edit.before;
	struct pga_notices notices = {0};
	int result = parse(&notices, before, error);

	for (size_t i = 0; i < count && result == 0; i++)
		result = make_change(&notices, &changes[i], error);
	if (result == 0)
		write_down(&notices, &file->after);
	pga_notices_free(&notices);
	if (result != 0 || file->after.failed)
		return result != 0 ? -1 : pga_fail_memory(error);
	if (strcmp(pga_text_string(before), pga_text_string(&file->after)) == 0)
		return 0;
	if (pga_transaction_put(file, error) != 0)
		return -1;
	if (file->after.length == 0)
		file->change = PGA_REMOVED;
	return 0;
}

/* Where nothing is to be left and there is no file, none is made, nor its directory. */
static bool is_needed(const struct pga_notice_change *changes, size_t count, const char *path)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	struct pga_error ignored;
	bool found = false;

	for (size_t i = 0; i < count; i++)
		if (changes[i].message != NULL)
			return true;
	if (pga_file_read(path, &content, &found, &ignored) != 0)
		found = true;
	pga_text_free(&content);
	return found;
}

int pga_notices_change(const struct pga_notice_change *changes, size_t count,
		       struct pga_error *error)
{
	struct pga_transaction_file file = {.change = PGA_UNCHANGED};
	struct pga_transaction_file *const files[] = {&file};
	char *path = pga_notices_path();
	int result = 0;

	if (path == NULL)
		return pga_fail_home(error);
	if (is_needed(changes, count, path)) {
		result = pga_edit_begin(&file.edit, path, 0600, error);
		if (result == 0 && (compose(&file, changes, count, error) != 0 ||
				    pga_transaction_write(files, 1, error) != 0))
			result = -1;
		pga_transaction_end(&file);
	}
	free(path);
	return result;
}
