/* policy/pins.h: of several anchors no two have one pin or one name, wherever in the file they are.
 */
#include "cmocka_start.h"

#include "base/text.h"
#include "policy/pins.h"

#include <stdio.h>
#include <string.h>

#define COUNT 6

/* A file of COUNT anchors. Those with the numbers a and b have one pin, or else one name. */
static void write_file(struct pga_text *text, size_t a, size_t b, bool one_pin)
{
	for (size_t i = 0; i < COUNT; i++) {
		const size_t own = i == b ? a : i;

		/* Neither is in the order of the other. */
		pga_text_addf(text, "[%c]\npin = %064zx\n",
			      (char)('a' + (one_pin ? i : own) * 5 % COUNT), one_pin ? own : i);
	}
}

static void any_two(void **state)
{
	(void)state;
	for (size_t a = 0; a < COUNT; a++)
		for (size_t b = 0; b < COUNT; b++)
			for (int one_pin = 0; one_pin <= 1; one_pin++) {
				struct pga_text text = PGA_TEXT_EMPTY;
				struct pga_pins pins;
				struct pga_error error;
				char line[32];

				write_file(&text, a, b, one_pin != 0);
				assert_false(text.failed);
				assert_int_equal(pga_pins_parse(&pins, "anchors.conf", text.bytes,
								text.length, &error),
						 a == b ? 0 : -1);
				if (a == b) {
					assert_int_equal(pins.count, COUNT);
					pga_pins_free(&pins);
				} else {
					/* The later one is at fault; its section begins in this
					 * line. */
					(void)snprintf(line, sizeof line,
						       "line %zu: ", (a > b ? a : b) * 2 + 1);
					if (strstr(error.message, line) == NULL)
						fail_msg("%zu and %zu: %s", a, b, error.message);
					assert_int_equal(pins.count, 0);
				}
				pga_text_free(&text);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(any_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
