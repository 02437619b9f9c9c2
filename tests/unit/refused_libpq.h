/* A libpq whose objects the gate refuses, and memory that comes to an end, as a test plays them. */
#ifndef PGA_TESTS_REFUSED_LIBPQ_H
#define PGA_TESTS_REFUSED_LIBPQ_H

#include "gate/call.h"
#include "gate/judge.h"
#include "gate/refusal.h"
#include "gate/session.h"
#include "gate/wrappers.h"
#include "gate_fakes.h"

#define OWN "libpq's own words\n"
/* How libpq quotes what it is told. */
#define TOLD(text) "unrecognized: \"" text "\"\n"

static struct gate_libpq *libpq;

/* What the linker leads here (--wrap). */
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size);

/* Blocks that can still be had; below 0, any number. */
static int blocks_left = -1;

static bool is_there_memory(void)
{
	if (blocks_left == 0)
		return false;
	blocks_left -= blocks_left > 0;
	return true;
}

void *__wrap_calloc(size_t count, size_t size)
{
	return is_there_memory() ? __real_calloc(count, size) : NULL;
}

char *__wrap_strdup(const char *text)
{
	return is_there_memory() ? __real_strdup(text) : NULL;
}

void *__wrap_realloc(void *block, size_t size)
{
	return is_there_memory() ? __real_realloc(block, size) : NULL;
}

static const char *message(void)
{
	return gate_PQerrorMessage(libpq, false, the_connection());
}

/* As libpq does when the object goes. */
static void destroy_connection(void)
{
	PGEventConnDestroy about = {the_connection()};

	if (fake.proc != NULL)
		assert_int_equal(fake.proc(PGEVT_CONNDESTROY, &about, libpq), 1);
	assert_null(fake.instance);
}

#endif
