/* base/text.h and base/file_identity.h: what other processes and threads can do to them. */
#include "cmocka_start.h"

#include "base/file_identity.h"
#include "base/text.h"

#include <printf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* What %Y prints grows by this many bytes each time, as a variable of the environment does that
 * another thread sets. Negative: it shrinks. */
static int step;
static int printed;

static int print_changing(FILE *stream, const struct printf_info *info,
			  const void *const *arguments)
{
	(void)info;
	(void)arguments;
	printed += step;
	for (int i = 0; i < printed; i++)
		if (fputc('y', stream) == EOF)
			return -1;
	return printed;
}

/* printf_arginfo_size_function has it so. NOLINTNEXTLINE(readability-non-const-parameter) */
static int count_none(const struct printf_info *info, size_t count, int *types, int *sizes)
{
	(void)info;
	(void)count;
	(void)types;
	(void)sizes;
	return 0;
}

/* Not by its own name: the compiler does not know %Y. */
static void (*const addf)(struct pga_text *text, const char *format, ...) = pga_text_addf;

static void what_is_printed_changes_meanwhile(void **state)
{
	static const int steps[] = {1, 1000, 100, -100};

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	/* ASan looks at formats too, and complains of this one. */
	skip();
#endif
	assert_int_equal(register_printf_specifier('Y', print_changing, count_none), 0);
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		struct pga_text text = PGA_TEXT_EMPTY;

		step = steps[i];
		printed = step < 0 ? 5000 : 60;
		pga_text_add(&text, "before ");
		addf(&text, "<%Y>");
		assert_false(text.failed);
		pga_text_add(&text, " behind");
		/* As many as were printed at last, and no byte of the attempts before. */
		assert_int_equal(text.length, strlen(text.bytes));
		assert_int_equal(text.length, (size_t)printed + strlen("before <> behind"));
		assert_memory_equal(text.bytes, "before <y", 9);
		assert_string_equal(text.bytes + text.length - 9, "y> behind");
		assert_true(text.length < text.room);
		pga_text_free(&text);
	}
}

static void texts_of_every_length(void **state)
{
	static const char bytes[300] = "";
	struct pga_text text = PGA_TEXT_EMPTY;

	(void)state;
	for (int length = 0; length < 300; length++) {
		pga_text_addf(&text, "%*s%s", length, "", bytes);
		assert_int_equal(text.length, length);
		assert_int_equal(strlen(pga_text_string(&text)), length);
		pga_text_free(&text);
	}
}

static void a_stamp_of_any_time(void **state)
{
	const time_t last = (time_t)(sizeof(time_t) == 8 ? INT64_MAX : INT32_MAX);
	const time_t now = time(NULL);
	const struct {
		time_t changed;
		bool settled;
	} cases[] = {{-last - 1, true}, {-1, true},        {0, true},    {now - 2, true},
		     {now + 2, false},  {last - 1, false}, {last, false}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct stat status = {.st_ctim = {cases[i].changed, 999999999}};

		assert_int_equal(pga_file_identity_from(&status).settled, cases[i].settled);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_printed_changes_meanwhile),
	    cmocka_unit_test(texts_of_every_length),
	    cmocka_unit_test(a_stamp_of_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
