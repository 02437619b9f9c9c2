#include "anchor/refresh_timer.h"

#include "base/file.h"
#include "base/path.h"
#include "base/paths.h"
#include "base/subprocess.h"
#include "base/text.h"
#include "base/transaction.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SERVICE "pganchor-refresh.service"

/* How long systemctl may take: it waits for the user's systemd, and for nothing else. */
#define SYSTEMCTL_SECONDS 15

static const char timer_unit[] =
    "# Written by pganchor; \"pganchor anchor timer disable\" takes it away.\n"
    "[Unit]\n"
    "Description=Looks whether a source of pganchor's anchors is to be asked again\n"
    "\n"
    "# A look costs nothing: each source is asked when its own week is up.\n"
    "[Timer]\n"
    "OnCalendar=hourly\n"
    "RandomizedDelaySec=30min\n"
    "Persistent=true\n"
    "\n"
    "[Install]\n"
    "WantedBy=timers.target\n";

/* What a manager without privileges can do: no capability is dropped, and where it can make no
 * namespace, systemd goes on without that. */
static const char service_begin[] =
    "# Written by pganchor; \"pganchor anchor timer disable\" takes it away.\n"
    "[Unit]\n"
    "Description=Refreshes the roots and CRLs that are trusted for PostgreSQL\n"
    "\n"
    "[Service]\n"
    "Type=oneshot\n";
static const char service_end[] =
    "# 3: something waits for a person; 1: a source could not be asked, as without a network.\n"
    "SuccessExitStatus=1 3\n"
    "TimeoutStartSec=30min\n"
    "Nice=10\n"
    "UMask=0077\n"
    "NoNewPrivileges=true\n"
    "ProtectSystem=strict\n"
    "ReadWritePaths=%h\n"
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK\n"
    "RestrictNamespaces=true\n"
    "RestrictRealtime=true\n"
    "RestrictSUIDSGID=true\n"
    "LockPersonality=true\n"
    "MemoryDenyWriteExecute=true\n"
    "SystemCallArchitectures=native\n"
    "SystemCallFilter=@system-service\n"
    "SystemCallErrorNumber=EPERM\n";

/* A word of a unit, in quotes (systemd.syntax(7), systemd.service(5)). dollar: "$" begins the name
 * of a variable there. */
static void add_word(struct pga_text *unit, const char *word, bool dollar)
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

/* The program that runs, by its path; NULL with errno. The caller frees it. */
static char *own_program(void)
{
	return realpath("/proc/self/exe", NULL);
}

/* The user's systemd need not have what this shell has: without these, it would look at another
 * home's files. */
static void add_environment(struct pga_text *unit)
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
		add_word(unit, pga_text_string(&setting), false);
		pga_text_add(unit, "\n");
		unit->failed = unit->failed || setting.failed;
		pga_text_free(&setting);
	}
}

static int compose_service(struct pga_text *unit, struct pga_error *error)
{
	char *program = own_program();

	if (program == NULL)
		return pga_fail_errno(error, NULL, "could not find out the path of pganchor");
	pga_text_add(unit, service_begin);
	pga_text_add(unit, "ExecStart=");
	add_word(unit, program, true);
	pga_text_add(unit, " anchor refresh --due\n");
	add_environment(unit);
	pga_text_add(unit, service_end);
	free(program);
	return unit->failed ? pga_fail_memory(error) : 0;
}

/* Below the directory of the user's units. NULL with the reason; the caller frees it. */
static char *unit_path(const char *name, struct pga_error *error)
{
	static const char own[] = "/pganchor/";
	struct pga_text path = PGA_TEXT_EMPTY;
	char *config = pga_user_config("");
	char *taken;

	if (config == NULL) {
		(void)pga_fail_home(error);
		return NULL;
	}
	pga_text_add_bytes(&path, config, strlen(config) - strlen(own));
	pga_text_addf(&path, "/systemd/user/%s", name);
	free(config);
	taken = pga_text_take(&path);
	if (taken == NULL)
		(void)pga_fail_memory(error);
	return taken;
}

/* *found: it is there; *same: and has these bytes. */
static int look_at(const char *path, const char *wanted, bool *found, bool *same,
		   struct pga_error *error)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	const int result = pga_file_read(path, &content, found, error);

	*same = result == 0 && *found && strcmp(pga_text_string(&content), wanted) == 0;
	pga_text_free(&content);
	return result;
}

int pga_refresh_timer_look(struct pga_refresh_timer *timer, struct pga_error *error)
{
	struct pga_text service = PGA_TEXT_EMPTY;
	bool service_found = false;
	bool timer_found = false;
	bool service_same = false;
	bool timer_same = false;
	struct stat status;
	int result = -1;

	memset(timer, 0, sizeof *timer);
	timer->service = unit_path(SERVICE, error);
	timer->timer = unit_path(PGA_REFRESH_TIMER, error);
	timer->link = unit_path("timers.target.wants/" PGA_REFRESH_TIMER, error);
	if (timer->service != NULL && timer->timer != NULL && timer->link != NULL &&
	    compose_service(&service, error) == 0 &&
	    look_at(timer->service, pga_text_string(&service), &service_found, &service_same,
		    error) == 0 &&
	    look_at(timer->timer, timer_unit, &timer_found, &timer_same, error) == 0)
		result = 0;
	timer->installed = service_found && timer_found;
	timer->current = service_same && timer_same;
	timer->enabled = timer->link != NULL && lstat(timer->link, &status) == 0;
	pga_text_free(&service);
	return result;
}

void pga_refresh_timer_free(struct pga_refresh_timer *timer)
{
	free(timer->service);
	free(timer->timer);
	free(timer->link);
	memset(timer, 0, sizeof *timer);
}

/* Both units, written together or not at all; with remove, taken away. */
static int write_units(const struct pga_refresh_timer *timer, bool away, struct pga_error *error)
{
	struct pga_transaction_file files[2] = {{.change = PGA_UNCHANGED},
						{.change = PGA_UNCHANGED}};
	struct pga_transaction_file *const order[] = {&files[0], &files[1]};
	const char *const paths[] = {timer->service, timer->timer};
	int result = compose_service(&files[0].after, error);

	pga_text_add(&files[1].after, timer_unit);
	for (size_t i = 0; i < 2 && result == 0; i++) {
		result = pga_edit_begin_in(&files[i].edit, paths[i], 0644, 0755, error);
		if (result != 0)
			break;
		if (away)
			files[i].change = files[i].edit.existed ? PGA_REMOVED : PGA_UNCHANGED;
		else if (!files[i].edit.existed || strcmp(pga_text_string(&files[i].edit.before),
							  pga_text_string(&files[i].after)) != 0)
			result = pga_transaction_put(&files[i], error);
	}
	if (result == 0)
		result = pga_transaction_write(order, 2, error);
	for (size_t i = 2; i-- > 0;)
		pga_transaction_end(&files[i]);
	return result;
}

/* Runs systemctl --user with these words. Returns what went wrong, which the caller frees; NULL:
 * nothing. */
static char *systemctl(const char *verb, const char *unit)
{
	const char *const argv[] = {"systemctl", "--user", "--quiet", verb, unit, NULL};
	struct pga_subprocess child = {.status = 0};
	struct pga_text why = PGA_TEXT_EMPTY;
	struct pga_error error;
	const char *said;

	if (pga_subprocess_run_for(SYSTEMCTL_SECONDS, argv, NULL, &child, &error) != 0) {
		pga_text_add(&why, error.message);
	} else if (child.status != 0) {
		said = pga_text_string(&child.errors);
		pga_text_addf(&why, "systemctl --user %s: %.*s", verb, (int)strcspn(said, "\n"),
			      said[0] != '\0' ? said : "failed");
	}
	pga_subprocess_free(&child);
	if (why.length == 0)
		return NULL;
	return pga_text_take(&why);
}

/* What systemctl enable does. The directory has the owner of the one that it stands in. */
static int make_link(const struct pga_refresh_timer *timer, struct pga_error *error)
{
	char *directory = strdup(timer->link);
	struct stat status;
	int result = -1;

	if (directory == NULL)
		return pga_fail_memory(error);
	*strrchr(directory, '/') = '\0';
	if (lstat(timer->timer, &status) != 0 ||
	    (mkdir(directory, 0755) == 0 ? lchown(directory, status.st_uid, status.st_gid)
	     : errno == EEXIST           ? 0
					 : -1) != 0)
		(void)pga_fail_errno(error, NULL, "%s: could not be made", directory);
	else if ((unlink(timer->link) != 0 && errno != ENOENT) ||
		 symlink(timer->timer, timer->link) != 0 ||
		 lchown(timer->link, status.st_uid, status.st_gid) != 0)
		(void)pga_fail_errno(error, NULL, "%s: could not be made", timer->link);
	else
		result = 0;
	free(directory);
	return result;
}

/* The directory goes where nothing is left in it. */
static int remove_link(const struct pga_refresh_timer *timer, struct pga_error *error)
{
	char *directory;

	if (unlink(timer->link) != 0 && errno != ENOENT && errno != ENOTDIR)
		return pga_fail_errno(error, NULL, "%s: could not be removed", timer->link);
	directory = strdup(timer->link);
	if (directory != NULL) {
		*strrchr(directory, '/') = '\0';
		(void)rmdir(directory);
	}
	free(directory);
	return 0;
}

int pga_refresh_timer_enable(const struct pga_refresh_timer *timer, bool session, bool *started,
			     char **why, struct pga_error *error)
{
	*started = false;
	*why = NULL;
	if (write_units(timer, false, error) != 0 || make_link(timer, error) != 0)
		return -1;
	if (session)
		*why = systemctl("daemon-reload", NULL);
	if (session && *why == NULL)
		*why = systemctl("start", PGA_REFRESH_TIMER);
	*started = session && *why == NULL;
	return 0;
}

int pga_refresh_timer_disable(const struct pga_refresh_timer *timer, bool session, char **why,
			      struct pga_error *error)
{
	*why = NULL;
	if (session && timer->installed)
		*why = systemctl("stop", PGA_REFRESH_TIMER);
	if (remove_link(timer, error) != 0 || write_units(timer, true, error) != 0)
		return -1;
	if (session && *why == NULL)
		*why = systemctl("daemon-reload", NULL);
	return 0;
}
