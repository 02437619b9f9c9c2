/* pganchor anchor verify: are the pins those that the keyring has a copy of? */
#include "anchor/installed_roots.h"
#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/print_copy.h"
#include "cli/print_unpinned.h"
#include "cli/question.h"
#include "password/keep_pins.h"
#include "report/json.h"

#include "anchor/root_crt_path.h"
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TO_KEEP "\"pganchor anchor verify --keep\""

struct verifying {
	bool keep;
	bool yes;
	bool empty;
	bool forget;
	bool json;

	struct pga_pins pins;
	struct pga_pins_copy now;
	struct pga_pins_copy kept;
	enum pga_secret_status status; /* of the copy: done, or none */
	bool readable;
	struct pga_pins_difference *differences;
	size_t count;
	struct pga_missing_roots missing;
	bool stored;
};

/* That there is no copy, or none that can be read, is no failure here. */
static int look(struct verifying *verifying, struct pga_error *error)
{
	char *root_crt = NULL;
	int result = -1;

	if (pga_pins_load(&verifying->pins, NULL, error) != 0 ||
	    pga_pins_copy_make(&verifying->now, &verifying->pins, error) != 0)
		return -1;
	root_crt = pga_root_crt_path(error);
	if (root_crt != NULL)
		result =
		    pga_missing_roots_find(&verifying->missing, &verifying->pins, root_crt, error);
	free(root_crt);
	if (result != 0)
		return -1;
	verifying->status = pga_kept_pins_get(&verifying->kept, &verifying->readable, error);
	if (verifying->status != PGA_SECRET_DONE && verifying->status != PGA_SECRET_NONE)
		return -1;
	return pga_pins_copy_compare(&verifying->kept, &verifying->now, &verifying->differences,
				     &verifying->count, error);
}

static bool has_copy(const struct verifying *verifying)
{
	return verifying->status == PGA_SECRET_DONE && verifying->readable;
}

static bool is_as_kept(const struct verifying *verifying)
{
	return has_copy(verifying) && verifying->count == 0;
}

static void print_all(FILE *stream, const struct verifying *verifying)
{
	for (size_t i = 0; i < verifying->count; i++)
		pga_print_difference(stream, &verifying->differences[i]);
}

/* With what brings back what the keyring has, behind the last line of each anchor. */
static void print_with_ways_back(const struct verifying *verifying)
{
	const struct pga_pins_difference *list = verifying->differences;

	for (size_t i = 0; i < verifying->count; i++) {
		pga_print_difference(stdout, &list[i]);
		if (i + 1 == verifying->count || !pga_is_same_anchor(&list[i], &list[i + 1]))
			pga_print_way_back(stdout, &list[i], &verifying->pins);
	}
}

/* Where an anchor was changed, what brings that back brings its root, too. */
static bool is_changed(const struct verifying *verifying, const struct pga_pin *anchor)
{
	for (size_t i = 0; has_copy(verifying) && i < verifying->count; i++) {
		const struct pga_copied_pin *now = verifying->differences[i].now;

		if (now != NULL && strcmp(now->words[PGA_COPIED_NAME], anchor->name) == 0)
			return true;
	}
	return false;
}

static void print_missing_with_ways_back(const struct verifying *verifying)
{
	const struct pga_missing_root *roots = verifying->missing.roots;

	for (size_t i = 0; i < verifying->missing.count; i++) {
		pga_print_missing_root(stdout, &roots[i]);
		if ((i + 1 == verifying->missing.count || roots[i].anchor != roots[i + 1].anchor) &&
		    !is_changed(verifying, roots[i].anchor))
			pga_print_way_back_to_root(stdout, &roots[i]);
	}
}

static void print_missing(FILE *stream, const struct verifying *verifying)
{
	for (size_t i = 0; i < verifying->missing.count; i++)
		pga_print_missing_root(stream, &verifying->missing.roots[i]);
}

static int report_json(const struct verifying *verifying, int status)
{
	const char *path = verifying->pins.file.path;
	const char *copy = verifying->readable                    ? "kept"
			   : verifying->status == PGA_SECRET_NONE ? "none"
								  : "unreadable";

	return pga_json_print(
	    json_pack("{s:o, s:s, s:b, s:o, s:o, s:o}", "file",
		      path != NULL ? pga_json_text(path) : json_null(), "copy", copy, "stored",
		      (int)verifying->stored, "anchors", pga_copy_as_json(&verifying->now),
		      "differences",
		      pga_differences_as_json(verifying->differences, verifying->count),
		      "missing_roots", pga_missing_roots_as_json(&verifying->missing)),
	    status);
}

/* Says what is wrong; 0 where nothing is. */
static int judge(const struct verifying *verifying, struct pga_error *error)
{
	static const char again[] =
	    "each command that is shown brings an anchor back as the keyring has it (URL: its CA's "
	    "address); if the changes are yours, " TO_KEEP " has the keyring take them";

	if (verifying->status == PGA_SECRET_NONE)
		return pga_fail(
		    error, "look at what is pinned, and " TO_KEEP " has the keyring keep a copy",
		    "the keyring has no copy of the pins");
	if (!verifying->readable)
		return pga_fail(error, "look at what is pinned, and " TO_KEEP " makes a new one",
				"what the keyring has as the copy of the pins cannot be read");
	if (verifying->count > 0)
		return pga_fail(error, again, "%s: not as the keyring has it: %zu %s",
				verifying->pins.file.path, verifying->count,
				verifying->count == 1 ? "difference" : "differences");
	if (verifying->missing.count > 0)
		return pga_fail(error,
				"the command that is shown brings it back (URL: its CA's address); "
				"the pin proves it",
				"a root is not where it was installed");
	return 0;
}

static void print_good(const struct verifying *verifying)
{
	if (verifying->now.count == 1)
		(void)puts("1 anchor is as the keyring has it");
	else
		(void)printf("%zu anchors are as the keyring has them\n", verifying->now.count);
}

static int verify(const struct verifying *verifying)
{
	struct pga_error error;
	const int status = judge(verifying, &error) == 0 ? PGA_EXIT_DONE : PGA_EXIT_FAILED;

	if (!verifying->json && has_copy(verifying))
		print_with_ways_back(verifying);
	if (!verifying->json)
		print_missing_with_ways_back(verifying);
	if (!verifying->json && is_as_kept(verifying))
		print_good(verifying);
	(void)fflush(stdout);
	if (status != PGA_EXIT_DONE)
		pga_print_error(&error);
	return verifying->json ? report_json(verifying, status) : status;
}

/* Whether a copy that has anchors would have none. */
static bool empties(const struct verifying *verifying)
{
	return has_copy(verifying) && verifying->kept.count > 0 && verifying->now.count == 0;
}

static int ask(const struct verifying *verifying, struct pga_error *error)
{
	struct pga_question question;
	struct pga_answer answer;
	int result;

	if (pga_question_begin(&question, "--yes has them kept without a question", error) != 0)
		return -1;
	print_all(question.out, verifying);
	print_missing(question.out, verifying);
	result = pga_question_ask(
	    &question,
	    empties(verifying)
		? "No anchor is pinned now. Is the keyring to keep that, and none of those that it "
		  "has? Type yes: "
		: "Is the keyring to keep the pins as they are now? Type yes: ",
	    &answer, error);
	pga_question_end(&question);
	if (result == 0 && !(answer.whole && strcmp(answer.text, "yes") == 0))
		result = pga_fail(error, "compare the pins with what those who run the CAs say",
				  "not kept: you have not said yes; the copy is as it was");
	return result;
}

static int keep(struct verifying *verifying, struct pga_error *error)
{
	if (verifying->status == PGA_SECRET_NONE && verifying->now.count == 0)
		return pga_fail(error, "pganchor bootstrap pins the root of a CA",
				"no anchor of the user's is pinned: there is nothing to keep");
	if (is_as_kept(verifying))
		return 0;
	if (verifying->yes && empties(verifying) && !verifying->empty)
		return pga_fail(
		    error,
		    "--yes --empty has the keyring keep that; \"pganchor anchor verify\" "
		    "shows what brings the anchors back",
		    "no anchor of the user's is pinned now, and the copy has %zu: not kept",
		    verifying->kept.count);
	if (!verifying->yes && ask(verifying, error) != 0)
		return -1;
	if (pga_kept_pins_set(&verifying->now, error) != PGA_SECRET_DONE)
		return -1;
	verifying->stored = true;
	return 0;
}

static int keep_and_report(struct verifying *verifying)
{
	struct pga_error error;

	if (keep(verifying, &error) != 0) {
		pga_print_error(&error);
		return PGA_EXIT_FAILED;
	}
	if (verifying->json)
		return report_json(verifying, PGA_EXIT_DONE);
	if (!verifying->stored) {
		print_missing(stdout, verifying);
		print_good(verifying);
		return PGA_EXIT_DONE;
	}
	/* Otherwise they were shown before the question. */
	if (verifying->yes) {
		print_all(stdout, verifying);
		print_missing(stdout, verifying);
	}
	(void)printf("the keyring keeps a copy of %zu %s\n", verifying->now.count,
		     verifying->now.count == 1 ? "anchor" : "anchors");
	return PGA_EXIT_DONE;
}

static int forget(const struct verifying *verifying)
{
	struct pga_error error;

	if (pga_kept_pins_clear(&error) != PGA_SECRET_DONE) {
		pga_print_error(&error);
		return PGA_EXIT_FAILED;
	}
	if (verifying->json)
		return pga_json_print(json_pack("{s:s, s:b}", "copy", "none", "forgotten", 1),
				      PGA_EXIT_DONE);
	(void)puts("the keyring has no copy of the pins any more");
	return PGA_EXIT_DONE;
}

static const struct pga_option options[] = {
    {.name = "keep",
     .target = offsetof(struct verifying, keep),
     .help = "show what has changed, ask, and have the keyring keep the pins as they are now"},
    {.name = "yes", .target = offsetof(struct verifying, yes), .help = "with --keep: do not ask"},
    {.name = "empty",
     .target = offsetof(struct verifying, empty),
     .help = "with --yes: even where no anchor is pinned now, and the copy has some"},
    {.name = "forget",
     .target = offsetof(struct verifying, forget),
     .help = "remove the copy from the keyring"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct verifying, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv)
{
	struct verifying verifying = {.keep = false};
	struct pga_error error;
	int status;

	if (!pga_options_read(&pga_cmd_anchor_verify, argc, argv, &verifying, &status))
		return status;
	if (verifying.yes && !verifying.keep)
		return pga_usage_error("anchor verify", "--yes goes with --keep alone");
	if (verifying.empty && !verifying.yes)
		return pga_usage_error("anchor verify", "--empty goes with --keep --yes alone");
	if (verifying.forget && verifying.keep)
		return pga_usage_error("anchor verify", "--keep and --forget: one of them");
	if (verifying.forget)
		return forget(&verifying);
	if (look(&verifying, &error) != 0) {
		pga_print_error(&error);
		status = PGA_EXIT_FAILED;
	} else {
		status = verifying.keep ? keep_and_report(&verifying) : verify(&verifying);
	}
	pga_missing_roots_free(&verifying.missing);
	free(verifying.differences);
	pga_pins_copy_free(&verifying.kept);
	pga_pins_copy_free(&verifying.now);
	pga_pins_free(&verifying.pins);
	return status;
}

const struct pga_command pga_cmd_anchor_verify = {
    .name = "anchor verify",
    .summary = "compare the pins with their copy in the keyring",
    .usage = "[--json]\n--keep [--yes [--empty]] [--json]\n--forget [--json]",
    .about =
	"Who can write the user's files, such as a program that synchronises them, or a backup "
	"that "
	"was restored, can change anchors.conf. With --keep, the desktop's keyring keeps a copy of "
	"the user's own pins, their hosts and scopes; without it, each difference from that is "
	"told, with what brings back what the keyring has. That the root of each anchor is in its "
	"own file and in root.crt is looked at, too. "
	"pganchor bootstrap brings the copy up to date for the anchor that it pins, but not where "
	"that is valid for more hosts than the copy says.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .statuses = "Exit status: 0 all is as the keyring has it, or is kept now; 1 something is not, "
		"the keyring has no copy, or could not be asked, or nothing was kept; 2 usage.",
    .examples = "  pganchor anchor verify --keep\n"
		"  pganchor anchor verify\n",
    .run = run,
};
