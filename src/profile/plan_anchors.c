/* What becomes of the anchors. */
#include "profile/apply.h"

#include "anchor/known_roots.h"
#include "anchor/rotation.h"
#include "base/host.h"
#include "base/paths.h"
#include "service/choose_anchor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int keep(struct pga_apply_anchor *anchor, char *hint, const char *why,
		struct pga_error *error)
{
	anchor->action = PGA_APPLY_KEEP;
	free(anchor->why);
	free(anchor->hint);
	anchor->why = strdup(why);
	anchor->hint = hint;
	return anchor->why != NULL && hint != NULL ? 0 : pga_fail_memory(error);
}

/* Whether every pattern of the list is one of the others', or means no host that those do not. */
static bool covers(const char *hosts, const char *patterns)
{
	while (*patterns != '\0') {
		const size_t length = strcspn(patterns, " ,");
		char pattern[256];

		if (length >= sizeof pattern)
			return false;
		memcpy(pattern, patterns, length);
		pattern[length] = '\0';
		/* "*.example.com" stands for a host below that one, as it is written. */
		if (length > 0 && !pga_host_matches_any(hosts, pattern))
			return false;
		patterns += length;
		patterns += strspn(patterns, " ,");
	}
	return true;
}

static char *hosts_command(const char *name, const char *hosts)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_text_addf(&text, "pganchor anchor set-hosts %s '%s'", name, hosts);
	return pga_text_take(&text);
}

static int take(char **to, const char *from, struct pga_error *error)
{
	free(*to);
	*to = strdup(from);
	return *to != NULL ? 0 : pga_fail_memory(error);
}

/* One that is pinned: hosts and scope are the profile's as far as nobody has changed them. */
static int plan_pinned(struct pga_application *application, struct pga_apply_anchor *anchor,
		       const struct pga_pin *mine, struct pga_error *error)
{
	const struct pga_profile_anchor *from = anchor->root->anchor;
	const struct pga_recorded_anchor *before =
	    pga_recorded_anchor_of(&application->recorded, anchor->pin);
	const bool free_hosts = pga_apply_replaces(application, mine->name) ||
				(before != NULL && strcmp(before->hosts, mine->hosts) == 0);
	const bool free_scope = pga_apply_replaces(application, mine->name) ||
				(before != NULL && before->scoped == mine->scoped);
	const bool same = strcmp(mine->hosts, from->hosts) == 0;

	anchor->present = true;
	anchor->scoped = free_scope ? from->scoped : mine->scoped;
	if (take(&anchor->name, mine->name, error) != 0 ||
	    take(&anchor->hosts, free_hosts ? from->hosts : mine->hosts, error) != 0)
		return -1;
	anchor->action = (free_hosts && !same) || anchor->scoped != mine->scoped ? PGA_APPLY_CHANGE
										 : PGA_APPLY_SAME;
	if (free_hosts || same || (before == NULL && covers(mine->hosts, from->hosts)))
		return 0;
	if (before != NULL && strcmp(before->hosts, from->hosts) == 0)
		return keep(anchor, hosts_command(mine->name, from->hosts), "its hosts are yours",
			    error);
	return keep(anchor, hosts_command(mine->name, from->hosts),
		    before == NULL ? "it was pinned before, and not for all hosts of the profile"
				   : "its hosts are yours, and the profile has others",
		    error);
}

/* One that the system pins needs no pin of the user's, where its file is there and it is valid for
 * what the profile wants it for. */
static int plan_system(struct pga_application *application, struct pga_apply_anchor *anchor,
		       bool *planned, struct pga_error *error)
{
	const struct pga_pins *pins = &application->pins;
	struct pga_error ignored;

	for (size_t i = 0; i < pins->system_count && !*planned; i++) {
		const struct pga_pin *pin = &pins->pins[i];
		char *path;

		if (strcmp(pin->pin, anchor->pin) != 0 ||
		    !covers(pin->hosts, anchor->root->anchor->hosts))
			continue;
		path = pga_pin_own_file(pin);
		if (path == NULL)
			return pga_fail_memory(error);
		if (pga_anchor_file_check(pin, pins, path, &ignored) != 0) {
			free(path);
			continue;
		}
		*planned = true;
		anchor->system = anchor->present = true;
		anchor->file = path;
		anchor->action = PGA_APPLY_SAME;
		if (take(&anchor->name, pin->name, error) != 0 ||
		    take(&anchor->hosts, pin->hosts, error) != 0)
			return -1;
	}
	return 0;
}

/* Whether the anchor that has the name goes. */
static bool is_given_up(const struct pga_application *application, const struct pga_pin *holder)
{
	for (size_t i = 0; i < application->anchor_count; i++)
		if (application->anchors[i].action == PGA_APPLY_REMOVE &&
		    strcmp(application->anchors[i].pin, holder->pin) == 0)
			return true;
	return false;
}

static bool is_taken(const struct pga_application *application, const char *name)
{
	for (size_t i = 0; i < application->anchor_count; i++)
		if (application->anchors[i].action == PGA_APPLY_ADD &&
		    application->anchors[i].name != NULL &&
		    strcmp(application->anchors[i].name, name) == 0)
			return true;
	return false;
}

/* Whether there is a file of this anchor's that is none of an anchor's: what a run that was killed
 * has left is the root itself. */
static bool has_other_file(const struct pga_apply_anchor *anchor, const char *name)
{
	struct pga_pin named = {.name = strdup(name)};
	char *path = named.name != NULL ? pga_pin_file(name) : NULL;
	struct pga_certificate certificate;
	FILE *file = path != NULL ? fopen(path, "re") : NULL;
	bool other = file != NULL;

	if (file != NULL)
		(void)fclose(file);
	memcpy(named.pin, anchor->pin, sizeof named.pin);
	if (other && pga_known_root_read(&named, NULL, &certificate)) {
		pga_certificate_free(&certificate);
		other = false;
	}
	free(named.name);
	free(path);
	return other;
}

static int name_new(struct pga_application *application, struct pga_apply_anchor *anchor,
		    struct pga_error *error)
{
	const char *name = anchor->root->anchor->name;
	const struct pga_pin *holder = pga_pins_named(&application->own, name);
	const char **taken;
	size_t count = 0;

	if (!is_taken(application, name) &&
	    (holder != NULL ? is_given_up(application, holder) : !has_other_file(anchor, name)))
		return take(&anchor->name, name, error);
	taken = calloc(application->anchor_count + 1, sizeof(const char *));
	if (taken == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; i < application->anchor_count; i++)
		if (application->anchors[i].name != NULL)
			taken[count++] = application->anchors[i].name;
	anchor->name = pga_rotation_name(&application->own, name, &anchor->root->certificate, false,
					 taken, count, error);
	free(taken);
	return anchor->name != NULL ? 0 : -1;
}

static int plan_new(struct pga_application *application, struct pga_apply_anchor *anchor,
		    struct pga_error *error)
{
	const struct pga_profile_anchor *from = anchor->root->anchor;
	const struct pga_recorded_anchor *before =
	    pga_recorded_anchor_of(&application->recorded, anchor->pin);

	if (take(&anchor->hosts, from->hosts, error) != 0)
		return -1;
	anchor->scoped = from->scoped;
	if (before != NULL && !pga_apply_replaces(application, before->name) &&
	    !pga_apply_replaces(application, from->name)) {
		if (take(&anchor->name, before->name, error) != 0)
			return -1;
		return keep(anchor, pga_apply_mend(application, before->name),
			    "you have removed it", error);
	}
	if (application->policy.user_anchors == PGA_REFUSE)
		return pga_fail(error,
				"the administrator of this machine has to pin it: sudo "
				"pganchor anchor add SOURCE --system",
				"anchor %s: the policy of this machine takes no anchors but the "
				"system's (user-anchors = refuse)",
				from->name);
	anchor->action = PGA_APPLY_ADD;
	anchor->present = true;
	return name_new(application, anchor, error);
}

static int plan_root(struct pga_application *application, const struct pga_profile_root *root,
		     struct pga_error *error)
{
	struct pga_apply_anchor *anchor = &application->anchors[application->anchor_count];
	const struct pga_pin *mine = pga_pins_find(&application->own, root->certificate.pin);
	bool planned = false;
	int result;

	anchor->root = root;
	memcpy(anchor->pin, root->certificate.pin, sizeof anchor->pin);
	if (mine != NULL)
		result = plan_pinned(application, anchor, mine, error);
	else if (plan_system(application, anchor, &planned, error) != 0)
		result = -1;
	else
		result = planned ? 0 : plan_new(application, anchor, error);
	application->anchor_count++;
	if (result != 0 || anchor->file != NULL)
		return result;
	anchor->file = pga_pin_file(anchor->name);
	return anchor->file != NULL ? 0 : pga_fail_home(error);
}

static bool is_wanted(const struct pga_profile *profile, const char *pin)
{
	for (size_t i = 0; i < profile->anchor_count; i++)
		for (size_t k = 0; k < profile->anchors[i].pin_count; k++)
			if (strcmp(profile->anchors[i].pins[k], pin) == 0)
				return true;
	return false;
}

/* One that the profile had, and has no more. */
static int plan_dropped(struct pga_application *application,
			const struct pga_recorded_anchor *before, struct pga_error *error)
{
	struct pga_apply_anchor *anchor = &application->anchors[application->anchor_count];
	const struct pga_pin *mine = pga_pins_find(&application->own, before->pin);
	struct pga_text command = PGA_TEXT_EMPTY;
	struct pga_text why = PGA_TEXT_EMPTY;
	const char *user;
	int result;

	if (mine == NULL)
		return 0;
	application->anchor_count++;
	memcpy(anchor->pin, before->pin, sizeof anchor->pin);
	anchor->scoped = mine->scoped;
	if (take(&anchor->name, mine->name, error) != 0 ||
	    take(&anchor->hosts, mine->hosts, error) != 0)
		return -1;
	anchor->file = pga_pin_file(anchor->name);
	if (anchor->file == NULL)
		return pga_fail_home(error);
	anchor->action = PGA_APPLY_REMOVE;
	if (pga_apply_find_user(application, anchor->file, &user, error) != 0)
		return -1;
	if (user != NULL)
		pga_text_addf(&why, "the profile has dropped it, and your service %s uses it",
			      user);
	else if (strcmp(mine->name, before->name) != 0 || strcmp(mine->hosts, before->hosts) != 0)
		pga_text_add(&why, "the profile has dropped it, and you have changed it");
	if (why.length == 0)
		return 0;
	anchor->present = true;
	pga_text_addf(&command, "pganchor anchor remove %s", mine->name);
	result = keep(anchor, pga_text_take(&command), pga_text_string(&why), error);
	pga_text_free(&why);
	return result;
}

void pga_apply_forget_anchors(struct pga_application *application)
{
	for (size_t i = 0; application->anchors != NULL && i < application->anchor_count; i++) {
		free(application->anchors[i].name);
		free(application->anchors[i].hosts);
		free(application->anchors[i].file);
		free(application->anchors[i].why);
		free(application->anchors[i].hint);
	}
	free(application->anchors);
	application->anchors = NULL;
	application->anchor_count = 0;
}

int pga_apply_plan_anchors(struct pga_application *application, struct pga_error *error)
{
	const struct pga_profile_roots *roots = &application->roots;
	const struct pga_recorded *recorded = &application->recorded;

	application->anchors =
	    calloc(roots->count + recorded->anchor_count + 1, sizeof *application->anchors);
	if (application->anchors == NULL)
		return pga_fail_memory(error);
	/* Those that go first: their names are free then. */
	for (size_t i = 0; i < recorded->anchor_count; i++)
		if (!is_wanted(&application->fetched->profile, recorded->anchors[i].pin) &&
		    plan_dropped(application, &recorded->anchors[i], error) != 0)
			return -1;
	for (size_t i = 0; i < roots->count; i++)
		if (plan_root(application, &roots->roots[i], error) != 0)
			return -1;
	return 0;
}
