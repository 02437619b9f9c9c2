#include "preload/block.h"

#include "preload/module.h"

#include <stdlib.h>
#include <string.h>

static const char begin_mark[] = "# >>> pganchor enable (made ";
static const char end_mark[] = "# <<< pganchor disable takes these lines out again <<<\n";

/* In a body, M stands for the module's path and P for the value of LD_PRELOAD, each behind a tab
 * character's opposite, the byte 1: no text of these has that. */
#define MODULE  "\001M"
#define PRELOAD "\001P"
/* The same with every $ twice, which is how environment.d(5) spells one. */
#define PRELOAD_DOUBLED "\001D"

/* A module that is gone while pganchor is there is told: it may have come back elsewhere. Where
 * both are gone, the package was removed: no shell that somebody starts then has anything to say of
 * that.
 */
#define GONE                                                      \
	"    echo 'pganchor: the gate is gone: " MODULE "' >&2\n" \
	"    echo '    run the pganchor enable that wrote this again, or: pganchor disable' >&2\n"
#define OLD_GONE                                                  \
	"    echo 'pganchor: the gate is gone: " MODULE "' >&2\n" \
	"    echo '    install pganchor again, or: pganchor disable' >&2\n"
#define SHELL_START                                                                  \
	"if [ -r '" MODULE "' ]; then\n"                                             \
	"    case \":${LD_PRELOAD-}:\" in\n"                                         \
	"    *':" PRELOAD ":'*) ;;\n"                                                \
	"    *) export LD_PRELOAD='" PRELOAD "'\"${LD_PRELOAD:+:$LD_PRELOAD}\" ;;\n" \
	"    esac\n"
#define SHELL_REMOVED "elif command -v pganchor >/dev/null 2>&1; then\n"
#define FISH_START                                                                 \
	"if test -r '" MODULE "'\n"                                                \
	"    if not set -q LD_PRELOAD; or test -z \"$LD_PRELOAD\"\n"               \
	"        set -gx LD_PRELOAD '" PRELOAD "'\n"                               \
	"    else if not string match -q -- '*:" PRELOAD ":*' \":$LD_PRELOAD:\"\n" \
	"        set -gx LD_PRELOAD '" PRELOAD "'\":$LD_PRELOAD\"\n"               \
	"    end\n"                                                                \
	"else if type -q pganchor\n"

/* A package takes itself away and no user's files: what it has written for a session asks for what
 * the package says there (configure --with-environmentdir). Each kind of build knows the other's.
 */
#define SESSION "LD_PRELOAD=" PRELOAD_DOUBLED "${LD_PRELOAD:+:$LD_PRELOAD}\n"
#define SESSION_WHILE_INSTALLED \
	"LD_PRELOAD=${PGANCHOR_INSTALLED:+" PRELOAD_DOUBLED "}${LD_PRELOAD:+:$LD_PRELOAD}\n"
#ifdef ENVIRONMENT_FILE
#define SESSIONS SESSION_WHILE_INSTALLED, SESSION
#else
#define SESSIONS SESSION, SESSION_WHILE_INSTALLED
#endif

/* As many as one form has had. The last of a shell stood at the end of a start file, and complained
 * of a package that had been removed. */
#define AGES 3

static const char *const bodies[][AGES] = {
    [PGA_FORM_ENVIRONMENT] = {SESSIONS},
    [PGA_FORM_SHELL] = {SHELL_START SHELL_REMOVED GONE "fi\n",
			SHELL_START SHELL_REMOVED OLD_GONE "fi\n",
			SHELL_START "else\n" OLD_GONE "fi\n"},
    [PGA_FORM_FISH] = {FISH_START GONE "end\n", FISH_START OLD_GONE "end\n"},
    [PGA_FORM_UNIT] = {"[Service]\n"
		       "Environment=\"LD_PRELOAD=" PRELOAD "\"\n"},
    [PGA_FORM_LD_CONF] = {PRELOAD "\n"},
};

static void add_doubled(struct pga_text *text, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		pga_text_add_bytes(text, bytes[i] == '$' ? "$$" : bytes + i,
				   bytes[i] == '$' ? 2 : 1);
}

static void add_body(const char *body, const struct pga_block *block, struct pga_text *text)
{
	for (; *body != '\0'; body++) {
		if (*body != '\001') {
			pga_text_add_bytes(text, body, 1);
			continue;
		}
		body++;
		if (*body == 'M')
			pga_text_add_bytes(text, block->module, block->module_length);
		else if (*body == 'P')
			pga_text_add_bytes(text, block->preload, block->preload_length);
		else
			add_doubled(text, block->preload, block->preload_length);
	}
}

void pga_block_write(enum pga_form form, const struct pga_block *block, struct pga_text *text)
{
	if (form != PGA_FORM_PRELOAD) {
		pga_text_addf(text, "%s%u folders, %d files, %d line ends) >>>\n# module ",
			      begin_mark, block->directories, block->made_file ? 1 : 0,
			      block->made_line_end ? 1 : 0);
		pga_text_add_bytes(text, block->module, block->module_length);
		pga_text_add(text, "\n# as ");
	}
	pga_text_add_bytes(text, block->preload, block->preload_length);
	pga_text_add(text, "\n");
	if (form != PGA_FORM_PRELOAD) {
		add_body(bodies[form][block->age], block, text);
		pga_text_add(text, end_mark);
	}
}

/* Whether it stands at the start of a line. */
static const char *line_that_starts(const char *bytes, size_t length, const char *with)
{
	const char *at = bytes;

	while ((at = memmem(at, length - (size_t)(at - bytes), with, strlen(with))) != NULL) {
		if (at == bytes || at[-1] == '\n')
			return at;
		at++;
	}
	return NULL;
}

/* The rest of the line behind this word, and where the next line begins; NULL where it is another
 * word. */
static const char *rest_of_line(const char *at, const char *end, const char *word,
				const char **rest, size_t *length)
{
	const char *newline;

	if ((size_t)(end - at) < strlen(word) || strncmp(at, word, strlen(word)) != 0)
		return NULL;
	*rest = at + strlen(word);
	newline = memchr(*rest, '\n', (size_t)(end - *rest));
	if (newline == NULL)
		return NULL;
	*length = (size_t)(newline - *rest);
	return newline + 1;
}

/* Reads the marks and what they say. Whether all of it is as we write it is for the caller to
 * compare. */
static bool read_marks(const char *begin, const char *end, struct pga_block *block)
{
	static const char shape[] = " folders, 0 files, 0 line ends) >>>";
	const char *made = NULL;
	char *rest;
	size_t length = 0;
	const char *at = rest_of_line(begin, end, begin_mark, &made, &length);

	if (at == NULL || made[0] < '0' || made[0] > '9')
		return false;
	block->directories = (unsigned)strtoul(made, &rest, 10) % 1000;
	if ((size_t)(rest - made) + sizeof shape - 1 != length)
		return false;
	block->made_file = rest[sizeof " folders, " - 1] == '1';
	block->made_line_end = rest[sizeof " folders, 0 files, " - 1] == '1';
	at = rest_of_line(at, end, "# module ", &block->module, &block->module_length);
	return at != NULL &&
	       rest_of_line(at, end, "# as ", &block->preload, &block->preload_length) != NULL;
}

/* Whether pganchor, or an older one, would write just these bytes. */
static bool is_written(enum pga_form form, const char *begin, const char *end,
		       struct pga_block *block)
{
	bool same = false;

	for (unsigned age = 0; age < AGES && bodies[form][age] != NULL && !same; age++) {
		struct pga_text text = PGA_TEXT_EMPTY;

		block->age = age;
		block->moves = age == AGES - 1;
		pga_block_write(form, block, &text);
		same = !text.failed && text.length == (size_t)(end - begin) &&
		       memcmp(text.bytes, begin, text.length) == 0;
		pga_text_free(&text);
	}
	return same;
}

static enum pga_found find_marked(enum pga_form form, const char *bytes, size_t length,
				  struct pga_block *block)
{
	const char *begin = line_that_starts(bytes, length, begin_mark);
	const char *end;
	enum pga_found found = PGA_FOUND_CHANGED;

	if (begin == NULL)
		return line_that_starts(bytes, length, end_mark) != NULL ? PGA_FOUND_CHANGED
									 : PGA_FOUND_NONE;
	end = line_that_starts(begin, length - (size_t)(begin - bytes), end_mark);
	if (end == NULL)
		return PGA_FOUND_CHANGED;
	end += sizeof end_mark - 1;
	if (read_marks(begin, end, block) && is_written(form, begin, end, block))
		found = PGA_FOUND_OURS;
	block->begin = (size_t)(begin - bytes);
	block->end = (size_t)(end - bytes);
	return found;
}

/* How much of a line of ld.so.preload comes before a comment. */
static size_t without_comment(const char *line, size_t length)
{
	const char *comment = memchr(line, '#', length);

	return comment != NULL ? (size_t)(comment - line) : length;
}

/* The module among the entries of a line of ld.so.preload, with what separates it from the next, or
 * else from the one before it. */
static bool find_among(const char *line, size_t length, size_t *begin, size_t *end)
{
	static const char separators[] = " :\t";
	struct pga_text text = PGA_TEXT_EMPTY;
	size_t found = 0;
	const char *entry;
	const char *start;

	pga_text_add_bytes(&text, line, without_comment(line, length));
	start = entry = pga_text_string(&text);
	while ((entry = pga_module_next_entry(entry, &found)) != NULL &&
	       !pga_module_is_named(entry, found))
		entry += found;
	if (entry != NULL) {
		*begin = (size_t)(entry - start);
		*end = *begin + found;
		*end += strspn(start + *end, separators);
		if (*end == length)
			while (*begin > 0 && strchr(separators, start[*begin - 1]) != NULL)
				(*begin)--;
	}
	pga_text_free(&text);
	return entry != NULL;
}

/* What a line of ld.so.preload has of the module, and where. */
static enum pga_found look_at_line(const char *line, size_t length, size_t *begin, size_t *end)
{
	if (pga_module_is_named(line, length)) {
		*begin = 0;
		*end = length;
		return PGA_FOUND_OURS;
	}
	return find_among(line, length, begin, end) ? PGA_FOUND_CHANGED : PGA_FOUND_NONE;
}

/* The line of ld.so.preload that has the module alone; or else one that has it with others. */
static enum pga_found find_entry(const char *bytes, size_t length, struct pga_block *block)
{
	enum pga_found found = PGA_FOUND_NONE;

	for (size_t at = 0; at < length && found != PGA_FOUND_OURS;) {
		const char *newline = memchr(bytes + at, '\n', length - at);
		const size_t line_end = newline != NULL ? (size_t)(newline - bytes) : length;
		size_t begin = 0;
		size_t end = 0;
		const enum pga_found line = look_at_line(bytes + at, line_end - at, &begin, &end);

		if (line == PGA_FOUND_OURS || (line != PGA_FOUND_NONE && found == PGA_FOUND_NONE)) {
			found = line;
			block->module = PGA_MODULE;
			block->module_length = strlen(PGA_MODULE);
			block->preload = bytes + at + begin;
			block->preload_length = end - begin;
			block->made_file = true;
			block->moves = true;
			block->begin = at + begin;
			block->end = at + end + (line == PGA_FOUND_OURS && newline != NULL ? 1 : 0);
		}
		at = line_end + 1;
	}
	return found;
}

bool pga_preload_begins_with(const char *bytes, size_t length, const char *entry)
{
	while (length > 0) {
		const char *newline = memchr(bytes, '\n', length);
		const size_t line = newline != NULL ? (size_t)(newline - bytes) + 1 : length;
		struct pga_text text = PGA_TEXT_EMPTY;
		size_t found = 0;
		const char *first;
		bool same = false;

		pga_text_add_bytes(&text, bytes, without_comment(bytes, line));
		first = pga_module_next_entry(pga_text_string(&text), &found);
		if (first != NULL)
			same = found == strlen(entry) && memcmp(first, entry, found) == 0;
		pga_text_free(&text);
		if (found > 0)
			return same;
		bytes += line;
		length -= line;
	}
	return false;
}

enum pga_found pga_block_find(enum pga_form form, const char *bytes, size_t length, size_t from,
			      struct pga_block *block)
{
	enum pga_found found;

	memset(block, 0, sizeof *block);
	if (length <= from)
		return PGA_FOUND_NONE;
	found = form == PGA_FORM_PRELOAD ? find_entry(bytes + from, length - from, block)
					 : find_marked(form, bytes + from, length - from, block);
	block->begin += from;
	block->end += from;
	return found;
}
