#include "policy/system_files.h"

#include "base/file.h"
#include "base/ownership.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SYSTEM_DIRECTORY SYSCONFDIR "/pganchor"

struct reading {
	struct pga_system_files *files; /* grow as they are read */
	uid_t installer;                /* who may write them besides root */
	const char *stake;
	pga_take_file *take;
	void *context;
};

/* Who installed the gate could as well replace it, and so may write the system's files too: root,
 * but for a build with a prefix of its own. In a user namespace root's files seem to belong to
 * nobody (overflowuid of user_namespaces(7)), and the gate's with them. */
static uid_t installer(void)
{
	struct stat gate;

	return stat(PKGLIBDIR "/pganchor-gate.so", &gate) == 0 ? gate.st_uid : 0;
}

int pga_system_check_ownership(const char *path, const char *stake, struct pga_error *error)
{
	return pga_check_ownership(path, installer(), stake, error);
}

/* Notes a place that is about to be read, and checks who can write it. */
static int begin_place(const struct reading *reading, const char *path, struct pga_error *error)
{
	struct pga_system_files *files = reading->files;
	struct pga_system_place *grown =
	    reallocarray(files->places, files->count + 1, sizeof *grown);

	if (grown == NULL)
		return pga_fail_memory(error);
	files->places = grown;
	grown[files->count].path = strdup(path);
	grown[files->count].stamp = pga_file_identity_of(path);
	if (grown[files->count++].path == NULL)
		return pga_fail_memory(error);
	return pga_check_ownership(path, reading->installer, reading->stake, error);
}

static int read_file(const struct reading *reading, const char *path, struct pga_error *error)
{
	struct pga_system_place *place;
	struct pga_text content = PGA_TEXT_EMPTY;
	bool found = false;
	int result;

	if (begin_place(reading, path, error) != 0)
		return -1;
	place = &reading->files->places[reading->files->count - 1];
	result = pga_file_read_stamped(place->path, &content, &found, &place->stamp, error);
	if (result == 0 && found)
		result = reading->take(reading->context, place->path, &content, error);
	pga_text_free(&content);
	return result;
}

static int is_conf(const struct dirent *entry)
{
	const char *suffix = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && suffix != NULL && strcmp(suffix, ".conf") == 0;
}

/* alphasort(3) would go by the language of whatever program this is. */
static int by_bytes(const struct dirent **left, const struct dirent **right)
{
	return strcmp((*left)->d_name, (*right)->d_name);
}

static int read_directory(const struct reading *reading, const char *directory,
			  struct pga_error *error)
{
	struct dirent **entries = NULL;
	int result = begin_place(reading, directory, error);
	int count;

	if (result != 0)
		return -1;
	count = scandir(directory, &entries, is_conf, by_bytes);
	if (count < 0 && errno == ENOENT)
		return 0;
	if (count < 0)
		return pga_fail_errno(error, "every file in it has to be readable",
				      "could not read %s", directory);
	for (int i = 0; i < count; i++) {
		struct pga_text path = PGA_TEXT_EMPTY;

		pga_text_addf(&path, "%s/%s", directory, entries[i]->d_name);
		if (path.failed)
			result = pga_fail_memory(error);
		if (result == 0)
			result = read_file(reading, pga_text_string(&path), error);
		pga_text_free(&path);
		free(entries[i]);
	}
	free(entries);
	return result;
}

int pga_system_files_read(struct pga_system_files *files, const char *name, const char *stake,
			  pga_take_file *take, void *context, struct pga_error *error)
{
	const struct reading reading = {files, installer(), stake, take, context};
	struct pga_text file = PGA_TEXT_EMPTY;
	struct pga_text directory = PGA_TEXT_EMPTY;
	int result;

	memset(files, 0, sizeof *files);
	pga_text_addf(&file, "%s/%s.conf", SYSTEM_DIRECTORY, name);
	pga_text_addf(&directory, "%s/%s.d", SYSTEM_DIRECTORY, name);
	if (file.failed || directory.failed)
		result = pga_fail_memory(error);
	else
		result = pga_check_ownership(SYSTEM_DIRECTORY, reading.installer, stake, error);
	if (result == 0)
		result = read_file(&reading, pga_text_string(&file), error);
	if (result == 0)
		result = read_directory(&reading, pga_text_string(&directory), error);
	pga_text_free(&file);
	pga_text_free(&directory);
	return result;
}

bool pga_system_files_are_fresh(const struct pga_system_files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		struct pga_file_identity now = pga_file_identity_of(files->places[i].path);

		if (!pga_file_identity_proves_same(&files->places[i].stamp, &now))
			return false;
	}
	return true;
}

void pga_system_files_free(struct pga_system_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->places[i].path);
	free(files->places);
	memset(files, 0, sizeof *files);
}
