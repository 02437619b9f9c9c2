/* The clock: certificates and CRLs hold from a day to a day, by it. */
#include "diagnose/doctor_checks.h"

#include "base/paths.h"
#include "report/moment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>

#define ABOUT_CLOCK "clock"

/* What a file system of another machine, or a clock that was put right, can be off, in seconds. */
#define TOLERATED (time_t)3600

/* Files that this machine itself has written at some time, so that it is later than that now. */
static const char *const witnesses[] = {
    "/proc/self/exe",   "/etc/ld.so.cache", "/var/lib/dpkg/status",
    "/var/lib/rpm",     "/etc/passwd",      "/var/lib/systemd/timesync/clock",
    "/var/log/journal",
};

static const char *const own_witnesses[] = {"anchors.conf", "sources.conf", "policy.conf"};

struct latest {
	char *path; /* NULL: none */
	time_t when;
};

static void take(struct latest *latest, const char *path)
{
	struct stat status;

	if (path == NULL || stat(path, &status) != 0 || status.st_mtime <= latest->when)
		return;
	free(latest->path);
	latest->path = strdup(path);
	latest->when = status.st_mtime;
}

static void judge_witnesses(const struct pga_doctor *doctor, struct pga_findings *findings)
{
	struct latest latest = {NULL, doctor->now + TOLERATED};
	char now[PGA_MOMENT];
	char then[PGA_MOMENT];

	for (size_t i = 0; i < sizeof witnesses / sizeof witnesses[0]; i++)
		take(&latest, witnesses[i]);
	for (size_t i = 0; i < sizeof own_witnesses / sizeof own_witnesses[0]; i++) {
		char *path = pga_user_config(own_witnesses[i]);

		take(&latest, path);
		free(path);
	}
	if (latest.when <= doctor->now + TOLERATED)
		return;
	pga_moment(doctor->now, false, now);
	pga_moment(latest.when, false, then);
	pga_findings_add(findings, PGA_CLOCK_BEHIND, PGA_SEVERITY_ERROR, ABOUT_CLOCK,
			 "the clock says %s, and %s was written at %s", now,
			 latest.path != NULL ? latest.path : "a file", then);
	pga_findings_detail(findings,
			    "certificates and CRLs hold from a day to a day: with a clock "
			    "that is behind, one that has expired or was revoked is taken, "
			    "and a new one is not");
	pga_findings_hint(findings,
			  "sudo timedatectl set-ntp true; where the clock is right, touch "
			  "that file");
	findings->failed = findings->failed || latest.path == NULL;
	free(latest.path);
}

/* The kernel's own word, which whoever sets the clock by a server gives it. In a container that may
 * not ask there is none. */
static void judge_synchronised(struct pga_findings *findings)
{
	struct timex timex;

	memset(&timex, 0, sizeof timex);
	if (adjtimex(&timex) != TIME_ERROR)
		return;
	pga_findings_add(findings, PGA_CLOCK_FREE, PGA_SEVERITY_NOTE, ABOUT_CLOCK,
			 "the clock is not synchronised with any other");
	pga_findings_detail(findings, "a clock that is off takes certificates and CRLs that have "
				      "expired, or refuses those that hold");
	pga_findings_hint(findings, "sudo timedatectl set-ntp true");
}

int pga_check_clock(const struct pga_doctor *doctor, struct pga_findings *findings,
		    struct pga_error *error)
{
	judge_witnesses(doctor, findings);
	judge_synchronised(findings);
	return findings->failed ? pga_fail_memory(error) : 0;
}
