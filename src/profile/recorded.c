#include "profile/recorded.h"

#include "base/paths.h"

#include <stdlib.h>
#include <string.h>

#define HEADING \
	"# What \"pganchor onboard\" has applied of this profile. It is read by the next one.\n"

static char *path_of(const char *prefix, const char *profile, struct pga_error *error)
{
	struct pga_text name = PGA_TEXT_EMPTY;
	char *path;

	pga_text_addf(&name, PGA_RECORDED_DIRECTORY "/%s%s", prefix, profile);
	if (name.failed) {
		(void)pga_fail_memory(error);
		return NULL;
	}
	path = pga_user_config(pga_text_string(&name));
	if (path == NULL)
		(void)pga_fail_home(error);
	pga_text_free(&name);
	return path;
}

char *pga_recorded_path(const char *profile, struct pga_error *error)
{
	return path_of("", profile, error);
}

char *pga_recorded_begun_path(const char *profile, struct pga_error *error)
{
	return path_of(PGA_RECORDED_BEGUN, profile, error);
}

int pga_recorded_add_anchor(struct pga_recorded *recorded, const char *name, const char *pin,
			    const char *hosts, bool scoped, struct pga_error *error)
{
	struct pga_recorded_anchor *grown =
	    reallocarray(recorded->anchors, recorded->anchor_count + 1, sizeof *grown);
	struct pga_recorded_anchor *anchor;

	if (grown == NULL)
		return pga_fail_memory(error);
	recorded->anchors = grown;
	anchor = &grown[recorded->anchor_count];
	*anchor = (struct pga_recorded_anchor){strdup(name), "", strdup(hosts), scoped};
	memcpy(anchor->pin, pin, strnlen(pin, PGA_PIN_LENGTH));
	recorded->anchor_count++;
	return anchor->name != NULL && anchor->hosts != NULL ? 0 : pga_fail_memory(error);
}

int pga_recorded_add_service(struct pga_recorded *recorded, const char *name,
			     const struct pga_settings *settings, struct pga_error *error)
{
	struct pga_recorded_service *grown =
	    reallocarray(recorded->services, recorded->service_count + 1, sizeof *grown);
	struct pga_recorded_service *service;

	if (grown == NULL)
		return pga_fail_memory(error);
	recorded->services = grown;
	service = &grown[recorded->service_count];
	*service = (struct pga_recorded_service){strdup(name), {NULL, 0}};
	recorded->service_count++;
	if (service->name == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; settings != NULL && i < settings->count; i++)
		if (pga_settings_add(&service->settings, settings->items[i].keyword,
				     settings->items[i].value, error) != 0)
			return -1;
	return 0;
}

/* The word up to the next blank, which is taken off the line; "" where there is none. */
static char *take_word(char **line)
{
	char *word = *line;

	*line += strcspn(*line, " ");
	if (**line == ' ')
		*(*line)++ = '\0';
	return word;
}

static int take_anchor(struct pga_recorded *recorded, char *line, struct pga_error *error)
{
	const char *name = take_word(&line);
	const char *pin = take_word(&line);
	const char *scope = take_word(&line);

	if (!pga_pin_name_is_valid(name) || strlen(pin) != PGA_PIN_LENGTH || line[0] == '\0')
		return 1;
	return pga_recorded_add_anchor(recorded, name, pin, line, strcmp(scope, "scoped") == 0,
				       error);
}

/* KEYWORD=VALUE, once each. */
static int take_pair(struct pga_settings *settings, char *line, struct pga_error *error)
{
	char *equals = strchr(line, '=');

	if (equals == NULL || equals == line)
		return 1;
	*equals = '\0';
	if (pga_settings_value(settings, line) != NULL)
		return 1;
	return pga_settings_add(settings, line, equals + 1, error);
}

/* Returns 1 for a line that is none. */
static int take_line(struct pga_recorded *recorded, char *line, struct pga_error *error)
{
	const char *word = take_word(&line);

	if (word[0] == '\0' || word[0] == '#')
		return 0;
	if (strcmp(word, "anchor") == 0)
		return take_anchor(recorded, line, error);
	if (strcmp(word, "service") == 0)
		return line[0] != '\0' ? pga_recorded_add_service(recorded, line, NULL, error) : 1;
	if (strcmp(word, "policy") == 0)
		return take_pair(&recorded->policy, line, error);
	if (strcmp(word, "setting") == 0 && recorded->service_count > 0)
		return take_pair(&recorded->services[recorded->service_count - 1].settings, line,
				 error);
	return 1;
}

int pga_recorded_parse(struct pga_recorded *recorded, const char *path, const char *bytes,
		       size_t length, struct pga_error *error)
{
	const char *rest = bytes;
	const char *line;
	size_t number = 0;

	if (length > 0 && memchr(bytes, '\0', length) != NULL)
		return pga_fail(error, "move it away, and run pganchor onboard again",
				"%s: holds a NUL byte", path);
	while (pga_next_line(&rest, &line, &length)) {
		char *copy = strndup(line, length);
		const int result = copy != NULL ? take_line(recorded, copy, error) : -1;

		number++;
		if (copy == NULL)
			(void)pga_fail_memory(error);
		free(copy);
		if (result > 0)
			return pga_fail(error, "move it away, and run pganchor onboard again",
					"%s, line %zu: not a line that pganchor writes there", path,
					number);
		if (result != 0)
			return -1;
	}
	return 0;
}

int pga_recorded_take_anchor(struct pga_recorded *recorded,
			     const struct pga_recorded_anchor *anchor, struct pga_error *error)
{
	for (size_t i = 0; i < recorded->anchor_count; i++) {
		struct pga_recorded_anchor *there = &recorded->anchors[i];

		if (strcmp(there->pin, anchor->pin) != 0)
			continue;
		free(there->name);
		free(there->hosts);
		there->name = strdup(anchor->name);
		there->hosts = strdup(anchor->hosts);
		there->scoped = anchor->scoped;
		return there->name != NULL && there->hosts != NULL ? 0 : pga_fail_memory(error);
	}
	return pga_recorded_add_anchor(recorded, anchor->name, anchor->pin, anchor->hosts,
				       anchor->scoped, error);
}

int pga_recorded_take_service(struct pga_recorded *recorded,
			      const struct pga_recorded_service *service, struct pga_error *error)
{
	for (size_t i = 0; i < recorded->service_count; i++) {
		struct pga_settings *there = &recorded->services[i].settings;

		if (strcmp(recorded->services[i].name, service->name) != 0)
			continue;
		pga_settings_free(there);
		for (size_t k = 0; k < service->settings.count; k++)
			if (pga_settings_add(there, service->settings.items[k].keyword,
					     service->settings.items[k].value, error) != 0)
				return -1;
		return 0;
	}
	return pga_recorded_add_service(recorded, service->name, &service->settings, error);
}

int pga_recorded_take_policy(struct pga_recorded *recorded, const struct pga_setting *line,
			     struct pga_error *error)
{
	for (size_t i = 0; i < recorded->policy.count; i++) {
		struct pga_setting *there = &recorded->policy.items[i];

		if (strcmp(there->keyword, line->keyword) != 0)
			continue;
		free(there->value);
		there->value = strdup(line->value);
		return there->value != NULL ? 0 : pga_fail_memory(error);
	}
	return pga_settings_add(&recorded->policy, line->keyword, line->value, error);
}

const struct pga_recorded_anchor *pga_recorded_anchor_of(const struct pga_recorded *recorded,
							 const char *pin)
{
	for (size_t i = 0; i < recorded->anchor_count; i++)
		if (strcmp(recorded->anchors[i].pin, pin) == 0)
			return &recorded->anchors[i];
	return NULL;
}

const struct pga_recorded_service *pga_recorded_service_of(const struct pga_recorded *recorded,
							   const char *name)
{
	for (size_t i = 0; i < recorded->service_count; i++)
		if (strcmp(recorded->services[i].name, name) == 0)
			return &recorded->services[i];
	return NULL;
}

void pga_recorded_write(const struct pga_recorded *recorded, struct pga_text *text)
{
	pga_text_add(text, HEADING);
	for (size_t i = 0; i < recorded->anchor_count; i++) {
		const struct pga_recorded_anchor *anchor = &recorded->anchors[i];

		pga_text_addf(text, "anchor %s %s %s %s\n", anchor->name, anchor->pin,
			      anchor->scoped ? "scoped" : "root.crt", anchor->hosts);
	}
	for (size_t i = 0; i < recorded->service_count; i++) {
		const struct pga_recorded_service *service = &recorded->services[i];

		pga_text_addf(text, "service %s\n", service->name);
		for (size_t k = 0; k < service->settings.count; k++)
			pga_text_addf(text, "setting %s=%s\n", service->settings.items[k].keyword,
				      service->settings.items[k].value);
	}
	for (size_t i = 0; i < recorded->policy.count; i++)
		pga_text_addf(text, "policy %s=%s\n", recorded->policy.items[i].keyword,
			      recorded->policy.items[i].value);
}

void pga_recorded_free(struct pga_recorded *recorded)
{
	for (size_t i = 0; i < recorded->anchor_count; i++) {
		free(recorded->anchors[i].name);
		free(recorded->anchors[i].hosts);
	}
	free(recorded->anchors);
	for (size_t i = 0; i < recorded->service_count; i++) {
		free(recorded->services[i].name);
		pga_settings_free(&recorded->services[i].settings);
	}
	free(recorded->services);
	pga_settings_free(&recorded->policy);
	memset(recorded, 0, sizeof *recorded);
}
