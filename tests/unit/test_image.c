/* preload/image.h, preload/daemons.h, preload/session.h: where a path leads to in a directory
 * that will be a root directory, and what is known of a service and of sessions there. */
#include "cmocka_start.h"
#include "directory.h"

#include "preload/daemons.h"
#include "preload/image.h"
#include "preload/session.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* ---- a machine of the test's own ---- */

static struct {
	int domain;
	int type;
	char path[200];
	size_t length;
	bool heard;
	bool none; /* no socket can be made */
	bool zero; /* it is the lowest there is */
} log_socket;

int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode);
int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
int __wrap_connect(int file, const struct sockaddr *address, socklen_t length);

int __wrap_access(const char *path, int mode)
{
	char place[200];

	(void)snprintf(place, sizeof place, "%s%s",
		       strncmp(path, "/run/user/", 10) == 0 ? scratch : "", path);
	return __real_access(place, mode);
}

int __wrap_socket(int domain, int type, int protocol)
{
	log_socket.domain = domain;
	log_socket.type = type;
	assert_int_equal(protocol, 0);
	/* Who was started without a standard input gets that number. */
	if (log_socket.zero)
		(void)close(0);
	return log_socket.none ? -1 : __real_socket(domain, type, protocol);
}

int __wrap_connect(int file, const struct sockaddr *address, socklen_t length)
{
	const struct sockaddr_un *local = (const struct sockaddr_un *)(const void *)address;

	assert_true(log_socket.zero ? file == 0 : file > 2);
	assert_int_equal(local->sun_family, AF_UNIX);
	(void)snprintf(log_socket.path, sizeof log_socket.path, "%s", local->sun_path);
	log_socket.length = length;
	return log_socket.heard ? 0 : -1;
}

static void make_links(void)
{
	static const char *const links[][2] = {
	    {"target", "image/relative"},
	    {"/target", "image/absolute"},
	    {"../../../target", "image/d/up"},
	    {"target/", "image/slash"},
	    {"relative", "image/second"},
	    {"loop", "image/loop"},
	    {"none", "image/dangling"},
	    {"/d", "image/dir"},
	    {"d/./e", "image/dots"},
	    {"/", "image/root"},
	    {"../target", "image/d/e/one"},
	    {"e/file", "image/d/deeper"},
	    {"", NULL},
	};

	assert_int_equal(mkdir("image", 0755) | mkdir("image/d", 0755) | mkdir("image/d/e", 0755),
			 0);
	put("image/target", "");
	put("image/d/e/file", "");
	for (size_t i = 0; links[i][1] != NULL; i++)
		assert_int_equal(symlink(links[i][0], links[i][1]), 0);
}

static void where_a_path_leads(void **state)
{
	static const struct {
		const char *path;
		const char *found; /* behind the image's root; NULL: an error */
		bool linked;
	} cases[] = {
	    {"/", "", false},
	    {"/target", "/target", false},
	    {"//target", "/target", false},
	    {"/./target", "/target", false},
	    {"/d/e/file", "/d/e/file", false},
	    {"/d/../target", "/target", false},
	    {"/d/e/../../target", "/target", false},
	    {"/../../target", "/target", false},
	    {"/relative", "/target", true},
	    {"/absolute", "/target", true},
	    {"/second", "/target", true},
	    {"/slash", "/target", true},
	    {"/d/up", "/target", true},
	    {"/dangling", "/none", true},
	    {"/dir/e/file", "/d/e/file", false},
	    {"/dir", "/d", true},
	    {"/dir/", "/d", true},
	    {"/dots/file", "/d/e/file", false},
	    {"/root/target", "/target", false},
	    {"/root/root/relative", "/target", true},
	    {"/d/e/one", "/d/target", true},
	    {"/d/deeper", "/d/e/file", true},
	    {"/missing/a/../b", "/missing/b", false},
	    {"/loop", NULL, false},
	    {"/target/below", NULL, false},
	};

	(void)state;
	make_links();
	for (int slashes = 0; slashes < 2; slashes++)
		for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
			char root[100];
			char expected[200];
			struct pga_error error;
			bool linked = !cases[i].linked;
			char *found;

			(void)snprintf(root, sizeof root, "%s/image%s", scratch,
				       slashes == 1 ? "//" : "");
			(void)snprintf(expected, sizeof expected, "%s/image%s", scratch,
				       cases[i].found != NULL ? cases[i].found : "");
			found = pga_image_path(root, cases[i].path, &linked, &error);
			if (cases[i].found == NULL) {
				assert_null(found);
				(void)snprintf(expected, sizeof expected,
					       "could not find %s in %s: ", cases[i].path, root);
				assert_memory_equal(error.message, expected, strlen(expected));
				assert_string_equal(
				    error.hint, "see where its links lead to; nothing was changed");
				continue;
			}
			assert_non_null(found);
			if (strcmp(found, expected) != 0 || linked != cases[i].linked)
				fail_msg("%s: %s, %d", cases[i].path, found, linked);
			free(found);
			found = pga_image_path(root, cases[i].path, NULL, &error);
			assert_string_equal(found, expected);
			free(found);
			assert_int_equal(pga_image_has(root, cases[i].path),
					 access(expected, F_OK) == 0);
		}
}

/* As many links as the kernel follows, and one more. */
static void many_links(void **state)
{
	struct pga_error error;
	char name[40];
	char target[40];
	char *found;

	(void)state;
	assert_int_equal(mkdir("image", 0755), 0);
	for (int i = 1; i <= 41; i++) {
		(void)snprintf(name, sizeof name, "image/%d", i);
		(void)snprintf(target, sizeof target, "%d", i - 1);
		assert_int_equal(symlink(target, name), 0);
	}
	found = pga_image_path("image", "/40", NULL, &error);
	assert_string_equal(found, "image/0");
	free(found);
	assert_null(pga_image_path("image", "/41", NULL, &error));
	assert_non_null(strstr(error.message, "Too many levels of symbolic links"));
}

/* Without a root it is the path itself, whatever is there. */
static void without_an_image(void **state)
{
	struct pga_error error;
	bool linked = true;
	char *found = pga_image_path(NULL, "/no/../such/./file", &linked, &error);

	(void)state;
	assert_string_equal(found, "/no/../such/./file");
	assert_false(linked);
	free(found);
	assert_true(pga_image_has(NULL, "/"));
	assert_false(pga_image_has(NULL, "/no/such/file"));
	/* And the machine's own root is one as any other. */
	found = pga_image_path("/", "/no/./such", NULL, &error);
	assert_string_equal(found, "/no/such");
	free(found);
}

/* ---- services ---- */

static void what_is_known_of_services(void **state)
{
	static const struct {
		const char *unit;
		const char *why; /* NULL: nothing */
		bool refused;
	} cases[] = {
	    {"postfix", "master(8)", true},
	    {"postfix.service", "master(8)", true},
	    {"postfix@x.service", "master(8)", true},
	    {"postfix@.service", "master(8)", true},
	    {"postfix.socket", NULL, false},
	    {"xpostfix", NULL, false},
	    {"postfixx.service", NULL, false},
	    {"dovecot", "auth among them", true},
	    {"cron.service", "its jobs", true},
	    {"crond", "its jobs", true},
	    {"cronie", "its jobs", true},
	    {"atd", "a job", true},
	    {"exim", "starts itself anew", true},
	    {"exim4", "starts itself anew", true},
	    {"ssh", "a session", true},
	    {"sshd@1-2.service", "a session", true},
	    {"gdm", "a session", true},
	    {"gdm3", "a session", true},
	    {"lightdm", "a session", true},
	    {"sddm", "a session", true},
	    {"lxdm", "a session", true},
	    {"xdm", "a session", true},
	    {"display-manager", "a session", true},
	    {"getty@tty1.service", "a session", true},
	    {"serial-getty@ttyS0.service", "a session", true},
	    {"docker", "a container", true},
	    {"containerd", "a container", true},
	    {"podman", "a container", true},
	    {"apache2", "CGI", false},
	    {"httpd", "CGI", false},
	    {"php-fpm", "clear_env", false},
	    {"php8.2-fpm.service", "clear_env", false},
	    {"pgbouncer", "protocol itself", true},
	    {"pgbouncer@a.service", "protocol itself", true},
	    {"pgpool2", "protocol itself", true},
	    {"pgpool", "protocol itself", true},
	    {"app", NULL, false},
	    {".service", NULL, false},
	    {"", NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct pga_daemon *daemon = pga_find_daemon(cases[i].unit, scratch);

		if ((daemon == NULL) != (cases[i].why == NULL))
			fail_msg("%s", cases[i].unit);
		if (daemon == NULL)
			continue;
		assert_non_null(strstr(daemon->why, cases[i].why));
		assert_non_null(daemon->advice);
		assert_int_equal(daemon->refused, cases[i].refused);
	}
}

/* Debian's way to start a server, and no other one's. */
static void only_where_the_file_is(void **state)
{
	(void)state;
	assert_null(pga_find_daemon("postgresql.service", scratch));
	assert_int_equal(mkdir("usr", 0755) | mkdir("usr/bin", 0755), 0);
	put("usr/bin/pg_ctlcluster", "");
	assert_non_null(pga_find_daemon("postgresql.service", scratch));
	assert_non_null(pga_find_daemon("postgresql@15-main.service", scratch));
	assert_null(pga_find_daemon("postgres.service", scratch));
	assert_int_equal(pga_find_daemon("postgresql", NULL) != NULL,
			 access("/usr/bin/pg_ctlcluster", F_OK) == 0);
}

/* ---- sessions ---- */

static void a_session_that_runs(void **state)
{
	char path[100];

	(void)state;
	assert_int_equal(setenv("XDG_RUNTIME_DIR", scratch, 1), 0);
	assert_false(pga_user_session_runs());
	assert_int_equal(mkdir("systemd", 0700), 0);
	assert_false(pga_user_session_runs());
	put("systemd/private", "");
	assert_true(pga_user_session_runs());
	/* A relative one does not count, and then it is the usual. */
	for (int there = 0; there < 2; there++) {
		assert_int_equal(setenv("XDG_RUNTIME_DIR", ".", 1), 0);
		assert_int_equal(pga_user_session_runs(), there == 1);
		assert_int_equal(unsetenv("XDG_RUNTIME_DIR"), 0);
		assert_int_equal(pga_user_session_runs(), there == 1);
		if (there == 1)
			break;
		assert_int_equal(mkdir("run", 0700) | mkdir("run/user", 0700), 0);
		(void)snprintf(path, sizeof path, "run/user/%lu", (unsigned long)getuid());
		assert_int_equal(mkdir(path, 0700), 0);
		(void)strcat(path, "/systemd");
		assert_int_equal(mkdir(path, 0700), 0);
		(void)strcat(path, "/private");
		put(path, "");
	}
}

static void who_hears_the_log(void **state)
{
	const int before = dup(0);
	int input;
	int after;

	(void)state;
	(void)close(before);
	for (int heard = 0; heard < 2; heard++) {
		log_socket.heard = heard == 1;
		assert_int_equal(pga_log_is_heard(), heard == 1);
		assert_int_equal(log_socket.domain, AF_UNIX);
		assert_int_equal(log_socket.type, SOCK_DGRAM | SOCK_CLOEXEC);
		assert_string_equal(log_socket.path, "/dev/log");
		assert_int_equal(log_socket.length, sizeof(struct sockaddr_un));
	}
	log_socket.none = true;
	assert_false(pga_log_is_heard());
	log_socket.none = false;
	input = dup(0);
	log_socket.zero = true;
	assert_true(pga_log_is_heard());
	log_socket.zero = false;
	assert_int_equal(dup2(input, 0), 0);
	(void)close(input);
	after = dup(0);
	(void)close(after);
	assert_int_equal(after, before);
}

/* Only where all of it is so. */
static void x_sessions_that_lose_it(void **state)
{
	static const struct {
		const char *options; /* NULL: there is no such file */
		bool script;
		mode_t agent; /* 0: there is none */
		bool lose;
	} x[] = {
	    {"use-ssh-agent\n", true, 02755, true},
	    {"a\n  use-ssh-agent \nb", true, 02755, true},
	    {"\n\n\tuse-ssh-agent\t#", true, 02755, true},
	    {"use-ssh-agent", true, 02755, true},
	    {"use-ssh-agents\n", true, 02755, false},
	    {"xse-ssh-agent\n", true, 02755, false},
	    {"no-such-thing\nuse-ssh-agent\n", true, 02755, true},
	    {"no-use-ssh-agent\n", true, 02755, false},
	    {"# use-ssh-agent\n", true, 02755, false},
	    {"use-ssh-agen\n", true, 02755, false},
	    {"", true, 02755, false},
	    {NULL, true, 02755, false},
	    {"use-ssh-agent\n", false, 02755, false},
	    {"use-ssh-agent\n", true, 0755, false},
	    {"use-ssh-agent\n", true, 0, false},
	};

	(void)state;
	assert_int_equal(mkdir("etc", 0755) | mkdir("etc/X11", 0755) |
			     mkdir("etc/X11/Xsession.d", 0755) | mkdir("usr", 0755) |
			     mkdir("usr/bin", 0755),
			 0);
	for (size_t i = 0; i < sizeof x / sizeof x[0]; i++) {
		(void)unlink("etc/X11/Xsession.options");
		(void)unlink("etc/X11/Xsession.d/90x11-common_ssh-agent");
		(void)unlink("usr/bin/ssh-agent");
		if (x[i].options != NULL)
			put("etc/X11/Xsession.options", x[i].options);
		if (x[i].script)
			put("etc/X11/Xsession.d/90x11-common_ssh-agent", "");
		if (x[i].agent != 0) {
			put("usr/bin/ssh-agent", "");
			assert_int_equal(chmod("usr/bin/ssh-agent", x[i].agent), 0);
		}
		if (pga_x_sessions_lose_preload(scratch) != x[i].lose)
			fail_msg("case %zu", i);
	}
}

static void the_ld_so_of_musl(void **state)
{
	char expected[100];
	char *path;

	(void)state;
	assert_null(pga_find_musl(scratch));
	assert_int_equal(mkdir("lib", 0755), 0);
	put("lib/ld-linux.so.2", "");
	put("lib/ld-musl-x86_64.so.10", "");
	put("lib/xld-musl-x86_64.so.1", "");
	assert_null(pga_find_musl(scratch));
	put("lib/ld-musl-x86_64.so.1", "");
	path = pga_find_musl(scratch);
	(void)snprintf(expected, sizeof expected, "%s/lib/ld-musl-x86_64.so.1", scratch);
	assert_string_equal(path, expected);
	free(path);
	/* Where there are several, any of them. */
	put("lib/ld-musl-i386.so.1", "");
	path = pga_find_musl(scratch);
	assert_int_equal(access(path, F_OK), 0);
	free(path);
}

#define IN_A_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_scratch, remove_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_DIRECTORY(where_a_path_leads),      IN_A_DIRECTORY(many_links),
	    cmocka_unit_test(without_an_image),      IN_A_DIRECTORY(what_is_known_of_services),
	    IN_A_DIRECTORY(only_where_the_file_is),  IN_A_DIRECTORY(a_session_that_runs),
	    IN_A_DIRECTORY(x_sessions_that_lose_it), cmocka_unit_test(who_hears_the_log),
	    IN_A_DIRECTORY(the_ld_so_of_musl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
