/* Policy and pins, read at the first connection and again when one of their files has changed.
 * Readers share a snapshot that nobody changes; the files are looked at and read with no lock held.
 */
#include "gate/gate.h"

#include "base/places.h"
#include "base/stamp.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct snapshot {
	struct gate_rules rules;
	atomic_uint users; /* `current` counts as one */
	char *anchors;     /* the path of anchors.conf */
};

static struct snapshot *current;
static atomic_int cancels; /* what gate_may_cancel() tells: 0 not known, 1 yes, -1 no */

/* The environment may have changed too, and with it whose files count. What could not be read is
 * tried again: the reason may have gone, such as too many open files. */
static bool is_fresh(const struct snapshot *snapshot)
{
	char *path = pga_user_config("anchors.conf");
	struct pga_stamp now = pga_stamp_of(path);
	bool same_path = path == NULL || snapshot->anchors == NULL
			     ? path == snapshot->anchors
			     : strcmp(path, snapshot->anchors) == 0;

	free(path);
	return !snapshot->rules.broken && same_path &&
	       pga_stamp_proves_same(&snapshot->rules.pins.stamp, &now) &&
	       pga_policy_is_fresh(&snapshot->rules.policy);
}

static void destroy(struct snapshot *snapshot)
{
	pga_policy_free(&snapshot->rules.policy);
	pga_pins_free(&snapshot->rules.pins);
	free(snapshot->anchors);
	free(snapshot);
}

static struct snapshot *load(void)
{
	struct snapshot *snapshot = calloc(1, sizeof *snapshot);
	struct gate_rules *rules;

	if (snapshot == NULL)
		return NULL;
	rules = &snapshot->rules;
	rules->snapshot = snapshot;
	atomic_init(&snapshot->users, 1);
	snapshot->anchors = pga_user_config("anchors.conf");
	rules->broken = pga_policy_load(&rules->policy, &rules->error) != 0 ||
			pga_pins_load(&rules->pins, &rules->error) != 0;
	atomic_store(&cancels, !rules->broken && (rules->policy.cancel == PGA_ALLOW ||
						  rules->policy.mode == PGA_MODE_AUDIT)
				   ? 1
				   : -1);
	return snapshot;
}

bool gate_may_cancel(void)
{
	return atomic_load(&cancels) >= 0;
}

static void release(struct snapshot *snapshot)
{
	if (atomic_fetch_sub(&snapshot->users, 1) == 1)
		destroy(snapshot);
}

const struct gate_rules *gate_rules_acquire(void)
{
	struct snapshot *snapshot;
	struct snapshot *old;

	gate_lock();
	snapshot = current;
	if (snapshot != NULL)
		atomic_fetch_add(&snapshot->users, 1);
	gate_unlock();
	if (snapshot != NULL && is_fresh(snapshot))
		return &snapshot->rules;
	if (snapshot != NULL)
		release(snapshot);
	snapshot = load();
	if (snapshot == NULL)
		return NULL;
	atomic_fetch_add(&snapshot->users, 1);
	gate_lock();
	old = current;
	current = snapshot;
	gate_unlock();
	if (old != NULL)
		release(old);
	return &snapshot->rules;
}

void gate_rules_release(const struct gate_rules *rules)
{
	if (rules != NULL)
		release(rules->snapshot);
}
