#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 3, 0))) static void fill(struct pga_error *error, const char *next,
						       const char *format, va_list arguments)
{
	(void)vsnprintf(error->message, sizeof error->message, format, arguments);
	(void)snprintf(error->next, sizeof error->next, "%s", next != NULL ? next : "");
}

int pga_fail(struct pga_error *error, const char *next, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fill(error, next, format, arguments);
	va_end(arguments);
	return -1;
}

int pga_fail_errno(struct pga_error *error, const char *next, const char *format, ...)
{
	int code = errno;
	va_list arguments;
	size_t length;

	va_start(arguments, format);
	fill(error, next, format, arguments);
	va_end(arguments);
	length = strlen(error->message);
	(void)snprintf(error->message + length, sizeof error->message - length, ": %s",
		       strerror(code));
	return -1;
}

int pga_fail_memory(struct pga_error *error)
{
	return pga_fail(error, NULL, "out of memory");
}
