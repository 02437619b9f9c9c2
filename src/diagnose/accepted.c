#include "diagnose/accepted.h"

#include "base/file.h"
#include "base/ini.h"
#include "base/shell_word.h"
#include "base/userfile.h"
#include "policy/record.h"

#include <stdlib.h>
#include <string.h>

#define ABOUT_ACCEPTED "accepted"

static const char begin[] = "accepted";

static const char *const names[PGA_ACCEPTED_WORDS] = {
    [PGA_ACCEPTED_ID] = "id",         [PGA_ACCEPTED_OBJECT] = "object",
    [PGA_ACCEPTED_REASON] = "reason", [PGA_ACCEPTED_USER] = "user",
    [PGA_ACCEPTED_SINCE] = "since",   [PGA_ACCEPTED_UNTIL] = "until",
    [PGA_ACCEPTED_ONLINE] = "online",
};

time_t pga_accepted_date(const char *text)
{
	static const char *const forms[] = {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"};

	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		struct tm parts = {0};
		const char *rest = strptime(text, forms[i], &parts);

		if (rest != NULL && *rest == '\0')
			return timegm(&parts);
	}
	return 0;
}

static enum pga_acceptance_word word_of(const char *key, size_t length)
{
	enum pga_acceptance_word word = 0;

	while (word < PGA_ACCEPTED_WORDS &&
	       (strlen(names[word]) != length || memcmp(names[word], key, length) != 0))
		word++;
	return word;
}

/* Whether the line says all that it has to; *memory: it could not be told. */
static bool read_line(const char *at, struct pga_acceptance *one, bool *memory)
{
	if (strncmp(at, begin, strlen(begin)) != 0)
		return false;
	at += strlen(begin);
	while (*at != '\0') {
		struct pga_text value = PGA_TEXT_EMPTY;
		enum pga_acceptance_word word = PGA_ACCEPTED_WORDS;
		const char *key;
		size_t length;

		at = pga_record_next(at, &key, &length, &value);
		if (at != NULL)
			word = word_of(key, length);
		if (word < PGA_ACCEPTED_WORDS && one->words[word] != NULL)
			word = PGA_ACCEPTED_WORDS;
		pga_text_add(&value, "");
		if (word < PGA_ACCEPTED_WORDS)
			one->words[word] = strdup(pga_text_string(&value));
		*memory = value.failed || (word < PGA_ACCEPTED_WORDS && one->words[word] == NULL);
		pga_text_free(&value);
		if (*memory || word == PGA_ACCEPTED_WORDS)
			return false;
	}
	if (one->words[PGA_ACCEPTED_UNTIL] != NULL) {
		one->until = pga_accepted_date(one->words[PGA_ACCEPTED_UNTIL]);
		if (one->until == 0)
			return false;
	}
	return one->words[PGA_ACCEPTED_ID] != NULL && one->words[PGA_ACCEPTED_REASON] != NULL;
}

static int take_line(struct pga_accepted *accepted, const char *path,
		     const struct pga_ini_line *line, bool system, struct pga_error *error)
{
	struct pga_acceptance *grown =
	    reallocarray(accepted->list, accepted->count + 1, sizeof *grown);
	struct pga_ini_span whole = line->whole;
	bool memory = false;
	bool taken;
	char *text;

	if (grown == NULL)
		return pga_fail_memory(error);
	accepted->list = grown;
	memset(&grown[accepted->count], 0, sizeof *grown);
	grown[accepted->count].system = system;
	while (whole.length > 0 && strchr("\r\n", whole.bytes[whole.length - 1]) != NULL)
		whole.length--;
	text = pga_ini_copy(whole);
	if (text == NULL)
		return pga_fail_memory(error);
	taken = memchr(text, '\0', whole.length) == NULL &&
		read_line(text, &grown[accepted->count], &memory);
	accepted->count++;
	free(text);
	if (taken)
		return 0;
	if (memory)
		return pga_fail_memory(error);
	return pga_fail_at_line(error, "remove the line; pganchor doctor --accept makes a new one",
				path, line->number, "not a line about an accepted finding",
				whole.bytes, whole.length);
}

static int parse(struct pga_accepted *accepted, const char *path, const char *bytes, size_t length,
		 bool system, struct pga_error *error)
{
	struct pga_ini_reader reader = pga_ini_start(bytes, length, PGA_INI_CONF);
	struct pga_ini_line line;

	while (pga_ini_next(&reader, &line))
		if (line.kind != PGA_INI_BLANK && line.kind != PGA_INI_COMMENT &&
		    take_line(accepted, path, &line, system, error) != 0)
			return -1;
	return 0;
}

int pga_accepted_parse(struct pga_accepted *accepted, const char *path, const char *bytes,
		       size_t length, struct pga_error *error)
{
	return parse(accepted, path, bytes, length, false, error);
}

static int take_system(void *context, const char *path, const struct pga_text *content,
		       struct pga_error *error)
{
	return parse(context, path, pga_text_string(content), content->length, true, error);
}

int pga_accepted_load(struct pga_accepted *accepted, struct pga_error *error)
{
	struct pga_system_files systems;
	struct pga_user_file user;
	int result;

	memset(accepted, 0, sizeof *accepted);
	result = pga_system_files_read(&systems, "accepted", "what is accepted for every user",
				       take_system, accepted, error);
	pga_system_files_free(&systems);
	if (result != 0)
		return -1;
	result = pga_user_file_read(&user, PGA_ACCEPTED_FILE, NULL, error);
	if (result == 0 && user.found)
		result = parse(accepted, user.path, pga_text_string(&user.content),
			       user.content.length, false, error);
	pga_user_file_free(&user);
	return result;
}

void pga_accepted_free(struct pga_accepted *accepted)
{
	for (size_t i = 0; i < accepted->count; i++)
		for (size_t word = 0; word < PGA_ACCEPTED_WORDS; word++)
			free(accepted->list[i].words[word]);
	free(accepted->list);
	memset(accepted, 0, sizeof *accepted);
}

static bool is_same(const char *one, const char *other)
{
	return one == NULL || other == NULL ? one == other : strcmp(one, other) == 0;
}

static bool is_for(const struct pga_acceptance *one, const char *id, const char *object)
{
	return strcmp(one->words[PGA_ACCEPTED_ID], id) == 0 &&
	       is_same(one->words[PGA_ACCEPTED_OBJECT], object);
}

static bool is_over(const struct pga_acceptance *one, time_t now)
{
	return one->until != 0 && one->until <= now;
}

const struct pga_acceptance *pga_accepted_for(const struct pga_accepted *accepted,
					      const struct pga_finding *finding, time_t now)
{
	for (size_t i = 0; i < accepted->count; i++)
		if (is_for(&accepted->list[i], pga_finding_word(finding->id), finding->object) &&
		    !is_over(&accepted->list[i], now))
			return &accepted->list[i];
	return NULL;
}

static bool is_found(const struct pga_findings *findings, size_t count,
		     const struct pga_acceptance *one)
{
	for (size_t i = 0; i < count; i++)
		if (is_for(one, pga_finding_word(findings->list[i].id), findings->list[i].object))
			return true;
	return false;
}

static void tell(const struct pga_acceptance *one, bool over, struct pga_findings *findings)
{
	const char *id = one->words[PGA_ACCEPTED_ID];
	const char *colon = one->words[PGA_ACCEPTED_OBJECT] != NULL ? ":" : "";
	const char *object = colon[0] != '\0' ? one->words[PGA_ACCEPTED_OBJECT] : "";

	if (over)
		pga_findings_add(findings, PGA_ACCEPTED_OVER, PGA_SEVERITY_WARNING, ABOUT_ACCEPTED,
				 "%s%s%s was accepted until %s", id, colon, object,
				 one->words[PGA_ACCEPTED_UNTIL]);
	else
		pga_findings_add(findings, PGA_ACCEPTED_GONE, PGA_SEVERITY_NOTE, ABOUT_ACCEPTED,
				 "%s%s%s was accepted, and is not found any more", id, colon,
				 object);
	pga_findings_detail(findings, "the reason was: %s", one->words[PGA_ACCEPTED_REASON]);
	if (!one->system) {
		struct pga_text name = PGA_TEXT_EMPTY;
		struct pga_text word = PGA_TEXT_EMPTY;

		pga_text_addf(&name, "%s%s%s", id, colon, object);
		pga_text_add_shell_word(&word, pga_text_string(&name));
		pga_findings_hint(findings, "pganchor doctor --unaccept %s",
				  pga_text_string(&word));
		findings->failed = findings->failed || name.failed || word.failed;
		pga_text_free(&name);
		pga_text_free(&word);
	}
	pga_findings_object(findings, "%s%s%s", id, colon, object);
}

void pga_accepted_judge(const struct pga_accepted *accepted, time_t now, bool online,
			struct pga_findings *findings)
{
	const size_t count = findings->count;

	for (size_t i = 0; i < accepted->count; i++) {
		const struct pga_acceptance *one = &accepted->list[i];

		if (!is_found(findings, count, one)) {
			if (online || one->words[PGA_ACCEPTED_ONLINE] == NULL)
				tell(one, false, findings);
		} else if (is_over(one, now)) {
			tell(one, true, findings);
		}
	}
}
