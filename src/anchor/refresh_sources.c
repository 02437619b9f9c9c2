/* Which sources there are, which of them are due, and what is written down of them. */
#include "anchor/refresh.h"

#include "anchor/removal.h"
#include "base/transaction.h"
#include "ca/url.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DAY  ((time_t)24 * 60 * 60)
#define WEEK (7 * DAY)

static time_t time_of(const char *date)
{
	struct tm tm = {0};
	const char *end = date != NULL ? strptime(date, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;

	return end != NULL && *end == '\0' ? timegm(&tm) : (time_t)-1;
}

static bool is_https(const char *location)
{
	return strncasecmp(location, "https://", strlen("https://")) == 0;
}

/* An anchor without a record is of a time when a step-ca was the only source. One whose address was
 * learnt elsewhere (a team's) has the CA's own in anchors.conf. */
static enum pga_refreshed_way way_of(const struct pga_source_record *record,
				     const struct pga_pin *pin)
{
	static const struct {
		const char *kind;
		enum pga_refreshed_way way;
	} ways[] = {{"https", PGA_ASK_BYTES},
		    {"file", PGA_ASK_BYTES},
		    {"server", PGA_ASK_SERVER},
		    {"stdin", PGA_ASK_NOBODY},
		    {"root.crt", PGA_ASK_NOBODY}};

	for (size_t i = 0; record->kind != NULL && i < sizeof ways / sizeof ways[0]; i++)
		if (strcmp(record->kind, ways[i].kind) == 0)
			return ways[i].way;
	return is_https(pin->source) ? PGA_ASK_STEPCA : PGA_ASK_NOBODY;
}

/* An address, however it is written; with a file, whatever it is. */
static void add_location(struct pga_text *key, const char *location)
{
	struct pga_error error;
	struct pga_ca_url url;

	if (is_https(location) && pga_ca_url_read_file(&url, location, &error) == 0) {
		size_t length = strlen(url.url);

		while (length > 0 && url.url[length - 1] == '/')
			length--;
		pga_text_add_bytes(key, url.url, length);
		pga_ca_url_free(&url);
	} else {
		pga_text_add(key, location);
	}
}

/* What anchors of one source have in common. */
static char *key_of(const struct pga_refreshed *source, const struct pga_pin *pin)
{
	struct pga_text key = PGA_TEXT_EMPTY;

	pga_text_addf(&key, "%d\n%s\n", (int)source->way,
		      source->record.ca_file != NULL ? source->record.ca_file : "");
	add_location(&key, source->record.location);
	/* Of those that cannot be asked, each stands for itself. */
	if (source->way == PGA_ASK_NOBODY)
		pga_text_addf(&key, "\n%s", pin->name);
	return pga_text_take(&key);
}

static int compare_keys(const void *left, const void *right)
{
	return strcmp(((const struct pga_refreshed *)left)->key,
		      ((const struct pga_refreshed *)right)->key);
}

static void free_source(struct pga_refreshed *source)
{
	for (size_t i = 0; i < source->count; i++) {
		free(source->roots[i].name);
		free(source->roots[i].why);
		free(source->roots[i].taken_by);
		pga_certificate_free(&source->roots[i].certificate);
	}
	free(source->roots);
	free(source->anchors);
	free(source->key);
	free(source->etag);
	free(source->rotated.crl_fault);
	sk_X509_pop_free(source->chain, X509_free);
}

/* A source for each anchor. */
static int add_each(struct pga_refresh *refresh, struct pga_error *error)
{
	refresh->sources = calloc(refresh->pins.count + 1, sizeof *refresh->sources);
	if (refresh->sources == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; i < refresh->pins.count; i++) {
		const struct pga_pin *pin = &refresh->pins.pins[i];
		struct pga_refreshed *source = &refresh->sources[refresh->count];
		const struct pga_source_record *record;

		if (pin->system != refresh->system)
			continue;
		refresh->count++;
		record = pga_source_records_of(&refresh->records, pin->name);
		if (record != NULL)
			source->record = *record;
		source->way = way_of(&source->record, pin);
		/* The CA's own address, wherever it was learnt. */
		if (source->record.location == NULL || source->way == PGA_ASK_STEPCA)
			source->record.location = pin->source;
		source->key = key_of(source, pin);
		source->anchors = calloc(1, sizeof(const struct pga_pin *));
		if (source->key == NULL || source->anchors == NULL)
			return pga_fail_memory(error);
		source->anchors[source->anchor_count++] = pin;
	}
	return 0;
}

/* The one has the other's anchors, too, and was asked when the first of both was. */
static int unite(struct pga_refreshed *source, struct pga_refreshed *other, struct pga_error *error)
{
	const struct pga_pin **grown =
	    reallocarray(source->anchors, source->anchor_count + other->anchor_count,
			 sizeof(const struct pga_pin *));

	if (grown == NULL)
		return pga_fail_memory(error);
	source->anchors = grown;
	for (size_t i = 0; i < other->anchor_count; i++)
		source->anchors[source->anchor_count++] = other->anchors[i];
	if (time_of(other->record.checked) < time_of(source->record.checked))
		source->record = other->record;
	free_source(other);
	return 0;
}

static int unite_all(struct pga_refresh *refresh, struct pga_error *error)
{
	size_t count = 0;

	if (refresh->count > 0)
		qsort(refresh->sources, refresh->count, sizeof *refresh->sources, compare_keys);
	for (size_t i = 0; i < refresh->count; i++) {
		struct pga_refreshed *source = &refresh->sources[i];

		if (count > 0 && strcmp(refresh->sources[count - 1].key, source->key) == 0) {
			if (unite(&refresh->sources[count - 1], source, error) != 0)
				return -1;
			memset(source, 0, sizeof *source);
			continue;
		}
		if (count != i) {
			refresh->sources[count] = *source;
			memset(source, 0, sizeof *source);
		}
		count++;
	}
	refresh->count = count;
	return 0;
}

/* As long before its week is up as chance has it, up to a day, and the same each time: the machines
 * of a company do not all ask their CA at once. */
static time_t jitter(const struct pga_refreshed *source)
{
	const unsigned own = (unsigned)gethostid() ^ (unsigned)getuid();
	unsigned long hash = 1469598103UL ^ own;

	for (const char *at = source->key; *at != '\0'; at++)
		hash = (hash ^ (unsigned char)*at) * 16777619UL;
	return (time_t)(hash % (unsigned long)DAY);
}

/* One that was looked at in the future, by a clock that was wrong, is due. */
static bool is_due(const struct pga_refreshed *source)
{
	const time_t now = time(NULL);
	const time_t checked = time_of(source->record.checked);

	return checked == (time_t)-1 || checked > now + DAY ||
	       now - checked >= WEEK - jitter(source);
}

static bool is_named(const struct pga_refreshed *source, const char *const *names, size_t count)
{
	for (size_t i = 0; i < source->anchor_count; i++)
		for (size_t k = 0; k < count; k++)
			if (strcmp(source->anchors[i]->name, names[k]) == 0)
				return true;
	return count == 0;
}

static int check_names(const struct pga_refresh *refresh, const char *const *names, size_t count,
		       struct pga_error *error)
{
	for (size_t i = 0; i < count; i++) {
		bool found = false;

		for (size_t k = 0; k < refresh->pins.count; k++)
			found = found || (refresh->pins.pins[k].system == refresh->system &&
					  strcmp(refresh->pins.pins[k].name, names[i]) == 0);
		if (!found)
			return pga_fail_no_anchor(&refresh->pins, names[i], refresh->system, error);
	}
	return 0;
}

static void choose(struct pga_refresh *refresh, const char *const *names, size_t count,
		   bool due_only)
{
	size_t chosen = 0;

	for (size_t i = 0; i < refresh->count; i++) {
		struct pga_refreshed *source = &refresh->sources[i];

		source->due = is_due(source);
		if (!is_named(source, names, count) || (due_only && !source->due)) {
			free_source(source);
			continue;
		}
		refresh->sources[chosen++] = *source;
	}
	refresh->count = chosen;
}

int pga_refresh_begin(struct pga_refresh *refresh, const char *const *names, size_t count,
		      bool system, bool due_only, struct pga_error *error)
{
	memset(refresh, 0, sizeof *refresh);
	refresh->system = system;
	if (pga_pins_load(&refresh->pins, NULL, error) != 0 ||
	    check_names(refresh, names, count, error) != 0 ||
	    pga_source_records_load(&refresh->records, system, error) != 0 ||
	    add_each(refresh, error) != 0 || unite_all(refresh, error) != 0)
		return -1;
	choose(refresh, names, count, due_only);
	return 0;
}

void pga_refresh_end(struct pga_refresh *refresh)
{
	for (size_t i = 0; i < refresh->count; i++)
		free_source(&refresh->sources[i]);
	free(refresh->sources);
	pga_source_records_free(&refresh->records);
	pga_pins_free(&refresh->pins);
	memset(refresh, 0, sizeof *refresh);
}

/* ---- what is written down ---- */

static bool differs(const char *left, const char *right)
{
	return left != NULL && right != NULL && strcmp(left, right) != 0;
}

/* The record as it is now. Texts belong to the source, and to now. */
static struct pga_source_record noted(const struct pga_refreshed *source,
				      const struct pga_source_record *before, const char *now)
{
	struct pga_source_record record = *before;

	record.checked = now;
	if (source->way == PGA_ASK_STEPCA) {
		if (source->rotated.changed || record.changed == NULL)
			record.changed = now;
		if (record.kind == NULL)
			record.kind = "step-ca";
		if (record.location == NULL)
			record.location = source->record.location;
	}
	if (source->digest[0] != '\0') {
		if (differs(source->digest, before->digest) || record.changed == NULL)
			record.changed = now;
		record.digest = source->digest;
		record.etag = source->etag;
	}
	return record;
}

/* Puts what was composed in the place of text. */
static void take(struct pga_text *text, struct pga_text *composed)
{
	composed->failed = composed->failed || text->failed;
	pga_text_free(text);
	*text = *composed;
}

static int note_all(const struct pga_refresh *refresh, struct pga_transaction_file *file,
		    const char *now, struct pga_error *error)
{
	struct pga_source_records records = {.path = NULL};
	static const struct pga_source_record none = {.kind = NULL};
	int result = pga_source_records_parse(&records, pga_text_string(&file->edit.before),
					      file->edit.before.length, error);

	pga_text_add_bytes(&file->after, pga_text_string(&file->edit.before),
			   file->edit.before.length);
	for (size_t i = 0; i < refresh->count && result == 0; i++) {
		const struct pga_refreshed *source = &refresh->sources[i];

		for (size_t k = 0; source->asked && k < source->count; k++) {
			const struct pga_refreshed_root *root = &source->roots[k];
			const struct pga_source_record *before =
			    root->name != NULL ? pga_source_records_of(&records, root->name) : NULL;
			struct pga_text composed = PGA_TEXT_EMPTY;
			struct pga_source_record record;

			/* What was pinned or dropped just now is written already. */
			if (root->pin == NULL || root->dropped || root->taken_by != NULL)
				continue;
			record = noted(source, before != NULL ? before : &none, now);
			pga_source_records_set(&file->after, root->name, &record, &composed);
			take(&file->after, &composed);
		}
	}
	pga_source_records_free(&records);
	return result == 0 ? pga_transaction_put(file, error) : -1;
}

int pga_refresh_note(const struct pga_refresh *refresh, struct pga_error *error)
{
	struct pga_transaction_file file = {.change = PGA_UNCHANGED};
	struct pga_transaction_file *const files[] = {&file};
	const time_t seconds = time(NULL);
	char now[PGA_CERTIFICATE_DATE] = "";
	bool any = false;
	struct tm tm;
	int result;

	for (size_t i = 0; i < refresh->count; i++)
		any = any || refresh->sources[i].asked;
	if (!any)
		return 0;
	if (gmtime_r(&seconds, &tm) != NULL)
		(void)strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", &tm);
	result = pga_edit_begin_in(&file.edit, refresh->records.path, refresh->system ? 0644 : 0600,
				   refresh->system ? 0755 : 0700, error);
	if (result == 0 && (note_all(refresh, &file, now, error) != 0 ||
			    pga_transaction_write(files, 1, error) != 0))
		result = -1;
	pga_transaction_end(&file);
	return result;
}
