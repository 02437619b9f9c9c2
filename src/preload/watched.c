#include "preload/watched.h"

#include "preload/known.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* A path below /proc/THREAD, which all are short. */
struct place {
	char path[64];
};

static struct place place_of(pid_t thread, const char *name)
{
	struct place place;

	(void)snprintf(place.path, sizeof place.path, "/proc/%ld/%s", (long)thread, name);
	return place;
}

enum pga_shown pga_watched_read(pid_t thread, uint64_t address, void *copy, size_t length)
{
	const struct iovec to = {copy, length};
	struct iovec from = {NULL, length};
	const uintptr_t there = (uintptr_t)address;
	ssize_t count;

	memcpy(&from.iov_base, &there, sizeof there);
	count = process_vm_readv(thread, &to, 1, &from, 1, 0);
	if (count == (ssize_t)length)
		return PGA_SHOWN;
	return count >= 0 || errno == EFAULT ? PGA_NOT_THERE : PGA_NOT_SHOWN;
}

/* A line of the maps: address perms offset device inode path (proc(5)), where a file that is gone,
 * by an upgrade say, has a mark behind its path. A mapping by which the file only is read is no
 * code. */
static void take_line(char *line, struct pga_watched_code *code)
{
	static const char deleted_mark[] = " (deleted)";
	const char *perms = strchr(line, ' ');
	char *path = strchr(line, '/');
	char *mark;

	if (perms == NULL || path == NULL || strlen(perms) < 4 || perms[3] != 'x')
		return;
	path[strcspn(path, "\n")] = '\0';
	mark = strrchr(path, ' ');
	if (mark != NULL && strcmp(mark, deleted_mark) == 0)
		*mark = '\0';
	code->gate = code->gate || pga_is_gate(path);
	code->libpq = code->libpq || pga_is_libpq(path);
}

struct pga_watched_code pga_watched_code(pid_t thread)
{
	struct pga_watched_code code = {false, false, false};
	FILE *maps = fopen(place_of(thread, "maps").path, "re");
	char page[4096]; /* as much as one read of it gives */
	char *line = NULL;
	size_t room = 0;

	if (maps == NULL)
		return code;
	(void)setvbuf(maps, page, _IOFBF, sizeof page);
	while (getline(&line, &room, maps) > 0 && !(code.gate && code.libpq)) {
		code.shown = true;
		take_line(line, &code);
	}
	free(line);
	(void)fclose(maps);
	return code;
}

/* The number at the start of a text; 0 where it has none. */
static unsigned long number_in(const char *text)
{
	return strtoul(text, NULL, 10);
}

/* The inode of a line of net/unix: Num RefCount Protocol Flags Type St Inode Path (proc(5)). */
static unsigned long inode_in(const char *line)
{
	static const char blanks[] = " \t";

	for (int column = 0; column < 6; column++) {
		line += strspn(line, blanks);
		line += strcspn(line, blanks);
	}
	return number_in(line);
}

bool pga_watched_is_unix(pid_t thread, int descriptor)
{
	static const char mark[] = "socket:[";
	char name[32];
	char socket[64];
	unsigned long wanted;
	ssize_t length;
	char *line = NULL;
	size_t room = 0;
	bool found = false;
	FILE *sockets;

	(void)snprintf(name, sizeof name, "fd/%d", descriptor);
	length = readlink(place_of(thread, name).path, socket, sizeof socket - 1);
	socket[length > 0 ? length : 0] = '\0';
	if (strncmp(socket, mark, sizeof mark - 1) != 0)
		return false;
	wanted = number_in(socket + sizeof mark - 1);
	/* All that there are, those without a name too. */
	sockets = fopen(place_of(thread, "net/unix").path, "re");
	if (sockets == NULL)
		return false;
	while (!found && wanted != 0 && getline(&line, &room, sockets) > 0)
		found = inode_in(line) == wanted;
	free(line);
	(void)fclose(sockets);
	return found;
}

struct pga_watched_name pga_watched_name(pid_t thread)
{
	static const char name[] = "Name:\t";
	static const char process[] = "Tgid:\t";
	struct pga_watched_name found = {"?", thread};
	FILE *status = fopen(place_of(thread, "status").path, "re");
	char line[256];

	if (status == NULL)
		return found;
	while (fgets(line, sizeof line, status) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, name, sizeof name - 1) == 0)
			(void)snprintf(found.name, sizeof found.name, "%.63s",
				       line + sizeof name - 1);
		if (strncmp(line, process, sizeof process - 1) == 0) {
			found.process = (pid_t)number_in(line + sizeof process - 1);
			break;
		}
	}
	(void)fclose(status);
	return found;
}

/* A copy of a descriptor that the process has; -1 where that is kept from us. */
static int descriptor_of(pid_t process, int descriptor)
{
	const long handle = syscall(SYS_pidfd_open, process, 0);
	long copy = -1;

	if (handle >= 0) {
		copy = syscall(SYS_pidfd_getfd, handle, descriptor, 0);
		(void)close((int)handle);
	}
	return (int)copy;
}

/* Its standard error: the very descriptor, or where that is kept from us, the file opened again. */
static int standard_error_of(pid_t process)
{
	const int stream = descriptor_of(process, STDERR_FILENO);

	return stream >= 0 ? stream
			   : open(place_of(process, "fd/2").path,
				  O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
}

/* Whether somebody reads it, and not a program that takes it for data (gate/notice.c): systemd
 * tells which stream is the journal (systemd.exec(5), JOURNAL_STREAM), and that of a watched
 * program is the one of whoever started it. */
static bool is_read(int stream)
{
	const char *journal = getenv("JOURNAL_STREAM");
	struct pollfd room = {.fd = stream, .events = POLLOUT};
	struct stat file;
	char own[64];

	if (fstat(stream, &file) != 0)
		return false;
	(void)snprintf(own, sizeof own, "%llu:%llu", (unsigned long long)file.st_dev,
		       (unsigned long long)file.st_ino);
	if (!S_ISFIFO(file.st_mode) && isatty(stream) == 0 &&
	    (journal == NULL || strcmp(journal, own) != 0))
		return false;
	return poll(&room, 1, 0) == 1 && room.revents == POLLOUT;
}

/* The descriptor may be the program's own, which waits where there is no room, and the watcher must
 * not. Terminals know no RWF_NOWAIT: those are opened again. */
static void write_at_once(int stream, const char *text)
{
	struct iovec whole = {NULL, strlen(text)};
	ssize_t written;
	char path[32];
	int again;

	memcpy(&whole.iov_base, &text, sizeof text);
	written = pwritev2(stream, &whole, 1, -1, RWF_NOWAIT);
	if (written >= 0 || errno != EOPNOTSUPP)
		return; /* or nobody reads it, then */
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", stream);
	again = open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (again < 0)
		return;
	written = write(again, text, strlen(text));
	(void)written;
	(void)close(again);
}

void pga_watched_tell(const struct pga_watched_name *name, const char *text)
{
	const int stream = standard_error_of(name->process);

	if (stream < 0)
		return;
	if (is_read(stream))
		write_at_once(stream, text);
	(void)close(stream);
}

bool pga_watched_is_datagram(pid_t thread, int descriptor)
{
	const int copy = descriptor_of(pga_watched_name(thread).process, descriptor);
	int type = 0;
	socklen_t length = sizeof type;
	const bool is = copy >= 0 && getsockopt(copy, SOL_SOCKET, SO_TYPE, &type, &length) == 0 &&
			type == SOCK_DGRAM;

	if (copy >= 0)
		(void)close(copy);
	return is;
}
