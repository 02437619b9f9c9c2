#include "base/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool can_be_erased(void)
{
	const char *terminal = getenv("TERM");

	return terminal != NULL && strcmp(terminal, "dumb") != 0 && isatty(STDERR_FILENO) == 1;
}

void pga_progress_draw(struct pga_progress *progress)
{
	if (progress->what != NULL && !progress->drawn && !can_be_erased())
		progress->what = NULL;
	if (progress->what == NULL || (progress->drawn && progress->drawn_done == progress->done))
		return;
	/* What was printed stands before it also where both are one terminal. */
	(void)fflush(stdout);
	(void)fprintf(stderr, "\r\033[K%s %zu of %zu", progress->what, progress->done,
		      progress->count);
	if (progress->failed > 0)
		(void)fprintf(stderr, ", %zu failed", progress->failed);
	(void)fflush(stderr);
	progress->drawn = true;
	progress->drawn_done = progress->done;
}

void pga_progress_erase(struct pga_progress *progress)
{
	if (!progress->drawn)
		return;
	(void)fputs("\r\033[K", stderr);
	(void)fflush(stderr);
	progress->drawn = false;
}
