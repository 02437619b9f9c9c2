/* server/hosts_file.h: pg_hosts.conf as PostgreSQL 19 reads it, which few have yet. */
#include "cmocka_start.h"

#include "server/hosts_file.h"

#include <string.h>

static int parse(struct pga_server_hosts *hosts, const char *text)
{
	struct pga_error error;

	return pga_server_hosts_parse(hosts, "pg_hosts.conf", text, strlen(text), &error);
}

static const char *key_for(const struct pga_server_hosts *hosts, const char *name)
{
	const struct pga_server_host *host = pga_server_host_for(hosts, name);

	return host != NULL ? host->key : "";
}

static void each_name_has_its_line(void **state)
{
	struct pga_server_hosts hosts;

	(void)state;
	assert_int_equal(
	    parse(&hosts, "# a comment\n"
			  "db.example.test,other.example.test one.crt one.key\n"
			  "\"app.example.test\" \"two 2.crt\" \\\n two.key ca.crt \"echo x\" on\n"),
	    0);
	assert_int_equal(hosts.count, 3);
	assert_string_equal(key_for(&hosts, "other.example.test"), "one.key");
	assert_string_equal(key_for(&hosts, "APP.example.test"), "two.key");
	assert_string_equal(hosts.list[2].certificate, "two 2.crt");
	assert_int_equal(hosts.list[2].line, 3);
	assert_true(hosts.list[2].passphrase && !hosts.list[0].passphrase);
	assert_null(pga_server_host_for(&hosts, "www.example.test"));
	assert_null(pga_server_host_for(&hosts, "192.0.2.1"));
	pga_server_hosts_free(&hosts);
}

static void whoever_names_none_of_them_is_another(void **state)
{
	struct pga_server_hosts hosts;

	(void)state;
	assert_int_equal(parse(&hosts, "* any.crt any.key\n/no_sni/ none.crt none.key\n"), 0);
	assert_string_equal(key_for(&hosts, "db.example.test"), "any.key");
	assert_string_equal(key_for(&hosts, "::1"), "none.key");
	assert_false(pga_server_host_is_name(&hosts.list[0]) ||
		     pga_server_host_is_name(&hosts.list[1]));
	pga_server_hosts_free(&hosts);
}

static void what_is_no_line_is_told(void **state)
{
	struct pga_server_hosts hosts;

	(void)state;
	assert_int_equal(parse(&hosts, "include other.conf\n"), 0);
	assert_true(hosts.includes && hosts.count == 0);
	pga_server_hosts_free(&hosts);
	assert_int_equal(parse(&hosts, "db.example.test one.crt\n"), -1);
	pga_server_hosts_free(&hosts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_name_has_its_line),
	    cmocka_unit_test(whoever_names_none_of_them_is_another),
	    cmocka_unit_test(what_is_no_line_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
