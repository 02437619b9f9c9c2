/* Clients that are installed as sandboxes: LD_PRELOAD names a file that they do not have, the
 * drop-in stands before a libpq that is not theirs, and the home may be another. */
#include "diagnose/doctor_checks.h"

#include "base/paths.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ABOUT_SANDBOXES "sandboxes"

/* Flathub's and the Snap Store's names; NULL: it is not there, or not in a sandbox. */
static const struct {
	const char *name;
	const char *flatpak;
	const char *snap;
	bool libpq; /* it brings one */
} clients[] = {
    {"Beekeeper Studio", "io.beekeeperstudio.Studio", "beekeeper-studio", false},
    {"DataGrip", "com.jetbrains.DataGrip", NULL, false},
    {"DBeaver", "io.dbeaver.DBeaverCommunity", "dbeaver-ce", false},
    {"LibreOffice", "org.libreoffice.LibreOffice", "libreoffice", true},
    {"pgAdmin", "org.pgadmin.pgadmin4", "pgadmin4", true},
    {"QGIS", "org.qgis.qgis", "qgis-ltr", true},
    {"VS Code", "com.visualstudio.code", NULL, true},
};

static bool is_there(struct pga_findings *findings, const char *directory, const char *between,
		     const char *name)
{
	struct pga_text path = PGA_TEXT_EMPTY;
	bool there;

	pga_text_addf(&path, "%s%s%s", directory, between, name);
	there = !path.failed && access(pga_text_string(&path), F_OK) == 0;
	findings->failed = findings->failed || path.failed;
	pga_text_free(&path);
	return there;
}

static bool has_flatpak(struct pga_findings *findings, const char *home, const char *name)
{
	const char *data = getenv("XDG_DATA_HOME");

	return is_there(findings, "/var/lib/flatpak", "/app/", name) ||
	       (data != NULL && data[0] == '/'
		    ? is_there(findings, data, "/flatpak/app/", name)
		    : is_there(findings, home, "/.local/share/flatpak/app/", name));
}

static bool has_snap(struct pga_findings *findings, const char *name)
{
	return is_there(findings, "/snap", "/", name) ||
	       is_there(findings, "/var/lib/snapd/snap", "/", name);
}

static void tell(struct pga_findings *findings, size_t i, bool flatpak)
{
	pga_findings_add(findings, PGA_CLIENT_SANDBOXED,
			 clients[i].libpq ? PGA_SEVERITY_WARNING : PGA_SEVERITY_NOTE,
			 ABOUT_SANDBOXES, "%s is a %s: the gate is not in it", clients[i].name,
			 flatpak ? "flatpak" : "snap");
	pga_findings_detail(
	    findings, "%s",
	    clients[i].libpq ? "it has a libpq of its own in a sandbox, where the module is not "
			       "seen: nothing refuses its weak connections"
			     : "it does not connect by libpq: its own settings are all there is");
	if (flatpak)
		pga_findings_hint(findings,
				  "flatpak override --user --filesystem=~/.postgresql:ro %s; and "
				  "give each of its connections the SSL mode verify-full",
				  clients[i].flatpak);
	else
		pga_findings_hint(findings,
				  "give each of its connections the SSL mode verify-full, "
				  "with a CA file that is not in a hidden directory: "
				  "snaps do not see those");
	pga_findings_object(findings, "%s", flatpak ? clients[i].flatpak : clients[i].snap);
}

int pga_check_sandboxes(const struct pga_doctor *doctor, struct pga_findings *findings,
			struct pga_error *error)
{
	char *home = pga_home();

	(void)doctor;
	findings->failed = findings->failed || (home == NULL && errno == ENOMEM);
	for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++) {
		if (has_flatpak(findings, home != NULL ? home : "", clients[i].flatpak))
			tell(findings, i, true);
		if (clients[i].snap != NULL && has_snap(findings, clients[i].snap))
			tell(findings, i, false);
	}
	free(home);
	return findings->failed ? pga_fail_memory(error) : 0;
}
