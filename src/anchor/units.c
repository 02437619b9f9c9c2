#include "anchor/units.h"

#include "base/paths.h"
#include "base/subprocess.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long systemctl may take: it waits for systemd, and for nothing else. */
#define SYSTEMCTL_SECONDS 15

void pga_unit_add_word(struct pga_text *unit, const char *word, bool dollar)
{
	pga_text_add(unit, "\"");
	for (const char *at = word; *at != '\0'; at++) {
		if (*at == '"' || *at == '\\')
			pga_text_addf(unit, "\\%c", *at);
		else if (*at == '%' || (*at == '$' && dollar))
			pga_text_addf(unit, "%c%c", *at, *at);
		else if ((unsigned char)*at < ' ')
			pga_text_addf(unit, "\\x%02x", (unsigned)(unsigned char)*at);
		else
			pga_text_add_bytes(unit, at, 1);
	}
	pga_text_add(unit, "\"");
}

char *pga_unit_program(void)
{
	return realpath("/proc/self/exe", NULL);
}

void pga_unit_add_environment(struct pga_text *unit)
{
	static const char *const names[] = {"XDG_CONFIG_HOME", "XDG_STATE_HOME", "PGSERVICEFILE",
					    "PGSYSCONFDIR"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const char *value = getenv(names[i]);
		struct pga_text setting = PGA_TEXT_EMPTY;

		if (value == NULL || value[0] != '/')
			continue;
		pga_text_addf(&setting, "%s=%s", names[i], value);
		pga_text_add(unit, "Environment=");
		pga_unit_add_word(unit, pga_text_string(&setting), false);
		pga_text_add(unit, "\n");
		unit->failed = unit->failed || setting.failed;
		pga_text_free(&setting);
	}
}

char *pga_unit_path(bool system, const char *name, struct pga_error *error)
{
	static const char own[] = "/pganchor/";
	struct pga_text path = PGA_TEXT_EMPTY;
	char *config = system ? NULL : pga_user_config("");
	char *taken;

	if (!system && config == NULL) {
		(void)pga_fail_home(error);
		return NULL;
	}
	if (system) {
		pga_text_addf(&path, SYSCONFDIR "/systemd/system/%s", name);
	} else {
		pga_text_add_bytes(&path, config, strlen(config) - strlen(own));
		pga_text_addf(&path, "/systemd/user/%s", name);
	}
	free(config);
	taken = pga_text_take(&path);
	if (taken == NULL)
		(void)pga_fail_memory(error);
	return taken;
}

char *pga_systemctl(bool system, const char *verb, const char *unit)
{
	const char *const argv[] = {
	    "systemctl", system ? "--system" : "--user", "--quiet", verb, unit, NULL};
	struct pga_subprocess child = {.status = 0};
	struct pga_text why = PGA_TEXT_EMPTY;
	struct pga_error error;
	const char *said;

	if (pga_subprocess_run_for(SYSTEMCTL_SECONDS, argv, NULL, &child, &error) != 0) {
		pga_text_add(&why, error.message);
	} else if (child.status != 0) {
		said = pga_text_string(&child.errors);
		pga_text_addf(&why, "systemctl%s %s: %.*s", system ? "" : " --user", verb,
			      (int)strcspn(said, "\n"), said[0] != '\0' ? said : "failed");
	}
	pga_subprocess_free(&child);
	if (why.length == 0)
		return NULL;
	return pga_text_take(&why);
}

int pga_unit_link(const char *unit, const char *link, struct pga_error *error)
{
	char *directory = strdup(link);
	struct stat status;
	int result = -1;

	if (directory == NULL)
		return pga_fail_memory(error);
	*strrchr(directory, '/') = '\0';
	if (lstat(unit, &status) != 0 ||
	    (mkdir(directory, 0755) == 0 ? lchown(directory, status.st_uid, status.st_gid)
	     : errno == EEXIST           ? 0
					 : -1) != 0)
		(void)pga_fail_errno(error, NULL, "%s: could not be made", directory);
	else if ((unlink(link) != 0 && errno != ENOENT) || symlink(unit, link) != 0 ||
		 lchown(link, status.st_uid, status.st_gid) != 0)
		(void)pga_fail_errno(error, NULL, "%s: could not be made", link);
	else
		result = 0;
	free(directory);
	return result;
}

int pga_unit_unlink(const char *link, struct pga_error *error)
{
	char *directory;

	if (unlink(link) != 0 && errno != ENOENT && errno != ENOTDIR)
		return pga_fail_errno(error, NULL, "%s: could not be removed", link);
	directory = strdup(link);
	if (directory != NULL) {
		*strrchr(directory, '/') = '\0';
		(void)rmdir(directory);
	}
	free(directory);
	return 0;
}
