/* The settings of a connection as they may be shown: which of them can be more than their names
 * say. */
#include "policy/secrets.h"

#include "policy/options.h"
#include "policy/setting_rules.h"

#include <stdlib.h>
#include <string.h>

static const char *value_of(const struct pga_effective *effective, const char *keyword)
{
	const char *value = pga_effective_value(effective, keyword);

	return value != NULL ? value : "";
}

/* How many characters of the text can be a name, be it in UTF-8 or in another encoding. */
static size_t name_length(const char *text)
{
	static const char of_names[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				       "0123456789.-_%";
	size_t length = 0;

	while (text[length] != '\0' &&
	       ((unsigned char)text[length] >= 0x80 || strchr(of_names, text[length]) != NULL))
		length++;
	return length;
}

/* How many characters of the text can be a host's name or address, with an interface
 * (fe80::1%eth0). A ":" is part of addresses alone, for in front of a password it is not. */
static size_t host_length(const char *text)
{
	static const char of_addresses[] = "0123456789abcdefABCDEF:.";
	const size_t length = name_length(text);
	const size_t address = strspn(text, of_addresses);

	if (text[length] != ':')
		return length;
	return text[address] == '%' ? address + name_length(text + address) : address;
}

/* Hosts, paths of sockets, which begin with "/", and at the front a socket's abstract name, which
 * begins with "@". (Further behind, an "@" is more likely to be the end of a password.) */
static bool is_host_list(const char *hosts)
{
	if (hosts[0] == '@')
		hosts += 1 + strcspn(hosts + 1, "@,");
	for (;; hosts++) {
		hosts += hosts[0] == '/' ? strcspn(hosts, "@,") : host_length(hosts);
		if (*hosts != ',')
			return *hosts == '\0';
	}
}

static bool is_port_list(const char *ports)
{
	for (;; ports++) {
		unsigned long port = 0;

		for (; *ports >= '0' && *ports <= '9' && port <= 65535; ports++)
			port = port * 10 + (unsigned long)(*ports - '0');
		if (port > 65535 || *ports != ',')
			return port <= 65535 && *ports == '\0';
	}
}

bool pga_is_ambiguous(const struct pga_parameters *parameters)
{
	for (size_t i = 0; parameters->keywords[i] != NULL; i++) {
		const char *value = parameters->values[i];
		const char *scheme = value != NULL ? strstr(value, "://") : NULL;
		const char *at = scheme != NULL ? strchr(scheme, '@') : NULL;

		if (at != NULL && strchr(at + 1, '@') != NULL)
			return true;
	}
	return false;
}

bool pga_may_hold_a_password(const struct pga_effective *effective)
{
	const char *dbname = value_of(effective, "dbname");

	if (effective->ambiguous)
		return true;

	/* What is not said is the user's name, which may well have an "@" in it. */
	if (strcmp(dbname, value_of(effective, "user")) == 0)
		dbname = "";
	return !is_host_list(value_of(effective, "host")) ||
	       !is_host_list(value_of(effective, "hostaddr")) ||
	       !is_port_list(value_of(effective, "port")) || strpbrk(dbname, "@:/=") != NULL;
}

/* By these characters a value can be more than it says. "=" or "://" in one: a program that does
 * not have its dbname expanded can have a whole connection string there. ":" and "/" in a user's
 * name: it can have the password behind it, in a URI that was escaped too much. Those of the
 * settings that are judged are in policy/setting_rules.h. */
static const struct {
	char keyword[8];
	char characters[4];
} suspects[] = {{"user", "=:/"}, {"dbname", "=:/"}, {"service", "=:@"}};

/* Whether the value of a setting, by itself, can be more than its name says. */
static bool is_suspect(const char *keyword, const char *value)
{
	const struct pga_setting_rule *rule = pga_setting_rule(keyword);

	if (strcmp(keyword, "host") == 0 || strcmp(keyword, "hostaddr") == 0)
		return !is_host_list(value);
	if (strcmp(keyword, "port") == 0)
		return !is_port_list(value);
	for (size_t i = 0; i < sizeof suspects / sizeof suspects[0]; i++)
		if (strcmp(suspects[i].keyword, keyword) == 0)
			return strpbrk(value, suspects[i].characters) != NULL;
	return rule != NULL && strpbrk(value, rule->suspect) != NULL;
}

static bool is_place(const char *keyword)
{
	static const char places[][12] = {"host", "hostaddr", "port", "dbname"};

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		if (strcmp(places[i], keyword) == 0)
			return true;
	return false;
}

/* A text in which a secret may follow its name with anything between the two. */
static void add_words(struct pga_text *text, const char *words)
{
	const size_t behind = pga_behind_secret_word(words);
	const char *rest = words + behind + strspn(words + behind, " \t");
	struct pga_text before = PGA_TEXT_EMPTY;

	/* What is of the form name=secret is masked up to the next setting. */
	if (behind == 0 || *rest == '=' || *rest == '\0') {
		pga_text_add_masked(text, words);
		return;
	}
	pga_text_add_bytes(&before, words, behind);
	text->failed = text->failed || before.failed;
	pga_text_add_masked(text, pga_text_string(&before));
	pga_text_add(text, " " PGA_MASK);
	pga_text_free(&before);
}

void pga_text_add_setting(struct pga_text *text, const PQconninfoOption *option, bool moved)
{
	if (option->val == NULL || option->val[0] == '\0')
		return;
	if (pga_keyword_is_secret(option->keyword) ||
	    (option->dispchar != NULL && option->dispchar[0] == '*') ||
	    (moved && is_place(option->keyword)) || is_suspect(option->keyword, option->val))
		pga_text_add(text, PGA_MASK);
	else
		add_words(text, option->val);
}

/* The value of a setting that is in a file and has not been read by libpq. */
static void add_value(struct pga_text *text, const char *keyword, const char *value)
{
	if (value[0] != '\0' && (pga_keyword_is_secret(keyword) || is_suspect(keyword, value)))
		pga_text_add(text, PGA_MASK);
	else
		add_words(text, value);
}

/* What is none of comment, header and setting. */
static bool is_broken(const char *line)
{
	line += strspn(line, " \t\r\v\f\n");
	return *line != '\0' && strchr("#;[", *line) == NULL && strchr(line, '=') == NULL;
}

void pga_text_add_masked_line(struct pga_text *text, const char *line, size_t length)
{
	static const char blanks[] = " \t\r\v\f#;";
	struct pga_text copy = PGA_TEXT_EMPTY;
	struct pga_text keyword = PGA_TEXT_EMPTY;
	const char *begin;
	const char *value;
	bool broken;

	pga_text_add_bytes(&copy, line, length);
	begin = pga_text_string(&copy);
	broken = is_broken(begin);
	value = begin + strspn(begin, blanks);
	pga_text_add_bytes(&keyword, value, strcspn(value, " \t=:"));
	/* What begins with the name of a setting is one that was written in another way. */
	broken = broken && !pga_option_is_reviewed(pga_text_string(&keyword));
	if (!broken) {
		value += keyword.length;
		value += strspn(value, " \t=:");
	}
	text->failed = text->failed || copy.failed || keyword.failed;
	pga_text_add_bytes(text, begin, (size_t)(value - begin));
	if (broken)
		pga_text_add(text, PGA_MASK);
	else
		add_value(text, pga_text_string(&keyword), value);
	pga_text_free(&copy);
	pga_text_free(&keyword);
}

int pga_effective_mask(struct pga_effective *effective)
{
	const bool moved = pga_may_hold_a_password(effective);
	PQconninfoOption *option = effective->options;

	for (; option != NULL && option->keyword != NULL; option++) {
		struct pga_text shown = PGA_TEXT_EMPTY;
		char *value;

		if (option->val == NULL || option->val[0] == '\0')
			continue;
		pga_text_add_setting(&shown, option, moved);
		value = pga_text_take(&shown);
		if (value == NULL)
			return -1;
		free(option->val);
		option->val = value;
	}
	return 0;
}
