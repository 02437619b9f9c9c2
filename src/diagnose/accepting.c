/* Writes the user's accepted.conf. */
#include "diagnose/accepted.h"

#include "base/ini.h"
#include "base/paths.h"
#include "base/transaction.h"
#include "policy/record.h"
#include "report/moment.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add_word(struct pga_text *line, const char *key, const char *value)
{
	/* Whole: cut, it would be another's. */
	if (value != NULL)
		pga_record_add(line, key, value, strlen(value));
}

static void add_line(const struct pga_accepting *accepting, struct pga_text *text)
{
	const struct passwd *self = getpwuid(getuid());
	char now[PGA_MOMENT];

	pga_moment(time(NULL), true, now);
	if (text->length > 0 && text->bytes[text->length - 1] != '\n')
		pga_text_add(text, "\n");
	pga_text_add(text, "accepted");
	add_word(text, "id", accepting->id);
	add_word(text, "object", accepting->object);
	add_word(text, "reason", accepting->reason);
	add_word(text, "user", self != NULL ? self->pw_name : "");
	add_word(text, "since", now);
	add_word(text, "until", accepting->until);
	add_word(text, "online", accepting->online ? "yes" : NULL);
	pga_text_add(text, "\n");
}

/* Whether this line, which is one, is about the finding. */
static int is_about(const char *path, const struct pga_ini_line *line, const char *id,
		    const char *object, bool *is, struct pga_error *error)
{
	struct pga_accepted accepted = {.count = 0};
	const int result =
	    pga_accepted_parse(&accepted, path, line->whole.bytes, line->whole.length, error);
	const struct pga_acceptance *one = accepted.count > 0 ? &accepted.list[0] : NULL;

	*is = false;
	if (result == 0 && one != NULL && strcmp(one->words[PGA_ACCEPTED_ID], id) == 0) {
		const char *other = one->words[PGA_ACCEPTED_OBJECT];

		*is =
		    other == NULL || object == NULL ? other == object : strcmp(other, object) == 0;
	}
	pga_accepted_free(&accepted);
	return result;
}

/* Copies all lines but those about the finding. */
static int leave_out(struct pga_transaction_file *file, const char *path, const char *id,
		     const char *object, bool *found, struct pga_error *error)
{
	struct pga_ini_reader reader = pga_ini_start(pga_text_string(&file->edit.before),
						     file->edit.before.length, PGA_INI_CONF);
	struct pga_ini_line line;

	*found = false;
	while (pga_ini_next(&reader, &line)) {
		bool is = false;

		if (line.kind != PGA_INI_BLANK && line.kind != PGA_INI_COMMENT &&
		    is_about(path, &line, id, object, &is, error) != 0)
			return -1;
		*found = *found || is;
		if (!is)
			pga_text_add_bytes(&file->after, line.whole.bytes, line.whole.length);
	}
	return 0;
}

/* accepting NULL: without a new line. */
static int change(const char *id, const char *object, const struct pga_accepting *accepting,
		  bool dry_run, bool *found, struct pga_error *error)
{
	struct pga_transaction_file file = {.change = PGA_UNCHANGED};
	struct pga_transaction_file *const files[] = {&file};
	char *path = pga_user_config(PGA_ACCEPTED_FILE);
	int result = -1;

	if (path == NULL)
		return pga_fail_home(error);
	if (pga_edit_begin(&file.edit, path, 0600, error) != 0) {
		free(path);
		return -1;
	}
	if (leave_out(&file, path, id, object, found, error) == 0) {
		if (accepting != NULL)
			add_line(accepting, &file.after);
		result = pga_transaction_put(&file, error);
	}
	if (result == 0 && !dry_run)
		result = pga_transaction_write(files, 1, error);
	pga_transaction_end(&file);
	free(path);
	return result;
}

int pga_accept(const struct pga_accepting *accepting, struct pga_error *error)
{
	bool found;

	return change(accepting->id, accepting->object, accepting, accepting->dry_run, &found,
		      error);
}

int pga_unaccept(const char *id, const char *object, bool dry_run, bool *found,
		 struct pga_error *error)
{
	return change(id, object, NULL, dry_run, found, error);
}
