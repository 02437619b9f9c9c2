#include "base/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

/* No entry of a password database comes near this. */
#define ENTRY_LIMIT ((size_t)1024 * 1024)

bool pga_is_secure_execution(void)
{
	return getauxval(AT_SECURE) != 0;
}

/* /etc/passwd itself is asked first. What answers behind it may be a module that connects by libpq
 * (libnss-pgsql2): called from there, getpwuid_r() would wait for the lock that the module holds.
 */
static char *home_of_passwd_file(uid_t user)
{
	FILE *file = fopen("/etc/passwd", "re");
	struct passwd entry;
	struct passwd *found = NULL;
	char buffer[4096];
	char *home = NULL;

	while (file != NULL && home == NULL &&
	       fgetpwent_r(file, &entry, buffer, sizeof buffer, &found) == 0)
		/* What begins with a sign sends on to NIS, and is no user's. */
		if (found->pw_uid == user && strchr("+-", found->pw_name[0]) == NULL)
			home = strdup(found->pw_dir);
	if (file != NULL)
		(void)fclose(file);
	return home;
}

/* This thread waits for an answer of NSS. A module that connects by libpq meanwhile has no home:
 * asking once more would never end. */
static __thread bool asking_nss __attribute__((tls_model("initial-exec")));

static char *home_of_nss(uid_t user)
{
	struct passwd entry;
	struct passwd *found = NULL;
	char *buffer = NULL;
	char *home = NULL;
	int failed = ERANGE;

	if (asking_nss) {
		errno = ENOENT;
		return NULL;
	}
	asking_nss = true;
	for (size_t size = 4096; failed == ERANGE && size <= ENTRY_LIMIT; size *= 4) {
		free(buffer);
		buffer = malloc(size);
		failed = buffer != NULL ? getpwuid_r(user, &entry, buffer, size, &found) : ENOMEM;
	}
	asking_nss = false;
	if (failed == 0 && found != NULL)
		home = strdup(found->pw_dir);
	free(buffer);
	if (home == NULL)
		errno = failed != 0 ? failed : found == NULL ? ENOENT : ENOMEM;
	return home;
}

static char *home_of(uid_t user)
{
	char *home = home_of_passwd_file(user);

	return home != NULL ? home : home_of_nss(user);
}

char *pga_home(void)
{
	const char *home = secure_getenv("HOME");

	if (home != NULL && home[0] != '\0')
		return strdup(home);
	/* AT_UID is who started the program, whatever it has made of itself since. */
	if (pga_is_secure_execution() && geteuid() == (uid_t)getauxval(AT_UID)) {
		errno = ENOENT;
		return NULL;
	}
	return home_of(geteuid());
}

int pga_fail_home(struct pga_error *error)
{
	if (errno == ENOENT)
		return pga_fail(error, "set HOME", "this user has no home directory");
	return pga_fail_errno(error, "set HOME", "could not find the home directory");
}

/* The text, or NULL with errno set. */
static char *taken(struct pga_text *text)
{
	char *bytes = pga_text_take(text);

	if (bytes == NULL)
		errno = ENOMEM;
	return bytes;
}

/* XDG_CONFIG_HOME, where it counts. */
static const char *xdg_config_home(void)
{
	const char *config = secure_getenv("XDG_CONFIG_HOME");

	return config != NULL && config[0] == '/' ? config : NULL;
}

char *pga_user_config(const char *name)
{
	const char *config = xdg_config_home();
	struct pga_text path = PGA_TEXT_EMPTY;
	char *home;

	if (config != NULL) {
		pga_text_addf(&path, "%s/pganchor/%s", config, name);
		return taken(&path);
	}
	home = pga_home();
	if (home == NULL)
		return NULL;
	pga_text_addf(&path, "%s/.config/pganchor/%s", home, name);
	free(home);
	return taken(&path);
}

/* "/." asks for leave to enter it too. */
static bool is_own_directory(const char *directory)
{
	struct pga_text inside = PGA_TEXT_EMPTY;
	struct stat status;
	bool own;

	pga_text_addf(&inside, "%s/.", directory);
	/* For want of memory nothing is known, and then the file counts. */
	own = inside.failed ||
	      (stat(pga_text_string(&inside), &status) == 0 && status.st_uid == geteuid());
	pga_text_free(&inside);
	return own;
}

bool pga_user_config_is_out_of_reach(const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char *home;
	bool own;

	if (file >= 0)
		(void)close(file);
	if (file >= 0 || errno != EACCES)
		return false;
	if (xdg_config_home() != NULL)
		return !is_own_directory(xdg_config_home());
	home = pga_home();
	own = home == NULL || is_own_directory(home);
	free(home);
	return !own;
}
