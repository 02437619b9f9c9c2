#include "cert/timer.h"

#include "anchor/units.h"
#include "base/file.h"
#include "base/text.h"
#include "base/transaction.h"
#include "cert/acme.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "pganchor-renew@"

enum { TIMER, SERVICE, OWN_TIMER, OWN_SERVICE };

/* As often as the templates have it, in seconds. */
#define USUAL_PAUSE 900

static const char written[] =
    "# Written by pganchor; \"pganchor cert timer disable\" takes it away.\n";

static const char timer_unit[] =
    "[Unit]\n"
    "Description=Looks whether pganchor's certificate %i is to be renewed\n"
    "\n"
    "# A look costs nothing: it is renewed behind two thirds of its life, or up to a twentieth of "
    "it\n"
    "# earlier, each at another moment.\n"
    "[Timer]\n"
    "OnCalendar=*:0/15\n"
    "RandomizedDelaySec=5min\n"
    "Persistent=true\n"
    "\n"
    "[Install]\n"
    "WantedBy=timers.target\n";

static const char service_begin[] = "[Unit]\n"
				    "Description=Renews pganchor's certificate %i\n";
/* A look each second or two is no reason for systemd to give up, as it does with the sixth start
 * within ten seconds. */
static const char any_number_of_starts[] = "StartLimitIntervalSec=0\n";
static const char of_system_only[] = "Wants=network-online.target\n"
				     "After=network-online.target\n";
static const char service_middle[] = "\n"
				     "[Service]\n"
				     "Type=oneshot\n";

/* What a manager without privileges can do, too: no capability is dropped, and where it can make no
 * namespace, systemd goes on without that. */
static const char service_end[] = "TimeoutStartSec=15min\n"
				  "Nice=10\n"
				  "UMask=0077\n"
				  "NoNewPrivileges=true\n"
				  "ProtectSystem=strict\n"
				  "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK\n"
				  "RestrictNamespaces=true\n"
				  "RestrictRealtime=true\n"
				  "RestrictSUIDSGID=true\n"
				  "LockPersonality=true\n"
				  "MemoryDenyWriteExecute=true\n"
				  "SystemCallArchitectures=native\n"
				  "SystemCallFilter=@system-service\n"
				  "SystemCallErrorNumber=EPERM\n";

/* Root's: what it needs is to write the files of other users, and to signal their processes. */
static const char service_end_of_system[] =
    "User=root\n"
    "CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_KILL CAP_SETGID CAP_SETUID\n"
    "PrivateTmp=true\n"
    "PrivateDevices=true\n"
    "ProtectHome=read-only\n"
    "ProtectClock=true\n"
    "ProtectControlGroups=true\n"
    "ProtectHostname=true\n"
    "ProtectKernelLogs=true\n"
    "ProtectKernelModules=true\n"
    "ProtectKernelTunables=true\n";

static const char service_end_of_user[] = "ReadWritePaths=%h\n";

/* Pauses that divide a minute, or an hour, as OnCalendar= wants them. */
static const long pauses[] = {USUAL_PAUSE, 600, 300, 120, 60, 30, 15, 10, 5, 2, 1};

long pga_cert_timer_pause(long life)
{
	const size_t count = sizeof pauses / sizeof pauses[0];
	size_t i = 0;

	/* Between two thirds of its life and its end there are eight looks then. */
	while (i + 1 < count && pauses[i] > life / 24)
		i++;
	return pauses[i];
}

static int compose_service(bool system, struct pga_text *unit, struct pga_error *error)
{
	char *program = pga_unit_program();

	if (program == NULL)
		return pga_fail_errno(error, NULL, "could not find out the path of pganchor");
	pga_text_add(unit, written);
	pga_text_add(unit, service_begin);
	pga_text_add(unit, any_number_of_starts);
	pga_text_add(unit, system ? of_system_only : "");
	pga_text_add(unit, service_middle);
	pga_text_add(unit, "ExecStart=");
	pga_unit_add_word(unit, program, true);
	pga_text_add(unit, " cert renew --quiet %i\n");
	pga_unit_add_environment(unit);
	pga_text_add(unit, service_end);
	pga_text_add(unit, system ? service_end_of_system : service_end_of_user);
	free(program);
	return 0;
}

/* A certificate that does not live long is looked at more often. */
static void compose_own_timer(const struct pga_cert_state *state, struct pga_text *unit)
{
	/* Of one that cannot be read it is not known. */
	const long pause =
	    state->to > state->from ? pga_cert_timer_pause(state->to - state->from) : USUAL_PAUSE;

	if (pause == USUAL_PAUSE)
		return;
	pga_text_add(unit, written);
	pga_text_add(unit, "[Timer]\nOnCalendar=\n");
	if (pause < 60)
		pga_text_addf(unit, "OnCalendar=*:*:0/%ld\n", pause);
	else
		pga_text_addf(unit, "OnCalendar=*:0/%ld\n", pause / 60);
	pga_text_addf(unit, "RandomizedDelaySec=%ld\nAccuracySec=%ld\n", pause / 4,
		      pause < 60 ? 1L : 10L);
}

/* A directory that has to be there for the unit, since systemd would not start it otherwise, gets a
 * "-". */
static void add_directory(struct pga_text *unit, const char *path)
{
	struct pga_text directory = PGA_TEXT_EMPTY;
	const char *slash = strrchr(path, '/');

	pga_text_add(&directory, "-");
	pga_text_add_bytes(&directory, path, slash > path ? (size_t)(slash - path) : 1);
	pga_text_add(unit, "ReadWritePaths=");
	pga_unit_add_word(unit, pga_text_string(&directory), false);
	pga_text_add(unit, "\n");
	unit->failed = unit->failed || directory.failed;
	pga_text_free(&directory);
}

/* Below 1024, which is root's, and which root needs this for. */
static bool is_low_port(const char *listen)
{
	const char *colon = strrchr(listen, ':');
	const long port = strtol(colon != NULL ? colon + 1 : listen, NULL, 10);

	return port > 0 && port < 1024;
}

/* What an ACME client needs: to put a file where a web server has it, or to be one. */
static int add_acme(const struct pga_cert_record *record, bool system, struct pga_text *unit,
		    struct pga_error *error)
{
	struct pga_text inside = PGA_TEXT_EMPTY;
	struct pga_acme acme;
	const int result = pga_acme_look(record, &acme, error);

	if (result == 0 && acme.webroot[0] != '\0') {
		pga_text_addf(&inside, "%s/.", acme.webroot);
		add_directory(unit, pga_text_string(&inside));
	}
	if (result == 0 && system && acme.listen[0] != '\0' && is_low_port(acme.listen))
		pga_text_add(unit, "CapabilityBoundingSet=CAP_NET_BIND_SERVICE\n");
	unit->failed = unit->failed || inside.failed;
	pga_text_free(&inside);
	pga_acme_free(&acme);
	return result;
}

static int compose_own_service(const struct pga_cert_record *record, bool system,
			       struct pga_text *unit, struct pga_error *error)
{
	char *conf = pga_cert_records_path(error);

	if (conf == NULL)
		return -1;
	pga_text_add(unit, written);
	pga_text_add(unit, "[Service]\n");
	add_directory(unit, record->certificate);
	add_directory(unit, record->key);
	add_directory(unit, conf);
	free(conf);
	return strcmp(record->way, PGA_CERT_WAY_ACME) == 0 ? add_acme(record, system, unit, error)
							   : 0;
}

static char *path_of(bool system, const char *format, const char *name, struct pga_error *error)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	const char *at = strchr(format, '*');
	char *path = NULL;

	pga_text_add_bytes(&text, format, at != NULL ? (size_t)(at - format) : strlen(format));
	if (at != NULL)
		pga_text_addf(&text, "%s%s", name, at + 1);
	if (text.failed)
		(void)pga_fail_memory(error);
	else
		path = pga_unit_path(system, pga_text_string(&text), error);
	pga_text_free(&text);
	return path;
}

static const char *const formats[PGA_CERT_TIMER_FILES] = {
    [TIMER] = PREFIX ".timer",
    [SERVICE] = PREFIX ".service",
    [OWN_TIMER] = PREFIX "*.timer.d/pganchor.conf",
    [OWN_SERVICE] = PREFIX "*.service.d/pganchor.conf",
};
static const char link_format[] = "timers.target.wants/" PREFIX "*.timer";

static int compose(const struct pga_cert_record *record, const struct pga_cert_state *state,
		   struct pga_cert_timer *timer, struct pga_error *error)
{
	struct pga_text texts[PGA_CERT_TIMER_FILES] = {{.bytes = NULL}};
	int result = 0;

	pga_text_add(&texts[TIMER], written);
	pga_text_add(&texts[TIMER], timer_unit);
	compose_own_timer(state, &texts[OWN_TIMER]);
	if (compose_service(timer->system, &texts[SERVICE], error) != 0 ||
	    compose_own_service(record, timer->system, &texts[OWN_SERVICE], error) != 0)
		result = -1;
	for (size_t i = 0; i < PGA_CERT_TIMER_FILES; i++) {
		if (texts[i].bytes == NULL)
			pga_text_add(&texts[i], "");
		timer->wanted[i] = pga_text_take(&texts[i]);
		if (result == 0 && timer->wanted[i] == NULL)
			result = pga_fail_memory(error);
	}
	return result;
}

/* Whether each file says what it is to say; one that is to say nothing is not there. */
static int compare(struct pga_cert_timer *timer, struct pga_error *error)
{
	timer->current = true;
	for (size_t i = 0; i < PGA_CERT_TIMER_FILES; i++) {
		struct pga_text content = PGA_TEXT_EMPTY;
		bool found = false;
		const int result = pga_file_read(timer->paths[i], &content, &found, error);

		if (found != (timer->wanted[i][0] != '\0') ||
		    strcmp(pga_text_string(&content), timer->wanted[i]) != 0)
			timer->current = false;
		pga_text_free(&content);
		if (result != 0)
			return -1;
	}
	return 0;
}

/* How many other certificates are started from the link's directory, too. */
static size_t count_others(const char *link)
{
	const char *name = strrchr(link, '/') + 1;
	char *directory = strndup(link, (size_t)(name - link));
	DIR *entries = directory != NULL ? opendir(directory) : NULL;
	const struct dirent *entry;
	size_t others = 0;

	while (entries != NULL && (entry = readdir(entries)) != NULL)
		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0 &&
		    strcmp(entry->d_name, name) != 0)
			others++;
	if (entries != NULL)
		(void)closedir(entries);
	free(directory);
	return others;
}

int pga_cert_timer_look(const struct pga_cert_record *record, const struct pga_cert_state *state,
			bool system, struct pga_cert_timer *timer, struct pga_error *error)
{
	struct pga_text unit = PGA_TEXT_EMPTY;
	struct stat status;

	memset(timer, 0, sizeof *timer);
	timer->system = system;
	pga_text_addf(&unit, PREFIX "%s.timer", record->name);
	timer->unit = pga_text_take(&unit);
	if (timer->unit == NULL)
		return pga_fail_memory(error);
	timer->link = path_of(system, link_format, record->name, error);
	if (timer->link == NULL)
		return -1;
	for (size_t i = 0; i < PGA_CERT_TIMER_FILES; i++) {
		timer->paths[i] = path_of(system, formats[i], record->name, error);
		if (timer->paths[i] == NULL)
			return -1;
	}
	timer->enabled = lstat(timer->link, &status) == 0;
	timer->others = count_others(timer->link);
	return compose(record, state, timer, error) == 0 ? compare(timer, error) : -1;
}

int pga_cert_timer_is_ours(const struct pga_cert_timer *timer, bool *ours, struct pga_error *error)
{
	char *conf = pga_cert_records_path(error);
	struct pga_text content = PGA_TEXT_EMPTY;
	struct pga_text line = PGA_TEXT_EMPTY;
	bool found = false;
	int result = -1;

	*ours = false;
	if (conf == NULL)
		return -1;
	add_directory(&line, conf);
	if (line.failed)
		(void)pga_fail_memory(error);
	else
		result = pga_file_read(timer->paths[OWN_SERVICE], &content, &found, error);
	if (result == 0)
		*ours = strstr(pga_text_string(&content), pga_text_string(&line)) != NULL;
	pga_text_free(&content);
	pga_text_free(&line);
	free(conf);
	return result;
}

bool pga_cert_timer_is_enabled(const char *name, bool system)
{
	struct pga_error ignored;
	struct stat status;
	char *link = path_of(system, link_format, name, &ignored);
	const bool enabled = link != NULL && lstat(link, &status) == 0;

	free(link);
	return enabled;
}

void pga_cert_timer_free(struct pga_cert_timer *timer)
{
	for (size_t i = 0; i < PGA_CERT_TIMER_FILES; i++) {
		free(timer->paths[i]);
		free(timer->wanted[i]);
	}
	free(timer->unit);
	free(timer->link);
	memset(timer, 0, sizeof *timer);
}

/* All of them together or not at all; with away, what is this certificate's goes, and the templates
 * where no other needs them. */
static int write_units(const struct pga_cert_timer *timer, bool away, struct pga_error *error)
{
	struct pga_transaction_file files[PGA_CERT_TIMER_FILES];
	struct pga_transaction_file *order[PGA_CERT_TIMER_FILES];
	int result = 0;

	memset(files, 0, sizeof files);
	for (size_t i = 0; i < PGA_CERT_TIMER_FILES; i++) {
		order[i] = &files[i];
		files[i].change = PGA_UNCHANGED;
	}
	for (size_t i = 0; i < PGA_CERT_TIMER_FILES && result == 0; i++) {
		const bool goes =
		    timer->wanted[i][0] == '\0' || (away && (i >= OWN_TIMER || timer->others == 0));

		if ((away && !goes) || (goes && access(timer->paths[i], F_OK) != 0))
			continue;
		result = pga_edit_begin_in(&files[i].edit, timer->paths[i], 0644, 0755, error);
		if (result != 0)
			break;
		pga_text_add(&files[i].after, timer->wanted[i]);
		if (goes)
			files[i].change = files[i].edit.existed ? PGA_REMOVED : PGA_UNCHANGED;
		else if (!files[i].edit.existed ||
			 strcmp(pga_text_string(&files[i].edit.before), timer->wanted[i]) != 0)
			result = pga_transaction_put(&files[i], error);
	}
	if (result == 0)
		result = pga_transaction_write(order, PGA_CERT_TIMER_FILES, error);
	for (size_t i = PGA_CERT_TIMER_FILES; i-- > 0;)
		pga_transaction_end(&files[i]);
	return result;
}

/* The directories of what is this certificate's alone, where nothing of anybody else's is in them.
 */
static void remove_directories(const struct pga_cert_timer *timer)
{
	for (size_t i = OWN_TIMER; i <= OWN_SERVICE; i++) {
		char *directory = strdup(timer->paths[i]);

		if (directory != NULL) {
			*strrchr(directory, '/') = '\0';
			(void)rmdir(directory);
		}
		free(directory);
	}
}

int pga_cert_timer_enable(const struct pga_cert_timer *timer, bool runs, bool *started, char **why,
			  struct pga_error *error)
{
	*started = false;
	*why = NULL;
	if (write_units(timer, false, error) != 0 ||
	    pga_unit_link(timer->paths[TIMER], timer->link, error) != 0)
		return -1;
	if (runs)
		*why = pga_systemctl(timer->system, "daemon-reload", NULL);
	if (runs && *why == NULL)
		*why = pga_systemctl(timer->system, "restart", timer->unit);
	*started = runs && *why == NULL;
	return 0;
}

int pga_cert_timer_disable(const struct pga_cert_timer *timer, bool runs, char **why,
			   struct pga_error *error)
{
	*why = NULL;
	if (runs && timer->enabled)
		*why = pga_systemctl(timer->system, "stop", timer->unit);
	if (pga_unit_unlink(timer->link, error) != 0 || write_units(timer, true, error) != 0)
		return -1;
	remove_directories(timer);
	if (runs && *why == NULL)
		*why = pga_systemctl(timer->system, "daemon-reload", NULL);
	return 0;
}
