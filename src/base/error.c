#include "base/error.h"

#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Puts the tail behind the text, of which as much gives way as the tail needs; "..." says so. `cut`
 * is whether some of it is missing already. */
static void end_in(char *text, size_t size, const char *tail, bool cut)
{
	const size_t length = strlen(text);
	const size_t taken = strlen("...") + strlen(tail) + 1;
	size_t end = length;

	if (cut || length + strlen(tail) + 1 > size) {
		cut = true;
		end = size > taken ? pga_text_whole(text, size - taken) : 0;
	}
	(void)snprintf(text + end, size - end, "%s%s", cut ? "..." : "", tail);
}

__attribute__((format(printf, 4, 0))) static void fill(struct pga_error *error, const char *hint,
						       const char *tail, const char *format,
						       va_list arguments)
{
	const int length = vsnprintf(error->message, sizeof error->message, format, arguments);
	const bool cut = length < 0 || (size_t)length >= sizeof error->message;

	end_in(error->message, sizeof error->message, tail, cut);
	(void)snprintf(error->hint, sizeof error->hint, "%s", hint != NULL ? hint : "");
}

int pga_fail(struct pga_error *error, const char *hint, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fill(error, hint, "", format, arguments);
	va_end(arguments);
	return -1;
}

int pga_fail_errno(struct pga_error *error, const char *hint, const char *format, ...)
{
	const char *reason = strerror(errno);
	char tail[128];
	va_list arguments;

	(void)snprintf(tail, sizeof tail, ": %s", reason);
	va_start(arguments, format);
	fill(error, hint, tail, format, arguments);
	va_end(arguments);
	return -1;
}

int pga_fail_memory(struct pga_error *error)
{
	return pga_fail(error, NULL, "out of memory");
}
