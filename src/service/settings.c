#include "service/settings.h"

#include "base/guess.h"
#include "base/text.h"
#include "policy/linked.h"
#include "policy/secrets.h"
#include "service/host_name.h"

#include <ctype.h>
#include <errno.h>
#include <libpq-fe.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

int pga_settings_add(struct pga_settings *settings, const char *keyword, const char *value,
		     struct pga_error *error)
{
	struct pga_setting *grown;
	struct pga_setting *item;

	if (pga_settings_value(settings, keyword) != NULL)
		return pga_fail(error, "give it once", "%s: given twice", keyword);
	grown = realloc(settings->items, (settings->count + 1) * sizeof *grown);
	if (grown == NULL)
		return pga_fail_memory(error);
	settings->items = grown;
	item = &grown[settings->count++];
	item->keyword = strdup(keyword);
	item->value = strdup(value);
	return item->keyword != NULL && item->value != NULL ? 0 : pga_fail_memory(error);
}

const char *pga_settings_value(const struct pga_settings *settings, const char *keyword)
{
	for (size_t i = 0; i < settings->count; i++)
		if (strcmp(settings->items[i].keyword, keyword) == 0)
			return settings->items[i].value;
	return NULL;
}

void pga_settings_free(struct pga_settings *settings)
{
	for (size_t i = 0; i < settings->count; i++) {
		free(settings->items[i].keyword);
		free(settings->items[i].value);
	}
	free(settings->items);
	memset(settings, 0, sizeof *settings);
}

/* What people write who have another client in mind. */
static const char *other_name(const char *keyword)
{
	static const char *const names[][2] = {
	    {"database", "dbname"}, {"db", "dbname"},      {"username", "user"},
	    {"hostname", "host"},   {"server", "host"},    {"timeout", "connect_timeout"},
	    {"ssl", "sslmode"},     {"ca", "sslrootcert"}, {"sslca", "sslrootcert"},
	    {"pass", "password"},
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(keyword, names[i][0]) == 0)
			return names[i][1];
	return "";
}

static int fail_unknown(const char *keyword, struct pga_error *error)
{
	PQconninfoOption *options = PQconndefaults();
	struct pga_text close = PGA_TEXT_EMPTY;
	int version = PQlibVersion();

	for (PQconninfoOption *option = options; option != NULL && option->keyword != NULL;
	     option++) {
		const char *name = option->keyword;

		if (strcmp(name, "service") == 0 || (pga_word_distance(keyword, name) > 2 &&
						     strcmp(name, other_name(keyword)) != 0))
			continue;
		pga_text_addf(&close, "%s%s", close.length > 0 ? ", " : "did you mean ", name);
	}
	PQconninfoFree(options);
	if (close.length > 0)
		pga_text_add(&close, "?");
	else
		pga_text_add(&close, "libpq's manual lists them: Parameter Key Words");
	(void)pga_fail(error, pga_text_string(&close),
		       "%s: the installed libpq (%d.%d) knows no such setting, and would refuse "
		       "the whole service",
		       keyword, version / 10000, version % 10000);
	pga_text_free(&close);
	return -1;
}

static int check_line(const struct pga_setting *setting, struct pga_error *error)
{
	size_t length = strlen(setting->value);
	size_t line = strlen(setting->keyword) + 1 + length + 2;

	if (strcmp(setting->value, PGA_SECRET_LEFT_OUT) == 0)
		return pga_fail(error, "write it in the place of the dots, or leave it out",
				"%s=%s: the value itself is missing", setting->keyword,
				setting->value);
	if (length == 0)
		return pga_fail(error, "leave it out", "%s: the value is empty", setting->keyword);
	if (strpbrk(setting->value, "\n\r") != NULL)
		return pga_fail(error, "pg_service.conf has no way to write it: use another value",
				"%s: the value holds a line break", setting->keyword);
	if (pga_is_blank(setting->value[length - 1]))
		return pga_fail(error,
				"libpq strips blanks off the end of a line: use another value",
				"%s: the value ends in a blank", setting->keyword);
	if (line > PGA_SERVICE_LINE_LIMIT)
		return pga_fail(error, "libpq refuses every line behind one of 1,023 bytes or more",
				"%s: the line would have %zu bytes, and may have %d",
				setting->keyword, line, PGA_SERVICE_LINE_LIMIT);
	return 0;
}

/* Whether the text up to there is a number as libpq reads it: no more than blanks around it. */
static bool is_number(const char *at, const char *behind, long *number)
{
	char *end;

	errno = 0;
	*number = strtol(at, &end, 10);
	if (end == at || errno != 0 || *number < INT_MIN || *number > INT_MAX)
		return false;
	while (pga_is_blank(*end))
		end++;
	return end == behind;
}

/* Its words, its limits (parse_int_param(), useKeepalives(), connectDBStart()). */
int pga_number_check(const char *keyword, const char *value, struct pga_error *error)
{
	static const char *const numbers[] = {
	    "port",
	    "connect_timeout",
	    "keepalives",
	    "keepalives_idle",
	    "keepalives_interval",
	    "keepalives_count",
	    "tcp_user_timeout",
	};
	const bool is_port = strcmp(keyword, "port") == 0;
	const char *behind = value;
	bool one_of_them = false;

	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		one_of_them = one_of_them || strcmp(keyword, numbers[i]) == 0;
	for (const char *at = one_of_them ? value : NULL; at != NULL;
	     at = *behind == ',' ? behind + 1 : NULL) {
		long number;

		behind = is_port ? strchrnul(at, ',') : at + strlen(at);
		/* A list of ports may have empty elements, which are the default. */
		if (is_port && behind == at)
			continue;
		if (!is_number(at, behind, &number))
			return pga_fail(error, "write a whole number",
					"invalid integer value \"%s\" for connection option \"%s\"",
					value, keyword);
		if (is_port && (number < 1 || number > 65535))
			return pga_fail(error, "a port is from 1 to 65535",
					"invalid port number: \"%s\"", value);
	}
	return 0;
}

/* libpq 16 and later take the word for the roots of the system. */
static int check_system_roots(struct pga_error *error)
{
	const int version = PQlibVersion();

	if (version >= 160000)
		return 0;
	return pga_fail(error,
			"leave it out, or name the file: /etc/ssl/certs/ca-certificates.crt, say",
			"sslrootcert=system: for the installed libpq (%d.%d) that is a file of "
			"this name in whatever directory the program runs in; the roots of the "
			"system it is from 16 on",
			version / 10000, version % 10000);
}

/* A service is used from any directory: a relative path would be another file each time, and a root
 * that somebody puts into the current directory would be trusted. */
static int check_path(const char *keyword, const char *value, struct pga_error *error)
{
	static const char *const paths[] = {"sslrootcert", "sslcert",   "sslkey",
					    "sslcrl",      "sslcrldir", "passfile"};

	if (strcmp(keyword, "sslrootcert") == 0 && strcmp(value, "system") == 0)
		return check_system_roots(error);
	if (strcmp(keyword, "sslkey") == 0 && strchr(value, ':') != NULL) /* engine:key */
		return 0;
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		if (strcmp(keyword, paths[i]) == 0 && value[0] != '/')
			return pga_fail(error,
					"write the whole path, from / on (libpq does not expand ~)",
					"%s=%s: a relative path is another file in every directory",
					keyword, value);
	return 0;
}

int pga_settings_check(const struct pga_settings *settings, struct pga_error *error)
{
	for (size_t i = 0; i < settings->count; i++) {
		const struct pga_setting *setting = &settings->items[i];

		if (strcmp(setting->keyword, "service") == 0 ||
		    strcmp(setting->keyword, "servicefile") == 0)
			return pga_fail(error, "write the settings of that service here",
					"%s: an entry cannot refer to another one",
					setting->keyword);
		if (!pga_linked_libpq_knows(setting->keyword))
			return fail_unknown(setting->keyword, error);
		if (check_line(setting, error) != 0 ||
		    pga_number_check(setting->keyword, setting->value, error) != 0 ||
		    check_path(setting->keyword, setting->value, error) != 0)
			return -1;
	}
	return pga_hosts_check(pga_settings_value(settings, "host"), error) == 0 ? 0 : -1;
}

/* A connection string where the name belongs, or a part of one: it would be written down, listed,
 * and offered by the shell. */
static int check_for_a_password(const char *name, struct pga_error *error)
{
	struct pga_text shown = PGA_TEXT_EMPTY;
	int result = 0;

	pga_text_add_masked(&shown, name);
	if (shown.failed)
		result = pga_fail_memory(error);
	else if (strcmp(pga_text_string(&shown), name) != 0)
		result = pga_fail(error,
				  "give it a name of its own, such as prod; the rest are settings",
				  "the service's name may hold a password");
	pga_text_free(&shown);
	return result;
}

int pga_service_name_check(const char *name, bool is_there, struct pga_error *error)
{
	size_t length = strlen(name);

	if (length == 0)
		return pga_fail(error, "give it a name, such as prod",
				"the service's name is empty");
	if (!is_there && check_for_a_password(name, error) != 0)
		return -1;
	if (pga_is_blank(name[0]) || pga_is_blank(name[length - 1]))
		return pga_fail(error, "leave the blanks out",
				"service \"%s\": the name starts or ends with a blank", name);
	if (strchr(name, ']') != NULL)
		return pga_fail(error, "a header ends at its first ]: use another name",
				"service \"%s\": the name holds a ]", name);
	for (size_t i = 0; i < length; i++)
		if (name[i] == '\n' || name[i] == '\r' ||
		    (!is_there && iscntrl((unsigned char)name[i])))
			return pga_fail(error, "use another name",
					"the service's name holds a control character");
	if (length + 4 > PGA_SERVICE_LINE_LIMIT)
		return pga_fail(error, "use a shorter name",
				"the service's name is too long for a line of the file");
	return 0;
}
