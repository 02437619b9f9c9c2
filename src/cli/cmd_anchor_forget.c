/* pganchor anchor forget: a server's keys are known no more. */
#include "cli/cmd_anchor.h"

#include "base/terminal.h"
#include "cli/cli.h"

#include <stddef.h>

static int forget_keys(struct pga_key_list *list)
{
	struct pga_error error = {0};
	int result = 0;

	for (size_t i = 0; i < list->known.count && result == 0; i++)
		if (list->known.keys[i].state != PGA_KEY_FORGOTTEN &&
		    pga_key_is_current(&list->known, i) && pga_key_list_has_line(list, i) &&
		    pga_key_is_chosen(&list->choice, &list->known.keys[i]))
			result = pga_key_list_add(list, &list->known.keys[i].shown,
						  PGA_KEY_FORGOTTEN, &error);
	if (result == 0 && list->count == 0)
		result = pga_fail(&error, NULL,
				  list->asked->key != NULL ? "%s: has not shown this key"
							   : "%s: no key of it is known",
				  list->name);
	if (result != 0) {
		pga_print_error(&error);
		return PGA_EXIT_FAILED;
	}
	return pga_key_list_apply(list);
}

static const struct pga_option options[] = {
    {.name = "key",
     .kind = PGA_OPTION_TAKEN,
     .take = pga_take_key,
     .argument = "HEX",
     .help = "this key alone, such as one that was none of the server's"},
    {.name = "system",
     .target = offsetof(struct pga_asked_keys, system),
     .help = "what the system's file has, for every user"},
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct pga_asked_keys, dry_run),
     .help = "change nothing, say what would be forgotten"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct pga_asked_keys, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv)
{
	return pga_run_on_keys(&pga_cmd_anchor_forget, argc, argv, forget_keys);
}

const struct pga_command pga_cmd_anchor_forget = {
    .name = "anchor forget",
    .summary = "forget the keys of a server",
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
