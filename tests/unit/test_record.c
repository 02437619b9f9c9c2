/* policy/record.h: what is written into the audit log, and read back, to the letter. */
#include "cmocka_start.h"

#include "base/text.h"
#include "policy/record.h"

#include <string.h>

static void what_is_written(void **state)
{
	static const struct {
		const char *value;
		size_t most;
		const char *expected;
	} rows[] = {
	    {"", 5, " k=\"\""},
	    {"a b~!", 5, " k=\"a b~!\""},
	    {"abcde", 5, " k=\"abcde\""},
	    {"abcdef", 5, " k=\"abcde...\""},
	    {"a", 0, " k=\"...\""},
	    {"\"\\", 5, " k=\"\\x22\\x5C\""},
	    {"\x01\x1F\x7F\x80\xFF", 5, " k=\"\\x01\\x1F\\x7F\\x80\\xFF\""},
	    {"\n\n\n", 2, " k=\"\\x0A\\x0A...\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pga_text line = PGA_TEXT_EMPTY;

		pga_record_add(&line, "k", rows[i].value, rows[i].most);
		assert_string_equal(pga_text_string(&line), rows[i].expected);
		pga_text_free(&line);
	}
}

static void what_is_read(void **state)
{
	/* NULL for the key: it is no word of a record. */
	static const struct {
		const char *line;
		const char *key;
		const char *value;
		const char *rest;
	} rows[] = {
	    {"k=\"v\"", "k", "v", ""},
	    {"   k=\"a b=c\" l=\"w\"", "k", "a b=c", " l=\"w\""},
	    {"k=\"\"x", "k", "", "x"},
	    {"k=\"\\x22\\x5C\\x0A\\xFF\\x9A\"", "k", "\"\\\n\xFF\x9A", ""},
	    {"", NULL, NULL, NULL},
	    {"   ", NULL, NULL, NULL},
	    {"=\"v\"", NULL, NULL, NULL},
	    {"k", NULL, NULL, NULL},
	    {"k=v", NULL, NULL, NULL},
	    {"k=vw\"", NULL, NULL, NULL},
	    {"k =\"v\"", NULL, NULL, NULL},
	    {"k\"v\"", NULL, NULL, NULL},
	    {"k=\"v", NULL, NULL, NULL},
	    {"k=\"v\\", NULL, NULL, NULL},
	    {"k=\"\\x", NULL, NULL, NULL},
	    {"k=\"\\x4", NULL, NULL, NULL},
	    {"k=\"\\y41\"", NULL, NULL, NULL},
	    {"k=\"\\xG1\"", NULL, NULL, NULL},
	    {"k=\"\\x4G\"", NULL, NULL, NULL},
	    {"k=\"\\x4a\"", NULL, NULL, NULL},
	    {"k=\"\\x00\"", NULL, NULL, NULL},
	    /* It ends at the NUL, whatever is behind it. */
	    {"k=\"\\x\0A\"", NULL, NULL, NULL},
	    {"k=\"\\x4\0\"", NULL, NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pga_text value = PGA_TEXT_EMPTY;
		const char *key = NULL;
		size_t length = 0;
		const char *rest = pga_record_next(rows[i].line, &key, &length, &value);

		if (rows[i].key == NULL) {
			if (rest != NULL)
				fail_msg("%s", rows[i].line);
		} else {
			assert_non_null(rest);
			assert_string_equal(rest, rows[i].rest);
			assert_int_equal(length, strlen(rows[i].key));
			assert_memory_equal(key, rows[i].key, length);
			assert_string_equal(pga_text_string(&value), rows[i].value);
		}
		pga_text_free(&value);
	}
}

static void every_byte_comes_back(void **state)
{
	struct pga_text line = PGA_TEXT_EMPTY;
	struct pga_text value = PGA_TEXT_EMPTY;
	char bytes[256];
	const char *key;
	size_t length;

	(void)state;
	for (int i = 1; i <= 255; i++)
		bytes[i - 1] = (char)i;
	bytes[255] = '\0';
	pga_record_add(&line, "k", bytes, sizeof bytes);
	assert_string_equal(pga_record_next(pga_text_string(&line), &key, &length, &value), "");
	assert_string_equal(pga_text_string(&value), bytes);
	for (const char *at = pga_text_string(&line); *at != '\0'; at++)
		assert_true(*at >= ' ' && *at <= '~');
	pga_text_free(&line);
	pga_text_free(&value);
}

static void which_words_there_are(void **state)
{
	static const char *const keys[] = {"program",
					   "argc",
					   "arguments",
					   "host",
					   "hostaddr",
					   "port",
					   "user",
					   "dbname",
					   "service",
					   "sslmode",
					   "sslrootcert",
					   "gssencmode",
					   "ssl_min_protocol_version",
					   "ssl_max_protocol_version",
					   "channel_binding",
					   "require_auth",
					   "reasons"};

	(void)state;
	assert_int_equal(PGA_WORDS, sizeof keys / sizeof keys[0]);
	for (int word = 0; word < PGA_WORDS; word++)
		assert_string_equal(pga_word_key((enum pga_word)word), keys[word]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_written),
	    cmocka_unit_test(what_is_read),
	    cmocka_unit_test(every_byte_comes_back),
	    cmocka_unit_test(which_words_there_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
