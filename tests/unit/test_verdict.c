/* policy/verdict.h: what is judged of settings under a policy, and what a program is told of it, to
 * the letter. Three tables: what is judged (the long one, by setting in the order of
 * policy/setting_rules.h), what is told, and which hosts are exempt; the tests behind them walk
 * through these. */
#include "cmocka_start.h"

#include "assert_text.h"
#include "base/text.h"
#include "policy/verdict.h"
#include "settings.h"

/* The fields of the verdict, then the reasons, a line each. */
static const struct {
	const char *settings;
	const char *policy;
	const char *expected;
} verdicts[] = {
    {"", "", "allowed local\n"},
    {"host=h", "",
     "refused needs-tls lock-min-tls [sslmode] [gssencmode]\nsslmode= (libpq's default) is weaker "
     "than verify-full\ngssencmode= (libpq's default) takes GSSAPI encryption instead of TLS"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2", "",
     "allowed needs-tls\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "channel_binding=prefer@d",
     "channel-binding=require", "allowed needs-tls lock-binding\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "channel_binding=prefer",
     "channel-binding=require", "allowed needs-tls lock-binding\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "channel_binding=require",
     "channel-binding=require", "allowed needs-tls\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "channel_binding=disable",
     "", "allowed needs-tls\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "channel_binding=disable@e",
     "channel-binding=require",
     "refused needs-tls [channel_binding]\nchannel_binding=disable (environment PGCHANNELBINDING) "
     "goes without channel binding, which the policy requires"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "-channel_binding",
     "channel-binding=require",
     "refused needs-tls [channel_binding]\nchannel_binding is unknown to this libpq, which is "
     "older than 13, and the policy requires it"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 require_auth=",
     "auth=gss,scram-sha-256", "allowed needs-tls lock-auth (gss,scram-sha-256)\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "require_auth=scram-sha-256",
     "auth=gss,scram-sha-256", "allowed needs-tls (scram-sha-256)\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "require_auth=scram-sha-256,gss",
     "auth=gss,scram-sha-256", "allowed needs-tls (gss,scram-sha-256)\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "require_auth=!gss,!md5",
     "auth=gss,scram-sha-256", "allowed needs-tls lock-auth (scram-sha-256)\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "require_auth=!later",
     "auth=gss", "allowed needs-tls lock-auth (gss)\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "require_auth=gss,!md5",
     "auth=gss",
     "refused needs-tls [require_auth]\nrequire_auth=gss,!md5 (conninfo) names a method of "
     "authentication that the policy's auth does not"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "require_auth=gss,later",
     "auth=password,md5,gss,sspi,scram-sha-256,oauth,none",
     "refused needs-tls [require_auth]\nrequire_auth=gss,later (conninfo) names a method of "
     "authentication that the policy's auth does not"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "require_auth=scram-sha-25",
     "auth=scram-sha-256",
     "refused needs-tls [require_auth]\nrequire_auth=scram-sha-25 (conninfo) names a method of "
     "authentication that the policy's auth does not"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "require_auth=!gss,!scram-sha-256",
     "auth=gss,scram-sha-256",
     "refused needs-tls [require_auth]\nrequire_auth=!gss,!scram-sha-256 (conninfo) leaves no "
     "method of the policy's auth that this libpq has"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 require_auth= "
     "-oauth_issuer",
     "auth=oauth",
     "refused needs-tls [require_auth]\nrequire_auth= (conninfo) leaves no method of the policy's "
     "auth that this libpq has"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 require_auth= "
     "-oauth_issuer",
     "auth=oauth,none", "allowed needs-tls lock-auth (none)\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 require_auth= "
     "oauth_issuer=",
     "auth=oauth,none", "allowed needs-tls lock-auth (oauth,none)\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 -require_auth",
     "", "allowed needs-tls\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 -require_auth",
     "auth=gss",
     "refused needs-tls [require_auth]\nrequire_auth is unknown to this libpq, which is older than "
     "16, and cannot be held to the policy's auth"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "require_auth=gss",
     "auth=gss auth=md5",
     "refused needs-tls [require_auth]\nrequire_auth=gss (conninfo) cannot be set: the lists of "
     "auth in the policy's files have no method in common"},
    /* Sockets alone are left as they are. */
    {"host=/tmp channel_binding=disable require_auth=md5", "channel-binding=require auth=gss",
     "allowed local\n"},
    {"host=/tmp,h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "channel_binding=prefer",
     "channel-binding=require", "allowed needs-tls local lock-binding\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "ssl_max_protocol_version=",
     "", "allowed needs-tls\n"},
    {"host=h sslmode=verify-ca", "",
     "refused needs-tls lock-min-tls [sslmode] [gssencmode]\nsslmode=verify-ca (conninfo) is "
     "weaker than verify-full\ngssencmode= (libpq's default) takes GSSAPI encryption instead of "
     "TLS"},
    {"host=h sslmode=Verify-Full", "",
     "refused needs-tls lock-min-tls [sslmode] [gssencmode]\nsslmode=Verify-Full (conninfo) is "
     "weaker than verify-full\ngssencmode= (libpq's default) takes GSSAPI encryption instead of "
     "TLS"},
    {"host=h sslmode=prefer@d", "",
     "refused needs-tls lock-min-tls [sslmode] [gssencmode]\nsslmode=prefer (libpq's default) is "
     "weaker than verify-full\ngssencmode= (libpq's default) takes GSSAPI encryption instead of "
     "TLS"},
    {"host=h sslmode=prefer@s service=prod", "",
     "refused needs-tls lock-min-tls [sslmode] [gssencmode]\nsslmode=prefer (service prod in "
     "/etc/services) is weaker than verify-full\ngssencmode= (libpq's default) takes GSSAPI "
     "encryption instead of TLS"},
    {"host=h sslmode=prefer@e", "",
     "refused needs-tls lock-min-tls [sslmode] [gssencmode]\nsslmode=prefer (environment "
     "PGSSLMODE) is weaker than verify-full\ngssencmode= (libpq's default) takes GSSAPI encryption "
     "instead of TLS"},
    {"host=h sslmode=require@r", "",
     "refused needs-tls lock-min-tls [sslmode] [gssencmode]\nsslmode=require (environment "
     "PGREQUIRESSL) is weaker than verify-full\ngssencmode= (libpq's default) takes GSSAPI "
     "encryption instead of TLS"},
    {"host=h sslmode=prefer@u", "",
     "refused needs-tls lock-min-tls [sslmode] [gssencmode]\nsslmode=prefer (the program's, or "
     "libpq's default) is weaker than verify-full\ngssencmode= (libpq's default) takes GSSAPI "
     "encryption instead of TLS"},
    {"host=h sslmode=prefer !untraced", "",
     "refused needs-tls lock-min-tls [sslmode] [gssencmode]\nsslmode=prefer (the program's, or "
     "libpq's default) is weaker than verify-full\ngssencmode= (the program's, or libpq's default) "
     "takes GSSAPI encryption instead of TLS"},
    {"host=h -sslmode", "",
     "refused needs-tls lock-min-tls [sslmode] [gssencmode]\nsslmode is weaker than "
     "verify-full\ngssencmode= (libpq's default) takes GSSAPI encryption instead of TLS"},
    {"host=/tmp", "", "allowed local\n"},
    {"host=/tmp", "unix-socket=refuse",
     "refused local [host]\nhost=/tmp (conninfo) is a Unix-domain socket, which the policy "
     "refuses"},
    {"host=@abstract", "unix-socket=refuse",
     "refused local [host]\nhost=@abstract (conninfo) is a Unix-domain socket, which the policy "
     "refuses"},
    {"host=", "unix-socket=refuse",
     "refused local [host]\nhost= (conninfo) is a Unix-domain socket, which the policy refuses"},
    {"host=a,/tmp sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2", "",
     "allowed needs-tls local\n"},
    {"host=a,/tmp sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2",
     "unix-socket=refuse",
     "refused needs-tls local [host]\nhost=a,/tmp (conninfo) is a Unix-domain socket, which the "
     "policy refuses"},
    {"host=/tmp,a sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2",
     "unix-socket=refuse",
     "refused needs-tls local [host]\nhost=/tmp,a (conninfo) is a Unix-domain socket, which the "
     "policy refuses"},
    {"host=a, sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2",
     "unix-socket=refuse",
     "refused needs-tls local [host]\nhost=a, (conninfo) is a Unix-domain socket, which the policy "
     "refuses"},
    {"host=,a sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2",
     "unix-socket=refuse",
     "refused needs-tls local [host]\nhost=,a (conninfo) is a Unix-domain socket, which the policy "
     "refuses"},
    {"host=a/b sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2",
     "unix-socket=refuse", "allowed needs-tls\n"},
    {"host=a@b sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2",
     "unix-socket=refuse", "allowed needs-tls\n"},
    {"host=/tmp hostaddr=1.2.3.4", "",
     "refused needs-tls lock-min-tls [sslmode] [gssencmode]\nsslmode= (libpq's default) is weaker "
     "than verify-full\ngssencmode= (libpq's default) takes GSSAPI encryption instead of TLS"},
    {"host=/tmp,/x hostaddr=1.2.3.4,", "",
     "refused needs-tls local lock-min-tls [sslmode] [gssencmode]\nsslmode= (libpq's default) is "
     "weaker than verify-full\ngssencmode= (libpq's default) takes GSSAPI encryption instead of "
     "TLS"},
    {"host=/tmp,/x hostaddr=,1.2.3.4", "unix-socket=refuse",
     "refused needs-tls local lock-min-tls [host] [sslmode] [gssencmode]\nhost=/tmp,/x (conninfo) "
     "is a Unix-domain socket, which the policy refuses\nsslmode= (libpq's default) is weaker than "
     "verify-full\ngssencmode= (libpq's default) takes GSSAPI encryption instead of TLS"},
    {"hostaddr=1.2.3.4,1.2.3.5 host=/tmp", "unix-socket=refuse",
     "refused needs-tls lock-min-tls [sslmode] [gssencmode]\nsslmode= (libpq's default) is weaker "
     "than verify-full\ngssencmode= (libpq's default) takes GSSAPI encryption instead of TLS"},
    {"hostaddr=, host=/x", "unix-socket=refuse",
     "refused local [host]\nhost=/x (conninfo) is a Unix-domain socket, which the policy refuses"},
    {"hostaddr=1.2.3.4 host=h,/tmp sslmode=verify-full gssencmode=disable "
     "ssl_min_protocol_version=TLSv1.2",
     "unix-socket=refuse", "allowed needs-tls\n"},
    {"host=h", "weak=h", "allowed exempt\n"},
    {"host=h", "weak=i",
     "refused needs-tls lock-min-tls [sslmode] [gssencmode]\nsslmode= (libpq's default) is weaker "
     "than verify-full\ngssencmode= (libpq's default) takes GSSAPI encryption instead of TLS"},
    {"host=h", "weak=h weak=i",
     "refused needs-tls lock-min-tls [sslmode] [gssencmode]\nsslmode= (libpq's default) is weaker "
     "than verify-full\ngssencmode= (libpq's default) takes GSSAPI encryption instead of TLS"},
    {"host=h", "weak=h weak=h,i", "allowed exempt\n"},
    {"host=h,i", "weak=h",
     "refused needs-tls exempt lock-min-tls [sslmode] [gssencmode]\nsslmode= (libpq's default) is "
     "weaker than verify-full\ngssencmode= (libpq's default) takes GSSAPI encryption instead of "
     "TLS"},
    {"host=h,i", "weak=h,i", "allowed exempt\n"},
    {"host=h,/tmp", "weak=h unix-socket=refuse",
     "refused local exempt [host]\nhost=h,/tmp (conninfo) is a Unix-domain socket, which the "
     "policy refuses"},
    {"host=/tmp", "weak=*", "allowed local\n"},
    {"host=", "weak=*", "allowed local\n"},
    {"host=h hostaddr=1.2.3.4", "weak=h",
     "refused needs-tls lock-min-tls [sslmode] [gssencmode]\nsslmode= (libpq's default) is weaker "
     "than verify-full\ngssencmode= (libpq's default) takes GSSAPI encryption instead of TLS"},
    {"host=h hostaddr=1.2.3.4", "weak=1.2.3.4", "allowed exempt\n"},
    {"host=h hostaddr=1.2.3.4,", "weak=1.2.3.4", "allowed local exempt\n"},
    {"host=h hostaddr=,1.2.3.4", "weak=*", "allowed exempt\n"},
    {"host="
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     "weak=*", "allowed exempt\n"},
    {"host="
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     "weak=*",
     "refused needs-tls lock-min-tls [sslmode] [gssencmode]\nsslmode= (libpq's default) is weaker "
     "than verify-full\ngssencmode= (libpq's default) takes GSSAPI encryption instead of TLS"},
    {"host=h,i", "weak=*", "allowed exempt\n"},
    {"host=hh,i hostaddr=1,2", "weak=1,2", "allowed exempt\n"},
    {"host=hh hostaddr=12", "weak=12", "allowed exempt\n"},
    {"host=h sslmode=verify-full gssencmode=prefer@d ssl_min_protocol_version=TLSv1.2", "",
     "allowed needs-tls lock-gss\n"},
    {"host=h sslmode=verify-full gssencmode=require ssl_min_protocol_version=TLSv1.2", "",
     "refused needs-tls [gssencmode]\ngssencmode=require (conninfo) takes GSSAPI encryption "
     "instead of TLS"},
    {"host=h sslmode=verify-full gssencmode=Disable ssl_min_protocol_version=TLSv1.2", "",
     "refused needs-tls [gssencmode]\ngssencmode=Disable (conninfo) takes GSSAPI encryption "
     "instead of TLS"},
    {"host=h sslmode=verify-full gssencmode=require ssl_min_protocol_version=TLSv1.2",
     "gss-encryption=allow", "allowed needs-tls\n"},
    {"host=h sslmode=verify-full gssencmode=prefer ssl_min_protocol_version=TLSv1.2",
     "gss-encryption=allow", "allowed needs-tls\n"},
    {"host=h sslmode=verify-full ssl_min_protocol_version=TLSv1.2 -gssencmode", "",
     "allowed needs-tls\n"},
    {"host=/tmp gssencmode=require", "", "allowed local\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2",
     "min-tls=1.3", "allowed needs-tls lock-min-tls\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.3",
     "min-tls=1.3", "allowed needs-tls\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=tlsv1.2", "",
     "allowed needs-tls\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=tlsv1.3", "",
     "allowed needs-tls\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.1", "",
     "allowed needs-tls lock-min-tls\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=", "",
     "allowed needs-tls lock-min-tls\n"},
    {"host=h sslmode=verify-full gssencmode=disable -ssl_min_protocol_version", "",
     "allowed needs-tls\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "ssl_max_protocol_version=TLSv1.2",
     "", "allowed needs-tls\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "ssl_max_protocol_version=TLSv1.2",
     "min-tls=1.3",
     "refused needs-tls lock-min-tls [ssl_max_protocol_version]\nssl_max_protocol_version=TLSv1.2 "
     "(conninfo) is older than TLSv1.3, the least that the policy takes"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "ssl_max_protocol_version=TLSv1.3",
     "min-tls=1.3", "allowed needs-tls lock-min-tls\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "ssl_max_protocol_version=TLSv1.1@e",
     "",
     "refused needs-tls [ssl_max_protocol_version]\nssl_max_protocol_version=TLSv1.1 (environment "
     "PGSSLMAXPROTOCOLVERSION) is older than TLSv1.2, the least that the policy takes"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "-ssl_max_protocol_version",
     "", "allowed needs-tls\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "sslrootcert=system",
     "", "allowed needs-tls\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "sslrootcert=system",
     "public-ca=refuse",
     "refused needs-tls [sslrootcert]\nsslrootcert=system (conninfo) trusts every public CA, which "
     "the policy refuses"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "sslrootcert=system -sslcertmode",
     "",
     "refused needs-tls [sslrootcert]\nsslrootcert=system (conninfo) is a file in the current "
     "directory to this libpq, which is older than 16"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "sslrootcert=system -sslcertmode",
     "public-ca=refuse",
     "refused needs-tls [sslrootcert]\nsslrootcert=system (conninfo) is a file in the current "
     "directory to this libpq, which is older than 16"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "sslrootcert=/system",
     "public-ca=refuse", "allowed needs-tls\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "sslrootcert=System -sslcertmode",
     "public-ca=refuse", "allowed needs-tls\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "sslkeylogfile=/k",
     "",
     "refused needs-tls [sslkeylogfile]\nsslkeylogfile=/k (conninfo) writes the session's keys to "
     "a file"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "sslkeylogfile=",
     "", "allowed needs-tls\n"},
    {"host=/tmp sslkeylogfile=/k", "", "allowed local\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 "
     "oauth_ca_file=/c",
     "",
     "refused needs-tls [oauth_ca_file]\noauth_ca_file=/c (conninfo) names the roots of the "
     "OAuth issuer, whom libpq sends secrets to"},
    {"host=/tmp oauth_ca_file=/c", "",
     "refused local [oauth_ca_file]\noauth_ca_file=/c (conninfo) names the roots of the OAuth "
     "issuer, whom libpq sends secrets to"},
    {"host=h oauth_ca_file=/c sslkeylogfile=/k", "weak=h", "allowed exempt\n"},
    {"host=h sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2 !oauth", "",
     "refused needs-tls [PGOAUTHDEBUG]\nPGOAUTHDEBUG=UNSAFE (environment) lets OAuth's secrets go "
     "over plain HTTP, and prints them"},
    {"host=/tmp !oauth", "",
     "refused local [PGOAUTHDEBUG]\nPGOAUTHDEBUG=UNSAFE (environment) lets OAuth's secrets go over "
     "plain HTTP, and prints them"},
    {"host=h !oauth", "weak=h", "allowed exempt\n"},
    {"host=h,/tmp sslmode=disable gssencmode=require ssl_max_protocol_version=TLSv1 "
     "sslrootcert=system sslkeylogfile=/k oauth_ca_file=/c !oauth",
     "unix-socket=refuse public-ca=refuse",
     "refused needs-tls local lock-min-tls [host] [sslmode] [gssencmode] "
     "[ssl_max_protocol_version] [sslrootcert] [sslkeylogfile] [oauth_ca_file] "
     "[PGOAUTHDEBUG]\nhost=h,/tmp (conninfo) is a Unix-domain socket, which the policy "
     "refuses\nsslmode=disable (conninfo) is weaker than verify-full\ngssencmode=require "
     "(conninfo) takes GSSAPI encryption instead of TLS\nssl_max_protocol_version=TLSv1 (conninfo) "
     "is older than TLSv1.2, the least that the policy takes\nsslrootcert=system (conninfo) trusts "
     "every public CA, which the policy refuses\nsslkeylogfile=/k (conninfo) writes the session's "
     "keys to a file\noauth_ca_file=/c (conninfo) names the roots of the OAuth issuer, whom "
     "libpq sends secrets to\nPGOAUTHDEBUG=UNSAFE (environment) lets OAuth's secrets go over plain "
     "HTTP, and prints them"},
    {"host=h sslmode=a=b", "",
     "refused needs-tls lock-min-tls [sslmode] [gssencmode]\nsslmode=******** (conninfo) is weaker "
     "than verify-full\ngssencmode= (libpq's default) takes GSSAPI encryption instead of TLS"},
    {"host=/tmp,u:p@x sslmode=verify-full", "unix-socket=refuse",
     "refused needs-tls local lock-min-tls [host] [gssencmode]\nhost=******** (conninfo) is a "
     "Unix-domain socket, which the policy refuses\ngssencmode= (libpq's default) takes GSSAPI "
     "encryption instead of TLS"},
    {"host=h sslmode=a\x07"
     "b\\c",
     "",
     "refused needs-tls lock-min-tls [sslmode] [gssencmode]\nsslmode=a\\x07b\\c (conninfo) is "
     "weaker than verify-full\ngssencmode= (libpq's default) takes GSSAPI encryption instead of "
     "TLS"},
    {"host=/tmp dbname=a@b", "unix-socket=refuse",
     "refused local [host]\nhost=******** (conninfo) is a Unix-domain socket, which the policy "
     "refuses"},
    {"host=/tmp dbname=a@b user=a@b", "unix-socket=refuse",
     "refused local [host]\nhost=/tmp (conninfo) is a Unix-domain socket, which the policy "
     "refuses"},
    {"host=/tmp !ambiguous", "unix-socket=refuse",
     "refused local [host]\nhost=******** (conninfo) is a Unix-domain socket, which the policy "
     "refuses"},
};

/* What a program is told. */
static const struct {
	const char *settings;
	const char *policy;
	const char *expected;
} messages[] = {
    {"host=h sslmode=prefer", "",
     "pganchor refused this connection: \n    sslmode=prefer (conninfo) is weaker than "
     "verify-full\n    gssencmode= (libpq's default) takes GSSAPI encryption instead of TLS\n    "
     "use a service of \"pganchor service list\", or sslmode=verify-full; \"pganchor explain "
     "'host=h sslmode=prefer'\" says what to change"},
    {"host=h sslmode=prefer@d", "",
     "pganchor refused this connection: \n    sslmode=prefer (libpq's default) is weaker than "
     "verify-full\n    gssencmode= (libpq's default) takes GSSAPI encryption instead of TLS\n    "
     "use a service of \"pganchor service list\", or sslmode=verify-full; \"pganchor explain "
     "'host=h'\" says what to change"},
    {"host=h sslmode=prefer@s service=prod", "",
     "pganchor refused this connection: \n    sslmode=prefer (service prod in /etc/services) is "
     "weaker than verify-full\n    gssencmode= (libpq's default) takes GSSAPI encryption instead "
     "of TLS\n    write sslmode=verify-full into service prod; \"pganchor explain service=prod\" "
     "says what to change"},
    {"host=h sslmode=prefer service=pr~od", "",
     "pganchor refused this connection: \n    sslmode=prefer (conninfo) is weaker than "
     "verify-full\n    gssencmode= (libpq's default) takes GSSAPI encryption instead of TLS\n    "
     "use a service of \"pganchor service list\", or sslmode=verify-full; \"pganchor explain "
     "'host=h sslmode=prefer'\" says what to change"},
    {"host=h sslmode=prefer service=", "",
     "pganchor refused this connection: \n    sslmode=prefer (conninfo) is weaker than "
     "verify-full\n    gssencmode= (libpq's default) takes GSSAPI encryption instead of TLS\n    "
     "use a service of \"pganchor service list\", or sslmode=verify-full; \"pganchor explain "
     "'host=h sslmode=prefer'\" says what to change"},
    {"host=h sslmode=prefer service=prod servicefile=/s", "",
     "pganchor refused this connection: \n    sslmode=prefer (conninfo) is weaker than "
     "verify-full\n    gssencmode= (libpq's default) takes GSSAPI encryption instead of TLS\n    "
     "write sslmode=verify-full into service prod of /s; \"pganchor explain 'service=prod "
     "servicefile=/s'\" says what to change"},
    {"host=h sslmode=prefer service=prod servicefile=/s@d", "",
     "pganchor refused this connection: \n    sslmode=prefer (conninfo) is weaker than "
     "verify-full\n    gssencmode= (libpq's default) takes GSSAPI encryption instead of TLS\n    "
     "write sslmode=verify-full into service prod; \"pganchor explain service=prod\" says what "
     "to change"},
    {"host=h sslmode=prefer service=prod servicefile=/s~x", "",
     "pganchor refused this connection: \n    sslmode=prefer (conninfo) is weaker than "
     "verify-full\n    gssencmode= (libpq's default) takes GSSAPI encryption instead of TLS\n    "
     "write sslmode=verify-full into service prod; \"pganchor explain service=prod\" says what "
     "to change"},
    {"host=h sslmode=prefer service=prod servicefile=/s@e", "",
     "pganchor refused this connection: \n    sslmode=prefer (conninfo) is weaker than "
     "verify-full\n    gssencmode= (libpq's default) takes GSSAPI encryption instead of TLS\n    "
     "write sslmode=verify-full into service prod; \"pganchor explain service=prod\" says what "
     "to change"},
    {"host=h sslmode=prefer service=prod servicefile=/s !untraced", "",
     "pganchor refused this connection: \n    sslmode=prefer (the program's, or libpq's default) "
     "is weaker than verify-full\n    gssencmode= (the program's, or libpq's default) takes GSSAPI "
     "encryption instead of TLS\n    write sslmode=verify-full into service prod; \"pganchor "
     "explain service=prod\" says what to change"},
    {"sslmode=prefer hostaddr=1.2.3.4", "",
     "pganchor refused this connection: \n    sslmode=prefer (conninfo) is weaker than "
     "verify-full\n    gssencmode= (libpq's default) takes GSSAPI encryption instead of TLS\n    "
     "use a service of \"pganchor service list\", or sslmode=verify-full; \"pganchor explain\" "
     "says what to change"},
    {"host=h'x sslmode=prefer", "",
     "pganchor refused this connection: \n    sslmode=prefer (conninfo) is weaker than "
     "verify-full\n    gssencmode= (libpq's default) takes GSSAPI encryption instead of TLS\n    "
     "use a service of \"pganchor service list\", or sslmode=verify-full; \"pganchor explain\" "
     "says what to change"},
    {"host=h\"x sslmode=prefer", "",
     "pganchor refused this connection: \n    sslmode=prefer (conninfo) is weaker than "
     "verify-full\n    gssencmode= (libpq's default) takes GSSAPI encryption instead of TLS\n    "
     "use a service of \"pganchor service list\", or sslmode=verify-full; \"pganchor explain\" "
     "says what to change"},
    {"host=h\\x sslmode=prefer", "",
     "pganchor refused this connection: \n    sslmode=prefer (conninfo) is weaker than "
     "verify-full\n    gssencmode= (libpq's default) takes GSSAPI encryption instead of TLS\n    "
     "use a service of \"pganchor service list\", or sslmode=verify-full; \"pganchor explain\" "
     "says what to change"},
    {"host=a@b sslmode=prefer", "",
     "pganchor refused this connection: \n    sslmode=prefer (conninfo) is weaker than "
     "verify-full\n    gssencmode= (libpq's default) takes GSSAPI encryption instead of TLS\n    "
     "use a service of \"pganchor service list\", or sslmode=verify-full; \"pganchor explain\" "
     "says what to change"},
    {"host=h~x sslmode=prefer", "",
     "pganchor refused this connection: \n    sslmode=prefer (conninfo) is weaker than "
     "verify-full\n    gssencmode= (libpq's default) takes GSSAPI encryption instead of TLS\n    "
     "use a service of \"pganchor service list\", or sslmode=verify-full; \"pganchor explain\" "
     "says what to change"},
    {"host=h\x7F sslmode=prefer", "",
     "pganchor refused this connection: \n    sslmode=prefer (conninfo) is weaker than "
     "verify-full\n    gssencmode= (libpq's default) takes GSSAPI encryption instead of TLS\n    "
     "use a service of \"pganchor service list\", or sslmode=verify-full; \"pganchor explain\" "
     "says what to change"},
    {"host=h! sslmode=prefer", "",
     "pganchor refused this connection: \n    sslmode=prefer (conninfo) is weaker than "
     "verify-full\n    gssencmode= (libpq's default) takes GSSAPI encryption instead of TLS\n    "
     "use a service of \"pganchor service list\", or sslmode=verify-full; \"pganchor explain "
     "'host=h! sslmode=prefer'\" says what to change"},
    {"host=h} sslmode=prefer", "",
     "pganchor refused this connection: \n    sslmode=prefer (conninfo) is weaker than "
     "verify-full\n    gssencmode= (libpq's default) takes GSSAPI encryption instead of TLS\n    "
     "use a service of \"pganchor service list\", or sslmode=verify-full; \"pganchor explain "
     "'host=h} sslmode=prefer'\" says what to change"},
    {"host=h\x1F sslmode=prefer", "",
     "pganchor refused this connection: \n    sslmode=prefer (conninfo) is weaker than "
     "verify-full\n    gssencmode= (libpq's default) takes GSSAPI encryption instead of TLS\n    "
     "use a service of \"pganchor service list\", or sslmode=verify-full; \"pganchor explain\" "
     "says what to change"},
    {"host=h sslmode=pr'efer", "",
     "pganchor refused this connection: \n    sslmode=pr'efer (conninfo) is weaker than "
     "verify-full\n    gssencmode= (libpq's default) takes GSSAPI encryption instead of TLS\n    "
     "use a service of \"pganchor service list\", or sslmode=verify-full; \"pganchor explain\" "
     "says what to change"},
    {"host=/tmp", "unix-socket=refuse",
     "pganchor refused this connection: host=/tmp (conninfo) is a Unix-domain socket, which the "
     "policy refuses\n    use a service of \"pganchor service list\", or sslmode=verify-full; "
     "\"pganchor explain 'host=/tmp'\" says what to change"},
    {"host=/tmp sslmode=verify-full", "unix-socket=refuse",
     "pganchor refused this connection: host=/tmp (conninfo) is a Unix-domain socket, which the "
     "policy refuses\n    \"pganchor explain 'host=/tmp sslmode=verify-full'\" says what "
     "to change"},
    {"host=/tmp sslmode=verify-full@d", "unix-socket=refuse",
     "pganchor refused this connection: host=/tmp (conninfo) is a Unix-domain socket, which the "
     "policy refuses\n    \"pganchor explain 'host=/tmp'\" says what to change"},
    {"host=h sslmode=verify-full gssencmode=require ssl_max_protocol_version=TLSv1", "",
     "pganchor refused this connection: \n    gssencmode=require (conninfo) takes GSSAPI "
     "encryption instead of TLS\n    ssl_max_protocol_version=TLSv1 (conninfo) is older than "
     "TLSv1.2, the least that the policy takes\n    \"pganchor explain 'host=h "
     "sslmode=verify-full'\" says what to change"},
    {"host=h sslmode=disable gssencmode=require", "",
     "pganchor refused this connection: \n    sslmode=disable (conninfo) is weaker than "
     "verify-full\n    gssencmode=require (conninfo) takes GSSAPI encryption instead of TLS\n    "
     "use a service of \"pganchor service list\", or sslmode=verify-full; \"pganchor explain "
     "'host=h sslmode=disable'\" says what to change"},
    {"host=h sslmode=disable gssencmode=require -servicefile -service", "",
     "pganchor refused this connection: \n    sslmode=disable (conninfo) is weaker than "
     "verify-full\n    gssencmode=require (conninfo) takes GSSAPI encryption instead of TLS\n    "
     "use a service of \"pganchor service list\", or sslmode=verify-full; \"pganchor explain "
     "'host=h sslmode=disable'\" says what to change"},
    {"host=h -sslmode", "",
     "pganchor refused this connection: \n    sslmode is "
     "weaker than verify-full\n    gssencmode= (libpq's default) takes GSSAPI encryption instead "
     "of TLS\n    use a service of \"pganchor service list\", or sslmode=verify-full; \"pganchor "
     "explain 'host=h'\" says what to change"},
};

static const struct {
	const char *settings;
	const char *policy;
	const char *name;
	bool expected;
} exempt[] = {
    {"host=h", "weak=h", "h", true},
    {"host=h", "weak=h", "i", false},
    {"host=h", "weak=h", "hh", false},
    {"host=hh", "weak=*", "h", false},
    {"host=h", "", "h", false},
    {"host=h,i", "weak=i", "i", true},
    {"host=i,h", "weak=i", "i", true},
    {"host=h,h hostaddr=1.2.3.4,1.2.3.5", "weak=1.2.3.4", "h", false},
    {"host=h,h hostaddr=1.2.3.4,1.2.3.5", "weak=1.2.3.5", "h", false},
    {"host=h,h hostaddr=1.2.3.4,1.2.3.5", "weak=1.2.3.4,1.2.3.5", "h", true},
    {"hostaddr=1.2.3.4", "weak=1.2.3.4", "1.2.3.4", true},
    {"host=h hostaddr=1.2.3.4", "weak=1.2.3.4", "1.2.3.4", false},
    {"host=h hostaddr=1.2.3.4", "weak=1.2.3.4", "h", true},
    {"host=,i hostaddr=1.2.3.4,1.2.3.5", "weak=*", "1.2.3.4", true},
    {"host=/tmp", "weak=*", "/tmp", false},
    {"host=i,j", "weak=*", "k", false},
    {"host=h hostaddr=,", "weak=*", "h", true},
};

static void add_verdict(const struct pga_verdict *verdict, struct pga_text *text)
{
	pga_text_add(text, verdict->allowed ? "allowed" : "refused");
	pga_text_add(text, verdict->needs_tls ? " needs-tls" : "");
	pga_text_add(text, verdict->local ? " local" : "");
	pga_text_add(text, verdict->exempt ? " exempt" : "");
	pga_text_add(text, verdict->lock_gss ? " lock-gss" : "");
	pga_text_add(text, verdict->lock_min_tls ? " lock-min-tls" : "");
	pga_text_add(text, verdict->lock_binding ? " lock-binding" : "");
	pga_text_add(text, verdict->lock_auth ? " lock-auth" : "");
	if (verdict->auth[0] != '\0')
		pga_text_addf(text, " (%s)", verdict->auth);
	for (size_t i = 0; i < verdict->reasons; i++)
		pga_text_addf(text, " [%s]", verdict->weak[i]);
	pga_text_addf(text, "\n%s", pga_text_string(&verdict->why));
}

static void what_is_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++) {
		struct pga_text text = PGA_TEXT_EMPTY;
		struct settings settings;
		struct pga_policy policy;
		struct pga_verdict verdict;

		make_settings(&settings, verdicts[i].settings);
		make_policy(&policy, verdicts[i].policy);
		pga_judge(&settings.effective, &policy, &verdict);
		add_verdict(&verdict, &text);
		assert_text(&text, verdicts[i].expected);
		pga_verdict_free(&verdict);
		free_policy(&policy);
	}
}

static void what_cannot_be_locked_is_refused(void **state)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	struct settings settings;
	struct pga_policy policy;
	struct pga_verdict verdict;

	(void)state;
	make_policy(&policy, "");
	make_settings(&settings, "host=h sslmode=verify-full gssencmode=prefer@d");
	pga_judge(&settings.effective, &policy, &verdict);
	assert_true(verdict.allowed && verdict.lock_gss);
	pga_verdict_without_locks(&verdict, &settings.effective);
	add_verdict(&verdict, &text);
	assert_text(
	    &text, "refused needs-tls lock-min-tls [gssencmode]\n"
		   "gssencmode=prefer (libpq's default) can take GSSAPI encryption instead of TLS");
	/* Once, and only what was to be locked. */
	pga_verdict_without_locks(&verdict, &settings.effective);
	assert_int_equal(verdict.reasons, 1);
	pga_verdict_free(&verdict);
}

/* Once the session stands, what it does not show. */
static void how_it_logs_in_cannot_be_locked_later(void **state)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	struct settings settings;
	struct pga_policy policy;
	struct pga_verdict verdict;

	(void)state;
	make_policy(&policy, "channel-binding=require auth=gss");
	make_settings(&settings, "host=h sslmode=verify-full gssencmode=prefer "
				 "ssl_min_protocol_version=TLSv1.2 channel_binding=prefer@d "
				 "require_auth=!md5");
	pga_judge(&settings.effective, &policy, &verdict);
	assert_true(verdict.allowed && verdict.lock_binding && verdict.lock_auth);
	pga_verdict_without_login_locks(&verdict, &settings.effective);
	add_verdict(&verdict, &text);
	assert_text(
	    &text,
	    "refused needs-tls lock-gss (gss) [channel_binding] [require_auth]\n"
	    "channel_binding=prefer (libpq's default) can do without channel binding, which "
	    "the policy requires\n"
	    "require_auth=!md5 (conninfo) lets in methods of authentication that the policy's "
	    "auth does not");
	pga_verdict_without_login_locks(&verdict, &settings.effective);
	assert_int_equal(verdict.reasons, 2);
	pga_verdict_without_locks(&verdict, &settings.effective);
	assert_int_equal(verdict.reasons, 3);
	pga_verdict_free(&verdict);
}

static void what_a_program_is_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
		struct pga_text text = PGA_TEXT_EMPTY;
		struct settings settings;
		struct pga_policy policy;
		struct pga_verdict verdict;

		make_settings(&settings, messages[i].settings);
		make_policy(&policy, messages[i].policy);
		pga_judge(&settings.effective, &policy, &verdict);
		pga_verdict_message(&verdict, &settings.effective, &text);
		assert_text(&text, messages[i].expected);
		pga_verdict_free(&verdict);
		free_policy(&policy);
	}
}

static void which_hosts_are_exempt(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof exempt / sizeof exempt[0]; i++) {
		struct settings settings;
		struct pga_policy policy;

		make_settings(&settings, exempt[i].settings);
		make_policy(&policy, exempt[i].policy);
		if (pga_host_is_exempt(&settings.effective, &policy, exempt[i].name) !=
		    exempt[i].expected)
			fail_msg("%s, %s: %s", exempt[i].settings, exempt[i].policy,
				 exempt[i].name);
		free_policy(&policy);
	}
}

/* A name that is longer than any host's is none that the policy's patterns are about. */
static void how_long_a_name_may_be(void **state)
{
	(void)state;
	for (int length = 254; length <= 257; length++) {
		struct settings settings;
		struct pga_policy policy;
		struct pga_verdict verdict;
		char words[LONGEST + 64];
		char name[LONGEST] = "";

		memset(name, 'a', (size_t)length);
		(void)snprintf(words, sizeof words, "host=%s sslmode=disable", name);
		make_settings(&settings, words);
		make_policy(&policy, "weak=*");
		assert_int_equal(pga_host_is_exempt(&settings.effective, &policy, name),
				 length <= 255);
		pga_judge(&settings.effective, &policy, &verdict);
		assert_int_equal(verdict.exempt, length <= 255);
		assert_int_equal(verdict.needs_tls, length > 255);
		pga_verdict_free(&verdict);
		free_policy(&policy);
	}
}

/* What a command that writes an entry anew leaves out. */
static bool is_left_out(const char *setting)
{
	const struct pga_setting_rule *rule = pga_setting_rule(setting);

	return rule != NULL && (rule->flags & PGA_RULE_KEPT) == 0;
}

static void what_gives_secrets_away(void **state)
{
	(void)state;
	assert_true(is_left_out("sslkeylogfile"));
	assert_true(is_left_out("oauth_ca_file"));
	assert_false(is_left_out("sslkey"));
	assert_false(is_left_out("oauth_issuer"));
	assert_false(is_left_out(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_judged),
	    cmocka_unit_test(what_cannot_be_locked_is_refused),
	    cmocka_unit_test(how_it_logs_in_cannot_be_locked_later),
	    cmocka_unit_test(what_a_program_is_told),
	    cmocka_unit_test(which_hosts_are_exempt),
	    cmocka_unit_test(how_long_a_name_may_be),
	    cmocka_unit_test(what_gives_secrets_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
