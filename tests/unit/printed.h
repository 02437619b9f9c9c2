/* What a command prints, and its exit status. */
#ifndef PGA_TESTS_UNIT_PRINTED_H
#define PGA_TESTS_UNIT_PRINTED_H

#include "cmocka_start.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct {
	char output[16384];
	char errors[16384];
} printed;

/* The stream goes to a file from here on; the file is returned. */
static FILE *divert(FILE *stream, int *before)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	assert_int_equal(fflush(stream), 0);
	*before = dup(fileno(stream));
	assert_true(*before >= 0 && dup2(fileno(file), fileno(stream)) >= 0);
	return file;
}

static void bring_back(FILE *stream, int before, FILE *file, char *content, size_t size)
{
	size_t length;

	assert_int_equal(fflush(stream), 0);
	assert_true(dup2(before, fileno(stream)) >= 0);
	(void)close(before);
	rewind(file);
	length = fread(content, 1, size - 1, file);
	content[length] = '\0';
	(void)fclose(file);
}

/* Runs what prints, without a terminal. */
static inline int prints(int (*run)(void *), void *context)
{
	int before[2];
	FILE *output = divert(stdout, &before[0]);
	FILE *errors = divert(stderr, &before[1]);
	int status = run(context);

	bring_back(stdout, before[0], output, printed.output, sizeof printed.output);
	bring_back(stderr, before[1], errors, printed.errors, sizeof printed.errors);
	return status;
}

/* The words of a command line, with blanks between; "''" is an empty one. */
struct command_line {
	int (*command)(int argc, char **argv);
	int argc;
	char *argv[32];
	char words[1000];
};

static inline int run_line(void *context)
{
	struct command_line *line = context;

	optind = 0; /* from the start again */
	return line->command(line->argc, line->argv);
}

/* Runs a command with these words: the first is its name. */
static inline int command_prints(int (*command)(int argc, char **argv), const char *words)
{
	static struct command_line line;
	char *rest = line.words;

	memset(&line, 0, sizeof line);
	line.command = command;
	(void)snprintf(line.words, sizeof line.words, "%s", words);
	while (rest != NULL && *rest != '\0') {
		char *word = strsep(&rest, " ");

		line.argv[line.argc++] = strcmp(word, "''") == 0 ? word + 2 : word;
		for (; *word != '\0'; word++)
			*word = *word == '_' ? ' ' : *word;
	}
	return prints(run_line, &line);
}

#endif
