/* policy/policy.h: what the lines of the files come to, and what is said of those that are none.
 * The machine's directory is the one that the test runs in. */
#include "cmocka_start.h"

#include "assert_text.h"
#include "default_policy.h"
#include "policy_files.h"
#include "base/text.h"
#include "policy/pins.h"
#include "policy/policy.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The files of the machine's policy, two in policy.d, and the user's; NULL: not there. */
static const struct {
	const char *system, *first, *second, *user;
	const char *expected;
} policies[] = {
    {NULL, NULL, NULL, NULL,
     "mode=enforce trust=pinned unix-socket=allow gss-encryption=refuse public-ca=allow "
     "cancel=allow user-anchors=allow min-tls=1.2 channel-binding=prefer continuity=off "
     "continuity-key=server log=syslog auth=any "
     "places=3 001011101"},
    {"user-anchors = refuse\n", "user-anchors = allow\n", NULL, "user-anchors = allow\n",
     "mode=enforce trust=pinned unix-socket=allow gss-encryption=refuse public-ca=allow "
     "cancel=allow user-anchors=refuse min-tls=1.2 channel-binding=prefer continuity=off "
     "continuity-key=server log=syslog auth=any "
     "places=4 001011100"},
    {"user-anchors = allow\n", NULL, NULL, "user-anchors = refuse\n",
     "mode=enforce trust=pinned unix-socket=allow gss-encryption=refuse public-ca=allow "
     "cancel=allow user-anchors=refuse min-tls=1.2 channel-binding=prefer continuity=off "
     "continuity-key=server log=syslog auth=any "
     "places=3 001011100"},
    {"user-anchors = never\n", NULL, NULL, NULL,
     "/proc/self/cwd/pganchor/policy.conf, line 1: not a value of this key: user-anchors = never | "
     "correct the line; pganchor-policy(5) lists the keys and their values"},
    {"mode = audit\ntrust = verified\nunix-socket = allow\ngss-encryption = allow\npublic-ca = "
     "allow\ncancel = allow\nmin-tls = 1.2\nlog = off\n",
     NULL, NULL, NULL,
     "mode=audit trust=verified unix-socket=allow gss-encryption=allow public-ca=allow "
     "cancel=allow user-anchors=allow min-tls=1.2 channel-binding=prefer continuity=off "
     "continuity-key=server log=off auth=any places=3 "
     "111111111"},
    {"mode=enforce\x0D\ntrust=pinned\x0D\nunix-socket=refuse\x0D\ngss-encryption="
     "refuse\x0D\npublic-ca=refuse\x0D\ncancel=refuse\x0D\nmin-tls=1.3\x0D\nlog=syslog\x0D\n",
     NULL, NULL, NULL,
     "mode=enforce trust=pinned unix-socket=refuse gss-encryption=refuse public-ca=refuse "
     "cancel=refuse user-anchors=allow min-tls=1.3 channel-binding=prefer continuity=off "
     "continuity-key=server log=syslog auth=any "
     "places=3 000000001"},
    {"mode = audit\ntrust = verified\nunix-socket = allow\ngss-encryption = allow\npublic-ca = "
     "allow\ncancel = allow\nmin-tls = 1.2\nlog = off\n",
     "mode=enforce\x0D\ntrust=pinned\x0D\nunix-socket=refuse\x0D\ngss-encryption="
     "refuse\x0D\npublic-ca=refuse\x0D\ncancel=refuse\x0D\nmin-tls=1.3\x0D\nlog=syslog\x0D\n",
     NULL, NULL,
     "mode=enforce trust=pinned unix-socket=refuse gss-encryption=refuse public-ca=refuse "
     "cancel=refuse user-anchors=allow min-tls=1.3 channel-binding=prefer continuity=off "
     "continuity-key=server log=syslog auth=any "
     "places=4 000000001"},
    {"mode=enforce\x0D\ntrust=pinned\x0D\nunix-socket=refuse\x0D\ngss-encryption="
     "refuse\x0D\npublic-ca=refuse\x0D\ncancel=refuse\x0D\nmin-tls=1.3\x0D\nlog=syslog\x0D\n",
     "mode = audit\ntrust = verified\nunix-socket = allow\ngss-encryption = allow\npublic-ca = "
     "allow\ncancel = allow\nmin-tls = 1.2\nlog = off\n",
     NULL, NULL,
     "mode=enforce trust=pinned unix-socket=refuse gss-encryption=refuse public-ca=refuse "
     "cancel=refuse user-anchors=allow min-tls=1.3 channel-binding=prefer continuity=off "
     "continuity-key=server log=syslog auth=any "
     "places=4 000000001"},
    {"mode = audit\ntrust = verified\nunix-socket = allow\ngss-encryption = allow\npublic-ca = "
     "allow\ncancel = allow\nmin-tls = 1.2\nlog = off\n",
     NULL,
     "mode=enforce\x0D\ntrust=pinned\x0D\nunix-socket=refuse\x0D\ngss-encryption="
     "refuse\x0D\npublic-ca=refuse\x0D\ncancel=refuse\x0D\nmin-tls=1.3\x0D\nlog=syslog\x0D\n",
     NULL,
     "mode=enforce trust=pinned unix-socket=refuse gss-encryption=refuse public-ca=refuse "
     "cancel=refuse user-anchors=allow min-tls=1.3 channel-binding=prefer continuity=off "
     "continuity-key=server log=syslog auth=any "
     "places=4 000000001"},
    {"mode = audit\ntrust = verified\nunix-socket = allow\ngss-encryption = allow\npublic-ca = "
     "allow\ncancel = allow\nmin-tls = 1.2\nlog = off\n",
     NULL, NULL,
     "mode=enforce\x0D\ntrust=pinned\x0D\nunix-socket=refuse\x0D\ngss-encryption="
     "refuse\x0D\npublic-ca=refuse\x0D\ncancel=refuse\x0D\nmin-tls=1.3\x0D\nlog=syslog\x0D\n",
     "mode=enforce trust=pinned unix-socket=refuse gss-encryption=refuse public-ca=refuse "
     "cancel=refuse user-anchors=allow min-tls=1.3 channel-binding=prefer continuity=off "
     "continuity-key=server log=syslog auth=any "
     "places=3 000000001"},
    {NULL, NULL, NULL,
     "mode = audit\ntrust = verified\nunix-socket = allow\ngss-encryption = allow\npublic-ca = "
     "allow\ncancel = allow\nmin-tls = 1.2\nlog = off\n",
     "mode=audit trust=verified unix-socket=allow gss-encryption=allow public-ca=allow "
     "cancel=allow user-anchors=allow min-tls=1.2 channel-binding=prefer continuity=off "
     "continuity-key=server log=off auth=any places=3 "
     "111111111"},
    {NULL, NULL,
     "mode = audit\ntrust = verified\nunix-socket = allow\ngss-encryption = allow\npublic-ca = "
     "allow\ncancel = allow\nmin-tls = 1.2\nlog = off\n",
     NULL,
     "mode=audit trust=verified unix-socket=allow gss-encryption=allow public-ca=allow "
     "cancel=allow user-anchors=allow min-tls=1.2 channel-binding=prefer continuity=off "
     "continuity-key=server log=off auth=any places=4 "
     "111111111"},
    {"mode = audit\ntrust = verified\nunix-socket = allow\ngss-encryption = allow\npublic-ca = "
     "allow\ncancel = allow\nmin-tls = 1.2\nlog = off\n",
     "mode = audit\ntrust = verified\nunix-socket = allow\ngss-encryption = allow\npublic-ca = "
     "allow\ncancel = allow\nmin-tls = 1.2\nlog = off\n",
     "mode = audit\ntrust = verified\nunix-socket = allow\ngss-encryption = allow\npublic-ca = "
     "allow\ncancel = allow\nmin-tls = 1.2\nlog = off\n",
     "mode = audit\ntrust = verified\nunix-socket = allow\ngss-encryption = allow\npublic-ca = "
     "allow\ncancel = allow\nmin-tls = 1.2\nlog = off\n",
     "mode=audit trust=verified unix-socket=allow gss-encryption=allow public-ca=allow "
     "cancel=allow user-anchors=allow min-tls=1.2 channel-binding=prefer continuity=off "
     "continuity-key=server log=off auth=any places=5 "
     "111111111"},
    {"", "", "", "",
     "mode=enforce trust=pinned unix-socket=allow gss-encryption=refuse public-ca=allow "
     "cancel=allow user-anchors=allow min-tls=1.2 channel-binding=prefer continuity=off "
     "continuity-key=server log=syslog auth=any "
     "places=5 001011101"},
    {"# c\n\n  mode = audit  \n", NULL, NULL, NULL,
     "mode=audit trust=pinned unix-socket=allow gss-encryption=refuse public-ca=allow cancel=allow "
     "user-anchors=allow min-tls=1.2 channel-binding=prefer continuity=off continuity-key=server "
     "log=syslog auth=any places=3 "
     "101011101"},
    {"mode\n", NULL, NULL, NULL,
     "/proc/self/cwd/pganchor/policy.conf, line 1: not a line of the form key = value: mode | "
     "correct the line; pganchor-policy(5) lists the keys and their values"},
    {"[x]\n", NULL, NULL, NULL,
     "/proc/self/cwd/pganchor/policy.conf, line 1: not a line of the form key = value: [x] | "
     "correct the line; pganchor-policy(5) lists the keys and their values"},
    {"mode =\n", NULL, NULL, NULL,
     "/proc/self/cwd/pganchor/policy.conf, line 1: not a value of this key: mode = | correct the "
     "line; pganchor-policy(5) lists the keys and their values"},
    {"mode = Audit\x0D\n", NULL, NULL, NULL,
     "/proc/self/cwd/pganchor/policy.conf, line 1: not a value of this key: mode = Audit | correct "
     "the line; pganchor-policy(5) lists the keys and their values"},
    {"\n\nmoode = audit\n", NULL, NULL, NULL,
     "/proc/self/cwd/pganchor/policy.conf, line 3: no such key: moode | correct the line; "
     "pganchor-policy(5) lists the keys and their values"},
    {"mode = audit\nmode = audit\n", NULL, NULL, NULL,
     "/proc/self/cwd/pganchor/policy.conf, line 2: set twice in one file: mode | correct the line; "
     "pganchor-policy(5) lists the keys and their values"},
    {"mode = audit\ntrust = verified\nmode = enforce\n", NULL, NULL, NULL,
     "/proc/self/cwd/pganchor/policy.conf, line 3: set twice in one file: mode | correct the line; "
     "pganchor-policy(5) lists the keys and their values"},
    {"allow-weak = a\nallow-weak = a\n", NULL, NULL, NULL,
     "/proc/self/cwd/pganchor/policy.conf, line 2: set twice in one file: allow-weak | correct the "
     "line; pganchor-policy(5) lists the keys and their values"},
    {"allow-weak = a *.c\n", NULL, NULL, NULL,
     "mode=enforce trust=pinned unix-socket=allow gss-encryption=refuse public-ca=allow "
     "cancel=allow user-anchors=allow min-tls=1.2 channel-binding=prefer continuity=off "
     "continuity-key=server log=syslog auth=any "
     "exempt=a exempt=x.c "
     "places=3 001011101"},
    {"allow-weak = a b\n", "allow-weak = b *.c\n", NULL, NULL,
     "mode=enforce trust=pinned unix-socket=allow gss-encryption=refuse public-ca=allow "
     "cancel=allow user-anchors=allow min-tls=1.2 channel-binding=prefer continuity=off "
     "continuity-key=server log=syslog auth=any "
     "exempt=b places=4 "
     "001011101"},
    {"allow-weak = *\n", NULL, NULL, "allow-weak = a\n",
     "mode=enforce trust=pinned unix-socket=allow gss-encryption=refuse public-ca=allow "
     "cancel=allow user-anchors=allow min-tls=1.2 channel-binding=prefer continuity=off "
     "continuity-key=server log=syslog auth=any "
     "exempt=a places=3 "
     "001011101"},
    {"allow-weak = a\n", NULL, NULL, "allow-weak = *\n",
     "mode=enforce trust=pinned unix-socket=allow gss-encryption=refuse public-ca=allow "
     "cancel=allow user-anchors=allow min-tls=1.2 channel-binding=prefer continuity=off "
     "continuity-key=server log=syslog auth=any "
     "exempt=a places=3 "
     "001011101"},
    {"allow-weak = a\n", "allow-weak = a\n", NULL, "allow-weak = b\n",
     "mode=enforce trust=pinned unix-socket=allow gss-encryption=refuse public-ca=allow "
     "cancel=allow user-anchors=allow min-tls=1.2 channel-binding=prefer continuity=off "
     "continuity-key=server log=syslog auth=any "
     "places=4 001011101"},
    {"allow-weak =\n", NULL, NULL, NULL,
     "mode=enforce trust=pinned unix-socket=allow gss-encryption=refuse public-ca=allow "
     "cancel=allow user-anchors=allow min-tls=1.2 channel-binding=prefer continuity=off "
     "continuity-key=server log=syslog auth=any "
     "places=3 001011101"},
    {"allow-weak = a 10.0.0.0/8 b\n", NULL, NULL, NULL,
     "/proc/self/cwd/pganchor/policy.conf, line 1: neither *, *.DOMAIN, a host name nor an "
     "address: 10.0.0.0/8 | correct the line; pganchor-policy(5) lists the keys and their values"},
    {"allow-weak = db:5432\n", NULL, NULL, NULL,
     "/proc/self/cwd/pganchor/policy.conf, line 1: neither *, *.DOMAIN, a host name nor an "
     "address: db:5432 | correct the line; pganchor-policy(5) lists the keys and their values"},
    {NULL, "nonsense\n", NULL, NULL,
     "/proc/self/cwd/pganchor/policy.d/10.conf, line 1: not a line of the form key = value: "
     "nonsense | correct the line; pganchor-policy(5) lists the keys and their values"},
    {NULL, NULL, "mode = x\n", NULL,
     "/proc/self/cwd/pganchor/policy.d/20.conf, line 1: not a value of this key: mode = x | "
     "correct the line; pganchor-policy(5) lists the keys and their values"},
    {NULL, NULL, NULL, "x = y\n",
     "~/user/pganchor/policy.conf, line 1: no such key: x | correct the line; pganchor-policy(5) "
     "lists the keys and their values"},
    {"mode = audit\n", "mode = nothing\n", "x\n", "y\n",
     "/proc/self/cwd/pganchor/policy.d/10.conf, line 1: not a value of this key: mode = nothing | "
     "correct the line; pganchor-policy(5) lists the keys and their values"},
    {"continuity = warn\n", "continuity-key = issuer\n", "continuity = off\n",
     "continuity = require\ncontinuity-key = server\n",
     "mode=enforce trust=pinned unix-socket=allow gss-encryption=refuse public-ca=allow "
     "cancel=allow user-anchors=allow min-tls=1.2 channel-binding=prefer continuity=require "
     "continuity-key=server log=syslog auth=any places=5 001011101"},
    {"continuity = warn\ncontinuity-key = issuer\n", NULL, NULL, "continuity = off\n",
     "mode=enforce trust=pinned unix-socket=allow gss-encryption=refuse public-ca=allow "
     "cancel=allow user-anchors=allow min-tls=1.2 channel-binding=prefer continuity=warn "
     "continuity-key=issuer log=syslog auth=any places=3 001011101"},
    {"channel-binding = prefer\nauth = gss, md5 scram-sha-256,,none\n",
     "channel-binding = require\nauth = any\n", NULL, "auth = none scram-sha-256 oauth\n",
     "mode=enforce trust=pinned unix-socket=allow gss-encryption=refuse public-ca=allow "
     "cancel=allow user-anchors=allow min-tls=1.2 channel-binding=require continuity=off "
     "continuity-key=server log=syslog "
     "auth=scram-sha-256,none places=4 "
     "001011101"},
    {"auth = password,md5,gss,sspi,scram-sha-256,oauth,none\n", NULL, NULL, NULL,
     "mode=enforce trust=pinned unix-socket=allow gss-encryption=refuse public-ca=allow "
     "cancel=allow user-anchors=allow min-tls=1.2 channel-binding=prefer continuity=off "
     "continuity-key=server log=syslog "
     "auth=password,md5,gss,sspi,scram-sha-256,oauth,none places=3 001011101"},
    {"auth = md5\n", "auth = gss\n", NULL, NULL,
     "mode=enforce trust=pinned unix-socket=allow gss-encryption=refuse public-ca=allow "
     "cancel=allow user-anchors=allow min-tls=1.2 channel-binding=prefer continuity=off "
     "continuity-key=server log=syslog auth=no method "
     "in common places=4 "
     "001011101"},
    {"auth = md5, !gss\n", NULL, NULL, NULL,
     "/proc/self/cwd/pganchor/policy.conf, line 1: auth says which methods are good, and not which "
     "are none: !gss | correct the line; pganchor-policy(5) lists the keys and their values"},
    {"auth = ,\n", NULL, NULL, NULL,
     "/proc/self/cwd/pganchor/policy.conf, line 1: not a method of authentication, as libpq's "
     "require_auth has them: , | correct the line; pganchor-policy(5) lists the keys and their "
     "values"},
    {"auth = md\n", NULL, NULL, NULL,
     "/proc/self/cwd/pganchor/policy.conf, line 1: not a method of authentication, as libpq's "
     "require_auth has them: md | correct the line; pganchor-policy(5) lists the keys and their "
     "values"},
    {"auth = md5\n\nauth = md5\n", NULL, NULL, NULL,
     "/proc/self/cwd/pganchor/policy.conf, line 3: set twice in one file: auth | correct the line; "
     "pganchor-policy(5) lists the keys and their values"},
    {"min-tls = 1.2 \nlog = off", NULL, NULL, NULL,
     "mode=enforce trust=pinned unix-socket=allow gss-encryption=refuse public-ca=allow "
     "cancel=allow user-anchors=allow min-tls=1.2 channel-binding=prefer continuity=off "
     "continuity-key=server log=off auth=any places=3 "
     "001011111"},
};

static void add_policy(struct pga_text *text, const struct pga_policy *policy)
{
	static const char *const hosts[] = {"a", "b", "x.c"};
	const char *value;
	const char *key;

	for (size_t i = 0; (key = pga_policy_key(policy, i, &value)) != NULL; i++)
		pga_text_addf(text, "%s=%s ", key, value);
	for (size_t i = 0; i < 3; i++)
		if (pga_policy_exempts(policy, hosts[i]))
			pga_text_addf(text, "exempt=%s ", hosts[i]);
	pga_text_addf(text, "places=%zu",
		      policy->systems.count + (policy->user.path != NULL ? 1 : 0));
	/* The fields are what the keys tell, and what is judged by. */
	pga_text_addf(text, " %d%d%d%d%d%d%d%d%d", (int)policy->mode, (int)policy->trust,
		      (int)policy->unix_socket, (int)policy->gss_encryption, (int)policy->public_ca,
		      (int)policy->cancel, (int)policy->min_tls, (int)policy->log,
		      (int)policy->user_anchors);
}

/* A policy that nobody can have made has no word for it. */
static void what_no_word_stands_for(void **state)
{
	struct pga_policy policy;
	const char *value;
	size_t count = 0;

	(void)state;
	memset(&policy, 0x55, sizeof policy);
	policy.auth[0] = '\0';
	for (value = "x"; pga_policy_key(&policy, count, &value) != NULL; value = "x", count++)
		assert_string_equal(value, "");
	assert_string_equal(value, "x");
	assert_int_equal(count, 13);
}

static void what_the_policys_files_come_to(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
		struct pga_text text = PGA_TEXT_EMPTY;
		struct pga_policy policy;
		struct pga_error error = {.message = ""};

		put("pganchor/policy.conf", policies[i].system);
		put("pganchor/policy.d/10.conf", policies[i].first);
		put("pganchor/policy.d/20.conf", policies[i].second);
		put("user/pganchor/policy.conf", policies[i].user);
		if (pga_policy_load(&policy, &error) == 0)
			add_policy(&text, &policy);
		else
			add_error(&text, &error);
		assert_text(&text, policies[i].expected);
		pga_policy_free(&policy);
	}
}

/* What the other units judge by is what is so without a file, key for key. */
static void the_default_of_the_other_units(void **state)
{
	const struct pga_policy assumed = DEFAULT_POLICY;
	struct pga_policy policy;
	struct pga_error error;
	const char *value;
	const char *expected;
	const char *key;

	(void)state;
	begin_with_nothing();
	assert_int_equal(pga_policy_load(&policy, &error), 0);
	for (size_t i = 0; (key = pga_policy_key(&policy, i, &value)) != NULL; i++) {
		assert_string_equal(pga_policy_key(&assumed, i, &expected), key);
		/* How a list is shown is made as it is loaded. */
		if (strcmp(key, "auth") != 0)
			assert_string_equal(expected, value);
	}
	assert_int_equal(assumed.auth_refused, policy.auth_refused);
	pga_policy_free(&policy);
}

static enum pga_mode mode_now(void)
{
	struct pga_policy policy;
	struct pga_error error;
	enum pga_mode mode;

	assert_int_equal(pga_policy_load(&policy, &error), 0);
	mode = policy.mode;
	pga_policy_free(&policy);
	return mode;
}

static void which_files_of_the_directory_count(void **state)
{
	static const char *const others[] = {".hidden.conf", ".conf", "policy.conf~", "conf",
					     "aconf"};
	char path[64];

	(void)state;
	begin_with_nothing();
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		(void)snprintf(path, sizeof path, "pganchor/policy.d/%s", others[i]);
		put(path, "mode = audit\n");
		assert_int_equal(mode_now(), PGA_MODE_ENFORCE);
		put(path, NULL);
	}
	put("pganchor/policy.d/a.conf", "mode = audit\n");
	assert_int_equal(mode_now(), PGA_MODE_AUDIT);
	put("pganchor/policy.d/a.conf", NULL);
	/* A directory that is not there says nothing, and neither does one without a file. */
	assert_int_equal(rmdir("pganchor/policy.d"), 0);
	assert_int_equal(mode_now(), PGA_MODE_ENFORCE);
	put("pganchor/policy.conf", "mode = audit\n");
	assert_int_equal(mode_now(), PGA_MODE_AUDIT);
	put("pganchor/policy.conf", NULL);
	/* What is no directory refuses. */
	put("pganchor/policy.d", "");
	{
		struct pga_policy policy;
		struct pga_error error;

		assert_int_equal(pga_policy_load(&policy, &error), -1);
		assert_string_equal(
		    error.message,
		    "could not read /proc/self/cwd/pganchor/policy.d: Not a directory");
		pga_policy_free(&policy);
	}
	put("pganchor/policy.d", NULL);
	assert_int_equal(mkdir("pganchor/policy.d", 0755), 0);
}

static bool is_refused(void)
{
	struct pga_policy policy;
	struct pga_error error;
	const bool refused = pga_policy_load(&policy, &error) != 0;

	assert_true(!refused || strstr(error.message, "can be written by") != NULL);
	pga_policy_free(&policy);
	return refused;
}

static void what_others_could_write_is_no_policy(void **state)
{
	static const char *const places[] = {"pganchor", "pganchor/policy.conf",
					     "pganchor/policy.d", "pganchor/policy.d/10.conf"};

	(void)state;
	begin_with_nothing();
	put("pganchor/policy.conf", "");
	put("pganchor/policy.d/10.conf", "");
	assert_false(is_refused());
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		const mode_t mode = i % 2 == 0 ? 0755 : 0644;

		assert_int_equal(chmod(places[i], mode | S_IWOTH), 0);
		assert_true(is_refused());
		/* The sticky bit protects what is in a directory, and no file. */
		assert_int_equal(chmod(places[i], mode | S_IWOTH | S_ISVTX), 0);
		assert_int_equal(is_refused(), i % 2 != 0);
		assert_int_equal(chmod(places[i], mode), 0);
		assert_false(is_refused());
	}
}

static void what_has_changed_is_not_fresh(void **state)
{
	static const char *const places[] = {"pganchor/policy.conf", "pganchor/policy.d/10.conf",
					     "user/pganchor/policy.conf"};

	(void)state;
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		struct pga_policy policy;
		struct pga_error error;

		begin_with_nothing();
		assert_int_equal(pga_policy_load(&policy, &error), 0);
		put(places[i], "mode = audit\n");
		assert_false(pga_policy_is_fresh(&policy));
		pga_policy_free(&policy);
	}
	begin_with_nothing();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_no_word_stands_for),
	    cmocka_unit_test(what_the_policys_files_come_to),
	    cmocka_unit_test(the_default_of_the_other_units),
	    cmocka_unit_test(which_files_of_the_directory_count),
	    cmocka_unit_test(what_others_could_write_is_no_policy),
	    cmocka_unit_test(what_has_changed_is_not_fresh),
	};

	return cmocka_run_group_tests(tests, make_directories, remove_directories);
}
