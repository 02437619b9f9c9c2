#include "policy/setting_rules.h"

#include <string.h>

static const struct pga_setting_rule rules[] = {
#define ROW(setting, judge, strong, suspect, logged, flags) \
	{#setting, strong, suspect, logged, flags},
    PGA_SETTING_RULES(ROW)
#undef ROW
};

/* C takes an initializer without its NUL. */
#define FITS(name, judge, value, characters, word, bits)                  \
	_Static_assert(sizeof #name <= sizeof rules[0].setting &&         \
			   sizeof(value) <= sizeof rules[0].strong &&     \
			   sizeof(characters) <= sizeof rules[0].suspect, \
		       "a row of the rules does not fit");
PGA_SETTING_RULES(FITS)
#undef FITS

/* Each word once: a sum of bits. NOLINTNEXTLINE(bugprone-macro-parentheses) */
#define BIT(setting, judge, strong, suspect, logged, flags) ((logged) > 0 ? 1 << (logged) : 0) +
_Static_assert(PGA_SETTING_RULES(BIT) 0 == (2 << PGA_LOGGED_COUNT) - 2,
	       "the words of the audit log are not 1, 2, 3 and so on");
#undef BIT

const struct pga_setting_rule *pga_setting_rule(const char *setting)
{
	for (size_t i = 0; i < PGA_SETTING_RULE_COUNT; i++)
		if (strcmp(rules[i].setting, setting) == 0)
			return &rules[i];
	return NULL;
}

size_t pga_setting_rule_index(const char *setting)
{
	return (size_t)(pga_setting_rule(setting) - rules);
}

const char *pga_setting_logged(int word)
{
	size_t i = 0;

	while (rules[i].logged != word)
		i++;
	return rules[i].setting;
}
