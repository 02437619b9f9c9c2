/* What becomes of the user's policy.conf: lines of it are added, changed and taken out, and every
 * other byte stays. */
#include "profile/apply.h"

#include "base/ini.h"
#include "base/paths.h"
#include "policy/auth.h"

#include <stdlib.h>
#include <string.h>

/* ---- what the policy will be ---- */

/* The fields of struct pga_policy that are enums follow one another, the stricter value first. */
#define FIRST_FIELD offsetof(struct pga_policy, mode)
#define BEHIND_LAST (offsetof(struct pga_policy, log) + sizeof(int))

static const char *value_of(const struct pga_policy *policy, const char *key)
{
	const char *value = NULL;
	const char *name;

	for (size_t i = 0; (name = pga_policy_key(policy, i, &value)) != NULL; i++)
		if (strcmp(name, key) == 0)
			return value;
	return "";
}

/* The key has the value in it, whatever it had. */
static void set_value(struct pga_policy *policy, const char *key, const char *value)
{
	for (size_t field = FIRST_FIELD; field < BEHIND_LAST; field += sizeof(int)) {
		const struct pga_policy before = *policy;

		/* As many as the most that a key has. */
		for (int rank = 0; rank < 3; rank++) {
			memcpy((char *)policy + field, &rank, sizeof rank);
			if (strcmp(value_of(policy, key), value) == 0 &&
			    strcmp(value_of(&before, key), value) != 0)
				return;
		}
		*policy = before;
	}
}

static void set_auth(struct pga_policy *policy, const char *value)
{
	unsigned methods;
	size_t length;

	if (strcmp(value, "any") == 0 ||
	    pga_auth_read(value, strlen(value), &methods, &length) != NULL)
		return;
	policy->auth_refused |= PGA_AUTH_ALL & ~methods;
	pga_auth_text(PGA_AUTH_NAMED & ~policy->auth_refused, policy->auth);
}

static void add_to_policy(struct pga_policy *policy, const struct pga_apply_policy *wanted)
{
	const struct pga_profile_policy line = {wanted->key, wanted->value, 0};

	if (!pga_profile_policy_is_stricter(&line, policy))
		return;
	if (strcmp(line.key, "auth") == 0)
		set_auth(policy, line.value);
	else
		set_value(policy, line.key, line.value);
}

/* ---- the plan ---- */

/* The user's file, as far as it can be told: the loader of the policy has read it before. */
static int read_lines(const struct pga_text *text, struct pga_settings *lines,
		      struct pga_error *error)
{
	struct pga_ini_reader reader =
	    pga_ini_start(pga_text_string(text), text->length, PGA_INI_CONF);
	struct pga_ini_line line;

	while (pga_ini_next(&reader, &line)) {
		char *key;
		char *value;
		int result = 0;

		if (line.kind != PGA_INI_SETTING)
			continue;
		key = pga_ini_copy(line.name);
		value = pga_ini_copy(line.value);
		if (key == NULL || value == NULL)
			result = pga_fail_memory(error);
		else if (pga_settings_value(lines, key) == NULL)
			result = pga_settings_add(lines, key, value, error);
		free(key);
		free(value);
		if (result != 0)
			return -1;
	}
	return 0;
}

static struct pga_apply_policy *add(struct pga_application *application, const char *key,
				    const char *value)
{
	struct pga_apply_policy *grown =
	    reallocarray(application->policies, application->policy_count + 1, sizeof *grown);
	struct pga_apply_policy *policy;

	if (grown == NULL)
		return NULL;
	application->policies = grown;
	policy = &grown[application->policy_count++];
	*policy = (struct pga_apply_policy){.key = strdup(key), .value = strdup(value)};
	return policy->key != NULL && policy->value != NULL ? policy : NULL;
}

static int keep(const struct pga_application *application, struct pga_apply_policy *policy,
		const char *why, struct pga_error *error)
{
	policy->action = PGA_APPLY_KEEP;
	policy->why = strdup(why);
	policy->hint = pga_apply_mend(application, policy->key);
	return policy->why != NULL && policy->hint != NULL ? 0 : pga_fail_memory(error);
}

static int plan_line(struct pga_application *application, const struct pga_profile_policy *line,
		     const struct pga_settings *now, struct pga_error *error)
{
	const char *is = pga_settings_value(now, line->key);
	const char *before = pga_settings_value(&application->recorded.policy, line->key);
	struct pga_apply_policy *policy = add(application, line->key, line->value);

	if (policy == NULL)
		return pga_fail_memory(error);
	policy->ours = true;
	if (is != NULL && strcmp(is, line->value) == 0)
		return 0;
	if (is != NULL && before != NULL && strcmp(is, before) == 0) {
		policy->action = PGA_APPLY_CHANGE;
		return 0;
	}
	/* The system's files or the user's ask for that much. */
	if (!pga_profile_policy_is_stricter(line, &application->policy)) {
		policy->ours = false;
		return 0;
	}
	policy->action = is != NULL ? PGA_APPLY_CHANGE : PGA_APPLY_ADD;
	if (pga_apply_replaces(application, line->key) || (is == NULL && before == NULL))
		return 0;
	return keep(application, policy,
		    is == NULL ? "you have taken it out" : "you have another value", error);
}

static bool is_wanted(const struct pga_profile *profile, const char *key)
{
	for (size_t i = 0; i < profile->policy_count; i++)
		if (strcmp(profile->policy[i].key, key) == 0)
			return true;
	return false;
}

/* One that the profile asked for, and asks for no more. */
static int plan_dropped(struct pga_application *application, const struct pga_setting *before,
			const struct pga_settings *now, struct pga_error *error)
{
	const char *is = pga_settings_value(now, before->keyword);
	struct pga_apply_policy *policy;

	if (is == NULL)
		return 0;
	policy = add(application, before->keyword, is);
	if (policy == NULL)
		return pga_fail_memory(error);
	if (strcmp(is, before->value) != 0)
		return keep(application, policy,
			    "the profile has dropped it, and you have changed it", error);
	policy->action = PGA_APPLY_REMOVE;
	return 0;
}

/* ---- the bytes ---- */

static const struct pga_apply_policy *change_of(const struct pga_application *application,
						const struct pga_ini_line *line)
{
	for (size_t i = 0; i < application->policy_count; i++) {
		const struct pga_apply_policy *policy = &application->policies[i];

		if ((policy->action == PGA_APPLY_CHANGE || policy->action == PGA_APPLY_REMOVE) &&
		    line->kind == PGA_INI_SETTING && pga_ini_equals(line->name, policy->key))
			return policy;
	}
	return NULL;
}

static void compose(const struct pga_application *application, const struct pga_text *before,
		    struct pga_text *after)
{
	struct pga_ini_reader reader =
	    pga_ini_start(pga_text_string(before), before->length, PGA_INI_CONF);
	struct pga_ini_line line;

	while (pga_ini_next(&reader, &line)) {
		const struct pga_apply_policy *policy = change_of(application, &line);

		if (policy == NULL)
			pga_text_add_bytes(after, line.whole.bytes, line.whole.length);
		else if (policy->action == PGA_APPLY_CHANGE)
			pga_text_addf(after, "%s = %s\n", policy->key, policy->value);
	}
	for (size_t i = 0; i < application->policy_count; i++) {
		const struct pga_apply_policy *policy = &application->policies[i];

		if (policy->action != PGA_APPLY_ADD)
			continue;
		if (after->length > 0 && after->bytes[after->length - 1] != '\n')
			pga_text_add(after, "\n");
		pga_text_addf(after, "%s = %s\n", policy->key, policy->value);
	}
}

static bool writes(const struct pga_application *application)
{
	for (size_t i = 0; i < application->policy_count; i++)
		if (application->policies[i].action != PGA_APPLY_SAME &&
		    application->policies[i].action != PGA_APPLY_KEEP)
			return true;
	return false;
}

/* What the system's files say by themselves. */
static int load_system(struct pga_policy *policy, struct pga_error *error)
{
	const char *set = getenv("XDG_CONFIG_HOME");
	char *before = set != NULL ? strdup(set) : NULL;
	int result;

	if ((set != NULL && before == NULL) || setenv("XDG_CONFIG_HOME", "/proc/none", 1) != 0) {
		free(before);
		return pga_fail_memory(error);
	}
	result = pga_policy_load(policy, error);
	if (before != NULL)
		(void)setenv("XDG_CONFIG_HOME", before, 1);
	else
		(void)unsetenv("XDG_CONFIG_HOME");
	free(before);
	return result;
}

/* The key as it is without the user's file. */
static void set_back(struct pga_policy *policy, const struct pga_policy *system, const char *key)
{
	if (strcmp(key, "auth") == 0) {
		policy->auth_refused = system->auth_refused;
		memcpy(policy->auth, system->auth, sizeof policy->auth);
	} else {
		set_value(policy, key, value_of(system, key));
	}
}

/* What holds when all is done: of the keys that change, what the system's files and the profile
 * say. */
static int look_ahead(struct pga_application *application, struct pga_error *error)
{
	struct pga_policy system = {0};
	int result;

	application->after = application->policy;
	if (!writes(application))
		return 0;
	result = load_system(&system, error);
	for (size_t i = 0; result == 0 && i < application->policy_count; i++) {
		const struct pga_apply_policy *policy = &application->policies[i];

		if (policy->action == PGA_APPLY_SAME || policy->action == PGA_APPLY_KEEP)
			continue;
		set_back(&application->after, &system, policy->key);
		if (policy->action != PGA_APPLY_REMOVE)
			add_to_policy(&application->after, policy);
	}
	pga_policy_free(&system);
	return result;
}

static int put(const struct pga_application *application, struct pga_transaction_file *file,
	       struct pga_error *error)
{
	compose(application, &file->edit.before, &file->after);
	if (pga_transaction_put(file, error) != 0)
		return -1;
	if (file->after.length == 0)
		file->change = PGA_REMOVED;
	return 0;
}

int pga_apply_plan_policy(struct pga_application *application, struct pga_error *error)
{
	const struct pga_profile *profile = &application->fetched->profile;
	struct pga_transaction_file *file = &application->files[PGA_APPLY_POLICY];
	struct pga_settings now = {NULL, 0};
	char *path = pga_user_config("policy.conf");
	int result = -1;

	if (path == NULL)
		return pga_fail_home(error);
	if (pga_apply_begin(application, PGA_APPLY_POLICY, path, 0600, error) != 0 ||
	    read_lines(&file->edit.before, &now, error) != 0 ||
	    pga_apply_take_begun(application, &now, error) != 0)
		goto done;
	for (size_t i = 0; i < profile->policy_count; i++)
		if (plan_line(application, &profile->policy[i], &now, error) != 0)
			goto done;
	for (size_t i = 0; i < application->recorded.policy.count; i++)
		if (!is_wanted(profile, application->recorded.policy.items[i].keyword) &&
		    plan_dropped(application, &application->recorded.policy.items[i], &now,
				 error) != 0)
			goto done;
	result = look_ahead(application, error);
	if (result == 0 && writes(application))
		result = put(application, file, error);
done:
	pga_settings_free(&now);
	return result;
}
