/* pganchor completion: how the shells complete pganchor's words, out of the tables of its commands.
 */
#include "cli/cli.h"

#include "cli/commands.h"
#include "cli/completion.h"

#include <string.h>

static const struct {
	const char *word;
	void (*print)(void);
} prints[] = {
    {"bash", pga_complete_bash},
    {"fish", pga_complete_fish},
    {"zsh", pga_complete_zsh},
    /* What these ask. */
    {"services", pga_complete_services},
    {"anchors", pga_complete_anchors},
    {"certs", pga_complete_certs},
};

static int run(int argc, char **argv)
{
	bool unused;
	int status;

	if (!pga_options_read(&pga_cmd_completion, argc, argv, &unused, &status))
		return status;
	for (size_t i = 0; i < sizeof prints / sizeof prints[0]; i++) {
		if (strcmp(argv[optind], prints[i].word) == 0) {
			prints[i].print();
			return PGA_EXIT_DONE;
		}
	}
	return pga_usage_error("completion", "%s: not bash, fish or zsh", argv[optind]);
}

const struct pga_command pga_cmd_completion = {
    .name = "completion",
    .summary = "print what completes these words in bash, fish or zsh",
    .usage = "bash|fish|zsh",
    .about = "Prints the shell's functions that complete pganchor's commands and options, and the "
	     "names of services, anchors and certificates. The packages bring them.",
    .word = "bash, fish or zsh",
    .least = 1,
    .most = 1,
    .examples = "  eval \"$(pganchor completion bash)\"\n"
		"  pganchor completion fish | source\n",
    .run = run,
};
