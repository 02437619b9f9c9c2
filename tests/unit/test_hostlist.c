/* policy/hostlist.h: libpq's lists of hosts, addresses and ports, as one host after the other. */
#include "failing.h"

#include "policy/hostlist.h"

#include <stdio.h>

static const struct row {
	const char *host;
	const char *hostaddr;
	const char *port;
	const char *hosts; /* "NAME ADDRESS PORT LABEL" of each, "!" behind a local one */
} rows[] = {
    {NULL, NULL, NULL, "[   ]!"},
    {"", "", "", "[   ]!"},
    {"a", "", "5", "[a  5 a]"},
    {"a,b", "", "5", "[a  5 a][b  5 b]"},
    {"a,b", NULL, "5,6", "[a  5 a][b  6 b]"},
    {"a,b,c", "", "5,6", "[a  5 a][b  6 b][c   c]"},
    {"a,,c", "", ",,7", "[a   a][   ]![c  7 c]"},
    {"a,b", "1.1.1.1,2.2.2.2", NULL, "[a 1.1.1.1  a][b 2.2.2.2  b]"},
    {"", "1.1.1.1,2.2.2.2", "5", "[ 1.1.1.1 5 1.1.1.1][ 2.2.2.2 5 2.2.2.2]"},
    {NULL, "::1", "5", "[ ::1 5 ::1]"},
    /* The addresses say how many there are. */
    {"a", "1.1.1.1,2.2.2.2", "5", "[a 1.1.1.1 5 a][ 2.2.2.2 5 2.2.2.2]"},
    {"a,b", "1.1.1.1", "5", "[a 1.1.1.1 5 a]"},
    {"/run,@x,b", "", "5", "[/run  5 /run]![@x  5 @x]![b  5 b]"},
    {"/run", "1.1.1.1", "5", "[/run 1.1.1.1 5 /run]"},
    {",", ",", ",", "[   ]![   ]!"},
    {"a,", "", "5,", "[a  5 a][   ]!"},
};

static const struct row *row;

static int split(struct pga_error *error)
{
	struct pga_hosts hosts;
	char text[512] = "";
	const long number = left;

	memset(&hosts, 'x', sizeof hosts);
	if (pga_hosts_split(row->host, row->hostaddr, row->port, &hosts, error) != 0) {
		assert_null(hosts.items);
		assert_int_equal(hosts.count, 0);
		return -1;
	}
	left = 0;
	for (size_t i = 0; i < hosts.count; i++) {
		const struct pga_host *host = &hosts.items[i];
		const size_t length = strlen(text);

		(void)snprintf(text + length, sizeof text - length, "[%s %s %s %s]%s", host->name,
			       host->address, host->port, pga_host_label(host),
			       host->local ? "!" : "");
	}
	assert_string_equal(text, row->hosts);
	pga_hosts_free(&hosts);
	assert_null(hosts.items);
	assert_int_equal(hosts.count, 0);
	left = number;
	return 0;
}

static void one_host_after_the_other(void **state)
{
	(void)state;
	for (row = rows; row < rows + sizeof rows / sizeof rows[0]; row++)
		without_each(split, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_host_after_the_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
