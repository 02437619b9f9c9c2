#include "diagnose/log_begins.h"

#include "base/subprocess.h"
#include "base/text.h"
#include "diagnose/audit_log.h"
#include "diagnose/rotated.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SILENCE 10 /* seconds */

/* As many bytes of a line as have its time. */
#define FRONT 48

/* The moment that a syslog daemon wrote in front of a line; 0 where there is none. The traditional
 * form has no year: it is the last one in which that day has been. */
static time_t moment_of(const char *line)
{
	const time_t now = time(NULL);
	struct tm moment = {.tm_isdst = -1};
	time_t when;

	if (strptime(line, "%Y-%m-%dT%H:%M:%S", &moment) != NULL)
		return mktime(&moment);
	memset(&moment, 0, sizeof moment);
	if (localtime_r(&now, &moment) == NULL || strptime(line, "%b %d %H:%M:%S", &moment) == NULL)
		return 0;
	moment.tm_isdst = -1;
	when = mktime(&moment);
	if (when > now + (time_t)24 * 60 * 60) {
		moment.tm_year--;
		when = mktime(&moment);
	}
	return when > 0 ? when : 0;
}

static time_t begin_of_file(const char *path)
{
	char front[FRONT + 1] = "";
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (file < 0)
		return 0;
	(void)!read(file, front, FRONT);
	(void)close(file);
	return moment_of(front);
}

static time_t begin_of_files(const char *path)
{
	struct pga_rotated rotated;
	struct pga_error ignored;
	time_t begin = begin_of_file(path);

	if (pga_rotated_find(&rotated, path, 0, &ignored) == 0)
		for (size_t i = 0; i < rotated.count; i++) {
			const time_t other = begin_of_file(rotated.paths[i]);

			if (other > 0 && (begin == 0 || other < begin))
				begin = other;
		}
	pga_rotated_free(&rotated);
	return begin;
}

/* The front of the first line is all that is wanted of it. */
static bool take_front(void *context, const char *bytes, size_t length)
{
	struct pga_text *front = context;

	pga_text_add_bytes(front, bytes, length < FRONT ? length : FRONT);
	return front->length < FRONT && !front->failed;
}

static time_t begin_of_journal(void)
{
	static const char *const argv[] = {"journalctl", "--no-pager", "--quiet",
					   "-o",         "short-unix", NULL};
	struct pga_text front = PGA_TEXT_EMPTY;
	struct pga_subprocess child = {.status = 0};
	struct pga_error ignored;
	long long begin;

	/* It is ended in the middle: that is no failure. */
	(void)pga_subprocess_stream(SILENCE, argv, take_front, &front, &child, &ignored);
	begin = strtoll(pga_text_string(&front), NULL, 10);
	pga_text_free(&front);
	pga_subprocess_free(&child);
	return begin > 0 ? (time_t)begin : 0;
}

time_t pga_log_begins(const char *path)
{
	struct pga_error ignored;

	if (path != NULL)
		return begin_of_file(path);
	if (pga_log_choose(&path, &ignored) != 0)
		return 0;
	return path != NULL ? begin_of_files(path) : begin_of_journal();
}
