/* psql's start files: connections that are made by \connect, or kept by \set for it. Those that
 * name a place alone go on with the settings of the one before. */
#include "clients/stores.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>

static const char *skip_blanks(const char *text)
{
	return text + strspn(text, " \t\r");
}

/* What is behind \connect and its options; NULL where it is another command. */
static const char *behind_connect(const char *line)
{
	static const char *const words[] = {"\\connect", "\\c"};

	line = skip_blanks(line);
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		const size_t length = strlen(words[i]);

		if (strncmp(line, words[i], length) != 0 ||
		    (line[length] != ' ' && line[length] != '\t'))
			continue;
		line = skip_blanks(line + length);
		if (strncmp(line, "-reuse-previous=", 16) == 0)
			line = skip_blanks(line + strcspn(line, " \t"));
		return line;
	}
	return NULL;
}

/* The value behind \set NAME; NULL where it is another command. */
static const char *behind_set(const char *line)
{
	line = skip_blanks(line);
	if (strncmp(line, "\\set ", 5) != 0)
		return NULL;
	line = skip_blanks(line + 5);
	return skip_blanks(line + strcspn(line, " \t"));
}

/* The word of psql's that begins here, without its quotes: '...' with \ and '' in it, "...". The
 * caller frees it. */
static char *word_of(const char *text)
{
	const bool quoted = *text == '\'' || *text == '"';
	const char quote = *text;
	struct pga_text word = PGA_TEXT_EMPTY;

	for (text += quoted ? 1 : 0; *text != '\0'; text++) {
		if (!quoted && strchr(" \t\r", *text) != NULL)
			break;
		if (quoted && *text == quote && text[1] != quote)
			break;
		if ((quoted && *text == quote) ||
		    (quote == '\'' && *text == '\\' && text[1] != '\0'))
			text++;
		pga_text_add_bytes(&word, text, 1);
	}
	pga_text_add(&word, "");
	return pga_text_take(&word);
}

static bool is_connection_string(const char *word)
{
	return strncmp(word, "postgresql://", 13) == 0 || strncmp(word, "postgres://", 11) == 0 ||
	       strchr(word, '=') != NULL;
}

static void judge(const struct pga_store *store, const char *word)
{
	static const char *const keywords[] = {"dbname", NULL};
	const char *const values[] = {word, NULL};

	if (is_connection_string(word))
		pga_keep_libpq(store, "", keywords, values, true);
}

static void judge_text(const struct pga_store *store, const char *text)
{
	char *word = word_of(text);

	if (word == NULL)
		store->kept->failed = true;
	else
		judge(store, word);
	free(word);
}

/* A variable may have the whole command in it, which is run by its name, or what is put behind
 * \connect. */
static void judge_variable(const struct pga_store *store, const char *text)
{
	char *value = word_of(text);
	const char *connect = value != NULL ? behind_connect(value) : NULL;

	if (value == NULL)
		store->kept->failed = true;
	else if (connect != NULL)
		judge_text(store, connect);
	else if (strstr(value, "host=") != NULL || strncmp(value, "postgres", 8) == 0)
		judge(store, value);
	free(value);
}

static void judge_line(const struct pga_store *store, const char *line)
{
	const char *connect = behind_connect(line);
	const char *set = behind_set(line);

	if (connect != NULL)
		judge_text(store, connect);
	else if (set != NULL)
		judge_variable(store, set);
}

void pga_psqlrc_read(const struct pga_store *store)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	struct pga_error error;
	const char *rest;
	const char *line;
	size_t length;

	if (pga_file_read(store->file, &content, NULL, &error) != 0)
		pga_keep_unread(store, &error);
	rest = pga_text_string(&content);
	while (pga_next_line(&rest, &line, &length)) {
		char *copy = strndup(line, length);

		if (copy == NULL)
			store->kept->failed = true;
		else
			judge_line(store, copy);
		free(copy);
	}
	pga_text_free(&content);
}
