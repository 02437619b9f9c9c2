#include "cli/completion.h"

#include "base/shell_word.h"
#include "cert/record.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "policy/pins.h"
#include "service/servicefile.h"

#include <stdio.h>
#include <string.h>

typedef void visit_command(const struct pga_command *command);

/* Every command that there is; those that others are made of first. */
static void each(const struct pga_command *command, visit_command *visit)
{
	visit(command);
	for (const struct pga_command *const *one = command->commands; one != NULL && *one != NULL;
	     one++)
		each(*one, visit);
}

/* A text within '' of a shell. Of `more`, each byte gets a backslash. */
static void print_quoted(const char *text, const char *more)
{
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			(void)fputs("'\\'", stdout);
		else if (strchr(more, *text) != NULL)
			(void)putchar('\\');
		(void)putchar(*text);
	}
}

/* Of an option's explanation, the whole words that fit a line. */
static void print_short(const char *help, const char *more)
{
	char line[64];
	size_t length = strcspn(help, ";:(");

	if (length >= sizeof line) {
		length = sizeof line - 1;
		while (length > 0 && help[length] != ' ')
			length--;
	}
	memcpy(line, help, length);
	while (length > 0 && line[length - 1] == ' ')
		length--;
	line[length] = '\0';
	print_quoted(line, more);
}

static void print_subcommands(const struct pga_command *command)
{
	for (const struct pga_command *const *one = command->commands; one != NULL && *one != NULL;
	     one++)
		(void)printf("%s ", pga_command_word(*one));
}

static bool is_shown(const struct pga_option *option)
{
	return option->help != NULL;
}

/* bash: one word list for each command, and what follows an option that takes a value. */

static const char *const bash_names[] = {
    [PGA_NAMES_NOTHING] = ":",
    [PGA_NAMES_ANCHOR] = "_pganchor_words \"$(pganchor completion anchors 2>/dev/null)\"",
    [PGA_NAMES_SERVICE] = "_pganchor_words \"$(pganchor completion services 2>/dev/null)\"",
    [PGA_NAMES_CERT] = "_pganchor_words \"$(pganchor completion certs 2>/dev/null)\"",
    [PGA_NAMES_UNIT] =
	("_pganchor_words \"$(systemctl list-unit-files --type=service --no-legend --plain "
	 "2>/dev/null | sed 's/ .*//')\""),
    [PGA_NAMES_FILE] = "_pganchor_files -f",
    [PGA_NAMES_DIRECTORY] = "_pganchor_files -d",
    [PGA_NAMES_PROGRAM] = "_pganchor_files -c",
};

static void bash_path(const struct pga_command *command)
{
	if (command->name[0] != '\0')
		(void)printf("            '%s') command='%s' ;;\n", command->name, command->name);
}

static void bash_values(const struct pga_command *command)
{
	for (size_t i = 0; i < command->option_count; i++) {
		const struct pga_option *option = &command->options[i];

		if (option->argument == NULL)
			continue;
		(void)printf("        '%s --%s'", command->name, option->name);
		if (option->letter != 0)
			(void)printf("|'%s -%c'", command->name, option->letter);
		(void)printf(") %s; return ;;\n", bash_names[option->names]);
	}
}

static void bash_words(const struct pga_command *command)
{
	(void)printf(
	    "        '%s')\n            case $word in\n                -*) _pganchor_words '",
	    command->name);
	for (size_t i = 0; i < command->option_count; i++)
		if (is_shown(&command->options[i]))
			(void)printf("--%s ", command->options[i].name);
	(void)printf("--help%s' ;;\n                *) ",
		     command == &pga_cmd_pganchor ? " --version" : "");
	if (command->commands != NULL) {
		(void)fputs("_pganchor_words '", stdout);
		print_subcommands(command);
		(void)printf("help%s'", command == &pga_cmd_pganchor ? " version" : "");
	} else if (command == &pga_cmd_completion) {
		(void)fputs("_pganchor_words 'bash fish zsh'", stdout);
	} else {
		(void)fputs(bash_names[command->names], stdout);
	}
	(void)fputs(" ;;\n            esac ;;\n", stdout);
}

void pga_complete_bash(void)
{
	(void)fputs("# bash completion of pganchor; made by \"pganchor completion bash\"\n"
		    "_pganchor_words()\n"
		    "{\n"
		    "    local one\n"
		    "    while read -r one; do\n"
		    "        [[ -z $one || $one != \"$word\"* ]] || COMPREPLY+=(\"$one\")\n"
		    "    done <<<\"${1// /$'\\n'}\"\n"
		    "}\n\n"
		    "_pganchor_files()\n"
		    "{\n"
		    "    compopt -o filenames 2>/dev/null\n"
		    "    mapfile -t COMPREPLY < <(compgen \"$1\" -- \"$word\")\n"
		    "}\n\n"
		    "_pganchor()\n"
		    "{\n"
		    "    local word=${COMP_WORDS[COMP_CWORD]} command='' i\n"
		    "    COMPREPLY=()\n"
		    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
		    "        case ${COMP_WORDS[i]} in\n"
		    "            help) continue ;;\n"
		    "        esac\n"
		    "        case \"${command:+$command }${COMP_WORDS[i]}\" in\n",
		    stdout);
	each(&pga_cmd_pganchor, bash_path);
	(void)fputs("        esac\n"
		    "    done\n"
		    "    case \"$command ${COMP_WORDS[COMP_CWORD - 1]}\" in\n",
		    stdout);
	each(&pga_cmd_pganchor, bash_values);
	(void)fputs("    esac\n"
		    "    case $command in\n",
		    stdout);
	each(&pga_cmd_pganchor, bash_words);
	(void)fputs("    esac\n"
		    "}\n\n"
		    "complete -F _pganchor pganchor\n",
		    stdout);
}

/* fish: a line for each word, with when it may come. */

static const char *const fish_names[] = {
    [PGA_NAMES_NOTHING] = "",
    [PGA_NAMES_ANCHOR] = "-a '(pganchor completion anchors 2>/dev/null)'",
    [PGA_NAMES_SERVICE] = "-a '(pganchor completion services 2>/dev/null)'",
    [PGA_NAMES_CERT] = "-a '(pganchor completion certs 2>/dev/null)'",
    [PGA_NAMES_UNIT] = "-a '(__fish_systemctl_services)'",
    [PGA_NAMES_FILE] = "-F",
    [PGA_NAMES_DIRECTORY] = "-a '(__fish_complete_directories)'",
    [PGA_NAMES_PROGRAM] = "-a '(__fish_complete_subcommand)'",
};

static void fish_path(const struct pga_command *command)
{
	if (command->name[0] != '\0')
		(void)printf(" '%s'", command->name);
}

static void fish_command(const struct pga_command *command)
{
	const char *blank = strrchr(command->name, ' ');

	if (command->name[0] == '\0')
		return;
	(void)printf("complete -c pganchor -n \"__pganchor_is '%.*s'\" -a '%s' -d '",
		     blank != NULL ? (int)(blank - command->name) : 0, command->name,
		     pga_command_word(command));
	print_quoted(command->summary, "");
	(void)puts("'");
}

static void fish_option(const struct pga_command *command, const struct pga_option *option)
{
	(void)printf("complete -c pganchor -n \"__pganchor_is '%s'\" -l '%s'", command->name,
		     option->name);
	if (option->letter != 0)
		(void)printf(" -s %c", option->letter);
	if (option->argument != NULL)
		(void)printf(" %s %s", option->names == PGA_NAMES_FILE ? "-r" : "-x",
			     fish_names[option->names]);
	(void)fputs(" -d '", stdout);
	print_short(option->help, "");
	(void)puts("'");
}

static void fish_options(const struct pga_command *command)
{
	static const struct pga_option help = {.name = "help", .letter = 'h', .help = "show this"};

	for (size_t i = 0; i < command->option_count; i++)
		if (is_shown(&command->options[i]))
			fish_option(command, &command->options[i]);
	fish_option(command, &help);
	if (command == &pga_cmd_completion)
		(void)puts("complete -c pganchor -n \"__pganchor_is 'completion'\" -a 'bash fish "
			   "zsh'");
	else if (command->names != PGA_NAMES_NOTHING)
		(void)printf("complete -c pganchor -n \"__pganchor_is '%s'\" %s\n", command->name,
			     fish_names[command->names]);
}

void pga_complete_fish(void)
{
	(void)fputs("# fish completion of pganchor; made by \"pganchor completion fish\"\n"
		    "function __pganchor_is\n"
		    "    set -l path\n"
		    "    for word in (commandline -opc)[2..-1]\n"
		    "        test \"$word\" = help; and continue\n"
		    "        set -l longer (string join -- ' ' $path $word)\n"
		    "        contains -- $longer",
		    stdout);
	each(&pga_cmd_pganchor, fish_path);
	(void)fputs("; and set path $path $word\n"
		    "    end\n"
		    "    test \"$path\" = \"$argv[1]\"\n"
		    "end\n\n"
		    "complete -c pganchor -f\n"
		    "complete -c pganchor -n \"__pganchor_is ''\" -l version -d 'show the "
		    "version'\n",
		    stdout);
	each(&pga_cmd_pganchor, fish_command);
	(void)puts(
	    "complete -c pganchor -n \"__pganchor_is ''\" -a version -d 'show the version'\n"
	    "complete -c pganchor -n \"__pganchor_is ''\" -a help -d 'what a command takes'");
	each(&pga_cmd_pganchor, fish_options);
}

/* zsh: _describe for what is made of subcommands, _arguments for the rest. */

static const char *const zsh_names[] = {
    [PGA_NAMES_NOTHING] = " ",           [PGA_NAMES_ANCHOR] = "->anchors",
    [PGA_NAMES_SERVICE] = "->services",  [PGA_NAMES_CERT] = "->certs",
    [PGA_NAMES_UNIT] = "->units",        [PGA_NAMES_FILE] = "_files",
    [PGA_NAMES_DIRECTORY] = "_files -/", [PGA_NAMES_PROGRAM] = "_command_names -e",
};

static void zsh_path(const struct pga_command *command)
{
	if (command->name[0] != '\0')
		(void)printf("            '%s') command='%s'; begin=$i ;;\n", command->name,
			     command->name);
}

static void zsh_option(const struct pga_option *option)
{
	if (option->letter != 0)
		(void)printf(" \\\n                '(-%c --%s)'{-%c,--%s}'[", option->letter,
			     option->name, option->letter, option->name);
	else
		(void)printf(" \\\n                '--%s[", option->name);
	print_short(option->help, "[]:");
	(void)putchar(']');
	if (option->argument != NULL)
		(void)printf(":%s:%s", option->argument, zsh_names[option->names]);
	(void)putchar('\'');
}

static void zsh_words(const struct pga_command *command)
{
	static const struct pga_option help = {.name = "help", .letter = 'h', .help = "show this"};

	(void)printf("        '%s')\n", command->name);
	if (command->commands != NULL) {
		(void)fputs("            found=(", stdout);
		for (const struct pga_command *const *one = command->commands; *one != NULL;
		     one++) {
			(void)printf("'%s:", pga_command_word(*one));
			print_quoted((*one)->summary, ":");
			(void)fputs("' ", stdout);
		}
		if (command == &pga_cmd_pganchor)
			(void)fputs("'version:show the version' ", stdout);
		(void)fputs(
		    "'help:what a command takes')\n            _describe command found ;;\n",
		    stdout);
		return;
	}
	(void)printf("            _arguments -C%s", command->stops ? " -A '-*'" : "");
	for (size_t i = 0; i < command->option_count; i++)
		if (is_shown(&command->options[i]))
			zsh_option(&command->options[i]);
	zsh_option(&help);
	if (command == &pga_cmd_completion)
		(void)fputs(" \\\n                '1:shell:(bash fish zsh)'", stdout);
	else if (command->stops)
		(void)fputs(" \\\n                '(-)1:program:_command_names -e' "
			    "'*::arguments:_normal'",
			    stdout);
	else if (command->names != PGA_NAMES_NOTHING)
		(void)printf(" \\\n                '1:%s:%s'", command->word,
			     zsh_names[command->names]);
	(void)fputs(" ;;\n", stdout);
}

void pga_complete_zsh(void)
{
	(void)fputs("#compdef pganchor\n"
		    "# zsh completion of pganchor; made by \"pganchor completion zsh\"\n"
		    "_pganchor()\n"
		    "{\n"
		    "    local command='' state line context\n"
		    "    integer i begin=1\n"
		    "    typeset -A opt_args\n"
		    "    local -a found\n"
		    "    for ((i = 2; i < CURRENT; i++)); do\n"
		    "        [[ $words[i] = help ]] && continue\n"
		    "        case \"${command:+$command }$words[i]\" in\n",
		    stdout);
	each(&pga_cmd_pganchor, zsh_path);
	(void)fputs("        esac\n"
		    "    done\n"
		    "    words=(\"${(@)words[begin,-1]}\")\n"
		    "    ((CURRENT -= begin - 1))\n"
		    "    case $command in\n",
		    stdout);
	each(&pga_cmd_pganchor, zsh_words);
	(void)fputs(
	    "    esac\n"
	    "    case $state in\n"
	    "        certs) found=(${(f)\"$(pganchor completion certs 2>/dev/null)\"}) ;;\n"
	    "        anchors) found=(${(f)\"$(pganchor completion anchors 2>/dev/null)\"}) ;;\n"
	    "        services) found=(${(f)\"$(pganchor completion services 2>/dev/null)\"}) "
	    ";;\n"
	    "        units) found=(${${(f)\"$(systemctl list-unit-files --type=service "
	    "--no-legend --plain 2>/dev/null)\"}%% *}) ;;\n"
	    "        *) return ;;\n"
	    "    esac\n"
	    "    compadd -a found\n"
	    "}\n\n"
	    "if [[ $funcstack[1] = _pganchor ]]; then\n"
	    "    _pganchor \"$@\"\n"
	    "else\n"
	    "    compdef _pganchor pganchor\n"
	    "fi\n",
	    stdout);
}

/* The names of the entries of a file: of those that have one, which libpq finds. What a shell would
 * take for more than a word, or pganchor for an option, is for nobody to complete: a name may come
 * from a file of others, and is put where commands are typed. */
static void print_services_of(enum pga_service_place place)
{
	struct pga_service_file file;
	struct pga_error error;

	if (pga_service_file_read(&file, place, &error) != 0)
		return;
	for (size_t i = 0; i < file.count; i++)
		if (file.entries[i].name != NULL && file.entries[i].name[0] != '-' &&
		    pga_shell_word_is_plain(file.entries[i].name))
			(void)puts(file.entries[i].name);
	pga_service_file_free(&file);
}

void pga_complete_services(void)
{
	print_services_of(PGA_SERVICE_USER);
	print_services_of(PGA_SERVICE_SYSTEM);
}

void pga_complete_anchors(void)
{
	struct pga_policy policy;
	struct pga_pins pins = {.count = 0};
	struct pga_error error;

	/* One of several with a name is found by it. */
	if (pga_policy_load(&policy, &error) == 0 && pga_pins_load(&pins, &policy, &error) == 0)
		for (size_t i = 0; i < pins.count; i++)
			if (pga_pins_named(&pins, pins.pins[i].name) == &pins.pins[i])
				(void)puts(pins.pins[i].name);
	pga_pins_free(&pins);
	pga_policy_free(&policy);
}

void pga_complete_certs(void)
{
	struct pga_cert_records records;
	struct pga_error error;

	if (pga_cert_records_read(&records, &error) == 0)
		for (size_t i = 0; i < records.count; i++)
			(void)puts(records.records[i].name);
	pga_cert_records_free(&records);
}
