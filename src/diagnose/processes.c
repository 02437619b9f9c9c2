#include "diagnose/processes.h"

#include "diagnose/files_run.h"
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
#include <sys/sysmacros.h>
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

/* A line of a process's maps: one mapping of a file. */
struct mapping {
	const char *path;
	struct pga_file_number number;
	bool deleted; /* the path leads to another file, or none */
};

/* What the file says, which is looked for where the process sees it; NULL where it cannot be told.
 */
static const struct pga_binary *read_mapped(struct pga_files_run *files, const char *pid,
					    const struct mapping *mapping)
{
	const struct pga_binary *binary;
	struct pga_text file = PGA_TEXT_EMPTY;

	if (mapping->deleted)
		return NULL;
	binary = pga_file_run_find(files, &mapping->number);
	if (binary != NULL)
		return binary;
	pga_text_addf(&file, "/proc/%s/root%s", pid, mapping->path);
	if (!file.failed)
		binary = pga_file_run_read(files, file.bytes);
	files->failed = files->failed || file.failed;
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
static int look_into_library(struct pga_files_run *files, const char *pid,
			     const struct mapping *mapping, struct pga_process *process)
{
	const struct pga_binary *binary = read_mapped(files, pid, mapping);
	const char *inside = pga_find_driver(mapping->path);

	if (binary != NULL && binary->exports_libpq)
		return add_libpq(process, mapping->path, false, binary);
	if (inside == NULL)
		inside = inside_of(binary);
	if (inside == NULL || process->inside != NULL)
		return 0;
	return set_inside(process, inside, mapping->path, binary);
}

/* Whether it is the gate, and not another library under its name: that has libpq's functions. What
 * is gone is taken at its word. */
static bool is_gate(struct pga_files_run *files, const char *pid, const struct mapping *mapping)
{
	const struct pga_binary *binary;

	if (!pga_is_gate(mapping->path))
		return false;
	binary = read_mapped(files, pid, mapping);
	return binary == NULL || binary->exports_libpq;
}

static int take_mapping(struct pga_files_run *files, const char *pid, struct pga_process *process,
			const struct mapping *mapping)
{
	if (pga_is_libpq(mapping->path))
		return add_libpq(process, mapping->path, mapping->deleted,
				 read_mapped(files, pid, mapping));
	if (!is_gate(files, pid, mapping))
		return mapping->deleted ? 0 : look_into_library(files, pid, mapping, process);
	/* The drop-in stands before one libpq, the others before all. */
	if (process->gate != NULL && !pga_is_dropin(process->gate))
		return 0;
	free(process->gate);
	process->gate = strdup(mapping->path);
	process->gate_deleted = mapping->deleted;
	return process->gate != NULL ? 0 : -1;
}

/* What stands behind the permissions: offset device inode. */
static bool read_number(const char *permissions, struct pga_file_number *number)
{
	const char *offset = strchr(permissions + 1, ' ');
	const char *device = offset != NULL ? strchr(offset + 1, ' ') : NULL;
	unsigned long major;
	unsigned long minor;
	char *end;

	if (device == NULL)
		return false;
	major = strtoul(device, &end, 16);
	if (*end != ':')
		return false;
	minor = strtoul(end + 1, &end, 16);
	*number = (struct pga_file_number){makedev((unsigned)major, (unsigned)minor),
					   strtoul(end, NULL, 10)};
	return true;
}

/* Reads a line of the maps: address perms offset device inode path (proc(5)). Returns false where
 * it has nothing to tell. What has code is mapped to be executed, in one line of several as a rule;
 * what a machine of its own runs, such as .NET's, is known by its name alone. */
static bool read_mapping(char *line, struct mapping *mapping)
{
	const char *permissions = strchr(line, ' ');
	char *path = permissions != NULL ? strchr(permissions, '/') : NULL;

	if (path == NULL || path < permissions + 4 ||
	    (permissions[3] != 'x' && pga_find_driver(path) == NULL) ||
	    !read_number(permissions, &mapping->number))
		return false;
	mapping->path = path;
	mapping->deleted = cut_deleted_mark(path);
	return true;
}

static int take_maps(struct pga_files_run *files, const char *pid, struct pga_process *process,
		     char *maps)
{
	struct mapping last = {.path = ""};
	struct mapping mapping;
	char *line;

	while ((line = strsep(&maps, "\n")) != NULL) {
		if (!read_mapping(line, &mapping) ||
		    (strcmp(mapping.path, last.path) == 0 && mapping.deleted == last.deleted))
			continue;
		if (take_mapping(files, pid, process, &mapping) != 0)
			return -1;
		last = mapping;
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
static bool read_proc(struct pga_files_run *files, const char *pid, const char *name,
		      struct pga_text *content)
{
	struct pga_text path = PGA_TEXT_EMPTY;
	struct pga_error ignored;
	bool read;

	pga_text_addf(&path, "/proc/%s/%s", pid, name);
	read = pga_file_read(pga_text_string(&path), content, NULL, &ignored) == 0;
	files->failed = files->failed || path.failed || content->failed;
	pga_text_free(&path);
	return read;
}

/* Whose the process is, if it is a program and this user's, or anybody's for root. The directory's
 * owner does not tell: it is root for a program that may not be looked into (proc(5)); and the
 * kernel's threads and zombies have no memory. */
static bool find_owner(struct pga_files_run *files, const char *pid, uid_t *owner)
{
	static const char uid[] = "\nUid:\t";
	struct pga_text status = PGA_TEXT_EMPTY;
	const char *found;
	bool wanted = false;

	if (read_proc(files, pid, "status", &status)) {
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
static bool is_module_missing(struct pga_files_run *files, const char *pid)
{
	struct pga_text root = PGA_TEXT_EMPTY;
	bool missing;

	pga_text_addf(&root, "/proc/%s/root/", pid);
	missing = access(pga_text_string(&root), F_OK) == 0;
	/* Without memory it stays the root, which is there. */
	pga_text_add(&root, PGA_MODULE);
	missing = missing && access(pga_text_string(&root), F_OK) != 0 && errno == ENOENT;
	files->failed = files->failed || root.failed;
	pga_text_free(&root);
	return missing;
}

/* Whether the kernel has told its ld.so to trust no caller: AT_SECURE (getauxval(3)). The pairs of
 * a 32-bit program have half the size. */
static bool is_secure(struct pga_files_run *files, const char *pid)
{
	struct pga_text vector = PGA_TEXT_EMPTY;
	unsigned long pair[2];
	bool secure = false;

	if (read_proc(files, pid, "auxv", &vector))
		for (size_t at = 0; vector.length - at >= sizeof pair; at += sizeof pair) {
			memcpy(pair, vector.bytes + at, sizeof pair);
			secure = secure || (pair[0] == AT_SECURE && pair[1] != 0);
		}
	pga_text_free(&vector);
	return secure;
}

/* Looks for what is linked into the program itself. */
static int look_inside(struct pga_files_run *files, const char *pid, struct pga_process *process)
{
	struct pga_text path = PGA_TEXT_EMPTY;
	char file[PATH_MAX] = "";
	const struct pga_binary *binary;
	const char *inside;
	ssize_t length;

	pga_text_addf(&path, "/proc/%s/exe", pid);
	binary = pga_file_run_read(files, pga_text_string(&path));
	length = readlink(pga_text_string(&path), file, sizeof file - 1);
	(void)length; /* where there is none, the name stays empty */
	files->failed = files->failed || path.failed;
	pga_text_free(&path);
	inside = pga_find_speaker(file) != NULL ? "own protocol" : inside_of(binary);
	return inside != NULL ? set_inside(process, inside, file, binary) : 0;
}

/* Fills in what is told of a process that has anything to tell of. */
static int describe(struct pga_files_run *files, const char *pid, uid_t owner,
		    struct pga_process *process)
{
	struct pga_text name = PGA_TEXT_EMPTY;

	process->pid = (pid_t)strtol(pid, NULL, 10);
	if (!read_proc(files, pid, "comm", &name))
		pga_text_add(&name, "?");
	process->name = strndup(pga_text_string(&name), strcspn(pga_text_string(&name), "\n"));
	process->user = name_of_user(owner);
	if (process->gate == NULL)
		process->module_missing = is_module_missing(files, pid);
	process->secure = is_secure(files, pid);
	pga_text_free(&name);
	return process->name != NULL && process->user != NULL ? 0 : -1;
}

/* Whether it is this very program: one that keeps a watch (preload/watcher.c), or another command,
 * which verifies what it connects to. */
static bool is_ours(struct pga_files_run *files, const char *pid)
{
	struct pga_text path = PGA_TEXT_EMPTY;
	bool same;

	pga_text_addf(&path, "/proc/%s/exe", pid);
	same = pga_path_is_same("/proc/self/exe", pga_text_string(&path));
	files->failed = files->failed || path.failed;
	pga_text_free(&path);
	return same;
}

/* process.name stays NULL where there is nothing to tell of. */
static int look_at(struct pga_processes *processes, struct pga_files_run *files, const char *pid,
		   uid_t owner, struct pga_process *process)
{
	struct pga_text maps = PGA_TEXT_EMPTY;
	int result = 0;

	if (read_proc(files, pid, "maps", &maps)) {
		result = look_inside(files, pid, process);
		if (result == 0)
			result = take_maps(files, pid, process, maps.bytes);
		if (result == 0 &&
		    (process->libpq_count > 0 || process->gate != NULL || process->inside != NULL))
			result = describe(files, pid, owner, process);
	} else {
		processes->unreadable++;
	}
	pga_text_free(&maps);
	return result;
}

static int add_process(struct pga_processes *processes, struct pga_files_run *files,
		       const char *pid, uid_t owner)
{
	struct pga_process process = {0};
	struct pga_process *grown;
	int result = look_at(processes, files, pid, owner, &process);

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
	struct pga_files_run files = {NULL, false};
	uid_t owner;
	int result = 0;

	memset(processes, 0, sizeof *processes);
	processes->of_all = geteuid() == 0;
	if (proc == NULL)
		return pga_fail_errno(error, "mount it", "could not read /proc");
	while (result == 0 && (entry = readdir(proc)) != NULL)
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    strtol(entry->d_name, NULL, 10) != (long)getpid() &&
		    find_owner(&files, entry->d_name, &owner) && !is_ours(&files, entry->d_name))
			result = add_process(processes, &files, entry->d_name, owner);
	(void)closedir(proc);
	pga_files_run_free(&files);
	if (processes->count > 0)
		qsort(processes->list, processes->count, sizeof *processes->list, by_pid);
	return result == 0 && !files.failed ? 0 : pga_fail_memory(error);
}

void pga_processes_free(struct pga_processes *processes)
{
	for (size_t i = 0; i < processes->count; i++)
		free_process(&processes->list[i]);
	free(processes->list);
	memset(processes, 0, sizeof *processes);
}
