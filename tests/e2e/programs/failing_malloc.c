/* For LD_PRELOAD: the FAIL_AT-th allocation that the object with FAIL_IN in its path asks for (the
 * program itself, where that is empty) finds no memory; with FAIL_ON, none behind it does either.
 * How many were asked for goes to the file FAIL_COUNT, at the end. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static uintptr_t begin, end;
static long asked, fail_at;
static bool fails_on, ready;

static int look(struct dl_phdr_info *object, size_t size, void *wanted)
{
	(void)size;
	if (*(const char *)wanted != '\0' && strstr(object->dlpi_name, wanted) == NULL)
		return 0;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const uintptr_t from = object->dlpi_addr + object->dlpi_phdr[i].p_vaddr;
		const uintptr_t to = from + object->dlpi_phdr[i].p_memsz;

		if (object->dlpi_phdr[i].p_type != PT_LOAD)
			continue;
		if (begin == 0 || from < begin)
			begin = from;
		if (to > end)
			end = to;
	}
	return 1;
}

static void get_ready(void)
{
	char *in = getenv("FAIL_IN");
	const char *at = getenv("FAIL_AT");

	ready = true;
	(void)dl_iterate_phdr(look, in != NULL ? in : (char *)"");
	fail_at = at != NULL ? atol(at) : 0;
	fails_on = getenv("FAIL_ON") != NULL;
}

static bool fails(const void *caller)
{
	if (!ready)
		get_ready();
	if ((uintptr_t)caller < begin || (uintptr_t)caller >= end)
		return false;
	asked++;
	if (fail_at == 0 || (fails_on ? asked < fail_at : asked != fail_at))
		return false;
	errno = ENOMEM;
	return true;
}

__attribute__((destructor)) static void tell(void)
{
	const char *name = getenv("FAIL_COUNT");
	char text[24];
	const int length = snprintf(text, sizeof text, "%ld\n", asked);
	const int file = name != NULL ? open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;

	if (file >= 0 && write(file, text, (size_t)length) != length)
		_exit(125);
}

#define CALLER __builtin_return_address(0)

void *malloc(size_t size)
{
	return fails(CALLER) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails(CALLER) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return fails(CALLER) ? NULL : __libc_realloc(old, size);
}

void *reallocarray(void *old, size_t count, size_t size)
{
	return fails(CALLER) ? NULL : __libc_realloc(old, count * size);
}

static char *copy(const char *text, size_t length)
{
	char *made = __libc_malloc(length + 1);

	if (made != NULL) {
		memcpy(made, text, length);
		made[length] = '\0';
	}
	return made;
}

char *strdup(const char *text)
{
	return fails(CALLER) ? NULL : copy(text, strlen(text));
}

char *strndup(const char *text, size_t most)
{
	return fails(CALLER) ? NULL : copy(text, strnlen(text, most));
}

/* _FORTIFY_SOURCE has them under other names. */
int __vasprintf_chk(char **made, int flag, const char *format, va_list arguments)
{
	va_list again;
	int length;

	(void)flag;
	if (fails(CALLER))
		return -1;
	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, arguments);
	*made = length >= 0 ? __libc_malloc((size_t)length + 1) : NULL;
	if (*made != NULL)
		length = vsnprintf(*made, (size_t)length + 1, format, again);
	va_end(again);
	return *made != NULL ? length : -1;
}
