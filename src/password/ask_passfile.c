#include "password/ask_passfile.h"

#include "base/memory_file.h"
#include "policy/effective.h"
#include "policy/linked.h"
#include "service/ask.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int pga_passfile_find(char **path, struct pga_error *error)
{
	const char *const keywords[] = {NULL};
	const struct pga_parameters parameters = {keywords, keywords, 0};
	struct pga_effective effective = {0};
	const char *value;
	int result = 0;

	*path = NULL;
	if (pga_ask(&parameters, &effective, error) != 0)
		return -1;
	value = pga_effective_value(&effective, "passfile");
	if (value != NULL && value[0] != '\0') {
		*path = strdup(value);
		result = *path != NULL ? 0 : pga_fail_memory(error);
	}
	pga_effective_free(&pga_linked_libpq, &effective);
	return result;
}

char *pga_passfile_path(struct pga_error *error)
{
	char *path;

	if (pga_passfile_find(&path, error) == 0 && path == NULL)
		(void)pga_fail(error, "give the file as a word", "libpq has no password file here");
	return path;
}

/* What a connection has where any fits: a port that is one, and names that are no "*". */
static const char *some(const struct pga_password_entry *entry, enum pga_secret_word word)
{
	if (strcmp(entry->words[word], PGA_PASSWORD_ANY) != 0)
		return entry->words[word];
	return word == PGA_SECRET_PORT ? "1" : "pganchor";
}

int pga_passfile_gives(const char *bytes, size_t length, const struct pga_password_entry *entry,
		       const char *password, bool *gives, struct pga_error *error)
{
	static const char *const keywords[] = {"host", "port", "dbname", "user", "passfile", NULL};
	const char *values[6] = {NULL};
	const struct pga_parameters parameters = {keywords, values, 0};
	struct pga_memory_file file = PGA_NO_MEMORY_FILE;
	const char *read = NULL;
	PGconn *conn = NULL;
	int result = -1;

	for (enum pga_secret_word word = 0; word < PGA_SECRET_FILE; word++)
		values[word] = some(entry, word);
	if (pga_memory_file_make(&file, error) != 0)
		return -1;
	values[PGA_SECRET_FILE] = file.path;
	if (pga_memory_file_put(&file, bytes, length, error) != 0)
		goto done;
	/* libpq reads no file that others may. */
	if (fchmod(file.descriptor, 0600) != 0) {
		(void)pga_fail_errno(error, NULL, "could not protect a file in memory");
		goto done;
	}
	conn =
	    pga_effective_failed(&pga_linked_libpq, &parameters, "target_session_attrs", PGA_PROBE);
	if (conn == NULL) {
		(void)pga_fail_memory(error);
		goto done;
	}
	read = PQpass(conn);
	*gives = read != NULL && strcmp(read, password) == 0;
	result = 0;
done:
	pga_linked_libpq.PQfinish(conn);
	pga_memory_file_end(&file);
	return result;
}
