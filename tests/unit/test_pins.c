/* policy/pins.h: among ten thousand anchors, each is found by its pin and by its name, and no
 * other.
 */
#include "cmocka_start.h"

#include "base/text.h"
#include "policy/pins.h"

#include <stdio.h>
#include <string.h>

#define MANY 10000U

/* In no order: the multiplier is odd, so that no two of them are the same. */
static void pin_of(unsigned i, char pin[PGA_PIN_LENGTH + 1])
{
	(void)snprintf(pin, PGA_PIN_LENGTH + 1, "%08x%056x", i * 2654435761U, i);
}

static void many_are_found(void **state)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	struct pga_pins pins;
	struct pga_error error;
	char pin[PGA_PIN_LENGTH + 1];
	char name[32];

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		pin_of(i, pin);
		pga_text_addf(&text, "[anchor-%u]\npin = %s\nhosts = host%u.example.com\n",
			      i * 7919U % MANY, pin, i);
	}
	assert_int_equal(pga_pins_parse(&pins, "anchors.conf", text.bytes, text.length, &error), 0);
	assert_int_equal(pins.count, MANY);
	for (unsigned i = 0; i < MANY; i++) {
		pin_of(i, pin);
		assert_ptr_equal(pga_pins_find(&pins, pin), &pins.pins[i]);
		(void)snprintf(name, sizeof name, "anchor-%u", i * 7919U % MANY);
		assert_ptr_equal(pga_pins_named(&pins, name), &pins.pins[i]);
		assert_string_equal(pins.pins[i].pin, pin);
		assert_int_equal(pins.pins[i].line, i * 3 + 1);
	}
	pin_of(MANY, pin);
	assert_null(pga_pins_find(&pins, pin));
	assert_null(pga_pins_find(&pins, ""));
	assert_null(pga_pins_named(&pins, "anchor-"));
	pga_pins_free(&pins);
	pga_text_free(&text);
}

static void none_are_none(void **state)
{
	struct pga_pins pins;
	struct pga_error error;

	(void)state;
	assert_int_equal(pga_pins_parse(&pins, "anchors.conf", NULL, 0, &error), 0);
	assert_int_equal(pins.count, 0);
	assert_null(pga_pins_named(&pins, "a"));
	pga_pins_free(&pins);
}

static void what_the_file_does_not_say(void **state)
{
	static const char text[] =
	    "[a]\npin = 0000000000000000000000000000000000000000000000000000000000000000";
	struct pga_pins pins;
	struct pga_error error;

	(void)state;
	/* The bytes need not end in a NUL. */
	assert_int_equal(pga_pins_parse(&pins, "anchors.conf", text, sizeof text - 1, &error), 0);
	assert_string_equal(pins.pins[0].hosts, "*");
	assert_string_equal(pins.pins[0].source, "");
	assert_false(pins.pins[0].scoped);
	pga_pins_free(&pins);
	/* One digit less is no pin, and nothing is left. */
	assert_int_equal(pga_pins_parse(&pins, "anchors.conf", text, sizeof text - 2, &error), -1);
	assert_int_equal(pins.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(many_are_found),
	    cmocka_unit_test(none_are_none),
	    cmocka_unit_test(what_the_file_does_not_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
