#include "cert/words.h"

#include "base/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct splitting {
	const char *line;
	const char *at;
	struct pga_words *words;
	struct pga_text word;
};

/* One character of a word, or several between quotes. */
static int take_some(struct splitting *splitting, struct pga_error *error)
{
	const char first = *splitting->at;
	const char *end;

	if (first == '\'' || first == '"') {
		for (end = ++splitting->at; *end != '\0' && *end != first; end++)
			if (first == '"' && *end == '\\' && end[1] != '\0')
				end++;
		if (*end == '\0')
			return pga_fail(error, NULL, "%s: a quote does not end", splitting->line);
		for (; splitting->at < end; splitting->at++) {
			if (first == '"' && *splitting->at == '\\')
				splitting->at++;
			pga_text_add_bytes(&splitting->word, splitting->at, 1);
		}
		splitting->at = end + 1;
		return 0;
	}
	if (strchr("|&;<>()$`*?[#~\n", first) != NULL)
		return pga_fail(error,
				"no shell reads it: put it between quotes where it is meant as it "
				"is, or name a shell: sh -c '...'",
				"%s: \"%c\" means something to a shell alone", splitting->line,
				first == '\n' ? ' ' : first);
	if (first == '\\' && splitting->at[1] != '\0')
		splitting->at++;
	pga_text_add_bytes(&splitting->word, splitting->at++, 1);
	return 0;
}

static int take_word(struct splitting *splitting, struct pga_error *error)
{
	struct pga_words *words = splitting->words;

	while (*splitting->at != '\0' && !pga_is_blank(*splitting->at))
		if (take_some(splitting, error) != 0)
			return -1;
	if (words->count == PGA_WORDS_MOST)
		return pga_fail(error, "a program of your own may start it with more",
				"%s: more than %d words", splitting->line, PGA_WORDS_MOST);
	if (splitting->word.bytes == NULL)
		pga_text_add(&splitting->word, "");
	words->words[words->count] = pga_text_take(&splitting->word);
	if (words->words[words->count] == NULL)
		return pga_fail_memory(error);
	words->count++;
	return 0;
}

int pga_words_split(const char *line, struct pga_words *words, struct pga_error *error)
{
	struct splitting splitting = {.line = line, .at = line, .words = words};
	int result = 0;

	memset(words, 0, sizeof *words);
	while (result == 0) {
		while (pga_is_blank(*splitting.at))
			splitting.at++;
		if (*splitting.at == '\0')
			break;
		result = take_word(&splitting, error);
	}
	pga_text_free(&splitting.word);
	if (result == 0 && (words->count == 0 || words->words[0][0] == '\0'))
		result = pga_fail(error, NULL, "\"%s\": names no program", line);
	return result;
}

void pga_words_free(struct pga_words *words)
{
	for (size_t i = 0; i < words->count; i++)
		free(words->words[i]);
	memset(words, 0, sizeof *words);
}
