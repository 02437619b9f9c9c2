#include "base/shell_word.h"

#include "base/printable.h"

#include <stdbool.h>
#include <string.h>

/* How a part of a word is written. */
enum form {
	NONE,
	QUOTED,  /* between single quotes: everything but what follows */
	ESCAPED, /* behind a backslash: the single quote */
	CODED,   /* what cannot be shown */
	LINE_END,
};

/* No addresses: they would have to be relocated in every program that loads the gate. */
static const struct {
	char before[12];
	char behind[4];
} written[] = {
    [NONE] = {"", ""},        [QUOTED] = {"'", "'"},
    [ESCAPED] = {"", ""},     [CODED] = {"\"$(printf '", "')\""},
    [LINE_END] = {"$'", "'"},
};

static enum form form_of(const char *at, size_t *length)
{
	unsigned point;

	*length = pga_character(at, &point);
	if (*at == '\n')
		return LINE_END;
	if (*length == 0 || pga_steers(point)) {
		*length = *length > 0 ? *length : 1;
		return CODED;
	}
	return *at == '\'' ? ESCAPED : QUOTED;
}

static void add_part(struct pga_text *text, enum form form, const char *bytes, size_t length)
{
	if (form == ESCAPED)
		pga_text_add(text, "\\");
	if (form == QUOTED || form == ESCAPED) {
		pga_text_add_bytes(text, bytes, length);
		return;
	}
	/* Three octal digits: what follows is no part of the number. */
	for (size_t i = 0; i < length; i++)
		pga_text_addf(text, "\\%03o", (unsigned)(unsigned char)bytes[i]);
}

bool pga_shell_word_is_plain(const char *word)
{
	/* "=" at the start is zsh's, "~" every shell's; "%" is a job's only where one is wanted. */
	static const char plain[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-/:@%+,=";

	return word[0] != '\0' && word[0] != '=' && word[strspn(word, plain)] == '\0';
}

void pga_text_add_shell_word(struct pga_text *text, const char *word)
{
	enum form now = NONE;

	if (pga_shell_word_is_plain(word)) {
		pga_text_add(text, word);
		return;
	}
	if (word[0] == '\0')
		pga_text_add(text, "''");
	while (*word != '\0') {
		size_t length;
		enum form next = form_of(word, &length);

		if (next != now) {
			pga_text_add(text, written[now].behind);
			pga_text_add(text, written[next].before);
			now = next;
		}
		add_part(text, next, word, length);
		word += length;
	}
	pga_text_add(text, written[now].behind);
}
