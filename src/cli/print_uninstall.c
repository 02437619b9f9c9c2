#include "cli/print_uninstall.h"

#include "base/terminal.h"
#include "cli/cli.h"
#include "report/json.h"

static const char *const would[] = {
    [PGA_LEAVE_REMOVE] = "Would remove",     [PGA_LEAVE_EDIT] = "Would edit",
    [PGA_LEAVE_PUT_BACK] = "Would put back", [PGA_LEAVE_DIRECTORY] = "Would remove",
    [PGA_LEAVE_CLEAR] = "Would clear",
};
static const char *const did[] = {
    [PGA_LEAVE_REMOVE] = "Removed",    [PGA_LEAVE_EDIT] = "Edited",
    [PGA_LEAVE_PUT_BACK] = "Put back", [PGA_LEAVE_DIRECTORY] = "Removed",
    [PGA_LEAVE_CLEAR] = "Cleared",
};
static const char *const words[] = {
    [PGA_LEAVE_REMOVE] = "remove",     [PGA_LEAVE_EDIT] = "edit",
    [PGA_LEAVE_PUT_BACK] = "put back", [PGA_LEAVE_DIRECTORY] = "remove directory",
    [PGA_LEAVE_CLEAR] = "clear",
};

static void print_step(FILE *stream, const struct pga_leave_step *step, bool done)
{
	const char *verb = (done ? did : would)[step->action];
	const bool taken = step->action == PGA_LEAVE_EDIT && step->what[0] != '\0';

	pga_print(stream, "%s %s%s", verb, step->path,
		  step->action == PGA_LEAVE_DIRECTORY  ? "/, which is empty then"
		  : step->action == PGA_LEAVE_PUT_BACK ? " as it was found"
						       : "");
	if (step->what[0] != '\0')
		pga_print(stream, ": %s%s", step->what, taken ? done ? " is out" : " goes" : "");
	(void)fputc('\n', stream);
}

static void print_cut_off(FILE *stream, const struct pga_leave_cut_off *cut, bool done)
{
	pga_print(stream, "%s service %s (%s, line %zu): %s\n", done ? "Cut off:" : "Cuts off",
		  cut->service, cut->path, cut->line,
		  cut->wholly ? "the anchor that it verifies its server by goes"
			      : "the anchor of some of its hosts goes");
}

void pga_print_uninstall(FILE *stream, const struct pga_uninstall *plan, enum pga_told_when when)
{
	const bool done = when == PGA_TOLD_DONE;

	for (size_t i = 0; i < plan->step_count; i++)
		print_step(stream, &plan->steps[i], done);
	for (size_t i = 0; i < plan->kept_count; i++) {
		const struct pga_leave_kept *kept = &plan->kept[i];

		pga_print(stream, "%s %s: %s\n", done ? "Left" : "Leaves", kept->what, kept->why);
		if (kept->hint[0] != '\0')
			pga_print(stream, "    %s\n", kept->hint);
	}
	for (size_t i = 0; i < plan->cut_off_count; i++)
		print_cut_off(stream, &plan->cut_off[i], done);
	if (plan->step_count == 0 && plan->kept_count == 0)
		(void)fputs("Nothing of pganchor's is in this home. Nothing was changed.\n",
			    stream);
	else if (plan->step_count == 0 || when == PGA_TOLD_WOULD)
		(void)fputs("Nothing was changed.\n", stream);
}

int pga_print_uninstall_json(const struct pga_uninstall *plan, bool dry_run)
{
	json_t *steps = json_array();
	json_t *kept = json_array();
	json_t *cut = json_array();

	for (size_t i = 0; i < plan->step_count; i++)
		pga_json_add(steps,
			     json_pack("{s:s, s:o, s:o}", "action", words[plan->steps[i].action],
				       "path", pga_json_text(plan->steps[i].path), "what",
				       pga_json_text(plan->steps[i].what)));
	for (size_t i = 0; i < plan->kept_count; i++)
		pga_json_add(kept,
			     json_pack("{s:o, s:o, s:o}", "what", pga_json_text(plan->kept[i].what),
				       "why", pga_json_text(plan->kept[i].why), "hint",
				       pga_json_text(plan->kept[i].hint)));
	for (size_t i = 0; i < plan->cut_off_count; i++)
		pga_json_add(cut, json_pack("{s:o, s:o, s:i, s:b}", "service",
					    pga_json_text(plan->cut_off[i].service), "file",
					    pga_json_text(plan->cut_off[i].path), "line",
					    (int)plan->cut_off[i].line, "wholly",
					    (int)plan->cut_off[i].wholly));
	return pga_json_print(json_pack("{s:b, s:o, s:o, s:o}", "dry_run", (int)dry_run, "steps",
					steps, "kept", kept, "cut_off", cut),
			      PGA_EXIT_DONE);
}
