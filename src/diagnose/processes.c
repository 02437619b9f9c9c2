#include "diagnose/processes.h"

#include "preload/binary.h"
#include "preload/known.h"
#include "preload/module.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

static const char deleted_mark[] = " (deleted)";

/* libpq.so.5.N is libpq N since PostgreSQL 10. */
static void read_version(const char *path, char *version, size_t size)
{
	const char *mark = strstr(path, ".so.5.");
	size_t length = mark != NULL ? strspn(mark + 6, "0123456789") : 0;

	if (length > 0 && length < size && mark[6 + length] == '\0')
		(void)snprintf(version, size, "%s", mark + 6);
}

/* binary: what its file says; NULL where that is not known. */
static int add_libpq(struct pga_process *process, const char *path, bool deleted,
		     const struct pga_binary *binary)
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
	added->hides_tls = binary != NULL && !binary->calls_tls;
	read_version(path, added->version, sizeof added->version);
	process->libpq_count++;
	return 0;
}

/* The path of a line of the maps without the kernel's mark of a file that is gone. */
static bool cut_deleted_mark(char *path)
{
	char *mark = strrchr(path, ' ');

	if (mark == NULL || strcmp(mark, deleted_mark) != 0)
		return false;
	*mark = '\0';
	return true;
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

static void free_programs(struct programs *programs)
{
	for (size_t i = 0; i < programs->count; i++)
		pga_binary_free(&programs->list[i].binary);
	free(programs->list);
}

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
		pga_binary_free(&added->binary);
	return &added->binary;
}

/* The same of a file as the process sees it. */
static const struct pga_binary *read_as_seen(struct programs *programs, const char *pid,
					     const char *path)
{
	const struct pga_binary *binary = NULL;
	struct pga_text file = PGA_TEXT_EMPTY;

	pga_text_addf(&file, "/proc/%s/root%s", pid, path);
	if (!file.failed)
		binary = read_program(programs, file.bytes);
	pga_text_free(&file);
	return binary;
}

/* What is inside the file, as far as it tells; NULL: nothing that is known. */
static const char *inside_of(const struct pga_binary *binary)
{
	if (binary == NULL)
		return NULL;
	if (binary->driver != NULL)
		return binary->driver;
	return binary->has_libpq ? "libpq" : NULL;
}

static int set_inside(struct pga_process *process, const char *inside, const char *file,
		      const struct pga_binary *binary)
{
	process->inside = inside;
	process->own_libpq = binary != NULL && binary->has_libpq && binary->driver == NULL;
	process->file = strdup(file);
	return process->file != NULL ? 0 : -1;
}

/* A library that is no libpq by its name: it may have one inside, exported or not, or a driver. */
static int look_into_library(struct programs *programs, const char *pid, const char *path,
			     struct pga_process *process)
{
	const struct pga_binary *binary = read_as_seen(programs, pid, path);
	const char *inside = pga_find_driver(path);

	if (binary != NULL && binary->exports_libpq)
		return add_libpq(process, path, false, binary);
	if (inside == NULL)
		inside = inside_of(binary);
	if (inside == NULL || process->inside != NULL)
		return 0;
	return set_inside(process, inside, path, binary);
}

/* Whether it is the gate, and not another library under its name: that has libpq's functions. What
 * is gone is taken at its word. */
static bool is_gate(struct programs *programs, const char *pid, const char *path, bool deleted)
{
	const struct pga_binary *binary;

	if (!pga_is_gate(path))
		return false;
	binary = deleted ? NULL : read_as_seen(programs, pid, path);
	return binary == NULL || binary->exports_libpq;
}

/* Takes the path of one line of the maps. */
static int take_path(struct programs *programs, const char *pid, struct pga_process *process,
		     char *path)
{
	const bool deleted = cut_deleted_mark(path);

	if (pga_is_libpq(path))
		return add_libpq(process, path, deleted,
				 deleted ? NULL : read_as_seen(programs, pid, path));
	if (!is_gate(programs, pid, path, deleted))
		return deleted ? 0 : look_into_library(programs, pid, path, process);
	/* The drop-in stands before one libpq, the others before all. */
	if (process->gate != NULL && !pga_is_dropin(process->gate))
		return 0;
	free(process->gate);
	process->gate = strdup(path);
	process->gate_deleted = deleted;
	return process->gate != NULL ? 0 : -1;
}

/* A line of the maps: address perms offset device inode path (proc(5)). Many lines of one file
 * stand behind each other. */
static int take_maps(struct programs *programs, const char *pid, struct pga_process *process,
		     char *maps)
{
	const char *last = "";
	char *line;

	while ((line = strsep(&maps, "\n")) != NULL) {
		char *path = strchr(line, '/');

		if (path == NULL || strcmp(path, last) == 0)
			continue;
		if (take_path(programs, pid, process, path) != 0)
			return -1;
		last = path;
	}
	return 0;
}

static void free_process(struct pga_process *process)
{
	for (size_t i = 0; i < process->libpq_count; i++)
		free(process->libpqs[i].path);
	free(process->libpqs);
	free(process->user);
	free(process->name);
	free(process->gate);
	free(process->file);
	memset(process, 0, sizeof *process);
}

/* Reads a file below /proc/PID. Returns false where it cannot be read: the process may be gone. */
static bool read_proc(const char *pid, const char *name, struct pga_text *content)
{
	struct pga_text path = PGA_TEXT_EMPTY;
	struct pga_error ignored;
	bool read;

	pga_text_addf(&path, "/proc/%s/%s", pid, name);
	read = pga_file_read(pga_text_string(&path), content, NULL, &ignored) == 0;
	pga_text_free(&path);
	return read;
}

/* Whose the process is, if it is a program and this user's, or anybody's for root. The directory's
 * owner does not tell: it is root for a program that may not be looked into (proc(5)); and the
 * kernel's threads and zombies have no memory. */
static bool find_owner(const char *pid, uid_t *owner)
{
	static const char uid[] = "\nUid:\t";
	struct pga_text status = PGA_TEXT_EMPTY;
	const char *found;
	bool wanted = false;

	if (read_proc(pid, "status", &status)) {
		found = strstr(pga_text_string(&status), uid);
		if (found != NULL && strstr(found, "\nVmSize:") != NULL) {
			*owner = (uid_t)strtoul(found + strlen(uid), NULL, 10);
			wanted = *owner == getuid() || geteuid() == 0;
		}
	}
	pga_text_free(&status);
	return wanted;
}

static char *name_of_user(uid_t user)
{
	const struct passwd *entry = getpwuid(user);
	struct pga_text number = PGA_TEXT_EMPTY;

	if (entry != NULL)
		return strdup(entry->pw_name);
	pga_text_addf(&number, "%lu", (unsigned long)user);
	return pga_text_take(&number);
}

/* Whether the process's root directory, which may be another than ours, has no module. */
static bool is_module_missing(const char *pid)
{
	struct pga_text root = PGA_TEXT_EMPTY;
	bool missing;

	pga_text_addf(&root, "/proc/%s/root/", pid);
	missing = access(pga_text_string(&root), F_OK) == 0;
	/* Without memory it stays the root, which is there. */
	pga_text_add(&root, PGA_MODULE);
	missing = missing && access(pga_text_string(&root), F_OK) != 0 && errno == ENOENT;
	pga_text_free(&root);
	return missing;
}

/* Whether the kernel has told its ld.so to trust no caller: AT_SECURE (getauxval(3)). The pairs of
 * a 32-bit program have half the size. */
static bool is_secure(const char *pid)
{
	struct pga_text vector = PGA_TEXT_EMPTY;
	unsigned long pair[2];
	bool secure = false;

	if (read_proc(pid, "auxv", &vector))
		for (size_t at = 0; vector.length - at >= sizeof pair; at += sizeof pair) {
			memcpy(pair, vector.bytes + at, sizeof pair);
			secure = secure || (pair[0] == AT_SECURE && pair[1] != 0);
		}
	pga_text_free(&vector);
	return secure;
}

/* Looks for what is linked into the program itself. */
static int look_inside(struct programs *programs, const char *pid, struct pga_process *process)
{
	struct pga_text path = PGA_TEXT_EMPTY;
	char file[PATH_MAX] = "";
	const struct pga_binary *binary;
	const char *inside;
	ssize_t length;

	pga_text_addf(&path, "/proc/%s/exe", pid);
	binary = read_program(programs, pga_text_string(&path));
	length = readlink(pga_text_string(&path), file, sizeof file - 1);
	(void)length; /* where there is none, the name stays empty */
	pga_text_free(&path);
	inside = pga_find_speaker(file) != NULL ? "own protocol" : inside_of(binary);
	return inside != NULL ? set_inside(process, inside, file, binary) : 0;
}

/* Fills in what is told of a process that has anything to tell of. */
static int describe(const char *pid, uid_t owner, struct pga_process *process)
{
	struct pga_text name = PGA_TEXT_EMPTY;

	process->pid = (pid_t)strtol(pid, NULL, 10);
	if (!read_proc(pid, "comm", &name))
		pga_text_add(&name, "?");
	process->name = strndup(pga_text_string(&name), strcspn(pga_text_string(&name), "\n"));
	process->user = name_of_user(owner);
	if (process->gate == NULL)
		process->module_missing = is_module_missing(pid);
	process->secure = is_secure(pid);
	pga_text_free(&name);
	return process->name != NULL && process->user != NULL ? 0 : -1;
}

/* Whether it is this very program: one that keeps a watch (preload/watcher.c), or another command,
 * which verifies what it connects to. */
static bool is_ours(const char *pid)
{
	struct pga_text path = PGA_TEXT_EMPTY;
	bool same;

	pga_text_addf(&path, "/proc/%s/exe", pid);
	same = pga_path_is_same("/proc/self/exe", pga_text_string(&path));
	pga_text_free(&path);
	return same;
}

/* process.name stays NULL where there is nothing to tell of. */
static int look_at(struct pga_processes *processes, struct programs *programs, const char *pid,
		   uid_t owner, struct pga_process *process)
{
	struct pga_text maps = PGA_TEXT_EMPTY;
	int result = 0;

	if (read_proc(pid, "maps", &maps)) {
		result = look_inside(programs, pid, process);
		if (result == 0)
			result = take_maps(programs, pid, process, maps.bytes);
		if (result == 0 &&
		    (process->libpq_count > 0 || process->gate != NULL || process->inside != NULL))
			result = describe(pid, owner, process);
	} else {
		processes->unreadable++;
	}
	pga_text_free(&maps);
	return result;
}

static int add_process(struct pga_processes *processes, struct programs *programs, const char *pid,
		       uid_t owner)
{
	struct pga_process process = {0};
	struct pga_process *grown;
	int result = look_at(processes, programs, pid, owner, &process);

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
	uid_t owner;
	int result = 0;

	memset(processes, 0, sizeof *processes);
	processes->of_all = geteuid() == 0;
	if (proc == NULL)
		return pga_fail_errno(error, "mount it", "could not read /proc");
	while (result == 0 && (entry = readdir(proc)) != NULL)
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    strtol(entry->d_name, NULL, 10) != (long)getpid() && !is_ours(entry->d_name) &&
		    find_owner(entry->d_name, &owner))
			result = add_process(processes, &programs, entry->d_name, owner);
	(void)closedir(proc);
	free_programs(&programs);
	if (processes->count > 0)
		qsort(processes->list, processes->count, sizeof *processes->list, by_pid);
	return result == 0 ? 0 : pga_fail_memory(error);
}

void pga_processes_free(struct pga_processes *processes)
{
	for (size_t i = 0; i < processes->count; i++)
		free_process(&processes->list[i]);
	free(processes->list);
	memset(processes, 0, sizeof *processes);
}
