#include "server/left.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void pga_left_add(struct pga_left *left, const char *format, ...)
{
	const size_t length = strlen(left->text);
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(left->text + length, sizeof left->text - length, format, arguments);
	va_end(arguments);
}
