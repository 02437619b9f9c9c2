#include "server/hba_edit.h"

#include <string.h>

enum pga_hba_becomes pga_hba_becomes(const struct pga_hba_line *line)
{
	if (line->kind == PGA_HBA_ODD)
		return PGA_HBA_CANNOT;
	if (!pga_hba_is_remote(line))
		return PGA_HBA_STAYS;
	if (line->method == NULL)
		return PGA_HBA_CANNOT;
	if (!pga_hba_lets_plain_in(line))
		return PGA_HBA_STAYS;
	return line->type == PGA_HBA_HOSTNOSSL ? PGA_HBA_COMMENTED_OUT : PGA_HBA_NEEDS_TLS;
}

/* The line ends in a word that stands on several lines: those behind it keep their numbers. */
static void add_joints(const char *bytes, const struct pga_hba_token *word, struct pga_text *after)
{
	for (size_t i = word->start; i < word->end; i++)
		if (bytes[i] == '\n')
			pga_text_add(after, bytes[i - 1] == '\r' ? "\\\r\n" : "\\\n");
}

/* "ssl" behind "host": quotes and joined lines stay, since no byte between those of the word is
 * touched; or "hostssl" in the place of another word. */
static void add_hostssl(const struct pga_hba_file *file, const struct pga_hba_line *line,
			struct pga_text *after)
{
	const char *bytes = pga_text_string(&file->bytes);
	const struct pga_hba_token *type = &line->fields[0].tokens[0];
	const size_t end = line->start + line->length;

	pga_text_add_bytes(after, bytes + line->start, type->start - line->start);
	if (line->type == PGA_HBA_HOST) {
		pga_text_add_bytes(after, bytes + type->start, type->tail - type->start);
		pga_text_add(after, "ssl");
		pga_text_add_bytes(after, bytes + type->tail, end - type->tail);
	} else {
		pga_text_add(after, "hostssl");
		add_joints(bytes, type, after);
		pga_text_add_bytes(after, bytes + type->end, end - type->end);
	}
}

void pga_hba_add_line(const struct pga_hba_file *file, const struct pga_hba_line *line,
		      struct pga_text *after)
{
	const enum pga_hba_becomes becomes = pga_hba_becomes(line);

	if (becomes == PGA_HBA_NEEDS_TLS) {
		add_hostssl(file, line, after);
		return;
	}
	if (becomes == PGA_HBA_COMMENTED_OUT)
		pga_text_add(after, "#"); /* a backslash at its end continues a comment, too */
	pga_text_add_bytes(after, pga_text_string(&file->bytes) + line->start, line->length);
}

size_t pga_hba_require_tls(const struct pga_hba_file *file, struct pga_text *after)
{
	size_t changes = 0;

	for (size_t i = 0; i < file->count; i++) {
		const enum pga_hba_becomes becomes = pga_hba_becomes(&file->lines[i]);

		pga_hba_add_line(file, &file->lines[i], after);
		if (becomes == PGA_HBA_NEEDS_TLS || becomes == PGA_HBA_COMMENTED_OUT)
			changes++;
	}
	return changes;
}

const char *pga_hba_weakness(const struct pga_hba_line *line)
{
	static const char *const weak[][2] = {
	    {"trust", "lets anybody in without a password"},
	    {"password", "has the password sent as it is: whoever is taken for the server gets it"},
	    {"md5", "has passwords proved by MD5, unless they are kept as SCRAM"},
	    {"ident", "believes what the client's machine says of its user"},
	};

	if (!pga_hba_is_remote(line) || line->method == NULL)
		return NULL;
	for (size_t i = 0; i < sizeof weak / sizeof weak[0]; i++)
		if (strcmp(line->method->value, weak[i][0]) == 0)
			return weak[i][1];
	return NULL;
}
