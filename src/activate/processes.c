#include "activate/processes.h"

#include "activate/binary.h"
#include "base/file.h"
#include "base/text.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char deleted_mark[] = " (deleted)";

/* Whether the file is called so: NAME.so, NAME.so.5.15, or NAME-0a1b2c.so.5.15 as wheels have it.
 * libpqwalreceiver.so is the server's, and no libpq. */
static bool is_called(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash != NULL ? slash + 1 : path;
	size_t length = strlen(name);

	return strncmp(base, name, length) == 0 && (base[length] == '.' || base[length] == '-') &&
	       strstr(base, ".so") != NULL;
}

/* libpq.so.5.N is libpq N since PostgreSQL 10. */
static void read_version(const char *path, char *version, size_t size)
{
	const char *mark = strstr(path, ".so.5.");
	size_t length = mark != NULL ? strspn(mark + 6, "0123456789") : 0;

	if (length > 0 && length < size && mark[6 + length] == '\0')
		(void)snprintf(version, size, "%s", mark + 6);
}

static int add_libpq(struct pga_process *process, const char *path, bool deleted)
{
	struct pga_mapped_libpq *grown;
	struct pga_mapped_libpq *added;

	for (size_t i = 0; i < process->libpq_count; i++)
		if (strcmp(process->libpqs[i].path, path) == 0)
			return 0;
	grown = reallocarray(process->libpqs, process->libpq_count + 1, sizeof *process->libpqs);
	if (grown == NULL)
		return -1;
	process->libpqs = grown;
	added = &grown[process->libpq_count];
	memset(added, 0, sizeof *added);
	added->path = strdup(path);
	if (added->path == NULL)
		return -1;
	added->deleted = deleted;
	read_version(path, added->version, sizeof added->version);
	process->libpq_count++;
	return 0;
}

/* Takes the path of one line of the maps. Many lines of one file stand behind each other. */
static int take_path(struct pga_process *process, char *path)
{
	size_t length = strlen(path);
	bool deleted = false;

	if (length >= sizeof deleted_mark &&
	    strcmp(path + length - sizeof deleted_mark + 1, deleted_mark) == 0) {
		deleted = true;
		path[length - sizeof deleted_mark + 1] = '\0';
	}
	/* What libpq 18 and 19 load for OAuth (libpq-oauth-18.so, libpq-oauth.so) is no libpq. */
	if (is_called(path, "libpq") && !is_called(path, "libpq-oauth"))
		return add_libpq(process, path, deleted);
	if (process->gate == NULL &&
	    (is_called(path, "pganchor-gate") || is_called(path, "libpganchor"))) {
		process->gate = strdup(path);
		process->gate_deleted = deleted;
		return process->gate != NULL ? 0 : -1;
	}
	return 0;
}

/* A line of the maps: address perms offset device inode path (proc(5)). */
static int take_maps(struct pga_process *process, char *maps)
{
	char *line;

	while ((line = strsep(&maps, "\n")) != NULL) {
		char *path = strchr(line, '/');

		if (path != NULL && take_path(process, path) != 0)
			return -1;
	}
	return 0;
}

static void free_process(struct pga_process *process)
{
	for (size_t i = 0; i < process->libpq_count; i++)
		free(process->libpqs[i].path);
	free(process->libpqs);
	free(process->name);
	free(process->gate);
	free(process->file);
	memset(process, 0, sizeof *process);
}

/* Reads a file below /proc/PID. Returns false where it cannot be read: the process may be gone. */
static bool read_proc(const char *pid, const char *name, struct pga_text *content)
{
	char path[64];
	struct pga_error ignored;

	return snprintf(path, sizeof path, "/proc/%s/%s", pid, name) < (int)sizeof path &&
	       pga_file_read(path, content, NULL, &ignored) == 0;
}

/* Whether the process is this user's, and a program. The folder's owner does not tell: it is root
 * for a program that may not be looked into (proc(5)); and the kernel's threads and zombies have no
 * memory. */
static bool is_own_program(const char *pid)
{
	static const char uid[] = "\nUid:\t";
	struct pga_text status = PGA_TEXT_EMPTY;
	const char *found;
	bool own = false;

	if (read_proc(pid, "status", &status)) {
		found = strstr(pga_text_string(&status), uid);
		own = found != NULL && strstr(found, "\nVmSize:") != NULL &&
		      strtoul(found + sizeof uid - 1, NULL, 10) == getuid();
	}
	pga_text_free(&status);
	return own;
}

/* The files that were read so far: of most of them, several processes run. */
struct programs {
	struct known {
		dev_t device;
		ino_t inode;
		struct pga_binary binary;
	} * list;
	size_t count;
};

/* What the file at this path says; NULL where it cannot be told. */
static const struct pga_binary *read_program(struct programs *programs, const char *path)
{
	struct known *grown;
	struct known *added;
	struct stat status;

	if (stat(path, &status) != 0)
		return NULL;
	for (size_t i = 0; i < programs->count; i++)
		if (programs->list[i].device == status.st_dev &&
		    programs->list[i].inode == status.st_ino)
			return &programs->list[i].binary;
	grown = reallocarray(programs->list, programs->count + 1, sizeof *grown);
	if (grown == NULL)
		return NULL;
	programs->list = grown;
	added = &grown[programs->count++];
	added->device = status.st_dev;
	added->inode = status.st_ino;
	if (!pga_binary_read(path, &added->binary))
		memset(&added->binary, 0, sizeof added->binary);
	return &added->binary;
}

/* Looks for what is linked into the program itself. */
static int look_inside(struct programs *programs, const char *pid, struct pga_process *process)
{
	const struct pga_binary *binary;
	char path[64];
	char file[PATH_MAX];
	ssize_t length;

	(void)snprintf(path, sizeof path, "/proc/%s/exe", pid);
	binary = read_program(programs, path);
	if (binary == NULL || (binary->driver == NULL && !binary->has_libpq))
		return 0;
	length = readlink(path, file, sizeof file);
	process->file = strndup(file, length > 0 ? (size_t)length : 0);
	process->own_libpq = binary->driver == NULL;
	process->inside = binary->driver != NULL ? binary->driver : "libpq";
	return process->file != NULL ? 0 : -1;
}

static int look_at(struct programs *programs, const char *pid, struct pga_process *process,
		   bool *readable)
{
	struct pga_text maps = PGA_TEXT_EMPTY;
	struct pga_text name = PGA_TEXT_EMPTY;
	int result = 0;

	*readable = read_proc(pid, "maps", &maps);
	if (*readable && maps.bytes != NULL)
		result = take_maps(process, maps.bytes);
	if (result == 0 && *readable)
		result = look_inside(programs, pid, process);
	if (result == 0 &&
	    (process->libpq_count > 0 || process->gate != NULL || process->inside != NULL)) {
		process->pid = (pid_t)strtol(pid, NULL, 10);
		if (!read_proc(pid, "comm", &name))
			pga_text_add(&name, "?");
		process->name =
		    strndup(pga_text_string(&name), strcspn(pga_text_string(&name), "\n"));
		result = process->name != NULL ? 0 : -1;
	}
	pga_text_free(&maps);
	pga_text_free(&name);
	return result;
}

static int add_process(struct pga_processes *processes, struct programs *programs, const char *pid)
{
	struct pga_process process = {0};
	struct pga_process *grown;
	bool readable = false;
	int result = look_at(programs, pid, &process, &readable);

	if (!readable)
		processes->unreadable++;
	if (result != 0 || process.name == NULL)
		goto done;
	grown = reallocarray(processes->list, processes->count + 1, sizeof *processes->list);
	if (grown == NULL) {
		result = -1;
		goto done;
	}
	processes->list = grown;
	processes->list[processes->count++] = process;
	return 0;
done:
	free_process(&process);
	return result;
}

static int by_pid(const void *left, const void *right)
{
	const struct pga_process *a = left;
	const struct pga_process *b = right;

	return (a->pid > b->pid) - (a->pid < b->pid);
}

int pga_processes_look(struct pga_processes *processes, struct pga_error *error)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	struct programs programs = {NULL, 0};
	int result = 0;

	memset(processes, 0, sizeof *processes);
	if (proc == NULL)
		return pga_fail_errno(error, "mount it", "cannot read /proc");
	while (result == 0 && (entry = readdir(proc)) != NULL)
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    strtol(entry->d_name, NULL, 10) != (long)getpid() &&
		    is_own_program(entry->d_name))
			result = add_process(processes, &programs, entry->d_name);
	(void)closedir(proc);
	free(programs.list);
	if (processes->count > 0)
		qsort(processes->list, processes->count, sizeof *processes->list, by_pid);
	return result == 0 ? 0 : pga_fail_memory(error);
}

bool pga_process_has_gate(void)
{
	struct pga_process self = {0};
	struct pga_text maps = PGA_TEXT_EMPTY;
	bool has = false;

	if (read_proc("self", "maps", &maps) && maps.bytes != NULL &&
	    take_maps(&self, maps.bytes) == 0)
		has = self.gate != NULL;
	free_process(&self);
	pga_text_free(&maps);
	return has;
}

void pga_processes_free(struct pga_processes *processes)
{
	for (size_t i = 0; i < processes->count; i++)
		free_process(&processes->list[i]);
	free(processes->list);
	memset(processes, 0, sizeof *processes);
}
