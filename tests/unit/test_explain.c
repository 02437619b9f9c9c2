/* policy/explain.h: the whole of what is explained of settings under a policy, to the letter. */
#include "cmocka_start.h"

#include "assert_text.h"
#include "base/text.h"
#include "policy/explain.h"
#include "policy/verdict.h"
#include "settings.h"

/* The table and the verdict, as `pganchor explain` prints them. */
static const struct {
	const char *settings;
	const char *policy;
	const char *but;
	const char *expected;
} explained[] = {
    {"", "", NULL,
     "allowed; a Unix-domain socket, which has no TLS\nlibpq has an option that pganchor does not "
     "know: brand_new\nlibpq has an option that pganchor does not know: brand_newer\n\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2", "", NULL,
     "allowed\nlibpq has an option that pganchor does not know: brand_new\nlibpq has an option "
     "that pganchor does not know: brand_newer\n\nhost                      h            "
     "conninfo\nsslmode                   verify-full  conninfo\nssl_min_protocol_version  TLSv1.2 "
     "     conninfo\ngssencmode                disable      conninfo\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2", "",
     "no such file",
     "allowed, but libpq will not connect: no such file\nlibpq has an option that pganchor does "
     "not know: brand_new\nlibpq has an option that pganchor does not know: brand_newer\n\nhost    "
     "                  h            conninfo\nsslmode                   verify-full  "
     "conninfo\nssl_min_protocol_version  TLSv1.2      conninfo\ngssencmode                disable "
     "     conninfo\n"},
    {"host=h sslmode=prefer@d", "", "no such file",
     "refused\n    sslmode=prefer "
     "(libpq's default) is weaker than verify-full\n    gssencmode= (libpq's default) takes GSSAPI "
     "encryption instead of TLS\nwhat to change:\n    conninfo: write sslmode=verify-full, or use "
     "a service of \"pganchor service list\"\n    conninfo: write gssencmode=disable\nlibpq has an "
     "option that pganchor does not know: brand_new\nlibpq has an option that pganchor does not "
     "know: brand_newer\n\nhost     h       conninfo\nsslmode  prefer  libpq's default\n"},
    {"host=h sslmode=prefer@d", "mode=audit", NULL,
     "refused, but mode = audit lets it through\n    sslmode=prefer (libpq's default) is weaker "
     "than verify-full\n    "
     "gssencmode= (libpq's default) takes GSSAPI encryption instead of TLS\nwhat to change:\n    "
     "conninfo: write sslmode=verify-full, or use a service of \"pganchor service list\"\n    "
     "conninfo: write gssencmode=disable\nlibpq has an option that pganchor does not know: "
     "brand_new\nlibpq has an option that pganchor does not know: brand_newer\n\nhost     h       "
     "conninfo\nsslmode  prefer  libpq's default\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2", "mode=audit",
     NULL,
     "allowed\nlibpq has an option that pganchor does not know: brand_new\nlibpq has an option "
     "that pganchor does not know: brand_newer\n\nhost                      h            "
     "conninfo\nsslmode                   verify-full  conninfo\nssl_min_protocol_version  TLSv1.2 "
     "     conninfo\ngssencmode                disable      conninfo\n"},
    {"host=/tmp port=5432@d user=me@e password=secret@e", "", NULL,
     "allowed; a Unix-domain socket, which has no TLS\nlibpq has an option that pganchor does not "
     "know: brand_new\nlibpq has an option that pganchor does not know: brand_newer\n\nhost      "
     "/tmp      conninfo\nuser      me        environment PGUSER\npassword  ********  environment "
     "PGPASSWORD\nport      5432      libpq's default\n"},
    {"host=/tmp", "unix-socket=refuse", NULL,
     "refused\n    host=/tmp (conninfo) is a Unix-domain socket, which the policy refuses\nwhat to "
     "change:\n    conninfo: name a server that is reached by TCP\nlibpq has an option that "
     "pganchor does not know: brand_new\nlibpq has an option that pganchor does not know: "
     "brand_newer\n\nhost  /tmp  conninfo\n"},
    {"host=/tmp@e", "unix-socket=refuse", NULL,
     "refused\n    host=/tmp (environment PGHOST) is a Unix-domain socket, which the policy "
     "refuses\nwhat to change:\n    environment PGHOST: name a server that is reached by "
     "TCP\nlibpq has an option that pganchor does not know: brand_new\nlibpq has an option that "
     "pganchor does not know: brand_newer\n\nhost  /tmp  environment PGHOST\n"},
    {"host=/tmp@s service=prod@e", "unix-socket=refuse", NULL,
     "refused\n    host=/tmp (service prod in /etc/services) is a Unix-domain socket, which the "
     "policy refuses\nwhat to change:\n    service prod in /etc/services: name a server that is "
     "reached by TCP\nlibpq has an option that pganchor does not know: brand_new\nlibpq has an "
     "option that pganchor does not know: brand_newer\n\nhost     /tmp  service prod in "
     "/etc/services\nservice  prod  environment PGSERVICE\n"},
    {"host=h", "weak=h", NULL,
     "allowed; allow-weak exempts a host\nlibpq has an option that pganchor does not know: "
     "brand_new\nlibpq has an option that pganchor does not know: brand_newer\n\nhost  h  "
     "conninfo\n"},
    {"host=h,/tmp", "weak=h unix-socket=refuse", NULL,
     "refused; allow-weak exempts a host\n    host=h,/tmp (conninfo) is a Unix-domain socket, "
     "which the policy refuses\nwhat to change:\n    conninfo: name a server that is reached by "
     "TCP\nlibpq has an option that pganchor does not know: brand_new\nlibpq has an option that "
     "pganchor does not know: brand_newer\n\nhost  h,/tmp  conninfo\n"},
    {"host=h sslmode=verify-full gssencmode=prefer@d", "", NULL,
     "allowed; the gate locks gssencmode=disable; the gate locks ssl_min_protocol_version to the "
     "policy's minimum\nlibpq has an option that pganchor does not know: brand_new\nlibpq has an "
     "option that pganchor does not know: brand_newer\n\nhost        h            "
     "conninfo\nsslmode     verify-full  conninfo\ngssencmode  prefer       libpq's default\n"},
    {"host=h sslmode=prefer@s gssencmode=require@s service=prod@e ssl_max_protocol_version=TLSv1@s",
     "", NULL,
     "refused\n    sslmode=prefer "
     "(service prod in /etc/services) is weaker than verify-full\n    gssencmode=require (service "
     "prod in /etc/services) takes GSSAPI encryption instead of TLS\n    "
     "ssl_max_protocol_version=TLSv1 (service prod in /etc/services) is older than TLSv1.2, the "
     "least that the policy takes\nwhat to change:\n    service prod in /etc/services: write "
     "sslmode=verify-full\n    service prod in /etc/services: write gssencmode=disable\n    "
     "service prod in /etc/services: leave ssl_max_protocol_version out\nlibpq has an option that "
     "pganchor does not know: brand_new\nlibpq has an option that pganchor does not know: "
     "brand_newer\n\nhost                      h        conninfo\nsslmode                   prefer "
     "  service prod in /etc/services\nssl_max_protocol_version  TLSv1    service prod in "
     "/etc/services\ngssencmode                require  service prod in /etc/services\nservice     "
     "              prod     environment PGSERVICE\n"},
    {"host=h sslmode=prefer@e gssencmode=require@e ssl_max_protocol_version=TLSv1@e", "", NULL,
     "refused\n    sslmode=prefer "
     "(environment PGSSLMODE) is weaker than verify-full\n    gssencmode=require (environment "
     "PGGSSENCMODE) takes GSSAPI encryption instead of TLS\n    ssl_max_protocol_version=TLSv1 "
     "(environment PGSSLMAXPROTOCOLVERSION) is older than TLSv1.2, the least that the policy "
     "takes\nwhat to change:\n    environment PGSSLMODE: set PGSSLMODE=verify-full, or use a "
     "service of \"pganchor service list\"\n    environment PGGSSENCMODE: set "
     "PGGSSENCMODE=disable\n    environment PGSSLMAXPROTOCOLVERSION: unset "
     "PGSSLMAXPROTOCOLVERSION\nlibpq has an option that pganchor does not know: brand_new\nlibpq "
     "has an option that pganchor does not know: brand_newer\n\nhost                      h        "
     "conninfo\nsslmode                   prefer   environment PGSSLMODE\nssl_max_protocol_version "
     " TLSv1    environment PGSSLMAXPROTOCOLVERSION\ngssencmode                require  "
     "environment PGGSSENCMODE\n"},
    {"host=h sslmode=prefer@u gssencmode=require@u ssl_max_protocol_version=TLSv1@u", "", NULL,
     "refused\n    sslmode=prefer "
     "(the program's, or libpq's default) is weaker than verify-full\n    gssencmode=require (the "
     "program's, or libpq's default) takes GSSAPI encryption instead of TLS\n    "
     "ssl_max_protocol_version=TLSv1 (the program's, or libpq's default) is older than TLSv1.2, "
     "the least that the policy takes\nwhat to change:\n    conninfo: write sslmode=verify-full, "
     "or use a service of \"pganchor service list\"\n    conninfo: write gssencmode=disable\n    "
     "conninfo: leave ssl_max_protocol_version out\nlibpq has an option that pganchor does not "
     "know: brand_new\nlibpq has an option that pganchor does not know: brand_newer\n\nhost        "
     "              h        conninfo\nsslmode                   prefer   the program's, or "
     "libpq's default\nssl_max_protocol_version  TLSv1    the program's, or libpq's "
     "default\ngssencmode                require  the program's, or libpq's default\n"},
    {"host=h sslmode=prefer gssencmode=require ssl_max_protocol_version=TLSv1 !untraced", "", NULL,
     "refused\n    sslmode=prefer "
     "(the program's, or libpq's default) is weaker than verify-full\n    gssencmode=require (the "
     "program's, or libpq's default) takes GSSAPI encryption instead of TLS\n    "
     "ssl_max_protocol_version=TLSv1 (the program's, or libpq's default) is older than TLSv1.2, "
     "the least that the policy takes\nwhat to change:\n    conninfo: write sslmode=verify-full, "
     "or use a service of \"pganchor service list\"\n    conninfo: write gssencmode=disable\n    "
     "conninfo: leave ssl_max_protocol_version out\nlibpq has an option that pganchor does not "
     "know: brand_new\nlibpq has an option that pganchor does not know: brand_newer\n\nhost        "
     "              h        the program's, or libpq's default\nsslmode                   prefer   "
     "the program's, or libpq's default\nssl_max_protocol_version  TLSv1    the program's, or "
     "libpq's default\ngssencmode                require  the program's, or libpq's default\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "sslrootcert=system@e -sslcertmode",
     "", NULL,
     "refused\n    sslrootcert=system (environment PGSSLROOTCERT) is a file in the current "
     "directory to this libpq, which is older than 16\nwhat to change:\n    environment "
     "PGSSLROOTCERT: unset PGSSLROOTCERT\nlibpq has an option that pganchor does not know: "
     "brand_new\nlibpq has an option that pganchor does not know: brand_newer\n\nhost              "
     "        h            conninfo\nsslmode                   verify-full  conninfo\nsslrootcert  "
     "             system       environment PGSSLROOTCERT\nssl_min_protocol_version  TLSv1.2      "
     "conninfo\ngssencmode                disable      conninfo\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "sslrootcert=system@d",
     "public-ca=refuse", NULL,
     "refused\n    sslrootcert=system (libpq's default) trusts every public CA, which the policy "
     "refuses\nwhat to change:\n    conninfo: leave sslrootcert out\nlibpq has an option that "
     "pganchor does not know: brand_new\nlibpq has an option that pganchor does not know: "
     "brand_newer\n\nhost                      h            conninfo\nsslmode                   "
     "verify-full  conninfo\nsslrootcert               system       libpq's "
     "default\nssl_min_protocol_version  TLSv1.2      conninfo\ngssencmode                disable  "
     "    conninfo\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "sslkeylogfile=/k oauth_ca_file=/c !oauth",
     "", NULL,
     "refused\n    sslkeylogfile=/k (conninfo) writes the session's keys to a file\n    "
     "oauth_ca_file=/c (conninfo) names the roots of the OAuth issuer, whom libpq sends secrets "
     "to\n    PGOAUTHDEBUG=UNSAFE (environment) lets OAuth's secrets go over plain HTTP, and "
     "prints them\nwhat to change:\n    conninfo: leave sslkeylogfile out\n    conninfo: leave "
     "oauth_ca_file out\n    environment PGOAUTHDEBUG: unset PGOAUTHDEBUG\nlibpq has an option "
     "that pganchor does not know: brand_new\nlibpq has an option that pganchor does not know: "
     "brand_newer\n\nhost                      h            conninfo\nsslmode                   "
     "verify-full  conninfo\nsslkeylogfile             /k           "
     "conninfo\nssl_min_protocol_version  TLSv1.2      conninfo\ngssencmode                disable "
     "     conninfo\noauth_ca_file             /c           conninfo\n"},
    {"host=u:p@h sslmode=verify-full", "", NULL,
     "refused\n    gssencmode= "
     "(libpq's default) takes GSSAPI encryption instead of TLS\nwhat to change:\n    conninfo: "
     "write gssencmode=disable\nhost, port and dbname are not shown: one of them may be a part of "
     "a password, in which \"@\" and \"/\" have to be written as %40 and %2F\nlibpq has an option "
     "that pganchor does not know: brand_new\nlibpq has an option that pganchor does not know: "
     "brand_newer\n\nhost     ********     conninfo\nsslmode  verify-full  conninfo\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 dbname=a@b "
     "user=x",
     "", NULL,
     "allowed\nhost, port and dbname are not shown: one of them may be a part of a password, in "
     "which \"@\" and \"/\" have to be written as %40 and %2F\nlibpq has an option that pganchor "
     "does not know: brand_new\nlibpq has an option that pganchor does not know: "
     "brand_newer\n\nhost                      ********     conninfo\nsslmode                   "
     "verify-full  conninfo\nssl_min_protocol_version  TLSv1.2      conninfo\ngssencmode           "
     "     disable      conninfo\nuser                      x            conninfo\ndbname          "
     "          ********     conninfo\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 !ambiguous "
     "port=5 dbname=d",
     "", NULL,
     "allowed\nhost, port and dbname are not shown: one of them may be a part of a password, in "
     "which \"@\" and \"/\" have to be written as %40 and %2F\nlibpq has an option that pganchor "
     "does not know: brand_new\nlibpq has an option that pganchor does not know: "
     "brand_newer\n\nhost                      ********     conninfo\nsslmode                   "
     "verify-full  conninfo\nssl_min_protocol_version  TLSv1.2      conninfo\ngssencmode           "
     "     disable      conninfo\ndbname                    ********     conninfo\nport            "
     "          ********     conninfo\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "application_name=a\x07\\x~b oauth_issuer=postgres://u:p@h brand_new=x brand_newer=y",
     "", NULL,
     "allowed\nlibpq has an option that pganchor does not know: brand_new\nlibpq has an option "
     "that pganchor does not know: brand_newer\n\nhost                      h                      "
     "  conninfo\nsslmode                   verify-full              "
     "conninfo\nssl_min_protocol_version  TLSv1.2                  conninfo\ngssencmode            "
     "    disable                  conninfo\noauth_issuer              postgres://u:********@h  "
     "conninfo\napplication_name          a\\x07\\x b                conninfo\nbrand_new           "
     "      ********                 conninfo\nbrand_newer               y                        "
     "conninfo\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 -brand_new "
     "-brand_newer",
     "", NULL,
     "allowed\n\nhost                      h            conninfo\nsslmode                   "
     "verify-full  conninfo\nssl_min_protocol_version  TLSv1.2      conninfo\ngssencmode           "
     "     disable      conninfo\n"},
    {"-brand_new -brand_newer -sslmode host=/tmp", "", NULL,
     "allowed; a Unix-domain socket, which has no TLS\n\nhost  /tmp  conninfo\n"},
    {"-host -brand_new -brand_newer sslmode=prefer", "unix-socket=refuse", NULL,
     "refused\n    host is a Unix-domain socket, which the "
     "policy refuses\nwhat to change:\n    conninfo: name a server that is reached by "
     "TCP\n\nsslmode  prefer  conninfo\n"},
    {"host=h -gssencmode sslmode=prefer application_name=a-value-that-is-wide-indeed -brand_new "
     "-brand_newer",
     "", NULL,
     "refused\n    sslmode=prefer "
     "(conninfo) is weaker than verify-full\nwhat to change:\n    conninfo: write "
     "sslmode=verify-full, or use a service of \"pganchor service list\"\n\nhost              h    "
     "                        conninfo\nsslmode           prefer                       "
     "conninfo\napplication_name  a-value-that-is-wide-indeed  conninfo\n"},
};

static void what_is_explained(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof explained / sizeof explained[0]; i++) {
		struct pga_text text = PGA_TEXT_EMPTY;
		struct settings settings;
		struct pga_policy policy;
		struct pga_verdict verdict;

		make_settings(&settings, explained[i].settings);
		make_policy(&policy, explained[i].policy);
		pga_judge(&settings.effective, &policy, &verdict);
		pga_explain_verdict(&settings.effective, &policy, &verdict, explained[i].but,
				    &text);
		pga_text_add(&text, "\n");
		pga_explain_settings(&settings.effective, true, &text);
		assert_text(&text, explained[i].expected);
		pga_verdict_free(&verdict);
		free_policy(&policy);
	}
}

/* Without --all: what is judged, and what somebody has set. */
static void libpqs_own(void **state)
{
	static const struct {
		const char *settings;
		const char *shown;
	} cases[] = {
	    {"host=h sslmode=prefer@d",
	     "host     h       conninfo\nsslmode  prefer  libpq's default\n"},
	    {"host=h user=u@e dbname=d@d",
	     "host  h  conninfo\nuser  u  environment PGUSER\n1 more is libpq's default: --all\n"},
	    {"host=h port=5@d dbname=d-that-is-wide@d",
	     "host  h  conninfo\n2 more are libpq's defaults: --all\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pga_text text = PGA_TEXT_EMPTY;
		struct settings settings;

		make_settings(&settings, cases[i].settings);
		pga_explain_settings(&settings.effective, false, &text);
		assert_text(&text, cases[i].shown);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_explained),
	    cmocka_unit_test(libpqs_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
