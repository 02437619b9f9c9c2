/* pganchor anchor list: what is trusted, until when, for what, and who uses it. */
#include "base/terminal.h"
#include "cli/anchor_view.h"
#include "cli/cli.h"
#include "cli/print_anchor_list.h"
#include "report/json.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct listing {
	bool system;
	bool json;

	struct pga_anchor_view view;
	const struct pga_pin **pins; /* the user's, then the system's, each by name */
	size_t count;
	size_t users;
	size_t expired;
	size_t soon;
	size_t missing;
};

static int compare(const void *left, const void *right)
{
	const struct pga_pin *a = *(const struct pga_pin *const *)left;
	const struct pga_pin *b = *(const struct pga_pin *const *)right;
	const int order = strcmp(a->name, b->name);

	if (a->system != b->system)
		return a->system - b->system;
	return order != 0 ? order : (a > b) - (a < b);
}

static int sort(struct listing *listing, struct pga_error *error)
{
	const struct pga_pins *pins = &listing->view.pins;

	listing->pins = calloc(pins->count + 1, sizeof(const struct pga_pin *));
	if (listing->pins == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; i < pins->count; i++)
		if (pins->pins[i].system || !listing->system)
			listing->pins[listing->count++] = &pins->pins[i];
	qsort((void *)listing->pins, listing->count, sizeof(const struct pga_pin *), compare);
	while (listing->users < listing->count && !listing->pins[listing->users]->system)
		listing->users++;
	return 0;
}

static void count(struct listing *listing, const struct pga_anchor_facts *facts)
{
	const bool wanted = !facts->pin->scoped && !facts->pin->system;

	listing->expired += facts->has_days && facts->days < 0;
	listing->soon += facts->has_days && facts->days >= 0 && facts->days <= PGA_DAYS_SOON;
	listing->missing += facts->own != PGA_OWN_RIGHT || (wanted && !facts->in_root_crt);
}

static int print_rows(const struct listing *listing, const struct pga_anchor_row *rows,
		      struct pga_error *error)
{
	const size_t users = listing->users;

	if (users > 0 && pga_print_anchor_rows(rows, users, error) != 0)
		return -1;
	if (users == listing->count)
		return 0;
	(void)printf("%sThe system's, for every user:\n", users > 0 ? "\n" : "");
	return pga_print_anchor_rows(rows + users, listing->count - users, error);
}

/* What the words of the table mean, where they are there. */
static void print_notes(const struct listing *listing)
{
	if (listing->expired + listing->soon + listing->missing > 0)
		(void)putchar('\n');
	if (listing->expired > 0)
		(void)puts("expired: libpq refuses every server of this root");
	if (listing->soon > 0)
		(void)printf(
		    "soon: expires within %d days; \"pganchor anchor refresh\" asks its CA "
		    "for the next\n",
		    PGA_DAYS_SOON);
	if (listing->missing > 0)
		(void)puts("MISSING: a file does not have the root; \"pganchor anchor show NAME\" "
			   "says which");
}

static int print_text(struct listing *listing, struct pga_error *error)
{
	struct pga_anchor_row *rows = calloc(listing->count + 1, sizeof *rows);
	int result = rows != NULL ? 0 : pga_fail_memory(error);

	for (size_t i = 0; i < listing->count && result == 0; i++) {
		struct pga_anchor_facts facts;

		result = pga_anchor_facts_read(&facts, &listing->view, listing->pins[i], error);
		if (result == 0)
			result = pga_anchor_row_make(&rows[i], &facts, error);
		count(listing, &facts);
		pga_anchor_facts_free(&facts);
	}
	if (result == 0 && listing->count > 0)
		result = print_rows(listing, rows, error);
	else if (result == 0)
		(void)printf("no anchor is pinned%s\nnext:\n    pganchor bootstrap --ca-url URL "
			     "--fingerprint HEX\n",
			     listing->system ? " for every user" : "");
	if (result == 0)
		print_notes(listing);
	pga_anchor_rows_free(rows, listing->count);
	return result;
}

static int print_json(struct listing *listing, struct pga_error *error)
{
	json_t *anchors = json_array();

	for (size_t i = 0; i < listing->count; i++) {
		struct pga_anchor_facts facts;
		const int result =
		    pga_anchor_facts_read(&facts, &listing->view, listing->pins[i], error);

		if (result == 0) {
			count(listing, &facts);
			pga_json_add(anchors, pga_anchor_as_json(&facts, &listing->view));
		}
		pga_anchor_facts_free(&facts);
		if (result != 0) {
			json_decref(anchors);
			return -1;
		}
	}
	return pga_json_print(json_pack("{s:o, s:I, s:I, s:I}", "anchors", anchors, "expired",
					(json_int_t)listing->expired, "soon",
					(json_int_t)listing->soon, "missing",
					(json_int_t)listing->missing),
			      PGA_EXIT_DONE);
}

/* The user's pins are in force, but for this. */
static void warn_of_policy(const struct listing *listing)
{
	if (listing->users > 0 && listing->view.policy.user_anchors != PGA_ALLOW)
		pga_print_warning("user-anchors = refuse: the policy of this machine lets none but "
				  "the system's anchors count");
}

static int list(struct listing *listing)
{
	struct pga_error error;
	int status = -1;

	if (pga_anchor_view_load(&listing->view, &error) == 0 && sort(listing, &error) == 0) {
		warn_of_policy(listing);
		status = listing->json ? print_json(listing, &error) : print_text(listing, &error);
	}
	if (status < 0) {
		pga_print_error(&error);
		status = PGA_EXIT_FAILED;
	}
	free((void *)listing->pins);
	pga_anchor_view_free(&listing->view);
	return status;
}

static const struct pga_option options[] = {
    {.name = "system",
     .target = offsetof(struct listing, system),
     .help = "the system's alone, of every user"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct listing, json),
     .help = "report in JSON, whole"},
};

static int run(int argc, char **argv)
{
	struct listing listing = {.json = false};
	int status;

	if (!pga_options_read(&pga_cmd_anchor_list, argc, argv, &listing, &status))
		return status;
	return list(&listing);
}

const struct pga_command pga_cmd_anchor_list = {
    .name = "anchor list",
    .summary = "show what is trusted, until when, for which hosts, and who uses it",
    .usage = "[OPTION ...]",
    .about = "Shows each anchor with the subject of its root, its source, how many days the root "
	     "is valid for, the hosts it is pinned for, the files that hold the root (root.crt, or "
	     "its own, anchors/NAME.crt, alone) and the services that use it: those that name its "
	     "file, and those that have libpq look into root.crt for one of its hosts. What does "
	     "not fit into 80 columns is cut; --json has all of it.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .run = run,
};
