#include "server/hba_shown.h"

#include "policy/secrets.h"
#include "server/hba_file.h"

#include <string.h>

/* Of the newest release whose file is known: of older ones a backslash continues nothing, and so
 * more words are looked at here than are options there. */
#define NEWEST 19

/* Options of a rule (14 to 19) in which there is none. A validator of OAuth can have options of its
 * own, and so may later releases: of what is not here no value is shown. */
static const char *const options[] = {
    "map",
    "krb_realm",
    "include_realm",
    "compat_realm",
    "upn_username",
    "clientcert",
    "clientname",
    "pamservice",
    "pam_use_hostname",
    "ldapserver",
    "ldapport",
    "ldapscheme",
    "ldaptls",
    "ldapprefix",
    "ldapsuffix",
    "ldapbasedn",
    "ldapbinddn",
    "ldapsearchattribute",
    "ldapsearchfilter",
    "ldapurl",
    "radiusservers",
    "radiusports",
    "radiusidentifiers",
    "issuer",
    "scope",
    "validator",
    "delegate_ident_mapping",
};

bool pga_hba_option_is_open(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
		if (strlen(options[i]) == length && strncmp(options[i], name, length) == 0)
			return true;
	return false;
}

/* Adds the word, or what may be shown of it. in_options: it stands where nothing but options does,
 * and one without a name is the rest of another's value. */
static void add_word(struct pga_text *text, const char *bytes, const struct pga_hba_token *word,
		     bool in_options)
{
	const char *equals = strchr(word->value, '=');
	const size_t length = equals != NULL ? (size_t)(equals - word->value) : 0;
	struct pga_text masked = PGA_TEXT_EMPTY;

	if (equals == NULL && in_options) {
		pga_text_add(text, PGA_MASK);
	} else if (equals == NULL || equals[1] == '\0') {
		pga_text_add_bytes(text, bytes + word->start, word->end - word->start);
	} else if (!pga_hba_option_is_open(word->value, length)) {
		pga_text_add_bytes(text, word->value, length + 1);
		pga_text_add(text, PGA_MASK);
	} else {
		pga_text_add_masked(&masked, equals + 1);
		if (strcmp(pga_text_string(&masked), equals + 1) == 0) {
			pga_text_add_bytes(text, bytes + word->start, word->end - word->start);
		} else {
			pga_text_add_bytes(text, word->value, length + 1);
			pga_text_add(text, pga_text_string(&masked));
		}
		text->failed = text->failed || masked.failed;
		pga_text_free(&masked);
	}
}

/* The field in front of the options, of a rule. */
static size_t method_of(const struct pga_hba_line *line)
{
	size_t field = 0;

	while (line->method != NULL && field < line->count &&
	       line->fields[field].tokens != line->method)
		field++;
	return field;
}

static void add_bytes(struct pga_text *text, const char *line, size_t length);

/* Adds what is between two words, or behind the last one: a comment may be a rule of before. */
static void add_between(struct pga_text *text, const char *bytes, size_t start, size_t end)
{
	const char *sign = memchr(bytes + start, '#', end - start);

	if (sign == NULL) {
		pga_text_add_bytes(text, bytes + start, end - start);
		return;
	}
	pga_text_add_bytes(text, bytes + start, (size_t)(sign + 1 - (bytes + start)));
	add_bytes(text, sign + 1, (size_t)(bytes + end - (sign + 1)));
}

static void add_line(struct pga_text *text, const char *bytes, const struct pga_hba_line *line)
{
	const bool rule = line->kind == PGA_HBA_RULE && line->method != NULL;
	const size_t method = method_of(line);
	size_t done = line->start;

	for (size_t i = 0; i < line->count; i++)
		for (size_t k = 0; k < line->fields[i].count; k++) {
			const struct pga_hba_token *word = &line->fields[i].tokens[k];

			add_between(text, bytes, done, word->start);
			if (rule && i <= method)
				pga_text_add_bytes(text, bytes + word->start,
						   word->end - word->start);
			else
				add_word(text, bytes, word, rule);
			done = word->end;
		}
	add_between(text, bytes, done, line->start + line->length);
}

static void add_bytes(struct pga_text *text, const char *line, size_t length)
{
	struct pga_hba_file file;
	struct pga_error ignored;

	if (pga_hba_read(&file, "", line, length, NEWEST, &ignored) == 0)
		for (size_t i = 0; i < file.count; i++)
			add_line(text, pga_text_string(&file.bytes), &file.lines[i]);
	else
		pga_text_add(text, PGA_MASK);
	text->failed = text->failed || file.bytes.failed;
	pga_hba_free(&file);
}

void pga_hba_add_shown(struct pga_text *text, const char *line, size_t length)
{
	while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
		length--;
	add_bytes(text, line, length);
}

/* What PostgreSQL says of a line that it cannot read ends, in these, with words of its options,
 * which may be a secret or the rest of one. It is never translated. */
void pga_hba_add_error_shown(struct pga_text *text, const char *said)
{
	static const char *const quoting[] = {
	    "authentication option not in name=value format: ",
	    "unrecognized authentication option name: ",
	    "could not parse RADIUS secret list ",
	};

	for (size_t i = 0; i < sizeof quoting / sizeof quoting[0]; i++)
		if (strncmp(said, quoting[i], strlen(quoting[i])) == 0) {
			pga_text_addf(text, "%s" PGA_MASK, quoting[i]);
			return;
		}
	pga_text_add_masked(text, said);
}
