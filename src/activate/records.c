#include "activate/records.h"

#include "base/subprocess.h"
#include "base/text.h"

#include <errno.h>
#include <jansson.h>
#include <search.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long journalctl may take: the journal of a busy machine is long. */
#define LOG_SECONDS 600

static void free_record(struct pga_record *record)
{
	if (record == NULL)
		return;
	for (size_t i = 0; i < PGA_WORDS; i++)
		free(record->words[i]);
	free(record);
}

static int by_words(const void *left, const void *right)
{
	const struct pga_record *a = left;
	const struct pga_record *b = right;
	int order = 0;

	for (size_t i = 0; i < PGA_WORDS && order == 0; i++)
		order = strcmp(a->words[i], b->words[i]);
	return order;
}

static int by_count(const void *left, const void *right)
{
	const struct pga_record *a = *(struct pga_record *const *)left;
	const struct pga_record *b = *(struct pga_record *const *)right;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	if (a->last != b->last)
		return a->last > b->last ? -1 : 1;
	return by_words(a, b);
}

/* The number that a word is; -1 where it is none. */
static long long number_of(const char *text)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(text, &end, 10);
	return errno != 0 || end == text || *end != '\0' || number < 0 ? -1 : number;
}

static bool is_key(const char *key, size_t length, const char *wanted)
{
	return strlen(wanted) == length && strncmp(key, wanted, length) == 0;
}

/* Reads the words of one line. Returns false for a line that is not as the gate writes them, and
 * where memory ran out. */
static bool parse(const char *at, struct pga_record *record)
{
	while (*at != '\0') {
		struct pga_text value = PGA_TEXT_EMPTY;
		const char *key = NULL;
		size_t length = 0;

		at = pga_record_next(at, &key, &length, &value);
		if (at == NULL || value.failed) {
			pga_text_free(&value);
			return false;
		}
		if (is_key(key, length, PGA_RECORD_TIME))
			record->first = record->last = (time_t)number_of(pga_text_string(&value));
		if (is_key(key, length, PGA_RECORD_PID))
			record->last_pid = (long)number_of(pga_text_string(&value));
		for (size_t i = 0; i < PGA_WORDS; i++)
			if (is_key(key, length, pga_word_key((enum pga_word)i)) &&
			    record->words[i] == NULL)
				record->words[i] = strdup(pga_text_string(&value));
		pga_text_free(&value);
	}
	if (record->last <= 0 || record->words[PGA_WORD_PROGRAM] == NULL ||
	    record->words[PGA_WORD_REASONS] == NULL)
		return false;
	for (size_t i = 0; i < PGA_WORDS; i++)
		if (record->words[i] == NULL && (record->words[i] = strdup("")) == NULL)
			return false;
	return true;
}

/* Adds it to those that are alike, or keeps it as the first of its kind. Takes the record. */
static int keep(struct pga_records *records, struct pga_record *record)
{
	struct pga_record **grown;
	struct pga_record **found = tsearch(record, &records->tree, by_words);
	struct pga_record *same;

	if (found == NULL) {
		free_record(record);
		return -1;
	}
	same = *found;
	same->count++;
	if (same != record) {
		if (record->last >= same->last) {
			same->last = record->last;
			same->last_pid = record->last_pid;
		}
		if (record->first < same->first)
			same->first = record->first;
		free_record(record);
		return 0;
	}
	grown = reallocarray(records->records, records->count + 1, sizeof(struct pga_record *));
	if (grown == NULL) {
		(void)tdelete(record, &records->tree, by_words);
		free_record(record);
		return -1;
	}
	records->records = grown;
	records->records[records->count++] = record;
	return 0;
}

/* Takes one line of a log. What is not ours counts for nothing. */
static int take_line(struct pga_records *records, char *line, time_t since)
{
	static const char mark[] = " audit: time=\"";
	char *at = line;
	struct pga_record *record;

	line[strcspn(line, "\r\n")] = '\0';
	/* A syslog daemon's line has "pganchor[PID]:" in front; a message of the journal has not.
	 */
	if (strncmp(at, mark + 1, sizeof mark - 2) != 0) {
		at = strstr(line, "pganchor[");
		at = at != NULL ? strstr(at, mark) : NULL;
		if (at == NULL)
			return 0;
		at++;
	}
	record = calloc(1, sizeof *record);
	if (record == NULL)
		return -1;
	if (!parse(at + sizeof "audit:" - 1, record)) {
		records->unreadable++;
		free_record(record);
		return 0;
	}
	if (record->last < since) {
		free_record(record);
		return 0;
	}
	return keep(records, record);
}

static int read_stream(struct pga_records *records, FILE *stream, time_t since,
		       struct pga_error *error)
{
	char *line = NULL;
	size_t room = 0;
	int result = 0;

	while (result == 0 && getline(&line, &room, stream) >= 0)
		if (take_line(records, line, since) != 0)
			result = pga_fail_memory(error);
	if (result == 0 && ferror(stream) != 0)
		result = pga_fail_errno(error, "name another file with --file", "cannot read %s",
					records->source);
	free(line);
	return result;
}

static int read_file(struct pga_records *records, const char *path, time_t since,
		     struct pga_error *error)
{
	FILE *stream = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	int result;

	records->source = strdup(stream == stdin ? "standard input" : path);
	if (stream == NULL)
		return pga_fail_errno(
		    error,
		    "root may read it, and on most systems the group adm; or name "
		    "another file with --file",
		    "cannot open %s", path);
	result = read_stream(records, stream, since, error);
	if (stream != stdin)
		(void)fclose(stream);
	return result;
}

/* One JSON object a line, of journalctl. The message is a string: it is ASCII as the gate writes
 * it. */
static int read_journal(struct pga_records *records, time_t since, struct pga_error *error)
{
	static const char *const argv[] = {"journalctl", "--no-pager", "--quiet",  "-o",
					   "json",       "-t",         "pganchor", NULL};
	struct pga_subprocess child;
	char *at;
	char *line;
	int result = -1;

	records->source = strdup("the journal");
	if (pga_subprocess_run_for(LOG_SECONDS, argv, "", &child, error) != 0)
		goto done;
	if (child.status != 0) {
		child.errors.bytes[strcspn(pga_text_string(&child.errors), "\n")] = '\0';
		(void)pga_fail(error, "name the file that your syslog daemon writes with --file",
			       "cannot read the journal: %s", pga_text_string(&child.errors));
		goto done;
	}
	at = child.output.bytes;
	while (at != NULL && (line = strsep(&at, "\n")) != NULL) {
		json_t *entry = json_loads(line, 0, NULL);
		const char *message = json_string_value(json_object_get(entry, "MESSAGE"));
		char *copy = message != NULL ? strdup(message) : NULL;
		int kept = copy != NULL ? take_line(records, copy, since) : 0;

		free(copy);
		json_decref(entry);
		if (kept != 0) {
			(void)pga_fail_memory(error);
			goto done;
		}
	}
	result = 0;
done:
	pga_subprocess_free(&child);
	return result;
}

/* Where syslog daemons put authpriv: Debian's, Fedora's, then those that put all in one. */
static const char *usual_file(void)
{
	static const char *const paths[] = {"/var/log/auth.log", "/var/log/secure",
					    "/var/log/messages", "/var/log/syslog"};

	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		if (access(paths[i], F_OK) == 0)
			return paths[i];
	return NULL;
}

static bool has_journal(void)
{
	return access("/run/log/journal", F_OK) == 0 || access("/var/log/journal", F_OK) == 0;
}

int pga_records_read(struct pga_records *records, const char *path, time_t since,
		     struct pga_error *error)
{
	int result;

	memset(records, 0, sizeof *records);
	if (path == NULL && !has_journal()) {
		path = usual_file();
		if (path == NULL)
			return pga_fail(error,
					"name the file that your syslog daemon writes with --file",
					"no log: there is neither a journal nor a file of a syslog "
					"daemon in /var/log");
	}
	result = path != NULL ? read_file(records, path, since, error)
			      : read_journal(records, since, error);
	if (records->count > 0)
		qsort(records->records, records->count, sizeof(struct pga_record *), by_count);
	return result;
}

static void leave(void *node)
{
	(void)node; /* it belongs to the array */
}

void pga_records_free(struct pga_records *records)
{
	tdestroy(records->tree, leave);
	for (size_t i = 0; i < records->count; i++)
		free_record(records->records[i]);
	free(records->records);
	free(records->source);
	memset(records, 0, sizeof *records);
}
