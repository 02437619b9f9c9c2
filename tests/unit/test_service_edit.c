/* service/rewrite.h: which bytes of a pg_service.conf an edit touches, and that it touches no
 * other.
 */
#include "cmocka_start.h"

#include "service/rewrite.h"
#include "policy/hostlist.h"
#include "service/settings.h"

#include <string.h>

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
    {"#[b]\n", "#[b]\n\n[b]\nhost=new\nport=1\n", 3},
};

static void appending(void **state)
{
	struct pga_settings settings = two_settings();
	struct pga_error error;

	(void)state;
	for (size_t i = 0; i < sizeof appended / sizeof appended[0]; i++) {
		struct pga_service_edit edit;
		const char *before = appended[i].before;

		assert_int_equal(
		    pga_service_append(before, strlen(before), "b", &settings, &edit, &error), 0);
		assert_string_equal(pga_text_string(&edit.bytes), appended[i].after);
		assert_int_equal(edit.line, appended[i].line);
		pga_service_edit_free(&edit);
	}
	pga_settings_free(&settings);
}

static const struct {
	const char *before;
	const char *after;
	const char *removed;
	size_t sections;
} replaced[] = {
    {"[b]\nhost=x\n", "[b]\nhost=new\nport=1\n", "host=x\n", 1},
    {"[b]", "[b]\nhost=new\nport=1\n", "", 1},
    {"[b]\r\nhost=x\r\n", "[b]\r\nhost=new\r\nport=1\r\n", "host=x\r\n", 1},
    {"[a]\nhost=x\n  [b] \n# c\nhost=x\n\nuser=u\n# of c\n\n[c]\nhost=y\n",
     "[a]\nhost=x\n  [b] \nhost=new\nport=1\n# c\n\n# of c\n\n[c]\nhost=y\n", "host=x\nuser=u\n",
     1},
    /* libpq takes the first of the name: that one is it. */
    {"[b]\nhost=x\n[b]\nhost=y\n", "[b]\nhost=new\nport=1\n[b]\nhost=y\n", "host=x\n", 2},
    {"[b]\nldap://h/b?a?one?f\nnonsense\n", "[b]\nhost=new\nport=1\n",
     "ldap://h/b?a?one?f\nnonsense\n", 1},
    {"[bb]\nhost=x\n[b\nhost=y\n[B]\nhost=z\n", "[bb]\nhost=x\n[b\nhost=y\n[B]\nhost=z\n", "", 0},
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
		pga_service_edit_free(&edit);
	}
	pga_settings_free(&settings);
}

static const struct {
	const char *before;
	const char *after;
	size_t sections;
} removed[] = {
    {"[b]\nhost=x\n", "", 1},
    {"[a]\nhost=x\n\n[b]\nhost=x\n", "[a]\nhost=x\n", 1},
    {"[a]\nhost=x\n\n[b]\nhost=x\n\n[c]\nhost=x\n", "[a]\nhost=x\n\n[c]\nhost=x\n", 1},
    {"[a]\nhost=x\n[b]\nhost=x\n[c]\nhost=x\n", "[a]\nhost=x\n[c]\nhost=x\n", 1},
    {"[b]\nhost=x\n\n[c]\nhost=x\n", "[c]\nhost=x\n", 1},
    {"[a]\nhost=x\n\n\n[b]\nhost=x", "[a]\nhost=x\n\n", 1},
    {"[a]\r\nhost=x\r\n\r\n[b]\r\nhost=x\r\n", "[a]\r\nhost=x\r\n", 1},
    /* Comments stay, wherever they stand. */
    {"# top\n# of b?\n[b]\n# in b\nhost=x\n# of c\n[c]\nhost=x\n",
     "# top\n# of b?\n# in b\n# of c\n[c]\nhost=x\n", 1},
    {"[a]\nhost=x\n\n# about b\n[b]\nhost=x\n", "[a]\nhost=x\n\n# about b\n", 1},
    {"[b]\nhost=x\n\nuser=u\n[c]\nhost=x\n", "[c]\nhost=x\n", 1},
    /* Every one of the name: what the first one hid must not come to light. */
    {"[b]\nhost=x\n[c]\nhost=x\n[b]\nhost=y\n", "[c]\nhost=x\n", 2},
    {"[bb]\nhost=x\n[b\nhost=x\n", "[bb]\nhost=x\n[b\nhost=x\n", 0},
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
		assert_int_equal(edit.sections, removed[i].sections);
		pga_service_edit_free(&edit);
	}
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
	    cmocka_unit_test(adding_and_removing_is_nothing),
	    cmocka_unit_test(hosts_are_taken_apart_as_libpq_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
