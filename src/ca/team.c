#include "ca/team.h"

#include "base/text.h"
#include "tls/fingerprint.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

#define HINT                                                                                 \
	"is it a team's address? its answer is {\"url\": \"https://...\", \"fingerprint\": " \
	"\"...\"}"

void pga_team_free(struct pga_team *team)
{
	free(team->ca_url);
	memset(team, 0, sizeof *team);
}

static int take(struct pga_team *team, const char *where, const json_t *answer,
		struct pga_error *error)
{
	const json_t *url = json_object_get(answer, "url");
	const json_t *fingerprint = json_object_get(answer, "fingerprint");
	struct pga_error fault;

	if (!json_is_string(url) || !json_is_string(fingerprint))
		return pga_fail(error, HINT, "%s: no \"%s\" in the answer", where,
				json_is_string(url) ? "fingerprint" : "url");
	/* The reason quotes what it is about. */
	if (pga_fingerprint_read(json_string_value(fingerprint), where, team->pin, &fault) != 0)
		return pga_fail(error, HINT,
				"%s: the fingerprint in the answer is no SHA-256 of a certificate",
				where);
	team->ca_url = strdup(json_string_value(url));
	return team->ca_url != NULL ? 0 : pga_fail_memory(error);
}

int pga_team_parse(struct pga_team *team, const char *where, const char *bytes, size_t length,
		   struct pga_error *error)
{
	json_error_t fault;
	json_t *answer;
	int result;

	memset(team, 0, sizeof *team);
	if (length > PGA_TEAM_LIMIT)
		return pga_fail(error, HINT, "%s: an answer of more than %zu KiB", where,
				PGA_TEAM_LIMIT / 1024);
	answer = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &fault);
	if (json_is_object(answer))
		result = take(team, where, answer, error);
	else
		result = pga_fail(error, HINT, "%s: the answer is not a JSON object (line %d)",
				  where, answer == NULL && fault.line > 0 ? fault.line : 1);
	json_decref(answer);
	return result;
}

#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

char *pga_team_address(const char *url, const char *name, struct pga_error *error)
{
	struct pga_text address = PGA_TEXT_EMPTY;
	const char *rest = url;
	const char *mark = strstr(url, "<>");
	char *text;

	if (mark == NULL && name == NULL)
		goto whole;
	if (mark == NULL || name == NULL) {
		(void)pga_fail(
		    error, "such as --team support --team-url 'https://ca.example.com/teams/<>'",
		    mark == NULL ? "--team: no <> in --team-url that it could replace"
				 : "--team-url: it has a <> for the team's name, and "
				   "--team is missing");
		return NULL;
	}
	if (name[0] == '\0' || strspn(name, NAME_CHARACTERS) != strlen(name)) {
		(void)pga_fail(error, NULL,
			       "--team: the name of a team has letters, digits, ., _ and - alone");
		return NULL;
	}
	for (; mark != NULL; mark = strstr(rest, "<>")) {
		pga_text_add_bytes(&address, rest, (size_t)(mark - rest));
		pga_text_add(&address, name);
		rest = mark + 2;
	}
whole:
	pga_text_add(&address, rest);
	text = pga_text_take(&address);
	if (text == NULL)
		(void)pga_fail_memory(error);
	return text;
}
