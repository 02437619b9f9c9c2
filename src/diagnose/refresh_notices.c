#include "diagnose/refresh_notices.h"

#include "anchor/notices.h"
#include "base/terminal.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A source that was not reached for so long is told of. */
#define SILENT_DAYS 30

enum kind { NEW_ROOT, UNUSABLE, WITHDRAWN, EXPIRED, LATE, SERVER, FAILED, KINDS };

static const char *const words[KINDS] = {"new-root",     "unusable-root",      "withdrawn",
					 "expired",      "server-certificate", "server-changed",
					 "not-refreshed"};

/* What is to be said of one source. */
struct saying {
	struct pga_text texts[KINDS];
	char pin[PGA_PIN_LENGTH + 1];
};

static bool is_silent(const struct pga_refreshed *source)
{
	struct tm tm = {0};
	const char *checked = source->record.checked;

	return checked != NULL && strptime(checked, "%Y-%m-%dT%H:%M:%SZ", &tm) != NULL &&
	       time(NULL) - timegm(&tm) > (time_t)SILENT_DAYS * 24 * 60 * 60;
}

static void say_of_failure(const struct pga_refreshed *source, struct saying *saying)
{
	if (source->unreached && !is_silent(source))
		return;
	pga_text_addf(&saying->texts[FAILED], "could not be refreshed: %s", source->error.message);
	if (source->error.hint[0] != '\0')
		pga_text_addf(&saying->texts[FAILED], ": %s", source->error.hint);
}

/* The roots that are not pinned; of many, how many. */
static void say_of_shown(const struct pga_refreshed *source, struct saying *saying)
{
	const struct pga_refreshed_root *one = NULL;
	size_t shown = 0;

	for (size_t i = 0; i < source->count; i++) {
		if (source->roots[i].state != PGA_ROOT_SHOWN)
			continue;
		one = &source->roots[i];
		shown++;
	}
	if (shown == 0)
		return;
	pga_text_addf(&saying->texts[NEW_ROOT],
		      "%s has changed, and has %zu root%s that nothing proves and that %s not "
		      "pinned",
		      source->record.location, shown, shown == 1 ? "" : "s",
		      shown == 1 ? "is" : "are");
	if (shown == 1) {
		pga_text_addf(&saying->texts[NEW_ROOT], ": %s, SHA-256 %s",
			      one->certificate.subject, one->digits);
		memcpy(saying->pin, one->digits, sizeof saying->pin);
	}
	pga_text_addf(&saying->texts[NEW_ROOT], "; pganchor anchor add %s",
		      source->record.location);
}

static void say_of_roots(const struct pga_refreshed *source, struct saying *saying)
{
	for (size_t i = 0; i < source->count; i++) {
		const struct pga_refreshed_root *root = &source->roots[i];

		if (root->state == PGA_ROOT_UNUSABLE && saying->texts[UNUSABLE].length == 0)
			pga_text_addf(&saying->texts[UNUSABLE],
				      "its CA has a root that libpq cannot use: %s",
				      root->why != NULL ? root->why : root->digits);
	}
}

/* An anchor's own. */
static void say_of_anchor(const struct pga_refreshed *source, const struct pga_refreshed_root *root,
			  const struct pga_going_roots *going, struct saying *saying)
{
	if (root->dropped)
		return;
	if (root->state == PGA_ROOT_WITHDRAWN)
		pga_text_addf(&saying->texts[WITHDRAWN],
			      "%s has this root no more; once no server needs it: pganchor anchor "
			      "refresh %s --drop",
			      source->record.location, root->name);
	if (root->expired)
		pga_text_addf(&saying->texts[EXPIRED], "its root has expired on %s",
			      root->certificate.not_after);
	for (size_t i = 0; i < going->count; i++)
		if (strcmp(going->late[i].anchor, root->name) == 0 &&
		    saying->texts[LATE].length == 0)
			pga_text_addf(&saying->texts[LATE],
				      "%s still shows a certificate of this root, which %s, until "
				      "%s: ask who runs the server for a new one",
				      going->late[i].server,
				      going->late[i].expired ? "has expired"
							     : "its CA has withdrawn",
				      going->late[i].ends);
}

struct leaving {
	struct pga_notice_change *changes;
	char **owned; /* the texts of the changes, two each */
	size_t count;
	size_t waiting;
	bool failed;
};

/* The texts are the change's from then on. */
static void add(struct leaving *leaving, const char *subject, struct saying *saying)
{
	struct pga_notice_change *grown =
	    reallocarray(leaving->changes, leaving->count + KINDS, sizeof *grown);

	char **owned = reallocarray(leaving->owned, 2 * (leaving->count + KINDS), sizeof *owned);

	if (grown != NULL)
		leaving->changes = grown;
	if (owned != NULL)
		leaving->owned = owned;
	if (owned == NULL)
		grown = NULL;
	leaving->failed = leaving->failed || grown == NULL;
	for (int kind = 0; kind < KINDS; kind++) {
		struct pga_text *text = &saying->texts[kind];
		const bool any = text->length > 0;
		char *message;

		leaving->failed = leaving->failed || text->failed;
		leaving->waiting += any && kind != FAILED ? 1 : 0;
		message = any ? pga_text_take(text) : NULL;
		pga_text_free(text);
		if (grown == NULL) {
			free(message);
			continue;
		}
		owned[2 * leaving->count] = message;
		owned[2 * leaving->count + 1] =
		    kind == NEW_ROOT && saying->pin[0] != '\0' ? strdup(saying->pin) : NULL;
		grown[leaving->count] =
		    (struct pga_notice_change){.subject = subject,
					       .kind = words[kind],
					       .message = message,
					       .pin = owned[2 * leaving->count + 1]};
		leaving->count++;
	}
}

static void look(const struct pga_refreshed *source, const struct pga_going_roots *going,
		 struct leaving *leaving)
{
	bool first = true;

	if (source->way == PGA_ASK_NOBODY)
		return;
	for (size_t i = 0; i < source->count; i++) {
		const struct pga_refreshed_root *root = &source->roots[i];
		struct saying saying = {.pin = ""};

		if (root->pin == NULL || root->taken_by != NULL)
			continue;
		/* What is of the source is said once. */
		if (first && source->failed)
			say_of_failure(source, &saying);
		if (first && source->asked) {
			say_of_shown(source, &saying);
			say_of_roots(source, &saying);
			if (source->other)
				pga_text_addf(&saying.texts[SERVER],
					      "%s shows a certificate that does not come from the "
					      "pinned root any more: it has another CA now, or "
					      "somebody is in between; ask who runs it",
					      source->record.location);
		}
		if (source->asked)
			say_of_anchor(source, root, going, &saying);
		first = false;
		add(leaving, root->name, &saying);
	}
}

static void look_at_all(const struct pga_refresh *refresh, const struct pga_going_roots *going,
			struct leaving *leaving)
{
	for (size_t i = 0; i < refresh->count; i++)
		look(&refresh->sources[i], going, leaving);
}

static void end(struct leaving *leaving)
{
	for (size_t i = 0; i < 2 * leaving->count; i++)
		free(leaving->owned[i]);
	free(leaving->owned);
	free(leaving->changes);
}

size_t pga_refresh_leave_notices(const struct pga_refresh *refresh,
				 const struct pga_going_roots *going)
{
	struct leaving leaving = {.count = 0};
	struct pga_error error;
	size_t waiting;

	look_at_all(refresh, going, &leaving);
	waiting = leaving.waiting;
	if (leaving.failed)
		(void)pga_fail_memory(&error);
	if (leaving.failed || pga_notices_change(leaving.changes, leaving.count, &error) != 0)
		pga_print_warning("no notice was left of what was found: %s", error.message);
	end(&leaving);
	return waiting;
}

size_t pga_refresh_waiting(const struct pga_refresh *refresh, const struct pga_going_roots *going)
{
	struct leaving leaving = {.count = 0};
	size_t waiting;

	look_at_all(refresh, going, &leaving);
	waiting = leaving.waiting;
	end(&leaving);
	return waiting;
}
