/* Where the records of the audit log are: systemd's journal, or a file of a syslog daemon. */
#include "diagnose/audit_log.h"
#include "diagnose/rotated.h"

#include "base/subprocess.h"
#include "base/text.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* journalctl looks records up by an index, and says what it finds as it goes. */
#define SILENCE 60 /* seconds */

#define OTHER_FILE "name the file that your syslog daemon writes with --file"

/* What a syslog daemon writes in front of a message is the time, the host and the sender's tag:
 *
 *   Nov 22 07:06:03 host pganchor[71]: audit: ...
 *   2026-11-22T07:06:03.251+00:00 host pganchor[71]: audit: ...
 *
 * Any program can write our tag into its message, and the tag itself is the sender's to choose. But
 * the first ": " of a line ends the tag, and what is in front of that is the daemon's. Returns the
 * message where the tag is ours; NULL for any other line. */
static const char *message_of(const char *line)
{
	static const char tag[] = PGA_RECORD_TAG "[";
	const char *end = strstr(line, ": ");
	const char *word = end;
	const char *number;
	size_t digits;

	if (end == NULL)
		return NULL;
	/* In front of it is a blank, or the priority where the line is as it was sent. */
	while (word > line && word[-1] != ' ' && word[-1] != '>')
		word--;
	if (strncmp(word, tag, sizeof tag - 1) != 0)
		return NULL;
	number = word + sizeof tag - 1;
	digits = strspn(number, "0123456789");
	return digits > 0 && number[digits] == ']' && number + digits + 1 == end ? end + 2 : NULL;
}

/* rsyslog can write one line for several of the same: "message repeated 3 times: [ ...]". Returns
 * the message, which is ended before the "]". */
static const char *unfold(char *message, unsigned long *times)
{
	static const char before[] = "message repeated ";
	static const char behind[] = " times: [ ";
	char *end;
	unsigned long number;

	*times = 1;
	if (strncmp(message, before, sizeof before - 1) != 0)
		return message;
	if (!isdigit((unsigned char)message[sizeof before - 1]))
		return message;
	number = strtoul(message + sizeof before - 1, &end, 10);
	if (number == 0 || number > 1000000 || strncmp(end, behind, sizeof behind - 1) != 0 ||
	    end[strlen(end) - 1] != ']')
		return message;
	*times = number;
	end[strlen(end) - 1] = '\0';
	return end + sizeof behind - 1;
}

static int take_line(struct pga_records *records, char *line, time_t since)
{
	const char *found;
	unsigned long times;
	char *message;

	line[strcspn(line, "\r\n")] = '\0';
	found = message_of(line);
	if (found == NULL)
		return 0;
	message = line + (found - line);
	found = unfold(message, &times);
	return pga_records_take(records, found, NULL, since, times);
}

static int read_stream(struct pga_records *records, FILE *stream, const char *name, time_t since,
		       struct pga_error *error)
{
	char *line = NULL;
	size_t room = 0;
	int result = 0;

	while (result == 0 && getline(&line, &room, stream) >= 0)
		if (take_line(records, line, since) != 0)
			result = pga_fail_memory(error);
	if (result == 0 && feof(stream) == 0)
		result = pga_fail_errno(error, "name another file with --file", "could not read %s",
					name);
	free(line);
	return result;
}

/* seen: the file that is read already, which may have got this name since; NULL: none. It gets this
 * one. */
static int read_file(struct pga_records *records, const char *path, time_t since, struct stat *seen,
		     struct pga_error *error)
{
	FILE *stream = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	struct stat status;
	int result = 0;

	if (stream == NULL)
		return pga_fail_errno(
		    error,
		    "root may read it, and on most systems the group adm; or name "
		    "another file with --file",
		    "could not open %s", path);
	if (fstat(fileno(stream), &status) != 0)
		memset(&status, 0, sizeof status);
	if (seen->st_ino == 0 || status.st_ino != seen->st_ino || status.st_dev != seen->st_dev)
		result = read_stream(records, stream, stream == stdin ? "standard input" : path,
				     since, error);
	*seen = status;
	if (stream != stdin)
		(void)fclose(stream);
	return result;
}

static int read_named_file(struct pga_records *records, const char *path, time_t since,
			   struct pga_error *error)
{
	struct stat seen = {.st_ino = 0};

	records->source = strdup(strcmp(path, "-") == 0 ? "standard input" : path);
	return read_file(records, path, since, &seen, error);
}

/* The file that a syslog daemon writes, and what of it was moved away since that moment. The file
 * itself comes first: what is moved away meanwhile is then known. */
static int read_usual_file(struct pga_records *records, const char *path, time_t since,
			   struct pga_error *error)
{
	struct stat first = {.st_ino = 0};
	struct pga_text source = PGA_TEXT_EMPTY;
	struct pga_rotated rotated;
	int result = read_file(records, path, since, &first, error);

	if (result != 0)
		return result;
	pga_text_add(&source, path);
	result = pga_rotated_find(&rotated, path, since, error);
	for (size_t i = 0; result == 0 && i < rotated.count; i++) {
		struct stat seen = first;

		pga_text_addf(&source, ", %s", rotated.paths[i]);
		result = read_file(records, rotated.paths[i], since, &seen, error);
	}
	records->source = pga_text_take(&source);
	records->unread = pga_text_take(&rotated.compressed);
	if (records->unread == NULL && result == 0)
		result = pga_fail_memory(error);
	pga_rotated_free(&rotated);
	return result;
}

/* journalctl's answer while it comes: one JSON object a line. */
struct journal_answer {
	struct pga_records *records;
	time_t since;
	struct pga_text line; /* what has come of the one that has not ended yet */
	bool no_memory;
	bool broken; /* a line is no JSON object */
};

/* What journald calls `_SOMETHING` it has from the kernel, and nobody can set in its stead; it is
 * text, in JSON too. */
static long number_in(json_t *entry, const char *field, long otherwise)
{
	const char *text = json_string_value(json_object_get(entry, field));
	char *end;
	long number;

	if (text == NULL)
		return otherwise;
	number = strtol(text, &end, 10);
	return end != text && *end == '\0' && number >= 0 ? number : otherwise;
}

/* Whether the field is there with another value. */
static bool is_other(json_t *entry, const char *field, const char *wanted)
{
	const char *text = json_string_value(json_object_get(entry, field));

	return text != NULL && strcmp(text, wanted) != 0;
}

static bool take_entry(struct journal_answer *answer, json_t *entry)
{
	const struct pga_sender sender = {number_in(entry, "_UID", -1), number_in(entry, "_PID", 0),
					  json_string_value(json_object_get(entry, "_EXE"))};
	const json_t *message = json_object_get(entry, "MESSAGE");

	/* The gate sends to /dev/log, and not what others can send under its name by other ways. */
	if (is_other(entry, "SYSLOG_IDENTIFIER", PGA_RECORD_TAG) ||
	    is_other(entry, "_TRANSPORT", "syslog"))
		return true;
	/* As the gate writes it, it is ASCII, and a string. */
	if (!json_is_string(message)) {
		answer->records->unreadable++;
		return true;
	}
	return pga_records_take(answer->records, json_string_value(message), &sender, answer->since,
				1) == 0;
}

static bool take_answered_line(struct journal_answer *answer)
{
	json_t *entry;

	if (answer->line.failed)
		answer->no_memory = true;
	if (answer->no_memory || answer->line.length == 0)
		return !answer->no_memory;
	entry = json_loadb(answer->line.bytes, answer->line.length, 0, NULL);
	if (!json_is_object(entry))
		answer->broken = true;
	else if (!take_entry(answer, entry))
		answer->no_memory = true;
	json_decref(entry);
	answer->line.length = 0;
	return !answer->broken && !answer->no_memory;
}

static bool take_answer(void *context, const char *bytes, size_t length)
{
	struct journal_answer *answer = context;
	const char *end = bytes + length;

	while (bytes < end) {
		const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));

		pga_text_add_bytes(&answer->line, bytes,
				   (size_t)((newline != NULL ? newline : end) - bytes));
		if (newline == NULL)
			break;
		if (!take_answered_line(answer))
			return false;
		bytes = newline + 1;
	}
	return true;
}

/* What is said of an answer that is not whole: half of it would look like all. */
static int fail_to_read(const struct pga_subprocess *child, const struct journal_answer *answer,
			struct pga_error *error)
{
	const char *said = pga_text_string(&child->errors);
	const int length = (int)strcspn(said, "\n");

	if (answer->no_memory)
		return pga_fail_memory(error);
	if (answer->broken || child->status == 0)
		return pga_fail(
		    error, OTHER_FILE,
		    "could not read the journal: journalctl's answer is cut or no JSON");
	if (length == 0)
		return pga_fail(error, OTHER_FILE,
				"could not read the journal: journalctl ended with status %d",
				child->status);
	return pga_fail(error, OTHER_FILE, "could not read the journal: %.*s", length, said);
}

static int read_journal(struct pga_records *records, time_t since, struct pga_error *error)
{
	struct journal_answer answer = {records, since, PGA_TEXT_EMPTY, false, false};
	struct pga_text from = PGA_TEXT_EMPTY;
	struct pga_subprocess child = {.status = 0};
	const char *argv[] = {
	    "journalctl", "--no-pager",
	    "--quiet", /* without --all, what is long is left out */
	    "--all",      "-o",
	    "json",       "--output-fields=MESSAGE,SYSLOG_IDENTIFIER,_TRANSPORT,_UID,_PID,_EXE",
	    "-t",         PGA_RECORD_TAG,
	    NULL,         NULL};
	int result;

	records->source = strdup("the journal");
	/* A record is sent after the time that it tells. */
	pga_text_addf(&from, "--since=@%lld", (long long)since);
	if (since > 0)
		argv[sizeof argv / sizeof argv[0] - 2] = pga_text_string(&from);
	result = pga_subprocess_stream(SILENCE, argv, take_answer, &answer, &child, error);
	if ((result == 0 && (child.status != 0 || !take_answered_line(&answer))) || answer.broken ||
	    answer.no_memory)
		result = fail_to_read(&child, &answer, error);
	if (result != 0 && error->hint[0] == '\0')
		(void)snprintf(error->hint, sizeof error->hint, "%s", OTHER_FILE);
	pga_text_free(&answer.line);
	pga_text_free(&from);
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

static const char *const journals[] = {"/var/log/journal", "/run/log/journal"};

/* Whether journald keeps something here: files are in a directory for each machine. What cannot be
 * looked at may well hold some. */
static bool holds_files(const char *journal)
{
	DIR *machines = opendir(journal);
	const struct dirent *machine;
	bool any = machines == NULL && errno != ENOENT;

	while (!any && machines != NULL && (machine = readdir(machines)) != NULL) {
		struct pga_text path = PGA_TEXT_EMPTY;
		const struct dirent *file;
		DIR *files;

		if (machine->d_name[0] == '.')
			continue;
		pga_text_addf(&path, "%s/%s", journal, machine->d_name);
		files = opendir(pga_text_string(&path));
		any = files == NULL && errno == EACCES;
		while (!any && files != NULL && (file = readdir(files)) != NULL)
			any = strstr(file->d_name, ".journal") != NULL;
		if (files != NULL)
			(void)closedir(files);
		pga_text_free(&path);
	}
	if (machines != NULL)
		(void)closedir(machines);
	return any;
}

/* The file to read, or NULL for the journal: /var/log/journal may be there and empty, where
 * journald does not run or keeps nothing, and a syslog daemon writes. Returns -1 where there is
 * neither. */
int pga_log_choose(const char **path, struct pga_error *error)
{
	bool is_there = false;

	*path = NULL;
	for (size_t i = 0; i < sizeof journals / sizeof journals[0]; i++) {
		if (holds_files(journals[i]))
			return 0;
		is_there = is_there || access(journals[i], F_OK) == 0;
	}
	*path = usual_file();
	if (*path == NULL && !is_there)
		return pga_fail(error, OTHER_FILE,
				"no log: there is neither a journal nor a file of a syslog daemon "
				"in /var/log");
	return 0;
}

int pga_records_read(struct pga_records *records, const char *path, time_t since,
		     struct pga_error *error)
{
	const char *usual = NULL;
	int result;

	memset(records, 0, sizeof *records);
	if (path == NULL && pga_log_choose(&usual, error) != 0)
		return -1;
	if (path != NULL)
		result = read_named_file(records, path, since, error);
	else if (usual != NULL)
		result = read_usual_file(records, usual, since, error);
	else
		result = read_journal(records, since, error);
	if (result == 0 && records->source == NULL)
		result = pga_fail_memory(error);
	pga_records_sort(records);
	return result;
}
