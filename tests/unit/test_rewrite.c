/* service/rewrite.h: which bytes of a pg_service.conf an edit touches, and that it touches no
 * other.
 */
#include "failing.h"

#include "service/rewrite.h"
#include "policy/hostlist.h"
#include "service/settings.h"

#include <stdio.h>
#include <string.h>

/* The text with something before it that does not belong to it: nobody looks there. */
struct framed {
	char bytes[256];
	size_t start;
	size_t length;
};

enum { FRAMES = 3 };

static struct framed frame(const char *text, int number)
{
	static const char *const before[FRAMES] = {"\r", "\r\n", "\r\nx"};
	struct framed framed;

	framed.start = strlen(before[number]);
	framed.length = strlen(text);
	assert_true(framed.length < sizeof framed.bytes - 4);
	(void)snprintf(framed.bytes, sizeof framed.bytes, "%s%s", before[number], text);
	return framed;
}

/* The settings of every test: [b] with host=new and port=1. */
static struct pga_settings two_settings(void)
{
	struct pga_settings settings = {.items = NULL};
	struct pga_error error;

	assert_int_equal(pga_settings_add(&settings, "host", "new", &error), 0);
	assert_int_equal(pga_settings_add(&settings, "port", "1", &error), 0);
	return settings;
}

static const struct {
	const char *before;
	const char *after;
	size_t line;
} appended[] = {
    {"", "[b]\nhost=new\nport=1\n", 1},
    {"[a]\nhost=x\n", "[a]\nhost=x\n\n[b]\nhost=new\nport=1\n", 4},
    {"[a]\nhost=x", "[a]\nhost=x\n\n[b]\nhost=new\nport=1\n", 4},
    {"[a]\nhost=x\n\n", "[a]\nhost=x\n\n[b]\nhost=new\nport=1\n", 4},
    {"[a]\nhost=x\n  \t", "[a]\nhost=x\n  \t\n[b]\nhost=new\nport=1\n", 4},
    {"# c\r\n[a]\r\nhost=x\r\n", "# c\r\n[a]\r\nhost=x\r\n\r\n[b]\r\nhost=new\r\nport=1\r\n", 5},
    {"[a]\r\nhost=x", "[a]\r\nhost=x\r\n\r\n[b]\r\nhost=new\r\nport=1\r\n", 4},
    {"[a]\r\nhost=x\n", "[a]\r\nhost=x\n\n[b]\nhost=new\nport=1\n", 4},
    {"\n", "\n[b]\nhost=new\nport=1\n", 2},
    {"#", "#\n\n[b]\nhost=new\nport=1\n", 3},
    {"\r\n", "\r\n[b]\r\nhost=new\r\nport=1\r\n", 2},
    {"#[b]\n", "#[b]\n\n[b]\nhost=new\nport=1\n", 3},
};

static void appending(void **state)
{
	struct pga_settings settings = two_settings();
	struct pga_error error;

	(void)state;
	for (size_t i = 0; i < sizeof appended / sizeof appended[0]; i++) {
		for (int number = 0; number < FRAMES; number++) {
			const struct framed framed = frame(appended[i].before, number);
			struct pga_service_edit edit;

			assert_int_equal(pga_service_append(framed.bytes + framed.start,
							    framed.length, "b", &settings, &edit,
							    &error),
					 0);
			assert_string_equal(pga_text_string(&edit.bytes), appended[i].after);
			assert_int_equal(edit.line, appended[i].line);
			pga_service_edit_free(&edit);
		}
	}
	pga_settings_free(&settings);
}

static const struct {
	const char *before;
	const char *after;
	const char *removed;
	size_t sections;
	size_t line;
} replaced[] = {
    {"[b]\nhost=x\n", "[b]\nhost=new\nport=1\n", "host=x\n", 1, 1},
    {"[b]", "[b]\nhost=new\nport=1\n", "", 1, 1},
    {"[b]\r\nhost=x\r\n", "[b]\r\nhost=new\r\nport=1\r\n", "host=x\r\n", 1, 1},
    {"[a]\nhost=x\n  [b] \n# c\nhost=x\n\nuser=u\n# of c\n\n[c]\nhost=y\n",
     "[a]\nhost=x\n  [b] \nhost=new\nport=1\n# c\n\n# of c\n\n[c]\nhost=y\n", "host=x\nuser=u\n", 1,
     3},
    /* libpq takes the first of the name: that one is it. */
    {"[b]\nhost=x\n[b]\nhost=y\n", "[b]\nhost=new\nport=1\n[b]\nhost=y\n", "host=x\n", 2, 1},
    {"[b]\nldap://h/b?a?one?f\nnonsense\n", "[b]\nhost=new\nport=1\n",
     "ldap://h/b?a?one?f\nnonsense\n", 1, 1},
    /* What stands before the first header belongs to nobody. */
    {"host=x\n[b]\nport=2\n", "host=x\n[b]\nhost=new\nport=1\n", "port=2\n", 1, 2},
    {"[bb]\nhost=x\n[b\nhost=y\n[B]\nhost=z\n", "[bb]\nhost=x\n[b\nhost=y\n[B]\nhost=z\n", "", 0,
     0},
};

static void replacing(void **state)
{
	struct pga_settings settings = two_settings();
	struct pga_error error;

	(void)state;
	for (size_t i = 0; i < sizeof replaced / sizeof replaced[0]; i++) {
		struct pga_service_edit edit;
		const char *before = replaced[i].before;

		assert_int_equal(
		    pga_service_replace(before, strlen(before), "b", &settings, &edit, &error), 0);
		assert_string_equal(pga_text_string(&edit.bytes), replaced[i].after);
		assert_string_equal(pga_text_string(&edit.removed), replaced[i].removed);
		assert_int_equal(edit.sections, replaced[i].sections);
		assert_int_equal(edit.line, replaced[i].line);
		pga_service_edit_free(&edit);
	}
	pga_settings_free(&settings);
}

static const struct {
	const char *before;
	const char *after;
	size_t sections;
	size_t line;
	const char *taken;
} removed[] = {
    {"[b]\nhost=x\n", "", 1, 1, "[b]\nhost=x\n"},
    {"[a]\nhost=x\n\n[b]\nhost=x\n", "[a]\nhost=x\n", 1, 4, "[b]\nhost=x\n"},
    {"[a]\nhost=x\n\n[b]\nhost=x\n\n[c]\nhost=x\n", "[a]\nhost=x\n\n[c]\nhost=x\n", 1, 4,
     "[b]\nhost=x\n"},
    {"[a]\nhost=x\n[b]\nhost=x\n[c]\nhost=x\n", "[a]\nhost=x\n[c]\nhost=x\n", 1, 3,
     "[b]\nhost=x\n"},
    {"[b]\nhost=x\n\n[c]\nhost=x\n", "[c]\nhost=x\n", 1, 1, "[b]\nhost=x\n"},
    {"[a]\nhost=x\n\n\n[b]\nhost=x", "[a]\nhost=x\n\n", 1, 5, "[b]\nhost=x"},
    {"[a]\r\nhost=x\r\n\r\n[b]\r\nhost=x\r\n", "[a]\r\nhost=x\r\n", 1, 4, "[b]\r\nhost=x\r\n"},
    /* Comments stay, wherever they stand. */
    {"# top\n# of b?\n[b]\n# in b\nhost=x\n# of c\n[c]\nhost=x\n",
     "# top\n# of b?\n# in b\n# of c\n[c]\nhost=x\n", 1, 3, "[b]\nhost=x\n"},
    {"[a]\nhost=x\n\n# about b\n[b]\nhost=x\n", "[a]\nhost=x\n\n# about b\n", 1, 5,
     "[b]\nhost=x\n"},
    {"[b]\nhost=x\n\nuser=u\n[c]\nhost=x\n", "[c]\nhost=x\n", 1, 1, "[b]\nhost=x\nuser=u\n"},
    /* The blank line of others stays. */
    {"[a]\nhost=x\n[b]\nhost=x\n", "[a]\nhost=x\n", 1, 3, "[b]\nhost=x\n"},
    {"[a]\nhost=x\n[b]\nhost=x\n\n[c]\nhost=x\n", "[a]\nhost=x\n\n[c]\nhost=x\n", 1, 3,
     "[b]\nhost=x\n"},
    {"[a]\n\n[b]\nhost=x\n\n\n[c]\nhost=x\n", "[a]\n\n\n[c]\nhost=x\n", 1, 3, "[b]\nhost=x\n"},
    {"[b]\nhost=x\n[c]\nhost=x\n\n", "[c]\nhost=x\n\n", 1, 1, "[b]\nhost=x\n"},
    /* Every one of the name: what the first one hid must not come to light. */
    {"[b]\nhost=x\n[c]\nhost=x\n[b]\nhost=y\n", "[c]\nhost=x\n", 2, 1,
     "[b]\nhost=x\n[b]\nhost=y\n"},
    {"[bb]\nhost=x\n[b\nhost=x\n", "[bb]\nhost=x\n[b\nhost=x\n", 0, 0, ""},
};

static void removing(void **state)
{
	struct pga_error error;

	(void)state;
	for (size_t i = 0; i < sizeof removed / sizeof removed[0]; i++) {
		struct pga_service_edit edit;
		const char *before = removed[i].before;

		assert_int_equal(pga_service_take_out(before, strlen(before), "b", &edit, &error),
				 0);
		assert_string_equal(pga_text_string(&edit.bytes), removed[i].after);
		assert_string_equal(pga_text_string(&edit.removed), removed[i].taken);
		assert_int_equal(edit.sections, removed[i].sections);
		assert_int_equal(edit.line, removed[i].line);
		pga_service_edit_free(&edit);
	}
}

/* A header that is not closed has no name, and no empty one either. */
static void a_header_without_an_end(void **state)
{
	static const char open[] = "[b\nhost=x\n";
	struct pga_settings settings = two_settings();
	struct pga_service_edit edit;
	struct pga_error error;

	(void)state;
	assert_int_equal(pga_service_replace(open, strlen(open), "", &settings, &edit, &error), 0);
	assert_int_equal(edit.sections, 0);
	assert_string_equal(pga_text_string(&edit.bytes), open);
	pga_service_edit_free(&edit);
	assert_int_equal(pga_service_take_out(open, strlen(open), "", &edit, &error), 0);
	assert_int_equal(edit.sections, 0);
	assert_string_equal(pga_text_string(&edit.bytes), open);
	pga_service_edit_free(&edit);
	pga_settings_free(&settings);
}

static const char long_file[] =
    "# a comment that is longer than the room of the first step of a text, "
    "and so needs a second\n"
    "[b]\napplication_name=one that is longer than the room of the first step\n"
    "dbname=so that what is taken out needs a second step, as well\n";
static struct pga_settings written;

static int append_once(struct pga_error *error)
{
	struct pga_service_edit edit;
	const int result =
	    pga_service_append(long_file, strlen(long_file), "c", &written, &edit, error);

	assert_true(result == 0 || (edit.bytes.bytes == NULL && edit.removed.bytes == NULL));
	pga_service_edit_free(&edit);
	return result;
}

static int replace_once(struct pga_error *error)
{
	struct pga_service_edit edit;
	const int result =
	    pga_service_replace(long_file, strlen(long_file), "b", &written, &edit, error);

	assert_true(result == 0 || (edit.bytes.bytes == NULL && edit.removed.bytes == NULL));
	pga_service_edit_free(&edit);
	return result;
}

static int take_out_once(struct pga_error *error)
{
	struct pga_service_edit edit;
	const int result = pga_service_take_out(long_file, strlen(long_file), "b", &edit, error);

	assert_true(result == 0 || (edit.bytes.bytes == NULL && edit.removed.bytes == NULL));
	pga_service_edit_free(&edit);
	return result;
}

static void without_memory(void **state)
{
	(void)state;
	written = two_settings();
	without_each(append_once, false);
	without_each(replace_once, false);
	without_each(take_out_once, false);
	pga_settings_free(&written);
}

static void adding_and_removing_is_nothing(void **state)
{
	static const char *const files[] = {"[a]\nhost=x\n", "# c\n\n[a]\r\nhost=x\r\n", "",
					    "# only a comment\n"};
	struct pga_settings settings = two_settings();
	struct pga_error error;

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		struct pga_service_edit add;
		struct pga_service_edit remove;

		assert_int_equal(
		    pga_service_append(files[i], strlen(files[i]), "b", &settings, &add, &error),
		    0);
		assert_int_equal(
		    pga_service_take_out(add.bytes.bytes, add.bytes.length, "b", &remove, &error),
		    0);
		assert_string_equal(pga_text_string(&remove.bytes), files[i]);
		pga_service_edit_free(&add);
		pga_service_edit_free(&remove);
	}
	pga_settings_free(&settings);
}

static void hosts_are_taken_apart_as_libpq_does(void **state)
{
	struct pga_hosts hosts;
	struct pga_error error;

	(void)state;
	assert_int_equal(pga_hosts_split("a,,/tmp,@x", NULL, "1", &hosts, &error), 0);
	assert_int_equal(hosts.count, 4);
	assert_false(hosts.items[0].local);
	assert_true(hosts.items[1].local && hosts.items[2].local && hosts.items[3].local);
	assert_string_equal(hosts.items[3].port, "1");
	pga_hosts_free(&hosts);
	/* hostaddr says how many there are, and beats a socket. */
	assert_int_equal(pga_hosts_split("/tmp,b", "192.0.2.1,", "1,2", &hosts, &error), 0);
	assert_int_equal(hosts.count, 2);
	assert_false(hosts.items[0].local);
	assert_string_equal(pga_host_label(&hosts.items[0]), "/tmp");
	assert_string_equal(pga_host_label(&hosts.items[1]), "b");
	assert_string_equal(hosts.items[1].port, "2");
	pga_hosts_free(&hosts);
	assert_int_equal(pga_hosts_split(NULL, "192.0.2.2,192.0.2.1", NULL, &hosts, &error), 0);
	assert_int_equal(hosts.count, 2);
	assert_string_equal(pga_host_label(&hosts.items[1]), "192.0.2.1");
	pga_hosts_free(&hosts);
	assert_int_equal(pga_hosts_split(NULL, "192.0.2.1", NULL, &hosts, &error), 0);
	assert_string_equal(pga_host_label(&hosts.items[0]), "192.0.2.1");
	pga_hosts_free(&hosts);
	assert_int_equal(pga_hosts_split(NULL, NULL, NULL, &hosts, &error), 0);
	assert_int_equal(hosts.count, 1);
	assert_true(hosts.items[0].local);
	pga_hosts_free(&hosts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(appending),
	    cmocka_unit_test(replacing),
	    cmocka_unit_test(removing),
	    cmocka_unit_test(a_header_without_an_end),
	    cmocka_unit_test(without_memory),
	    cmocka_unit_test(adding_and_removing_is_nothing),
	    cmocka_unit_test(hosts_are_taken_apart_as_libpq_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
