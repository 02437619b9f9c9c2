#include "base/manifest.h"

#include "base/file.h"
#include "base/paths.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[] = {"directory", "file",    "found", "service",
				    "replaced",  "trimmed", "root"};

uint64_t pga_manifest_digest(const char *bytes, size_t length)
{
	uint64_t digest = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < length; i++)
		digest = (digest ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
	return digest;
}

void pga_manifest_add_field(struct pga_text *text, const char *field)
{
	pga_text_add(text, " ");
	for (const char *at = field; *at != '\0'; at++) {
		const unsigned char byte = (unsigned char)*at;

		if (byte <= ' ' || byte == '%' || byte == 0x7f)
			pga_text_addf(text, "%%%02x", byte);
		else
			pga_text_add_bytes(text, at, 1);
	}
}

void pga_manifest_add_note(struct pga_text *text, enum pga_note_kind kind, const char *path)
{
	pga_text_add(text, kinds[kind]);
	pga_manifest_add_field(text, path);
}

void pga_manifest_note_service(struct pga_text *text, const char *path, const char *name,
			       bool replaced, const struct pga_text *lines)
{
	pga_manifest_add_note(text, replaced ? PGA_NOTE_REPLACED : PGA_NOTE_SERVICE, path);
	pga_manifest_add_field(text, name);
	pga_text_addf(text, " %016" PRIx64 "\n",
		      pga_manifest_digest(pga_text_string(lines), lines->length));
	text->failed = text->failed || lines->failed;
}

static void note_pin(struct pga_text *text, enum pga_note_kind kind, const char *path,
		     const char *pin)
{
	pga_manifest_add_note(text, kind, path);
	pga_manifest_add_field(text, pin);
	pga_text_add(text, "\n");
}

void pga_manifest_note_trimmed(struct pga_text *text, const char *path, const char *pin)
{
	note_pin(text, PGA_NOTE_TRIMMED, path, pin);
}

void pga_manifest_note_root(struct pga_text *text, const char *path, const char *pin)
{
	note_pin(text, PGA_NOTE_ROOT, path, pin);
}

void pga_manifest_note_directory(struct pga_text *text, const char *path)
{
	pga_manifest_add_note(text, PGA_NOTE_DIRECTORY, path);
	pga_text_add(text, "\n");
}

char *pga_manifest_take_field(const char **at, const char *end)
{
	char *field;
	size_t length = 0;

	while (*at < end && **at == ' ')
		(*at)++;
	if (*at == end)
		return NULL;
	field = malloc((size_t)(end - *at) + 1);
	for (; field != NULL && *at < end && **at != ' '; (*at)++) {
		char digits[3] = "";

		if (**at == '%' && end - *at > 2) {
			memcpy(digits, *at + 1, 2);
			*at += 2;
			field[length++] = (char)strtoul(digits, NULL, 16);
		} else {
			field[length++] = **at;
		}
	}
	if (field != NULL)
		field[length] = '\0';
	return field;
}

static uint64_t take_digest(const char **at, const char *end)
{
	char *field = pga_manifest_take_field(at, end);
	const uint64_t digest = field != NULL ? strtoull(field, NULL, 16) : 0;

	free(field);
	return digest;
}

static void take_found(struct pga_note *note, const char **at, const char *end)
{
	char *field = pga_manifest_take_field(at, end);
	char *fraction;

	note->size = field != NULL ? strtoul(field, NULL, 10) : 0;
	free(field);
	note->digest = take_digest(at, end);
	field = pga_manifest_take_field(at, end);
	if (field != NULL) {
		note->modified.tv_sec = (time_t)strtoll(field, &fraction, 10);
		note->modified.tv_nsec =
		    fraction[0] == '.' ? strtol(fraction + 1, NULL, 10) % 1000000000 : 0;
	}
	free(field);
}

/* Whether the line is a note. */
static bool take_note(struct pga_note *note, const char *line, size_t length)
{
	const char *end = line + length;
	const char *at = line;
	char *kind = pga_manifest_take_field(&at, end);
	size_t which = 0;

	memset(note, 0, sizeof *note);
	while (kind != NULL && which < sizeof kinds / sizeof kinds[0] &&
	       strcmp(kind, kinds[which]) != 0)
		which++;
	free(kind);
	if (kind == NULL || which == sizeof kinds / sizeof kinds[0])
		return false;
	note->kind = (enum pga_note_kind)which;
	note->path = pga_manifest_take_field(&at, end);
	if (note->kind == PGA_NOTE_FOUND)
		take_found(note, &at, end);
	if (note->kind == PGA_NOTE_SERVICE || note->kind == PGA_NOTE_REPLACED) {
		note->name = pga_manifest_take_field(&at, end);
		note->digest = take_digest(&at, end);
	}
	if (note->kind == PGA_NOTE_TRIMMED || note->kind == PGA_NOTE_ROOT)
		note->name = pga_manifest_take_field(&at, end);
	if (note->path != NULL && note->path[0] == '/' &&
	    (note->name != NULL || which < PGA_NOTE_SERVICE))
		return true;
	free(note->path);
	free(note->name);
	return false;
}

int pga_manifest_parse(struct pga_manifest *manifest, const char *bytes, size_t length)
{
	const char *end = bytes + length;
	size_t lines = 1;

	for (size_t i = 0; i < length; i++)
		lines += bytes[i] == '\n';
	manifest->notes = calloc(lines, sizeof *manifest->notes);
	if (manifest->notes == NULL)
		return -1;
	for (const char *line = bytes; line < end;) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));

		/* Half a line is what a process has left that was killed. */
		if (stop == NULL)
			break;
		errno = 0;
		if (stop > line && line[0] != '#' &&
		    take_note(&manifest->notes[manifest->count], line, (size_t)(stop - line)))
			manifest->count++;
		/* Half a note is not what was noted. */
		if (errno == ENOMEM)
			return -1;
		line = stop + 1;
	}
	return 0;
}

char *pga_manifest_aside(void)
{
	struct pga_text path = PGA_TEXT_EMPTY;
	char *home = pga_home();
	char *taken;

	if (home == NULL)
		return NULL;
	pga_text_addf(&path, "%s/.pganchor-manifest", home);
	free(home);
	taken = pga_text_take(&path);
	if (taken == NULL)
		errno = ENOMEM;
	return taken;
}

/* Where a process was killed while it removed what the manifest names. */
static int read_aside(struct pga_text *content, struct pga_error *error)
{
	char *path = pga_manifest_aside();
	bool found;
	int result;

	if (path == NULL)
		return pga_fail_home(error);
	result = pga_file_read(path, content, &found, error);
	free(path);
	return result;
}

int pga_manifest_load(struct pga_manifest *manifest, struct pga_error *error)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	int result = -1;

	memset(manifest, 0, sizeof *manifest);
	manifest->path = pga_user_config("manifest");
	if (manifest->path == NULL)
		return pga_fail_home(error);
	if (read_aside(&content, error) == 0 &&
	    pga_file_read(manifest->path, &content, &manifest->found, error) == 0)
		result =
		    pga_manifest_parse(manifest, pga_text_string(&content), content.length) == 0
			? 0
			: pga_fail_memory(error);
	pga_text_free(&content);
	if (result != 0)
		pga_manifest_free(manifest);
	return result;
}

bool pga_manifest_has(const struct pga_manifest *manifest, enum pga_note_kind kind,
		      const char *path)
{
	for (size_t i = 0; i < manifest->count; i++)
		if (manifest->notes[i].kind == kind && strcmp(manifest->notes[i].path, path) == 0)
			return true;
	return false;
}

bool pga_manifest_has_root(const struct pga_manifest *manifest, const char *path, const char *pin)
{
	for (size_t i = 0; i < manifest->count; i++)
		if (manifest->notes[i].kind == PGA_NOTE_ROOT &&
		    strcmp(manifest->notes[i].path, path) == 0 &&
		    strcmp(manifest->notes[i].name, pin) == 0)
			return true;
	return false;
}

void pga_manifest_trimmed(const struct pga_manifest *manifest, const char *path,
			  struct pga_text *pins)
{
	for (size_t i = 0; i < manifest->count; i++) {
		const struct pga_note *note = &manifest->notes[i];

		if (note->kind == PGA_NOTE_TRIMMED && strcmp(note->path, path) == 0)
			pga_text_addf(pins, "%s\n", note->name);
	}
}

void pga_manifest_free(struct pga_manifest *manifest)
{
	for (size_t i = 0; i < manifest->count; i++) {
		free(manifest->notes[i].path);
		free(manifest->notes[i].name);
	}
	free(manifest->notes);
	free(manifest->path);
	memset(manifest, 0, sizeof *manifest);
}
