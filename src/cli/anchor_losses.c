#include "cli/anchor_losses.h"

#include "base/terminal.h"
#include "cli/question.h"
#include "report/json.h"

#include <stdlib.h>
#include <string.h>

static int mark(const struct pga_anchor_view *view, const struct pga_pin *anchor, bool *uses_one,
		struct pga_error *error)
{
	size_t count;
	const struct pga_use **uses = pga_uses_of(&view->uses, anchor, &count, error);

	for (size_t i = 0; uses != NULL && i < count; i++)
		uses_one[uses[i] - view->uses.uses] = true;
	free((void *)uses);
	return uses != NULL ? 0 : -1;
}

int pga_losses_find(struct pga_losses *losses, const struct pga_anchor_view *view,
		    const struct pga_pin *const *anchors, size_t count, const struct pga_pins *then,
		    struct pga_error *error)
{
	bool *uses_one = calloc(view->uses.count + 1, sizeof *uses_one);
	int result = 0;

	memset(losses, 0, sizeof *losses);
	losses->items = calloc(view->uses.count + 1, sizeof *losses->items);
	if (uses_one == NULL || losses->items == NULL) {
		free(uses_one);
		return pga_fail_memory(error);
	}
	for (size_t i = 0; i < count && result == 0; i++)
		result = mark(view, anchors[i], uses_one, error);
	for (size_t i = 0; i < view->uses.count && result == 0; i++) {
		const struct pga_use *use = &view->uses.uses[i];
		struct pga_loss *loss = &losses->items[losses->count];

		if (!uses_one[i])
			continue;
		*loss = (struct pga_loss){use, pga_use_loses(&view->uses, use, then)};
		losses->count++;
		losses->cut_off += loss->loses != PGA_USE_LOSES_NOTHING;
	}
	free(uses_one);
	return result;
}

void pga_losses_print(FILE *stream, const struct pga_losses *losses)
{
	static const char *const words[] = {
	    [PGA_USE_LOSES_NOTHING] = "another anchor is there for each of its hosts",
	    [PGA_USE_LOSES_SOME] = "some of its hosts have no anchor then",
	    [PGA_USE_LOSES_ALL] = "no anchor is left for it: it will not connect",
	};

	for (size_t i = 0; i < losses->count; i++)
		pga_print(stream, "    service %s (%s, line %zu): %s\n",
			  losses->items[i].use->entry->name, losses->items[i].use->file->path,
			  losses->items[i].use->entry->line, words[losses->items[i].loses]);
}

json_t *pga_losses_as_json(const struct pga_losses *losses)
{
	static const char *const words[] = {
	    [PGA_USE_LOSES_NOTHING] = "nothing",
	    [PGA_USE_LOSES_SOME] = "some",
	    [PGA_USE_LOSES_ALL] = "all",
	};
	json_t *array = json_array();

	for (size_t i = 0; i < losses->count; i++) {
		const struct pga_use *use = losses->items[i].use;

		pga_json_add(array, json_pack("{s:o, s:s, s:o, s:I, s:s}", "service",
					      pga_json_text(use->entry->name), "scope",
					      pga_service_place_name(use->file->place), "file",
					      pga_json_text(use->file->path), "line",
					      (json_int_t)use->entry->line, "loses",
					      words[losses->items[i].loses]));
	}
	return array;
}

int pga_losses_ask(const struct pga_losses *losses, const char *what, struct pga_error *error)
{
	struct pga_question question;
	struct pga_answer answer;
	int result;

	if (!pga_question_possible())
		return pga_fail(error, "--yes does it all the same, and --dry-run only shows it",
				"%zu %s would be cut off, and there is no terminal to ask on; "
				"nothing was changed",
				losses->cut_off, losses->cut_off == 1 ? "service" : "services");
	if (pga_question_begin(&question, "--yes does it without a question", error) != 0)
		return -1;
	result = pga_question_ask(&question, what, &answer, error);
	pga_question_end(&question);
	if (result == 0 && !(answer.whole && strcmp(answer.text, "yes") == 0))
		result = pga_fail(error, "--dry-run shows what would be done",
				  "you have not said yes; nothing was changed");
	return result;
}

void pga_losses_free(struct pga_losses *losses)
{
	free(losses->items);
	memset(losses, 0, sizeof *losses);
}
