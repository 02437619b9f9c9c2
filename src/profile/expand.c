/* What stands for the letters behind a percent sign, for the user who applies a profile. */
#include "profile/profile.h"

#include "base/paths.h"
#include "base/text.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int pga_profile_user_here(struct pga_profile_user *user, struct pga_error *error)
{
	const struct passwd *entry;

	memset(user, 0, sizeof *user);
	errno = 0;
	entry = getpwuid(geteuid());
	if (entry == NULL)
		return pga_fail(error, "a profile's %u is that name: somebody has to add this user",
				"the user %lu has no name in the password file",
				(unsigned long)geteuid());
	user->login = strdup(entry->pw_name);
	if (user->login == NULL)
		return pga_fail_memory(error);
	user->home = pga_home();
	if (user->home != NULL)
		return 0;
	(void)pga_fail_home(error);
	pga_profile_user_free(user);
	return -1;
}

void pga_profile_user_free(struct pga_profile_user *user)
{
	free(user->login);
	free(user->home);
	memset(user, 0, sizeof *user);
}

/* Adds the value. Returns the letter that stands for nothing, with its sign before it; NULL where
 * each does. */
static const char *expand(const char *value, const struct pga_profile_user *user,
			  struct pga_text *text)
{
	for (const char *at = value; *at != '\0'; at++) {
		if (*at != '%') {
			pga_text_add_bytes(text, at, 1);
			continue;
		}
		at++;
		if (*at == '%')
			pga_text_add(text, "%");
		else if (*at == 'u')
			pga_text_add(text, user->login);
		else if (*at == 'h')
			pga_text_add(text, user->home);
		else
			return at - 1;
	}
	return NULL;
}

static int add_setting(const struct pga_setting *setting, const struct pga_profile_user *user,
		       struct pga_settings *settings, struct pga_error *error)
{
	struct pga_text value = PGA_TEXT_EMPTY;
	const char *wrong = expand(setting->value, user, &value);
	int result;

	if (wrong != NULL)
		result = pga_fail(error,
				  "%u is the user's login name, %h the home directory, and %% a "
				  "percent sign",
				  "%s: %.2s stands for nothing", setting->keyword, wrong);
	else if (value.failed)
		result = pga_fail_memory(error);
	else
		result =
		    pga_settings_add(settings, setting->keyword, pga_text_string(&value), error);
	pga_text_free(&value);
	return result;
}

int pga_profile_service_settings(const struct pga_profile_service *service,
				 const struct pga_profile_user *user, struct pga_settings *settings,
				 struct pga_error *error)
{
	for (size_t i = 0; i < service->settings.count; i++)
		if (add_setting(&service->settings.items[i], user, settings, error) != 0)
			return -1;
	return pga_settings_check(settings, error);
}
