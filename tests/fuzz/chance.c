#include "chance.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers: splitmix64 ---- */

static uint64_t state;

uint64_t chance_next(void)
{
	uint64_t z = state += 0x9E3779B97F4A7C15U;

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
	return z ^ (z >> 31);
}

void chance_seed(uint64_t seed, uint64_t stream)
{
	state = seed;
	state = chance_next() ^ stream;
	state = chance_next();
}

size_t chance_below(size_t limit)
{
	return (size_t)(chance_next() % limit);
}

bool chance_once_in(size_t times)
{
	return chance_below(times) == 0;
}

/* ---- texts ---- */

static char arena[1 << 17];
static size_t arena_used;

static char *keep(const char *format, ...) __attribute__((format(printf, 1, 2)));

static char *keep(const char *format, ...)
{
	char *text = arena + arena_used;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text, sizeof arena - arena_used, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= sizeof arena - arena_used)
		abort();
	arena_used += (size_t)length + 1;
	return text;
}

#define PICK(list) (list)[chance_below(sizeof(list) / sizeof(list)[0])]

/* ---- settings ---- */

#define SETTINGS 80

static const char *all_keywords[SETTINGS];
static const char *all_variables[SETTINGS];
static size_t setting_count;
static const char *directory;

void chance_settings(const char *const *keywords, const char *const *variables, const char *where)
{
	for (; keywords[setting_count] != NULL && setting_count < SETTINGS; setting_count++) {
		all_keywords[setting_count] = keywords[setting_count];
		all_variables[setting_count] = variables[setting_count];
	}
	directory = where;
}

static const char *const hosts[] = {"localhost",
				    "127.0.0.1",
				    "/tmp",
				    "",
				    "/tmp,localhost",
				    "localhost,/tmp",
				    "localhost,localhost",
				    ",",
				    "localhost,",
				    "@nowhere",
				    "/nowhere",
				    "LOCALHOST",
				    "missing.example",
				    "a.weak.example",
				    "A.Weak.Example.",
				    "weak.example",
				    "a.weak.example,localhost",
				    "a.weak.example,b.weak.example",
				    "10.0.0.1",
				    "10.0.0.1,localhost",
				    "::1",
				    ",a.weak.example",
				    "db.example.com",
				    ",localhost",
				    "localhost,,localhost",
				    " localhost",
				    "xweak.example",
				    "missing,localhost"};
static const char *const addresses[] = {
    "127.0.0.1", "",         "127.0.0.1,127.0.0.1", ",127.0.0.1",        "127.0.0.1,",
    "::1",       "10.0.0.1", "10.0.0.1,127.0.0.1",  "10.0.0.1,10.0.0.1", ",",
    "localhost", "10.0.0.1,"};
static const char *const ports[] = {"5432", "5432",  "5432,5433", "",  "0",     "70000",
				    "x",    "5432,", ",",         "1", "5432,0"};
static const char *const sslmodes[] = {"verify-full", "verify-full",  "verify-full",
				       "verify-ca",   "require",      "prefer",
				       "allow",       "disable",      "",
				       "VERIFY-FULL", "verify-full ", "verify"};
static const char *const negotiations[] = {"postgres", "direct", "", "requiredirect"};
static const char *const gssencmodes[] = {"disable", "disable", "prefer", "require",
					  "",        "DISABLE", "allow"};
static const char *const tls_versions[] = {"TLSv1",   "TLSv1.1", "TLSv1.2", "tlsv1.3",
					   "TLSv1.3", "",        "SSLv3",   "TLSv1.2 "};
static const char *const rootcerts[] = {"system", "system", "/nowhere", "", "System"};
static const char *const services[] = {"weak",   "strong", "twice", "odd",  "missing",
				       "nested", "lookup", "",      "weak]"};
static const char *const oauth_roots[] = {"/nowhere/own.crt", "", "x"};
static const char *const oauth_debugs[] = {"UNSAFE", "UNSAFE:http",   "UNSAFE:", "UNSAFER",
					   "unsafe", "plugin-errors", ""};
static const char *const digits[] = {"0", "1", "", "x"};
static const char *const keylogs[] = {"/nowhere/keys", "", "x"};
static const char *const bindings[] = {"require", "disable", "prefer", ""};
static const char *const targets[] = {"any",      "any", "read-write", "standby", "prefer-standby",
				      "nonsense", ""};
static const char *const timeouts[] = {"2", "0", "", "x", "-1"};
static const char *const users[] = {"app", "app", "", "a b"};
static const char *const passwords[] = {"secret", "it's", ""};
static const char *const dbnames[] = {
    "app", "host=localhost", "postgresql://localhost/x", "sslmode=disable", "=",
    "",    "service=weak"};
static const char *const balances[] = {"random", "disable", "", "x"};
static const char *const auth_methods[] = {"password",      "!password", "none",
					   "scram-sha-256", "",          "x"};
static const char *const encodings[] = {"auto", "UTF8", "", "x"};
static const char *const any_values[] = {"", "0", "1", "x", "disable", "/nowhere", "any"};

#define POOL(keyword, list)                                   \
	{                                                     \
		keyword, list, sizeof(list) / sizeof(list)[0] \
	}
static const struct pool {
	const char *keyword;
	const char *const *values;
	size_t count;
} pools[] = {
    POOL("host", hosts),
    POOL("hostaddr", addresses),
    POOL("port", ports),
    POOL("sslmode", sslmodes),
    POOL("gssencmode", gssencmodes),
    POOL("service", services),
    POOL("sslrootcert", rootcerts),
    POOL("ssl_min_protocol_version", tls_versions),
    POOL("ssl_max_protocol_version", tls_versions),
    POOL("sslkeylogfile", keylogs),
    POOL("sslnegotiation", negotiations),
    POOL("requiressl", digits),
    POOL("channel_binding", bindings),
    POOL("target_session_attrs", targets),
    POOL("connect_timeout", timeouts),
    POOL("user", users),
    POOL("password", passwords),
    POOL("dbname", dbnames),
    POOL("load_balance_hosts", balances),
    POOL("require_auth", auth_methods),
    POOL("sslcompression", digits),
    POOL("sslsni", digits),
    POOL("client_encoding", encodings),
    POOL("replication", any_values),
    POOL("oauth_ca_file", oauth_roots),
};

struct setting {
	const char *keyword;
	const char *value;
};

static const char *value_for(const char *keyword)
{
	for (size_t i = 0; i < sizeof pools / sizeof pools[0]; i++)
		if (strcmp(pools[i].keyword, keyword) == 0)
			return pools[i].values[chance_below(pools[i].count)];
	return PICK(any_values);
}

/* Not every libpq knows each: what it does not know, it refuses, which is worth little more than
 * one look. */
static bool is_known(const char *keyword)
{
	for (size_t i = 0; i < setting_count; i++)
		if (strcmp(all_keywords[i], keyword) == 0)
			return true;
	return strcmp(keyword, "requiressl") == 0;
}

static struct setting any_setting(void)
{
	static const char *const odd[] = {" ",    "\t", "'", "\\", "%00", "\xC3\xA9",
					  "\xFF", ",",  "=", "\n", "\r",  "."};
	struct setting setting;
	size_t kind = chance_below(10);

	setting.keyword = kind < 3   ? pools[chance_below(4)].keyword
			  : kind < 8 ? pools[chance_below(sizeof pools / sizeof pools[0])].keyword
				     : all_keywords[chance_below(setting_count)];
	if (!is_known(setting.keyword) && !chance_once_in(50))
		setting.keyword = "sslmode";
	if (chance_once_in(400))
		setting.keyword = "nonsense";
	setting.value = value_for(setting.keyword);
	if (strcmp(setting.keyword, "servicefile") == 0 && !chance_once_in(3))
		setting.value = keep("%s/services", directory);
	if (chance_once_in(60))
		setting.value = chance_once_in(3) ? keep("%s%s", PICK(odd), setting.value)
						  : keep("%s%s", setting.value, PICK(odd));
	return setting;
}

/* One that libpq takes, and that a verdict may hang on. */
static struct setting telling_setting(void)
{
	static const struct setting telling[] = {{"hostaddr", "127.0.0.1"},
						 {"hostaddr", "10.0.0.1"},
						 {"host", "localhost"},
						 {"host", "a.weak.example"},
						 {"host", "/tmp"},
						 {"host", ""},
						 {"host", "localhost,"},
						 {"host", ",localhost"},
						 {"host", "10.0.0.1,db.example.com"},
						 {"host", "a.weak.example,LOCALHOST."},
						 {"sslmode", "require"},
						 {"sslmode", "verify-ca"},
						 {"sslmode", "disable"},
						 {"sslmode", "verify-full"},
						 {"gssencmode", "require"},
						 {"gssencmode", "prefer"},
						 {"gssencmode", "disable"},
						 {"ssl_min_protocol_version", "TLSv1"},
						 {"ssl_min_protocol_version", "TLSv1.3"},
						 {"ssl_min_protocol_version", ""},
						 {"ssl_max_protocol_version", "TLSv1.2"},
						 {"ssl_max_protocol_version", "tlsv1.2"},
						 {"ssl_max_protocol_version", ""},
						 {"ssl_max_protocol_version", "TLSv1.3"},
						 {"sslrootcert", "system"},
						 {"sslnegotiation", "direct"},
						 {"sslnegotiation", "postgres"},
						 {"sslkeylogfile", "/nowhere/keys"},
						 {"oauth_ca_file", "/nowhere/own.crt"},
						 {"service", "weak"},
						 {"service", "strong"},
						 {"service", "twice"},
						 {"load_balance_hosts", "random"},
						 {"requiressl", "1"},
						 {"requiressl", "0"},
						 {"channel_binding", "require"},
						 {"target_session_attrs", "read-write"}};
	struct setting setting = PICK(telling);

	return is_known(setting.keyword) ? setting : (struct setting){"sslmode", "verify-full"};
}

/* Half of them near what is just strong enough, which most other settings would make an error of
 * libpq's. */
static size_t some_settings(struct setting *settings)
{
	static const char *const modes[] = {"verify-full", "verify-full", "verify-full", "require"};
	static const size_t more[] = {0, 0, 1, 1, 1, 2, 3};
	static const size_t many[] = {0, 1, 2, 2, 3, 5};
	const bool near_the_edge = !chance_once_in(3);
	size_t count = 0;
	size_t wanted = near_the_edge ? PICK(more) : PICK(many);

	if (near_the_edge) {
		if (!chance_once_in(8))
			settings[count++] =
			    (struct setting){"host", chance_once_in(3) ? PICK(hosts) : "localhost"};
		if (!chance_once_in(6))
			settings[count++] = (struct setting){"sslmode", PICK(modes)};
	}
	for (; wanted > 0; wanted--)
		settings[count++] =
		    near_the_edge && !chance_once_in(8) ? telling_setting() : any_setting();
	return count;
}

/* ---- connection strings ---- */

static const char *word(const struct setting *setting)
{
	char quoted[700];
	size_t length = 0;

	if (setting->value[0] != '\0' && strpbrk(setting->value, " '\\\t\n\r") == NULL &&
	    chance_once_in(2))
		return keep("%s=%s", setting->keyword, setting->value);
	for (const char *at = setting->value; *at != '\0' && length < sizeof quoted - 3; at++) {
		if (*at == '\'' || *at == '\\')
			quoted[length++] = '\\';
		quoted[length++] = *at;
	}
	quoted[length] = '\0';
	return keep("%s%s'%s'", setting->keyword, chance_once_in(3) ? " = " : "=", quoted);
}

static const char *joined(const struct setting *settings, size_t count)
{
	const char *text = "";

	for (size_t i = 0; i < count; i++)
		text = keep("%s%s%s", text, i > 0 ? " " : "", word(&settings[i]));
	return text;
}

static const char *encoded(const char *value)
{
	char text[1500];
	size_t length = 0;

	for (; *value != '\0' && length < sizeof text - 4; value++)
		if (strchr("/ =&%\xFF\n", *value) != NULL && !chance_once_in(20))
			length += (size_t)sprintf(text + length, "%%%02X",
						  (unsigned)(unsigned char)*value);
		else
			text[length++] = *value;
	text[length] = '\0';
	return keep("%s", text);
}

static const char *uri(void)
{
	static const char *const schemes[] = {"postgresql://", "postgres://", "postgresql://",
					      "postgresql:/", "Postgresql://"};
	static const char *const places[] = {
	    "localhost",  "127.0.0.1", "",          "localhost,127.0.0.1",
	    "[::1]",      "%2Ftmp",    "localhost", "a.weak.example",
	    ",localhost", "10.0.0.1"};
	static const char *const port_texts[] = {"", ":5432", ":", ":x"};
	static const char *const user_texts[] = {"", "app@", "app:secret@", ":@", "a@b@"};
	struct setting settings[16];
	size_t count = some_settings(settings);
	const char *text;

	text = keep("%s%s%s%s%s%s", PICK(schemes), PICK(user_texts), PICK(places), PICK(port_texts),
		    chance_once_in(10) ? "" : "/", chance_once_in(2) ? "app" : "");
	for (size_t i = 0; i < count; i++)
		text = keep("%s%c%s=%s", text, i > 0 ? '&' : '?', encoded(settings[i].keyword),
			    encoded(settings[i].value));
	if (chance_once_in(15))
		text = keep("%s%cssl=%s", text, count > 0 ? '&' : '?',
			    chance_once_in(3) ? "false" : "true");
	return text;
}

static const char *string(void)
{
	static const char *const short_ones[] = {
	    "", " ", "x", "=", "host", "service=weak", "service=strong", "\t\n"};
	static const char letters[] = "host=localsm '\\,:/@?&%\tverify-fu";
	struct setting settings[16];
	size_t kind = chance_below(100);
	char noise[40];
	size_t length = chance_below(30);

	if (kind < 64)
		return joined(settings, some_settings(settings));
	if (kind < 90)
		return uri();
	if (kind < 97)
		return PICK(short_ones);
	for (size_t i = 0; i < length; i++)
		noise[i] = letters[chance_below(sizeof letters - 1)];
	noise[length] = '\0';
	return keep("%s", noise);
}

/* ---- cases ---- */

static void make_parameters(struct chance_case *made)
{
	struct setting settings[16];
	size_t count = some_settings(settings);
	size_t filled = 0;
	size_t dbname = chance_below(count + 1);
	bool has_dbname = chance_below(5) < 2;

	for (size_t i = 0; i <= count; i++) {
		if (has_dbname && i == dbname) {
			made->keywords[filled] = "dbname";
			made->values[filled++] = string();
		}
		if (i < count) {
			made->keywords[filled] = chance_once_in(300) ? "" : settings[i].keyword;
			made->values[filled++] = chance_once_in(40) ? NULL : settings[i].value;
		}
	}
	made->keywords[filled] = NULL;
	made->values[filled] = NULL;
	made->expand_dbname = (int)chance_below(2);
}

static const char *argument(const char *value)
{
	return chance_once_in(3) ? NULL : value;
}

void chance_make_case(struct chance_case *made)
{
	static const enum way ways[] = {
	    CONNECTDB,        CONNECTDB,        CONNECTDB,    CONNECT_START,
	    CONNECTDB_PARAMS, CONNECTDB_PARAMS, START_PARAMS, START_PARAMS,
	    SETDB_LOGIN,      SETDB_LOGIN,      PING,         PING_PARAMS};

	arena_used = 0;
	memset(made, 0, sizeof *made);
	made->way = PICK(ways);
	switch (made->way) {
	case CONNECTDB:
	case CONNECT_START:
	case PING:
		made->text = string();
		break;
	case SETDB_LOGIN:
		made->login[0] = argument(PICK(hosts));
		made->login[1] = argument(PICK(ports));
		made->login[2] = argument("-c x=y");
		made->login[3] = argument("tty");
		made->login[4] = argument(string());
		made->login[5] = argument(PICK(users));
		made->login[6] = argument(PICK(passwords));
		break;
	default:
		make_parameters(made);
		break;
	}
}

/* ---- environments ---- */

void chance_environment(void)
{
	static const char *const others[] = {"PGTZ", "PGGEQO", "PGDATESTYLE", "PGLOCALEDIR"};
	static const size_t more[] = {0, 0, 0, 1, 1, 2, 3};

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		(void)unsetenv(others[i]);
	(void)unsetenv("PGREQUIRESSL");
	(void)unsetenv("PGOAUTHDEBUG");
	(void)unsetenv("PGSERVICEFILE");
	(void)unsetenv("PGSYSCONFDIR");
	for (size_t i = 0; i < setting_count; i++)
		if (all_variables[i] != NULL)
			(void)unsetenv(all_variables[i]);
	if (!chance_once_in(10))
		(void)setenv("PGUSER", "app", 1);
	for (size_t count = PICK(more); count > 0; count--) {
		/* Half of them those that the verdict hangs on. */
		const char *keyword =
		    pools[chance_below(chance_once_in(2) ? 12 : sizeof pools / sizeof pools[0])]
			.keyword;

		if (chance_once_in(4))
			keyword = all_keywords[chance_below(setting_count)];
		if (strcmp(keyword, "requiressl") == 0)
			(void)setenv("PGREQUIRESSL", value_for(keyword), 1);
		for (size_t i = 0; i < setting_count; i++)
			if (all_variables[i] != NULL && strcmp(all_keywords[i], keyword) == 0)
				(void)setenv(all_variables[i], value_for(keyword), 1);
	}
	if (chance_once_in(20))
		(void)setenv(PICK(others), "x", 1);
	if (chance_once_in(20))
		(void)setenv("PGOAUTHDEBUG", PICK(oauth_debugs), 1);
	arena_used = 0;
	if (chance_once_in(8))
		(void)setenv("PGSERVICEFILE",
			     keep("%s/%s", directory, chance_once_in(3) ? "missing" : "services"),
			     1);
	if (chance_once_in(4))
		(void)setenv("PGSYSCONFDIR", directory, 1);
}

/* ---- files ---- */

const char *chance_service_file(size_t *length)
{
	static const char *const names[] = {"weak",  "strong", "twice", "odd",
					    "twice", "nested", "lookup"};
	static const char *const strange[] = {"# comment",         "",          "nonsense", "x=y",
					      "sslmode = disable", "\x01=\xff", "[",        "[]",
					      " sslmode=disable",  "sslmode=",  "=",        "ldap",
					      "host=\xff"};
	static const char *const line_ends[] = {"\n", "\n", "\n", "\r\n"};
	const char *line_end = PICK(line_ends);
	struct setting settings[16];
	const char *text = "";

	arena_used = 0;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		size_t count = some_settings(settings);

		if (chance_once_in(12))
			continue;
		text = keep("%s%s[%s%s%s", text, chance_once_in(8) ? " " : "", names[i],
			    chance_once_in(6)    ? "] # x"
			    : chance_once_in(20) ? ""
						 : "]",
			    line_end);
		for (size_t j = 0; j < count; j++)
			if (strpbrk(settings[j].value, "\r\n") == NULL)
				text = keep("%s%s=%s%s", text, settings[j].keyword,
					    settings[j].value, line_end);
		if (strcmp(names[i], "strong") == 0)
			text = keep("%ssslmode=verify-full%s", text, line_end);
		if (strcmp(names[i], "nested") == 0)
			text = keep("%sservice=weak%s", text, line_end);
		if (strcmp(names[i], "lookup") == 0)
			text = keep("%sldap://127.0.0.1:1/o=x?description?one?(cn=x)%s", text,
				    line_end);
		if (chance_once_in(12))
			text = keep("%s%s%s", text, PICK(strange), line_end);
	}
	*length = strlen(text);
	if (*length > 0 && chance_once_in(10))
		(*length)--; /* no line end at the end */
	return text;
}

enum { MODE, SOCKETS, GSS, PUBLIC_CA, TLS, LOG, TRUST, CANCEL, KEYS };
_Static_assert(KEYS == CHANCE_POLICY_KEYS, "what is said of each has its place");

/* The stricter value first, as pganchor-policy(5) has them. */
static const char *const policy_keys[KEYS][3] = {
    [MODE] = {"mode", "enforce", "audit"},
    [SOCKETS] = {"unix-socket", "refuse", "allow"},
    [GSS] = {"gss-encryption", "refuse", "allow"},
    [PUBLIC_CA] = {"public-ca", "refuse", "allow"},
    [TLS] = {"min-tls", "1.3", "1.2"},
    [LOG] = {"log", "syslog", "off"},
    [TRUST] = {"trust", "pinned", "verified"},
    [CANCEL] = {"cancel", "refuse", "allow"},
};

void chance_policy_begin(struct chance_policy *policy)
{
	memset(policy, 0, sizeof *policy);
	memset(policy->said, -1, sizeof policy->said);
}

const char *chance_policy_file(struct chance_policy *policy)
{
	static const char *const patterns[] = {
	    "localhost",   "*.weak.example", "10.0.0.1", "nowhere.example",
	    "LocalHost.",  "a.weak.example", "::1",      "*.example",
	    "weak.example"};
	static const char *const bad[] = {"mode",
					  "modes = audit",
					  "mode = sometimes",
					  "[policy]",
					  "mode = audit\nmode = audit",
					  "min-tls = 1.1",
					  "= x",
					  "\xff"};
	const char *text = "# a policy\n";

	if (!chance_once_in(3))
		return NULL;
	for (int key = 0; key < KEYS; key++) {
		int strictness = (int)chance_below(2);

		if (!chance_once_in(key == MODE ? 12 : 4))
			continue;
		text =
		    keep("%s%s%s=%s%s\n", text, policy_keys[key][0], chance_once_in(2) ? " " : "",
			 chance_once_in(2) ? " " : "", policy_keys[key][1 + strictness]);
		if (policy->said[key] < 0 || strictness < policy->said[key])
			policy->said[key] = strictness;
	}
	if (chance_once_in(3)) {
		const char **list = policy->exempt[policy->lists++];
		size_t count = chance_below(4);

		text = keep("%sallow-weak =", text);
		for (size_t i = 0; i < count; i++) {
			list[i] = chance_once_in(25) ? "*" : PICK(patterns);
			text =
			    keep("%s%s%s", text, i > 0 && chance_once_in(2) ? ", " : " ", list[i]);
		}
		text = keep("%s\n", text);
	}
	policy->writable = chance_once_in(40);
	if (chance_once_in(60)) {
		policy->broken = true;
		text = keep("%s%s\n", text, PICK(bad));
	}
	return text;
}

void chance_policy_end(struct chance_policy *policy)
{
	policy->audit = policy->said[MODE] == 1;
	policy->sockets = policy->said[SOCKETS] != 0;
	policy->gss = policy->said[GSS] == 1;
	policy->public_ca = policy->said[PUBLIC_CA] != 0;
	policy->only_tls_1_3 = policy->said[TLS] == 0;
	policy->log = policy->said[LOG] != 1;
}

const char *chance_anchors_file(struct chance_policy *policy)
{
	static const char *const bad[] = {"[x]\n", "pin = 0\n", "[x]\npin = 00\n", "[x\n"};

	if (!chance_once_in(4))
		return NULL;
	if (chance_once_in(10)) {
		policy->broken = true;
		return PICK(bad);
	}
	return "[ca]\npin = "
	       "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\nhosts = "
	       "*.example\n";
}
