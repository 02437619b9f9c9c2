#include "anchor/anchors_conf.h"

#include "ca/idn.h"
#include "base/host.h"
#include "base/ini.h"
#include "base/ini_cut.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_LINE "# The roots that are trusted for PostgreSQL; written by pganchor bootstrap.\n"

static void add_setting(struct pga_text *after, const struct pga_anchor_setting *setting,
			const char *line_end)
{
	if (setting->value != NULL)
		pga_text_addf(after, "%s = %s%s", setting->key, setting->value, line_end);
}

/* Of a header or a setting of ours, which has more than two bytes. */
static const char *line_end_of(const struct pga_ini_line *line)
{
	return line->whole.bytes[line->whole.length - 2] == '\r' ? "\r\n" : "\n";
}

static const struct pga_anchor_setting *setting_of(const struct pga_ini_line *line,
						   const struct pga_anchor_setting *settings,
						   size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (settings[i].value != NULL && pga_ini_equals(line->name, settings[i].key))
			return &settings[i];
	return NULL;
}

static bool has_key(const struct pga_text *content, const char *name, const char *key)
{
	struct pga_ini_reader reader =
	    pga_ini_start(pga_text_string(content), content->length, PGA_INI_CONF);
	struct pga_ini_line line;
	bool inside = false;

	while (pga_ini_next(&reader, &line)) {
		if (line.kind == PGA_INI_SECTION)
			inside = pga_ini_equals(line.name, name);
		else if (inside && line.kind == PGA_INI_SETTING && pga_ini_equals(line.name, key))
			return true;
	}
	return false;
}

static void copy_line(struct pga_text *after, const struct pga_ini_line *line)
{
	pga_text_add_bytes(after, line->whole.bytes, line->whole.length);
}

void pga_anchors_conf_add(const char *name, const struct pga_anchor_setting *settings, size_t count,
			  struct pga_text *after)
{
	if (after->length == 0)
		pga_text_add(after, FIRST_LINE);
	else if (after->bytes[after->length - 1] != '\n')
		pga_text_add(after, "\n");
	pga_text_addf(after, "\n[%s]\n", name);
	for (size_t i = 0; i < count; i++)
		add_setting(after, &settings[i], "\n");
}

void pga_anchors_conf_set(const struct pga_text *before, const char *name,
			  const struct pga_anchor_setting *settings, size_t count,
			  struct pga_text *after)
{
	struct pga_ini_reader reader =
	    pga_ini_start(pga_text_string(before), before->length, PGA_INI_CONF);
	struct pga_ini_line line;
	bool inside = false;
	bool found = false;

	while (pga_ini_next(&reader, &line)) {
		const struct pga_anchor_setting *setting = NULL;

		if (line.kind == PGA_INI_SECTION)
			inside = pga_ini_equals(line.name, name);
		else if (inside && line.kind == PGA_INI_SETTING)
			setting = setting_of(&line, settings, count);
		if (setting != NULL && !pga_ini_equals(line.value, setting->value))
			add_setting(after, setting, line_end_of(&line));
		else
			copy_line(after, &line);
		if (line.kind != PGA_INI_SECTION || !inside)
			continue;
		found = true;
		/* What the section does not have yet stands in front; "[name]" may be the last line
		 * of a file without a line end. */
		if (after->length > 0 && after->bytes[after->length - 1] != '\n')
			pga_text_add(after, "\n");
		for (size_t i = 0; i < count; i++)
			if (!has_key(before, name, settings[i].key))
				add_setting(after, &settings[i], line_end_of(&line));
	}
	if (!found)
		pga_anchors_conf_add(name, settings, count, after);
}

void pga_anchors_conf_cut(const struct pga_text *before, const char *name, struct pga_text *after,
			  size_t *sections)
{
	struct pga_ini_cut cut = {.sections = 0};

	pga_ini_cut(pga_text_string(before), before->length, PGA_INI_CONF, name, after, &cut);
	after->failed = after->failed || cut.removed.failed;
	*sections = cut.others;
	pga_text_free(&cut.removed);
}

void pga_anchors_conf_rename(const struct pga_text *before, const char *name, const char *new_name,
			     struct pga_text *after)
{
	struct pga_ini_reader reader =
	    pga_ini_start(pga_text_string(before), before->length, PGA_INI_CONF);
	struct pga_ini_line line;

	while (pga_ini_next(&reader, &line)) {
		const size_t start = line.kind == PGA_INI_SECTION && pga_ini_equals(line.name, name)
					 ? (size_t)(line.name.bytes - line.whole.bytes)
					 : 0;

		if (start == 0) {
			copy_line(after, &line);
			continue;
		}
		pga_text_add_bytes(after, line.whole.bytes, start);
		pga_text_add(after, new_name);
		pga_text_add_bytes(after, line.name.bytes + line.name.length,
				   line.whole.length - start - line.name.length);
	}
}

bool pga_anchors_conf_is_bare(const struct pga_text *content)
{
	struct pga_ini_reader reader =
	    pga_ini_start(pga_text_string(content), content->length, PGA_INI_CONF);
	struct pga_ini_line line;

	while (pga_ini_next(&reader, &line))
		if (line.kind != PGA_INI_BLANK &&
		    (line.whole.length != strlen(FIRST_LINE) ||
		     memcmp(line.whole.bytes, FIRST_LINE, line.whole.length) != 0))
			return false;
	return true;
}

/* A pattern with its name as DNS has it. The caller frees it; NULL with the reason. */
static char *in_ascii(const char *pattern, size_t length, struct pga_error *error)
{
	const size_t wild = strncmp(pattern, "*.", 2) == 0 ? 2 : 0;
	char *text = strndup(pattern, length);
	struct pga_text whole = PGA_TEXT_EMPTY;
	char *name;

	if (text == NULL) {
		(void)pga_fail_memory(error);
		return NULL;
	}
	if (pga_host_is_ascii(text))
		return text;
	name = pga_host_to_ascii(text + wild, error);
	free(text);
	if (name == NULL)
		return NULL;
	pga_text_addf(&whole, "%.*s%s", (int)wild, pattern, name);
	free(name);
	text = pga_text_take(&whole);
	if (text == NULL)
		(void)pga_fail_memory(error);
	return text;
}

static int add_pattern(struct pga_text *hosts, const char *text, size_t length, const char *hint,
		       struct pga_error *error)
{
	char *pattern = in_ascii(text, length, error);
	size_t bad_length;
	const bool good =
	    pattern != NULL && pga_host_bad_pattern(pattern, strlen(pattern), &bad_length) == NULL;

	if (pattern != NULL && !good)
		(void)pga_fail(error, hint,
			       "--hosts: %s: neither *, *.DOMAIN, a host name nor an address",
			       pattern);
	if (good)
		pga_text_addf(hosts, "%s%s", hosts->length > 0 ? " " : "", pattern);
	free(pattern);
	return good ? 0 : -1;
}

char *pga_anchors_conf_hosts(const char *list, struct pga_error *error)
{
	static const char between[] = " \t,";
	static const char hint[] = "such as --hosts '*.example.com db.example.org'";
	struct pga_text hosts = PGA_TEXT_EMPTY;
	char *text;

	for (const char *at = list + strspn(list, between); *at != '\0';
	     at += strspn(at, between)) {
		size_t length = strcspn(at, between);

		if (add_pattern(&hosts, at, length, hint, error) != 0) {
			pga_text_free(&hosts);
			return NULL;
		}
		at += length;
	}
	if (hosts.length == 0 && !hosts.failed) {
		(void)pga_fail(error, hint, "--hosts: no host pattern");
		pga_text_free(&hosts);
		return NULL;
	}
	text = pga_text_take(&hosts);
	if (text == NULL)
		(void)pga_fail_memory(error);
	return text;
}
