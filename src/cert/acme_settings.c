#include "cert/acme_settings.h"

#include "base/file.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is shorter is a word like any other: a message would be full of holes. */
#define SHORTEST_SECRET 6

static bool is_name(const char *name)
{
	for (const char *at = name; *at != '\0'; at++) {
		const bool digit = *at >= '0' && *at <= '9';

		if (!digit && !(pga_lower(*at) >= 'a' && pga_lower(*at) <= 'z') && *at != '_')
			return false;
		if (digit && at == name)
			return false;
	}
	return name[0] != '\0';
}

/* Quotes around a value are none of it, as systemd has it in such a file. */
static char *without_quotes(char *value)
{
	const size_t length = strlen(value);

	if (length < 2 || (value[0] != '"' && value[0] != '\'') || value[length - 1] != value[0])
		return value;
	value[length - 1] = '\0';
	return value + 1;
}

int pga_acme_settings_add(struct pga_acme_settings *settings, const char *name, const char *value,
			  struct pga_error *error)
{
	if (settings->count == PGA_ACME_SETTINGS)
		return pga_fail(error, NULL, "more than %d settings for an ACME client",
				PGA_ACME_SETTINGS);
	settings->settings[settings->count++] = (struct pga_acme_setting){name, value, NULL};
	return 0;
}

/* Takes the line apart. Returns -1 for what is none. */
static int take_line(struct pga_acme_settings *settings, char *line, const char *file,
		     size_t number, struct pga_error *error)
{
	char *equals;

	while (pga_is_blank(*line))
		line++;
	for (size_t end = strlen(line); end > 0 && pga_is_blank(line[end - 1]); end--)
		line[end - 1] = '\0';
	if (line[0] == '\0' || line[0] == '#')
		return 0;
	equals = strchr(line, '=');
	if (equals != NULL)
		*equals = '\0';
	if (equals == NULL || !is_name(line))
		return pga_fail(error, "lego dnshelp -c PROVIDER lists what it wants",
				"%s, line %zu: not NAME=VALUE", file, number);
	return pga_acme_settings_add(settings, line, without_quotes(equals + 1), error);
}

static int take_lines(struct pga_acme_settings *settings, const char *file, struct pga_error *error)
{
	char *line = settings->bytes.bytes;

	if (line != NULL && strlen(line) != settings->bytes.length)
		return pga_fail(error, NULL, "%s: a NUL is in it", file);
	for (size_t number = 1; line != NULL; number++) {
		char *end = strchr(line, '\n');

		if (end != NULL)
			*end++ = '\0';
		if (take_line(settings, line, file, number, error) != 0)
			return -1;
		line = end;
	}
	return 0;
}

static int check_owner(int descriptor, const char *file, struct pga_error *error)
{
	struct stat status;

	if (fstat(descriptor, &status) != 0)
		return pga_fail_errno(error, NULL, "could not look at %s", file);
	if (status.st_uid != 0 && status.st_uid != geteuid())
		return pga_fail(error, "name one of your own", "%s: it is somebody else's", file);
	if (S_ISREG(status.st_mode) && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return pga_fail(
		    error, "chmod 600 it",
		    "%s: others may read or write it (mode %04o), and secrets are in it", file,
		    (unsigned)status.st_mode & 07777U);
	return 0;
}

int pga_acme_settings_read(struct pga_acme_settings *settings, const char *file,
			   struct pga_error *error)
{
	const int descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct pga_file_identity stamp;
	int result = -1;

	if (descriptor < 0)
		return pga_fail_errno(error, "check the path and its permissions",
				      "could not open %s", file);
	if (check_owner(descriptor, file, error) == 0 &&
	    pga_file_read_open(descriptor, file, &settings->bytes, &stamp, error) == 0)
		result = take_lines(settings, file, error);
	(void)close(descriptor);
	return result;
}

int pga_acme_settings_set(struct pga_acme_settings *settings, struct pga_error *error)
{
	for (settings->set = 0; settings->set < settings->count; settings->set++) {
		struct pga_acme_setting *one = &settings->settings[settings->set];
		const char *before = getenv(one->name);

		one->before = before != NULL ? strdup(before) : NULL;
		if ((before != NULL && one->before == NULL) ||
		    setenv(one->name, one->value, 1) != 0) {
			pga_acme_settings_unset(settings);
			return pga_fail_memory(error);
		}
	}
	return 0;
}

void pga_acme_settings_unset(struct pga_acme_settings *settings)
{
	while (settings->set > 0) {
		struct pga_acme_setting *one = &settings->settings[--settings->set];

		if (one->before == NULL || setenv(one->name, one->before, 1) != 0)
			(void)unsetenv(one->name);
		free(one->before);
		one->before = NULL;
	}
}

/* The value of the file's that stands here; NULL: none. */
static const char *value_at(const struct pga_acme_settings *settings, const char *text)
{
	const char *begin = settings->bytes.bytes;

	for (size_t i = 0; i < settings->count; i++) {
		const char *value = settings->settings[i].value;
		const bool of_file =
		    begin != NULL && value >= begin && value <= begin + settings->bytes.length;

		if (of_file && strlen(value) >= SHORTEST_SECRET &&
		    strncmp(text, value, strlen(value)) == 0)
			return value;
	}
	return NULL;
}

char *pga_acme_settings_hide(const struct pga_acme_settings *settings, const char *text)
{
	struct pga_text shown = PGA_TEXT_EMPTY;

	pga_text_add(&shown, "");
	while (*text != '\0') {
		const char *value = value_at(settings, text);

		if (value != NULL)
			pga_text_add(&shown, "...");
		else
			pga_text_add_bytes(&shown, text, 1);
		text += value != NULL ? strlen(value) : 1;
	}
	return pga_text_take(&shown);
}

void pga_acme_settings_free(struct pga_acme_settings *settings)
{
	pga_acme_settings_unset(settings);
	pga_text_wipe(&settings->bytes);
	memset(settings, 0, sizeof *settings);
}
