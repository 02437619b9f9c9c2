/* cli/completion.h: what is made of the commands' tables for each shell, and the names that the
 * shells ask for. */
#include "cmocka_start.h"
#include "directory.h"
#include "printed.h"

#include "cli/cli.h"

#include <sys/stat.h>

/* ---- commands that have all that there is ---- */

static int run_none(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return PGA_EXIT_FAILED;
}

#define D7 "1234567"

static const struct pga_option add_options[] = {
    {.name = "anchor", .argument = "NAME", .help = "whose", .names = PGA_NAMES_ANCHOR},
    {.name = "host", .letter = 'H', .argument = "HOST", .help = "it's [this]: not that"},
    {.name = "file", .argument = "FILE", .help = "a", .names = PGA_NAMES_FILE},
    {.name = "dir", .argument = "DIR", .help = "b", .names = PGA_NAMES_DIRECTORY},
    {.name = "unit", .letter = 'u', .argument = "UNIT", .help = "c", .names = PGA_NAMES_UNIT},
    {.name = "hidden", .argument = "X", .names = PGA_NAMES_SERVICE},
    {.name = "dry", .letter = 'n', .help = "short  (and more)"},
    /* As long as fits, and a letter more, and without a blank. */
    {.name = "fits", .help = D7 " " D7 " " D7 " " D7 " " D7 " " D7 " " D7 " " D7 " more"},
    {.name = "long", .help = D7 " " D7 " " D7 " " D7 " " D7 " " D7 " " D7 " " D7 "8"},
    {.name = "more", .help = D7 " " D7 " " D7 " " D7 " " D7 " " D7 " " D7 " " D7 "8 more"},
    {.name = "word", .help = D7 D7 D7 D7 D7 D7 D7 D7 D7 D7},
};

static const struct pga_command service_add = {.name = "service add",
					       .summary = "adds: it's one",
					       .options = add_options,
					       .option_count = PGA_OPTION_COUNT(add_options),
					       .run = run_none};
static const struct pga_command service_show = {.name = "service show",
						.summary = "shows",
						.word = "NAME",
						.names = PGA_NAMES_SERVICE,
						.run = run_none};
static const struct pga_command *const services[] = {&service_add, &service_show, NULL};
static const struct pga_command service = {
    .name = "service", .summary = "of services", .run = run_none, .commands = services};
static const struct pga_command run = {.name = "run",
				       .summary = "runs",
				       .word = "PROGRAM",
				       .names = PGA_NAMES_PROGRAM,
				       .stops = true,
				       .run = run_none};
static const struct pga_command *const commands[] = {&service, &run, &pga_cmd_completion, NULL};
const struct pga_command pga_cmd_pganchor = {.name = "", .commands = commands};

static int completion(int argc, char **argv)
{
	return pga_cmd_completion.run(argc, argv);
}

static void assert_printed(const char *words, const char *expected)
{
	assert_int_equal(command_prints(completion, words), PGA_EXIT_DONE);
	assert_string_equal(printed.errors, "");
	assert_string_equal(printed.output, expected);
}

/* ---- the shells ---- */

/* To the letter: the shells read it, and tests with real ones see what they make of it. */
static const char for_bash[] =
    "# bash completion of pganchor; made by \"pganchor completion bash\"\n"
    "_pganchor_words()\n"
    "{\n"
    "    local one\n"
    "    while read -r one; do\n"
    "        [[ -z $one || $one != \"$word\"* ]] || COMPREPLY+=(\"$one\")\n"
    "    done <<<\"${1// /$'\\n'}\"\n"
    "}\n"
    "\n"
    "_pganchor_files()\n"
    "{\n"
    "    compopt -o filenames 2>/dev/null\n"
    "    mapfile -t COMPREPLY < <(compgen \"$1\" -- \"$word\")\n"
    "}\n"
    "\n"
    "_pganchor()\n"
    "{\n"
    "    local word=${COMP_WORDS[COMP_CWORD]} command='' i\n"
    "    COMPREPLY=()\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        case ${COMP_WORDS[i]} in\n"
    "            help) continue ;;\n"
    "        esac\n"
    "        case \"${command:+$command }${COMP_WORDS[i]}\" in\n"
    "            'service') command='service' ;;\n"
    "            'service add') command='service add' ;;\n"
    "            'service show') command='service show' ;;\n"
    "            'run') command='run' ;;\n"
    "            'completion') command='completion' ;;\n"
    "        esac\n"
    "    done\n"
    "    case \"$command ${COMP_WORDS[COMP_CWORD - 1]}\" in\n"
    "        'service add --anchor') _pganchor_words \"$(pganchor completion "
    "anchors 2>/dev/null)\"; return ;;\n"
    "        'service add --host'|'service add -H') :; return ;;\n"
    "        'service add --file') _pganchor_files -f; return ;;\n"
    "        'service add --dir') _pganchor_files -d; return ;;\n"
    "        'service add --unit'|'service add -u') _pganchor_words \"$(systemctl "
    "list-unit-files --type=service --no-legend --plain 2>/dev/null | sed 's/ "
    ".*//')\"; return ;;\n"
    "        'service add --hidden') _pganchor_words \"$(pganchor completion "
    "services 2>/dev/null)\"; return ;;\n"
    "    esac\n"
    "    case $command in\n"
    "        '')\n"
    "            case $word in\n"
    "                -*) _pganchor_words '--help --version' ;;\n"
    "                *) _pganchor_words 'service run completion help version' ;;\n"
    "            esac ;;\n"
    "        'service')\n"
    "            case $word in\n"
    "                -*) _pganchor_words '--help' ;;\n"
    "                *) _pganchor_words 'add show help' ;;\n"
    "            esac ;;\n"
    "        'service add')\n"
    "            case $word in\n"
    "                -*) _pganchor_words '--anchor --host --file --dir --unit "
    "--dry --fits --long --more --word --help' ;;\n"
    "                *) : ;;\n"
    "            esac ;;\n"
    "        'service show')\n"
    "            case $word in\n"
    "                -*) _pganchor_words '--help' ;;\n"
    "                *) _pganchor_words \"$(pganchor completion services "
    "2>/dev/null)\" ;;\n"
    "            esac ;;\n"
    "        'run')\n"
    "            case $word in\n"
    "                -*) _pganchor_words '--help' ;;\n"
    "                *) _pganchor_files -c ;;\n"
    "            esac ;;\n"
    "        'completion')\n"
    "            case $word in\n"
    "                -*) _pganchor_words '--help' ;;\n"
    "                *) _pganchor_words 'bash fish zsh' ;;\n"
    "            esac ;;\n"
    "    esac\n"
    "}\n"
    "\n"
    "complete -F _pganchor pganchor\n";

static const char for_fish[] =
    "# fish completion of pganchor; made by \"pganchor completion fish\"\n"
    "function __pganchor_is\n"
    "    set -l path\n"
    "    for word in (commandline -opc)[2..-1]\n"
    "        test \"$word\" = help; and continue\n"
    "        set -l longer (string join -- ' ' $path $word)\n"
    "        contains -- $longer 'service' 'service add' 'service show' 'run' "
    "'completion'; and set path $path $word\n"
    "    end\n"
    "    test \"$path\" = \"$argv[1]\"\n"
    "end\n"
    "\n"
    "complete -c pganchor -f\n"
    "complete -c pganchor -n \"__pganchor_is ''\" -l version -d 'show the "
    "version'\n"
    "complete -c pganchor -n \"__pganchor_is ''\" -a 'service' -d 'of services'\n"
    "complete -c pganchor -n \"__pganchor_is 'service'\" -a 'add' -d 'adds: "
    "it'\\''s one'\n"
    "complete -c pganchor -n \"__pganchor_is 'service'\" -a 'show' -d 'shows'\n"
    "complete -c pganchor -n \"__pganchor_is ''\" -a 'run' -d 'runs'\n"
    "complete -c pganchor -n \"__pganchor_is ''\" -a 'completion' -d 'print what "
    "completes these words in bash, fish or zsh'\n"
    "complete -c pganchor -n \"__pganchor_is ''\" -a version -d 'show the "
    "version'\n"
    "complete -c pganchor -n \"__pganchor_is ''\" -a help -d 'what a command "
    "takes'\n"
    "complete -c pganchor -n \"__pganchor_is ''\" -l 'help' -s h -d 'show this'\n"
    "complete -c pganchor -n \"__pganchor_is 'service'\" -l 'help' -s h -d 'show "
    "this'\n"
    "complete -c pganchor -n \"__pganchor_is 'service add'\" -l 'anchor' -x -a "
    "'(pganchor completion anchors 2>/dev/null)' -d 'whose'\n"
    "complete -c pganchor -n \"__pganchor_is 'service add'\" -l 'host' -s H -x  -d "
    "'it'\\''s [this]'\n"
    "complete -c pganchor -n \"__pganchor_is 'service add'\" -l 'file' -r -F -d "
    "'a'\n"
    "complete -c pganchor -n \"__pganchor_is 'service add'\" -l 'dir' -x -a "
    "'(__fish_complete_directories)' -d 'b'\n"
    "complete -c pganchor -n \"__pganchor_is 'service add'\" -l 'unit' -s u -x -a "
    "'(__fish_systemctl_services)' -d 'c'\n"
    "complete -c pganchor -n \"__pganchor_is 'service add'\" -l 'dry' -s n -d "
    "'short'\n"
    "complete -c pganchor -n \"__pganchor_is 'service add'\" -l 'fits' -d '1234567 "
    "1234567 1234567 1234567 1234567 1234567 1234567 1234567'\n"
    "complete -c pganchor -n \"__pganchor_is 'service add'\" -l 'long' -d '1234567 "
    "1234567 1234567 1234567 1234567 1234567 1234567'\n"
    "complete -c pganchor -n \"__pganchor_is 'service add'\" -l 'more' -d '1234567 "
    "1234567 1234567 1234567 1234567 1234567 1234567'\n"
    "complete -c pganchor -n \"__pganchor_is 'service add'\" -l 'word' -d ''\n"
    "complete -c pganchor -n \"__pganchor_is 'service add'\" -l 'help' -s h -d "
    "'show this'\n"
    "complete -c pganchor -n \"__pganchor_is 'service show'\" -l 'help' -s h -d "
    "'show this'\n"
    "complete -c pganchor -n \"__pganchor_is 'service show'\" -a '(pganchor "
    "completion services 2>/dev/null)'\n"
    "complete -c pganchor -n \"__pganchor_is 'run'\" -l 'help' -s h -d 'show "
    "this'\n"
    "complete -c pganchor -n \"__pganchor_is 'run'\" -a "
    "'(__fish_complete_subcommand)'\n"
    "complete -c pganchor -n \"__pganchor_is 'completion'\" -l 'help' -s h -d "
    "'show this'\n"
    "complete -c pganchor -n \"__pganchor_is 'completion'\" -a 'bash fish zsh'\n";

static const char for_zsh[] =
    "#compdef pganchor\n"
    "# zsh completion of pganchor; made by \"pganchor completion zsh\"\n"
    "_pganchor()\n"
    "{\n"
    "    local command='' state line context\n"
    "    integer i begin=1\n"
    "    typeset -A opt_args\n"
    "    local -a found\n"
    "    for ((i = 2; i < CURRENT; i++)); do\n"
    "        [[ $words[i] = help ]] && continue\n"
    "        case \"${command:+$command }$words[i]\" in\n"
    "            'service') command='service'; begin=$i ;;\n"
    "            'service add') command='service add'; begin=$i ;;\n"
    "            'service show') command='service show'; begin=$i ;;\n"
    "            'run') command='run'; begin=$i ;;\n"
    "            'completion') command='completion'; begin=$i ;;\n"
    "        esac\n"
    "    done\n"
    "    words=(\"${(@)words[begin,-1]}\")\n"
    "    ((CURRENT -= begin - 1))\n"
    "    case $command in\n"
    "        '')\n"
    "            found=('service:of services' 'run:runs' 'completion:print what "
    "completes these words in bash, fish or zsh' 'version:show the version' "
    "'help:what a command takes')\n"
    "            _describe command found ;;\n"
    "        'service')\n"
    "            found=('add:adds\\: it'\\''s one' 'show:shows' 'help:what a "
    "command takes')\n"
    "            _describe command found ;;\n"
    "        'service add')\n"
    "            _arguments -C \\\n"
    "                '--anchor[whose]:NAME:->anchors' \\\n"
    "                '(-H --host)'{-H,--host}'[it'\\''s \\[this\\]]:HOST: ' \\\n"
    "                '--file[a]:FILE:_files' \\\n"
    "                '--dir[b]:DIR:_files -/' \\\n"
    "                '(-u --unit)'{-u,--unit}'[c]:UNIT:->units' \\\n"
    "                '(-n --dry)'{-n,--dry}'[short]' \\\n"
    "                '--fits[1234567 1234567 1234567 1234567 1234567 1234567 "
    "1234567 1234567]' \\\n"
    "                '--long[1234567 1234567 1234567 1234567 1234567 1234567 "
    "1234567]' \\\n"
    "                '--more[1234567 1234567 1234567 1234567 1234567 1234567 "
    "1234567]' \\\n"
    "                '--word[]' \\\n"
    "                '(-h --help)'{-h,--help}'[show this]' ;;\n"
    "        'service show')\n"
    "            _arguments -C \\\n"
    "                '(-h --help)'{-h,--help}'[show this]' \\\n"
    "                '1:NAME:->services' ;;\n"
    "        'run')\n"
    "            _arguments -C -A '-*' \\\n"
    "                '(-h --help)'{-h,--help}'[show this]' \\\n"
    "                '(-)1:program:_command_names -e' '*::arguments:_normal' ;;\n"
    "        'completion')\n"
    "            _arguments -C \\\n"
    "                '(-h --help)'{-h,--help}'[show this]' \\\n"
    "                '1:shell:(bash fish zsh)' ;;\n"
    "    esac\n"
    "    case $state in\n"
    "        certs) found=(${(f)\"$(pganchor completion certs 2>/dev/null)\"}) "
    ";;\n"
    "        anchors) found=(${(f)\"$(pganchor completion anchors 2>/dev/null)\"}) "
    ";;\n"
    "        services) found=(${(f)\"$(pganchor completion services "
    "2>/dev/null)\"}) ;;\n"
    "        units) found=(${${(f)\"$(systemctl list-unit-files --type=service "
    "--no-legend --plain 2>/dev/null)\"}%% *}) ;;\n"
    "        *) return ;;\n"
    "    esac\n"
    "    compadd -a found\n"
    "}\n"
    "\n"
    "if [[ $funcstack[1] = _pganchor ]]; then\n"
    "    _pganchor \"$@\"\n"
    "else\n"
    "    compdef _pganchor pganchor\n"
    "fi\n";

static void shells(void **state)
{
	(void)state;
	assert_printed("completion bash", for_bash);
	assert_printed("completion fish", for_fish);
	assert_printed("completion zsh", for_zsh);
}

/* ---- the names ---- */

static int make_home(void **state)
{
	if (make_scratch(state) != 0 || setenv("HOME", scratch, 1) != 0 ||
	    setenv("XDG_CONFIG_HOME", scratch, 1) != 0 || unsetenv("PGSERVICEFILE") != 0 ||
	    setenv("PGSYSCONFDIR", scratch, 1) != 0)
		return -1;
	return mkdir("pganchor", 0700);
}

static void names_of_services(void **state)
{
	(void)state;
	assert_printed("completion services", "");
	put("pg_service.conf", "[machine]\nhost=a\n[other]\nhost=b\n");
	assert_printed("completion services", "machine\nother\n");
	/* One whose header is not closed has no name. */
	put(".pg_service.conf", "[one]\nhost=a\n[open\nhost=b\n[two]\nhost=c\n");
	assert_printed("completion services", "one\ntwo\nmachine\nother\n");
	/* What a shell would take for more than a word is none that it completes. */
	put(".pg_service.conf",
	    "[one]\nhost=a\n[$(touch x)]\nhost=b\n[`x`]\nhost=c\n[a b]\nhost=d\n[-n]\nhost=e\n");
	assert_printed("completion services", "one\nmachine\nother\n");
	assert_int_equal(setenv("PGSERVICEFILE", "", 1), 0);
	assert_printed("completion services", "machine\nother\n");
}

#define D8(digits) digits digits digits digits digits digits digits digits
#define PIN(digit) "pin = " D8(D8(#digit)) "\n"

static void names_of_anchors(void **state)
{
	(void)state;
	assert_printed("completion anchors", "");
	put("pganchor/anchors.conf", "[b]\n" PIN(1) "[a]\n" PIN(2));
	assert_int_equal(chmod("pganchor/anchors.conf", 0600), 0);
	assert_printed("completion anchors", "b\na\n");
	put("pganchor/anchors.conf", "[b]\n" PIN(1) "[a]\n");
	assert_printed("completion anchors", "");
}

/* ---- what is none of them ---- */

static void other_words(void **state)
{
	(void)state;
	assert_int_equal(command_prints(completion, "completion tcsh"), PGA_EXIT_USAGE);
	assert_string_equal(printed.errors, "pganchor: completion: tcsh: not bash, fish or zsh\n"
					    "    see pganchor completion --help\n");
	assert_int_equal(command_prints(completion, "completion"), PGA_EXIT_USAGE);
	assert_string_equal(printed.errors,
			    "pganchor: completion: an argument is missing: bash, fish or zsh\n"
			    "    see pganchor completion --help\n");
	assert_int_equal(command_prints(completion, "completion bash zsh"), PGA_EXIT_USAGE);
	assert_string_equal(printed.output, "");
	assert_int_equal(command_prints(completion, "completion --help"), PGA_EXIT_DONE);
	assert_int_equal(strncmp(printed.output, "usage: pganchor completion ", 27), 0);
}

#define IN_A_HOME(test) cmocka_unit_test_setup_teardown(test, make_home, remove_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(shells),
	    IN_A_HOME(names_of_services),
	    IN_A_HOME(names_of_anchors),
	    cmocka_unit_test(other_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
