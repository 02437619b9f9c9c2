/* What is about to be made goes into the manifest before it is made. */
#include "base/manifest.h"

#include "base/acting.h"
#include "base/file.h"
#include "base/path.h"
#include "base/paths.h"
#include "base/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADING                                                                                   \
	"# What pganchor has made in this home, and what it found there. \"pganchor uninstall\" " \
	"reads it.\n"

#define TRIES 100
#define PAUSE 10000000L /* nanoseconds */

/* The directories that were made are the last ones of the path. */
static void add_directories(struct pga_text *text, const struct pga_directory *directory,
			    const struct pga_made *made)
{
	for (size_t up = made->count; up-- > 0;) {
		const char *end = directory->path + strlen(directory->path);
		char *path;

		for (size_t i = 0; i < up; i++)
			end = memrchr(directory->path, '/', (size_t)(end - directory->path));
		path = strndup(directory->path, (size_t)(end - directory->path));
		text->failed = text->failed || path == NULL;
		pga_manifest_note_directory(text, path != NULL ? path : "");
		free(path);
	}
}

/* Whether that is how a path is told that leads nowhere, or where this user has no way. */
static bool is_none(int code)
{
	return code == 0 || code == ENOENT || code == ENOTDIR || code == ELOOP || code == EACCES;
}

/* Where the path really leads; NULL without the failure where there is none. */
static char *real_directory(char *path, int *failure)
{
	struct pga_real_path real = {.path = NULL};
	struct pga_error error;
	char *copy = NULL;

	if (path != NULL) {
		errno = 0;
		if (pga_real_path(&real, path, &error) == 0)
			copy = strdup(real.path);
	}
	if (copy == NULL && !is_none(errno))
		*failure = errno;
	pga_real_path_free(&real);
	free(path);
	return copy;
}

static bool is_below(const char *path, const char *directory)
{
	const size_t length = directory != NULL ? strlen(directory) : 0;

	return length > 1 && strncmp(path, directory, length) == 0 && path[length] == '/';
}

static void find_places(struct pga_noting *noting)
{
	if (noting->home == NULL)
		noting->home = real_directory(pga_home(), &noting->failure);
	if (noting->config == NULL)
		noting->config = real_directory(pga_user_config(""), &noting->failure);
	if (noting->config != NULL && noting->config[strlen(noting->config) - 1] == '/')
		noting->config[strlen(noting->config) - 1] = '\0';
}

static bool is_noted(const struct pga_noting *noting, const struct pga_edit *edit)
{
	const char *services = getenv("PGSERVICEFILE");

	return is_below(edit->path, noting->home) || is_below(edit->path, noting->config) ||
	       (services != NULL && strcmp(edit->path, services) == 0);
}

void pga_noting_add(struct pga_noting *noting, const struct pga_edit *edit)
{
	struct pga_text *lines = &noting->lines;

	if (edit->unnoted)
		return;
	find_places(noting);
	if (!is_noted(noting, edit))
		return;
	add_directories(lines, &edit->directory, &edit->made);
	if (!edit->existed) {
		pga_manifest_add_note(lines, PGA_NOTE_FILE, edit->path);
		pga_text_add(lines, "\n");
	} else {
		pga_manifest_add_note(lines, PGA_NOTE_FOUND, edit->path);
		pga_text_addf(
		    lines, " %zu %016" PRIx64 " %jd.%09ld\n", edit->before.length,
		    pga_manifest_digest(pga_text_string(&edit->before), edit->before.length),
		    (intmax_t)edit->modified.tv_sec, edit->modified.tv_nsec);
	}
	pga_text_add_bytes(lines, pga_text_string(&edit->notes), edit->notes.length);
	lines->failed = lines->failed || edit->notes.failed;
}

/* A process that was stopped while it had the lock must not stop others for ever. */
static int lock(int file)
{
	const struct timespec pause = {.tv_nsec = PAUSE};

	for (int tries = 0; flock(file, LOCK_EX | LOCK_NB) != 0; tries++) {
		if (errno != EWOULDBLOCK || tries >= TRIES)
			return -1;
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

/* Opens it as its directory's owner, and makes it. */
static int open_file(struct pga_noting *noting, const char *name)
{
	const int flags = O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	const struct pga_directory *directory = &noting->directory;
	struct stat status;
	int file;

	do {
		if (pga_act_as(directory->owner, directory->group) != 0)
			return -1;
		noting->made_file = false;
		file = openat(directory->fd, name, flags);
		if (file < 0 && errno == ENOENT) {
			file = openat(directory->fd, name, flags | O_CREAT | O_EXCL, 0600);
			noting->made_file = file >= 0;
			if (file < 0 && errno == EEXIST)
				file = openat(directory->fd, name, flags);
		}
		pga_act_as_self();
		if (file < 0)
			return -1;
		if (lock(file) != 0 || fstat(file, &status) != 0) {
			const int why = errno;

			(void)close(file);
			errno = why;
			return -1;
		}
		if (status.st_nlink > 0)
			return file;
		/* Another process has removed it. */
		(void)close(file);
	} while (true);
}

static bool begins_with(const char *line, size_t length, const char *start, size_t start_length)
{
	return length >= start_length && memcmp(line, start, start_length) == 0;
}

/* Whether a line that is there says it already: the same; or, of a file in pganchor's own
 * directory, that it was made, or was found as something else, for all that comes behind is
 * pganchor's. */
static bool says_it(const char *there, size_t there_length, const char *line, size_t length,
		    const char *own)
{
	const char *path = memchr(line, ' ', length);
	const char *end;
	size_t start;

	if (there_length == length && memcmp(there, line, length) == 0)
		return true;
	if (path == NULL || !begins_with(line, length, "found ", strlen("found ")) ||
	    !begins_with(path + 1, length - (size_t)(path + 1 - line), own, strlen(own)))
		return false;
	end = memchr(path + 1, ' ', length - (size_t)(path + 1 - line));
	start = end != NULL ? (size_t)(end - line) : length;
	return begins_with(there, there_length, line, start) ||
	       (begins_with(there, there_length, "file", strlen("file")) &&
		there_length == start - strlen("found") + strlen("file") &&
		memcmp(there + strlen("file"), line + strlen("found"), start - strlen("found")) ==
		    0);
}

/* The lines that are not in it. own: pganchor's directory as its paths begin there. */
static void add_new(struct pga_text *added, const struct pga_text *content,
		    const struct pga_text *lines, const char *own)
{
	const char *rest = pga_text_string(lines);
	const char *line;
	size_t length;

	if (content->length == 0)
		pga_text_add(added, HEADING);
	else if (content->bytes[content->length - 1] != '\n')
		pga_text_add(added, "\n");
	while (pga_next_line(&rest, &line, &length)) {
		const char *at = pga_text_string(content);
		const char *there;
		size_t there_length;
		bool known = false;

		while (!known && pga_next_line(&at, &there, &there_length))
			known = says_it(there, there_length, line, length, own);
		if (length == 0 || known)
			continue;
		pga_text_add_bytes(added, line, length);
		pga_text_add(added, "\n");
	}
	added->failed = added->failed || lines->failed || content->failed;
}

static struct timespec modified_of(int file)
{
	struct stat status;

	return fstat(file, &status) == 0 ? status.st_mtim : (struct timespec){0, UTIME_OMIT};
}

/* All of it or nothing. */
static int append(struct pga_noting *noting, const char *path, const struct pga_text *lines,
		  struct pga_error *error)
{
	struct pga_file_identity stamp;
	struct pga_text content = PGA_TEXT_EMPTY;
	struct pga_text added = PGA_TEXT_EMPTY;
	struct pga_text own = PGA_TEXT_EMPTY;
	int result = -1;

	pga_manifest_add_field(&own, noting->config);
	pga_text_add(&own, "/");
	if (own.failed) {
		(void)pga_fail_memory(error);
		goto done;
	}
	if (pga_file_read_open(noting->file, path, &content, &stamp, error) != 0)
		goto done;
	noting->before = content.length;
	noting->modified = modified_of(noting->file);
	add_new(&added, &content, lines, pga_text_string(&own) + 1);
	if (added.failed)
		(void)pga_fail_memory(error);
	else if (pga_write_all(noting->file, pga_text_string(&added), added.length) != 0 ||
		 (fsync(noting->file) != 0 && errno != EINVAL))
		(void)pga_fail_errno(error, NULL, "could not write %s", path);
	else
		result = 0;
done:
	pga_text_free(&content);
	pga_text_free(&added);
	pga_text_free(&own);
	return result;
}

static void truncate_back(const struct pga_noting *noting)
{
	const struct timespec times[2] = {{0, UTIME_OMIT}, noting->modified};

	if (ftruncate(noting->file, (off_t)noting->before) == 0)
		(void)futimens(noting->file, times);
}

static void take_back(struct pga_noting *noting)
{
	if (noting->file >= 0 && noting->made_file)
		(void)unlinkat(noting->directory.fd, "manifest", 0);
	else if (noting->file >= 0)
		truncate_back(noting);
	pga_made_remove(&noting->made);
}

static int write_all(struct pga_noting *noting, struct pga_error *error)
{
	struct pga_text lines = PGA_TEXT_EMPTY;
	struct pga_text path = PGA_TEXT_EMPTY;
	int result = -1;

	if (noting->lines.failed) {
		(void)pga_fail_memory(error);
		goto done;
	}
	if (noting->failure != 0 || noting->config == NULL) {
		errno = noting->failure != 0 ? noting->failure : ENOENT;
		(void)pga_fail_errno(error, NULL, "could not find its place");
		goto done;
	}
	pga_text_addf(&path, "%s/manifest", noting->config);
	if (path.failed) {
		(void)pga_fail_memory(error);
		goto done;
	}
	if (pga_directory_open(&noting->directory, &noting->made, noting->config, 0700, error) != 0)
		goto done;
	noting->file = open_file(noting, "manifest");
	if (noting->file < 0) {
		(void)pga_fail_errno(error, NULL, "could not open %s", pga_text_string(&path));
		goto done;
	}
	add_directories(&lines, &noting->directory, &noting->made);
	pga_text_add_bytes(&lines, pga_text_string(&noting->lines), noting->lines.length);
	result = append(noting, pga_text_string(&path), &lines, error);
done:
	pga_text_free(&lines);
	pga_text_free(&path);
	return result;
}

void pga_noting_write(struct pga_noting *noting)
{
	struct pga_error error;

	noting->file = -1;
	noting->directory.fd = -1;
	if (noting->failure == 0 && !noting->lines.failed && noting->lines.length == 0)
		return;
	find_places(noting);
	if (write_all(noting, &error) == 0)
		return;
	take_back(noting);
	if (noting->file >= 0)
		(void)close(noting->file);
	noting->file = -1;
	pga_print_warning("what this changes could not be noted in the manifest: %s\n    "
			  "\"pganchor uninstall\" will not know it",
			  error.message);
}

void pga_noting_end(struct pga_noting *noting, bool done)
{
	if (!done)
		take_back(noting);
	pga_made_keep(&noting->made);
	/* Without a directory nothing was opened, and where nothing was to be written 0 stands
	 * there. */
	if (noting->directory.path != NULL) {
		if (noting->file >= 0)
			(void)close(noting->file);
		pga_directory_close(&noting->directory);
	}
	pga_text_free(&noting->lines);
	free(noting->home);
	free(noting->config);
	memset(noting, 0, sizeof *noting);
	noting->file = -1;
}
