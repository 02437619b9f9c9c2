#include "preload/daemons.h"

#include "preload/known.h"
#include "preload/module.h"
#include "base/text.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OWN_ENVIRONMENT "a session has an environment of its own, and not the service's"
#define SESSIONS        "pganchor enable --system is for everybody's sessions; nothing was changed"

static const struct pga_daemon daemons[] = {
    {{"postgresql"},
     "/usr/bin/pg_ctlcluster",
     true,
     "the server is started by pg_ctlcluster, which does not pass the environment of the service "
     "on",
     "write LD_PRELOAD = '" PGA_MODULE "' into /etc/postgresql/VERSION/CLUSTER/environment; "
     "nothing was changed"},
    {{"postfix"},
     NULL,
     true,
     "master(8) gives its daemons an environment of its own, proxymap(8) among them",
     "add LD_PRELOAD=" PGA_MODULE " to import_environment in main.cf (postconf -d "
     "import_environment shows the default); nothing was changed"},
    {{"dovecot"},
     NULL,
     true,
     "it gives its processes an environment of its own, auth among them",
     "write import_environment = $import_environment LD_PRELOAD=" PGA_MODULE
     " into dovecot.conf; nothing was changed"},
    {{"cron", "crond", "cronie"},
     NULL,
     true,
     "it gives its jobs an environment of its own",
     "write LD_PRELOAD=" PGA_MODULE " at the top of each crontab; nothing was changed"},
    {{"atd"},
     NULL,
     true,
     "a job has the environment in which somebody asked for it, and not the service's",
     SESSIONS},
    {{"exim", "exim4"},
     NULL,
     true,
     "it starts itself anew, set-user-ID, with an environment that it has emptied",
     "pganchor enable --ld-so-preload is the way that holds; nothing was changed"},
    {{"ssh", "sshd"}, NULL, true, OWN_ENVIRONMENT, SESSIONS},
    {{"gdm", "gdm3", "lightdm", "sddm", "lxdm", "xdm", "display-manager"},
     NULL,
     true,
     OWN_ENVIRONMENT,
     SESSIONS},
    {{"getty", "*-getty"}, NULL, true, OWN_ENVIRONMENT, SESSIONS},
    {{"docker", "containerd", "podman"},
     NULL,
     true,
     "a container has a root directory and an environment of its own",
     "install pganchor in the image, and enable it there; nothing was changed"},
    {{"apache2", "httpd"},
     NULL,
     false,
     "the server and its modules have the gate, and CGI programs an environment of their own",
     "write PassEnv LD_PRELOAD into its configuration for those"},
    {{"php*-fpm"},
     NULL,
     false,
     "PHP has the gate, and what it starts gets an environment of its own (clear_env)",
     "write env[LD_PRELOAD] = " PGA_MODULE " into the pool's file for that"},
};

/* A pooler in a service of its own: most are called as their program is. */
static const struct pga_daemon speaker = {
    {NULL},
    NULL,
    true,
    "it speaks PostgreSQL's protocol itself, so that the gate would see nothing of its connections",
    "have it verify its servers by its own settings; nothing was changed"};

static bool is_there(const char *file, const char *root)
{
	struct pga_text path = PGA_TEXT_EMPTY;
	bool there;

	if (file == NULL)
		return true;
	pga_text_addf(&path, "%s%s", root != NULL ? root : "", file);
	there = access(pga_text_string(&path), F_OK) == 0;
	pga_text_free(&path);
	return there;
}

static bool is_named(const struct pga_daemon *daemon, const char *name)
{
	for (const char *const *unit = daemon->units; *unit != NULL; unit++)
		if (fnmatch(*unit, name, 0) == 0)
			return true;
	return false;
}

/* The name without its instance and its type. */
static char *stem_of(const char *unit)
{
	static const char type[] = ".service";
	size_t length = strcspn(unit, "@");

	if (length >= sizeof type && unit[length] == '\0' &&
	    strcmp(unit + length - (sizeof type - 1), type) == 0)
		length -= sizeof type - 1;
	return strndup(unit, length);
}

const struct pga_daemon *pga_find_daemon(const char *unit, const char *root)
{
	const struct pga_daemon *found = NULL;
	char *name = stem_of(unit);

	if (name == NULL)
		return NULL;
	if (pga_find_speaker(name) != NULL || strcmp(name, "pgpool2") == 0)
		found = &speaker;
	for (size_t i = 0; i < sizeof daemons / sizeof daemons[0]; i++)
		if (is_named(&daemons[i], name) && is_there(daemons[i].file, root))
			found = &daemons[i];
	free(name);
	return found;
}
