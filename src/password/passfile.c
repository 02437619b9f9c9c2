#include "password/passfile.h"

#include <stdlib.h>
#include <string.h>

#define FIELDS 4 /* PGA_SECRET_HOST to PGA_SECRET_USER, in this order */

/* Takes one field of the line, up to the next ":" that is none of its bytes. Returns what is behind
 * that; NULL where there is none: then the line fits nothing. */
static const char *take_field(const char *at, char *field)
{
	if (at[0] == '*' && at[1] == ':') {
		field[0] = '*';
		field[1] = '\0';
		return at + 2;
	}
	while (*at != '\0' && *at != ':') {
		if (*at == '\\')
			at++;
		/* A "\" at the end of the line: pwdfMatchesString() then finds no ":". */
		if (*at == '\0')
			return NULL;
		*field++ = *at++;
	}
	*field = '\0';
	return *at == ':' ? at + 1 : NULL;
}

/* The password goes up to the next ":" or the end; a "\" at the end stands for itself. */
static void take_password(const char *at, char *password)
{
	while (*at != '\0' && *at != ':') {
		if (*at == '\\' && at[1] != '\0')
			at++;
		*password++ = *at++;
	}
	*password = '\0';
}

static void free_line(struct pga_passfile_line *line)
{
	for (enum pga_secret_word word = 0; word < PGA_SECRET_WORDS; word++)
		free(line->entry.words[word]);
	if (line->password != NULL)
		explicit_bzero(line->password, strlen(line->password));
	free(line->password);
}

/* Reads a line without its end. Returns 0 where libpq makes nothing of it; -1 for want of memory.
 */
static int read_line(const char *text, struct pga_passfile_line *line)
{
	const char *at = text;
	const size_t room = strlen(text) + 1;

	for (enum pga_secret_word word = 0; word < FIELDS; word++) {
		line->entry.words[word] = malloc(room);
		if (line->entry.words[word] == NULL)
			return -1;
		if (at[0] == '\\' && at[1] == '*' && at[2] == ':')
			line->starred = true;
		at = take_field(at, line->entry.words[word]);
		if (at == NULL)
			return 0;
	}
	line->password = malloc(room);
	if (line->password == NULL)
		return -1;
	take_password(at, line->password);
	return 1;
}

/* The line as libpq has it: up to a NUL, without pg_strip_crlf()'s. NULL for want of memory. */
static char *line_text(const char *bytes, size_t length)
{
	char *text = strndup(bytes, length);
	size_t kept = text != NULL ? strlen(text) : 0;

	while (kept > 0 && (text[kept - 1] == '\n' || text[kept - 1] == '\r'))
		text[--kept] = '\0';
	return text;
}

static int add(struct pga_passfile *file, const struct pga_passfile_line *line)
{
	struct pga_passfile_line *grown =
	    reallocarray(file->lines, file->count + 1, sizeof *file->lines);

	if (grown == NULL)
		return -1;
	file->lines = grown;
	grown[file->count++] = *line;
	return 0;
}

/* Returns -1 for want of memory. */
static int take_line(struct pga_passfile *file, const char *bytes, struct pga_passfile_line *line)
{
	char *text = line_text(bytes + line->start, line->end - line->start);
	int read = text == NULL ? -1 : 0;

	if (text != NULL && text[0] != '#' && text[0] != '\0')
		read = read_line(text, line);
	if (read == 1)
		read = add(file, line) == 0 ? 1 : -1;
	if (read != 1)
		free_line(line);
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
	return read < 0 ? -1 : 0;
}

int pga_passfile_read(struct pga_passfile *file, const char *bytes, size_t length,
		      struct pga_error *error)
{
	size_t number = 0;

	memset(file, 0, sizeof *file);
	for (size_t start = 0; start < length;) {
		const char *end = memchr(bytes + start, '\n', length - start);
		struct pga_passfile_line line = {
		    .number = number + 1,
		    .start = start,
		    .end = end != NULL ? (size_t)(end - bytes) + 1 : length,
		};

		number++;
		start = line.end;
		if (take_line(file, bytes, &line) != 0)
			return pga_fail_memory(error);
	}
	return 0;
}

bool pga_passfile_line_covers(const struct pga_passfile_line *line,
			      const struct pga_password_entry *entry)
{
	for (enum pga_secret_word word = 0; word < FIELDS; word++)
		if ((line->starred || strcmp(line->entry.words[word], PGA_PASSWORD_ANY) != 0) &&
		    strcmp(line->entry.words[word], entry->words[word]) != 0)
			return false;
	return true;
}

const struct pga_passfile_line *pga_passfile_for(const struct pga_passfile *file,
						 const struct pga_password_entry *entry)
{
	for (size_t i = 0; i < file->count; i++)
		if (pga_password_entry_meets(&file->lines[i].entry, entry))
			return &file->lines[i];
	return NULL;
}

void pga_passfile_free(struct pga_passfile *file)
{
	for (size_t i = 0; i < file->count; i++)
		free_line(&file->lines[i]);
	free(file->lines);
	memset(file, 0, sizeof *file);
}
