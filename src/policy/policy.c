#include "policy/policy.h"

#include "base/file.h"
#include "base/host.h"
#include "base/ini.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define USER_FILE "policy.conf"

/* What a key may be set to, the strictest first. */
struct value {
	const char *word;
	int meaning;
};

static const struct value modes[] = {
    {"enforce", PGA_MODE_ENFORCE}, {"audit", PGA_MODE_AUDIT}, {NULL, 0}};
static const struct value trusts[] = {
    {"pinned", PGA_TRUST_PINNED}, {"verified", PGA_TRUST_VERIFIED}, {NULL, 0}};
static const struct value consents[] = {{"refuse", PGA_REFUSE}, {"allow", PGA_ALLOW}, {NULL, 0}};
static const struct value tls_versions[] = {{"1.3", PGA_TLS_1_3}, {"1.2", PGA_TLS_1_2}, {NULL, 0}};
static const struct value bindings[] = {
    {"require", PGA_BINDING_REQUIRE}, {"prefer", PGA_BINDING_PREFER}, {NULL, 0}};
static const struct value continuities[] = {{"require", PGA_CONTINUITY_REQUIRE},
					    {"warn", PGA_CONTINUITY_WARN},
					    {"off", PGA_CONTINUITY_OFF},
					    {NULL, 0}};
static const struct value continuity_keys[] = {
    {"server", PGA_CONTINUITY_SERVER}, {"issuer", PGA_CONTINUITY_ISSUER}, {NULL, 0}};
static const struct value logs[] = {{"syslog", PGA_LOG_SYSLOG}, {"off", PGA_LOG_OFF}, {NULL, 0}};

/* Every key but auth and allow-weak, which are lists: what it is called, where the policy has it,
 * what it may be, and what it is where no file sets it. */
static const struct {
	const char *name;
	size_t field; /* of struct pga_policy: an enum */
	const struct value *values;
	int standard;
} keys[] = {
    {"mode", offsetof(struct pga_policy, mode), modes, PGA_MODE_ENFORCE},
    {"trust", offsetof(struct pga_policy, trust), trusts, PGA_TRUST_PINNED},
    {"unix-socket", offsetof(struct pga_policy, unix_socket), consents, PGA_ALLOW},
    {"gss-encryption", offsetof(struct pga_policy, gss_encryption), consents, PGA_REFUSE},
    {"public-ca", offsetof(struct pga_policy, public_ca), consents, PGA_ALLOW},
    {"cancel", offsetof(struct pga_policy, cancel), consents, PGA_ALLOW},
    {"user-anchors", offsetof(struct pga_policy, user_anchors), consents, PGA_ALLOW},
    {"min-tls", offsetof(struct pga_policy, min_tls), tls_versions, PGA_TLS_1_2},
    {"channel-binding", offsetof(struct pga_policy, channel_binding), bindings, PGA_BINDING_PREFER},
    {"continuity", offsetof(struct pga_policy, continuity), continuities, PGA_CONTINUITY_OFF},
    {"continuity-key", offsetof(struct pga_policy, continuity_key), continuity_keys,
     PGA_CONTINUITY_SERVER},
    {"log", offsetof(struct pga_policy, log), logs, PGA_LOG_SYSLOG},
};

#define KEYS (sizeof keys / sizeof keys[0])

/* The places of the lists, behind the keys, in what one file sets. */
enum { AUTH = KEYS, ALLOW_WEAK, PLACES };

/* A field is read and written as the int that its enum is. */
_Static_assert(sizeof(enum pga_mode) == sizeof(int) && sizeof(enum pga_trust) == sizeof(int) &&
		   sizeof(enum pga_consent) == sizeof(int) &&
		   sizeof(enum pga_min_tls) == sizeof(int) &&
		   sizeof(enum pga_binding) == sizeof(int) &&
		   sizeof(enum pga_continuity) == sizeof(int) &&
		   sizeof(enum pga_continuity_key) == sizeof(int) &&
		   sizeof(enum pga_log) == sizeof(int),
	       "an enum is as wide as an int");

/* What the files read so far say. */
struct policy_reading {
	struct pga_policy *policy; /* its lists grow as files are read */
	int chosen[KEYS];          /* -1: no file has set it */
};

static int add_allow_weak(struct pga_policy *policy, struct pga_ini_span patterns,
			  struct pga_error *error)
{
	struct pga_host_set *grown =
	    realloc(policy->allow_weak, (policy->allow_weak_count + 1) * sizeof *grown);

	if (grown == NULL)
		return pga_fail_memory(error);
	policy->allow_weak = grown;
	if (pga_host_set_make(&grown[policy->allow_weak_count], patterns.bytes, patterns.length) !=
	    0)
		return pga_fail_memory(error);
	policy->allow_weak_count++;
	return 0;
}

static int fail_at(struct pga_error *error, const char *path, size_t line, const char *what,
		   struct pga_ini_span span)
{
	return pga_fail_at_line(
	    error, "correct the line; pganchor-policy(5) lists the keys and their values", path,
	    line, what, span.bytes, span.length);
}

/* The line without its line end. */
static struct pga_ini_span said(const struct pga_ini_line *line)
{
	struct pga_ini_span span = line->whole;

	while (span.length > 0 && strchr("\r\n", span.bytes[span.length - 1]) != NULL)
		span.length--;
	return span;
}

static int take_allow_weak(struct policy_reading *reading, const char *path,
			   const struct pga_ini_line *line, struct pga_error *error)
{
	const char *wrong;
	size_t wrong_length;

	if (add_allow_weak(reading->policy, line->value, error) != 0)
		return -1;
	wrong = pga_host_bad_pattern(line->value.bytes, line->value.length, &wrong_length);
	if (wrong == NULL)
		return 0;
	return fail_at(error, path, line->number, "neither *, *.DOMAIN, a host name nor an address",
		       (struct pga_ini_span){wrong, wrong_length});
}

/* What no file's list leaves out is left: the lists have it in common. */
static int take_auth(struct policy_reading *reading, const char *path,
		     const struct pga_ini_line *line, struct pga_error *error)
{
	const char *wrong;
	size_t wrong_length;
	unsigned methods;

	if (pga_ini_equals(line->value, "any"))
		return 0;
	wrong = pga_auth_read(line->value.bytes, line->value.length, &methods, &wrong_length);
	if (wrong == NULL) {
		reading->policy->auth_refused |= PGA_AUTH_ALL & ~methods;
		return 0;
	}
	return fail_at(error, path, line->number,
		       wrong_length > 0 && wrong[0] == '!'
			   ? "auth says which methods are good, and not which are none"
			   : "not a method of authentication, as libpq's require_auth has them",
		       wrong_length > 0 ? (struct pga_ini_span){wrong, wrong_length} : said(line));
}

static int take_value(struct policy_reading *reading, size_t key, const char *path,
		      const struct pga_ini_line *line, struct pga_error *error)
{
	for (const struct value *value = keys[key].values; value->word != NULL; value++) {
		if (!pga_ini_equals(line->value, value->word))
			continue;
		if (reading->chosen[key] < 0 || value->meaning < reading->chosen[key])
			reading->chosen[key] = value->meaning;
		return 0;
	}
	return fail_at(error, path, line->number, "not a value of this key", said(line));
}

/* Where the key has its place; PLACES where there is no such key. */
static size_t place_of(struct pga_ini_span name)
{
	size_t key = 0;

	if (pga_ini_equals(name, "auth"))
		return AUTH;
	if (pga_ini_equals(name, "allow-weak"))
		return ALLOW_WEAK;
	while (key < KEYS && !pga_ini_equals(name, keys[key].name))
		key++;
	return key < KEYS ? key : PLACES;
}

static int take_setting(struct policy_reading *reading, bool *set_here, const char *path,
			const struct pga_ini_line *line, struct pga_error *error)
{
	const size_t place = place_of(line->name);

	if (place == PLACES)
		return fail_at(error, path, line->number, "no such key", line->name);
	if (set_here[place])
		return fail_at(error, path, line->number, "set twice in one file", line->name);
	set_here[place] = true;
	if (place == AUTH)
		return take_auth(reading, path, line, error);
	if (place == ALLOW_WEAK)
		return take_allow_weak(reading, path, line, error);
	return take_value(reading, place, path, line, error);
}

static int take_file(struct policy_reading *reading, const char *path,
		     const struct pga_text *content, struct pga_error *error)
{
	struct pga_ini_reader reader;
	struct pga_ini_line line;
	bool set_here[PLACES] = {false};

	if (memchr(pga_text_string(content), '\0', content->length) != NULL)
		return pga_fail(error, "write it anew as text", "%s: holds a NUL byte", path);
	reader = pga_ini_start(pga_text_string(content), content->length, PGA_INI_CONF);
	while (pga_ini_next(&reader, &line)) {
		if (line.kind == PGA_INI_BLANK || line.kind == PGA_INI_COMMENT)
			continue;
		if (line.kind != PGA_INI_SETTING)
			return fail_at(error, path, line.number,
				       "not a line of the form key = value", said(&line));
		if (take_setting(reading, set_here, path, &line, error) != 0)
			return -1;
	}
	return 0;
}

static int take_systems(void *context, const char *path, const struct pga_text *content,
			struct pga_error *error)
{
	return take_file(context, path, content, error);
}

static int take_users(struct policy_reading *reading, struct pga_error *error)
{
	const struct pga_user_file *user = &reading->policy->user;

	return user->path != NULL ? take_file(reading, user->path, &user->content, error) : 0;
}

/* No method is a value of require_auth. */
static void name_methods(struct pga_policy *policy)
{
	static const char any[] = "any";
	static const char nothing[] = "no method in common";

	_Static_assert(sizeof nothing <= PGA_AUTH_TEXT, "it fits");
	pga_auth_text(PGA_AUTH_NAMED & ~policy->auth_refused, policy->auth);
	if (policy->auth_refused == 0)
		memcpy(policy->auth, any, sizeof any);
	else if (policy->auth[0] == '\0')
		memcpy(policy->auth, nothing, sizeof nothing);
}

/* What the files say comes to. */
static void settle(const struct policy_reading *reading)
{
	for (size_t key = 0; key < KEYS; key++) {
		const int meaning =
		    reading->chosen[key] >= 0 ? reading->chosen[key] : keys[key].standard;

		memcpy((char *)reading->policy + keys[key].field, &meaning, sizeof meaning);
	}
	name_methods(reading->policy);
}

int pga_policy_load(struct pga_policy *policy, struct pga_error *error)
{
	return pga_policy_reload(policy, NULL, error);
}

int pga_policy_reload(struct pga_policy *policy, const struct pga_policy *before,
		      struct pga_error *error)
{
	struct policy_reading reading = {.policy = policy};

	memset(policy, 0, sizeof *policy);
	for (size_t key = 0; key < KEYS; key++)
		reading.chosen[key] = -1;
	/* Whatever is wrong with another file, what the user's said before is kept. */
	if (pga_user_file_read(&policy->user, USER_FILE, before != NULL ? &before->user : NULL,
			       error) != 0 ||
	    pga_system_files_read(&policy->systems, "policy", "the system's policy", take_systems,
				  &reading, error) != 0 ||
	    take_users(&reading, error) != 0)
		return -1;
	settle(&reading);
	return 0;
}

bool pga_policy_is_fresh(const struct pga_policy *policy)
{
	return pga_system_files_are_fresh(&policy->systems) &&
	       pga_user_file_is_fresh(&policy->user, USER_FILE);
}

const char *pga_policy_key(const struct pga_policy *policy, size_t index, const char **value)
{
	int meaning;

	if (index == AUTH) {
		*value = policy->auth;
		return "auth";
	}
	if (index >= KEYS)
		return NULL;
	memcpy(&meaning, (const char *)policy + keys[index].field, sizeof meaning);
	*value = "";
	for (const struct value *known = keys[index].values; known->word != NULL; known++)
		if (known->meaning == meaning)
			*value = known->word;
	return keys[index].name;
}

void pga_policy_free(struct pga_policy *policy)
{
	for (size_t i = 0; i < policy->allow_weak_count; i++)
		pga_host_set_free(&policy->allow_weak[i]);
	free(policy->allow_weak);
	pga_system_files_free(&policy->systems);
	pga_user_file_free(&policy->user);
	memset(policy, 0, sizeof *policy);
}

bool pga_policy_exempts(const struct pga_policy *policy, const char *host)
{
	for (size_t i = 0; i < policy->allow_weak_count; i++)
		if (!pga_host_set_has(&policy->allow_weak[i], host))
			return false;
	return policy->allow_weak_count > 0;
}
