/* What each subcommand takes, in one table. From it come the reading of its command line, its
 * --help, what is said of a mistake, the shells' completion and the check of the manual. */
#ifndef PGA_CLI_OPTIONS_H
#define PGA_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct pga_command;
struct pga_option;

/* Takes a value into the command's own struct. Returns PGA_EXIT_DONE, or after an error
 * PGA_EXIT_USAGE. */
typedef int pga_option_take(void *into, const struct pga_option *option, const char *value);

enum pga_option_kind {
	PGA_OPTION_FLAG,    /* a bool, which becomes true */
	PGA_OPTION_VALUE,   /* a const char *, which becomes a part of argv */
	PGA_OPTION_SECONDS, /* a long: milliseconds; the user gives seconds, with a fraction or not
			     */
	PGA_OPTION_TAKEN,   /* whatever `take` makes of it */
};

/* What a value or a word names: the shells complete it. */
enum pga_names {
	PGA_NAMES_NOTHING,
	PGA_NAMES_ANCHOR,
	PGA_NAMES_SERVICE,
	PGA_NAMES_UNIT,
	PGA_NAMES_FILE,
	PGA_NAMES_DIRECTORY,
	PGA_NAMES_PROGRAM,
	PGA_NAMES_COMMAND, /* of pganchor */
	PGA_NAMES_CERT,    /* one of one's own certificates */
};

struct pga_option {
	const char *name; /* without the dashes */
	char letter;      /* 0: none */
	enum pga_option_kind kind;
	size_t target;        /* where in the command's struct; not for PGA_OPTION_TAKEN */
	const char *argument; /* what --help calls the value; NULL where it takes none; "[PATH]"
				 where it may be left out, and is "" then */
	const char *help;     /* NULL: it is there, and told to nobody */
	enum pga_names names;
	pga_option_take *take;
};

/* A word that is none of ours, of other programs say, and what is meant by it. */
struct pga_habit {
	const char *word;
	const char *meant;
};

/* Stands above a command, and those behind it, in the list of commands. */
struct pga_heading {
	const struct pga_command *first;
	const char *title;
};

struct pga_command {
	const char *name;    /* as it is typed behind "pganchor": "service add" */
	const char *summary; /* for the list of commands */
	const char *usage;   /* what follows the name: "NAME --host HOST [OPTION ...]"; a line each,
			      * where there are several */
	const char *about;   /* paragraphs, with "\n\n" between; --help breaks the lines */
	const char *statuses;             /* what the exit statuses mean; a paragraph, or NULL */
	const char *examples;             /* whole lines, with their indentation; NULL: none */
	const struct pga_option *options; /* --help apart, which every command has */
	size_t option_count;
	const char *stray; /* what a word may be meant for, where none is taken; or NULL */
	const char *word; /* what the first word that is no option is called; NULL: it takes none */
	size_t least;     /* of such words */
	size_t most;
	enum pga_names names; /* what they name */
	bool stops;           /* at the first of them: all that follows is another program's */
	int (*run)(int argc, char **argv); /* argv[0] is the name's last word; the exit status */
	const struct pga_command *const *commands; /* it is made of these; NULL behind the last */
	const struct pga_heading *headings;    /* above some of them; or NULL; a first that is NULL
						  behind the last */
	const struct pga_habit *habits;        /* with them; a word that is NULL behind the last */
	const struct pga_habit *option_habits; /* likewise: long options that it has not */
};

#define PGA_OPTION_COUNT(options) (sizeof(options) / sizeof(options)[0])

/* Reads the command line into the command's struct. Returns whether the command goes on, with
 * optind at the first word that is no option, of which there are as many as the command takes;
 * where not, *status is what it ends with: --help has been printed, or an error. */
bool pga_options_read(const struct pga_command *command, int argc, char **argv, void *into,
		      int *status);

/* The word behind -h, which is --help here and the host for psql; NULL: there is none. */
const char *pga_host_behind_h(int argc, char *const *argv);

#endif
