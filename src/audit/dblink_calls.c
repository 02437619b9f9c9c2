#include "audit/dblink_calls.h"

#include "base/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Strings in strings, as deep as anybody writes them; calls of a text, and tokens of a call: nobody
 * is to keep an audit busy. */
#define DEEPEST     8
#define MOST_CALLS  1000
#define MOST_TOKENS 100

enum kind { END, WORD, STRING, SIGN };

/* A token, as PostgreSQL's scan.l cuts it. */
struct token {
	enum kind kind;
	struct pga_text said; /* of a word or a string, without its quotes */
	char sign;
	bool quoted; /* a word in quotes: in another language it is a string */
};

static bool is_of_word(char c)
{
	return isalnum((unsigned char)c) != 0 || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

/* Behind blanks and comments, of which those in C's style can have others in them. */
static const char *skip(const char *at)
{
	for (;;) {
		if (isspace((unsigned char)*at)) {
			at++;
		} else if (at[0] == '-' && at[1] == '-') {
			at += strcspn(at, "\n");
		} else if (at[0] == '/' && at[1] == '*') {
			int depth = 0;

			do {
				const bool begins = at[0] == '/' && at[1] == '*';
				const bool ends = at[0] == '*' && at[1] == '/';

				depth += begins - ends;
				at += begins || ends ? 2 : 1;
			} while (depth > 0 && *at != '\0');
		} else {
			return at;
		}
	}
}

/* Behind what begins with this quote; a doubled one is a part of it. */
static const char *read_quoted(const char *at, bool escapes, struct pga_text *said)
{
	const char quote = *at++;

	for (; *at != '\0'; at++) {
		if (*at == quote && at[1] != quote)
			return at + 1;
		if (*at == quote || (escapes && *at == '\\' && at[1] != '\0'))
			at++;
		pga_text_add_bytes(said, at, 1);
	}
	return at;
}

/* Behind a string between $tag$ and $tag$; NULL where none begins here. */
static const char *read_dollars(const char *at, struct pga_text *said)
{
	size_t length = 1;
	const char *end;

	while (is_of_word(at[length]) && at[length] != '$')
		length++;
	if (at[length] != '$' || isdigit((unsigned char)at[1]))
		return NULL;
	length++;
	end = memmem(at + length, strlen(at + length), at, length);
	if (end == NULL)
		return NULL;
	pga_text_add_bytes(said, at + length, (size_t)(end - at) - length);
	return end + length;
}

static const char *next(const char *at, struct token *token)
{
	const char *behind;

	pga_text_free(&token->said);
	token->quoted = false;
	at = skip(at);
	token->sign = *at;
	if (*at == '\0') {
		token->kind = END;
		return at;
	}
	if (*at == '\'' || *at == '"') {
		token->kind = *at == '"' ? WORD : STRING;
		token->quoted = true;
		return read_quoted(at, false, &token->said);
	}
	if ((*at == 'E' || *at == 'e') && at[1] == '\'') {
		token->kind = STRING;
		return read_quoted(at + 1, true, &token->said);
	}
	token->kind = STRING;
	behind = *at == '$' ? read_dollars(at, &token->said) : NULL;
	if (behind != NULL)
		return behind;
	token->kind = SIGN;
	if (!is_of_word(*at) || *at == '$')
		return at + 1;
	token->kind = WORD;
	for (; is_of_word(*at); at++)
		pga_text_add_bytes(&token->said, at, 1);
	return at;
}

static bool is_word(const struct token *token, const char *word)
{
	return token->kind == WORD && strcasecmp(pga_text_string(&token->said), word) == 0;
}

/* ---- a call ---- */

/* An argument: a literal by itself, or something else. */
struct argument {
	struct pga_text said;
	size_t tokens; /* of which it is made; casts are none */
	bool literal;
	bool truth; /* it is true or false */
};

struct call {
	struct argument arguments[3];
	size_t count;
	bool cut; /* its end is not in the text, which others are joined to */
};

/* Behind the type that the "::" before it casts to. */
static const char *skip_cast(const char *at, struct token *token)
{
	const char *behind = next(at, token);

	while (token->kind == SIGN && token->sign == ':')
		behind = next(behind, token);
	return token->kind == WORD ? behind : at;
}

static void note(struct argument *argument, const struct token *token)
{
	argument->literal = token->kind == STRING && argument->tokens == 0;
	argument->truth =
	    argument->tokens == 0 && (is_word(token, "true") || is_word(token, "false"));
	argument->tokens++;
	if (argument->literal)
		pga_text_add(&argument->said, pga_text_string(&token->said));
}

/* The arguments behind the "(". */
static void read_arguments(const char *at, struct call *call, struct token *token)
{
	size_t depth = 1;
	size_t tokens = 0;
	struct argument *argument = &call->arguments[0];

	while (depth > 0) {
		at = next(at, token);
		call->cut = token->kind == END || ++tokens > MOST_TOKENS;
		if (call->cut)
			return;
		if (token->kind == SIGN && strchr("([", token->sign) != NULL)
			depth++;
		if (token->kind == SIGN && strchr(")]", token->sign) != NULL && --depth == 0)
			break;
		if (token->kind == SIGN && token->sign == ',' && depth == 1) {
			if (++call->count >= sizeof call->arguments / sizeof call->arguments[0])
				return;
			argument = &call->arguments[call->count];
		} else if (token->kind == SIGN && token->sign == ':' && depth == 1 && *at == ':') {
			at = skip_cast(at, token);
		} else {
			note(argument, token);
		}
	}
	call->count += argument->tokens > 0 ? 1 : 0;
}

/* Which of its arguments says where to: of dblink_connect() the last one; of the others the first,
 * where the SQL is behind it; without, they go by the connection that is there. NULL: none does. */
static const struct argument *place_of(const struct call *call, bool connects)
{
	if (connects)
		return call->count == 1 || call->count == 2 ? &call->arguments[call->count - 1]
							    : NULL;
	return call->count < 2 || (call->count == 2 && call->arguments[1].truth)
		   ? NULL
		   : &call->arguments[0];
}

struct walking {
	pga_dblink_take *take;
	void *context;
	bool failed;
	int depth;
	size_t calls;
};

static void take_call(struct walking *walking, const char *at, bool connects)
{
	struct call call = {.count = 0};
	struct token token = {.kind = END};
	const struct argument *place;

	read_arguments(at, &call, &token);
	place = call.cut ? NULL : place_of(&call, connects);
	if (call.cut || (place != NULL && !place->literal))
		walking->take(walking->context, NULL);
	else if (place != NULL && (strchr(pga_text_string(&place->said), '=') != NULL ||
				   strstr(pga_text_string(&place->said), "://") != NULL))
		walking->take(walking->context, pga_text_string(&place->said));
	for (size_t i = 0; i < sizeof call.arguments / sizeof call.arguments[0]; i++) {
		walking->failed = walking->failed || call.arguments[i].said.failed;
		pga_text_free(&call.arguments[i].said);
	}
	walking->failed = walking->failed || token.said.failed;
	pga_text_free(&token.said);
}

/* Whether the word is one of dblink's that open a connection. */
static bool is_call(const struct token *token, const char *behind, bool *connects)
{
	*connects = is_word(token, "dblink_connect") || is_word(token, "dblink_connect_u");
	return (*connects || is_word(token, "dblink") || is_word(token, "dblink_exec")) &&
	       *skip(behind) == '(';
}

static void walk(struct walking *walking, const char *at)
{
	struct token token = {.kind = END};
	bool connects;

	walking->depth++;
	for (at = next(at, &token); token.kind != END; at = next(at, &token)) {
		walking->failed = walking->failed || token.said.failed;
		if (walking->depth > DEEPEST || walking->calls > MOST_CALLS) {
			walking->take(walking->context, NULL);
			break;
		}
		if (is_call(&token, at, &connects)) {
			walking->calls++;
			take_call(walking, skip(at) + 1, connects);
		} else if ((token.kind == STRING || token.quoted) &&
			   strcasestr(pga_text_string(&token.said), "dblink") != NULL) {
			walk(walking, pga_text_string(&token.said));
		}
	}
	walking->depth--;
	pga_text_free(&token.said);
}

int pga_dblink_calls(const char *text, pga_dblink_take *take, void *context)
{
	struct walking walking = {.take = take, .context = context};

	walk(&walking, text);
	return walking.failed ? -1 : 0;
}
