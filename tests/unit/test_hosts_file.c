/* server/hosts_file.h: pg_hosts.conf as PostgreSQL 19 reads it, which few have yet. */
#include "cmocka_start.h"

#include "server/hosts_file.h"

#include <stdint.h>
#include <string.h>

/* Files that follow one another: a name, its bytes, and NULL at the end. */
static int read_one(void *context, const char *path, struct pga_text *bytes, bool *found,
		    struct pga_error *error)
{
	(void)error;
	*found = false;
	for (const char *const *files = context; files[0] != NULL; files += 2)
		if (strcmp(files[0], path) == 0) {
			*found = true;
			pga_text_add(bytes, files[1]);
		}
	return 0;
}

static int list_all(void *context, const char *path, struct pga_text *names,
		    struct pga_error *error)
{
	(void)error;
	for (const char *const *files = context; files[0] != NULL; files += 2)
		if (strncmp(files[0], path, strlen(path)) == 0)
			pga_text_add_bytes(names, files[0] + strlen(path) + 1,
					   strlen(files[0]) - strlen(path));
	return 0;
}

static int parse_all(struct pga_server_hosts *hosts, const char *const *files)
{
	const struct pga_hba_source source = {
	    .read = read_one, .list = list_all, .context = (void *)(uintptr_t)files};
	struct pga_error error;

	return pga_server_hosts_parse(hosts, &source, "/d/pg_hosts.conf", &error);
}

static int parse(struct pga_server_hosts *hosts, const char *text)
{
	const char *const files[] = {"/d/pg_hosts.conf", text, NULL};

	return parse_all(hosts, files);
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
	assert_string_equal(hosts.list[2].ca, "ca.crt");
	assert_null(hosts.list[0].ca);
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
	assert_int_equal(parse(&hosts, "db.example.test one.crt\n"), -1);
	pga_server_hosts_free(&hosts);
	assert_int_equal(parse(&hosts, "include other.conf\n"), -1);
	pga_server_hosts_free(&hosts);
	assert_int_equal(parse(&hosts, "@names one.crt one.key\n"), -1);
	pga_server_hosts_free(&hosts);
}

static void what_is_included_counts_where_it_is(void **state)
{
	static const char *const files[] = {
	    "/d/pg_hosts.conf",
	    "host local key\ninclude more/one\ninclude_if_exists none\ninclude_dir more/dir\n",
	    "/d/more/one",
	    "\none.example.test one.crt one.key\n",
	    "/d/more/dir/2.conf",
	    "two.example.test two.crt two.key \"\" \"echo x\"\n",
	    "/d/more/dir/1.conf",
	    "include ../one\n",
	    "/d/more/dir/other",
	    "other.example.test other.crt other.key\n",
	    NULL};
	struct pga_server_hosts hosts;

	(void)state;
	assert_int_equal(parse_all(&hosts, files), 0);
	assert_int_equal(hosts.count, 4);
	assert_string_equal(hosts.list[0].name, "host");
	assert_string_equal(hosts.list[1].path, "/d/more/one");
	assert_int_equal(hosts.list[1].line, 2);
	assert_string_equal(hosts.list[2].path, "/d/more/one");
	assert_string_equal(hosts.list[3].path, "/d/more/dir/2.conf");
	assert_null(hosts.list[3].ca);
	assert_true(hosts.list[3].passphrase);
	pga_server_hosts_free(&hosts);
	assert_int_equal(parse_all(&hosts, files + 10), 0); /* it is not there */
	assert_int_equal(hosts.count, 0);
	pga_server_hosts_free(&hosts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_name_has_its_line),
	    cmocka_unit_test(whoever_names_none_of_them_is_another),
	    cmocka_unit_test(what_is_no_line_is_told),
	    cmocka_unit_test(what_is_included_counts_where_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
