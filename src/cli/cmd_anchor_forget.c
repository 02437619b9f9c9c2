/* pganchor anchor forget: a server's keys are known no more. */
#include "cli/cmd_anchor.h"

#include "base/terminal.h"
#include "cli/cli.h"

#include <stddef.h>

struct forgetting {
	const char *key;
	bool dry_run;
	bool json;
};

static int forget_keys(struct pga_key_list *list, const struct forgetting *asked)
{
	struct pga_error error;

	for (size_t i = 0; i < list->known.count; i++)
		if (list->known.keys[i].state != PGA_KEY_FORGOTTEN &&
		    pga_key_is_current(&list->known, i) &&
		    pga_key_is_chosen(&list->choice, &list->known.keys[i]) &&
		    pga_key_list_add(list, i, PGA_KEY_FORGOTTEN, &error) != 0) {
			pga_print_error(&error);
			return PGA_EXIT_FAILED;
		}
	if (list->count == 0) {
		(void)pga_fail(&error, NULL,
			       asked->key != NULL ? "%s: has not shown this key"
						  : "%s: no key of it is known",
			       list->choice.host);
		pga_print_error(&error);
		return PGA_EXIT_FAILED;
	}
	return pga_key_list_apply(list, asked->dry_run, asked->json);
}

static const struct pga_option options[] = {
    {.name = "key",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct forgetting, key),
     .argument = "HEX",
     .help = "this key alone, such as one that was none of the server's"},
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct forgetting, dry_run),
     .help = "change nothing, say what would be forgotten"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct forgetting, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv)
{
	struct forgetting asked = {.key = NULL};
	struct pga_key_list list;
	int status;

	if (!pga_options_read(&pga_cmd_anchor_forget, argc, argv, &asked, &status))
		return status;
	status = pga_key_list_begin(&list, argv[optind], asked.key);
	if (status == PGA_EXIT_DONE)
		status = forget_keys(&list, &asked);
	pga_key_list_free(&list);
	return status;
}

const struct pga_command pga_cmd_anchor_forget = {
    .name = "anchor forget",
    .summary = "a server's keys are known no more",
    .usage = "HOST[:PORT] [OPTION ...]",
    .about = "Takes what is known of the server's keys out of force, those that wait for being "
	     "accepted among them. Where none is left, the next key that it shows is its first: so "
	     "for a server that was made anew, and not to get rid of a refusal.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "the host of a server",
    .least = 1,
    .most = 1,
    .run = run,
};
