/* The profiles that the administrator has put into the system's directory. */
#include "profile/source.h"

#include "base/file.h"
#include "base/text.h"
#include "profile/believe.h"
#include "profile/directory.h"

#include <stdlib.h>
#include <string.h>

static const struct pga_fetched_profile *named(const struct pga_system_profiles *profiles,
					       const char *name)
{
	for (size_t i = 0; i < profiles->count; i++)
		if (strcmp(profiles->profiles[i].profile.name, name) == 0)
			return &profiles->profiles[i];
	return NULL;
}

static int add_profile(void *context, const char *path, struct pga_error *error)
{
	struct pga_system_profiles *profiles = context;
	const struct pga_profile_source source = {.word = path};
	struct pga_fetched_profile fetched;
	const struct pga_fetched_profile *other;
	struct pga_fetched_profile *grown;

	if (pga_profile_fetch(&source, &fetched, error) != 0)
		return -1;
	other = named(profiles, fetched.profile.name);
	grown = other == NULL ? reallocarray(profiles->profiles, profiles->count + 1, sizeof *grown)
			      : NULL;
	if (grown == NULL) {
		(void)(other == NULL ? pga_fail_memory(error)
				     : pga_fail(error,
						"remove one of the two, as root: a new version "
						"takes the place of the old one",
						"%s: %s has a profile %s, too", path, other->where,
						fetched.profile.name));
		pga_fetched_profile_free(&fetched);
		return -1;
	}
	profiles->profiles = grown;
	grown[profiles->count++] = fetched;
	return 0;
}

int pga_profiles_of_system(struct pga_system_profiles *profiles, struct pga_error *error)
{
	memset(profiles, 0, sizeof *profiles);
	return pga_profile_directory(PGA_PROFILE_DIRECTORY, ".profile", "the profile", add_profile,
				     profiles, error);
}

void pga_system_profiles_free(struct pga_system_profiles *profiles)
{
	for (size_t i = 0; i < profiles->count; i++)
		pga_fetched_profile_free(&profiles->profiles[i]);
	free(profiles->profiles);
	memset(profiles, 0, sizeof *profiles);
}
