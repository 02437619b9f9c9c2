/* password/passfile.h: libpq's password file, line by line, as libpq reads it; and libpq itself of
 * the same. */
#include "cmocka_start.h"

#include "password/ask_passfile.h"
#include "password/passfile.h"

#include <stdlib.h>
#include <string.h>

/* A line, and what libpq makes of it; host NULL: nothing. */
static const struct {
	const char *line;
	const char *words[5]; /* host, port, dbname, user, password */
	bool starred;
} lines[] = {
    {"h:1:d:u:p\n", {"h", "1", "d", "u", "p"}, false},
    {"h:1:d:u:p", {"h", "1", "d", "u", "p"}, false},
    {"h:1:d:u:p\r\n", {"h", "1", "d", "u", "p"}, false},
    {"h:1:d:u:p\r\r\n", {"h", "1", "d", "u", "p"}, false},
    {"*:*:*:*:p\n", {"*", "*", "*", "*", "p"}, false},
    {"h:*:*:u:p:more\n", {"h", "*", "*", "u", "p"}, false},
    {"h:*:*:u:a\\:b\\\\c\\d\n", {"h", "*", "*", "u", "a:b\\cd"}, false},
    {"h:*:*:u:p\\\n", {"h", "*", "*", "u", "p\\"}, false},
    {"h:*:*:u:\n", {"h", "*", "*", "u", ""}, false},
    {"h:*:*:u:#p \n", {"h", "*", "*", "u", "#p "}, false},
    {"a\\:b:*:c\\\\d:\\e:p\n", {"a:b", "*", "c\\d", "e", "p"}, false},
    {" h :*:*:u:p\n", {" h ", "*", "*", "u", "p"}, false},
    {"h:*:\\*:u:p\n", {"h", "*", "*", "u", "p"}, true},
    {"h:*:**:u:p\n", {"h", "*", "**", "u", "p"}, false},
    {"h:*:*x:u:p\n", {"h", "*", "*x", "u", "p"}, false},
    {"#h:*:*:u:p\n", {NULL}, false},
    {"h:*:*:u\n", {NULL}, false},
    {"h:*:*:u\\:p\n", {NULL}, false},
    {"h\\", {NULL}, false},
    {"nonsense\n", {NULL}, false},
    {"\r\n", {NULL}, false},
    {"\n", {NULL}, false},
};

static struct pga_passfile read_all(const char *bytes, size_t length)
{
	struct pga_passfile file;
	struct pga_error error;

	assert_int_equal(pga_passfile_read(&file, bytes, length, &error), 0);
	return file;
}

static void every_line_is_read_as_libpq_reads_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct pga_passfile file = read_all(lines[i].line, strlen(lines[i].line));

		assert_int_equal(file.count, lines[i].words[0] != NULL);
		for (size_t word = 0; file.count > 0 && word < 4; word++)
			assert_string_equal(file.lines[0].entry.words[word], lines[i].words[word]);
		if (file.count > 0) {
			assert_string_equal(file.lines[0].password, lines[i].words[4]);
			assert_int_equal(file.lines[0].starred, lines[i].starred);
		}
		pga_passfile_free(&file);
	}
}

static void libpq_says_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct pga_passfile file = read_all(lines[i].line, strlen(lines[i].line));
		struct pga_error error;
		bool gives = false;

		/* An empty one is none for libpq, and what a star that is a name fits, nobody else
		 * asks for. */
		if (file.count > 0 && !file.lines[0].starred && file.lines[0].password[0] != '\0') {
			assert_int_equal(pga_passfile_gives(lines[i].line, strlen(lines[i].line),
							    &file.lines[0].entry,
							    file.lines[0].password, &gives, &error),
					 0);
			assert_true(gives);
			assert_int_equal(pga_passfile_gives(lines[i].line, strlen(lines[i].line),
							    &file.lines[0].entry, "another", &gives,
							    &error),
					 0);
			assert_false(gives);
		}
		pga_passfile_free(&file);
	}
}

static void lines_know_their_places(void **state)
{
	static const char text[] = "# c\r\na:*:*:u:1\n\nb:*:*:u:2\r\nc:*:*:u:3";
	struct pga_passfile file = read_all(text, strlen(text));

	(void)state;
	assert_int_equal(file.count, 3);
	assert_int_equal(file.lines[0].number, 2);
	assert_int_equal(file.lines[1].number, 4);
	assert_memory_equal(text + file.lines[1].start, "b:*:*:u:2\r\n", 11);
	assert_int_equal(file.lines[1].end - file.lines[1].start, 11);
	assert_int_equal(file.lines[2].end, strlen(text));
	pga_passfile_free(&file);
}

static void what_is_behind_a_nul_is_no_part_of_a_line(void **state)
{
	static const char text[] = "a:*:*:u:1\0 2\nb:*:*\0:u:2\n";
	struct pga_passfile file = read_all(text, sizeof text - 1);

	(void)state;
	assert_int_equal(file.count, 1);
	assert_string_equal(file.lines[0].password, "1");
	pga_passfile_free(&file);
}

static void the_first_line_that_fits_is_taken(void **state)
{
	static const char text[] = "a:1:*:u:1\n*:*:*:v:2\na:*:d:u:3\n";
	struct pga_passfile file = read_all(text, strlen(text));
	static char a[] = "a";
	static char any[] = "*";
	static char two[] = "2";
	static char u[] = "u";
	static char w[] = "w";
	struct pga_password_entry entry = {.words = {a, any, any, u, NULL}};

	(void)state;
	assert_int_equal(pga_passfile_for(&file, &entry)->number, 1);
	entry.words[PGA_SECRET_PORT] = two;
	assert_int_equal(pga_passfile_for(&file, &entry)->number, 3);
	entry.words[PGA_SECRET_USER] = w;
	assert_null(pga_passfile_for(&file, &entry));
	entry.kind = PGA_SECRET_PASSPHRASE;
	assert_null(pga_passfile_for(&file, &entry));
	pga_passfile_free(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_line_is_read_as_libpq_reads_it),
	    cmocka_unit_test(libpq_says_the_same),
	    cmocka_unit_test(lines_know_their_places),
	    cmocka_unit_test(what_is_behind_a_nul_is_no_part_of_a_line),
	    cmocka_unit_test(the_first_line_that_fits_is_taken),
	};

	unsetenv("PGPASSWORD");
	return cmocka_run_group_tests_name("passfile", tests, NULL, NULL);
}
