/* What the gate has to say where no object can tell it: why a ping was refused. libpq's own says
 * nothing in such a case, and no program expects anything of it. So it goes to somebody who reads
 * it, or nowhere: to a terminal, a pipe or the journal, without waiting for the reader. In a
 * program that has closed its standard error, descriptor 2 is the next thing that it has opened. Of
 * a file nobody can tell whether that is so, and a text in the middle of data is worse than none.
 */
#include "gate/notice.h"

#include "base/quiet_write.h"
#include "base/text.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A pipe takes descriptor 2 by chance, as the lowest that is free, only after its other end has
 * taken one that is lower still. */
static bool is_a_pipe_of_its_own(const struct stat *pipe)
{
	for (int other = 0; other < STDERR_FILENO; other++) {
		struct stat end;

		if (fstat(other, &end) == 0 && end.st_dev == pipe->st_dev &&
		    end.st_ino == pipe->st_ino && (fcntl(other, F_GETFL) & O_ACCMODE) == O_RDONLY)
			return true;
	}
	return false;
}

/* systemd tells a service which stream it was given: systemd.exec(5). */
static bool is_the_journal(const struct stat *stream)
{
	const char *given = getenv("JOURNAL_STREAM");
	char own[64];

	(void)snprintf(own, sizeof own, "%llu:%llu", (unsigned long long)stream->st_dev,
		       (unsigned long long)stream->st_ino);
	return given != NULL && strcmp(given, own) == 0;
}

static bool is_read(int descriptor)
{
	struct pollfd room = {.fd = descriptor, .events = POLLOUT};
	struct stat file;

	if (fstat(descriptor, &file) != 0)
		return false;
	if (S_ISFIFO(file.st_mode) ? is_a_pipe_of_its_own(&file)
				   : !is_the_journal(&file) && isatty(descriptor) == 0)
		return false;
	/* A pipe that has room has PIPE_BUF of it. */
	return poll(&room, 1, 0) == 1 && room.revents == POLLOUT;
}

void gate_notice(const char *message)
{
	const int descriptor = fileno(stderr);
	struct pga_text line = PGA_TEXT_EMPTY;

	if (!is_read(descriptor))
		return;
	pga_text_addf(&line, "%.*s\n", PIPE_BUF - 1, message);
	if (!line.failed)
		(void)pga_write_quietly(descriptor, line.bytes, line.length);
	pga_text_free(&line);
}
