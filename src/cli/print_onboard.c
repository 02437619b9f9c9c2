#include "cli/print_onboard.h"

#include "base/shell_word.h"
#include "base/terminal.h"
#include "cli/cmd_service.h"
#include "cli/conninfo_word.h"
#include "cli/print_profile.h"
#include "policy/secrets.h"
#include "report/table.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECONDS_A_DAY 86400

/* ---- the plan ---- */

static const char *mark_of(enum pga_applying action)
{
	static const char *const marks[] = {
	    [PGA_APPLY_SAME] = " ",   [PGA_APPLY_ADD] = "+",  [PGA_APPLY_CHANGE] = "~",
	    [PGA_APPLY_REMOVE] = "-", [PGA_APPLY_KEEP] = "!",
	};

	return marks[action];
}

static void print_why(FILE *stream, const char *why, const char *hint)
{
	if (why != NULL)
		pga_print(stream, "        kept: %s\n", why);
	if (why != NULL && hint != NULL)
		pga_print(stream, "        the profile's instead: %s\n", hint);
}

static void print_anchor(FILE *stream, const struct pga_apply_anchor *anchor)
{
	const struct pga_profile_root *root = anchor->root;

	pga_print(stream, "  %s anchor %s for %s%s\n", mark_of(anchor->action), anchor->name,
		  anchor->hosts, anchor->system ? " (the system pins it)" : "");
	if (root != NULL && anchor->action == PGA_APPLY_ADD) {
		pga_print(stream, "        %s, until %.10s\n", root->certificate.subject,
			  root->certificate.not_after);
		pga_print(stream, "        SHA-256 %s\n", anchor->pin);
	}
	print_why(stream, anchor->why, anchor->hint);
}

static void print_difference(FILE *stream, const struct pga_text *difference)
{
	const char *rest = pga_text_string(difference);
	const char *line;
	size_t length;

	while (pga_next_line(&rest, &line, &length)) {
		struct pga_text shown = PGA_TEXT_EMPTY;
		char *copy = strndup(line + 1, length > 0 ? length - 1 : 0);

		if (copy != NULL)
			pga_text_add_masked(&shown, copy);
		pga_print(stream, "        %c %s\n", line[0], pga_text_string(&shown));
		pga_text_free(&shown);
		free(copy);
	}
}

static void print_service(FILE *stream, const struct pga_apply_service *service)
{
	pga_print(stream, "  %s service %s at %s%s%s\n", mark_of(service->action), service->name,
		  service->host, service->anchor != NULL ? ", anchor " : "",
		  service->anchor != NULL ? service->anchor : "");
	print_difference(stream, &service->difference);
	print_why(stream, service->why, service->hint);
}

static void print_policy(FILE *stream, const struct pga_apply_policy *policy)
{
	pga_print(stream, "  %s policy %s = %s\n", mark_of(policy->action), policy->key,
		  policy->value);
	print_why(stream, policy->why, policy->hint);
}

void pga_print_onboard_plan(FILE *stream, const struct pga_application *application)
{
	const struct pga_fetched_profile *fetched = application->fetched;
	char *trust = pga_profile_trust_text(fetched);

	pga_print(stream, "profile %s, version %llu, from %s: %s\n", fetched->profile.name,
		  fetched->profile.version, fetched->where, trust != NULL ? trust : "?");
	free(trust);
	if (application->before != 0 && application->before != fetched->profile.version)
		pga_print(stream, "  in the place of version %llu\n", application->before);
	for (size_t i = 0; i < application->anchor_count; i++)
		print_anchor(stream, &application->anchors[i]);
	for (size_t i = 0; i < application->service_count; i++)
		print_service(stream, &application->services[i]);
	for (size_t i = 0; i < application->policy_count; i++)
		print_policy(stream, &application->policies[i]);
	if (!application->visible)
		pga_print(stream, "All of it is so already.\n");
}

/* ---- the end ---- */

long pga_onboard_days(const char *when, bool *known)
{
	struct tm parts;
	time_t left;

	memset(&parts, 0, sizeof parts);
	*known = when != NULL && strptime(when, "%Y-%m-%dT%H:%M:%SZ", &parts) != NULL;
	if (!*known)
		return 0;
	left = timegm(&parts) - time(NULL);
	return (long)(left >= 0 ? left / SECONDS_A_DAY
				: -((-left + SECONDS_A_DAY - 1) / SECONDS_A_DAY));
}

enum column { SERVICE, HOST, VERIFIED, ANCHOR, DAYS, PASSWORD, COLUMNS };

static const char *verified_word(const struct pga_apply_service *service,
				 const struct pga_checked_service *server)
{
	if (!server->done)
		return "not there";
	if (service->state == PGA_ENTRY_WEAK)
		return "weak";
	if (server->problem != NULL)
		return server->answered ? "no" : "no answer";
	if (server->skipped)
		return "no TLS";
	return server->trusted ? "yes" : "not pinned";
}

static char *days_cell(const struct pga_checked_service *server)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	bool known;
	const long days = pga_onboard_days(server->valid_to, &known);

	if (known && server->problem == NULL)
		pga_text_addf(&text, "%ld", days);
	else
		pga_text_add(&text, "-");
	return pga_text_take(&text);
}

/* In the order of the columns; false where memory ran out. */
static void fill_row(const struct pga_onboard_profile *profile, size_t index, char **cells)
{
	const struct pga_apply_service *service = &profile->application.services[index];
	const struct pga_checked_service *server = &profile->servers[index];
	const enum pga_onboard_password password =
	    profile->passwords != NULL ? profile->passwords[index] : PGA_ONBOARD_NO_PASSWORD;

	cells[SERVICE] = strdup(service->name);
	cells[HOST] = strdup(server->host != NULL ? server->host : service->host);
	cells[VERIFIED] = strdup(verified_word(service, server));
	cells[ANCHOR] = strdup(server->anchor != NULL ? server->anchor : "-");
	cells[DAYS] = days_cell(server);
	cells[PASSWORD] = strdup(pga_onboard_password_word(password));
}

static bool is_good(const struct pga_apply_service *service,
		    const struct pga_checked_service *server)
{
	return server->done && server->problem == NULL && server->trusted && !server->skipped &&
	       service->state == PGA_ENTRY_ALLOWED;
}

static void print_table(const struct pga_onboard_profile *profile)
{
	static const char *const heading[COLUMNS] = {
	    [SERVICE] = "SERVICE", [HOST] = "HOST", [VERIFIED] = "VERIFIED",
	    [ANCHOR] = "ANCHOR",   [DAYS] = "DAYS", [PASSWORD] = "PASSWORD"};
	const struct pga_application *application = &profile->application;
	const size_t rows = application->service_count;
	char **cells = calloc(rows * COLUMNS + 1, sizeof(char *));
	enum pga_colour *marks = calloc(rows + 1, sizeof *marks);
	size_t row = 0;

	for (size_t i = 0; cells != NULL && marks != NULL && i < rows; i++) {
		if (application->services[i].from == NULL)
			continue;
		fill_row(profile, i, &cells[row * COLUMNS]);
		marks[row++] =
		    is_good(&application->services[i], &profile->servers[i]) ? PGA_PLAIN : PGA_RED;
	}
	if (cells == NULL || marks == NULL)
		pga_print_warning("the table is not shown: out of memory");
	else if (row > 0)
		pga_print_table(stdout, heading, (const char *const *)cells, COLUMNS, row, marks);
	free(marks);
	pga_cells_free(cells, rows * COLUMNS);
}

/* Why, and the command to type next. */
static void print_problem(const struct pga_apply_service *service,
			  const struct pga_checked_service *server)
{
	struct pga_text word = PGA_TEXT_EMPTY;

	if (server->no_digest != NULL)
		pga_print_warning(
		    "the certificate of service %s is signed with %s, for which libpq "
		    "knows no digest: a password will fail with \"could not find "
		    "digest for NID\"\n    an EC or RSA key of the issuing CA avoids "
		    "it",
		    service->name, server->no_digest);
	if (service->from == NULL || is_good(service, server))
		return;
	if (server->done && server->problem == NULL && server->skipped)
		pga_conninfo_word("service", service->name, &word);
	else
		pga_text_add_shell_word(&word, service->name);
	if (!server->done)
		pga_print(stdout, "service %s: %s\n    %s\n", service->name, service->why,
			  service->hint);
	else if (service->state == PGA_ENTRY_WEAK)
		pga_print(stdout, "service %s: weaker than the policy, and yours\n    %s\n",
			  service->name, service->hint != NULL ? service->hint : "");
	else if (server->problem != NULL)
		pga_print(stdout, "service %s: %s\n    pganchor probe %s\n", service->name,
			  server->problem, pga_text_string(&word));
	else if (server->skipped)
		pga_print(stdout, "service %s: no TLS is asked for\n    pganchor explain %s\n",
			  service->name, pga_text_string(&word));
	else
		pga_print(stdout,
			  "service %s: the server's chain ends in a root that is not pinned for "
			  "it (SHA-256 %s): the gate will refuse it\n    pganchor probe %s\n",
			  service->name, server->root_pin, pga_text_string(&word));
	pga_text_free(&word);
}

static bool is_open(enum pga_onboard_password password)
{
	return password == PGA_ONBOARD_SKIPPED || password == PGA_ONBOARD_REFUSED ||
	       password == PGA_ONBOARD_MISSING;
}

static void print_passwords(const struct pga_onboarding *onboarding,
			    const struct pga_onboard_profile *profile)
{
	const char *why = pga_text_string(&onboarding->why_skipped);
	bool told = false;

	for (size_t i = 0; profile->passwords != NULL && i < profile->application.service_count;
	     i++) {
		struct pga_text word = PGA_TEXT_EMPTY;

		/* None is kept for a server that is not verified: what is wrong is said above. */
		if (!is_open(profile->passwords[i]) ||
		    !is_good(&profile->application.services[i], &profile->servers[i]))
			continue;
		if (!told)
			pga_print(stdout, "passwords that are not in the keyring%s%s:\n",
				  why[0] != '\0' ? ": " : "", why);
		told = true;
		pga_conninfo_word("service", profile->application.services[i].name, &word);
		pga_print(stdout, "    pganchor password set %s\n", pga_text_string(&word));
		pga_text_free(&word);
	}
}

/* psql by itself knows nothing of the keyring. */
static void print_next(const struct pga_onboard_profile *profile)
{
	const struct pga_apply_service *first = NULL;
	bool kept = false;

	for (size_t i = 0; i < profile->application.service_count; i++) {
		const struct pga_apply_service *service = &profile->application.services[i];

		if (service->from == NULL || !is_good(service, &profile->servers[i]))
			continue;
		if (first == NULL)
			first = service;
		kept = kept ||
		       (profile->passwords != NULL && (profile->passwords[i] == PGA_ONBOARD_KEPT ||
						       profile->passwords[i] == PGA_ONBOARD_THERE));
	}
	if (first == NULL)
		return;
	if (kept)
		pga_print(stdout, "once, so that every program takes its password from the "
				  "keyring:\n    pganchor enable\n");
	pga_print_next_use(first->name);
}

void pga_print_onboard_end(const struct pga_onboarding *onboarding)
{
	for (size_t i = 0; i < onboarding->count; i++) {
		const struct pga_onboard_profile *profile = &onboarding->profiles[i];
		const struct pga_application *application = &profile->application;
		const char *message = application->fetched->profile.message;

		print_table(profile);
		for (size_t k = 0; k < application->service_count; k++)
			print_problem(&application->services[k], &profile->servers[k]);
		print_passwords(onboarding, profile);
		if (message != NULL)
			pga_print(stdout, "%s: %s\n", application->fetched->profile.name, message);
		print_next(profile);
	}
}
