/* The policy's own table says which values a key has: policy/policy.c gives the word for each. */
#include "profile/policy_lines.h"

#include "profile/profile.h"

#include "policy/auth.h"

#include <stdbool.h>
#include <string.h>

/* The fields of struct pga_policy that are enums follow one another, the stricter value first. */
#define FIRST_FIELD offsetof(struct pga_policy, mode)
#define BEHIND_LAST (offsetof(struct pga_policy, log) + sizeof(int))

/* Weaker than a policy is where no file says anything. */
static const char *const weak_values[][2] = {
    {"mode", "audit"}, {"trust", "verified"},        {"gss-encryption", "allow"},
    {"log", "off"},    {"continuity-key", "issuer"},
};

/* A policy in which every key has its value of this rank, 0 being the strictest. */
static struct pga_policy policy_of_rank(int rank)
{
	struct pga_policy policy;

	memset(&policy, 0, sizeof policy);
	for (size_t field = FIRST_FIELD; field < BEHIND_LAST; field += sizeof rank)
		memcpy((char *)&policy + field, &rank, sizeof rank);
	return policy;
}

/* The value of the key in this policy: "" for a rank that it does not have; NULL where there is no
 * such key, or it is a list. */
static const char *value_of(const struct pga_policy *policy, const char *key)
{
	const char *value = NULL;
	const char *name;

	for (size_t i = 0; (name = pga_policy_key(policy, i, &value)) != NULL; i++)
		if (strcmp(name, key) == 0)
			return strcmp(key, "auth") != 0 ? value : NULL;
	return NULL;
}

/* Which value of the key it is, 0 the strictest; -1: none. */
static int rank_of(const char *key, const char *value)
{
	for (int rank = 0;; rank++) {
		const struct pga_policy policy = policy_of_rank(rank);
		const char *word = value_of(&policy, key);

		if (word == NULL || word[0] == '\0')
			return -1;
		if (strcmp(word, value) == 0)
			return rank;
	}
}

static const char *auth_wrong(const char *value)
{
	unsigned methods;
	size_t length;

	return strcmp(value, "any") == 0 ||
		       pga_auth_read(value, strlen(value), &methods, &length) == NULL
		   ? NULL
		   : "not a list of methods of authentication, as libpq's require_auth has them";
}

const char *pga_profile_policy_wrong(const char *key, const char *value)
{
	const struct pga_policy strictest = policy_of_rank(0);

	if (strcmp(key, "auth") == 0)
		return auth_wrong(value);
	if (strcmp(key, "allow-weak") == 0)
		return "a profile makes the policy only stricter, and this exempts hosts";
	if (value_of(&strictest, key) == NULL)
		return "no such key";
	if (rank_of(key, value) < 0)
		return "not a value of this key";
	for (size_t i = 0; i < sizeof weak_values / sizeof weak_values[0]; i++)
		if (strcmp(key, weak_values[i][0]) == 0 && strcmp(value, weak_values[i][1]) == 0)
			return "a profile makes the policy only stricter, and this is weaker than "
			       "what holds without it";
	return NULL;
}

bool pga_profile_policy_is_stricter(const struct pga_profile_policy *line,
				    const struct pga_policy *policy)
{
	const char *now;
	unsigned methods;
	size_t length;

	if (strcmp(line->key, "auth") == 0)
		return strcmp(line->value, "any") != 0 &&
		       pga_auth_read(line->value, strlen(line->value), &methods, &length) == NULL &&
		       (PGA_AUTH_ALL & ~methods & ~policy->auth_refused) != 0;
	now = value_of(policy, line->key);
	return now != NULL && rank_of(line->key, line->value) < rank_of(line->key, now);
}
