#include "server/hba_file.h"

#include "server/hba_address.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

const char *const pga_hba_types[PGA_HBA_TYPES] = {"local",     "host",       "hostssl",
						  "hostnossl", "hostgssenc", "hostnogssenc"};

/* Of older ones, a backslash is a byte like any other. */
#define CONTINUES_FROM 14
#define INCLUDES_FROM  16

/* A line as the server sees it: those that continue it are joined to it. */
struct joined {
	char *bytes; /* with a NUL behind */
	size_t *at;  /* where in the file each of them stands */
	size_t length;
	size_t next; /* the byte that is looked at */
};

/* The server's own: a vertical tab is none. */
static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Adds the next line of the file, without its end. Returns where the one behind it begins. */
static size_t add_line(struct joined *joined, const struct pga_text *bytes, size_t position)
{
	const char *all = pga_text_string(bytes);

	while (position < bytes->length) {
		const char c = all[position];

		joined->bytes[joined->length] = c;
		joined->at[joined->length++] = position++;
		if (c == '\n')
			break;
	}
	while (joined->length > 0 && (joined->bytes[joined->length - 1] == '\n' ||
				      joined->bytes[joined->length - 1] == '\r'))
		joined->length--;
	joined->bytes[joined->length] = '\0';
	return position;
}

/* Adds a line with those that continue it, of which *lines is the number. A backslash that stands
 * right behind another one's line end continues nothing. */
static size_t join(struct joined *joined, const struct pga_text *bytes, size_t position,
		   int version, size_t *lines)
{
	size_t joint = 0;

	joined->length = 0;
	joined->next = 0;
	for (*lines = 1;; (*lines)++) {
		position = add_line(joined, bytes, position);
		if (version < CONTINUES_FROM || joined->length <= joint ||
		    joined->bytes[joined->length - 1] != '\\')
			return position;
		joined->bytes[--joined->length] = '\0';
		joint = joined->length;
		if (position >= bytes->length)
			return position;
	}
}

/* The next word, as hba.c's next_token() finds it. Returns false where there is none any more;
 * *comma: another word of the same field follows. */
static bool next_token(struct joined *joined, struct pga_hba_token *token, char *value, bool *comma)
{
	const char *bytes = joined->bytes;
	size_t i = joined->next;
	size_t length = 0;
	bool in_quote = false;
	bool was_quote = false;
	bool saw_quote = false;

	*comma = false;
	memset(token, 0, sizeof *token);
	while (bytes[i] != '\0' && (is_blank(bytes[i]) || bytes[i] == ','))
		i++;
	for (; bytes[i] != '\0' && (!is_blank(bytes[i]) || in_quote); i++) {
		const char c = bytes[i];

		if (c == '#' && !in_quote) {
			i += strlen(bytes + i);
			break;
		}
		if (c == ',' && !in_quote) {
			*comma = true;
			break;
		}
		if (length == 0 && !saw_quote)
			token->start = joined->at[i];
		token->end = joined->at[i] + 1;
		if (c != '"' || was_quote) {
			value[length++] = c;
			token->tail = joined->at[i] + 1;
		}
		was_quote = in_quote && c == '"' ? !was_quote : false;
		if (c == '"') {
			in_quote = !in_quote;
			saw_quote = true;
			token->quoted = token->quoted || length == 0;
		}
	}
	value[length] = '\0';
	joined->next = i;
	return saw_quote || length > 0;
}

/* Adds a token to the field, whose value is copied. */
static int add_token(struct pga_hba_field *field, struct pga_hba_token *token, const char *value)
{
	struct pga_hba_token *more =
	    realloc(field->tokens, (field->count + 1) * sizeof *field->tokens);

	if (more == NULL)
		return -1;
	field->tokens = more;
	token->value = strdup(value);
	if (token->value == NULL)
		return -1;
	field->tokens[field->count++] = *token;
	return 0;
}

static int add_field(struct pga_hba_line *line, struct joined *joined, char *value)
{
	struct pga_hba_field field = {.count = 0};
	struct pga_hba_field *more;
	struct pga_hba_token token;
	bool comma = true;
	int result = 0;

	while (result == 0 && comma && next_token(joined, &token, value, &comma))
		result = add_token(&field, &token, value);
	more = result == 0 && field.count > 0
		   ? reallocarray(line->fields, line->count + 1, sizeof *line->fields)
		   : NULL;
	if (more != NULL) {
		line->fields = more;
		line->fields[line->count++] = field;
		return 0;
	}
	if (field.count > 0)
		result = -1;
	for (size_t i = 0; i < field.count; i++)
		free(field.tokens[i].value);
	free(field.tokens);
	return result;
}

static bool is_from_file(const struct pga_hba_token *token)
{
	return !token->quoted && token->value[0] == '@' && token->value[1] != '\0';
}

/* The only word of a field; NULL where there are others, or it comes from a file. */
static const struct pga_hba_token *only(const struct pga_hba_line *line, size_t field)
{
	if (field >= line->count || line->fields[field].count != 1 ||
	    is_from_file(&line->fields[field].tokens[0]))
		return NULL;
	return &line->fields[field].tokens[0];
}

static bool is_number(const char *word)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST};
	struct addrinfo *found = NULL;

	if (getaddrinfo(word, NULL, &hints, &found) != 0)
		return false;
	freeaddrinfo(found);
	return true;
}

static bool is_include(const struct pga_hba_line *line, int version)
{
	static const char *const words[] = {"include", "include_if_exists", "include_dir"};
	const struct pga_hba_token *first = only(line, 0);

	for (size_t i = 0; version >= INCLUDES_FROM && first != NULL && line->count == 2 && i < 3;
	     i++)
		if (strcmp(first->value, words[i]) == 0)
			return true;
	return false;
}

bool pga_hba_is_keyword(const struct pga_hba_token *token, const char *word)
{
	return !token->quoted && strcmp(token->value, word) == 0;
}

static void understand_rule(struct pga_hba_line *line)
{
	size_t field = 3;

	line->databases = line->count > 1 ? &line->fields[1] : NULL;
	line->users = line->count > 2 ? &line->fields[2] : NULL;
	if (line->type != PGA_HBA_LOCAL) {
		line->address = only(line, field++);
		if (line->address != NULL && strchr(line->address->value, '/') == NULL &&
		    !pga_hba_is_keyword(line->address, "all") && is_number(line->address->value))
			line->mask = only(line, field++);
	}
	line->method = only(line, field);
	line->kind = line->count > field ? PGA_HBA_RULE : PGA_HBA_ODD;
}

/* What its fields are. A type counts in quotes, too. */
static void understand(struct pga_hba_line *line, int version)
{
	const struct pga_hba_token *type = only(line, 0);

	line->kind = line->count == 0 ? PGA_HBA_EMPTY : PGA_HBA_ODD;
	if (is_include(line, version)) {
		line->kind = PGA_HBA_INCLUDE;
		return;
	}
	for (int i = 0; type != NULL && i < PGA_HBA_TYPES; i++)
		if (strcmp(type->value, pga_hba_types[i]) == 0) {
			line->type = (enum pga_hba_type)i;
			understand_rule(line);
		}
}

static int add_to_file(struct pga_hba_file *file, struct joined *joined, char *value,
		       size_t *position, size_t *number, int version)
{
	struct pga_hba_line line = {.kind = PGA_HBA_EMPTY, .number = *number, .start = *position};
	struct pga_hba_line *more = realloc(file->lines, (file->count + 1) * sizeof *file->lines);
	size_t lines;

	if (more == NULL)
		return -1;
	file->lines = more;
	*position = join(joined, &file->bytes, *position, version, &lines);
	*number += lines;
	line.length = *position - line.start;
	file->lines[file->count] = line;
	more = &file->lines[file->count++];
	while (joined->bytes[joined->next] != '\0')
		if (add_field(more, joined, value) != 0)
			return -1;
	understand(more, version);
	return 0;
}

int pga_hba_read(struct pga_hba_file *file, const char *path, const char *bytes, size_t length,
		 int version, struct pga_error *error)
{
	struct joined joined = {.bytes = malloc(length + 1),
				.at = malloc((length + 1) * sizeof *joined.at)};
	char *value = malloc(length + 1);
	size_t position = 0;
	size_t number = 1;
	int result = 0;

	memset(file, 0, sizeof *file);
	pga_text_add_bytes(&file->bytes, bytes, length);
	if (length > 0 && memchr(bytes, '\0', length) != NULL)
		result =
		    pga_fail(error, NULL, "%s: it has NUL bytes, which is no pg_hba.conf", path);
	else if (joined.bytes == NULL || joined.at == NULL || value == NULL || file->bytes.failed)
		result = pga_fail_memory(error);
	while (result == 0 && position < length)
		if (add_to_file(file, &joined, value, &position, &number, version) != 0)
			result = pga_fail_memory(error);
	free(joined.bytes);
	free(joined.at);
	free(value);
	return result;
}

void pga_hba_free(struct pga_hba_file *file)
{
	for (size_t i = 0; i < file->count; i++) {
		struct pga_hba_line *line = &file->lines[i];

		for (size_t k = 0; k < line->count; k++) {
			for (size_t m = 0; m < line->fields[k].count; m++)
				free(line->fields[k].tokens[m].value);
			free(line->fields[k].tokens);
		}
		free(line->fields);
	}
	free(file->lines);
	pga_text_free(&file->bytes);
	memset(file, 0, sizeof *file);
}

bool pga_hba_is_remote(const struct pga_hba_line *line)
{
	struct pga_hba_range range;

	if (line->kind != PGA_HBA_RULE || line->type == PGA_HBA_LOCAL)
		return false;
	if (line->address == NULL)
		return true;
	if (pga_hba_is_keyword(line->address, "samehost") ||
	    strcmp(line->address->value, "localhost") == 0)
		return false;
	return !pga_hba_range_of(line, &range) || !pga_hba_range_is_loopback(&range);
}

bool pga_hba_rejects(const struct pga_hba_line *line)
{
	return line->method != NULL && strcmp(line->method->value, "reject") == 0;
}

bool pga_hba_lets_plain_in(const struct pga_hba_line *line)
{
	return line->kind == PGA_HBA_RULE &&
	       (line->type == PGA_HBA_HOST || line->type == PGA_HBA_HOSTNOSSL ||
		line->type == PGA_HBA_HOSTNOGSSENC) &&
	       !pga_hba_rejects(line);
}
