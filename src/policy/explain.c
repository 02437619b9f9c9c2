#include "policy/explain.h"

#include "base/printable.h"
#include "policy/options.h"
#include "policy/secrets.h"

#include <stdlib.h>
#include <string.h>

/* The release of libpq that brought a setting which the policy can ask for; NULL of the others,
 * which are older than every libpq that the gate knows, or ask for nothing where they are not. */
static const char *since(const char *keyword)
{
	if (strcmp(keyword, "channel_binding") == 0)
		return "13";
	return strcmp(keyword, "require_auth") == 0 ? "16" : NULL;
}

static void add_change(const struct pga_effective *effective, const char *keyword,
		       struct pga_text *text)
{
	const PQconninfoOption *option = pga_option_find(effective->options, keyword);
	enum pga_origin origin = effective->origins != NULL && option != NULL
				     ? effective->origins[option - effective->options]
				     : PGA_FROM_UNKNOWN;
	const struct pga_setting_rule *rule = pga_setting_rule(keyword);
	const char *strong = rule != NULL ? rule->strong : "";

	if (strcmp(keyword, PGA_OAUTH_DEBUG) == 0) {
		pga_text_add(text, "environment " PGA_OAUTH_DEBUG ": unset " PGA_OAUTH_DEBUG);
		return;
	}
	if (option == NULL && since(keyword) != NULL) {
		pga_text_addf(text, "program: let it use libpq %s or later, which has %s",
			      since(keyword), keyword);
		return;
	}
	if (origin == PGA_FROM_DEFAULT || origin == PGA_FROM_UNKNOWN)
		pga_text_add(text, "conninfo");
	else
		pga_effective_origin(effective, keyword, text);
	if (strcmp(keyword, "host") == 0)
		pga_text_add(text, ": name a server that is reached by TCP");
	else if (origin == PGA_FROM_ENVIRONMENT && strong[0] != '\0')
		pga_text_addf(text, ": set %s=%s", option->envvar, strong);
	else if (origin == PGA_FROM_ENVIRONMENT)
		pga_text_addf(text, ": unset %s", option->envvar);
	else if (strong[0] != '\0')
		pga_text_addf(text, ": write %s=%s", keyword, strong);
	else
		pga_text_addf(text, ": leave %s out", keyword);
	if (strcmp(keyword, "sslmode") == 0 && origin != PGA_FROM_SERVICE)
		pga_text_add(text, ", or use a service of \"pganchor service list\"");
}

void pga_explain_changes(const struct pga_effective *effective, const struct pga_verdict *verdict,
			 struct pga_text *text)
{
	for (size_t i = 0; i < verdict->reasons; i++) {
		if (i > 0)
			pga_text_add(text, "\n");
		add_change(effective, verdict->weak[i], text);
	}
}

void pga_explain_notes(const struct pga_effective *effective, struct pga_text *text)
{
	if (pga_may_hold_a_password(effective))
		pga_text_add(text, "host, port and dbname are not shown: one of them may be a part "
				   "of a password, in which \"@\" and \"/\" have to be written as "
				   "%40 and %2F\n");
	for (const PQconninfoOption *option = effective->options; option->keyword != NULL;
	     option++) {
		if (pga_option_is_reviewed(option->keyword))
			continue;
		pga_text_addf(text, "libpq has an option that pganchor does not know: %s\n",
			      option->keyword);
	}
}

static void add_lines(struct pga_text *text, const char *lines)
{
	const char *line;
	size_t length;

	while (pga_next_line(&lines, &line, &length)) {
		pga_text_add(text, "    ");
		pga_text_add_bytes(text, line, length);
		pga_text_add(text, "\n");
	}
}

/* What is refused begins nothing that anything could be locked for. */
static void add_locks(const struct pga_verdict *verdict, struct pga_text *text)
{
	if (verdict->lock_gss)
		pga_text_add(text, "; the gate locks gssencmode=disable");
	if (verdict->lock_min_tls)
		pga_text_add(text,
			     "; the gate locks ssl_min_protocol_version to the policy's minimum");
	if (verdict->lock_binding)
		pga_text_add(text, "; the gate locks channel_binding=require");
	if (verdict->lock_auth)
		pga_text_addf(text, "; the gate locks require_auth=%s", verdict->auth);
	if ((verdict->lock_binding || verdict->lock_auth) && verdict->local)
		pga_text_add(text, ", for the Unix-domain sockets of the list, too");
}

void pga_explain_verdict(const struct pga_effective *effective, const struct pga_policy *policy,
			 const struct pga_verdict *verdict, const char *but, struct pga_text *text)
{
	struct pga_text changes = PGA_TEXT_EMPTY;

	pga_text_add(text, verdict->allowed ? "allowed" : "refused");
	if (verdict->allowed && but != NULL)
		pga_text_addf(text, ", but libpq will not connect: %s", but);
	if (!verdict->allowed && policy->mode == PGA_MODE_AUDIT)
		pga_text_add(text, ", but mode = audit lets it through");
	if (verdict->allowed && verdict->local)
		pga_text_add(text, "; a Unix-domain socket, which has no TLS");
	if (verdict->exempt)
		pga_text_add(text, "; allow-weak exempts a host");
	if (verdict->allowed)
		add_locks(verdict, text);
	pga_text_add(text, "\n");
	add_lines(text, pga_text_string(&verdict->why));
	pga_explain_changes(effective, verdict, &changes);
	if (changes.length > 0)
		pga_text_add(text, "what to change:\n");
	add_lines(text, pga_text_string(&changes));
	text->failed = text->failed || changes.failed;
	pga_text_free(&changes);
	pga_explain_notes(effective, text);
}

char *pga_setting_shown(const struct pga_effective *effective, const PQconninfoOption *option)
{
	struct pga_text shown = PGA_TEXT_EMPTY;

	pga_text_add_setting(&shown, option, pga_may_hold_a_password(effective));
	/* As long as nothing is added it has no bytes. */
	pga_text_add(&shown, "");
	return pga_text_take(&shown);
}

/* The same, as it is shown in the table. */
static char *cell_of(const struct pga_effective *effective, const PQconninfoOption *option)
{
	struct pga_text cell = PGA_TEXT_EMPTY;
	char *shown = pga_setting_shown(effective, option);

	if (shown != NULL)
		pga_text_add_printable(&cell, shown, "");
	cell.failed = cell.failed || shown == NULL;
	free(shown);
	return pga_text_take(&cell);
}

/* What is shown in which order: what the verdict is about, then what somebody has said, then what
 * is so because nobody has. */
enum group { JUDGED, SAID, DEFAULTS, GROUPS };

static enum group group_of(const struct pga_effective *effective, const PQconninfoOption *option)
{
	const struct pga_setting_rule *rule = pga_setting_rule(option->keyword);

	/* Most policies ask for nothing of the stricter ones, and what is locked of them is told.
	 */
	if (rule != NULL && (rule->flags & PGA_RULE_STRICT) == 0)
		return JUDGED;
	return effective->origins != NULL &&
		       effective->origins[option - effective->options] != PGA_FROM_DEFAULT
		   ? SAID
		   : DEFAULTS;
}

static void widen(int *width, const char *cell)
{
	if ((int)strlen(cell) > *width)
		*width = (int)strlen(cell);
}

/* How wide the columns are of all groups before this one. Returns how many settings have a value in
 * the others. */
static size_t measure(const struct pga_effective *effective, enum group until, int widths[2],
		      struct pga_text *text)
{
	size_t left = 0;

	for (const PQconninfoOption *option = effective->options; option->keyword != NULL;
	     option++) {
		char *shown = cell_of(effective, option);

		text->failed = text->failed || shown == NULL;
		if (shown != NULL && shown[0] != '\0' && group_of(effective, option) >= until) {
			left++;
		} else if (shown != NULL && shown[0] != '\0') {
			widen(&widths[0], option->keyword);
			widen(&widths[1], shown);
		}
		free(shown);
	}
	return left;
}

static void add_group(const struct pga_effective *effective, enum group group, const int widths[2],
		      struct pga_text *text)
{
	for (const PQconninfoOption *option = effective->options; option->keyword != NULL;
	     option++) {
		char *shown;

		if (group_of(effective, option) != group)
			continue;
		shown = cell_of(effective, option);
		text->failed = text->failed || shown == NULL;
		if (shown != NULL && shown[0] != '\0') {
			pga_text_addf(text, "%-*s  %-*s  ", widths[0], option->keyword, widths[1],
				      shown);
			pga_effective_origin(effective, option->keyword, text);
			pga_text_add(text, "\n");
		}
		free(shown);
	}
}

void pga_explain_settings(const struct pga_effective *effective, bool all, struct pga_text *text)
{
	const enum group until = all ? GROUPS : DEFAULTS;
	int widths[2] = {0, 0};
	const size_t left = measure(effective, until, widths, text);

	for (enum group group = JUDGED; group < until; group++)
		add_group(effective, group, widths, text);
	if (left > 0)
		pga_text_addf(text, "%zu more %s: --all\n", left,
			      left > 1 ? "are libpq's defaults" : "is libpq's default");
}
