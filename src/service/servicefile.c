#include "service/servicefile.h"

#include "base/file.h"
#include "base/ini.h"
#include "policy/linked.h"

#include <stdlib.h>
#include <string.h>

const char *pga_service_place_name(enum pga_service_place place)
{
	return place == PGA_SERVICE_SYSTEM ? "system" : "user";
}

static char *user_path(struct pga_error *error)
{
	const char *named = getenv("PGSERVICEFILE");
	struct pga_text path = PGA_TEXT_EMPTY;
	char *home;

	if (named != NULL && named[0] == '\0') {
		/* libpq takes the empty name for a file that is missing, and stops there. */
		(void)pga_fail(error, "unset it, or let it name a file",
			       "PGSERVICEFILE: set, but empty");
		return NULL;
	}
	if (named != NULL) {
		pga_text_add(&path, named);
	} else {
		home = pga_libpq_home(error);
		if (home == NULL)
			return NULL;
		pga_text_addf(&path, "%s/.pg_service.conf", home);
		free(home);
	}
	if (path.failed)
		(void)pga_fail_memory(error);
	return pga_text_take(&path);
}

char *pga_service_path(enum pga_service_place place, struct pga_error *error)
{
	const char *directory = getenv("PGSYSCONFDIR");
	struct pga_text path = PGA_TEXT_EMPTY;

	if (place == PGA_SERVICE_USER)
		return user_path(error);
	pga_text_addf(&path, "%s/pg_service.conf", directory != NULL ? directory : PG_SYSCONFDIR);
	if (path.failed)
		(void)pga_fail_memory(error);
	return pga_text_take(&path);
}

int pga_service_text_check(const char *path, const char *bytes, size_t length,
			   struct pga_error *error)
{
	const char *nul = length > 0 ? memchr(bytes, '\0', length) : NULL;
	size_t line = 1;

	if (nul == NULL)
		return 0;
	for (const char *at = bytes; at < nul; at++)
		line += *at == '\n';
	return pga_fail(
	    error, "is it the right file? Take the NUL out with an editor",
	    "%s, line %zu: holds a NUL byte, behind which libpq and others read different lines",
	    path, line);
}

/* libpq looks for the four letters at the start of a line, before anything else
 * (parseServiceFile()). */
static bool is_ldap(const struct pga_ini_line *line)
{
	struct pga_ini_span at = line->whole;

	while (at.length > 0 && (*at.bytes == ' ' || (*at.bytes >= '\t' && *at.bytes <= '\r'))) {
		at.bytes++;
		at.length--;
	}
	return line->kind == PGA_INI_OTHER && at.length >= 4 && memcmp(at.bytes, "ldap", 4) == 0;
}

static int add_entry(struct pga_service_file *file, size_t *room, const struct pga_ini_line *line,
		     struct pga_error *error)
{
	struct pga_entry *entry;

	if (file->count == *room) {
		size_t more = *room > 0 ? 2 * *room : 16;
		struct pga_entry *grown = reallocarray(file->entries, more, sizeof *grown);

		if (grown == NULL)
			return pga_fail_memory(error);
		file->entries = grown;
		*room = more;
	}
	entry = &file->entries[file->count];
	memset(entry, 0, sizeof *entry);
	entry->line = line->number;
	entry->start = (size_t)(line->whole.bytes - file->bytes.bytes);
	if (line->name.bytes != NULL) {
		entry->name = pga_ini_copy(line->name);
		if (entry->name == NULL)
			return pga_fail_memory(error);
	}
	file->count++;
	return 0;
}

static int compare(const void *left, const void *right)
{
	const struct pga_entry *a = *(const struct pga_entry *const *)left;
	const struct pga_entry *b = *(const struct pga_entry *const *)right;
	int order = strcmp(a->name, b->name);

	if (order != 0)
		return order;
	return a->line < b->line ? -1 : a->line > b->line;
}

/* The order by name, and which entries are behind another of their name. */
static int sort_entries(struct pga_service_file *file, struct pga_error *error)
{
	const struct pga_entry *first = NULL;

	/* NOLINTNEXTLINE(bugprone-sizeof-expression): of pointers */
	file->by_name = calloc(file->count + 1, sizeof *file->by_name);
	if (file->by_name == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; i < file->count; i++)
		if (file->entries[i].name != NULL)
			file->by_name[file->named++] = &file->entries[i];
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): of pointers */
	qsort(file->by_name, file->named, sizeof *file->by_name, compare);
	for (size_t i = 0; i < file->named; i++) {
		const struct pga_entry *entry = file->by_name[i];

		if (first == NULL || strcmp(first->name, entry->name) != 0)
			first = entry;
		else
			file->entries[entry - file->entries].shadowed = first->line;
	}
	return 0;
}

static int find_entries(struct pga_service_file *file, struct pga_error *error)
{
	struct pga_ini_reader reader =
	    pga_ini_start(pga_text_string(&file->bytes), file->bytes.length, PGA_INI_PGSERVICE);
	struct pga_ini_line line;
	size_t room = 0;

	while (pga_ini_next(&reader, &line)) {
		if (line.kind == PGA_INI_SECTION && add_entry(file, &room, &line, error) != 0)
			return -1;
		if (file->count == 0)
			continue;
		file->entries[file->count - 1].end = reader.position;
		if (is_ldap(&line))
			file->entries[file->count - 1].ldap = true;
	}
	return sort_entries(file, error);
}

int pga_service_file_read(struct pga_service_file *file, enum pga_service_place place,
			  struct pga_error *error)
{
	memset(file, 0, sizeof *file);
	file->place = place;
	file->path = pga_service_path(place, error);
	if (file->path == NULL)
		return -1;
	/* Entries that are out of sight, as while a file system is not mounted, are not none. */
	if (pga_file_read(file->path, &file->bytes, &file->found, error) != 0 ||
	    (!file->found && pga_file_check_link(file->path, error) != 0) ||
	    pga_service_text_check(file->path, file->bytes.bytes, file->bytes.length, error) != 0 ||
	    find_entries(file, error) != 0)
		goto failed;
	return 0;
failed:
	pga_service_file_free(file);
	return -1;
}

const struct pga_entry *pga_service_file_find(const struct pga_service_file *file, const char *name)
{
	size_t low = 0;
	size_t high = file->named;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(file->by_name[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < file->named && strcmp(file->by_name[low]->name, name) == 0 ? file->by_name[low]
										: NULL;
}

void pga_service_file_free(struct pga_service_file *file)
{
	for (size_t i = 0; i < file->count; i++)
		free(file->entries[i].name);
	free(file->by_name);
	free(file->entries);
	free(file->path);
	pga_text_free(&file->bytes);
	memset(file, 0, sizeof *file);
}
