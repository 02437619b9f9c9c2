/* preload/daemons.h: of which services a drop-in would promise too much, and what is told of each.
 */
#include "cmocka_start.h"
#include "failing.h"
#include "directory.h"

#include "preload/daemons.h"
#include "preload/known.h"

#include <sys/stat.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* A service, and a part of what is told of it; NULL: nothing is known. */
static const struct {
	const char *unit;
	const char *why;
	bool refused;
} services[] = {
    {"postfix", "master(8)", true},
    {"postfix.service", "master(8)", true},
    {"postfix@-.service", "master(8)", true},
    {"dovecot.service", "auth among them", true},
    {"cron", "its jobs", true},
    {"crond.service", "its jobs", true},
    {"cronie.service", "its jobs", true},
    {"atd.service", "somebody asked for it", true},
    {"exim.service", "set-user-ID", true},
    {"exim4.service", "set-user-ID", true},
    {"ssh.service", "a session has", true},
    {"sshd@7-192.0.2.1:22.service", "a session has", true},
    {"gdm", "a session has", true},
    {"gdm3", "a session has", true},
    {"lightdm", "a session has", true},
    {"sddm", "a session has", true},
    {"lxdm", "a session has", true},
    {"xdm", "a session has", true},
    {"display-manager.service", "a session has", true},
    {"getty@tty1.service", "a session has", true},
    {"serial-getty@ttyS0.service", "a session has", true},
    {"docker.service", "a container has", true},
    {"containerd.service", "a container has", true},
    {"podman.service", "a container has", true},
    {"apache2.service", "CGI programs", false},
    {"apache2@second.service", "CGI programs", false},
    {"httpd.service", "CGI programs", false},
    {"php-fpm.service", "clear_env", false},
    {"php8.2-fpm.service", "clear_env", false},
    {"pgbouncer.service", "speaks PostgreSQL's protocol itself", true},
    {"pgbouncer@second.service", "speaks PostgreSQL's protocol itself", true},
    {"pgpool2.service", "speaks PostgreSQL's protocol itself", true},
    {"pgpool2", "speaks PostgreSQL's protocol itself", true},
    {"nginx.service", NULL, false},
    {"cron.timer", NULL, false},
    {"crontab.service", NULL, false},
    {"anacron.service", NULL, false},
    {"cron.service@x.service", NULL, false},
    {"cron.service.service", NULL, false},
    {"acronservice", NULL, false},
    {"fpm.service", NULL, false},
    {"getty.target", NULL, false},
    {".service", NULL, false},
    {"service", NULL, false},
    {"", NULL, false},
};

static void tells_of_each_service(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(services); i++) {
		const struct pga_daemon *found = pga_find_daemon(services[i].unit, NULL);

		if ((found == NULL) != (services[i].why == NULL))
			fail_msg("%s: %s", services[i].unit,
				 found != NULL ? found->why : "nothing");
		if (found == NULL)
			continue;
		if (strstr(found->why, services[i].why) == NULL ||
		    found->refused != services[i].refused)
			fail_msg("%s: %s (%d)", services[i].unit, found->why, found->refused);
		assert_non_null(found->advice);
	}
}

/* Debian's server is started by a program of Debian's own; elsewhere a drop-in of it holds. */
static void looks_for_the_program_below_the_root(void **state)
{
	const struct pga_daemon *found;

	(void)state;
	assert_null(pga_find_daemon("postgresql@15-main.service", scratch));
	assert_int_equal(mkdir("usr", 0700), 0);
	assert_int_equal(mkdir("usr/bin", 0700), 0);
	put("usr/bin/pg_ctlcluster", "");
	found = pga_find_daemon("postgresql@15-main.service", scratch);
	assert_non_null(found);
	assert_non_null(strstr(found->why, "pg_ctlcluster"));
	assert_true(found->refused);
	/* The others have no such file, there or elsewhere. */
	assert_non_null(pga_find_daemon("postfix.service", scratch));
	/* Another's root is not this machine's. */
	found = pga_find_daemon("postgresql.service", NULL);
	assert_int_equal(found != NULL, access("/usr/bin/pg_ctlcluster", F_OK) == 0);
}

/* Without memory nothing is known of a service. */
static void knows_nothing_without_memory(void **state)
{
	(void)state;
	left = 1;
	assert_null(pga_find_daemon("cron.service", NULL));
	assert_int_equal(left, 0);
	left = 2;
	assert_null(pga_find_daemon("postgresql.service", scratch));
	left = 0;
}

/* Files, by their names alone. */
static void what_names_say(void **state)
{
	static const struct {
		const char *path;
		bool libpq;
		bool gate;
	} libraries[] = {
	    {"/l/libpq.so.5", true, false},
	    {"libpq.so", true, false},
	    {"/l/libpq-0a1b2c.so.5.15", true, false},
	    {"/l/libpq-oauth-18.so", false, false},
	    {"/l/libpq-oauth.so", false, false},
	    {"/l/libpqxx.so", false, false},
	    {"/l/libpq.a", false, false},
	    {"/l/libpq", false, false},
	    {"/libpq.so.5/other.so", false, false},
	    {"/l/xlibpq.so.5", false, false},
	    {"/l/pganchor-gate.so", false, true},
	    {"/l/libpganchor.so.0.0.0", false, true},
	    {"/l/pganchor-gate.txt", false, false},
	    {"/l/pganchor-gates.so", false, false},
	};
	static const char *const speakers[] = {"odyssey",   "pg_doorman", "pgagroal",
					       "pgbouncer", "pgcat",      "pgdog",
					       "pgloader",  "pgpool",     "proxysql"};

	(void)state;
	for (size_t i = 0; i < COUNT(libraries); i++)
		if (pga_is_libpq(libraries[i].path) != libraries[i].libpq ||
		    pga_is_gate(libraries[i].path) != libraries[i].gate)
			fail_msg("%s", libraries[i].path);
	for (size_t i = 0; i < COUNT(speakers); i++) {
		char path[100];

		(void)snprintf(path, sizeof path, "/usr/sbin/%s", speakers[i]);
		assert_non_null(pga_find_speaker(path));
		assert_string_equal(pga_find_speaker(path)->name, speakers[i]);
		assert_ptr_equal(pga_find_speaker(speakers[i]), pga_find_speaker(path));
		assert_non_null(strstr(pga_find_speaker(path)->advice,
				       i == 3 ? "server_tls_sslmode" : "by its own settings"));
		(void)strcat(path, "x");
		assert_null(pga_find_speaker(path));
	}
	assert_null(pga_find_speaker("/usr/bin/psql"));
	assert_string_equal(pga_find_driver("/p/asyncpg/protocol/protocol.cpython-311.so"),
			    "asyncpg");
	assert_string_equal(pga_find_driver("/app/Npgsql.dll"), "Npgsql");
	assert_null(pga_find_driver("/app/other.dll"));
}

/* What LD_PRELOAD may be, and whether a libpq comes before the gate there. */
static const struct {
	const char *preload;
	bool first;
} preloads[] = {
    {"", false},
    {"/lib/libpq.so.5", true},
    {"/lib/liba.so:/lib/libb.so /lib/libpq.so.5", true},
    {"/lib/liba.so /lib/libb.so", false},
    {"/lib/pganchor-gate.so:/lib/libpq.so.5", false},
    {"/lib/liba.so:/lib/libpganchor.so:/lib/libpq.so.5", false},
    {"/lib/libpq.so.5:/lib/pganchor-gate.so", true},
};

static void sees_a_libpq_before_the_gate(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(preloads); i++)
		if (pga_puts_libpq_first(preloads[i].preload) != preloads[i].first)
			fail_msg("%s", preloads[i].preload);
	left = 1;
	assert_false(pga_puts_libpq_first("/lib/libpq.so.5"));
	assert_int_equal(left, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sees_a_libpq_before_the_gate),
	    cmocka_unit_test(what_names_say),
	    cmocka_unit_test(tells_of_each_service),
	    cmocka_unit_test_setup_teardown(looks_for_the_program_below_the_root, make_scratch,
					    remove_scratch),
	    cmocka_unit_test_setup_teardown(knows_nothing_without_memory, make_scratch,
					    remove_scratch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
