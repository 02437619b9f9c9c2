#include "diagnose/quiet.h"

#include "base/file.h"
#include "base/ini.h"
#include "base/shell_word.h"
#include "diagnose/log_begins.h"

#include <stdlib.h>
#include <string.h>

#define DAY ((time_t)24 * 60 * 60)

static time_t later(time_t a, time_t b)
{
	return a > b ? a : b;
}

/* When the policy was written last: before that, it may have let nothing through to be told. */
static time_t written(const struct pga_policy *policy)
{
	time_t last = policy->user.stamp.modified.tv_sec;

	for (size_t i = 0; i < policy->systems.count; i++)
		last = later(last, policy->systems.places[i].stamp.modified.tv_sec);
	return last;
}

/* Whole days; none since what is still to come. */
static long days_since(time_t when, time_t now)
{
	return when < now ? (long)((now - when) / DAY) : 0;
}

/* Whether the text has mode = audit. */
static bool has_audit(const char *bytes, size_t length)
{
	struct pga_ini_reader reader = pga_ini_start(bytes, length, PGA_INI_CONF);
	struct pga_ini_line line;

	while (pga_ini_next(&reader, &line))
		if (line.kind == PGA_INI_SETTING && pga_ini_equals(line.name, "mode") &&
		    pga_ini_equals(line.value, "audit"))
			return true;
	return false;
}

static bool is_audit(const char *path)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	struct pga_error ignored;
	bool found;
	const bool audit = pga_file_read(path, &content, &found, &ignored) == 0 && found &&
			   has_audit(pga_text_string(&content), content.length);

	pga_text_free(&content);
	return audit;
}

static void add_edit(struct pga_text *text, const char *before, const char *path)
{
	pga_text_addf(text, "%ssed -i 's/^\\s*mode\\s*=.*/mode = enforce/' ", before);
	pga_text_add_shell_word(text, path);
}

static void add_command(struct pga_text *text, const struct pga_policy *policy)
{
	if (policy->user.path != NULL &&
	    has_audit(pga_text_string(&policy->user.content), policy->user.content.length)) {
		add_edit(text, "", policy->user.path);
		return;
	}
	for (size_t i = 0; i < policy->systems.count; i++)
		if (is_audit(policy->systems.places[i].path)) {
			add_edit(text, "sudo ", policy->systems.places[i].path);
			return;
		}
}

/* begins: of the log; 0: not known. */
static void judge(struct pga_quiet *quiet, const struct pga_records *records,
		  const struct pga_policy *policy, time_t begins, time_t now)
{
	struct pga_text command = PGA_TEXT_EMPTY;

	for (size_t i = 0; i < records->count; i++)
		quiet->last = later(quiet->last, records->records[i]->last);
	if (begins > 0)
		quiet->since = later(begins, written(policy));
	/* The log that tells of a connection goes back to that, at least. */
	if (begins > 0 || quiet->last > 0)
		quiet->days = days_since(later(later(quiet->last, begins), written(policy)), now);
	quiet->ready = quiet->days >= PGA_QUIET_DAYS;
	add_command(&command, policy);
	if (command.length > 0)
		quiet->command = pga_text_take(&command);
	pga_text_free(&command);
}

bool pga_quiet_judge(struct pga_quiet *quiet, const struct pga_records *records, const char *path,
		     time_t since)
{
	const bool unknown = path != NULL && strcmp(path, "-") == 0;
	struct pga_policy policy;
	struct pga_error ignored; /* status tells */
	const bool tells = pga_policy_load(&policy, &ignored) == 0 && policy.mode == PGA_MODE_AUDIT;

	*quiet = (struct pga_quiet){.days = -1};
	/* Where the log is a journal, that costs a run of journalctl. */
	if (tells) {
		const time_t begins = unknown ? 0 : pga_log_begins(path);

		judge(quiet, records, &policy, begins > 0 ? later(begins, since) : 0, time(NULL));
	}
	pga_policy_free(&policy);
	return tells;
}

int pga_quiet_look(struct pga_quiet *quiet, const struct pga_policy *policy, bool *tells,
		   struct pga_error *error)
{
	const time_t now = time(NULL);
	struct pga_records records;
	int result;

	*quiet = (struct pga_quiet){.days = -1};
	*tells = policy->mode == PGA_MODE_AUDIT;
	if (!*tells)
		return 0;
	result = pga_records_read(&records, NULL, now - PGA_QUIET_DAYS * DAY, error);
	if (result == 0)
		judge(quiet, &records, policy, pga_log_begins(NULL), now);
	pga_records_free(&records);
	return result;
}

static void add_days(struct pga_text *text, long days)
{
	pga_text_addf(text, "%ld day%s", days, days == 1 ? "" : "s");
}

void pga_quiet_add(struct pga_text *text, const struct pga_quiet *quiet)
{
	if (quiet->days < 0) {
		pga_text_add(text, "no weak connection, in a log that does not say how far back it "
				   "goes");
	} else if (quiet->last > 0 && quiet->last >= quiet->since) {
		pga_text_add(text, "the last weak connection was ");
		if (quiet->days == 0)
			pga_text_add(text, "less than a day");
		else
			add_days(text, quiet->days);
		pga_text_add(text, " ago");
	} else {
		pga_text_add(text, "no weak connection in ");
		add_days(text, quiet->days);
	}
}

void pga_quiet_free(struct pga_quiet *quiet)
{
	free(quiet->command);
	quiet->command = NULL;
}
