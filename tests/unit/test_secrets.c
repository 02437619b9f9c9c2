/* policy/secrets.h: what is masked of a text, of a line and of libpq's words, to the letter: a mask
 * that is too short shows a part of a secret, and one that is too long hides what somebody has to
 * read. */
#include "cmocka_start.h"

#include "assert_text.h"
#include "base/text.h"
#include "policy/secrets.h"

#include <string.h>

/* What is given, and what is shown of it. */
struct shown {
	const char *given;
	const char *expected;
};

static const struct shown texts[] = {
    {"", ""},
    {"plain words, no secret", "plain words, no secret"},
    {"password=x", "password=********"},
    {"password=x host=h", "password=******** host=h"},
    {"PASSWORD = x host=h", "PASSWORD =******** host=h"},
    {"a.PassWord=x", "a.PassWord=********"},
    {"my-pwd=x y=z host=h", "my-pwd=******** host=h"},
    {"SSLPASSWORD='a b' host=h", "SSLPASSWORD=******** host=h"},
    {"password='a\\'b host=c' host=h", "password=******** host=h"},
    {"password='a\\", "password=********"},
    {"password='a", "password=********"},
    {"password='' host=h", "password=******** host=h"},
    {"password= 'a''b host=h' sslmode=x", "password=******** host=h' sslmode=x"},
    {"password='a host=h", "password=********"},
    {"password=a' host=h", "password=******** host=h"},
    {"passfile=/p host=h", "passfile=/p host=h"},
    {"token=x&host=h&user=u", "token=********&host=h&user=u"},
    {"token=x&foo=h&user=u", "token=********&user=u"},
    {"word=\tx\tuser=u", "word=********\tuser=u"},
    {"password=x\nhost=h", "password=********\nhost=h"},
    {"password=x\x0Bhost=h", "password=********\x0Bhost=h"},
    {"password=x\x0Dhost=h", "password=********\x0Dhost=h"},
    {"secret=x user = u", "secret=******** user = u"},
    {"secret=x user", "secret=********"},
    {"secret=x useruseruseruseruseruseruseruseruser=u", "secret=********"},
    {"secret=x aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=1", "secret=********"},
    {"secret=x fallback_application_name=u", "secret=******** fallback_application_name=u"},
    {"scram_client_key=a scram_server_key=b host=h",
     "scram_client_key=******** scram_server_key=******** host=h"},
    {"oauth_client_secret=a", "oauth_client_secret=********"},
    {"sslkeylogfile=/f sslkey=k", "sslkeylogfile=/f sslkey=k"},
    {"=x", "=x"},
    {" =x", " =x"},
    {"password", "password"},
    {"password=", "password=********"},
    {"pwd=x host = ", "pwd=******** host = "},
    {"pwd=x host ", "pwd=********"},
    {"postgresql://u:p@h/db", "postgresql://u:********@h/db"},
    {"postgresql://u@h/db", "postgresql://u@h/db"},
    {"postgresql://u:p@x@h/db", "postgresql://u:********@h/db"},
    {"x://u:p@h and y://v:q@i", "x://u:********@i"},
    {"postgresql://h:5432/db", "postgresql://h:5432/db"},
    {"postgresql://h:5432,i:5433/db", "postgresql://h:5432,i:5433/db"},
    {"postgresql://h:65535/db", "postgresql://h:65535/db"},
    {"postgresql://h:65536/db", "postgresql://h:********"},
    {"postgresql://h:99999999999999999999/db", "postgresql://h:********"},
    {"postgresql://h:5432x", "postgresql://h:********"},
    {"postgresql://u:p", "postgresql://u:********"},
    {"postgresql://u:", "postgresql://u:********"},
    {"postgresql://[::1]:5432/db", "postgresql://[::1]:5432/db"},
    {"postgresql://[::1]:5432/db?password=x", "postgresql://[::1]:5432/db?password=********"},
    {"postgresql://u%3Ap@h", "postgresql://u%3A********@h"},
    {"postgresql://u%3ap@h", "postgresql://u%3a********@h"},
    {"postgresql://u%3", "postgresql://u%3"},
    {"postgresql://u%3A", "postgresql://u%3A********"},
    {"postgresql://u%3Bp@h", "postgresql://u%3Bp@h"},
    {"postgresql://u%4Ap@h", "postgresql://u%4Ap@h"},
    {"postgresql://h:1/db?a:b", "postgresql://h:1/db?a:b"},
    {"postgresql://h:1?x:y", "postgresql://h:1?x:y"},
    {"postgresql://h:1 x:y", "postgresql://h:1 x:y"},
    {"postgresql://h:1\tx:y", "postgresql://h:1\tx:y"},
    {"postgresql://h:1\"x:y", "postgresql://h:1\"x:y"},
    {"postgresql://h:1'x:y", "postgresql://h:1'x:y"},
    {"postgresql://h:1,i:x", "postgresql://h:1,i:********"},
    {"postgresql://h:1,i", "postgresql://h:1,i"},
    {"postgresql://h:0/db", "postgresql://h:0/db"},
    {"postgresql://h:9/db", "postgresql://h:9/db"},
    {"postgresql://h:/db", "postgresql://h:********"},
    {"postgresql://h::/db", "postgresql://h:********"},
    {"postgresql://password=x:y@h", "postgresql://password=****************@h"},
    {"://", "://"},
    {"a://", "a://"},
    {"a://b", "a://b"},
    {"host=h ://u:p@h", "host=h ://u:********@h"},
    {"application_name=http://p/?password=x&host=a:b",
     "application_name=http://p/?password=********&host=a:********"},
    {"u@i postgresql://h:x", "u@i postgresql://h:********"},
    {"u@i postgresql://h:5432/db", "u@i postgresql://h:5432/db"},
    {"u:p@h", "u:********@h"},
    {"u:p@h/db", "u:********@h/db"},
    {"u:p@x@h", "u:********@h"},
    {"u:@h", "u:********@h"},
    {"u@h:5", "u@h:5"},
    {"u:p", "u:p"},
    {"u p:q@h", "u p:q@h"},
    {"u/p:q@h", "u/p:q@h"},
    {"u=p:q@h", "u=p:q@h"},
    {"u\tp:q@h", "u\tp:q@h"},
    {"u\np:q@h", "u\np:q@h"},
    {":p@h", ":********@h"},
    {"u:p@h://x", "u:********@h://x"},
    {"u://p@h", "u://p@h"},
    {"u:p@h password=x", "u:********@h password=********"},
    {"u:/p@h", "u:********@h"},
    {"password=a@b host=h", "password=******** host=h"},
    {"x=1 password=a y=2 z=3 port=4", "x=1 password=******** port=4"},
    {"PASSWORD_A.b-9=x host=h", "PASSWORD_A.b-9=******** host=h"},
    {"[password=x", "[password=********"},
    {"`password=x", "`password=********"},
    {"{password=x", "{password=********"},
    {"/password=x", "/password=********"},
    {"password_Z=x", "password_Z=********"},
    {"password_z=x", "password_z=********"},
    {"password_0=x", "password_0=********"},
    {"password_9=x", "password_9=********"},
    {"password_A=x", "password_A=********"},
    {"password_a=x", "password_a=********"},
    {"password@a=x", "password@a=x"},
    {"password[a=x", "password[a=x"},
    {"password`a=x", "password`a=x"},
    {"password{a=x", "password{a=x"},
    {"password/a=x", "password/a=x"},
    {"password:a=x", "password:a=x"},
    {"password a=x", "password a=x"},
    {"password=x\x1Fhost=h", "password=********"},
    {"password=x\x08host=h", "password=********"},
    {"password=x\x0Ehost=h", "password=********"},
    {"password =x", "password =********"},
    {"password\t=\tx", "password\t=********"},
    {"TOKEN=x", "TOKEN=********"},
    {"AZ_PASS=x", "AZ_PASS=********"},
    {"pas=x pss=y passw=z", "pas=x pss=y passw=********"},
    {"mpassfil=x", "mpassfil=********"},
    {"spass=x", "spass=********"},
};

static const struct shown lines[] = {
    {"password=x", "password=********"},
    {"#password=x", "#password=********"},
    {" ;# password: x", " ;# password: ********"},
    {"password x", "password ********"},
    {"password\tx y", "password\t********"},
    {"host=h", "host=h"},
    {"host=u:p@h", "host=********"},
    {"host=a,b", "host=a,b"},
    {"port=5432", "port=5432"},
    {"port=x", "port=********"},
    {"application_name=postgres://u:p@h", "application_name=postgres://u:********@h"},
    {"", ""},
    {"#", "#"},
    {"password=", "password="},
    {"password", "password"},
    {"user=a/b", "user=********"},
    {"user=a", "user=a"},
    {"foo bar password=x", "foo bar password=********"},
    {"host:h", "host:h"},
    {"password=x\nhost=y\n", "password=********"},
    {"\x0Bpassword=x", "\x0Bpassword=********"},
    {"\x0Cpassword=x", "\x0Cpassword=********"},
    {"\x0Dpassword=x", "\x0Dpassword=********"},
    {"dbname=a:b", "dbname=********"},
    {"dbname=ab", "dbname=ab"},
};

/* libpq's words about a connection string. */
static const struct {
	const char *message;
	const char *given;
	const char *expected;
} messages[] = {
    {"invalid \"x\" here", "host=x", "invalid \"x\" here"},
    {"plain", NULL, "plain"},
    {"password=x", NULL, "password=********"},
    {"say \"abc\" now", "host=h password=abc", "say \"********\" now"},
    {"say \"host\" now", "host=h password=abc", "say \"host\" now"},
    {"say \"h\" now", "host=h password=abc", "say \"h\" now"},
    {"say \"\" now", "host=h password=abc", "say \"\" now"},
    {"say \"=\" now", "a:b=c", "say \"=\" now"},
    {"say \"]\" now", "a:b]c", "say \"]\" now"},
    {"say \":\" now", "a:b:c", "say \":\" now"},
    {"say \"/\" now", "a:b/c", "say \"/\" now"},
    {"say \"b\" now", "a:b/c", "say \"********\" now"},
    {"say \"=]\" now", "a:b=]c", "say \"********\" now"},
    {"say \"a\" now", "a:bc", "say \"a\" now"},
    {"say \"a:\" now", "a:bc", "say \"********\" now"},
    {"say \"a:b\" now", "a:bc", "say \"********\" now"},
    {"say \"zz\" now", "a:bc", "say \"zz\" now"},
    {"say \"zz\" now", "postgresql://u:p@h/db", "say \"********\" now"},
    {"say \"h\" now", "postgresql://u:p@h/db", "say \"h\" now"},
    {"say \"u\" now", "postgresql://u:p@h/db", "say \"u\" now"},
    {"say \"p\" now", "postgresql://u:p@h/db", "say \"********\" now"},
    {"say \"p@h\" now", "postgresql://u:p@h/db", "say \"********\" now"},
    {"say \"@h\" now", "postgresql://u:p@h/db", "say \"@h\" now"},
    {"say \"h/db\" now", "postgresql://u:p@h/db", "say \"h/db\" now"},
    {"say \"u:p\" now", "postgresql://u:p@h/db", "say \"********\" now"},
    {"say \"postgresql://u:p@h/db\" now", "postgresql://u:p@h/db",
     "say \"postgresql://u:********@h/db\" now"},
    {"say \"postgres://u:p@h/db\" now", "postgres://u:p@h/db",
     "say \"postgres://u:********@h/db\" now"},
    {"say \"http://u:p@h/db\" now", "http://u:p@h/db", "say \"********\" now"},
    {"say \"pp\" and \"hh\" now", "postgres://u:pp@hh/db", "say \"********\" and \"hh\" now"},
    {"say \"pp\" and \"hh now", "postgres://u:pp@hh/db", "say \"********\" and \"********"},
    {"say pp now \"", "postgres://u:pp@hh/db", "say pp now \""},
    {"say pp now", "postgres://u:pp@hh/db", "say pp now"},
    {"say \"p\"q\" now", "postgres://u:p\"q@hh/db", "say \"********\" now"},
    {"say \"p\"q\" now", "postgres://u:p%22q@hh/db", "say \"********\" now"},
    {"say p\"q now", "postgres://u:p%22q@hh/db", "say p\"********"},
    {"say p now", "postgres://u:p%22q@hh/db", "say p now"},
    {"say \"p now", "x:\"y", "say \"********"},
    {"say p\"", "x:\"y", "say p\"********"},
    {"\"p\"", "x:\"y", "\"********\""},
    {"dis \xC2\xABp q\xC2\xBB ici", "password=p q", "dis \xC2\xAB********\xC2\xBB ici"},
    {"dis \xABp q\xBB ici", "password=p q", "dis \xAB********\xBB ici"},
    {"sag \xC2\xBBp q\xC2\xAB hier", "password=p q", "sag \xC2\xBB********\xC2\xAB hier"},
    {"\xABp\xBB", "password=p", "\xAB********\xBB"},
    {"x\xE2\x80\xAB y \"p\" z", "password=p", "x\xE2\x80\xAB y \"********\" z"},
    {"x\xC2\xBB", "password=p", "x\xC2\xBB********"},
    {"\xC2\xABp", "password=p", "\xC2\xAB********"},
    {"say \"h\" and \"x\"", "host=h user=x", "say \"h\" and \"x\""},
    {"say \"z\" now", "secretx host=h", "say \"z\" now"},
    {"say \"z\" now", "host=h user=@z", "say \"********\" now"},
    {"say \"z\" now", "@z", "say \"********\" now"},
    {"say \"z\" now", "z@", "say \"z\" now"},
    {"say \"w1\" now", "password=w1 host=w1", "say \"********\" now"},
    {"say \"host=w1\" now", "host=w1 password=w2 x", "say \"host=w1\" now"},
    {"say \"host=w1 p\" now", "host=w1 password=w2 x", "say \"host=w1 p\" now"},
    {"say \"w2\" now", "host=w1 password=w2 x", "say \"********\" now"},
    {"say \"x\" now", "host=w1 password=w2 x", "say \"********\" now"},
    {"say \"w1 password=\" now", "host=w1 password=w2 x", "say \"w1 password=********\" now"},
    {"say \"w1 password=w\" now", "host=w1 password=w2 x", "say \"********\" now"},
    {"say \"hosst=1\" \"zz\"", "a=1 pwd=2 hosst=1", "say \"********\" \"zz\""},
    {"say \"b\" now", "postgresql://h/db?password=a&b=c", "say \"********\" now"},
    {"say \"db\" now", "postgresql://h/db?password=a&b=c", "say \"db\" now"},
    {"say \"u2\" now", "postgresql://u:p@h/db?password=a&b=u2", "say \"********\" now"},
    {"say \"u\" now", "postgresql://u:p@h/db?password=a&b=u2", "say \"********\" now"},
    {"say \"5\" now", "postgresql://h:5/db", "say \"5\" now"},
    {"say \"5x\" now", "postgresql://h:5x/db", "say \"********\" now"},
    {"say \"a=b\" now", "pwd=q a=b", "say \"********\" now"},
    {"say \"aa\" now", "aa:aa", "say \"********\" now"},
    {"say \"aaa\" now", "aa:aa", "say \"aaa\" now"},
    {"say \"a:aa\" now", "aa:aa", "say \"********\" now"},
};

static void what_is_masked_of_a_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct pga_text text = PGA_TEXT_EMPTY;

		pga_text_add_masked(&text, texts[i].given);
		assert_text(&text, texts[i].expected);
	}
}

static void what_is_masked_of_a_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct pga_text text = PGA_TEXT_EMPTY;

		pga_text_add_masked_line(&text, lines[i].given, strlen(lines[i].given));
		assert_text(&text, lines[i].expected);
	}
}

static void what_is_masked_of_libpqs_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
		struct pga_text text = PGA_TEXT_EMPTY;

		pga_text_add_masked_message(&text, messages[i].message, messages[i].given);
		assert_text(&text, messages[i].expected);
	}
}

static void which_keywords_are_secret(void **state)
{
	static const char *const secret[] = {"password",
					     "PASSWORD",
					     "sslpassword",
					     "PGPASSWORD",
					     "oauth_client_secret",
					     "scram_client_key",
					     "scram_server_key",
					     "pwd",
					     "token",
					     "keyword",
					     "xPASS"};
	static const char *const shown[] = {
	    "",     "passfile", "PGPASSFILE", "sslkeylogfile",  "sslkey",
	    "user", "pas",      "pas_s",      "oauth_client_id"};

	(void)state;
	for (size_t i = 0; i < sizeof secret / sizeof secret[0]; i++)
		assert_true(pga_keyword_is_secret(secret[i]));
	for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
		assert_false(pga_keyword_is_secret(shown[i]));
}

/* Where the text goes on behind the first of such words; 0 where there is none. */
static void where_a_secret_begins(void **state)
{
	static const struct {
		const char *words;
		size_t behind;
	} cases[] = {
	    {"", 0},
	    {" ", 0},
	    {"a b c", 0},
	    {"password", 8},
	    {"password hunter2", 8},
	    {"the Password is x", 12},
	    {"my-token: x", 8},
	    {"  (pwd)", 6},
	    {"(a_secret.b)", 11},
	    {"x9password9 y", 11},
	    {"passfile /f secret x", 18},
	    {"passfile=/f", 0},
	    {"pass:word", 4},
	    {"pas s", 0},
	    {"\xC3\xBCpwd x", 5},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (pga_behind_secret_word(cases[i].words) != cases[i].behind)
			fail_msg("%s: %zu", cases[i].words, pga_behind_secret_word(cases[i].words));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_masked_of_a_text),
	    cmocka_unit_test(what_is_masked_of_a_line),
	    cmocka_unit_test(what_is_masked_of_libpqs_words),
	    cmocka_unit_test(which_keywords_are_secret),
	    cmocka_unit_test(where_a_secret_begins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
