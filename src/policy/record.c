#include "policy/record.h"

#include "base/printable.h"

#include <string.h>

const char *pga_word_key(enum pga_word word)
{
	/* No addresses: they would have to be relocated in every program that loads the gate. */
	static const char keys[PGA_WORDS][12] = {
	    [PGA_WORD_PROGRAM] = "program",     [PGA_WORD_ARGC] = "argc",
	    [PGA_WORD_ARGUMENTS] = "arguments", [PGA_WORD_HOST] = "host",
	    [PGA_WORD_HOSTADDR] = "hostaddr",   [PGA_WORD_PORT] = "port",
	    [PGA_WORD_USER] = "user",           [PGA_WORD_DBNAME] = "dbname",
	    [PGA_WORD_SERVICE] = "service",     [PGA_WORD_REASONS] = "reasons",
	};

	if (word > PGA_WORD_SERVICE && word < PGA_WORD_REASONS)
		return pga_setting_logged((int)word - PGA_WORD_SERVICE);
	return keys[word];
}

void pga_record_add(struct pga_text *line, const char *key, const char *value, size_t most)
{
	size_t count = 0;

	pga_text_addf(line, " %s=\"", key);
	for (; *value != '\0' && count < most; value++, count++) {
		if (*value < ' ' || *value > '~' || *value == '"' || *value == '\\')
			pga_text_add_escaped(line, *value);
		else
			pga_text_add_bytes(line, value, 1);
	}
	pga_text_add(line, *value != '\0' ? "...\"" : "\"");
}

/* The byte that \xNN stands for; 0 where it is no such thing. */
static unsigned char escaped(const char *at)
{
	static const char hex[] = "0123456789ABCDEF";
	const char *high = at[1] == 'x' && at[2] != '\0' ? strchr(hex, at[2]) : NULL;
	const char *low = high != NULL && at[3] != '\0' ? strchr(hex, at[3]) : NULL;

	return low != NULL ? (unsigned char)((high - hex) * 16 + (low - hex)) : 0;
}

const char *pga_record_next(const char *at, const char **key, size_t *key_length,
			    struct pga_text *value)
{
	while (*at == ' ')
		at++;
	*key = at;
	*key_length = strcspn(at, "= \"");
	at += *key_length;
	if (*key_length == 0 || strncmp(at, "=\"", 2) != 0)
		return NULL;
	for (at += 2; *at != '"'; at++) {
		unsigned char byte = (unsigned char)*at;

		if (byte == '\\') {
			byte = escaped(at);
			at += 3;
		}
		if (byte == '\0')
			return NULL;
		pga_text_add_bytes(value, &byte, 1);
	}
	return at + 1;
}
