#include "cli/print_fleet.h"

#include "base/terminal.h"
#include "report/json.h"
#include "report/moment.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The form of the lines: another number where a key comes to mean something else. */
#define FLEET_FORM 1

/* Reasons of one connection are told with this between them (policy/record.h). */
#define BETWEEN "; "

/* One reason of one record. Nothing in it is its own. */
struct weak {
	const char *program;
	const char *host;
	const char *reason;
	size_t reason_length;
	long uid; /* -1: not known */
	unsigned long count;
	time_t first;
	time_t last;
};

static int by_reason(const struct weak *a, const struct weak *b)
{
	const size_t common =
	    a->reason_length < b->reason_length ? a->reason_length : b->reason_length;
	const int order = strncmp(a->reason, b->reason, common);

	return order != 0
		   ? order
		   : (a->reason_length > b->reason_length) - (a->reason_length < b->reason_length);
}

static int by_all(const void *left, const void *right)
{
	const struct weak *a = left;
	const struct weak *b = right;
	int order = strcmp(a->program, b->program);

	if (order == 0)
		order = strcmp(a->host, b->host);
	if (order == 0)
		order = by_reason(a, b);
	return order != 0 ? order : (a->uid > b->uid) - (a->uid < b->uid);
}

static size_t count_reasons(const struct pga_record *record)
{
	size_t count = 1;

	for (const char *at = record->words[PGA_WORD_REASONS]; (at = strstr(at, BETWEEN)) != NULL;
	     at += sizeof BETWEEN - 1)
		count++;
	return count;
}

/* Writes one for each of the record's reasons. Returns how many. */
static size_t take(struct weak *into, const struct pga_record *record)
{
	const char *host = record->words[PGA_WORD_HOST];
	const char *reason = record->words[PGA_WORD_REASONS];
	size_t count = 0;

	while (reason != NULL) {
		const char *end = strstr(reason, BETWEEN);

		into[count] = (struct weak){
		    .program = record->words[PGA_WORD_PROGRAM],
		    .host = host[0] != '\0' ? host : record->words[PGA_WORD_HOSTADDR],
		    .reason = reason,
		    .reason_length = end != NULL ? (size_t)(end - reason) : strlen(reason),
		    .uid = record->uid,
		    .count = record->count,
		    .first = record->first,
		    .last = record->last,
		};
		count++;
		reason = end != NULL ? end + sizeof BETWEEN - 1 : NULL;
	}
	return count;
}

/* Joins those that are alike. Returns how many are left. */
static size_t join(struct weak *list, size_t count)
{
	size_t kept = 0;

	if (count > 0)
		qsort(list, count, sizeof *list, by_all);
	for (size_t i = 0; i < count; i++) {
		struct weak *same = kept > 0 ? &list[kept - 1] : NULL;

		if (same == NULL || by_all(same, &list[i]) != 0) {
			list[kept++] = list[i];
			continue;
		}
		same->count += list[i].count;
		if (list[i].first < same->first)
			same->first = list[i].first;
		if (list[i].last > same->last)
			same->last = list[i].last;
	}
	return kept;
}

static json_t *login_of(long uid)
{
	const struct passwd *user = uid >= 0 ? getpwuid((uid_t)uid) : NULL;

	return user != NULL ? pga_json_text(user->pw_name) : json_null();
}

static json_t *time_of(time_t when)
{
	char text[PGA_MOMENT];

	pga_moment(when, true, text);
	return json_string(text);
}

static int print(const struct weak *weak, const char *hostname, int status)
{
	char *reason = strndup(weak->reason, weak->reason_length);
	json_t *line = json_object();

	pga_json_set(line, "form", json_integer(FLEET_FORM));
	pga_json_set(line, "hostname", pga_json_text(hostname));
	pga_json_set(line, "login", login_of(weak->uid));
	pga_json_set(line, "uid", weak->uid >= 0 ? json_integer(weak->uid) : json_null());
	pga_json_set(line, "program", pga_json_text(weak->program));
	pga_json_set(line, "host", pga_json_text(weak->host));
	pga_json_set(line, "reason", reason != NULL ? pga_json_text(reason) : NULL);
	pga_json_set(line, "count", json_integer((json_int_t)weak->count));
	pga_json_set(line, "first", time_of(weak->first));
	pga_json_set(line, "last", time_of(weak->last));
	free(reason);
	return pga_json_print_line(line, status);
}

int pga_print_fleet(const struct pga_records *records, int status)
{
	char hostname[256];
	struct weak *list;
	size_t count = 0;

	for (size_t i = 0; i < records->count; i++)
		count += count_reasons(records->records[i]);
	list = calloc(count + 1, sizeof *list);
	if (list == NULL) {
		struct pga_error error;

		(void)pga_fail_memory(&error);
		pga_print_error(&error);
		return EXIT_FAILURE;
	}
	count = 0;
	for (size_t i = 0; i < records->count; i++)
		count += take(&list[count], records->records[i]);
	count = join(list, count);
	if (gethostname(hostname, sizeof hostname) != 0)
		hostname[0] = '\0';
	hostname[sizeof hostname - 1] = '\0';
	for (size_t i = 0; i < count && status != EXIT_FAILURE; i++)
		status = print(&list[i], hostname, status);
	free(list);
	return status;
}
