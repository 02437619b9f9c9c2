#include "clients/jsonc.h"

#include <string.h>

/* How long the string is that begins here, with its quotes; up to the end where none ends it. */
static size_t string_length(const char *bytes, size_t length)
{
	for (size_t i = 1; i < length; i++) {
		if (bytes[i] == '\\')
			i++;
		else if (bytes[i] == '"')
			return i + 1;
	}
	return length;
}

/* How long the comment is that begins here; 0 where none does. */
static size_t comment_length(const char *bytes, size_t length)
{
	const char *end;

	if (length < 2 || bytes[0] != '/' || (bytes[1] != '/' && bytes[1] != '*'))
		return 0;
	if (bytes[1] == '/')
		end = memchr(bytes, '\n', length);
	else
		end = memmem(bytes + 2, length - 2, "*/", 2);
	if (end == NULL)
		return length;
	return (size_t)(end - bytes) + (bytes[1] == '*' ? 2 : 0);
}

/* How much of it is blank or comment. */
static size_t gap_length(const char *bytes, size_t length)
{
	size_t at = 0;

	while (at < length) {
		const size_t comment = comment_length(bytes + at, length - at);

		if (comment == 0 && strchr(" \t\r\n", bytes[at]) == NULL)
			break;
		if (comment == 0 && bytes[at] == '\0')
			break;
		at += comment > 0 ? comment : 1;
	}
	return at;
}

static bool is_last_comma(const char *bytes, size_t length)
{
	size_t next;

	if (bytes[0] != ',')
		return false;
	next = 1 + gap_length(bytes + 1, length - 1);
	return next < length && (bytes[next] == '}' || bytes[next] == ']');
}

void pga_jsonc_strip(struct pga_text *json, const char *bytes, size_t length)
{
	static const char mark[] = "\xEF\xBB\xBF";

	if (length >= sizeof mark - 1 && memcmp(bytes, mark, sizeof mark - 1) == 0) {
		bytes += sizeof mark - 1;
		length -= sizeof mark - 1;
	}
	while (length > 0) {
		const size_t comment = comment_length(bytes, length);
		const size_t taken = comment > 0       ? comment
				     : bytes[0] == '"' ? string_length(bytes, length)
						       : 1;

		if (comment > 0 || is_last_comma(bytes, length))
			pga_text_add(json, " ");
		else
			pga_text_add_bytes(json, bytes, taken);
		bytes += taken;
		length -= taken;
	}
}
