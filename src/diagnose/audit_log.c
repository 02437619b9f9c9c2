#include "diagnose/audit_log.h"

#include "base/text.h"

#include <errno.h>
#include <search.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void free_record(struct pga_record *record)
{
	if (record == NULL)
		return;
	for (size_t i = 0; i < PGA_WORDS; i++)
		free(record->words[i]);
	free(record->exe);
	free(record);
}

static int by_words(const void *left, const void *right)
{
	const struct pga_record *a = left;
	const struct pga_record *b = right;
	int order = 0;

	for (size_t i = 0; i < PGA_WORDS && order == 0; i++)
		order = strcmp(a->words[i], b->words[i]);
	if (order == 0)
		order = strcmp(a->exe, b->exe);
	if (order == 0 && a->uid != b->uid)
		order = a->uid < b->uid ? -1 : 1;
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
	if (same != record) {
		same->count += record->count;
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

int pga_records_take(struct pga_records *records, const char *message,
		     const struct pga_sender *sender, time_t since, unsigned long times)
{
	const size_t mark = sizeof PGA_RECORD_MARK - 1;
	struct pga_record *record;

	if (strncmp(message, PGA_RECORD_MARK " " PGA_RECORD_TIME "=",
		    mark + sizeof " " PGA_RECORD_TIME "=" - 1) != 0)
		return 0;
	record = calloc(1, sizeof *record);
	if (record == NULL)
		return -1;
	record->count = times;
	record->uid = sender != NULL ? sender->uid : -1;
	record->exe = strdup(sender != NULL && sender->exe != NULL ? sender->exe : "");
	if (record->exe == NULL || !parse(message + mark, record)) {
		records->unreadable += times;
		free_record(record);
		return 0;
	}
	if (sender != NULL && sender->pid > 0)
		record->last_pid = sender->pid;
	if (record->last < since) {
		free_record(record);
		return 0;
	}
	return keep(records, record);
}

void pga_records_sort(struct pga_records *records)
{
	if (records->count > 0)
		qsort(records->records, records->count, sizeof(struct pga_record *), by_count);
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
	free(records->unread);
	memset(records, 0, sizeof *records);
}
