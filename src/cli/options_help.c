#include "cli/options_help.h"

#include "base/text.h"
#include "cli/commands.h"

#include <stdlib.h>
#include <string.h>

#define WIDTH 80

/* Where the explanations begin at the latest; what is longer has a line of its own. */
#define WIDEST 26

/* Prints the words of a text, with line breaks; every line but the first begins `indent` blanks
 * further. `at`: where the first one is to begin. */
static void print_wrapped(FILE *stream, const char *text, int at, int indent)
{
	for (bool first = true; *(text += strspn(text, " ")) != '\0'; first = false) {
		const int length = (int)strcspn(text, " ");

		if (!first && at + 1 + length > WIDTH) {
			(void)fprintf(stream, "\n%*s", indent, "");
			at = indent;
		} else if (!first) {
			(void)fputc(' ', stream);
			at++;
		}
		(void)fprintf(stream, "%.*s", length, text);
		at += length;
		text += length;
	}
	(void)fputc('\n', stream);
}

static void print_paragraphs(FILE *stream, const char *text)
{
	while (text != NULL) {
		const char *end = strstr(text, "\n\n");
		char *one = end != NULL ? strndup(text, (size_t)(end - text)) : strdup(text);

		(void)fputc('\n', stream);
		print_wrapped(stream, one != NULL ? one : "", 0, 0);
		free(one);
		text = end != NULL ? end + 2 : NULL;
	}
}

static void add_names(const struct pga_option *option, struct pga_text *names)
{
	if (option->letter != 0)
		pga_text_addf(names, "  -%c, --%s", option->letter, option->name);
	else
		pga_text_addf(names, "      --%s", option->name);
	if (option->argument != NULL)
		pga_text_addf(names, " %s", option->argument);
}

static void print_option(FILE *stream, const struct pga_option *option, int column)
{
	struct pga_text names = PGA_TEXT_EMPTY;

	add_names(option, &names);
	if ((int)names.length + 2 > column)
		(void)fprintf(stream, "%s\n%*s", pga_text_string(&names), column, "");
	else
		(void)fprintf(stream, "%-*s", column, pga_text_string(&names));
	print_wrapped(stream, option->help, column, column);
	pga_text_free(&names);
}

/* Where the explanations begin. */
static int column_of(const struct pga_command *command)
{
	size_t widest = strlen("  -h, --help");

	for (size_t i = 0; i < command->option_count; i++) {
		struct pga_text names = PGA_TEXT_EMPTY;

		add_names(&command->options[i], &names);
		if (command->options[i].help != NULL && names.length > widest &&
		    names.length <= WIDEST)
			widest = names.length;
		pga_text_free(&names);
	}
	return (int)widest + 2;
}

static void print_usage(const struct pga_command *command)
{
	const char *rest = command->usage;
	const char *line;
	size_t length;

	if (rest[0] == '\0')
		(void)printf("usage: pganchor %s\n", command->name);
	while (pga_next_line(&rest, &line, &length))
		(void)printf("%s pganchor %s %.*s\n", line == command->usage ? "usage:" : "      ",
			     command->name, (int)length, line);
}

/* The page of the manual: of all that a command is made of, one. */
static void print_manual(FILE *stream, const struct pga_command *command)
{
	const int word = (int)strcspn(command->name, " ");

	(void)fprintf(stream, "\nThe manual: man pganchor%s%.*s\n", word != 0 ? "-" : "", word,
		      command->name);
}

void pga_options_help(const struct pga_command *command)
{
	static const struct pga_option help = {.name = "help", .letter = 'h', .help = "show this"};
	const int column = column_of(command);

	print_usage(command);
	print_paragraphs(stdout, command->about);
	(void)putchar('\n');
	for (size_t i = 0; i < command->option_count; i++)
		if (command->options[i].help != NULL)
			print_option(stdout, &command->options[i], column);
	print_option(stdout, &help, column);
	print_paragraphs(stdout, command->statuses);
	if (command->examples != NULL)
		(void)printf("\n%s", command->examples);
	print_manual(stdout, command);
}

/* Where a command's own heading has to stand; without any, one for all of them. */
static void print_heading(FILE *stream, const struct pga_command *command,
			  const struct pga_command *one)
{
	const struct pga_heading *heading = command->headings;

	if (heading == NULL && one == command->commands[0])
		(void)fputs("\ncommands:\n", stream);
	for (; heading != NULL && heading->first != NULL; heading++)
		if (heading->first == one)
			(void)fprintf(stream, "\n%s:\n", heading->title);
}

void pga_commands_help(FILE *stream, const struct pga_command *command)
{
	int widest = 0;

	for (const struct pga_command *const *one = command->commands; *one != NULL; one++)
		if ((int)strlen(pga_command_word(*one)) > widest)
			widest = (int)strlen(pga_command_word(*one));
	(void)fprintf(stream, "usage: pganchor %s%sCOMMAND [OPTION ...]\n", command->name,
		      command->name[0] != '\0' ? " " : "");
	print_paragraphs(stream, command->about);
	for (const struct pga_command *const *one = command->commands; *one != NULL; one++) {
		print_heading(stream, command, *one);
		(void)fprintf(stream, "  %-*s  ", widest, pga_command_word(*one));
		print_wrapped(stream, (*one)->summary, widest + 4, widest + 4);
	}
	(void)fprintf(stream, "\n%s", command->examples);
	print_manual(stream, command);
}
