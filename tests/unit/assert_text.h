/* What a text has become, to the letter. */
#ifndef PGA_TESTS_UNIT_ASSERT_TEXT_H
#define PGA_TESTS_UNIT_ASSERT_TEXT_H

#include "cmocka_start.h"

#include "base/text.h"

/* Frees the text. */
static inline void assert_text(struct pga_text *text, const char *expected)
{
	assert_false(text->failed);
	assert_string_equal(pga_text_string(text), expected);
	pga_text_free(text);
}

#endif
