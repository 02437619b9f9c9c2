/* policy/policy.h, policy/pins.h: what the lines of the files come to, and what is said of those
 * that are none. The machine's directory is the one that the test runs in. */
#include "cmocka_start.h"

#include "assert_text.h"
#include "base/text.h"
#include "policy/pins.h"
#include "policy/policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
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
     "cancel=allow min-tls=1.2 log=syslog places=3 00101110"},
    {"mode = audit\ntrust = verified\nunix-socket = allow\ngss-encryption = allow\npublic-ca = "
     "allow\ncancel = allow\nmin-tls = 1.2\nlog = off\n",
     NULL, NULL, NULL,
     "mode=audit trust=verified unix-socket=allow gss-encryption=allow public-ca=allow "
     "cancel=allow min-tls=1.2 log=off places=3 11111111"},
    {"mode=enforce\x0D\ntrust=pinned\x0D\nunix-socket=refuse\x0D\ngss-encryption="
     "refuse\x0D\npublic-ca=refuse\x0D\ncancel=refuse\x0D\nmin-tls=1.3\x0D\nlog=syslog\x0D\n",
     NULL, NULL, NULL,
     "mode=enforce trust=pinned unix-socket=refuse gss-encryption=refuse public-ca=refuse "
     "cancel=refuse min-tls=1.3 log=syslog places=3 00000000"},
    {"mode = audit\ntrust = verified\nunix-socket = allow\ngss-encryption = allow\npublic-ca = "
     "allow\ncancel = allow\nmin-tls = 1.2\nlog = off\n",
     "mode=enforce\x0D\ntrust=pinned\x0D\nunix-socket=refuse\x0D\ngss-encryption="
     "refuse\x0D\npublic-ca=refuse\x0D\ncancel=refuse\x0D\nmin-tls=1.3\x0D\nlog=syslog\x0D\n",
     NULL, NULL,
     "mode=enforce trust=pinned unix-socket=refuse gss-encryption=refuse public-ca=refuse "
     "cancel=refuse min-tls=1.3 log=syslog places=4 00000000"},
    {"mode=enforce\x0D\ntrust=pinned\x0D\nunix-socket=refuse\x0D\ngss-encryption="
     "refuse\x0D\npublic-ca=refuse\x0D\ncancel=refuse\x0D\nmin-tls=1.3\x0D\nlog=syslog\x0D\n",
     "mode = audit\ntrust = verified\nunix-socket = allow\ngss-encryption = allow\npublic-ca = "
     "allow\ncancel = allow\nmin-tls = 1.2\nlog = off\n",
     NULL, NULL,
     "mode=enforce trust=pinned unix-socket=refuse gss-encryption=refuse public-ca=refuse "
     "cancel=refuse min-tls=1.3 log=syslog places=4 00000000"},
    {"mode = audit\ntrust = verified\nunix-socket = allow\ngss-encryption = allow\npublic-ca = "
     "allow\ncancel = allow\nmin-tls = 1.2\nlog = off\n",
     NULL,
     "mode=enforce\x0D\ntrust=pinned\x0D\nunix-socket=refuse\x0D\ngss-encryption="
     "refuse\x0D\npublic-ca=refuse\x0D\ncancel=refuse\x0D\nmin-tls=1.3\x0D\nlog=syslog\x0D\n",
     NULL,
     "mode=enforce trust=pinned unix-socket=refuse gss-encryption=refuse public-ca=refuse "
     "cancel=refuse min-tls=1.3 log=syslog places=4 00000000"},
    {"mode = audit\ntrust = verified\nunix-socket = allow\ngss-encryption = allow\npublic-ca = "
     "allow\ncancel = allow\nmin-tls = 1.2\nlog = off\n",
     NULL, NULL,
     "mode=enforce\x0D\ntrust=pinned\x0D\nunix-socket=refuse\x0D\ngss-encryption="
     "refuse\x0D\npublic-ca=refuse\x0D\ncancel=refuse\x0D\nmin-tls=1.3\x0D\nlog=syslog\x0D\n",
     "mode=enforce trust=pinned unix-socket=refuse gss-encryption=refuse public-ca=refuse "
     "cancel=refuse min-tls=1.3 log=syslog places=3 00000000"},
    {NULL, NULL, NULL,
     "mode = audit\ntrust = verified\nunix-socket = allow\ngss-encryption = allow\npublic-ca = "
     "allow\ncancel = allow\nmin-tls = 1.2\nlog = off\n",
     "mode=audit trust=verified unix-socket=allow gss-encryption=allow public-ca=allow "
     "cancel=allow min-tls=1.2 log=off places=3 11111111"},
    {NULL, NULL,
     "mode = audit\ntrust = verified\nunix-socket = allow\ngss-encryption = allow\npublic-ca = "
     "allow\ncancel = allow\nmin-tls = 1.2\nlog = off\n",
     NULL,
     "mode=audit trust=verified unix-socket=allow gss-encryption=allow public-ca=allow "
     "cancel=allow min-tls=1.2 log=off places=4 11111111"},
    {"mode = audit\ntrust = verified\nunix-socket = allow\ngss-encryption = allow\npublic-ca = "
     "allow\ncancel = allow\nmin-tls = 1.2\nlog = off\n",
     "mode = audit\ntrust = verified\nunix-socket = allow\ngss-encryption = allow\npublic-ca = "
     "allow\ncancel = allow\nmin-tls = 1.2\nlog = off\n",
     "mode = audit\ntrust = verified\nunix-socket = allow\ngss-encryption = allow\npublic-ca = "
     "allow\ncancel = allow\nmin-tls = 1.2\nlog = off\n",
     "mode = audit\ntrust = verified\nunix-socket = allow\ngss-encryption = allow\npublic-ca = "
     "allow\ncancel = allow\nmin-tls = 1.2\nlog = off\n",
     "mode=audit trust=verified unix-socket=allow gss-encryption=allow public-ca=allow "
     "cancel=allow min-tls=1.2 log=off places=5 11111111"},
    {"", "", "", "",
     "mode=enforce trust=pinned unix-socket=allow gss-encryption=refuse public-ca=allow "
     "cancel=allow min-tls=1.2 log=syslog places=5 00101110"},
    {"# c\n\n  mode = audit  \n", NULL, NULL, NULL,
     "mode=audit trust=pinned unix-socket=allow gss-encryption=refuse public-ca=allow cancel=allow "
     "min-tls=1.2 log=syslog places=3 10101110"},
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
     "cancel=allow min-tls=1.2 log=syslog exempt=a exempt=x.c places=3 00101110"},
    {"allow-weak = a b\n", "allow-weak = b *.c\n", NULL, NULL,
     "mode=enforce trust=pinned unix-socket=allow gss-encryption=refuse public-ca=allow "
     "cancel=allow min-tls=1.2 log=syslog exempt=b places=4 00101110"},
    {"allow-weak = *\n", NULL, NULL, "allow-weak = a\n",
     "mode=enforce trust=pinned unix-socket=allow gss-encryption=refuse public-ca=allow "
     "cancel=allow min-tls=1.2 log=syslog exempt=a places=3 00101110"},
    {"allow-weak = a\n", NULL, NULL, "allow-weak = *\n",
     "mode=enforce trust=pinned unix-socket=allow gss-encryption=refuse public-ca=allow "
     "cancel=allow min-tls=1.2 log=syslog exempt=a places=3 00101110"},
    {"allow-weak = a\n", "allow-weak = a\n", NULL, "allow-weak = b\n",
     "mode=enforce trust=pinned unix-socket=allow gss-encryption=refuse public-ca=allow "
     "cancel=allow min-tls=1.2 log=syslog places=4 00101110"},
    {"allow-weak =\n", NULL, NULL, NULL,
     "mode=enforce trust=pinned unix-socket=allow gss-encryption=refuse public-ca=allow "
     "cancel=allow min-tls=1.2 log=syslog places=3 00101110"},
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
    {"min-tls = 1.2 \nlog = off", NULL, NULL, NULL,
     "mode=enforce trust=pinned unix-socket=allow gss-encryption=refuse public-ca=allow "
     "cancel=allow min-tls=1.2 log=off places=3 00101111"},
};

static const struct {
	const char *lines;
	const char *expected;
} pins[] = {
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\n",
     "1:a:0000::*:root.crt: "},
    {"# c\n\n[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\nsource = "
     "https://x\nhosts = *.b c\nscope = scoped\npinned = 2026\nsubject = s\nnot-after = "
     "n\n[b]\npin = 00000000000000000000000000000000000000000000000000000000000000bb\nscope = "
     "root.crt\n",
     "3:a:0000:https://x:*.b c:scoped:2026 11:b:0000::*:root.crt: "},
    {"", "f: there is no anchor in it: was it cut short? | put its sections back, or remove the "
	 "file: then no root is pinned, and pganchor bootstrap pins them anew"},
    {"\n# c\n", "f: there is no anchor in it: was it cut short? | put its sections back, or remove "
		"the file: then no root is pinned, and pganchor bootstrap pins them anew"},
    {"[a]\n", "f, line 1: a section without a pin: a | correct the line, or remove the anchor's "
	      "section and run pganchor bootstrap again"},
    {"[a]\n[b]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\n",
     "f, line 1: a section without a pin: a | correct the line, or remove the anchor's section and "
     "run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\n[b]\n",
     "f, line 3: a section without a pin: b | correct the line, or remove the anchor's section and "
     "run pganchor bootstrap again"},
    {"pin = 00000000000000000000000000000000000000000000000000000000000000aa\n",
     "f, line 1: a setting before any [NAME]: pin | correct the line, or remove the anchor's "
     "section and run pganchor bootstrap again"},
    {"hosts = a\n", "f, line 1: a setting before any [NAME]: hosts | correct the line, or remove "
		    "the anchor's section and run pganchor bootstrap again"},
    {"x\n", "f, line 1: neither [NAME] nor a line of the form key = value: x | correct the line, "
	    "or remove the anchor's section and run pganchor bootstrap again"},
    {"[a]\nx\n", "f, line 2: neither [NAME] nor a line of the form key = value: x | correct the "
		 "line, or remove the anchor's section and run pganchor bootstrap again"},
    {"x\x0D\n", "f, line 1: neither [NAME] nor a line of the form key = value: x | correct the "
		"line, or remove the anchor's section and run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\nwhat = x\n",
     "f, line 3: no such key: what | correct the line, or remove the anchor's section and run "
     "pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\npin = "
     "00000000000000000000000000000000000000000000000000000000000000aa\n",
     "f, line 3: set twice in one section: pin | correct the line, or remove the anchor's section "
     "and run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\nhosts = "
     "a\nhosts = a\n",
     "f, line 4: set twice in one section: hosts | correct the line, or remove the anchor's "
     "section and run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000a\n",
     "f, line 2: not a pin of 64 lower-case hex digits: "
     "00000000000000000000000000000000000000000000000000000000000000a | correct the line, or "
     "remove the anchor's section and run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aaa\n",
     "f, line 2: not a pin of 64 lower-case hex digits: "
     "00000000000000000000000000000000000000000000000000000000000000aaa | correct the line, or "
     "remove the anchor's section and run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aA\n",
     "f, line 2: not a pin of 64 lower-case hex digits: "
     "00000000000000000000000000000000000000000000000000000000000000aA | correct the line, or "
     "remove the anchor's section and run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000ag\n",
     "f, line 2: not a pin of 64 lower-case hex digits: "
     "00000000000000000000000000000000000000000000000000000000000000ag | correct the line, or "
     "remove the anchor's section and run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000a/\n",
     "f, line 2: not a pin of 64 lower-case hex digits: "
     "00000000000000000000000000000000000000000000000000000000000000a/ | correct the line, or "
     "remove the anchor's section and run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000a:\n",
     "f, line 2: not a pin of 64 lower-case hex digits: "
     "00000000000000000000000000000000000000000000000000000000000000a: | correct the line, or "
     "remove the anchor's section and run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000a`\n",
     "f, line 2: not a pin of 64 lower-case hex digits: "
     "00000000000000000000000000000000000000000000000000000000000000a` | correct the line, or "
     "remove the anchor's section and run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000af\n",
     "1:a:0000::*:root.crt: "},
    {"[a]\npin = 0000000000000000000000000000000000000000000000000000000000000009\n",
     "1:a:0000::*:root.crt: "},
    {"[a]\npin = g0000000000000000000000000000000000000000000000000000000000000aa\n",
     "f, line 2: not a pin of 64 lower-case hex digits: "
     "g0000000000000000000000000000000000000000000000000000000000000aa | correct the line, or "
     "remove the anchor's section and run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\nhosts =\n",
     "f, line 3: no host pattern: hosts | correct the line, or remove the anchor's section and run "
     "pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\nhosts = a b/c "
     "d\n",
     "f, line 3: neither *, *.DOMAIN, a host name nor an address: b/c | correct the line, or "
     "remove the anchor's section and run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\nscope = x\n",
     "f, line 3: neither root.crt nor scoped: x | correct the line, or remove the anchor's section "
     "and run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\nscope =\n",
     "f, line 3: neither root.crt nor scoped:  | correct the line, or remove the anchor's section "
     "and run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\n[a]\npin = "
     "00000000000000000000000000000000000000000000000000000000000000bb\n",
     "f, line 3: this name stands twice in the file: a | correct the line, or remove the anchor's "
     "section and run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\n[b]\npin = "
     "00000000000000000000000000000000000000000000000000000000000000aa\n",
     "f, line 3: this pin stands twice in the file: b | correct the line, or remove the anchor's "
     "section and run pganchor bootstrap again"},
    {"[b]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\n[a]\npin = "
     "00000000000000000000000000000000000000000000000000000000000000aa\n",
     "f, line 3: this pin stands twice in the file: a | correct the line, or remove the anchor's "
     "section and run pganchor bootstrap again"},
    {"[c]\npin = 00000000000000000000000000000000000000000000000000000000000000cc\n[a]\npin = "
     "00000000000000000000000000000000000000000000000000000000000000aa\n[b]\npin = "
     "00000000000000000000000000000000000000000000000000000000000000bb\n[d]\npin = "
     "00000000000000000000000000000000000000000000000000000000000000aa\n",
     "f, line 7: this pin stands twice in the file: d | correct the line, or remove the anchor's "
     "section and run pganchor bootstrap again"},
    {"[-a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\n",
     "f, line 1: not a name for an anchor: -a | correct the line, or remove the anchor's section "
     "and run pganchor bootstrap again"},
    {"[a b]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\n",
     "f, line 1: not a name for an anchor: a b | correct the line, or remove the anchor's section "
     "and run pganchor bootstrap again"},
    {"[]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\n",
     "f, line 1: not a name for an anchor:  | correct the line, or remove the anchor's section and "
     "run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\nsource =\n",
     "1:a:0000::*:root.crt: "},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\nscope = "
     "scoped\n[b]\npin = 00000000000000000000000000000000000000000000000000000000000000bb\n",
     "1:a:0000::*:scoped: 4:b:0000::*:root.crt: "},
    {"[n0]\npin = 0000000000000000000000000000000000000000000000000000000000000000\n[n1]\npin = "
     "0000000000000000000000000000000000000000000000000000000000000001\n[n2]\npin = "
     "0000000000000000000000000000000000000000000000000000000000000002\n[n3]\npin = "
     "0000000000000000000000000000000000000000000000000000000000000003\n[n4]\npin = "
     "0000000000000000000000000000000000000000000000000000000000000004\n[n5]\npin = "
     "0000000000000000000000000000000000000000000000000000000000000005\n[n6]\npin = "
     "0000000000000000000000000000000000000000000000000000000000000006\n[n7]\npin = "
     "0000000000000000000000000000000000000000000000000000000000000007\n[n8]\npin = "
     "0000000000000000000000000000000000000000000000000000000000000008\n",
     "1:n0:0000::*:root.crt: 3:n1:0000::*:root.crt: 5:n2:0000::*:root.crt: 7:n3:0000::*:root.crt: "
     "9:n4:0000::*:root.crt: 11:n5:0000::*:root.crt: 13:n6:0000::*:root.crt: "
     "15:n7:0000::*:root.crt: 17:n8:0000::*:root.crt: "},
};

static char scratch[] = "/tmp/pganchor-test-XXXXXX";

static void put(const char *name, const char *bytes)
{
	FILE *file;

	if (bytes == NULL) {
		(void)unlink(name);
		return;
	}
	file = fopen(name, "w");
	assert_non_null(file);
	assert_true(fputs(bytes, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* The directory is written as ~: it has another name each time. */
static void add_error(struct pga_text *text, const struct pga_error *error)
{
	const char *said = error->message;

	for (const char *at; (at = strstr(said, scratch)) != NULL; said = at + strlen(scratch)) {
		pga_text_add_bytes(text, said, (size_t)(at - said));
		pga_text_add(text, "~");
	}
	pga_text_addf(text, "%s | %s", said, error->hint);
}

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
	pga_text_addf(text, "places=%zu", policy->place_count);
	/* The fields are what the keys tell, and what is judged by. */
	pga_text_addf(text, " %d%d%d%d%d%d%d%d", (int)policy->mode, (int)policy->trust,
		      (int)policy->unix_socket, (int)policy->gss_encryption, (int)policy->public_ca,
		      (int)policy->cancel, (int)policy->min_tls, (int)policy->log);
}

/* A policy that nobody can have made has no word for it. */
static void what_no_word_stands_for(void **state)
{
	struct pga_policy policy;
	const char *value;
	size_t count = 0;

	(void)state;
	memset(&policy, 0x55, sizeof policy);
	for (value = "x"; pga_policy_key(&policy, count, &value) != NULL; value = "x", count++)
		assert_string_equal(value, "");
	assert_string_equal(value, "x");
	assert_int_equal(count, 8);
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

static void begin_with_nothing(void)
{
	put("pganchor/policy.conf", NULL);
	put("pganchor/policy.d/10.conf", NULL);
	put("pganchor/policy.d/20.conf", NULL);
	put("user/pganchor/policy.conf", NULL);
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
		    error.message, "cannot read /proc/self/cwd/pganchor/policy.d: Not a directory");
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

static void what_the_lines_of_anchors_come_to(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof pins / sizeof pins[0]; i++) {
		struct pga_text text = PGA_TEXT_EMPTY;
		struct pga_pins read;
		struct pga_error error = {.message = ""};

		if (pga_pins_parse(&read, "f", pins[i].lines, strlen(pins[i].lines), &error) != 0) {
			add_error(&text, &error);
			assert_int_equal(read.count, 0);
		}
		for (size_t k = 0; k < read.count; k++)
			pga_text_addf(
			    &text, "%zu:%s:%.4s:%s:%s:%s:%s ", read.pins[k].line, read.pins[k].name,
			    read.pins[k].pin, read.pins[k].source, read.pins[k].hosts,
			    read.pins[k].scoped ? "scoped" : "root.crt", read.pins[k].pinned);
		assert_text(&text, pins[i].expected);
		pga_pins_free(&read);
	}
}

static void which_names_are_good(void **state)
{
	static const char sixty_four[] =
	    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.";
	static const char *const good[] = {"a", "a.", "a-", "_", "0", "Z", sixty_four};
	static const char *const bad[] = {"", ".a", "-a", "a b", "a/b", "\xC3\xB6", ".", "-"};
	char long_name[80];

	(void)state;
	assert_int_equal(strlen(sixty_four), 64);
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_true(pga_pin_name_is_valid(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(pga_pin_name_is_valid(bad[i]));
	(void)snprintf(long_name, sizeof long_name, "%sx", sixty_four);
	assert_false(pga_pin_name_is_valid(long_name));
}

static void a_file_of_pins_is_read_again(void **state)
{
	struct pga_pins read;
	struct pga_error error;

	(void)state;
	put("user/pganchor/anchors.conf", NULL);
	assert_int_equal(pga_pins_load(&read, &error), 0);
	assert_int_equal(read.count, 0);
	assert_non_null(strstr(read.file.path, "/user/pganchor/anchors.conf"));
	put("user/pganchor/anchors.conf", "");
	assert_false(pga_pins_is_fresh(&read));
	pga_pins_free(&read);
	assert_int_equal(pga_pins_load(&read, &error), -1);
	assert_non_null(strstr(error.message, "there is no anchor in it: was it cut short?"));
	pga_pins_free(&read);
	put("user/pganchor/anchors.conf", NULL);
}

static int make_directories(void **state)
{
	char path[128];

	(void)state;
	if (mkdtemp(scratch) == NULL || chmod(scratch, 0755) != 0 || chdir(scratch) != 0)
		return -1;
	(void)umask(022);
	(void)snprintf(path, sizeof path, "%s/user", scratch);
	/* The gate's file: whoever has it may write the policy. */
	put("pganchor-gate.so", "");
	return mkdir("pganchor", 0755) == 0 && mkdir("pganchor/policy.d", 0755) == 0 &&
		       mkdir("user", 0700) == 0 && mkdir("user/pganchor", 0700) == 0
		   ? setenv("XDG_CONFIG_HOME", path, 1)
		   : -1;
}

static int remove_directories(void **state)
{
	static const char *const directories[] = {"pganchor/policy.d", "pganchor", "user/pganchor",
						  "user"};
	int result = 0;

	(void)state;
	begin_with_nothing();
	put("pganchor-gate.so", NULL);
	for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++)
		result |= rmdir(directories[i]);
	return result | chdir("/") | rmdir(scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_no_word_stands_for),
	    cmocka_unit_test(what_the_policys_files_come_to),
	    cmocka_unit_test(which_files_of_the_directory_count),
	    cmocka_unit_test(what_others_could_write_is_no_policy),
	    cmocka_unit_test(what_has_changed_is_not_fresh),
	    cmocka_unit_test(what_the_lines_of_anchors_come_to),
	    cmocka_unit_test(which_names_are_good),
	    cmocka_unit_test(a_file_of_pins_is_read_again),
	};

	return cmocka_run_group_tests(tests, make_directories, remove_directories);
}
