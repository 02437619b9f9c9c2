/* Whether this is a container, and has the roots there that its clients verify by. */
#include "diagnose/doctor_checks.h"

#include "policy/linked.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ABOUT_CONTAINER "container"

/* What made it; NULL where this is none. What Docker and Podman leave in it, and what systemd's
 * container interface asks of all of them. */
static const char *container(void)
{
	const char *named = getenv("container");

	if (named != NULL && named[0] != '\0')
		return named;
	if (access("/.dockerenv", F_OK) == 0)
		return "docker";
	if (access("/run/.containerenv", F_OK) == 0)
		return "podman";
	return access("/run/systemd/container", F_OK) == 0 ? "a container" : NULL;
}

static bool has_root_crt(const char *home)
{
	struct pga_text path = PGA_TEXT_EMPTY;
	bool there;

	pga_text_addf(&path, "%s/.postgresql/root.crt", home);
	there = !path.failed && access(pga_text_string(&path), F_OK) == 0;
	pga_text_free(&path);
	return there;
}

int pga_check_container(const struct pga_doctor *doctor, struct pga_findings *findings,
			struct pga_error *error)
{
	struct pga_error no_home;
	const char *made_by = container();
	char *home = made_by != NULL ? pga_libpq_home(&no_home) : NULL;

	if (made_by != NULL && doctor->pins.count == 0 && (home == NULL || !has_root_crt(home))) {
		pga_findings_add(
		    findings, PGA_CONTAINER_WITHOUT_ROOTS, PGA_SEVERITY_WARNING, ABOUT_CONTAINER,
		    "this is a container (%s) without an anchor and a root.crt", made_by);
		pga_findings_detail(findings, "the home outside is not seen in here: no client can "
					      "verify a server, and those that need not, do not");
		pga_findings_hint(
		    findings,
		    "start it with -v \"$HOME/.postgresql:%s/.postgresql:ro\", or have "
		    "the image COPY root.crt there",
		    home != NULL ? home : "/root");
	}
	free(home);
	return findings->failed ? pga_fail_memory(error) : 0;
}
